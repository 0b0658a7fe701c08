"""A notebook for everything that can happen to one, and what pytest makes of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
REPEATS = 3 if SOAK else 1
LONG = pytest.mark.skipif(not SOAK, reason="`make soak` runs all four ways, three times each")
PYTHON3 = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


@dataclass(frozen=True)
class Case:
    """The cells of a notebook, and what is expected of it, as a whole and cell by cell.

    What is expected of a cell is a letter: passed, failed, blocked, skipped, or nothing is said.
    """

    codes: Sequence[str]
    whole: str
    cells: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[int, list[str]] = field(default_factory=dict)
    minor: int = 5
    raw: str = ""


def limits(**texts: str) -> dict[str, Any]:
    """Return metadata with limits of a notebook's own."""
    return {**PYTHON3, "fortnight": {"limits": texts}}


CASES = {
    "passes": Case(["a = 1", "assert a == 1"], "PASSED", "pp", PYTHON3),
    "fails": Case(["a = 1", "a / 0", "a"], "FAILED", "pfb", PYTHON3),
    "raises_as_tagged": Case(["1 / 0", "2"], "PASSED", "pp", PYTHON3, {0: ["raises-exception"]}),
    "slow_cell": Case(
        ["import time", "time.sleep(60)", "1"], "TIMED OUT", "ptb", limits(cell="0.5 s")
    ),
    "slow_in_all": Case(
        ["import time", *["time.sleep(0.4)"] * 4], "TIMED OUT", "pptbb", limits(run="0.6 s")
    ),
    "silent": Case(["import time", "time.sleep(60)"], "TIMED OUT", "pt", limits(silence="0.5 s")),
    "kernel_dies": Case(["1", "import os; os._exit(3)", "2"], "KERNEL DIED", "pkb", PYTHON3),
    "killed": Case(
        ["import os, signal; os.kill(os.getpid(), signal.SIGKILL)"], "KERNEL DIED", "k", PYTHON3
    ),
    "memory": Case(
        ["rows = []", "while True:\n    rows.append(bytearray(10**6))"],
        "KERNEL DIED",
        "pk",
        limits(memory="600 MB"),
    ),
    "no_code": Case([], "EMPTY", "", PYTHON3),
    "commented_out": Case(["# a = 1", "# assert a == 2\n"], "EMPTY", "", PYTHON3),
    "all_skipped": Case(["1 / 0"], "EMPTY", "s", PYTHON3, {0: ["skip-execution"]}),
    "one_skipped": Case(["1 / 0", "2"], "PASSED", "sp", PYTHON3, {0: ["skip-execution"]}),
    "unknown_magic": Case(["%no_such_magic", "1"], "FAILED", "fb", PYTHON3),
    "failing_shell": Case(["!exit 3", "1"], "FAILED", "fb", PYTHON3),
    "syntax_error": Case(["1", "a = = 2"], "FAILED", "pf", PYTHON3),
    "not_json": Case([], "FAILED", "", raw="{'cells': []}"),
    "no_kernelspec": Case(["1"], "PASSED", "p"),
    "unknown_kernel": Case(
        ["1"], "FAILED", "f", {"kernelspec": {"name": "fortran77", "display_name": "Fortran"}}
    ),
    "format_4_0": Case(["1", "1", "assert True"], "PASSED", "ppp", PYTHON3, minor=0),
    "größe, 数据": Case(["a = 'größe 数据'", "assert len(a) == 8"], "PASSED", "pp", PYTHON3),
    "huge_output": Case(["print('x' * 20_000_000)"], "PASSED", "p", PYTHON3),
    "endless_output": Case(["while True:\n    print('tea')"], "TIMED OUT", "t", limits(cell="1 s")),
    "widgets": Case(
        [
            "from comm import create_comm\nstate = dict(_model_name='IntSliderModel')\n"
            "state |= dict(_model_module='tea', _model_module_version='1', value=5)\n"
            "slider = create_comm('jupyter.widget', data={'state': state, 'buffer_paths': []})",
            "view = {'model_id': slider.comm_id, 'version_major': 2, 'version_minor': 0}\n"
            "display({'application/vnd.jupyter.widget-view+json': view}, raw=True)",
        ],
        "PASSED",
        "pp",
        PYTHON3,
    ),
    "stdin": Case(["input('name? ')", "1"], "FAILED", "fb", PYTHON3),
    "changes_folder": Case(
        ["import os\nos.chdir('/')", "assert os.getcwd() == '/'"], "PASSED", "pp", PYTHON3
    ),
    "same_folder": Case(
        ["from pathlib import Path\nassert Path('same_folder.ipynb').exists()"],
        "PASSED",
        "p",
        PYTHON3,
    ),
    "exits_0_at_the_end": Case(["1", "import sys\nsys.exit(0)"], "PASSED", "pp", PYTHON3),
    "exits_0_before": Case(["import sys\nsys.exit(0)", "1 / 0"], "FAILED", "pb", PYTHON3),
    "exits_1": Case(["import sys\nsys.exit(1)", "1"], "FAILED", "fb", PYTHON3),
}
WORDS = {"p": "PASSED", "f": "FAILED", "b": "BLOCKED", "s": "SKIPPED", "t": "TIMED OUT"}
WORDS["k"] = "KERNEL DIED"


