"""Start-up stays quick because nothing heavy is imported before it is needed."""

import json
import subprocess
import sys

import pytest

HEAVY = {"papermill", "nbconvert", "nbformat", "pandas", "sklearn", "matplotlib", "numpy"}
HEAVY |= {"IPython", "jupyter_client", "rich", "jinja2", "nbdev", "nbclient"}


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded after some code."""
    script = f"import sys, json\ntry:\n    {code}\nexcept SystemExit:\n    pass\n"
    script += "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_probe_sees_an_import():
    """A probe that saw nothing would make the tests below pass on anything."""
    assert "jinja2" in modules_after("import jinja2")


@pytest.mark.parametrize(
    "code",
    [
        "import fortnight",
        "sys.argv[1:] = ['--help']; from fortnight.cli import main; main()",
        "sys.argv[1:] = ['report', '--help']; from fortnight.cli import main; main()",
    ],
)
def test_nothing_heavy_is_imported(code: str):
    """Neither the package's front door nor the help imports what runs are made with."""
    assert not modules_after(code) & HEAVY


def test_status_imports_no_notebook_machinery():
    """What only looks at files imports none of the libraries that execute or render."""
    code = "sys.argv[1:] = ['status', '--json']; from fortnight.cli import main; main()"
    assert not modules_after(code) & HEAVY
