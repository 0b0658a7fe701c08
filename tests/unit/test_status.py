"""The way of notebooks and names through a workspace, each step with and without it."""

import ast
import json
import os
import time
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from coverage.python import PythonParser

from fortnight.cli import app
from fortnight.errors import FortnightError
from fortnight.ledger import Entry, write_entries
from fortnight.measured import Share, spans_in
from fortnight.mentions import mentions_of
from fortnight.notebook import Cell, Notebook, dump_notebook, read_notebook
from fortnight.overview import show_notebook, show_status
from fortnight.passes import keep_pass
from fortnight.provenance import Provenance
from fortnight.record import Failure, Record, code_hash, with_record
from fortnight.settings import package_folder, read_settings
from fortnight.status import status_of

TODAY = date(2026, 11, 20)
SPRINT = "2026-11-16"
CUPS = (
    "#| default_exp cups",
    "#| export\nLEAVES = 3",
    "#| export\ndef brew(n):\n    if not n:\n        return\n    return [_fill(i) for i in n]",
    "#| export\ndef _fill(cup):\n    return cup, LEAVES",
    "#| export\ndef wash():\n    return 'clean'",
)
BREW = "nbs/explore/brewing.ipynb"


class Shop:
    """A small workspace, made file by file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("settings.ini", SETTINGS)

    def write(self, name: str, text: str) -> Path:
        """Write a file that has been there for a while."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return path

    def notebook(self, name: str, *sources: str, **cell) -> Notebook:
        """Write a notebook with these code cells."""
        cells = tuple(Cell(f"c{i}", "code", s, **cell) for i, s in enumerate(sources))
        self.write(name, dump_notebook(Notebook(cells)))
        return read_notebook(self.root / name)

    def library(self, *lessons: str) -> None:
        """Write the library, with lessons, and its module."""
        self.notebook("nbs/lib/00_cups.ipynb", *CUPS, *lessons)
        code = [source.removeprefix("#| export\n") for source in CUPS[1:]]
        self.write("pkg/tea/cups.py", "\n\n\n".join(code) + "\n")

    def record(self, name: str, outcome: str = "passed", started: str = "2026-11-19") -> Record:
        """Return the record of a run of a notebook as it is now."""
        code = code_hash(read_notebook(self.root / name))
        failure = None if outcome == "passed" else Failure(2, "c1", "ValueError", "no cups\nat all")
        where = Provenance("", False, "python3", "3.11", "Linux", {})
        started = f"{started}T10:00:00+00:00"
        return Record(name, code, {}, "", outcome, started, 1.0, (), failure, where)

    def passed(self, name: str, started: str = "2026-11-19") -> None:
        """Let a test of a notebook pass."""
        keep_pass(name, "", self.record(name, started=started), self.root, "")

    def report(self, demo: str, outcome: str = "passed", sprint: str = SPRINT) -> None:
        """Let the demo be reported, as its notebook is now."""
        name = f"nbs/demos/{demo}.ipynb"
        done = with_record(read_notebook(self.root / name), self.record(name, outcome))
        kept = demo if outcome == "passed" else f"{demo}.partial"
        self.write(f"reports/{sprint}/{kept}.ipynb", dump_notebook(done))

    def ledger(self, **changes: str) -> None:
        """Write down that `brew` was promoted."""
        fields = {"module": "tea.cups", "name": "brew", "notebook": BREW, "cell": "c1"}
        fields |= {"commit": "", "proven": "outputs are equal"} | changes
        self.write("promoted.tsv", write_entries([Entry(**fields)]).decode())

    def measured(self, executed: list[int], when: float | None = None) -> None:
        """Leave a measurement of the module."""
        from coverage import CoverageData

        path = self.root / ".coverage"
        data = CoverageData(str(path))
        data.add_lines({str(self.root / "pkg/tea/cups.py"): executed})
        data.write()
        data.close()
        if when is not None:
            os.utime(path, (when, when))

    def status(self, only: str | None = None):
        """Return the status."""
        settings = read_settings(self.root)
        return status_of(settings, TODAY, Path(only) if only else None)

    def row(self, name: str):
        """Return the status of one notebook."""
        (row,) = self.status(name).notebooks
        return row

    def name(self, notebook: str, name: str):
        """Return the status of one name."""
        (row,) = [one for one in self.row(notebook).names if one.name == name]
        return row


