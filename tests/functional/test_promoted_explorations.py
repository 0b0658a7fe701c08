"""Explorations as researchers leave them, promoted: they say the same before and after."""

import json
import os
import re
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


def definitions(workspace: Workspace, name: str) -> dict[str, dict]:
    """Return what the plan says of each definition that can be promoted."""
    told = workspace.fortnight("plan", f"nbs/explore/{name}.ipynb", "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)["definitions"]
    return {one["name"]: one for one in found if one["verdict"] in ("free", "with")}


def outputs(workspace: Workspace, name: str) -> list[str]:
    """Run an exploration; return what its cells put out, without where an object lies."""
    output = workspace.root / "nbs" / "explore" / f".{name}.run.ipynb"
    done = workspace.fortnight("run", f"nbs/explore/{name}.ipynb", "-o", str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [cell.outputs for cell in read_notebook(output).cells if cell.outputs]
    for path in output.parent.glob(f"{output.stem}*"):
        path.unlink()
    texts = [json.dumps([one.get("text") or one.get("data") for one in some]) for some in shown]
    return [re.sub("0x[0-9a-f]+", "0x", text) for text in texts]


def promoted(workspace: Workspace, name: str, group: list[str]) -> None:
    """Promote names; cells that neither define one of them nor import others stay as they are."""
    path = workspace.root / "nbs" / "explore" / f"{name}.ipynb"
    before, known = read_notebook(path), definitions(workspace, name)
    command = ("promote", f"nbs/explore/{name}.ipynb", *group, "--to", f"from_{name}", "--json")
    done = workspace.fortnight(*command, "--allow-dirty")
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout)
    if facts["files"]:
        assert re.match("outputs of [1-9][0-9]* cells equal", facts["proven"]), facts["proven"]
    gone = [known[one] for one in facts["promoted"]]
    touched = {place["cell"] for one in gone for place in (one["place"], *one["again"])}
    touched |= {n for n, c in enumerate(before.cells, 1) if f"from acme.from_{name} " in c.source}
    others = [cell for n, cell in enumerate(before.cells, start=1) if n not in touched]
    after = read_notebook(path).cells
    rest = iter(after)
    assert all(any(cell == other for other in rest) for cell in others)
    assert len(others) <= len(after) <= len(before.cells)


@pytest.mark.parametrize("one_by_one", [False, True] if SOAK else [False])
@pytest.mark.parametrize("name", sorted(ALL) if SOAK else QUICK)
def test_it_says_the_same(acme: Workspace, name: str, one_by_one: bool):
    """All that can go goes; outputs are equal, the package is whole, no other cell is touched."""
    path = put(acme, name, ALL[name])
    names = [n for n, one in definitions(acme, name).items() if one["kind"] != "constant"]
    assert names
    runs = [outputs(acme, name) for _ in range(5 if SOAK else 0)]
    for group in [[one] for one in names] if one_by_one else [names]:
        promoted(acme, name, group)
    if SOAK:
        steady = [n for n, text in enumerate(runs[0]) if all(text == run[n] for run in runs)]
        assert len(steady) > len(runs[0]) / 2
        last = outputs(acme, name)
        assert len(last) == len(runs[0])
        assert [last[n] for n in steady] == [runs[0][n] for n in steady]
    text = "\n".join(cell.source for cell in read_notebook(path).cells)
    assert f"from acme.from_{name} import" in text
    assert not any(re.search(rf"^(def|class) {one}\b", text, re.MULTILINE) for one in names)
    check = acme.fortnight("export", "--check")
    assert check.returncode == 0, check.stdout
