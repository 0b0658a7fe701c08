"""What makes a report stale, and what doesn't: by the store, and by `fortnight why`."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Workspace, environment

CELLS = (
    "import os, sys\nfrom pathlib import Path\nsys.path.insert(0, '../../pkg')\nimport json",
    "from acme.steep import steep",
    "data = Path('../../data')\ntext = (data / 'leaves.csv').read_text()",
    "more = (data / 'more.csv').exists()",
    "names = sorted(os.listdir(data / 'folder'))",
    "tea = os.environ.get('TEA')",
    "(data / 'out.txt').write_text(f'{cups} {text} {more} {names} {tea} {steep()}')",
    "print((data / 'out.txt').read_text())",
)
MODULES = {
    "__init__": "",
    "steep": "from acme.leaves import leaves\n\n\ndef steep():\n    return leaves() + 1\n",
    "leaves": 'def leaves():\n    """Count."""\n    return 3  # spoons\n',
    "milk": "pints = 1\n",
}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory) -> Workspace:
    """Make a workspace whose one demo has just been run."""
    made = Workspace(tmp_path_factory.mktemp("baseline") / "acme")
    for folder in ("data/folder", "data/other", "pkg/acme"):
        (made.root / folder).mkdir(parents=True)
    made.settings()
    for name, text in MODULES.items():
        (made.root / f"pkg/acme/{name}.py").write_text(text)
    (made.root / "data/leaves.csv").write_text("5")
    (made.root / "data/folder/a.csv").write_text("1")
    made.demo("tea", *CELLS, parameters="cups: int = 2")
    assert caches(made) == {"tea": False}
    assert caches(made) == {"tea": True}
    return made


def package(folder: Path, version: str) -> None:
    """Install a package that no notebook imports, in this version only."""
    shutil.rmtree(folder, ignore_errors=True)
    info = folder / f"earlgrey-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: earlgrey\nVersion: {version}\n")
    (info / "top_level.txt").write_text("earlgrey\n")
    (info / "RECORD").write_text("earlgrey.py,,\n")
    (folder / "earlgrey.py").write_text("")


def caches(workspace: Workspace, *arguments: str) -> dict[str, bool]:
    """Make the reports; say of each demo whether it was taken from the store."""
    done = workspace.fortnight("report", "--json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {e["run"]: bool(e["record"]["cached"]) for e in events if "record" in e}


def edit(workspace: Workspace, path: str, old: str, new: str) -> None:
    """Replace a text in a file."""
    file = workspace.root / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def write(path: str, text: str = "7") -> Callable[[Workspace], None]:
    """Return a change that writes a file."""
    return lambda workspace: bool((workspace.root / path).write_text(text)) and None


def replaced(path: str, old: str, new: str) -> Callable[[Workspace], None]:
    """Return a change that edits a file."""
    return lambda workspace: edit(workspace, path, old, new)


def variable(name: str) -> Callable[[Workspace], None]:
    """Return a change that sets an environment variable."""
    return lambda workspace: workspace.environment.update({name: "Assam"})


def back_again(workspace: Workspace) -> None:
    """Change a file, make the report, and change the file back."""
    edit(workspace, "data/leaves.csv", "5", "6")
    assert caches(workspace) == {"tea": False}
    assert "6 False" in next(workspace.root.glob("reports/*/tea.ipynb")).read_text()
    edit(workspace, "data/leaves.csv", "6", "5")
    (workspace.root / "data/out.txt").write_text("2 5 False ['a.csv'] None 4")


DEMO = "nbs/demos/tea.ipynb"
LEAVES, STEEP = "pkg/acme/leaves.py", "pkg/acme/steep.py"
CHANGES: dict[str, tuple[Callable[[Workspace], None], str]] = {
    # what is done, and what `why` has to name; nothing if the report stays fresh
    "nothing": (lambda _: None, ""),
    "a touch": (lambda w: os.utime(w.root / "data/leaves.csv"), ""),
    "a touch of a module": (lambda w: os.utime(w.root / LEAVES), ""),
    "prose": (replaced(DEMO, "# tea", "# Tea, at last"), ""),
    "a comment": (replaced(DEMO, "import json", "import json  # for later"), ""),
    "layout": (replaced(DEMO, "os.environ.get('TEA')", "os.environ.get(  'TEA'  )"), ""),
    "code": (replaced(DEMO, "print(", "print('so:', "), "cell 10"),
    "a semicolon": (replaced(DEMO, "(data / 'out.txt').read_text())", "2);"), "cell 10"),
    "a default": (replaced(DEMO, "cups: int = 2", "cups: int = 3"), "cups"),
    "a setting": (lambda w: w.settings("[demo tea]\nparameters = cups=3\n"), "cups"),
    "an input": (replaced("data/leaves.csv", "5", "6"), "leaves.csv"),
    "an input and back": (back_again, ""),
    "an input that is gone": (lambda w: (w.root / "data/leaves.csv").unlink(), "leaves.csv"),
    "an input that appears": (write("data/more.csv"), "more.csv"),
    "a file in a listed folder": (write("data/folder/b.csv"), "data/folder"),
    "a file in another folder": (write("data/other/b.csv"), ""),
    "the content of a listed file": (write("data/folder/a.csv"), ""),
    "a module": (replaced(STEEP, "+ 1", "+ 2"), "steep.py"),
    "a module of a module": (replaced(LEAVES, "return 3", "return 4"), "leaves.py"),
    "a comment in a module": (replaced(LEAVES, "# spoons", "# cups"), ""),
    "a docstring": (replaced(LEAVES, "Count.", "Count them."), "leaves.py"),
    "a module that nobody imports": (replaced("pkg/acme/milk.py", "1", "2"), ""),
    "another notebook": (lambda w: w.notebook("nbs/explore/milk.ipynb", "1") and None, ""),
    "a variable that is read": (variable("TEA"), "TEA"),
    "a variable that nobody reads": (variable("MILK"), ""),
    "an output that is gone": (lambda w: (w.root / "data/out.txt").unlink(), "out.txt"),
    "an output that is changed": (write("data/out.txt"), "out.txt"),
    "a module in the way": (write("nbs/demos/json.py", "dumps = 1"), "nbs/demos"),
    "a stricter shell": (lambda w: w.settings("[run]\nshell_failures = ignore\n"), "shell"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change(baseline, tmp_path, name):
    """A change of what the run relied on makes it run again, and is named; others don't."""
    shutil.copytree(baseline.root.parent, tmp_path / "copy", symlinks=True)
    workspace = Workspace(tmp_path / "copy" / "acme", dict(baseline.environment))
    change, named = CHANGES[name]
    change(workspace)
    said = workspace.fortnight("why", "tea")
    cached = caches(workspace)["tea"]
    assert cached == (not named), said.stdout
    if name not in ("a stricter shell", "an input and back"):  # there the report is another one
        assert said.returncode == (1 if named else 0), said.stdout + said.stderr
        assert named in said.stdout


