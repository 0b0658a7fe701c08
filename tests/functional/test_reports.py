"""The main job from the outside: demos in, reports and pages out, and no false green."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fortnight.notebook import read_notebook
from fortnight.record import record_in
from tests.conftest import COMMAND

METRIC = "import fortnight\nfortnight.metric('accuracy', 97.3, unit='%')"


def record(workspace, name):
    """Return the record of a report of 2026-11-16, given as a path below reports/."""
    return record_in(read_notebook(workspace.root / "reports" / f"{name}.ipynb"))


def report(workspace, *arguments):
    """Report on a fixed sprint of the small workspace's calendar, the one with 2026-11-12."""
    return workspace.fortnight("report", "--sprint", "2026-11-12", *arguments)


SPRINT = "2026-11-09"


def test_a_report(workspace):
    """A demo becomes a report with its record, and a page with its metrics."""
    workspace.demo("tea", METRIC, "f'{cups} cups'", parameters="cups: int = 2")
    done = report(workspace, "-p", "cups=3")
    assert done.returncode == 0, done.stderr
    kept = record(workspace, f"{SPRINT}/tea")
    assert kept.outcome == "passed"
    assert kept.parameters == {"cups": 3}
    assert [(m.name, m.value, m.unit) for m in kept.metrics] == [("accuracy", 97.3, "%")]
    assert kept.notebook == "nbs/demos/tea.ipynb"
    assert kept.provenance.commit == ""
    page = (workspace.root / f"reports/site/{SPRINT}/tea.html").read_text()
    assert "97.3" in page
    assert "3 cups" in page
    assert "not under version control" in page
    assert str(workspace.root / "reports/site/index.html") in done.stdout
    assert f"{SPRINT}/tea.html" in (workspace.root / "reports/site/index.html").read_text()


def test_nothing_of_the_machine_is_kept(workspace):
    """A report names no folder of the machine that made it."""
    workspace.demo("tea", METRIC)
    assert report(workspace).returncode == 0
    text = (workspace.root / f"reports/{SPRINT}/tea.ipynb").read_text()
    assert str(workspace.root.parent) not in text
    assert os.uname().nodename not in text


def test_output_in_ci_is_plain_lines(workspace):
    """Without a terminal there are lines and no control codes; results alone on the output."""
    workspace.demo("tea", METRIC)
    done = report(workspace)
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr.splitlines()[0] == "tea: running, 1 cells"
    assert done.stderr.splitlines()[1].startswith("tea: passed after ")
    assert len(done.stderr.splitlines()) == 2, done.stderr


def test_a_failed_demo_stops_nothing_else(workspace):
    """The others run, the page shows the failing cell, the exit code is 1."""
    workspace.demo("a_broken", "1", "10 / 0", "'after'")
    workspace.demo("tea", METRIC)
    done = report(workspace)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert record(workspace, f"{SPRINT}/tea").passed
    failure = record(workspace, f"{SPRINT}/a_broken.partial").failure
    assert (failure.cell, failure.cell_id, failure.error) == (3, "code-2", "ZeroDivisionError")
    page = (workspace.root / f"reports/site/{SPRINT}/a_broken.partial.html").read_text()
    assert 'class="cell failed" id="cell-code-2"' in page
    assert "ZeroDivisionError" in page
    assert "a_broken.partial.html" in (workspace.root / "reports/site/index.html").read_text()
    assert not (workspace.root / f"reports/{SPRINT}/a_broken.ipynb").exists()


