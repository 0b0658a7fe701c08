"""Notebooks as tests, as a user of pytest expects them to behave."""

import json
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from fortnight.notebook import Cell, Notebook, dump_notebook, read_notebook
from fortnight.schedule import cores
from tests.conftest import Workspace, environment

PACKAGE = """RATE = 2


def price(cups):
    if cups > 10:
        return cups * RATE / 2
    return cups * RATE


def unused():
    return 1
"""


_QUICKLY = ("-p", "no:hypothesispytest", "-p", "no:anyio")  # each takes its time to import


class Project:
    """A project with notebooks, and pytest in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def notebook(self, path: str, *cells: str | Cell, **metadata: object) -> Path:
        """Write a notebook; a text becomes a code cell."""
        made = [
            cell if isinstance(cell, Cell) else Cell(f"c{number}", "code", cell)
            for number, cell in enumerate(cells, start=1)
        ]
        spec = {"name": "python3", "display_name": "python3", "language": "python"}
        content = dump_notebook(Notebook(tuple(made), {"kernelspec": spec, **metadata}))
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(content, encoding="utf-8")
        return self.root / path

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def pytest(self, *options: str, **variables: str) -> "Said":
        """Run pytest here, as a user would; nothing but failures may make it fail."""
        kept = {k: v for k, v in environment().items() if not k.startswith(("COV_", "GITHUB"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *_QUICKLY, *options],
            cwd=self.root,
            env={**kept, **variables},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode in (0, 1, 5), done.stdout + done.stderr
        return Said(done.stdout, done.returncode)


class Said:
    """What pytest said; `words` has, by node, how it ended."""

    def __init__(self, text: str, code: int) -> None:
        self.text, self.code = text, code
        alone = re.findall(r"^(\S+::\S+) ([A-Z][A-Z ]+?)(?: \(.*\))? +\[ *\d+%\]$", text, re.M)
        worker = re.findall(
            r"^\[gw\d+\] \[ *\d+%\] ([A-Z][A-Z ]+?)(?: \(.*\))? (\S+::\S+)", text, re.M
        )
        self.words = {**dict(alone), **{node: word for word, node in worker}}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project that is no workspace."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: takes long\n")
    return Project(tmp_path.resolve())


@pytest.fixture
def shop(workspace: Workspace) -> Project:
    """Make a workspace with a library, a demo and an exploration."""
    made = Project(workspace.root.resolve())
    made.write("pyproject.toml", '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    made.write("tests/test_tea.py", "def test_tea(): pass\n")
    made.notebook("nbs/lib/00_tea.ipynb", "cups = 1")
    made.notebook("nbs/demos/shop.ipynb", "cups = 1")
    made.notebook("nbs/explore/idea.ipynb", "1 / 0")
    return made


def test_a_workspace_needs_no_option(shop: Project):
    """Plain pytest runs what the settings name, beside the tests; explorations on request."""
    assert set(shop.pytest("-v").words) == {
        "tests/test_tea.py::test_tea",
        "nbs/lib/00_tea.ipynb::notebook",
        "nbs/demos/shop.ipynb::notebook",
    }
    assert shop.pytest("-v", "nbs/explore").words == {"nbs/explore/idea.ipynb::notebook": "FAILED"}
    assert set(shop.pytest("-v", "tests").words) == {"tests/test_tea.py::test_tea"}
    settings = (shop.root / "settings.ini").read_text()
    (shop.root / "settings.ini").write_text(f"{settings}[test]\nnotebooks = nbs/demos\n")
    assert len(shop.pytest("-v").words) == 2


def test_any_other_project_names_folders(project: Project):
    """Without --nb, or the setting of pytest, a notebook is no test; with it, it is."""
    project.notebook("docs/tea.ipynb", "1 / 0")
    project.write("test_tea.py", "def test_tea(): pass\n")
    assert set(project.pytest("-v").words) == {"test_tea.py::test_tea"}
    assert not (project.root / ".fortnight").exists()
    assert set(project.pytest("-v", "--nb", "docs").words) == {"docs/tea.ipynb::notebook"}
    project.write("pytest.ini", "[pytest]\nnotebooks = docs\n")
    assert len(project.pytest("-v").words) == 2


def test_an_nbdev_2_project_is_no_workspace(project: Project):
    """Its settings.ini is another one."""
    project.write("settings.ini", "[DEFAULT]\nlib_name = tea\n")
    project.notebook("nbs/lib/tea.ipynb", "1 / 0")
    project.write("test_tea.py", "def test_tea(): pass\n")
    assert set(project.pytest("-v").words) == {"test_tea.py::test_tea"}


def test_items_are_selected_as_usual(project: Project):
    """By -k, by -m with markers from tags and metadata, by --lf, and -x stops."""
    test = {"test": {"markers": ["slow"], "skip": ""}}
    project.notebook("nbs/a.ipynb", "a = 1", "a / 0", "a")
    project.notebook("nbs/b.ipynb", Cell("x", "code", "1", {"tags": ["slow", "unknown"]}), "2")
    project.notebook("nbs/c.ipynb", "1", fortnight=test)
    project.notebook("nbs/d.ipynb", "1 / 0", fortnight={"test": {"skip": "no tea today"}})
    project.notebook("nbs/e.ipynb", "1 / 0", fortnight={"test": {"markers": ["xfail"]}})
    nb = ("-v", "--nb", "nbs")
    assert set(project.pytest(*nb, "-k", "b.ipynb or c.ipynb").words) == {
        "nbs/b.ipynb::notebook",
        "nbs/c.ipynb::notebook",
    }
    assert set(project.pytest(*nb, "-m", "slow").words) == {
        "nbs/b.ipynb::notebook",
        "nbs/c.ipynb::notebook",
    }
    cells = project.pytest(*nb, "--nb-cells", "-m", "slow").words
    assert set(cells) == {"nbs/b.ipynb::x", "nbs/c.ipynb::c1"}
    said = project.pytest(*nb, "--nb-cells")
    assert list(said.words.values())[:3] == ["PASSED", "FAILED", "BLOCKED"]
    assert said.words["nbs/d.ipynb::c1"] == "SKIPPED" and said.words["nbs/e.ipynb::c1"] == "XFAIL"
    again = project.pytest(*nb, "--nb-cells", "--lf")
    assert set(again.words) == {"nbs/a.ipynb::c2", "nbs/a.ipynb::c3"}
    stopped = project.pytest(*nb, "--nb-cells", "-x")
    assert list(stopped.words.values()) == ["PASSED", "FAILED"]


def test_a_blocked_cell_alone_is_no_pass(project: Project):
    """Who selects only a cell that could not be reached does not get a green."""
    project.notebook("nbs/a.ipynb", "1 / 0", "2")
    said = project.pytest("-v", "--nb", "nbs", "--nb-cells", "-k", "c2")
    assert said.words == {"nbs/a.ipynb::c2": "BLOCKED"} and said.code == 1


@pytest.mark.parametrize("minor", [5, 4], ids=["with ids", "without ids"])
def test_names_stay_when_a_cell_is_inserted(project: Project, minor: int):
    """Otherwise --lf would run another cell than that which failed."""
    cells = [Cell("a" * (minor > 4), "code", "tea = 1"), Cell("b" * (minor > 4), "code", "tea")]

    def names() -> list[str]:
        content = dump_notebook(Notebook(tuple(cells), {}, minor))
        project.write("nbs/a.ipynb", content)
        said = project.pytest("--nb", "nbs", "--nb-cells", "--collect-only", "-q").text
        return [line for line in said.splitlines() if "::" in line]

    before = names()
    cells.insert(1, Cell("new" * (minor > 4), "code", "milk = 2"))
    assert len(before) == 2 and [name for name in names() if name in before] == before


def test_a_failure_is_told_to_the_line(project: Project):
    """Cell, line, the user's frames, what was printed; in JUnit's file without colours."""
    project.write("lib/steps.py", "def halve(cups):\n    return cups / 0\n")
    path = project.notebook(
        "nbs/a.ipynb",
        "import sys\nsys.path.insert(0, '../lib')\nimport pandas, steps",
        "def each(rows):\n    return rows.map(steps.halve)",
        "print('brewing')\n\neach(pandas.Series([1]))",
    )
    said = project.pytest("--nb", "nbs", "--junitxml=out.xml", "--color=yes", GITHUB_ACTIONS="true")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said.text)
    assert "nbs/a.ipynb, cell 3 (c3), line 3" in plain
    assert re.search(r"^> +each\(pandas", plain, re.M) and "brewing" in plain
    assert "cell 2, line 2, in each(rows): return rows.map(steps.halve)" in plain
    assert "lib/steps.py:2, in halve(cups)" in plain and "site-packages" not in plain
    assert "\x1b[" in said.text
    where = 1 + path.read_text().splitlines().index('    "each(pandas.Series([1]))"')
    assert f"nbs/a.ipynb:{where}: ZeroDivisionError" in plain
    assert f"::error file=nbs/a.ipynb,line={where}::ZeroDivisionError" in plain
    kept = project.root / ".fortnight" / "failed" / "nbs" / "a.ipynb"
    assert str(kept.relative_to(project.root)) in plain
    assert read_notebook(kept).cells[2].outputs
    failure = ET.parse(project.root / "out.xml").find(".//failure")
    assert failure is not None and "\x1b" not in (failure.text or "")
    assert "each(pandas" in (failure.text or "") and "division" in failure.attrib["message"]


def test_an_exported_cell_names_the_line_of_the_module(shop: Project):
    """The line in the notebook and the line in the package are both told."""
    code = "#| export\ndef price(cups):\n    return cups / 0\n\n\nprice(1)"
    shop.notebook("nbs/lib/00_tea.ipynb", "#| default_exp tea", code)
    body = code.removeprefix("#| export\n")
    shop.write("pkg/acme/tea.py", f"# %% ../../nbs/lib/00_tea.ipynb #c2\n{body}\n")
    assert "cell 2 (c2), line 3 = pkg/acme/tea.py:3" in shop.pytest("nbs/lib").text


def test_the_kept_notebook_goes_when_it_passes(project: Project):
    """A failure of last week is not to be found beside a green test."""
    project.notebook("nbs/a.ipynb", "1 / 0")
    project.pytest("--nb", "nbs")
    kept = project.root / ".fortnight" / "failed" / "nbs" / "a.ipynb"
    assert kept.exists()
    project.notebook("nbs/a.ipynb", "1")
    project.pytest("--nb", "nbs")
    assert not kept.exists()


def test_parameters_and_replacements_come_from_fixtures_and_metadata(project: Project):
    """Typed and checked as in `run`, and nothing of what is replaced is evaluated."""
    project.notebook(
        "nbs/a.ipynb",
        Cell("p", "code", "from datetime import date\nday: date = date(2026, 1, 1)\ncups = 1",
             {"tags": ["parameters"]}),
        "rows = load_from_warehouse()",
        "def brew(n):\n    raise RuntimeError('no water')",
        "assert (day.month, cups, rows, brew(2)) == (3, 7, ['a'], 'tea tea')",
        fortnight={"test": {"parameters": {"day": "2026-03-05"}, "replace": {"rows": ["a"]}}},
    )  # fmt: skip
    project.write(
        "nbs/conftest.py",
        "import pytest\nfrom fortnight.replace import Code\n\n"
        "@pytest.fixture\ndef nb_parameters():\n    return {'cups': 7}\n\n"
        "@pytest.fixture\ndef nb_replace():\n"
        "    return {'brew': Code('lambda n: \" \".join([\"tea\"] * n)')}\n",
    )
    said = project.pytest("-v", "--nb", "nbs")
    assert said.words == {"nbs/a.ipynb::notebook": "PASSED"}, said.text
    assert set(project.pytest("-v", "--nb", "nbs", "--nb-cells").words.values()) == {"PASSED"}
    conftest = (project.root / "nbs" / "conftest.py").read_text()
    project.write("nbs/conftest.py", conftest.replace("'cups': 7", "'cups': 'many'"))
    assert "'many' does not fit the parameter 'cups'" in project.pytest("--nb", "nbs").text
    project.write("nbs/conftest.py", conftest.replace("'brew':", "'brow':"))
    assert "No cell sets 'brow'. Did you mean" in project.pytest("--nb", "nbs").text


def test_fixtures_and_hooks_of_a_conftest_apply(project: Project):
    """What is used automatically is used for notebooks too, and the environment reaches them."""
    project.notebook("nbs/a.ipynb", "import os\nassert os.environ['TEA'] == 'green'")
    project.write(
        "conftest.py",
        "import os, pytest\n\n@pytest.fixture(autouse=True)\ndef tea(monkeypatch):\n"
        "    monkeypatch.setenv('TEA', 'green')\n",
    )
    assert project.pytest("--nb", "nbs").code == 0


def test_workers_share_a_zygote_and_keep_a_notebook_together(project: Project):
    """With -n, cells of a notebook are on one worker, and threads are shared out."""
    tell = "open(name, 'w').write(f'{os.getppid()} {os.environ.get(\"OMP_NUM_THREADS\")}')"
    for name in "abcd":
        project.notebook(f"nbs/{name}.ipynb", f"import os\nname = '{name}.txt'", tell)
    said = project.pytest("-v", "--nb", "nbs", "--nb-cells", "-n", "2")
    workers = re.findall(r"^\[(gw\d)\] \[ *\d+%\] PASSED (nbs/\w)", said.text, re.M)
    assert len(workers) == 8 and len(set(workers)) == 4, said.text
    told = {(project.root / "nbs" / f"{name}.txt").read_text() for name in "abcd"}
    threads = str(max(1, cores() // 2))
    assert len(told) == 1 and told.pop().split()[1] == threads


@pytest.mark.parametrize("workers", ["0", "2"])
def test_coverage_is_that_of_the_same_code_as_a_script(project: Project, workers: str):
    """Line for line, branches included, alone and with workers."""
    project.write("tea.py", PACKAGE)
    codes = {"a": ["import sys\nsys.path.insert(0, '..')", "import tea", "tea.price(3)"],
             "b": ["import sys\nsys.path.insert(0, '..')\nimport tea", "tea.RATE"]}  # fmt: skip
    for name, cells in codes.items():
        project.notebook(f"nbs/{name}.ipynb", *cells)
        project.write(f"scripts/{name}.py", "\n".join(cells))
    said = project.pytest("--nb", "nbs", "--cov=tea", "--cov-branch", "-n", workers)
    assert said.code == 0, said.text
    for name in codes:
        command = [sys.executable, "-m", "coverage", "run", "-p", "--branch", "--source=.."]
        command += ["--data-file=../.script", f"{name}.py"]
        subprocess.run(command, cwd=project.root / "scripts", check=True)
    _coverage(project, "combine", "--data-file=.script")
    found = [_missing(project, data) for data in (".coverage", ".script")]
    assert found[0] == found[1] and found[0]["missing_lines"], found
    project.notebook("nbs/b.ipynb", *codes["b"], "tea.price(11)")
    project.pytest("--nb", "nbs", "--cov=tea", "--cov-branch", "-n", workers)
    assert _missing(project, ".coverage") != found[1]


def test_coverage_can_tell_cells_apart(project: Project):
    """With pytest-cov's own option each line knows the cells that executed it."""
    project.write("tea.py", PACKAGE)
    project.notebook(
        "nbs/a.ipynb", "import sys\nsys.path.insert(0, '..')\nimport tea", "tea.price(1)"
    )
    project.pytest("--nb", "nbs", "--cov=tea", "--cov-context=test")
    _coverage(project, "json", "--show-contexts", "-o", "out.json")
    lines = json.loads((project.root / "out.json").read_text())["files"]["tea.py"]["contexts"]
    assert lines["1"] == ["nbs/a.ipynb::c1"] and lines["7"] == ["nbs/a.ipynb::c2"]


