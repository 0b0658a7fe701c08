"""A large exploration, 300 cells and 100 definitions, is planned and promoted in passing.

What counts is the processor time of the command and of all that it starts: others may be at work
on the same machine.
"""

import resource
import time

from fortnight.ledger import read_ledger
from fortnight.lift import plan_notebook
from fortnight.notebook import dump_notebook, write_atomic
from tests.conftest import Workspace
from tests.functional.test_promotion import acme, commit
from tests.resources.large import large_exploration

__all__ = ["acme"]  # a fixture
PATH = "nbs/explore/large.ipynb"


def seconds(workspace: Workspace, *arguments: str) -> tuple[float, float]:
    """Run a command that passes; return its processor time, and how long it took."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = workspace.fortnight(*arguments)
    took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{arguments[0]}: {used:.2f} s of processor time, {took:.2f} s in all")
    return used, took


def test_a_large_exploration(acme: Workspace):
    """To plan it takes 2 seconds at most, to promote all of it unproven 5."""
    notebook = large_exploration()
    found = plan_notebook(notebook).definitions
    names = [one.name for one in found if one.kind != "constant"]
    assert len(notebook.cells) == 300 and len(names) >= 100
    assert {one.verdict for one in found} == {"free", "with"}
    write_atomic(acme.root / PATH, dump_notebook(notebook))
    commit(acme)
    assert seconds(acme, "plan", PATH)[0] <= 2
    assert seconds(acme, "promote", PATH, *names, "--to", "crates", "--no-run")[0] <= 5
    assert {entry.name for entry in read_ledger(acme.root)} >= set(names)