def test_a_good_report_is_replaced_only_by_a_good_one(workspace):
    """A run that fails leaves the report as it was; one that passes clears up after it."""
    good = workspace.root / f"reports/{SPRINT}/tea.ipynb"
    workspace.demo("tea", METRIC)
    report(workspace)
    before = good.read_bytes()
    workspace.demo("tea", METRIC, "10 / 0")
    assert report(workspace).returncode == 1
    assert good.read_bytes() == before
    page = (workspace.root / f"reports/site/{SPRINT}/tea.html").read_text()
    assert "A later run of this demo did not pass." in page
    status = json.loads(workspace.fortnight("status", "--json").stdout)
    assert status["notebooks"][0]["outcome"] == "failed"
    workspace.demo("tea", METRIC, "'mended'")
    assert report(workspace).returncode == 0
    assert "mended" in good.read_text()
    assert workspace.files("reports/**/*.partial.*") == set()


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("import os; os._exit(0)", "kernel_died"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "kernel_died"),
        ("# 1 + 1", "empty"),
        ("%unknown_magic", "failed"),
        ("raise SystemExit(3)", "failed"),
        ("import sys; sys.exit(0)", "failed"),
        ("1 +", "failed"),
        ("input('your name?')", "failed"),
    ],
)
def test_no_false_green(workspace, code, outcome):
    """What did not do its work is not passed, and says what happened instead."""
    workspace.demo("tea", code, "# nothing" if outcome == "empty" else "'the rest'")
    done = report(workspace)
    assert done.returncode == 1, done.stderr
    assert record(workspace, f"{SPRINT}/tea.partial").outcome == outcome
    assert f"tea: {outcome.replace('_', ' ')}" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_notebook_under_several_names(workspace):
    """Settings give a notebook names and parameters; what is typed wins over them."""
    workspace.demo("tea", "print(cups, kind)", parameters="cups: int = 2\nkind: str = 'Assam'")
    small = "[demo small]\nnotebook = tea\nparameters =\n    cups = 1\n"
    large = "[demo large]\nnotebook = nbs/demos/tea.ipynb\nparameters =\n  cups = 9\n"
    workspace.settings("[demos]\nrun = small, large\n" + small + large)
    assert report(workspace, "-p", "kind=a = 'b'").returncode == 0
    made = {f"reports/{SPRINT}/{name}.ipynb" for name in ("small", "large")}
    assert workspace.files("reports/2*/*") == made
    assert record(workspace, f"{SPRINT}/small").parameters == {"cups": 1, "kind": "a = 'b'"}
    large = read_notebook(workspace.root / f"reports/{SPRINT}/large.ipynb")
    assert large.cells[-1].outputs[0]["text"] == "9 a = 'b'\n"


def test_sprint_dates_reach_the_demo(workspace):
    """A demo that declares the sprint's days gets them."""
    days = "sprint_first_day: str = ''\nsprint_last_day: str = ''"
    workspace.demo("tea", "assert sprint_last_day == '2026-11-22'", parameters=days)
    done = report(workspace)
    assert done.returncode == 0, done.stderr
    assert record(workspace, f"{SPRINT}/tea").parameters["sprint_first_day"] == SPRINT


def test_a_notebook_runs_in_its_own_folder(workspace):
    """The working folder is the notebook's, wherever the command was typed."""
    (workspace.root / "elsewhere").mkdir()
    workspace.demo("tea", "from pathlib import Path\nassert Path.cwd().name == 'demos'")
    folder = workspace.root / "elsewhere"
    assert workspace.fortnight("report", cwd=folder).returncode == 0
    done = workspace.fortnight("run", "../nbs/demos/tea.ipynb", "-o", "out.ipynb", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "out.ipynb").is_file()
    assert workspace.files("nbs/**/*") == {"nbs/demos/tea.ipynb"}


def test_run_without_a_target(workspace):
    """A run nobody named a target for is kept where it is nobody's record."""
    workspace.notebook("nbs/explore/a b ü.ipynb", METRIC)
    done = workspace.fortnight("run", "nbs/explore/a b ü.ipynb")
    assert done.returncode == 0, done.stderr
    assert "97.3 %" in done.stdout
    assert workspace.files(".fortnight/runs/**/*") == {".fortnight/runs/nbs/explore/a b ü.ipynb"}


