"""Property tests: a quick, always equal sample by default, a large and fresh one when soaking."""

import os
import shutil
import tempfile

from hypothesis import configuration, settings

# Hypothesis would otherwise keep its own files in the tree.
HOME = tempfile.mkdtemp(prefix="fn-hypothesis-")
configuration.set_hypothesis_home_dir(HOME)

settings.register_profile("sample", max_examples=60, derandomize=True, database=None, deadline=None)
settings.register_profile("soak", max_examples=1500, database=None, deadline=None)
settings.load_profile("soak" if os.environ.get("FORTNIGHT_SOAK") else "sample")


def pytest_sessionfinish() -> None:
    """Leave nothing behind."""
    shutil.rmtree(HOME, ignore_errors=True)
