"""Explorations as researchers leave them, promoted: they say the same before and after."""

import json
import os
from pathlib import Path

import pytest

from fortnight.notebook import Notebook, dump_notebook, read_notebook, write_atomic
from fortnight.settings import find_root
from tests.conftest import Workspace
from tests.functional.test_promotion import acme, commit
from tests.resources.explorations import explorations

__all__ = ["acme"]  # a fixture
ROOT = find_root(Path(__file__).parent)
SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
ALL = {**explorations(), "digits": read_notebook(ROOT / "nbs" / "explore" / "digits.ipynb")}
QUICK = sorted(ALL)[:2]


def put(workspace: Workspace, name: str, notebook: Notebook) -> Path:
    """Write an exploration, and commit it."""
    path = workspace.root / "nbs" / "explore" / f"{name}.ipynb"
    write_atomic(path, dump_notebook(notebook))
    commit(workspace)
    return path


def able(workspace: Workspace, name: str) -> list[str]:
    """Return the functions and classes that can be promoted."""
    said = workspace.fortnight("plan", f"nbs/explore/{name}.ipynb", "--json")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)["definitions"]
    return [
        one["name"]
        for one in found
        if one["verdict"] in ("free", "with") and one["kind"] != "constant"
    ]


@pytest.mark.parametrize("name", sorted(ALL) if SOAK else QUICK)
@pytest.mark.parametrize("one_by_one", [False, True] if SOAK else [False])
def test_it_says_the_same(acme: Workspace, name: str, one_by_one: bool):
    """All that can go goes; outputs are equal, the package is whole, no other cell is touched."""
    path = put(acme, name, ALL[name])
    names = able(acme, name)
    assert names
    for group in [[one] for one in names] if one_by_one else [names]:
        command = ("promote", f"nbs/explore/{name}.ipynb", *group, "--to", f"from_{name}")
        done = acme.fortnight(*command, "--allow-dirty")
        assert done.returncode == 0, done.stdout + done.stderr
    after = read_notebook(path)
    text = "\n".join(cell.source for cell in after.cells)
    assert f"from acme.from_{name} import" in text
    assert not any(f"\ndef {one}(" in f"\n{text}" for one in names)
    before = {cell.source: cell for cell in ALL[name].cells}
    touched = [cell for cell in after.cells if cell.source not in before]
    for cell in touched:
        assert any(line and line in text for line in cell.source.splitlines()) or not cell.source
    assert [c for c in after.cells if c.kind == "markdown"] == [
        c for c in ALL[name].cells if c.kind == "markdown"
    ]
    check = acme.fortnight("export", "--check")
    assert check.returncode == 0, check.stdout
