"""Suites written for nbmake and for nbval pass and fail under pytest's --nb as they do there.

What the two make of these suites was seen with nbmake 1.5.5 and nbval 0.11; where `make bench` has
installed nbmake, and somebody nbval, they are asked again.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fortnight.settings import find_root
from tests.conftest import environment
from tests.functional.test_pytest_plugin import Project

PEERS = find_root(Path(__file__).parent) / ".venv-bench" / "bin" / "python"
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


def cell(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = (), **metadata: Any) -> Any:
    """Return a code cell as JSON holds it."""
    metadata = {**metadata, **({"tags": list(tags)} if tags else {})}
    made = {"cell_type": "code", "metadata": metadata, "source": source, "outputs": list(outputs)}
    return {**made, "execution_count": 1}


def printed(text: str) -> dict[str, Any]:
    """Return what a cell has printed."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def result(text: str) -> dict[str, Any]:
    """Return what a cell has shown last."""
    made = {"output_type": "execute_result", "execution_count": 1, "metadata": {}}
    return {**made, "data": {"text/plain": text}}


def raised(name: str, value: str) -> dict[str, Any]:
    """Return what a cell that raised has left."""
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": []}


def write(project: Project, path: str, *cells: Any, **metadata: Any) -> None:
    """Write a notebook."""
    for number, made in enumerate(cells):
        made["id"] = f"c{number}"
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = {"cells": cells, "metadata": {**spec, **metadata}, "nbformat": 4, "nbformat_minor": 5}
    project.write(path, json.dumps(content, indent=1))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return Project(tmp_path.resolve())


NBMAKE = {
    "passes": True,
    "fails": False,
    "in/a/folder": True,
    "allowed_in_a_cell": True,
    "allowed_in_all": True,
    "too_slow": False,
    "slow_enough": True,
    "skips": True,
    "mocked": True,
    "not_mocked": False,
    "patched": True,
    "patch_fails": False,
}


def test_a_suite_written_for_nbmake(project: Project):
    """Timeouts, allowed errors, tags, mocks and code after a cell, as its README has them."""
    write(project, "nbs/passes.ipynb", cell("a = 1"), cell("assert a == 1"))
    write(project, "nbs/fails.ipynb", cell("a = 1"), cell("assert a == 2"))
    write(project, "nbs/in/a/folder.ipynb", cell("open('folder.ipynb').close()"))
    allowed = cell("1 / 0", tags=("raises-exception",))
    write(project, "nbs/allowed_in_a_cell.ipynb", allowed, cell("1"))
    execution = {"execution": {"allow_errors": True}}
    write(project, "nbs/allowed_in_all.ipynb", cell("1 / 0"), cell("1"), **execution)
    slow = cell("import time; time.sleep(3)")
    write(project, "nbs/too_slow.ipynb", slow, execution={"timeout": 1})
    write(project, "nbs/slow_enough.ipynb", cell("1"), execution={"timeout": 30})
    write(project, "nbs/skips.ipynb", cell("1 / 0", tags=("skip-execution",)), cell("1"))
    mock = {"mock": {"cups": 2, "name": "tea"}}
    used = cell("assert (cups, name) == (2, 'tea')")
    write(project, "nbs/mocked.ipynb", cell("cups, name = 10, 'milk'", nbmake=mock), used)
    write(project, "nbs/not_mocked.ipynb", cell("cups, name = 10, 'milk'"), used)
    after = {"post_cell_execute": ["import math", "math.pi = 3"]}
    write(
        project, "nbs/patched.ipynb", cell("import os", nbmake=after), cell("assert math.pi == 3")
    )
    wrong = {"post_cell_execute": ["1 / 0"]}
    write(project, "nbs/patch_fails.ipynb", cell("import os", nbmake=wrong), cell("1"))
    words = project.pytest("-v", "--nb", "nbs").words
    found = {re.sub(r"^nbs/|\.ipynb::.*", "", node): word for node, word in words.items()}
    assert {name: word == "PASSED" for name, word in found.items()} == NBMAKE
    if PEERS.exists():
        said = asked_again(project, "--nbmake", "nbs")
        theirs = re.findall(r"^nbs/(\S+)\.ipynb::\S* (PASSED|FAILED)", said, re.M)
        assert {name: word == "PASSED" for name, word in theirs} == NBMAKE, said