def content(case: Case) -> str:
    """Return the file of a notebook."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# A case"}
    ]
    for number, code in enumerate(case.codes):
        tags = {"tags": case.tags[number]} if number in case.tags else {}
        cell = {"cell_type": "code", "id": f"c{number}", "metadata": tags, "source": code}
        cells.append({**cell, "outputs": [], "execution_count": None})
    if case.minor < 5:
        cells = [{key: cell[key] for key in cell if key != "id"} for cell in cells]
    whole = {"cells": cells, "metadata": dict(case.metadata), "nbformat": 4}
    return case.raw or json.dumps({**whole, "nbformat_minor": case.minor}, indent=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with a notebook for each case."""
    made = tmp_path_factory.mktemp("suite")
    (made / "pytest.ini").write_text("[pytest]\n")
    (made / "nbs").mkdir()
    for name, case in CASES.items():
        (made / "nbs" / f"{name}.ipynb").write_text(content(case), encoding="utf-8")
    return made


def run(folder: Path, *options: str) -> dict[str, list[str]]:
    """Run pytest, and return the words for each notebook, in the order of its cells."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *options]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment
    )
    words = "PASSED|FAILED|BLOCKED|SKIPPED|EMPTY|TIMED OUT|KERNEL DIED|DIFFERS|CACHED"
    alone = re.compile(rf"^(nbs/.*?)\.ipynb::(\S+) ({words})\b.*\[ *\d+%\]$", re.MULTILINE)
    worker = re.compile(
        rf"^\[gw\d\] \[ *\d+%\] ({words})(?: \(.*\))? (nbs/.*?)\.ipynb::(\S+) *$", re.M
    )
    found = [(name, item, word) for name, item, word in alone.findall(done.stdout)]
    found += [(name, item, word) for word, name, item in worker.findall(done.stdout)]
    assert found, done.stdout + done.stderr
    ended: dict[str, list[str]] = {}
    for name, _, word in sorted(found) if "-n" in options else found:
        ended.setdefault(name.removeprefix("nbs/"), []).append(word)
    assert done.returncode == 1, done.stdout
    return ended


WHOLE = {name: [case.whole] for name, case in CASES.items()}
BY_CELL = {
    name: [WORDS[letter] for letter in case.cells] or [case.whole] for name, case in CASES.items()
}
# Before the kernel has started there is no cell to blame: the first one is.
BY_CELL["unknown_kernel"] = ["FAILED"]


@pytest.mark.parametrize(
    ("options", "by_cell"),
    [
        pytest.param((), True, id="cells"),
        pytest.param(("-n", "2"), False, id="notebooks, two workers"),
        pytest.param((), False, id="notebooks", marks=LONG),
        pytest.param(("-n", "2"), True, id="cells, two workers", marks=LONG),
    ],
)
def test_outcomes_are_told_as_what_they_are(folder: Path, options: tuple[str, ...], by_cell: bool):
    """Every way in which a notebook can end has its own word, the same in every way of running."""
    cells = ("--nb-cells",) if by_cell else ()
    for _ in range(REPEATS):
        found, expected = (
            run(folder, "--nb", "nbs", *cells, *options),
            BY_CELL if by_cell else WHOLE,
        )
        wrong = {name: found.get(name) for name in expected if found.get(name) != expected[name]}
        assert not wrong