SETTINGS = """[workspace]
package = tea

[sprint]
first_day = 2026-11-16
length_days = 14
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Make an empty workspace."""
    return Shop(tmp_path.resolve())


# Runs from top to bottom


def test_a_notebook_that_nobody_has_run_is_unknown(shop):
    """Nothing is claimed of it, and the next step is to run it, as its kind is run."""
    shop.notebook(BREW, "x = 1")
    shop.library()
    assert shop.row(BREW).runs.state == "unknown"
    assert shop.row(BREW).next.command == f"fortnight run {BREW}"
    assert shop.row("nbs/lib/00_cups.ipynb").next.command == "pytest nbs/lib/00_cups.ipynb"


def test_a_pass_of_the_same_code_counts_and_one_of_other_code_does_not(shop):
    """A comment changes nothing; a value does."""
    shop.notebook(BREW, "x = 1")
    shop.passed(BREW)
    shop.notebook(BREW, "x = 1  # a cup")
    assert shop.row(BREW).runs.state == "yes"
    shop.notebook(BREW, "x = 2")
    runs = shop.row(BREW).runs
    assert (runs.state, runs.why) == ("unknown", "changed since it was run on 2026-11-19")


def test_the_last_run_decides(shop):
    """A failure after a pass is a no, with the cell; a pass after the failure is a yes again."""
    shop.notebook(BREW, "x = 1")
    shop.passed(BREW, "2026-11-18")
    failed = with_record(read_notebook(shop.root / BREW), shop.record(BREW, "failed"))
    shop.write(f".fortnight/runs/{BREW[:-6]}.partial.ipynb", dump_notebook(failed))
    runs = shop.row(BREW).runs
    assert runs.state == "no"
    assert runs.why == "failed on 2026-11-19: cell 2 (c1): ValueError: no cups"
    assert shop.row(BREW).next.command == f"fortnight lab {BREW}"
    shop.passed(BREW, "2026-11-20")
    assert shop.row(BREW).runs.state == "yes"


def test_an_interrupted_run_says_nothing(shop):
    """Whoever ended it may have had other reasons than the notebook."""
    shop.notebook(BREW, "x = 1")
    left = with_record(read_notebook(shop.root / BREW), shop.record(BREW, "interrupted"))
    shop.write(f".fortnight/runs/{BREW}", dump_notebook(left))
    assert shop.row(BREW).runs.state == "unknown"


def test_a_test_that_came_to_other_results_has_failed(shop):
    """It ran to its end, and still its stored outputs are wrong."""
    shop.notebook(BREW, "x = 1")
    left = with_record(read_notebook(shop.root / BREW), shop.record(BREW))
    shop.write(f".fortnight/failed/{BREW}", dump_notebook(left))
    runs = shop.row(BREW).runs
    assert (runs.state, "not those that it is kept with" in runs.why) == ("no", True)


@pytest.mark.parametrize(
    ("cells", "why", "verb"),
    [
        (["print(cups)"], "cell 1: `cups` is defined by no cell", "lab"),
        (["print(n)", "n = 1"], "cell 1: `n` is used before cell 2 defines it", "lab"),
        (["# to be written", ""], "it has no code", "lab"),
    ],
)
def test_a_notebook_tells_of_hidden_state_itself(shop, cells, why, verb):
    """Names that aren't there are a no, which is mended in the notebook."""
    shop.notebook(BREW, *cells)
    row = shop.row(BREW)
    assert (row.runs.state, row.runs.why) == ("no", why)
    assert row.next.command == f"fortnight {verb} {BREW}"


def test_numbers_in_another_order_are_put_right_by_a_run(shop):
    """It was not run from top to bottom; whether it would, a run says."""
    cells = tuple(Cell(f"c{n}", "code", f"x{n} = 1", execution_count=n) for n in (2, 1))
    shop.write(BREW, dump_notebook(Notebook(cells)))
    row = shop.row(BREW)
    assert (row.runs.state, row.runs.cure) == ("no", "run")
    assert "before cell 1, which stands above it" in row.runs.why
    assert row.next.command == f"fortnight run {BREW}"
    shop.passed(BREW)
    assert shop.row(BREW).runs.state == "yes"


