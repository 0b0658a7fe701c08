"""An export that is cut short at any write, even the one that survives the command."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fortnight.export import kept_copy, read_library
from fortnight.settings import find_root
from fortnight.swap import recover

# An export of two modules over two others, in which the nth renaming or removal is a kill.
EXPORT = """
import os, signal, sys
from datetime import date
from pathlib import Path
from fortnight import export
from fortnight.calendar import Calendar
from fortnight.settings import Settings

deadly, done = int(sys.argv[1]), 0

def counted(function):
    def count(*arguments, **options):
        global done
        done += 1
        if done == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return count

Path.replace, os.unlink = counted(Path.replace), counted(os.unlink)
Path.unlink = counted(Path.unlink)
new = {f"pkg/acme/{name}.py": (f"nbs/lib/{name}.ipynb", b"new") for name in ("cup", "tea")}
export.derived_files = lambda settings: new
export.export_package(Settings(Path.cwd(), "acme", Calendar(date(2026, 1, 5), 14), (), None))
"""
OLD = {"tea.py": b"old", "stale.py": b"stale"}
NEW = {"tea.py": b"new", "cup.py": b"new"}


def package(root: Path) -> dict[str, bytes]:
    """Return what the package holds."""
    return {path.name: path.read_bytes() for path in (root / "pkg/acme").iterdir()}


def export(root: Path, deadly: int) -> int:
    """Export, and die at a write if it is not 0; return how it ended."""
    command = [sys.executable, "-c", EXPORT, str(deadly)]
    return subprocess.run(command, cwd=root, timeout=60).returncode


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a workspace that has an old package."""
    (tmp_path / "pkg/acme").mkdir(parents=True)
    for name, content in OLD.items():
        (tmp_path / "pkg/acme" / name).write_bytes(content)
    return tmp_path


def test_killed_at_every_write(root):
    """Whatever is in the middle is finished or undone by whoever comes next; nothing is lost."""
    seen, in_the_middle = set(), 0
    for deadly in range(1, 60):
        for path in (root / "pkg/acme").iterdir():
            path.unlink()
        for name, content in OLD.items():
            (root / "pkg/acme" / name).write_bytes(content)
        code = export(root, deadly)
        decided = any((root / ".fortnight/swap").glob("*/list.json"))
        left = package(root)
        in_the_middle += left not in (OLD, NEW)
        recover(root)
        after = package(root)
        assert after in (OLD, NEW)
        assert left == after or decided
        if after == NEW:
            for name, content in OLD.items():
                assert (root / kept_copy(f"pkg/acme/{name}", content)).read_bytes() == content
        assert export(root, 0) == 0
        assert package(root) == NEW
        assert [path.name for path in (root / ".fortnight/swap").iterdir()] == ["lock"]
        seen.add("old" if after == OLD else "new")
        if code == 0:
            break
        assert code == -signal.SIGKILL
    else:
        pytest.fail("it never came to an end")
    assert seen == {"old", "new"}
    assert in_the_middle, "no kill has come between two files"


def test_this_library_has_no_slips():
    """And it has been looked at."""
    sources, found = read_library(find_root(Path(__file__).parent))
    assert len(sources) > 10
    assert sum(len(source.exported) for source in sources) > 100
    assert found == ()
