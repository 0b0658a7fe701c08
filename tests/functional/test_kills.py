"""A kill at any moment: what is kept is true, what was good is there, nobody is left over."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fortnight.notebook import read_notebook
from fortnight.record import record_in
from fortnight.zygotes import ask_zygotes

MOMENTS = 20 if os.environ.get("FORTNIGHT_SOAK") else 2
CELLS = (
    "import os, pathlib, subprocess, time\npathlib.Path('kernel.pid').write_text(str(os.getpid()))",
    "child = subprocess.Popen(['sleep', '600'])\nprint('begun')",
    "for i in range(20):\n    print(i, flush=True)\n    time.sleep(0.1)",
    "child.kill()\nprint('ended')",
)


def kernels(workspace) -> list[int]:
    """Return the kernel's process, if it has said which it is."""
    path = workspace.root / "nbs/demos/kernel.pid"
    return [int(path.read_text())] if path.exists() and path.read_text() else []


def runners(running, workspace, command: subprocess.Popen) -> list[int]:
    """Return the runner: in the workspace, neither command nor kernel, nor the kernel's child."""
    others = {command.pid, *kernels(workspace)}
    python = (pid for pid in running(0) if b"sleep" not in cmdline(pid))
    return [pid for pid in python if pid not in others]


def cmdline(pid: int) -> bytes:
    """Return the command line of a process, or nothing if it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def strike(victim: str, command: subprocess.Popen, running, workspace) -> bool:
    """Kill a process; say whether there was one."""
    pids = {
        "command": lambda: [command.pid],
        "zygote": lambda: [zygote.pid for zygote in ask_zygotes()],
        "kernel": lambda: kernels(workspace),
        "runner": lambda: runners(running, workspace, command)[:1],
    }[victim]()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return bool(pids)


def check_truth(workspace, good: bytes) -> str:
    """Check that all that is kept is true; return how the run ended, by the latest record."""
    report = next(workspace.root.glob("reports/*/tea.ipynb"))
    kept = record_in(read_notebook(report))
    assert kept.passed
    assert [cell.status for cell in kept.cells] == ["ran"] * 4
    partial = report.with_name("tea.partial.ipynb")
    if not partial.exists():
        return "passed"
    left = read_notebook(partial)
    record = record_in(left)
    assert record is not None
    assert report.read_bytes() == good, "an unfinished run has touched the report"
    if record.passed:  # killed when all was done but the last renaming
        return "passed"
    assert record.failure is not None
    statuses = [cell.status for cell in record.cells]
    assert "failed" not in statuses
    cells = {cell.id: cell for cell in left.cells}
    for cell in record.cells:
        counted = cells[cell.id].execution_count is not None
        assert counted or cell.status != "ran", "a cell that never ran is said to have run"
        assert not (cell.status == "blocked" and cells[cell.id].outputs)
    after = statuses[statuses.index("killed") + 1 :] if "killed" in statuses else []
    assert set(after) <= {"blocked"}
    return record.outcome


@pytest.mark.parametrize("victim", ["command", "runner", "kernel", "zygote"])
def test_killed_at_any_moment(workspace, running, victim):
    """Records are true, the earlier report is intact, and nobody is left after three seconds."""
    workspace.demo("tea", *CELLS)
    assert workspace.fortnight("report").returncode == 0
    moments, struck, endings = random.Random(victim), 0, set()
    # On a slow machine the first ones may come before anything has begun.
    while struck < MOMENTS or (victim != "zygote" and endings <= {"passed"} and struck < 20):
        report = next(workspace.root.glob("reports/*/tea.ipynb"))
        report.with_name("tea.partial.ipynb").unlink(missing_ok=True)
        (workspace.root / "nbs/demos/kernel.pid").unlink(missing_ok=True)
        good = report.read_bytes()
        command = workspace.start("report")
        time.sleep(moments.uniform(0.1, 2.2))
        hit = strike(victim, command, running, workspace) and command.poll() is None
        struck += hit or victim == "command"
        _, said = command.communicate(timeout=60)
        assert "Traceback" not in said, said
        assert running() == [], f"left over: {[cmdline(pid) for pid in running(0)]}"
        endings.add(check_truth(workspace, good))
        if victim in ("runner", "kernel"):
            assert command.returncode in (0, 1)
        if victim == "zygote":
            assert command.returncode == 0, said
    assert endings - {"passed"} or victim == "zygote", "no kill has hit anything"


def test_a_zygote_that_is_stuck_is_not_waited_for(workspace):
    """When the zygote has gone and left its socket behind, another one is started."""
    for zygote in ask_zygotes():
        os.kill(zygote.pid, signal.SIGKILL)
    workspace.demo("tea", "1")
    done = workspace.fortnight("report")
    assert done.returncode == 0, done.stderr
    assert sorted(zygote.role for zygote in ask_zygotes()) == ["kernel", "runner"]


def test_a_full_disk(workspace):
    """A disk without room is an error that names the file; what was there before stays."""
    small = workspace.root / "reports"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", small], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        workspace.demo("tea", "print('x' * 1000)")
        assert workspace.fortnight("report").returncode == 0
        report = next(workspace.root.glob("reports/*/tea.ipynb"))
        good = report.read_bytes()
        workspace.demo("tea", "print('x' * 1000000)")
        done = workspace.fortnight("report")
        assert done.returncode == 2
        assert "ipynb could not be written" in done.stderr
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr
        assert report.read_bytes() == good
    finally:
        subprocess.run(["umount", small], check=True)
