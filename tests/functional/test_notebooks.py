"""Every notebook that others rely on is a test: it runs, and it still says what it shows."""

from datetime import date
from pathlib import Path

import pytest

from fortnight.notebook import Cell, read_notebook
from fortnight.report import choose_demos, plan_reports
from fortnight.run import RunPlan, run_notebook
from fortnight.settings import find_root, read_settings

SETTINGS = read_settings(find_root(Path(__file__).parent))
ROOT = SETTINGS.root
KEPT = [*sorted(ROOT.glob("nbs/lib/*.ipynb")), ROOT / "nbs" / "index.ipynb"]
EXPLORED = sorted(ROOT.glob("nbs/explore/*.ipynb"))


def shown(cell: Cell) -> list[str]:
    """Return what a cell's outputs say; of a picture, which may differ in a pixel, that it is."""
    texts = []
    for output in cell.outputs:
        data = output.get("data", {})
        text = output.get("text") or data.get("text/html") or data.get("text/plain") or ""
        picture = any(kind.startswith("image/") for kind in data)
        texts.append("a picture" if picture else text if isinstance(text, str) else "".join(text))
    return texts


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
    """A demo runs with this sprint's parameters and states metrics, those of a sprint the same."""
    sprint = SETTINGS.calendar.sprint_on(date.today())
    (plan,) = plan_reports(SETTINGS, sprint, [demo])
    records = [
        run_notebook(
            RunPlan(plan.run.notebook, tmp_path / f"{turn}.ipynb", plan.run.parameters), ROOT
        )
        for turn in ("first", "second")
    ]
    assert all(record.passed for record in records), str(records[0].failure)
    assert records[0].metrics
    (chosen,) = choose_demos(SETTINGS, [demo])
    if chosen.every_sprint:  # one that is run on request measures the machine
        assert records[0].metrics == records[1].metrics


@pytest.mark.parametrize("demo", [demo.name for demo in SETTINGS.demos])
def test_demos_keep_no_outputs(demo: str):
    """A demo's results are in its reports; kept in its source they would be somebody's last run."""
    (chosen,) = choose_demos(SETTINGS, [demo])
    assert not any(cell.outputs for cell in read_notebook(chosen.notebook).cells)
