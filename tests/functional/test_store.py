"""The store under strain: random edits, kills during writes, damage, too little room."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from fortnight.hashes import Hashes
from fortnight.making import MakeOptions, make_reports
from fortnight.notebook import read_notebook
from fortnight.report import plan_reports
from fortnight.settings import read_settings
from fortnight.store import Store
from fortnight.world import World

EDITS = 1000 if os.environ.get("FORTNIGHT_SOAK") else 5
KILLS = 200 if os.environ.get("FORTNIGHT_SOAK") else 5
DAY = date(2026, 11, 20)
MODULES = ("cup", "leaf", "pot")
DATA = ("a.csv", "b.csv", "folder/c.csv", "folder/d.csv", "folder/e.csv")


class TeaWorld:
    """A workspace that is edited at random, and what its demos have to say at any time."""

    def __init__(self, workspace, seed: int) -> None:
        self.workspace, self.root, self.random = workspace, workspace.root, random.Random(seed)
        for folder in ("data/folder", "pkg/acme"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "pkg/acme/__init__.py").write_text("")
        self.factors = dict.fromkeys(MODULES, 1)
        self.codes = {"one": 1, "two": 2, "three": 3}
        for name in MODULES:
            self.write_module(name)
        (self.root / "data/a.csv").write_text("1")
        for name in self.codes:
            self.write_demo(name)

    def write_module(self, name: str) -> None:
        """Write a module; the first imports the second, and that the third."""
        after = {"cup": "leaf", "leaf": "pot"}.get(name)
        head = f"from acme.{after} import value as other\n" if after else "other = 0\n"
        comment = f"# {self.random.random()}\n" if self.random.random() < 0.3 else ""
        text = f"{head}{comment}value = other + {self.factors[name]}\n"
        (self.root / f"pkg/acme/{name}.py").write_text(text)

    def write_demo(self, name: str) -> None:
        """Write a demo that imports, reads, looks for and lists something."""
        module = MODULES[self.codes[name] % 3]
        self.workspace.demo(
            name,
            f"import os, sys\nsys.path.insert(0, '../../pkg')\nfrom acme.{module} import value",
            "a = open('../../data/a.csv').read()",
            "b = open('../../data/b.csv').read() if os.path.exists('../../data/b.csv') else '-'",
            "names = sorted(os.listdir('../../data/folder'))",
            "c = open('../../data/folder/c.csv').read() if 'c.csv' in names else '-'",
            f"print({self.codes[name]}, value, a, b, names, c)",
        )

    def edit(self) -> str:
        """Change something, or seem to."""
        kind = self.random.choice(("data", "data", "remove", "module", "demo", "touch", "back"))
        path = self.root / "data" / self.random.choice(DATA)
        if kind == "data" or (kind == "remove" and path.name == "a.csv"):
            path.write_text(str(self.random.randrange(3)))
        elif kind == "remove":
            path.unlink(missing_ok=True)
        elif kind == "module":
            name = self.random.choice(MODULES)
            self.factors[name] = self.random.randrange(3)
            self.write_module(name)
        elif kind == "demo":
            name = self.random.choice(list(self.codes))
            self.codes[name] = self.random.randrange(4)
            self.write_demo(name)
        elif path.exists():
            os.utime(path)
        return f"{kind} {path.name}"

    def expected(self, name: str) -> str:
        """Say what a fresh run of a demo would print."""
        data = self.root / "data"
        value = sum(self.factors[m] for m in MODULES[self.codes[name] % 3 :])
        names = sorted(path.name for path in (data / "folder").iterdir())

        def text(path: Path) -> str:
            return path.read_text() if path.exists() else "-"

        told = (text(data / "a.csv"), text(data / "b.csv"), names, text(data / "folder/c.csv"))
        return " ".join(map(str, (self.codes[name], value, *told)))


def test_a_cached_answer_never_differs(workspace):
    """After any number of random edits every report says what a fresh run would say."""
    tea, cached, runs = TeaWorld(workspace, seed=20), 0, 0
    for number in range(EDITS):
        edit = tea.edit()
        settings = read_settings(workspace.root)
        plans = plan_reports(settings, settings.calendar.sprint_on(DAY))
        made = make_reports(settings, plans, DAY, options=MakeOptions(2))
        for plan in plans:
            cells = read_notebook(plan.run.output).cells
            printed = "".join(cells[-1].outputs[0]["text"]).strip()
            assert printed == tea.expected(plan.demo), f"after edit {number}: {edit}"
        cached += sum(bool(record.cached) for record in made.records.values())
        runs += sum(not record.cached for record in made.records.values())
    assert cached > 0
    assert runs > 0
    print(f"\n{EDITS} edits: {runs} runs, {cached} taken from the store")


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from fortnight.hashes import Hashes
from fortnight.notebook import read_notebook
from fortnight.record import record_in
from fortnight.store import Store, fingerprint_of
from fortnight.trace import Fact, Trace
from fortnight.world import World
root, report = Path(sys.argv[1]), Path(sys.argv[2])
store, world = Store(root), World(root, {}, Hashes(root))
record = record_in(read_notebook(report))
print("ready", flush=True)
number = 0
while True:
    number += 1
    trace = Trace((Fact("sought", f"{number}.csv", ""),), ())
    key = f"{number % 5:032x}"
    kept = replace(record, trace=trace, fingerprint=fingerprint_of(key, trace))
    store.put(key, kept, report, world)
    if number % 7 == 0:
        store.limit = 300_000
        store.prune()
"""


