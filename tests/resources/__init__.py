"""What the tests work on."""
