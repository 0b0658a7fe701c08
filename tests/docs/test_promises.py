"""What the pages for people promise is there: commands, targets, files."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from fortnight.notebook import read_notebook
from fortnight.settings import find_root
from tests.conftest import COMMAND

ROOT = find_root(Path(__file__).parent)
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def everything_said() -> str:
    """Return the pages, the prose of the library, and the modules with their messages."""
    notebooks = [*ROOT.glob("nbs/lib/*.ipynb"), *ROOT.glob("nbs/demos/*.ipynb")]
    prose = [cell.source for path in notebooks for cell in read_notebook(path).cells]
    return "\n".join([*((ROOT / page).read_text() for page in PAGES), *prose])


def help_of(*command: str) -> str:
    """Return what the command says of itself."""
    done = subprocess.run([COMMAND, *command, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def subcommands() -> list[str]:
    """Return the subcommands that the command lists."""
    listed = help_of().partition("Commands:\n")[2]
    return re.findall(r"^  (\w+)", listed, re.MULTILINE)


def test_commands_that_are_named_exist():
    """Wherever prose or a message says `fortnight VERB`, there is such a verb."""
    code = r"(?:`|cure=f?\"|run: |by |bin/)fortnight (\w+)"
    named = set(re.findall(code, everything_said()))
    assert len(named) >= 5
    assert named <= set(subcommands())


def test_make_targets_that_are_named_exist():
    """Wherever a page says `make TARGET`, the Makefile has it."""
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|\n)make (\w+)", everything_said()))
    assert len(named) >= 4
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    """Links and pictures between files of the repository are there."""
    links = re.findall(r"\]\((?![a-z]+:|#)([^)\s]+)\)", (ROOT / page).read_text())
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_first_screen():
    """A stranger sees within thirty lines what it is for, the two commands, and a picture."""
    first = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    assert "make demo" in first
    assert "make test" in first
    (picture,) = re.findall(r"!\[[^]]{20,}\]\(([^)]+)\)", first)
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")


def test_every_command_and_option_has_help():
    """Nothing is listed without a word on what it does."""
    assert len(subcommands()) >= 7
    for command in subcommands():
        text = help_of(command)
        assert re.match(r"Usage: fortnight \w+ .*\n\n  [A-Z]", text), text
        joined = re.sub(r"\n {10,}", "  ", text)
        for line in re.findall(r"^  (-[^\n]*)", joined, re.MULTILINE):
            assert re.search(r"  +[A-Z]", line), line


def test_the_changelog_knows_this_version():
    """The version that is installed has its entry."""
    import fortnight

    assert f"\n## {fortnight.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_lock_files_name_no_hosts():
    """A lock file holds versions and hashes, and no address to fetch them from."""
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"://|--index|--find-links|^-|@ ", text, re.MULTILINE)


def test_the_peers_are_locked():
    """What `make bench` compares with is locked, at the versions that everything else has."""
    locks = {}
    for name in ("requirements", "requirements-bench"):
        text = (ROOT / f"{name}.lock").read_text()
        locks[name] = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE))
    ours, peers = locks.values()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["bench"]
    assert {re.split(r"[<>=~]", wanted)[0] for wanted in extra} <= set(peers)
    shared = set(ours) & set(peers)
    assert len(shared) > 30
    assert {name: ours[name] for name in shared} == {name: peers[name] for name in shared}
