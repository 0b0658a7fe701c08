"""A new workspace works by itself: its own set-up, demo and tests, on a bare machine."""

import os
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest

from fortnight.notebook import read_notebook
from fortnight.record import record_in
from fortnight.settings import find_root, read_settings
from tests.conftest import Workspace, environment

ROOT = find_root(Path(__file__).parent)


@pytest.fixture(scope="module")
def acme(tmp_path_factory) -> Workspace:
    """Make a workspace called acme with the command, and nothing of this environment in it."""
    folder = tmp_path_factory.mktemp("new")
    done = Workspace(folder).fortnight("new", "acme")
    assert done.returncode == 0, done.stderr
    assert "make demo" in done.stdout
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != own)
    without = {"PATH": path, "VIRTUAL_ENV": "", "PYTHONPATH": "", "MAKEFLAGS": ""}
    made = Workspace(folder / "acme", environment(**without))
    FRESH.update({name: (made.root / name).read_bytes() for name in made.files()})
    return made


# What the command made, before anything was run there.
FRESH: dict[str, bytes] = {}


def as_fresh(twin: Workspace, *, but: str = "") -> bool:
    """Say whether a workspace is as the first one was, byte for byte, a kind of file excepted."""
    content = {name: (twin.root / name).read_bytes() for name in twin.files()}
    assert content.keys() == FRESH.keys()
    return all(content[n] == FRESH[n] for n in FRESH if not (but and n.endswith(but)))


def make(workspace: Workspace, target: str) -> subprocess.CompletedProcess:
    """Run make there."""
    return subprocess.run(
        ["make", target],
        cwd=workspace.root,
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )


def test_it_is_a_workspace(acme):
    """Its first sprint is on, its package is exported, and it brings its fortnight along."""
    settings = read_settings(acme.root, date.today())
    assert settings.package == "acme"
    assert settings.calendar.sprint_on(date.today()).number == 1
    assert acme.fortnight("export", "--check").returncode == 0
    (wheel,) = (acme.root / "vendor").glob("fortnight-*.whl")
    assert "fortnight/cli.py" in zipfile.ZipFile(wheel).namelist()
    # Everything that names the package names this one.
    assert "fortnight.digits" not in (acme.root / "nbs/demos/digits.ipynb").read_text()
    assert acme.files("pkg/**/*.py") == {
        f"pkg/acme/{name}.py" for name in ("__init__", "_modidx", "digits")
    }


def test_two_are_alike(acme, tmp_path):
    """A workspace of the same name made twice is the same, byte for byte."""
    assert Workspace(tmp_path).fortnight("new", "acme").returncode == 0
    assert as_fresh(Workspace(tmp_path / "acme"))


@pytest.mark.slow
def test_its_demo_and_its_tests(acme):
    """`make demo` gives a report with metrics and says where the page is; `make test` is green."""
    done = make(acme, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    home = acme.root / "reports" / "site" / "index.html"
    assert str(home) in done.stdout
    sprint = read_settings(acme.root).calendar.sprint_on(date.today()).name
    kept = record_in(read_notebook(acme.root / "reports" / sprint / "digits.ipynb"))
    assert kept.passed
    assert len(kept.metrics) >= 4
    done = make(acme, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "failed" not in done.stdout


def build_wheel(source: Path, target: Path) -> subprocess.CompletedProcess:
    """Build a wheel of the checkout at `source` with this environment's setuptools."""
    code = "import sys, setuptools.build_meta as b; print(b.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-W", "ignore", "-c", code, str(target)]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, env=environment())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what git knows of this repository, and what is new."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if (ROOT / name).is_file():
            target = tmp_path / "checkout" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    return tmp_path / "checkout"


def test_a_built_wheel_makes_the_same_workspaces(checkout, acme, tmp_path):
    """What setuptools builds carries the seeds, so that an installed fortnight can make one too."""
    done = build_wheel(checkout, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    code = (
        "import sys, datetime, pathlib; sys.path.insert(0, sys.argv[1]);"
        "import fortnight; assert fortnight.__file__.startswith(sys.argv[1]);"
        "from fortnight.scaffold import new_workspace;"
        "new_workspace(pathlib.Path(sys.argv[2], 'acme'), datetime.date.today())"
    )
    command = [sys.executable, "-I", "-c", code, str(installed), str(tmp_path)]
    subprocess.run(command, check=True, env=environment(), cwd=tmp_path)
    assert as_fresh(Workspace(tmp_path / "acme"), but=".whl")


def test_a_wheel_that_would_lie_is_not_built(checkout, tmp_path):
    """A module that differs from its notebook stops the build and is named."""
    module = checkout / "pkg/fortnight/digits.py"
    module.write_text(module.read_text() + "\n# a quick fix\n")
    done = build_wheel(checkout, tmp_path)
    assert done.returncode != 0
    assert "pkg/fortnight/digits.py differs" in done.stdout + done.stderr
    assert not list(tmp_path.glob("*.whl"))