def test_a_saved_error_is_a_no_unless_it_is_meant(shop):
    """The tag of an error that is to be there is known."""
    error = ({"output_type": "error", "ename": "KeyError", "evalue": "'tea'", "traceback": []},)
    shop.notebook(BREW, "x = 1", outputs=error)
    assert "saved with an error in cell 1" in shop.row(BREW).runs.why
    shop.notebook(BREW, "x = 1", outputs=error, metadata={"tags": ["raises-exception"]})
    assert shop.row(BREW).runs.state == "unknown"


# Promoted


def test_definitions_stand_where_their_verdict_puts_them(shop):
    """What can go is told with the command; what stays with its reason."""
    shop.notebook(
        BREW,
        "pots = input()\nLEAVES = 3",
        "def brew(n):\n    return [LEAVES] * n",
        "def count():\n    return len(pots)",
        "def odd():\n    return eval('pots')",
    )
    rows = {one.name: one for one in shop.row(BREW).names}
    assert {name: one.stage for name, one in rows.items()} == {
        "LEAVES": "goes_along",
        "brew": "can_go",
        "count": "with_parameters",
        "odd": "stays",
    }
    assert rows["brew"].next.command == f"fortnight promote {BREW} brew"
    assert rows["count"].next.command == f"fortnight promote {BREW} count --parameters"
    assert rows["odd"].next is None and "cell 4" in rows["odd"].why
    shop.passed(BREW)
    assert shop.row(BREW).next.command == f"fortnight plan {BREW}"


def test_nothing_leaves_a_notebook_that_does_not_run(shop):
    """Promotion would refuse, so the one step is to mend it."""
    shop.notebook(BREW, "def brew(n):\n    return n", "brew(cups)")
    assert shop.name(BREW, "brew").next is None
    assert shop.row(BREW).next.command == f"fortnight lab {BREW}"


def test_a_module_gets_a_name_that_it_can_have(shop):
    """A notebook may be called as no module can be."""
    name = "nbs/explore/2026 my-tea.ipynb"
    shop.notebook(name, "def brew(n):\n    return n")
    step = shop.name(name, "brew").next
    assert step.command == f"fortnight promote '{name}' brew --to from_2026_my_tea"


def test_what_was_promoted_is_told_where_it_came_from(shop):
    """On both sides: in the exploration, and in the library."""
    shop.library()
    shop.notebook(BREW, "from tea.cups import brew\nbrew('ab')")
    assert shop.row(BREW).names == ()
    shop.ledger()
    row = shop.name(BREW, "brew")
    assert (row.stage, row.module, row.proven) == ("promoted", "tea.cups", "outputs are equal")
    assert shop.name("nbs/lib/00_cups.ipynb", "brew").origin == BREW
    assert shop.name("nbs/lib/00_cups.ipynb", "wash").origin == ""


def test_a_new_version_and_a_wrong_ledger_are_told(shop):
    """One is promoted with --update; the other is a line too many."""
    shop.library()
    shop.ledger()
    shop.notebook(BREW, "def brew(n):\n    return n")
    row = shop.name(BREW, "brew")
    assert row.stage == "again"
    assert row.next.command == f"fortnight promote {BREW} brew --to cups --update"
    shop.ledger(name="pour")
    row = shop.name(BREW, "pour")
    assert (row.stage, row.next.command) == ("gone", "")
    assert "promoted.tsv" in row.next.why


# Tested


@pytest.mark.parametrize(
    "code",
    [
        "from tea.cups import brew\n\ndef test():\n    assert brew(1)",
        "from tea.cups import brew as b\nb(1)",
        "import tea.cups as c\nc.brew(1)",
        "import tea.cups\ntea.cups.brew(1)",
        "from tea import cups\ncups.brew(1)",
        "def test():\n    from tea.cups import brew\n    brew(1)",
        "from tea.cups import *",
    ],
)
def test_a_test_is_found_however_it_imports(shop, code):
    """The name is the same."""
    shop.library()
    shop.write("tests/unit/test_cups.py", code)
    assert shop.name("nbs/lib/00_cups.ipynb", "brew").tests == ("tests/unit/test_cups.py",)