NBVAL = {  # p and f for each cell, s for one that is skipped
    "same": "ppp",
    "differs": "fp",
    "ignored": "ppp",
    "expected": "pp",
    "left_out": "sp",
    "sanitized": "pp",
    "missing": "fp",
    "pictures": "p",
}
NBVAL_LAX = {**NBVAL, "differs": "pp", "missing": "pp", "checked": "fp"}


def test_a_suite_written_for_nbval(project: Project):
    """Comparison, its comments and tags, its file of what may vary, and its lax way."""
    write(
        project, "nbs/same.ipynb",
        cell("print('tea')", printed("tea\n")), cell("1 + 1", result("2")), cell("a = 1"),
    )  # fmt: skip
    write(
        project,
        "nbs/differs.ipynb",
        cell("print('tea')", printed("milk\n")),
        cell("1", result("1")),
    )
    write(
        project, "nbs/ignored.ipynb",
        cell("# NBVAL_IGNORE_OUTPUT\nprint('tea')", printed("milk\n")),
        cell("print('tea')", printed("milk\n"), tags=("nbval-ignore-output",)),
        cell("1", result("1")),
    )  # fmt: skip
    error = raised("ZeroDivisionError", "division by zero")
    write(
        project, "nbs/expected.ipynb",
        cell("# NBVAL_RAISES_EXCEPTION\n1 / 0", error),
        cell("1 / 0", error, tags=("raises-exception",)),
    )  # fmt: skip
    write(project, "nbs/left_out.ipynb", cell("# NBVAL_SKIP\n1 / 0"), cell("1", result("1")))
    project.write("sanitize.cfg", "[teas]\nregex: tea-[a-z]+\nreplace: TEA\n")
    write(
        project, "nbs/sanitized.ipynb",
        cell("print('tea-green')", printed("tea-black\n")),
        cell("'tea-oolong'", result("'tea-mint'")),
    )  # fmt: skip
    write(project, "nbs/missing.ipynb", cell("print('tea')"), cell("1", result("1")))
    data = {"image/png": PNG, "text/plain": "<IPython.core.display.Image object>"}
    shown = {"output_type": "display_data", "metadata": {}, "data": data}
    code = "from base64 import b64decode\nfrom IPython.display import Image, display\n"
    code += f"display(Image(b64decode('{PNG}')))"
    write(project, "nbs/pictures.ipynb", cell(code, shown))
    ours = ("-v", "--nb", "nbs", "--nb-cells", "--nb-sanitize-with", "sanitize.cfg")
    assert by_cell(project.pytest(*ours, "--nb-check-outputs").words) == NBVAL
    theirs = ("--nbval-sanitize-with", "sanitize.cfg", "nbs")
    compare_with_nbval(project, ("--nbval", *theirs), NBVAL)
    write(
        project, "nbs/checked.ipynb",
        cell("# NBVAL_CHECK_OUTPUT\nprint('tea')", printed("milk\n")), cell("1", result("2")),
    )  # fmt: skip
    assert by_cell(project.pytest(*ours).words) == NBVAL_LAX
    compare_with_nbval(project, ("--nbval-lax", *theirs), NBVAL_LAX)


def by_cell(words: dict[str, str]) -> dict[str, str]:
    """Return a letter for each cell, by the names of notebooks."""
    found: dict[str, str] = {}
    for node, word in words.items():
        name = re.sub(r"^nbs/|\.ipynb::.*", "", node)
        letter = {"PASSED": "p", "SKIPPED": "s"}.get(word, "f")
        found[name] = found.get(name, "") + letter
    return found


def compare_with_nbval(project: Project, options: tuple[str, ...], expected: object) -> None:
    """Ask nbval the same, where it is installed."""
    asked = [str(PEERS), "-c", "import nbval"]
    if PEERS.exists() and not subprocess.run(asked, capture_output=True).returncode:
        said = asked_again(project, *options)
        words = re.findall(r"^nbs/(\w+)(?:\.|::)ipynb::Cell (\d+) ([A-Z]+)", said, re.M)
        assert by_cell({f"nbs/{name}.ipynb::{at}": word for name, at, word in words}) == expected, (
            said
        )


def asked_again(project: Project, *options: str) -> str:
    """Run the tests with the peer that they were written for."""
    command = [str(PEERS), "-m", "pytest", "-v", *options]
    done = subprocess.run(
        command, cwd=project.root, env=environment(), capture_output=True, text=True, timeout=300
    )
    return done.stdout
