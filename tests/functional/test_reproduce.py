"""A report made again from its record: the same, what is missing, or where it differs."""

import json
import subprocess

import pytest

REPORT = ("reproduce", "tea")


def git(workspace, *arguments: str) -> str:
    """Run git in the workspace."""
    name = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    command = ["git", *name, *arguments]
    return subprocess.run(
        command, cwd=workspace.root, check=True, capture_output=True, text=True
    ).stdout


def commit(workspace, message: str = "more") -> None:
    """Commit all but reports and what is never committed."""
    git(workspace, "add", "-A")
    git(workspace, "commit", "-qm", message, "--allow-empty")


@pytest.fixture
def committed(workspace):
    """Make a workspace under version control, with a package, a file, and a file that is not."""
    root = workspace.root
    (root / ".gitignore").write_text(".fortnight\nreports\nlarge\n")
    for folder in ("pkg/acme", "data", "large"):
        (root / folder).mkdir(parents=True)
    (root / "pkg/acme/__init__.py").write_text("leaves = 3\n")
    (root / "data/water.csv").write_text("200")
    (root / "large/milk.csv").write_text("50")
    workspace.demo(
        "tea",
        "import sys\nsys.path.insert(0, '../../pkg')\nimport acme\nimport fortnight",
        "water = int(open('../../data/water.csv').read())",
        "milk = int(open('../../large/milk.csv').read())",
        "import pandas as pd\npd.DataFrame({'g': [acme.leaves / 3, water / 7, milk / 9]})",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, acme.leaves])\nplt.show()",
        "fortnight.metric('strength', acme.leaves / water)",
    )
    git(workspace, "init", "-q")
    commit(workspace)
    assert workspace.fortnight("report").returncode == 0
    return workspace


def test_a_report_of_three_commits_ago(committed, running):
    """It comes out identical from its own commit, however the workspace has changed since."""
    root = committed.root
    for number in (4, 5, 6):
        (root / "pkg/acme/__init__.py").write_text(f"leaves = {number}\n")
        (root / "data/water.csv").write_text(f"{number}00")
        commit(committed)
    (root / "nbs/demos/tea.ipynb").write_text("broken")
    done = committed.fortnight(*REPORT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "identical" in done.stdout
    assert git(committed, "worktree", "list").count("\n") == 1
    assert not any((root / ".fortnight/trees").iterdir())
    assert running() == []


def test_an_input_that_is_missing_or_changed(committed):
    """What is not as it was is named, alone, and nothing is run."""
    file = committed.root / "large/milk.csv"
    file.write_text("51")
    done = committed.fortnight(*REPORT)
    assert done.returncode == 2
    assert "the file large/milk.csv: expected" in done.stdout
    assert done.stdout.count("expected") == 1
    file.unlink()
    done = committed.fortnight(*REPORT)
    assert done.returncode == 2
    assert "found not there" in done.stdout
    assert "next: " in done.stdout


def test_another_version_of_a_package(committed):
    """A package of another version is named with the command that gets the right one."""
    path = next(committed.root.glob("reports/*/tea.ipynb"))
    report = json.loads(path.read_text())
    packages = report["metadata"]["fortnight"]["provenance"]["packages"]
    assert "pandas" in packages
    right, packages["pandas"] = packages["pandas"], "0.1"
    path.write_text(json.dumps(report))
    done = committed.fortnight(*REPORT)
    assert done.returncode == 2
    assert f"the package pandas: expected 0.1, found {right}" in done.stdout
    assert "pip install pandas==0.1" in done.stdout


def test_what_was_not_committed(committed):
    """A report of uncommitted changes is refused, unless the commit alone is asked for."""
    (committed.root / "pkg/acme/__init__.py").write_text("leaves = 30\n")
    assert committed.fortnight("report").returncode == 0
    done = committed.fortnight(*REPORT)
    assert done.returncode == 2
    assert "what was not committed" in done.stdout
    done = committed.fortnight(*REPORT, "--at-commit", "--json")
    assert done.returncode == 1, done.stdout
    found = json.loads(done.stdout)
    assert found["verdict"] == "differs"
    assert {one["what"].partition(",")[0] for one in found["differences"]} >= {
        "table",
        "figure",
        "metric strength",
    }


def test_a_commit_that_is_not_here(committed):
    """A report of somebody else's commit says how to get it."""
    path = next(committed.root.glob("reports/*/tea.ipynb"))
    report = json.loads(path.read_text())
    report["metadata"]["fortnight"]["provenance"]["commit"] = "0123456789" * 4
    path.write_text(json.dumps(report))
    done = committed.fortnight(*REPORT)
    assert done.returncode == 2
    assert "git fetch origin 0123456789" in done.stdout


def test_an_unseeded_generator(workspace):
    """A demo that draws its numbers anew differs, and it is said in which cell first."""
    (workspace.root / ".gitignore").write_text(".fortnight\nreports\n")
    workspace.demo(
        "tea", "import numpy as np", "draws = np.random.default_rng().random(3)", "draws", "draws"
    )
    git(workspace, "init", "-q")
    commit(workspace)
    assert workspace.fortnight("report").returncode == 0
    done = workspace.fortnight(*REPORT)
    assert done.returncode == 1
    assert "first in cell 4" in done.stdout


def test_a_last_digit(workspace):
    """What differs less than the tolerance is the same."""
    (workspace.root / ".gitignore").write_text(".fortnight\nreports\n")
    workspace.demo("tea", "import os", "0.5 + int.from_bytes(os.urandom(2), 'big') * 1e-13")
    git(workspace, "init", "-q")
    commit(workspace)
    assert workspace.fortnight("report").returncode == 0
    done = workspace.fortnight(*REPORT)
    assert done.returncode == 0
    assert "same within" in done.stdout or "identical" in done.stdout
    assert workspace.fortnight(*REPORT, "--tolerance", "1e-15").returncode == 1


def test_a_report_that_was_not_made_by_us(workspace):
    """A notebook without a record can't be made again, nor asked about."""
    path = workspace.notebook("reports/2026-11-23/tea.ipynb", "1")
    for command in ("reproduce", "why"):
        done = workspace.fortnight(command, str(path))
        assert done.returncode == 2
        assert "no record" in done.stderr
        assert workspace.fortnight(command, "milk").returncode == 2