@pytest.mark.parametrize(
    "code",
    [
        "from tea.cups import wash\nwash()",
        "from tea.cups import brew",
        "from coffee.cups import brew\nbrew(1)",
        "brew = 1\nprint(brew)",
        "'from tea.cups import brew; brew(1)'",
        "def broken(:",
    ],
)
def test_what_only_looks_like_a_test_is_none(shop, code):
    """An import that nobody reads, another's brew, a text, and what Python can't read."""
    shop.library()
    shop.write("tests/unit/test_cups.py", code)
    row = shop.name("nbs/lib/00_cups.ipynb", "brew")
    assert row.tests == ()
    assert row.next.command == "fortnight lab nbs/lib/00_cups.ipynb"


def test_a_lesson_is_a_test_if_the_notebook_is_one(shop):
    """And an exploration that calls a name isn't."""
    shop.library("brew('ab')")
    shop.notebook(BREW, "from tea.cups import wash\nwash()")
    assert shop.name("nbs/lib/00_cups.ipynb", "brew").tests == ("nbs/lib/00_cups.ipynb",)
    assert shop.name("nbs/lib/00_cups.ipynb", "wash").tests == ()
    shop.write("settings.ini", SETTINGS + "\n[test]\nnotebooks = ./nbs/explore/\n")
    assert shop.name("nbs/lib/00_cups.ipynb", "brew").tests == ()
    assert shop.name("nbs/lib/00_cups.ipynb", "wash").tests == (BREW,)


def test_private_names_are_not_told(shop):
    """They are tested by whoever calls them."""
    shop.library()
    names = [one.name for one in shop.row("nbs/lib/00_cups.ipynb").names]
    assert names == ["LEAVES", "brew", "wash"]


# Covered


def test_coverage_is_told_if_it_was_measured(shop):
    """Of the three statements of brew two were executed; lessons alone are not measured."""
    shop.library("wash()")
    shop.write("tests/unit/test_cups.py", "from tea.cups import brew\nbrew(1)")
    row = shop.name("nbs/lib/00_cups.ipynb", "brew")
    assert (row.share, shop.status().coverage) == (None, "nobody has measured it")
    lines = (shop.root / "pkg/tea/cups.py").read_text().splitlines()
    at = {text.strip(): number for number, text in enumerate(lines, start=1)}
    shop.measured([at["def brew(n):"], at["if not n:"], at["return"], at["def wash():"]])
    assert shop.name("nbs/lib/00_cups.ipynb", "brew").share == Share(2, 3)
    assert shop.name("nbs/lib/00_cups.ipynb", "wash").share is None
    assert shop.row("nbs/lib/00_cups.ipynb").share == Share(2, 3)
    assert shop.status().coverage == ""


def test_an_old_measurement_is_none(shop):
    """The lines of the module are others now."""
    shop.library()
    shop.measured([4], when=1_600_000_000)
    assert shop.name("nbs/lib/00_cups.ipynb", "brew").share is None


def test_a_broken_measurement_is_told(shop):
    """It is no reason to tell nothing."""
    shop.library()
    shop.write(".coverage", "not a database, but long enough to be taken for something else")
    assert "can't be read" in shop.status().coverage


def test_statements_are_those_that_coverage_counts():
    """Of calls: not heads, docstrings, `global`, or what is excluded."""
    source = '''
def brew(n=3):
    """Make tea."""
    global POT
    try:
        x = [
            1,
        ]
    except ValueError:
        if n:  # pragma: no cover
            return 2
    finally:
        POT = n
    return x

class Cup:
    size = 3
    def fill(self):
        """Fill it."""
        return 1
'''
    spans = spans_in(source)
    assert spans == {
        "brew": [(5, 5), (6, 8), (13, 13), (9, 9), (14, 14)],
        "Cup": [(20, 20)],
    }


# In a demo, on a report


