"""A promotion that is killed at any write leaves the old state or the new one."""

import os
import random
import re
import subprocess
import time
from pathlib import Path

from tests.conftest import COMMAND, Workspace
from tests.functional.test_promotion import PROMOTE, acme, git, state

__all__ = ["acme"]  # a fixture
SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
# Kills the process, and the one that started it, at the write with the number that is asked for:
# before it, or after it.
KILLER = """
import os, signal
if os.environ.get("KILL_AT"):
    at, when = os.environ.pop("KILL_AT").split()  # the programs that it starts are spared
    counted = os.environ["KILL_COUNT"]
    own = os.getpid()

    def counting(function):
        def counted_call(*arguments, **options):
            with open(counted, "a") as file:
                file.write(".")
            number = os.path.getsize(counted)
            if number == int(at) and when == "before":
                end()
            try:
                return function(*arguments, **options)
            finally:
                if number == int(at) and when == "after":
                    end()
        return counted_call

    def end():
        if os.getpid() != own:
            os.kill(own, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    for name in ("mkdir", "fsync", "replace", "rename", "unlink", "remove", "rmdir"):
        setattr(os, name, counting(getattr(os, name)))
"""


def killed(workspace: Workspace, folder: Path, number: int, when: str) -> tuple[int, int]:
    """Run a promotion that is killed; return its exit code, and how many writes it got to."""
    count = folder / f"{number}-{when}"
    environment = {
        **workspace.environment,
        "PYTHONPATH": f"{folder}{os.pathsep}{workspace.environment['PYTHONPATH']}",
        "KILL_AT": f"{number} {when}",
        "KILL_COUNT": str(count),
    }
    done = subprocess.run(
        [COMMAND, *PROMOTE, "--no-run"], cwd=workspace.root, env=environment, capture_output=True
    )
    return done.returncode, count.stat().st_size if count.exists() else 0


def test_killed_at_every_write(acme: Workspace, tmp_path: Path):
    """Whatever is cut off, the next command finds all of it, or nothing."""
    folder = tmp_path / "killer"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(KILLER)
    before = state(acme)
    assert acme.fortnight(*PROMOTE, "--no-run").returncode == 0
    after, seen = state(acme), {"old": 0, "new": 0}
    number, finished = 0, False
    while not finished:
        number += 1 if SOAK or number < 3 else 15
        for when in ("before", "after"):
            git(acme, "checkout", "-q", "--", ".")
            git(acme, "clean", "-fdq")
            assert state(acme) == before
            code, _ = killed(acme, folder, number, when)
            finished = finished or code == 0
            assert acme.fortnight("status").returncode == 0
            left = state(acme)
            assert left in (before, after), sorted(set(left) ^ set(before))
            seen["new" if left == after else "old"] += 1
    assert all(seen.values()), seen
    assert not list((acme.root / ".fortnight" / "swap").glob("*/*"))
    print(f"killed before and after each of {number} writes: {seen}")
    assert sum(seen.values()) >= 100 or not SOAK


def test_killed_while_it_is_proven(acme: Workspace, running):
    """At whatever moment: nothing has changed, and neither a kernel nor a tool is left at work."""
    before, outcomes = state(acme), []
    assert acme.fortnight(*PROMOTE).returncode == 0  # the next ones find all that is warm
    after = without_times(state(acme))
    chance = random.Random(0)
    for moment in range(20 if SOAK else 2):
        git(acme, "checkout", "-q", "--", ".")
        git(acme, "clean", "-fdq")
        command = acme.start(*PROMOTE)
        time.sleep(chance.uniform(0.2, 4) if moment else 1)
        command.kill()
        command.communicate()
        assert running() == []
        assert acme.fortnight("status").returncode == 0
        left = state(acme)
        assert left == before or without_times(left) == after
        outcomes.append("old" if left == before else "new")
    print(f"killed at {len(outcomes)} moments of a proof: {outcomes.count('old')} old")
    assert "old" in outcomes


def without_times(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files without what differs from run to run: how long a lesson took."""
    return {name: re.sub(rb"[0-9.]+ .?s\b", b"", content) for name, content in files.items()}
