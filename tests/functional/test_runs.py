"""What a run says of itself is so: outcomes, limits, failing commands, and many runs at once."""

import json
import os
import re
import time

import pytest

from fortnight.notebook import read_notebook, write_atomic
from fortnight.record import record_in
from tests.conftest import Workspace

SLEEP = "import time\nprint('begun')\ntime.sleep(600)"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "import subprocess; subprocess.Popen(['sleep', '600'])\ntime.sleep(600)"
)


def run(workspace: Workspace, *codes: str, options: tuple[str, ...] = (), **metadata: object):
    """Run a notebook of these cells; return its record and what stands in the executed one."""
    workspace.notebook("nbs/explore/tea.ipynb", *codes, **metadata)
    done = workspace.fortnight("run", "nbs/explore/tea.ipynb", *options)
    assert "Traceback" not in done.stderr, done.stderr
    folder = workspace.root / ".fortnight/runs/nbs/explore"
    passed = done.returncode == 0
    executed = read_notebook(folder / ("tea.ipynb" if passed else "tea.partial.ipynb"))
    record = record_in(executed)
    assert record is not None
    assert record.passed == passed
    return record, executed


def texts(notebook) -> str:
    """Return all that the outputs of a notebook say, as JSON."""
    return json.dumps([cell.outputs for cell in notebook.cells], ensure_ascii=False)