def test_a_demo_uses_names_itself_and_through_others(shop):
    """What is behind what it shows is in use too."""
    shop.library("brew('ab')", "wash()")
    shop.notebook("nbs/demos/menu.ipynb", "from tea.cups import brew\nbrew('ab')")
    shop.write("settings.ini", SETTINGS + "\n[test]\nnotebooks = nbs/lib nbs/demos\n")
    brew, wash = (shop.name("nbs/lib/00_cups.ipynb", name) for name in ("brew", "wash"))
    leaves = shop.name("nbs/lib/00_cups.ipynb", "LEAVES")
    assert (brew.demos, brew.through) == (("menu",), ())
    assert (leaves.demos, leaves.through) == ((), ("menu",))
    assert (wash.demos, wash.through) == ((), ())
    assert brew.tests == ("nbs/lib/00_cups.ipynb",), "a demo is no test of what it uses"
    assert wash.next.command == "fortnight lab nbs/demos/menu.ipynb"
    assert brew.next.command == "fortnight report menu"


def test_the_front_door_leads_to_the_name(shop):
    """A demo that imports from the package itself uses what the package passes on."""
    shop.library()
    shop.notebook(
        "nbs/lib/95_front.ipynb", "#| default_exp __init__", "#| export\nfrom tea.cups import brew"
    )
    shop.notebook("nbs/demos/menu.ipynb", "import tea\ntea.brew('ab')")
    assert shop.name("nbs/lib/00_cups.ipynb", "brew").demos == ("menu",)


def test_a_report_counts_as_long_as_the_demo_is_the_same(shop):
    """Passed, with the code of today; then there is nothing left to do."""
    shop.library("brew('ab')")
    menu = "nbs/demos/menu.ipynb"
    shop.notebook(menu, "from tea.cups import brew\nbrew('ab')")
    assert shop.row(menu).next.why == "there is no report of it"
    shop.report("menu")
    row = shop.name("nbs/lib/00_cups.ipynb", "brew")
    assert (row.reports, row.next) == (("menu",), None)
    assert (shop.row(menu).current, shop.row(menu).next) == (True, None)
    shop.notebook(menu, "from tea.cups import brew\nbrew(3)")
    row = shop.name("nbs/lib/00_cups.ipynb", "brew")
    assert (row.reports, row.next.command) == ((), "fortnight report menu")
    assert shop.row(menu).next.why == f"changed since its report of {SPRINT}"


def test_a_failed_run_hides_the_good_report(shop):
    """The later of the two is the news."""
    menu = "nbs/demos/menu.ipynb"
    shop.notebook(menu, "x = 1")
    shop.report("menu")
    record = shop.record(menu, "failed", "2026-11-20")
    left = with_record(read_notebook(shop.root / menu), record)
    shop.write(f"reports/{SPRINT}/menu.partial.ipynb", dump_notebook(left))
    row = shop.row(menu)
    assert (row.outcome, row.current, row.runs.state) == ("failed", False, "no")


def test_another_sprint_wants_another_report(shop):
    """Of the demos that the team has chosen; others wait until they are asked for."""
    menu = "nbs/demos/menu.ipynb"
    shop.notebook(menu, "x = 1")
    shop.write("settings.ini", SETTINGS.replace("2026-11-16", "2026-11-02"))
    shop.report("menu", sprint="2026-11-02")
    assert shop.row(menu).next.command == "fortnight report menu"
    shop.write("settings.ini", SETTINGS.replace("2026-11-16", "2026-11-02") + "\n[demos]\nrun =\n")
    assert shop.row(menu).next is None


# The whole


def test_a_library_notebook_needs_a_module(shop):
    """One that exports nothing, and one whose module is not there."""
    shop.notebook("nbs/lib/01_milk.ipynb", "x = 1")
    assert "default_exp" in shop.row("nbs/lib/01_milk.ipynb").next.why
    shop.library()
    (shop.root / "pkg/tea/cups.py").unlink()
    assert shop.row("nbs/lib/00_cups.ipynb").next.command == "fortnight export"


def test_what_is_broken_is_listed_and_the_rest_is_told(shop):
    """A broken notebook, broken code in an exported cell, a broken record, a broken pass."""
    shop.notebook(BREW, "x = 1")
    shop.passed(BREW)
    shop.write("nbs/explore/broken.ipynb", "{")
    shop.notebook("nbs/lib/01_milk.ipynb", "#| default_exp milk", "#| export\ndef (:")
    shop.write(f".fortnight/runs/{BREW}", '{"metadata": {"fortnight": {"outcome": []}}}')
    for path in (shop.root / ".fortnight" / "passes").iterdir():
        path.write_text("{")
    rows = {row.notebook: row for row in shop.status().notebooks}
    assert "not JSON" in rows["nbs/explore/broken.ipynb"].problem
    assert rows["nbs/lib/01_milk.ipynb"].leads_to == "tea.milk"
    assert rows[BREW].runs.state == "unknown"