def _coverage(project: Project, *arguments: str) -> None:
    command = [sys.executable, "-m", "coverage", *arguments]
    subprocess.run(command, cwd=project.root, check=True, capture_output=True)


def _missing(project: Project, data: str) -> dict[str, object]:
    _coverage(project, "json", f"--data-file={data}", "--include=tea.py", "-o", "out.json")
    found = json.loads((project.root / "out.json").read_text())["files"]["tea.py"]
    return {name: found[name] for name in ("executed_lines", "missing_lines", "missing_branches")}


def test_only_what_changed_runs(project: Project):
    """A notebook whose inputs are as they were is told as cached, never one that failed."""
    project.write("lib/tea.py", "CUPS = 1\n")
    project.write("lib/milk.py", "CUPS = 1\n")
    begin = "import sys\nsys.path.insert(0, '../lib')\n"
    project.notebook("nbs/a.ipynb", f"{begin}import tea\nassert tea.CUPS < 3")
    project.notebook("nbs/b.ipynb", f"{begin}import milk")
    project.notebook("nbs/c.ipynb", "1 / 0")
    nb = ("-v", "--nb", "nbs", "--nb-changed")
    assert list(project.pytest(*nb).words.values()) == ["PASSED", "PASSED", "FAILED"]
    again = project.pytest(*nb)
    assert list(again.words.values()) == ["CACHED", "CACHED", "FAILED"]
    assert re.search(r"CACHED \(\d+ s\)", again.text) and "2 cached" in again.text
    project.write("lib/tea.py", "CUPS = 2\n")
    assert list(project.pytest(*nb).words.values()) == ["PASSED", "CACHED", "FAILED"]
    project.write("lib/tea.py", "CUPS = 3\n")
    assert list(project.pytest(*nb).words.values()) == ["FAILED", "CACHED", "FAILED"]
    project.write("lib/tea.py", "CUPS = 2\n")
    assert project.pytest(*nb).words["nbs/a.ipynb::notebook"] == "PASSED"
    full = project.pytest(*nb, "--nb-no-cache").words.values()
    assert list(full) == ["PASSED", "PASSED", "FAILED"]