CASES = {
    "all ran": (["1", "2"], "passed", "ran ran"),
    "an error": (["1", "1 / 0", "2"], "failed", "ran failed blocked"),
    "dead by itself": (["1", "import os; os._exit(0)", "2"], "kernel_died", "ran killed blocked"),
    "shot": (["import os; os.kill(os.getpid(), 9)"], "kernel_died", "killed"),
    "left early": (["raise SystemExit(0)", "2"], "failed", "ran blocked"),
    "left at the end": (["1", "raise SystemExit(0)"], "passed", "ran ran"),
    "left with a complaint": (["raise SystemExit(3)"], "failed", "failed"),
    "a syntax error": (["1", "def"], "failed", "ran failed"),
    "an unknown magic": (["%no_such_magic", "2"], "failed", "failed blocked"),
    "a magic that fails": (["%run missing.py"], "failed", "failed"),
    "a cell magic that fails": (["%%bash\nexit 3", "2"], "failed", "failed blocked"),
    "a command that fails": (["!exit 3\n!true", "2"], "failed", "failed blocked"),
    "a command that is read": (["lines = !echo tea; exit 3", "2"], "failed", "failed blocked"),
    "one that succeeds": (
        ["!true", "a = !echo tea\nassert a == ['tea']"],
        "passed",
        "ran ran",
    ),
    "nothing but comments": (["# later"], "empty", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_outcomes(workspace, case):
    """The record has the run's outcome, the status of each cell, and the first error."""
    codes, outcome, statuses = CASES[case]
    record, _ = run(workspace, *codes)
    assert record.outcome == outcome
    assert " ".join(cell.status for cell in record.cells) == statuses
    assert [cell.id for cell in record.cells] == [
        f"code-{i}" for i, code in enumerate(codes, start=1) if not code.startswith("#")
    ]
    if outcome not in ("passed", "empty"):
        assert record.failure is not None
        first = next(c for c in record.cells if c.status not in ("ran",))
        assert record.failure.cell_id == first.id


def test_skipped_cells(workspace):
    """A cell tagged skip-execution is skipped, and a notebook of such cells alone is empty."""
    path = workspace.notebook("nbs/explore/tea.ipynb", "1 / 0", "2")
    tag = '"id": "code-1",\n   "metadata": {"tags": ["skip-execution"]}'
    path.write_text(path.read_text().replace('"id": "code-1",\n   "metadata": {}', tag))
    assert workspace.fortnight("run", str(path)).returncode == 0
    kept = record_in(read_notebook(workspace.root / ".fortnight/runs/nbs/explore/tea.ipynb"))
    assert [cell.status for cell in kept.cells] == ["skipped", "ran"]


def test_shell_failures_can_be_ignored(workspace):
    """A team may decide that a failing command is none; the exit code is in the notebook then."""
    workspace.settings("[run]\nshell_failures = ignore\n")
    record, executed = run(workspace, "!exit 3\n_exit_code")
    assert record.passed
    assert '"3"' in texts(executed)


LIMITED = {
    "cell": ("cell=1s", SLEEP, "timed_out", "KeyboardInterrupt"),
    "run": ("run=1s", SLEEP, "timed_out", "KeyboardInterrupt"),
    "silence": ("silence=1s", SLEEP, "timed_out", "KeyboardInterrupt"),
    "memory": ("memory=600MB", "x = bytearray(10**9)\n" + SLEEP, "kernel_died", ""),
}


@pytest.mark.parametrize("name", LIMITED)
def test_limits(workspace, name):
    """A run that meets a limit ends there, says which, and keeps the traceback if there is one."""
    limit, code, outcome, traceback = LIMITED[name]
    started = time.monotonic()
    record, executed = run(workspace, "1", code, "2", options=("--limit", limit))
    assert time.monotonic() - started < 60
    assert record.outcome == outcome
    assert f"[limits] {name}" in record.failure.message
    assert record.cells[0].status == "ran"
    assert record.cells[1].status == ("timed_out" if outcome == "timed_out" else "killed")
    assert record.cells[2].status == "blocked"
    assert traceback in texts(executed)


def test_a_stubborn_cell_is_killed_with_all_that_it_started(workspace, running):
    """A cell that ignores its interruption is killed a few seconds later, and its child too."""
    record, _ = run(workspace, STUBBORN, options=("--limit", "cell=1s"))
    assert (record.outcome, record.cells[0].status) == ("timed_out", "timed_out")
    assert running() == []


def test_a_steady_cell_is_not_silent(workspace):
    """Output keeps a cell alive for as long as it comes."""
    code = "import time\nfor i in range(8):\n    print(i, flush=True); time.sleep(0.3)"
    record, _ = run(workspace, code, options=("--limit", "silence=1500 s"))
    assert record.passed
    record, _ = run(workspace, code, options=("--limit", "silence=1 s"))
    assert record.passed


def test_output_is_bounded(workspace):
    """What exceeds the limit of a cell's outputs is cut with a note; errors are kept."""
    code = "for i in range(30000): print('x' * 99)\n1 / 0"
    record, executed = run(workspace, code, options=("--limit", "output=1 MB"))
    assert record.failure.error == "ZeroDivisionError"
    said = texts(executed)
    assert len(said) < 1.3e6
    assert said.count("exceed 1 MB") == 1


def test_limits_come_from_three_places(workspace):
    """The notebook's word counts more than the team's, and the option's more than both."""
    workspace.settings("[limits]\ncell = 1 s\n")
    code = "import time; time.sleep(2)"
    assert run(workspace, code)[0].outcome == "timed_out"
    own = {"fortnight": {"limits": {"cell": "1 min"}}}
    assert run(workspace, code, **own)[0].passed
    assert run(workspace, code, options=("--limit", "cell=1s"), **own)[0].outcome == "timed_out"


def test_progress_bars_and_streams(workspace):
    """What was printed in pieces is one output; an overwritten line is kept in its last state."""
    code = "import time\nfor i in range(5):\n    print(f'\\r{i} of 4', end='', flush=True)\n"
    _, executed = run(workspace, code + "    time.sleep(0.05)\nprint()")
    assert [output["text"] for output in executed.cells[1].outputs] == ["4 of 4\n"]


def test_runs_work_in_the_folder_of_their_notebook(workspace):
    """The working folder is the notebook's, and fortnight.root() the workspace's."""
    code = "import os, fortnight\nprint(os.getcwd())\nprint(fortnight.root())"
    _, executed = run(workspace, code)
    folder = str(workspace.root / "nbs/explore")
    assert f"{folder}\\n" in texts(executed)
    assert str(workspace.root) in texts(executed).replace(folder, "")


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_many_at_once(workspace, cold):
    """Runs at once are at work at the same time, and share the cores."""
    code = (
        "import os, pathlib, time\n"
        "pathlib.Path(name).touch()\n"
        "until = time.monotonic() + 60\n"
        "while len(list(pathlib.Path().glob('*.here'))) < 3 and time.monotonic() < until:\n"
        "    time.sleep(0.05)\n"
        "print(len(list(pathlib.Path().glob('*.here'))), os.environ['OMP_NUM_THREADS'])"
    )
    for name in "abc":
        workspace.demo(name, f"name = '{name}.here'", code)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        workspace.environment.pop(variable, None)
    done = workspace.fortnight("report", "-j", "3", "--json", *(["--cold"] if cold else []))
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ended = {event["run"]: event["record"]["outcome"] for event in events if "record" in event}
    assert ended == dict.fromkeys("abc", "passed")
    share = max(1, len(os.sched_getaffinity(0)) // 3)
    for path in workspace.root.glob("reports/*/*.ipynb"):
        assert f"3 {share}\\n" in path.read_text()


def test_the_longest_begins_first(workspace):
    """The order is that of the durations of the last time."""
    for name in "abc":
        workspace.demo(name, "1")
    past = {"a": [1, 1e8], "b": [9, 1e8], "c": [5, 1e8]}  # seconds, bytes
    write_atomic(workspace.root / ".fortnight/durations.json", json.dumps(past))
    done = workspace.fortnight("report", "-j", "1")
    assert re.findall(r"^(\w): running", done.stderr, re.MULTILINE) == ["b", "c", "a"]
    kept = json.loads((workspace.root / ".fortnight/durations.json").read_text())
    assert all(kept[name][0] < 1 + past[name][0] for name in "bc")


def test_without_a_zygote(workspace, short_path):
    """Where nothing can be forked the runs are made all the same, and it is said why, once."""
    (short_path / "fortnight").mkdir(mode=0o755)
    (short_path / "fortnight").chmod(0o777)
    workspace.environment["XDG_RUNTIME_DIR"] = str(short_path)
    for name in "ab":
        workspace.demo(name, "1")
    done = workspace.fortnight("report", "-j", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("start cold, because") == 1
    assert "is not a folder of yours alone" in done.stderr


def test_two_reports_at_once(workspace):
    """Two commands on one sprint both complete, and every file is from one of them."""
    code = "import os, time\nprint(os.environ['WHO'])\ntime.sleep(0.3)"
    for name in "ab":
        workspace.demo(name, code, code)
    started = []
    for who in ("ada", "bo"):
        workspace.environment["WHO"] = who
        started.append(workspace.start("report"))
    for process in started:
        said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    for path in workspace.root.glob("reports/*/*.ipynb"):
        text = path.read_text()
        assert (text.count("ada\\n"), text.count("bo\\n")) in ((2, 0), (0, 2))
        assert record_in(read_notebook(path)).passed
    assert len(list(workspace.root.glob("reports/*/*.ipynb"))) == 2
