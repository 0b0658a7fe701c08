"""Small workspaces to try things in, and the command to try them with."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fortnight.notebook import Cell, Notebook, dump_notebook, write_atomic

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
            timeout=300,
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