def test_an_unknown_notebook_is_refused_with_a_near_name(shop):
    """And one outside of the three folders as well."""
    shop.notebook(BREW, "x = 1")
    for name in ("nbs/explore/brewin.ipynb", "/etc/passwd", "settings.ini"):
        with pytest.raises(FortnightError) as caught:
            shop.status(name)
    with pytest.raises(FortnightError, match=r"brewing\.ipynb"):
        shop.status("nbs/explore/brewin.ipynb")
    assert caught.value.cure


def test_an_empty_workspace_has_a_status(shop, capsys):
    """There is a sprint on, and nothing else."""
    show_status(shop.status())
    assert "Sprint 1: 2026-11-16 to 2026-11-29, 9 days left" in capsys.readouterr().out


def test_what_is_remembered_is_dropped_when_it_is_not_true(shop, monkeypatch):
    """A file that changes is read again, and broken memory is none."""
    monkeypatch.setattr("fortnight.hashes._JUST_NOW", 0)
    shop.notebook(BREW, "def brew(n):\n    return n")
    assert [one.name for one in shop.row(BREW).names] == ["brew"]
    (kept,) = (shop.root / ".fortnight" / "facts").iterdir()
    assert json.loads(kept.read_text())
    shop.notebook(BREW, "def pour(n):\n    return n")
    assert [one.name for one in shop.row(BREW).names] == ["pour"]
    kept.write_text("[]")
    assert [one.name for one in shop.row(BREW).names] == ["pour"]
    for text in ("{}", "nonsense"):
        kept.write_text(text)
        assert [one.name for one in shop.row(BREW).names] == ["pour"]


def test_the_json_is_the_same_facts(shop):
    """It has plain values only, and every row has every key."""
    shop.library()
    shop.write("tests/unit/test_cups.py", "from tea.cups import brew\nbrew(1)")
    shop.notebook(BREW, "def pour(n):\n    return n")
    shop.measured([1])
    told = json.loads(json.dumps(shop.status().as_json()))
    rows = {row["notebook"]: row for row in told["notebooks"]}
    assert rows[BREW]["runs"] == {
        "state": "unknown",
        "why": "no run of it is known",
        "cure": "run",
    }
    assert rows[BREW]["names"][0]["next"]["command"] == f"fortnight promote {BREW} pour"
    assert rows["nbs/lib/00_cups.ipynb"]["names"][1]["share"] == {"executed": 0, "statements": 3}
    assert len({tuple(row) for row in rows.values()}) == 1


def test_a_terminal_is_told_every_step(shop, capsys):
    """The tables have the counts and the commands, in a block for each kind."""
    shop.library("brew('ab')")
    shop.ledger(proven="unproven: nothing was run")
    shop.notebook(BREW, "from tea.cups import brew\nbrew('ab')", "def pour(n):\n    return n[0]")
    shop.notebook("nbs/demos/menu.ipynb", "from tea.cups import brew\nbrew('ab')")
    shop.report("menu")
    shop.write("nbs/explore/broken.ipynb", "{")
    show_status(shop.status())
    said = capsys.readouterr().out
    for part in ("nbs/explore", "nbs/lib", "nbs/demos", "1/2", f"passed {SPRINT}", "pytest --cov"):
        assert part in said
    show_notebook(shop.row(BREW))
    said = " ".join(capsys.readouterr().out.split())
    for part in ("promoted to tea.cups, unproven", "menu, reported", f"promote {BREW} pour"):
        assert part in said


def test_an_end_without_an_end_is_found(shop):
    """Definitions that need each other, and a package that imports itself in a circle."""
    shop.notebook(
        "nbs/lib/00_a.ipynb",
        "#| default_exp a",
        "#| export\nfrom tea.b import two",
        "#| export\ndef one():\n    return two()",
    )
    shop.notebook(
        "nbs/lib/01_b.ipynb",
        "#| default_exp b",
        "#| export\nfrom tea.a import one, two",
        "#| export\ndef three():\n    return one()",
    )
    shop.notebook("nbs/demos/menu.ipynb", "from tea.b import three, two\nthree(), two")
    assert shop.name("nbs/lib/00_a.ipynb", "one").through == ("menu",)