def test_killed_while_writing(workspace):
    """Killed at any moment of a write, the store answers rightly or not at all."""
    workspace.demo("tea", "print('x' * 10_000)")
    assert workspace.fortnight("report").returncode == 0
    report = next(workspace.root.glob("reports/*/tea.ipynb"))
    good, moments, entries = report.read_bytes(), random.Random(7), 0
    world = World(workspace.root, {}, Hashes(workspace.root))
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(workspace.root), str(report)], stdout=subprocess.PIPE
        )
        writer.stdout.readline()
        time.sleep(moments.uniform(0, 0.08))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        store = Store(workspace.root)
        for key in range(5):
            for entry in store.under(f"{key:032x}"):
                entries += 1
                notebook = store.notebook_of(entry)
                assert notebook is None or notebook == read_notebook(report)
            found = store.find(f"{key:032x}", world)
            assert found is None or found.record.trace.of("sought")
        assert store.damaged == [] or all(len(name) == 32 for name in store.damaged)
    assert entries > 0
    assert report.read_bytes() == good


def test_damage_is_noticed(workspace):
    """An entry, or a notebook, that is not what it was is dropped; that is said, and it is run."""
    workspace.demo("tea", "print(1)")
    workspace.fortnight("report")
    for folder in ("????????????????????????????????", "notebooks"):
        for path in (workspace.root / ".fortnight/store" / folder).parent.glob(f"{folder}/*.json"):
            path.write_text(path.read_text().replace("1", "2"))
        next(workspace.root.glob("reports/*/tea.ipynb")).unlink()
        done = workspace.fortnight("report")
        assert done.returncode == 0
        assert "dropped" in done.stdout
        assert "running" in done.stderr


def test_the_store_stays_within_its_limit(workspace):
    """What was not used the longest goes first."""
    for name in ("old", "new"):
        workspace.demo(name, f"print('{name}' * 20_000)")
    assert workspace.fortnight("report").returncode == 0
    store = Store(workspace.root)
    for path in store.folder.rglob("*.*"):
        if "old" in path.read_text():
            os.utime(path, (1, 1))
    sizes = [path.stat().st_size for path in store.folder.rglob("*") if path.is_file()]
    store.limit = int(sum(sizes) * 0.7)
    store.prune()
    left = [path.read_text() for path in store.folder.glob("notebooks/*")]
    assert len(left) == 1
    assert "newnew" in left[0]


def test_the_store_can_be_moved(workspace, tmp_path):
    """CI keeps the folder between jobs; another clone takes past runs from it."""
    workspace.demo("tea", "print(open('../../settings.ini').read())")
    assert workspace.fortnight("report").returncode == 0
    other = replace(workspace, root=tmp_path / "clone")
    for name in ("nbs/demos/tea.ipynb", "settings.ini"):
        (other.root / name).parent.mkdir(parents=True, exist_ok=True)
        (other.root / name).write_bytes((workspace.root / name).read_bytes())
    store = other.root / ".fortnight" / "store"
    store.parent.mkdir()
    (workspace.root / ".fortnight" / "store").rename(store)
    done = other.fortnight("report")
    assert "not run again" in done.stderr


def test_less_than_before(workspace):
    """A run that passes with fewer figures is flagged, on the page and in the exit code."""
    figure = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    cells = [
        "import os",
        f"if os.path.exists('more'):\n    {figure.replace(chr(10), chr(10) + '    ')}",
    ]
    (workspace.root / "nbs/demos").mkdir(parents=True)
    more = workspace.root / "nbs/demos/more"
    more.write_text("")
    workspace.demo("tea", *cells)
    assert workspace.fortnight("report").returncode == 0
    more.unlink()
    for _ in range(2):  # the second one does no less than the first, and is no better for it
        done = workspace.fortnight("report")
        assert done.returncode == 1, done.stdout
        assert "0 figures, 1 before" in done.stdout
    page = next(workspace.root.glob("reports/site/*/tea.html")).read_text()
    assert "0 figures, 1 before" in page
    workspace.settings("[run]\nshrink = warn\n")
    done = workspace.fortnight("report")
    assert done.returncode == 0
    assert "0 figures, 1 before" in done.stdout
    workspace.settings()
    assert workspace.fortnight("report", "--accept").returncode == 0
    assert workspace.fortnight("report").returncode == 0
