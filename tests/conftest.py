"""Small workspaces to try things in, and the command to try them with."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fortnight.notebook import Cell, Notebook, dump_notebook, write_atomic

# Zygotes of the tests live in a folder of their own, and leave soon after they are last wanted.
os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="fn-", dir="/tmp")
os.environ["CI"] = "true"


def pytest_sessionfinish() -> None:
    """End the zygotes that tests have started."""
    from fortnight.zygotes import ask_zygotes

    ask_zygotes(stop=True)
    shutil.rmtree(os.environ["XDG_RUNTIME_DIR"], ignore_errors=True)


SETTINGS = "[workspace]\npackage = acme\n[sprint]\nfirst_day = 2026-01-05\nlength_days = 14\n"
COMMAND = Path(sys.executable).with_name("fortnight")


def environment(**changes: str) -> dict[str, str]:
    """Return an environment as a user has it, without what pytest or CI may have put there."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return {**kept, "PYTHONWARNINGS": "default", **changes}


@dataclass
class Workspace:
    """A workspace in a folder of its own; `fortnight` runs the command in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=environment)

    def settings(self, more: str = "", base: str = SETTINGS) -> None:
        """Write settings.ini."""
        (self.root / "settings.ini").write_text(base + more)

    def notebook(self, path: str, *codes: str, parameters: str = "", **metadata: object) -> Path:
        """Write a notebook with a title, a parameters cell if there are any, and code cells."""
        cells = [Cell("title", "markdown", f"# {Path(path).stem}\n")]
        if parameters:
            cells.append(Cell("parameters", "code", parameters, {"tags": ["parameters"]}))
        cells += [Cell(f"code-{i}", "code", code) for i, code in enumerate(codes, start=1)]
        spec = {"name": "python3", "display_name": "python3", "language": "python"}
        content = dump_notebook(Notebook(tuple(cells), {"kernelspec": spec, **metadata}))
        write_atomic(self.root / path, content)
        return self.root / path

    def demo(self, name: str, *codes: str, **options: object) -> Path:
        """Write a demo."""
        return self.notebook(f"nbs/demos/{name}.ipynb", *codes, **options)

    def fortnight(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
        """Run the command, as a user would."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=cwd or self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start the command, and leave it to whoever asked to wait for it."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def files(self, pattern: str = "**/*") -> set[str]:
        """Return the files that match, relative to the root."""
        found = (path for path in self.root.glob(pattern) if path.is_file())
        return {path.relative_to(self.root).as_posix() for path in found}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Make a workspace with a calendar and no notebook."""
    made = Workspace(tmp_path / "acme")
    made.root.mkdir()
    made.settings()
    return made


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Make a folder for sockets, whose addresses have room for 107 characters."""
    with tempfile.TemporaryDirectory(prefix="fn-", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def running(workspace: Workspace) -> Callable[[], list[int]]:
    """Make a function that tells which processes are at work in the workspace."""

    def look(seconds: float = 3.0) -> list[int]:
        deadline = time.monotonic() + seconds
        while (found := _in_folder(workspace.root)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    return look


def _in_folder(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found
