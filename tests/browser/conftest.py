"""The browser that pages are looked at with."""

import os
import shutil

import pytest

CHROMIUM = shutil.which("chromium")
FLAGS = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser():
    """Start chromium, or say aloud that there is none."""
    if CHROMIUM is None:
        if os.environ.get("FORTNIGHT_NEEDS_BROWSER"):
            pytest.fail("chromium is not installed, and this run needs it")
        pytest.skip("NO BROWSER: chromium is not installed, so nothing was looked at")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=False, args=FLAGS
        )
        yield started
        started.close()