def test_magics_do_not_hide_mentions():
    """A notebook's cell is more than Python."""
    said = mentions_of(["from tea.cups import brew", "%time brew(3)\n!ls\nbrew('ab')"], "tea")
    assert said == {"tea.cups.brew"}


def test_it_is_quick(shop, monkeypatch):
    """A second look at a hundred notebooks takes a fraction of a second."""
    monkeypatch.setattr("fortnight.hashes._JUST_NOW", 0)
    body = "\n".join(f"def f{n}(x):\n    return [y * {n} for y in x]\n" for n in range(20))
    for number in range(100):
        module = f"m{number:02}"
        shop.notebook(
            f"nbs/lib/{module[1:]}_{module}.ipynb",
            f"#| default_exp {module}",
            f"#| export\n{body}",
        )
    shop.status()
    begun = time.process_time()
    shop.status()
    assert time.process_time() - begun < 0.4


def test_a_narrow_terminal_breaks_no_command(shop, capsys, monkeypatch):
    """Where there is no room beside a row, the steps stand below the table, each once."""
    for name in ("one", "two"):
        shop.notebook(f"nbs/explore/with_rather_a_long_name_{name}.ipynb", "x = 1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    show_status(shop.status())
    lines = capsys.readouterr().out.splitlines()
    steps = [line for line in lines if line.startswith("  fortnight run nbs/explore/with")]
    assert len(steps) == 2 and all(step.endswith("# no run of it is known") for step in steps)


def test_the_command_tells_of_one_notebook_or_of_all(shop, monkeypatch):
    """A path is meant from where one stands, or from the workspace on; a wrong one is refused."""
    shop.notebook(BREW, "def pour(n):\n    return n")
    shop.notebook("nbs/explore/other.ipynb", "x = 1")
    ask = CliRunner()
    for place, name in ((".", BREW), ("nbs/explore", "brewing.ipynb"), ("nbs/explore", BREW)):
        monkeypatch.chdir(shop.root / place)
        told = json.loads(ask.invoke(app, ["status", name, "--json"]).stdout)
        assert [row["notebook"] for row in told["notebooks"]] == [BREW]
    told = json.loads(ask.invoke(app, ["status", "--json"]).stdout)
    assert len(told["notebooks"]) == 2
    assert "fortnight promote" in ask.invoke(app, ["status", BREW]).stdout
    assert isinstance(ask.invoke(app, ["status", "brewin.ipynb"]).exception, FortnightError)


def test_a_reason_names_what_is_meant(shop):
    """Which name it is that no cell defines is half of the reason."""
    shop.notebook(BREW, "x = 1", "def brew(n=cups):\n    return n")
    assert shop.name(BREW, "brew").why == "`cups` is defined by no cell (cell 2, line 1)"


def test_statements_are_those_of_coverage_in_this_package():
    """Whatever coverage counts in functions is counted here, and nothing else."""
    for path in sorted(package_folder().glob("*.py"))[::4]:
        source = path.read_text()
        parser = PythonParser(text=source, exclude="pragma: no cover")
        parser.parse_source()
        ours = [span for spans in spans_in(source).values() for span in spans]
        counted = {parser.first_line(n) for a, b in ours for n in range(a, b + 1)}
        called = _lines_of_functions(source)
        assert parser.statements & called <= counted, path.name
        assert not [s for s in ours if parser.statements.isdisjoint(range(s[0], s[1] + 1))]


def _lines_of_functions(source: str) -> set[int]:
    """Return the lines in the bodies of functions and methods at the top of a module."""
    functions: list[ast.stmt] = []
    for node in ast.parse(source).body:
        functions += node.body if isinstance(node, ast.ClassDef) else [node]
    bodies = [one for one in functions if isinstance(one, ast.FunctionDef)]
    return {n for one in bodies for n in range(one.body[0].lineno, one.end_lineno + 1)}