def test_outputs_cannot_break_the_page(workspace):
    """What a notebook prints, names or raises is text on the page and nothing else."""
    evil = "<script>alert(1)</script>"
    code = f"import fortnight\nfortnight.metric({evil!r}, 1, unit={evil!r})\nprint({evil!r})"
    workspace.demo("tea", code, f"raise ValueError({evil!r})", parameters="x: str = ''")
    report(workspace, "-p", f"x={evil}")
    pages = list(workspace.root.glob("reports/site/**/*.html"))
    assert len(pages) == 2
    for page in pages:
        assert "<script" not in page.read_text()


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_stopped(workspace, running, way):
    """Ctrl-C, or CI's way to say it, keeps what there is, exits with 130, leaves no process."""
    workspace.demo("tea", "print('poured')", "import time\ntime.sleep(600)")
    command = [COMMAND, "report", "--sprint", "2026-11-12"]
    process = subprocess.Popen(
        command, cwd=workspace.root, env=workspace.environment, stderr=subprocess.PIPE, text=True
    )
    partial = workspace.root / f"reports/{SPRINT}/tea.partial.ipynb"
    deadline = time.monotonic() + 60
    while not (partial.exists() and "poured\\n" in partial.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert running(0), "nothing to look for, so nothing could be left over"
    process.send_signal(way)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert record(workspace, f"{SPRINT}/tea.partial").outcome == "interrupted"
    assert running() == []


def test_a_folder_that_cannot_be_written(workspace):
    """A report that cannot be kept is an error that names the file."""
    workspace.demo("tea", "1")
    (workspace.root / "reports").write_text("a file where the folder should be")
    done = report(workspace)
    assert done.returncode == 2
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dead_kernel_has_its_cell_on_the_page(workspace):
    """The cell in which the kernel died is marked, though it has no output to show it by."""
    workspace.demo("tea", "1", "import os; os._exit(3)", "'never reached'")
    report(workspace)
    page = (workspace.root / f"reports/site/{SPRINT}/tea.partial.html").read_text()
    assert 'class="cell failed" id="cell-code-2"' in page
    assert 'href="#cell-code-2"' in page
    assert "by exit code 3" in page


def test_errors_that_were_meant(workspace):
    """A cell tagged raises-exception shows its error and fails nothing; a later error does."""
    path = workspace.demo("tea", "raise ValueError('as shown')", "'went on'")
    tagged = path.read_text().replace('"id": "code-1",\n   "metadata": {}', TAGGED)
    path.write_text(tagged)
    assert report(workspace).returncode == 0
    path.write_text(tagged.replace("'went on'", "1 / 0"))
    assert report(workspace).returncode == 1
    assert record(workspace, f"{SPRINT}/tea.partial").failure.cell_id == "code-2"


TAGGED = '"id": "code-1",\n   "metadata": {"tags": ["raises-exception"]}'


def test_a_kernel_that_cannot_start(workspace):
    """A kernel that ends before it can answer is not blamed on a cell."""
    folder = workspace.root / "jupyter" / "kernels" / "broken"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-c", "import sys; sys.exit('out of tea')", "{connection_file}"]
    spec = {"argv": argv, "display_name": "broken", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    workspace.environment["JUPYTER_PATH"] = str(workspace.root / "jupyter")
    workspace.demo("a", "1", kernelspec={"name": "broken", "display_name": "broken"})
    workspace.demo("tea", "1")
    done = report(workspace)
    assert done.returncode == 1, done.stderr
    failure = record(workspace, f"{SPRINT}/a.partial").failure
    assert (failure.cell, failure.error) == (0, "KernelDied")
    assert "out of tea" in failure.message
    assert record(workspace, f"{SPRINT}/tea").passed
    spec["argv"][0] = "/gone/bin/python"
    (folder / "kernel.json").write_text(json.dumps(spec))
    done = report(workspace)
    assert done.returncode == 2
    assert "/gone/bin/python, which is not there" in done.stderr


def test_a_report_is_no_source(workspace):
    """Running the result of a run would record other parameters than it shows; it is refused."""
    workspace.demo("tea", "print(cups)", parameters="cups = 2")
    assert report(workspace, "-p", "cups=9").returncode == 0
    done = workspace.fortnight("run", f"reports/{SPRINT}/tea.ipynb")
    assert done.returncode == 2
    assert "fortnight run nbs/demos/tea.ipynb" in done.stderr


def test_outputs_that_would_hit_something(workspace):
    """Neither the source by way of its partial name, nor a folder, can be a run's output."""
    path = workspace.notebook("x.partial.ipynb", "1")
    before = path.read_bytes()
    assert workspace.fortnight("run", "x.partial.ipynb", "-o", "x.ipynb").returncode == 2
    assert path.read_bytes() == before
    (workspace.root / "out").mkdir()
    done = workspace.fortnight("run", "x.partial.ipynb", "-o", "out")
    assert done.returncode == 2
    assert "/out/x.partial.ipynb" in done.stderr


def test_an_older_failure_is_no_news(workspace):
    """A partial notebook that was left before the good report came is not called later."""
    workspace.demo("tea", "1 / 0")
    report(workspace)
    partial = workspace.root / f"reports/{SPRINT}/tea.partial.ipynb"
    old = partial.read_bytes()
    workspace.demo("tea", "1")
    time.sleep(1.1)  # records count in seconds
    report(workspace)
    partial.write_bytes(old)
    assert workspace.fortnight("site").returncode == 0
    page = (workspace.root / f"reports/site/{SPRINT}/tea.html").read_text()
    assert "did not pass" not in page
    status = json.loads(workspace.fortnight("status", "--json").stdout)
    assert status["notebooks"][0]["outcome"] == "passed"


def test_a_record_that_is_gone_or_spoilt(workspace):
    """Without a record nothing is called passed; a spoilt one costs no other page."""
    workspace.demo("tea", "1")
    workspace.demo("lunch", METRIC)
    report(workspace)
    path = workspace.root / f"reports/{SPRINT}/tea.ipynb"
    content = json.loads(path.read_text())
    for spoil in ({"started": "yesterday"}, {"metrics": [{}]}, {"provenance": 1}, {"version": 9}):
        spoilt = {**content["metadata"], "fortnight": {**content["metadata"]["fortnight"], **spoil}}
        path.write_text(json.dumps({**content, "metadata": spoilt}))
        assert workspace.fortnight("site").returncode == 0
        assert "cannot be read" in (workspace.root / f"reports/site/{SPRINT}/tea.html").read_text()
        assert "97.3" in (workspace.root / f"reports/site/{SPRINT}/lunch.html").read_text()
    del content["metadata"]["fortnight"]
    path.write_text(json.dumps(content))
    status = json.loads(workspace.fortnight("status", "--json").stdout)
    assert {row["outcome"] for row in status["notebooks"]} == {"passed", "unrecorded"}


def test_pages_of_deleted_reports_go(workspace):
    """The site holds the pages of the reports that there are."""
    workspace.demo("tea", "1")
    workspace.demo("lunch", "1")
    report(workspace)
    (workspace.root / f"reports/{SPRINT}/tea.ipynb").unlink()
    assert workspace.fortnight("site").returncode == 0
    pages = {f"reports/site/{SPRINT}/lunch.html", "reports/site/index.html"}
    assert workspace.files("reports/site/**/*") == pages


@pytest.mark.parametrize("spec", [{"display_name": "x"}, None, {}, {"name": "python3"}])
def test_a_notebook_that_hardly_says_its_kernel(workspace, spec):
    """Where the kernel's entry is incomplete, it is python3, and the page can be made."""
    workspace.demo("tea", "print('poured')", kernelspec=spec)
    done = report(workspace)
    assert done.returncode == 0, done.stderr
    page = (workspace.root / f"reports/site/{SPRINT}/tea.html").read_text()
    assert "poured" in page
    assert "cannot be shown" not in page


def test_an_output_that_is_none(workspace):
    """A demo that publishes nonsense fails by itself; the others run, and all have their pages."""
    code = "get_ipython().display_pub.publish({'image/png': 5, 'text/plain': ['a']})"
    workspace.demo("a", "1", code, "2")
    workspace.demo("tea", METRIC)
    done = report(workspace)
    assert done.returncode == 1, done.stderr
    assert record(workspace, f"{SPRINT}/a.partial").failure.cell_id == "code-2"
    assert record(workspace, f"{SPRINT}/tea").passed


def test_a_file_that_is_no_report(workspace):
    """A notebook that nbconvert can't render says so on its page and costs no other one."""
    workspace.demo("tea", METRIC)
    report(workspace)
    path = workspace.root / f"reports/{SPRINT}/odd.ipynb"
    content = json.loads((workspace.root / f"reports/{SPRINT}/tea.ipynb").read_text())
    content["cells"][-1]["outputs"] = [{"output_type": "weird"}]
    path.write_text(json.dumps(content))
    assert workspace.fortnight("site").returncode == 0
    odd = (workspace.root / f"reports/site/{SPRINT}/odd.html").read_text()
    assert "The cells cannot be shown" in odd
    assert "97.3" in (workspace.root / f"reports/site/{SPRINT}/tea.html").read_text()


def test_a_long_temporary_folder(workspace):
    """Sockets have short addresses; where temporary files go far down, runs work all the same."""
    folder = workspace.root / ("t" * 120)
    folder.mkdir()
    workspace.environment["TMPDIR"] = str(folder)
    workspace.demo("tea", "1")
    done = report(workspace)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []


def test_a_sprint_to_come(workspace):
    """A report for a sprint that has not begun would be the latest one for a long time."""
    workspace.demo("tea", "1")
    done = workspace.fortnight("report", "--sprint", "2999-01-01")
    assert done.returncode == 2
    assert "has not begun" in done.stderr


def test_a_progress_bar_is_one_output(workspace):
    """What was printed over and over on one line is that line on the page, and once."""
    show = "print(f'\\r{i} of 4', end='', file=sys.stderr, flush=True)"
    code = f"import sys\nfor i in range(5):\n    {show}"
    workspace.demo("tea", code)
    report(workspace)
    page = (workspace.root / f"reports/site/{SPRINT}/tea.html").read_text()
    assert page.count('class="stream stderr"') == 1
    assert "4 of 4" in page
    assert "1 of 4" not in page