def test_outputs_are_checked_on_request(project: Project):
    """By option, tag, or metadata; what may vary is normalised; --nb-update writes what is new."""
    said = {"output_type": "stream", "name": "stdout", "text": ["3 cups, 12:30:01\n"]}
    cell = Cell("out", "code", "print(f'{cups} cups, 09:15:44')", {}, (said,))
    path = project.notebook("nbs/a.ipynb", "cups = 4", cell)
    nb = ("-v", "--nb", "nbs")
    assert project.pytest(*nb).words == {"nbs/a.ipynb::notebook": "PASSED"}
    checked = project.pytest(*nb, "--nb-check-outputs")
    assert checked.words == {"nbs/a.ipynb::notebook": "DIFFERS"} and "--nb-update" in checked.text
    cells = project.pytest(*nb, "--nb-cells", "--nb-check-outputs").words
    assert list(cells.values()) == ["PASSED", "DIFFERS"]
    assert project.pytest(*nb, "--nb-update").words == {"nbs/a.ipynb::notebook": "UPDATED"}
    assert "4 cups" in path.read_text()
    assert project.pytest(*nb, "--nb-check-outputs").code == 0


def test_who_asks_for_no_notebook_pays_nothing(project: Project):
    """Without notebooks to test, hardly anything of fortnight is imported, and nothing heavy."""
    project.write("test_tea.py", "def test_tea(): pass\n")
    project.write(
        "conftest.py",
        "import sys\n\ndef pytest_unconfigure():\n"
        "    print('LOADED', sorted(n for n in sys.modules if n.startswith('fortnight.')))\n"
        "    print('HEAVY', {'numpy', 'zmq', 'nbformat', 'psutil'} & set(sys.modules))\n",
    )
    said = project.pytest("-q", "-s").text
    assert "HEAVY set()" in said
    assert "fortnight.items" not in said and "fortnight.pytest_plugin" in said


def test_ctrl_c_leaves_nothing(project: Project):
    """An interrupted session ends its kernel, and says how it ended."""
    project.notebook(
        "nbs/a.ipynb", "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--nb", "nbs"],
        cwd=project.root, env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    pid = project.root / "nbs" / "pid"
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 2
    for _ in range(60):
        if not Path("/proc", pid.read_text()).exists():
            break
        time.sleep(0.05)
    assert not Path("/proc", pid.read_text()).exists()
    assert process.stdout is not None and "KeyboardInterrupt" in process.stdout.read()
    process.stdout.close()