def test_there_are_enough_changes():
    """The table above is as long as it was promised to be, and has both answers."""
    assert len(CHANGES) >= 25
    assert sum(not named for _, named in CHANGES.values()) >= 10


def test_an_upgraded_package(workspace, tmp_path):
    """Another version of any installed package makes every report run again."""
    packages = tmp_path / "packages"
    package(packages, "1.0")
    workspace.environment = environment(PYTHONPATH=str(packages))
    workspace.demo("tea", "print(1)")
    assert [caches(workspace)["tea"] for _ in range(2)] == [False, True]
    package(packages, "1.1")
    assert "package" in workspace.fortnight("why", "tea").stdout
    assert caches(workspace) == {"tea": False}


UNSEEN = {
    "the clock": ("import datetime\nprint(datetime.date.today())", "clock"),
    "a network": (
        "import socket\ns = socket.socket()\nprint(s.connect_ex(('127.0.0.1', 9)))",
        "connects to 127.0.0.1:9",
    ),
    "another program": ("import subprocess\nsubprocess.run(['true'])", "another program: true"),
    "a shell line": ("!true", "another program"),
    "a worker": (
        "from concurrent.futures import ProcessPoolExecutor as P\n"
        "with P(1) as pool:\n    print(pool.submit(abs, -1).result())",
        "a copy of itself",
    ),
    "an unseen reader": (
        "import pandas as pd\nif len('x') > 1:\n    pd.read_parquet('x')\nprint(1)",
        "read_parquet",
    ),
    "all variables": ("import os\nprint(len(dict(os.environ)) > 0)", "all environment variables"),
    "what it changes itself": (
        "with open('log.txt', 'a') as f:\n    f.write('1')\nprint(open('log.txt').read())",
        "",
    ),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_cannot_be_seen_is_run_again(workspace, name):
    """A run that does what no trace can see is never taken from the store, and says why."""
    code, named = UNSEEN[name]
    workspace.demo("tea", code)
    if not named:
        (workspace.root / "nbs/demos/log.txt").write_text("0")
    assert caches(workspace) == {"tea": False}
    assert caches(workspace) == {"tea": False}
    said = workspace.fortnight("why", "tea")
    assert said.returncode == 1
    assert named in said.stdout


def test_a_declaration_covers_what_a_reader_reads(workspace):
    """Declared files count like those that are seen; a declaration covers nothing else."""
    read = (
        "import fortnight\nfortnight.reads('*.parquet')\nimport pandas\nreader = 'read_parquet'\n"
    )
    read += "getattr(pandas, reader)\nif False:\n    pandas.read_parquet('x')"
    file = workspace.root / "nbs/demos/x.parquet"
    workspace.demo("tea", read)
    workspace.demo("milk", read, "!true")
    file.write_text("1")
    assert caches(workspace) == {"tea": False, "milk": False}
    assert caches(workspace) == {"tea": True, "milk": False}
    file.write_text("2")
    assert "x.parquet" not in workspace.fortnight("why", "milk").stdout.partition("can't")[2]
    assert "*.parquet" in workspace.fortnight("why", "tea").stdout
    assert caches(workspace)["tea"] is False


def test_two_that_work_on_one_file(workspace):
    """Two runs at once that read and write one file are a hazard: named, and not kept."""
    meet = "import time\ntime.sleep(0.5)\nopen('log.txt', 'w').write('1')\ntime.sleep(0.5)"
    for name in ("tea", "milk"):
        workspace.demo(name, meet.replace("'1'", f"'{name}'"))
    assert caches(workspace, "-j", "2") == {"tea": False, "milk": False}
    said = workspace.fortnight("why", "tea").stdout
    assert "log.txt at the same time as milk" in said
    assert not any(caches(workspace, "-j", "2").values())
    assert caches(workspace, "-j", "1", "--force") == {"tea": False, "milk": False}


def test_status_has_all_records(workspace):
    """A program gets the records of all reports from one command."""
    workspace.demo("tea", "print(open('../../settings.ini').read())")
    caches(workspace)
    status = json.loads(workspace.fortnight("status", "--json").stdout)
    ((path, record),) = status["reports"].items()
    assert path.endswith("/tea.ipynb")
    facts = {(fact["kind"], fact["name"]): fact for fact in record["trace"]["facts"]}
    assert facts["read", "settings.ini"]["size"] > 0
    assert facts["read", "settings.ini"]["cell"] == 2


def test_no_record_names_the_folder_that_a_workspace_lies_in(workspace):
    """A report says nothing of where the workspace lies, and holds where it is moved to."""
    code = "import fortnight\nroot = fortnight.root()\nprint(len(list((root / 'nbs').iterdir())))"
    workspace.demo(
        "tea", code, "from pathlib import Path\nroot.resolve().exists(), Path('.').stat()"
    )
    caches(workspace)
    record = json.loads(workspace.fortnight("status", "--json").stdout)["reports"].popitem()[1]
    names = [fact["name"] for fact in record["trace"]["facts"] if "fortnight" not in fact["name"]]
    assert not any(str(workspace.root.parent) in name for name in names)
    kinds = ("read", "sought", "listed", "written")
    outside = [f["name"] for f in record["trace"]["facts"] if f["kind"] in kinds]
    assert not any(Path(name).is_absolute() for name in outside), outside


def test_forced(workspace):
    """`--force` runs what could be taken from the store."""
    workspace.demo("tea", "print(1)")
    assert [caches(workspace, *a)["tea"] for a in ((), (), ("--force",))] == [False, True, False]


def test_a_cached_report_is_the_notebook_of_today(workspace):
    """Prose and comments are those of now, outputs those of the run, and its age is told."""
    workspace.demo("tea", "print(1 + 1)", parameters="cups: int = 2")
    workspace.settings("[demo tea]\nparameters = cups=3\n")
    caches(workspace)
    edit(workspace, DEMO, "# tea", "# Tea, at last")
    edit(workspace, DEMO, "print(1 + 1)", "print(1 + 1)  # as always")
    time.sleep(0.01)
    assert caches(workspace) == {"tea": True}
    report = json.loads(next(workspace.root.glob("reports/*/tea.ipynb")).read_text())
    text = json.dumps(report)
    assert "Tea, at last" in text
    assert "as always" in text
    assert [c["outputs"][0]["text"] for c in report["cells"] if c.get("outputs")] == ["2\n"]
    assert "injected-parameters" in text
    record = report["metadata"]["fortnight"]
    assert record["started"]
    assert record["parameters"] == {"cups": 3}


def test_a_secret_is_not_kept(workspace):
    """A run that was given a secret is run every time."""
    workspace.demo("tea", "print(len(api_key))", parameters="api_key: str = ''")
    given = ("-p", "api_key=CANARY-1234567890")
    assert [caches(workspace, *given)["tea"] for _ in range(2)] == [False, False]
    assert not any(
        b"CANARY" in path.read_bytes() for path in workspace.root.rglob("*") if path.is_file()
    )
