"""Every notebook that others rely on is a test: it runs, and it still says what it shows."""

import os
from datetime import date
from pathlib import Path

import pytest

from fortnight.notebook import Cell, read_notebook
from fortnight.parameters import declared_parameters
from fortnight.report import choose_demos, plan_reports
from fortnight.run import RunPlan, run_notebook
from fortnight.settings import find_root, read_settings

SETTINGS = read_settings(find_root(Path(__file__).parent))
ROOT = SETTINGS.root
KEPT = [*sorted(ROOT.glob("nbs/lib/*.ipynb")), ROOT / "nbs" / "index.ipynb"]
EXPLORED = sorted(ROOT.glob("nbs/explore/*.ipynb"))


TAKES_MINUTES = {"peers"}


def shown(cell: Cell) -> list[str]:
    """Return what a cell's outputs say; of a picture, which may differ in a pixel, that it is."""
    texts = []
    for output in cell.outputs:
        data = output.get("data", {})
        text = output.get("text") or data.get("text/html") or data.get("text/plain") or ""
        picture = any(kind.startswith("image/") for kind in data)
        texts.append("a picture" if picture else text if isinstance(text, str) else "".join(text))
    return texts


def counted(notebook: Path) -> list[str]:
    """Return the parameters that are whole numbers, such as how often to repeat something."""
    declared = declared_parameters(read_notebook(notebook))
    return [parameter.name for parameter in declared if parameter.kind == "int"]


def test_there_are_notebooks():
    """A glob that finds nothing must not look like success."""
    assert len(KEPT) > 1
    assert choose_demos(SETTINGS, ())


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_outputs_are_true(path: Path, tmp_path: Path):
    """A notebook of the library runs, and its stored outputs are what it says today."""
    plan = RunPlan(path, tmp_path / path.name)
    record = run_notebook(plan, ROOT)
    assert record.passed, str(record.failure)
    stored, fresh = read_notebook(path), read_notebook(plan.output)
    for before, after in zip(stored.cells, fresh.cells, strict=True):
        assert shown(before) == shown(after), f"cell {before.id}: run the notebook and save it"


@pytest.mark.parametrize("path", EXPLORED, ids=lambda path: path.stem)
def test_explorations_run(path: Path, tmp_path: Path):
    """An exploration may be messy, but it runs from top to bottom."""
    record = run_notebook(RunPlan(path, tmp_path / path.name), ROOT)
    assert record.passed, str(record.failure)


@pytest.mark.parametrize("demo", [demo.name for demo in SETTINGS.demos])
def test_demos_run(demo: str, tmp_path: Path):
    """A demo runs with this sprint's parameters and states metrics, the same ones each time.

    One that is run on request measures the machine, and is tried once, with its counts at one.
    """
    if demo in TAKES_MINUTES and not os.environ.get("FORTNIGHT_SOAK"):
        pytest.skip("it takes minutes: `make soak` and `make bench` run it")
    sprint = SETTINGS.calendar.sprint_on(date.today())
    (chosen,) = choose_demos(SETTINGS, [demo])
    counts = {} if chosen.every_sprint else dict.fromkeys(counted(chosen.notebook), "1")
    (plan,) = plan_reports(SETTINGS, sprint, [demo], counts)
    records = [
        run_notebook(
            RunPlan(plan.run.notebook, tmp_path / f"{turn}.ipynb", plan.run.parameters), ROOT
        )
        for turn in (("first", "second") if chosen.every_sprint else ("only",))
    ]
    assert all(record.passed for record in records), str(records[0].failure)
    assert records[0].metrics
    assert len({record.metrics for record in records}) == 1


@pytest.mark.parametrize("demo", [demo.name for demo in SETTINGS.demos])
def test_demos_keep_no_outputs(demo: str):
    """A demo's results are in its reports; kept in its source they would be somebody's last run."""
    (chosen,) = choose_demos(SETTINGS, [demo])
    assert not any(cell.outputs for cell in read_notebook(chosen.notebook).cells)
