"""From an exploration to the package and back, as a user sees it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fortnight.ledger import read_ledger
from fortnight.notebook import Cell, Notebook, dump_notebook, read_notebook, write_atomic
from tests.conftest import Workspace

PYPROJECT = """[project]
name = "acme"
version = "1.0"
[tool.nbdev]
nbs_path = "nbs/lib"
lib_path = "pkg/acme"
update_pyproject = false
put_version_in_init = false
allowed_cell_metadata_keys = ["tags"]
[tool.mypy]
strict = true
mypy_path = "pkg"
"""
CELLS = (
    Cell("title", "markdown", "# Tea\n"),
    Cell("imports", "code", "import math\nimport random\n\nCUP = 0.25  # litres"),
    Cell("why", "markdown", "## How much water\n\nA pot is round, more or less."),
    Cell(
        "water",
        "code",
        "# As the kettle says.\ndef water(radius: float, height: float) -> float:\n"
        '    """Return the litres that a pot holds."""\n\n'
        "    return math.pi * radius**2 * height  # dm³\n"
        "\n\ndef cups(radius: float, height: float) -> int:\n"
        "    return int(water(radius, height) / CUP)",
        {"tags": ["tea"]},
    ),
    Cell("try", "code", "assert cups(1, 2) == 25\ncups(1, 1)"),
    Cell("state", "code", "guests = random.randint(3, 3)"),
    Cell("reads", "code", "def enough():\n    return cups(1, 1) >= guests\n\n\nenough()"),
    Cell("last", "code", "%time x = 1\nprint(f'{water(1, 1):.3f} litres for {guests}')"),
)


@pytest.fixture
def acme(workspace: Workspace) -> Workspace:
    """Make a workspace under version control with an exploration."""
    (workspace.root / "pyproject.toml").write_text(PYPROJECT)
    write_atomic(workspace.root / "pkg" / "acme" / "__init__.py", "")
    write_atomic(workspace.root / ".gitignore", ".fortnight/\n__pycache__/\n.mypy_cache/\n")
    (workspace.root / "nbs" / "lib").mkdir(parents=True)
    spec = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}
    content = dump_notebook(Notebook(CELLS, spec))
    write_atomic(workspace.root / "nbs" / "explore" / "tea.ipynb", content)
    workspace.environment["PYTHONPATH"] = str(workspace.root / "pkg")
    git(workspace, "init", "-q")
    commit(workspace)
    return workspace


def git(workspace: Workspace, *arguments: str) -> str:
    """Ask git."""
    who = ["-c", "user.name=Tea", "-c", "user.email=tea@example.org"]
    command = ["git", *who, *arguments]
    return subprocess.run(
        command, cwd=workspace.root, check=True, capture_output=True, text=True
    ).stdout


def commit(workspace: Workspace) -> None:
    """Commit everything."""
    git(workspace, "add", "-A")
    git(workspace, "commit", "-qm", "tea", "--allow-empty")


def exploration(workspace: Workspace) -> Notebook:
    """Read the exploration."""
    return read_notebook(workspace.root / "nbs" / "explore" / "tea.ipynb")


def state(workspace: Workspace) -> dict[str, bytes]:
    """Return all files that git would commit."""
    names = git(workspace, "ls-files", "--cached", "--others", "--exclude-standard").split()
    paths = {name: workspace.root / name for name in names}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


PROMOTE = ("promote", "nbs/explore/tea.ipynb", "cups", "--to", "pots")


def test_a_name_goes_with_all_that_it_needs(acme: Workspace):
    """Helper, constant, import and prose go along; the text is the same to the letter."""
    done = acme.fortnight(*PROMOTE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "outputs of" in done.stdout and "lessons run" in done.stdout
    module = (acme.root / "pkg" / "acme" / "pots.py").read_text()
    before = CELLS[3].source
    assert before.partition("\n\n\n")[0] in module and before.rpartition("\n\n\n")[2] in module
    assert "import math" in module and "random" not in module and "CUP = 0.25  # litres" in module
    (library,) = (acme.root / "nbs" / "lib").glob("*_pots.ipynb")
    made = read_notebook(library)
    sources = [cell.source for cell in made.cells]
    assert any("How much water" in source for source in sources)
    assert any("assert cups(1, 2) == 25" in source for source in sources)
    after = exploration(acme)
    assert after.cells[1].source.endswith("\n\nfrom acme.pots import CUP, cups, water")
    assert (after.cells[3].source, after.cells[3].tags) == ("", ("tea",))
    kept = {cell.id: cell for cell in after.cells}
    for cell in CELLS:
        if cell.id not in ("water", "imports"):
            assert kept[cell.id].source == cell.source.rstrip("\n") or kept[cell.id] == cell
    entries = {entry.name: entry for entry in read_ledger(acme.root)}
    assert set(entries) == {"cups", "water", "CUP"}
    assert entries["cups"].cell == "water" and "equal" in entries["cups"].proven
    check = acme.fortnight("export", "--check")
    assert check.returncode == 0, check.stdout


def test_twice_is_once(acme: Workspace):
    """To promote what is promoted changes nothing."""
    acme.fortnight(*PROMOTE, "--no-run")
    before = state(acme)
    done = acme.fortnight(*PROMOTE)
    assert done.returncode == 0 and "nothing to do" in done.stdout, done.stdout + done.stderr
    assert state(acme) == before


def test_one_after_the_other(acme: Workspace):
    """What was promoted first stands in the module already, which doesn't import from itself."""
    for name in ("water", "cups"):
        done = acme.fortnight(*PROMOTE[:2], name, *PROMOTE[3:], "--allow-dirty")
        assert done.returncode == 0, done.stdout + done.stderr
    module = (acme.root / "pkg" / "acme" / "pots.py").read_text()
    assert "import math\n" in module and "def cups" in module
    assert not re.search("^from", module, re.MULTILINE)
    cells = {cell.id: cell.source for cell in exploration(acme).cells}
    assert cells["imports"].endswith("\n\nfrom acme.pots import CUP, cups")
    assert cells["water"] == "from acme.pots import water"


def test_another_name_for_what_is_in_the_module_is_refused(acme: Workspace):
    """In the module itself nobody knows it by that name."""
    acme.fortnight(*PROMOTE[:2], "water", *PROMOTE[3:], "--no-run")
    commit(acme)
    cells = (
        Cell("a", "code", "from acme.pots import water as fill"),
        Cell("b", "code", "def tub() -> float:\n    return fill(9, 9)"),
    )
    path = acme.root / "nbs" / "explore" / "tub.ipynb"
    write_atomic(path, dump_notebook(Notebook(cells)))
    before = state(acme)
    done = acme.fortnight("promote", str(path), "tub", "--to", "pots", "--no-run")
    assert done.returncode == 2 and "'fill' is 'water'" in done.stderr, done.stderr
    assert "from acme.pots import water" in done.stderr
    assert state(acme) == before


def test_back_again(acme: Workspace):
    """What is demoted comes back; while somebody else imports it, it stays."""
    before = state(acme)
    acme.fortnight(*PROMOTE, "--no-run")
    refused = acme.fortnight("demote", "water")
    assert refused.returncode == 2 and "used elsewhere" in refused.stderr, refused.stderr
    write_atomic(acme.root / "tests" / "test_pots.py", "from acme.pots import cups\n")
    refused = acme.fortnight("demote", "cups")
    assert "tests/test_pots.py" in refused.stderr
    (acme.root / "tests" / "test_pots.py").unlink()
    for name in ("cups", "water", "CUP"):
        done = acme.fortnight("demote", name, *(["--no-run"] if name != "cups" else []))
        assert done.returncode == 0, done.stdout + done.stderr
    left = state(acme)
    assert not any("pots" in name for name in left) and "promoted.tsv" not in left
    assert set(left) - {"pkg/acme/_modidx.py"} == set(before)
    text = "\n".join(cell.source for cell in exploration(acme).cells)
    assert "# As the kettle says.\ndef water" in text and "acme" not in text
    kept = acme.root / ".fortnight" / "replaced" / "nbs"
    assert any("tea.ipynb" in path.name for path in kept.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cupz", "--to", "pots"), "Did you mean 'cups'"),
        (("enough", "--to", "pots"), "guests"),
        (("cups", "--to", "3 pots"), "cannot be the name of a module"),
        (("cups", "--to", "class"), "--to classs"),
        (("cups", "--to", "..tea pot"), "--to tea_pot"),
        (("--to", "pots"), "not said what to promote"),
        (("cups", "--to", "hand"), "written by hand"),
    ],
)
def test_what_cannot_be_is_refused(acme: Workspace, arguments: tuple[str, ...], said: str):
    """Each refusal says why, and nothing has changed."""
    write_atomic(acme.root / "pkg" / "acme" / "hand.py", "x = 1\n")
    before = state(acme)
    done = acme.fortnight("promote", "nbs/explore/tea.ipynb", *arguments)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert state(acme) == before


def test_a_notebook_from_outside_is_refused(acme: Workspace, tmp_path: Path):
    """It would not find the package."""
    outside = tmp_path / "tea.ipynb"
    outside.write_bytes((acme.root / "nbs" / "explore" / "tea.ipynb").read_bytes())
    done = acme.fortnight("promote", str(outside), "cups", "--to", "pots")
    assert done.returncode == 2 and "not in this workspace" in done.stderr


def test_another_version_is_shown_and_asks(acme: Workspace):
    """Who promotes a changed version sees the difference, and says that it is meant."""
    acme.fortnight(*PROMOTE, "--no-run")
    commit(acme)
    path = acme.root / "nbs" / "explore" / "tea.ipynb"
    changed = exploration(acme)
    cells = [
        *changed.cells,
        Cell("new", "code", "def cups(r: float, h: float) -> int:\n    return 7"),
    ]
    write_atomic(path, dump_notebook(Notebook(tuple(cells), changed.metadata)))
    done = acme.fortnight(*PROMOTE)
    assert done.returncode == 2, done.stdout
    assert "+    return 7" in done.stderr and "--update" in done.stderr
    before = state(acme)
    done = acme.fortnight(*PROMOTE, "--update")
    assert done.returncode == 2 and "cell 5 (try): AssertionError" in done.stderr, done.stderr
    assert state(acme) == before
    done = acme.fortnight(*PROMOTE, "--update", "--no-run")
    assert done.returncode == 0, done.stderr
    assert "return 7" in (acme.root / "pkg" / "acme" / "pots.py").read_text()


def test_who_tests_a_module_is_asked(acme: Workspace):
    """A version that a test of the workspace would not let pass does not get there."""
    acme.fortnight(*PROMOTE, "--no-run")
    test = "from acme.pots import water\n\n\ndef test_pi():\n    assert water(1, 1) > 3\n"
    write_atomic(acme.root / "tests" / "test_pots.py", test)
    commit(acme)
    path = acme.root / "nbs" / "explore" / "tea.ipynb"
    spec = exploration(acme).metadata
    update = ("promote", "nbs/explore/tea.ipynb", "water", "--to", "pots", "--update")
    for litres, code in (("radius * height", 2), ("3.2 * radius**2 * height", 0)):
        body = f"def water(radius: float, height: float) -> float:\n    return {litres}"
        write_atomic(path, dump_notebook(Notebook((Cell("new", "code", body),), spec)))
        done = acme.fortnight(*update)
        assert done.returncode == code, done.stdout + done.stderr
        said = "test_pi" if code else "1 files of tests passed"
        assert said in done.stdout + done.stderr, done.stdout + done.stderr


def test_two_at_once(acme: Workspace):
    """Whoever comes second is told, or comes after; no line of the ledger and no module is lost."""
    folder = acme.root / "nbs" / "explore"
    (folder / "deep").mkdir()
    for name in ("milk", "deep/sugar"):
        code = f"def {Path(name).name}() -> int:\n    return 7"
        write_atomic(folder / f"{name}.ipynb", dump_notebook(Notebook((Cell("a", "code", code),))))
    started = {
        name: acme.start("promote", f"nbs/explore/{path}.ipynb", name, "--to", name, "--no-run")
        for path, name in (("milk", "milk"), ("deep/sugar", "sugar"))
    }
    told = {
        name: (command.communicate()[1], command.returncode) for name, command in started.items()
    }
    gone = {name for name, (_, code) in told.items() if code == 0}
    assert gone
    assert all(code == 0 or "in the meantime" in text for text, code in told.values())
    assert {entry.name for entry in read_ledger(acme.root)} == gone
    check = acme.fortnight("export", "--check")
    assert check.returncode == 0, check.stdout


def test_a_module_beside_the_notebook_stays_there(acme: Workspace):
    """A package doesn't find it; plan and promote say so alike."""
    folder = acme.root / "nbs" / "explore"
    (folder / "cellar.py").write_text("wine = 1\n")
    cell = Cell("a", "code", "import cellar\ndef fetch() -> int:\n    return cellar.wine")
    write_atomic(folder / "milk.ipynb", dump_notebook(Notebook((cell,))))
    plan = acme.fortnight("plan", "nbs/explore/milk.ipynb", "--json")
    assert [one["verdict"] for one in json.loads(plan.stdout)["definitions"]] == ["no"]
    done = acme.fortnight("promote", "nbs/explore/milk.ipynb", "fetch", "--to", "a", "--no-run")
    assert done.returncode == 2 and "cellar" in done.stderr, done.stderr


def test_a_notebook_that_fails_already_is_not_blamed_on_a_promotion(acme: Workspace):
    """The baseline runs first; without a run the ledger says that nothing is proven."""
    path = acme.root / "nbs" / "explore" / "tea.ipynb"
    cells = (*CELLS, Cell("old", "code", "import a_style_that_is_gone"))
    write_atomic(path, dump_notebook(Notebook(cells, exploration(acme).metadata)))
    before = state(acme)
    done = acme.fortnight(*PROMOTE)
    assert done.returncode == 2 and "fails already" in done.stderr, done.stderr
    assert state(acme) == before
    done = acme.fortnight(*PROMOTE, "--no-run")
    assert done.returncode == 0 and "unproven" in read_ledger(acme.root)[0].proven


def test_uncommitted_changes_and_read_only_files_are_in_the_way(acme: Workspace):
    """A promotion is not mixed with what somebody is about to commit."""
    acme.fortnight(*PROMOTE, "--no-run")
    commit(acme)
    (library,) = (acme.root / "nbs" / "lib").glob("*_pots.ipynb")
    library.write_text(library.read_text().replace("## CUP", "## Cup") + "\n")
    path = acme.root / "nbs" / "explore" / "tea.ipynb"
    changed = exploration(acme)
    cells = [*changed.cells, Cell("new", "code", "def milk() -> int:\n    return 7")]
    write_atomic(path, dump_notebook(Notebook(tuple(cells), changed.metadata)))
    more = ("promote", "nbs/explore/tea.ipynb", "milk", "--to", "pots", "--no-run")
    refused = acme.fortnight(*more)
    assert refused.returncode == 2 and "uncommitted" in refused.stderr, refused.stderr
    library.chmod(0o444)
    refused = acme.fortnight(*more, "--allow-dirty")
    assert refused.returncode == 2 and "chmod u+w" in refused.stderr, refused.stderr
    library.chmod(0o644)
    assert acme.fortnight(*more, "--allow-dirty").returncode == 0


def test_plan_runs_nothing_and_says_where(acme: Workspace):
    """A table, the same for programs, and to the letter what would be written."""
    done = acme.fortnight("plan", "nbs/explore/tea.ipynb")
    assert done.returncode == 0, done.stderr
    assert "guests" in done.stdout and "import math" in done.stdout
    facts = json.loads(acme.fortnight("plan", "nbs/explore/tea.ipynb", "--json").stdout)
    verdicts = {one["name"]: one["verdict"] for one in facts["definitions"]}
    assert verdicts["water"] == "with" and verdicts["enough"] == "parameters"
    diff = acme.fortnight("plan", "nbs/explore/tea.ipynb", "--diff")
    assert "+def water(" in diff.stdout.replace('"', "").replace("    ", ""), (
        diff.stdout + diff.stderr
    )
    assert not (acme.root / "promoted.tsv").exists()


def test_the_magics_are_the_commands(acme: Workspace):
    """In a notebook the same answers, about the notebook at hand."""
    path = acme.root / "nbs" / "explore" / "tea.ipynb"
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'fortnight')\n"
        "shell.run_line_magic('plan', '')\n"
        "shell.run_line_magic('promote', 'cups --to pots --no-run')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**acme.environment, "JPY_SESSION_NAME": str(path)},
        capture_output=True,
        text=True,
    )
    assert "guests" in done.stdout and "pots.ipynb" in done.stdout, done.stdout + done.stderr
    assert (acme.root / "pkg" / "acme" / "pots.py").exists()


def test_variables_become_parameters_when_asked_to(acme: Workspace):
    """The function says what it needs, its calls hand it over, and the result is the same."""
    done = acme.fortnight(
        "promote", "nbs/explore/tea.ipynb", "enough", "--to", "pots", "--parameters"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "def enough(guests):" in (acme.root / "pkg" / "acme" / "pots.py").read_text()
    cell = next(cell for cell in exploration(acme).cells if cell.id == "reads")
    assert cell.source == "enough(guests=guests)"


def test_cells_become_a_function(acme: Workspace):
    """What they read goes in, what is used later comes out; what can't be is refused."""
    path = acme.root / "nbs" / "explore" / "tea.ipynb"
    more = (
        Cell("load", "code", "rows = [1, None, 3][: guests + 1]"),
        Cell("clean", "code", "kept = [row for row in rows if row]\nsize = len(kept)"),
        Cell("use", "code", "print(size)"),
    )
    write_atomic(path, dump_notebook(Notebook((*CELLS, *more), exploration(acme).metadata)))
    command = ("promote", "nbs/explore/tea.ipynb", "--cells")
    refused = acme.fortnight(*command, "8-9", "--as", "clean", "--to", "rows")
    assert refused.returncode == 2 and "magic" in refused.stderr, refused.stderr
    for name, why in (("class", "is no name"), ("print", "something else already")):
        refused = acme.fortnight(*command, "9-10", "--as", name, "--to", "rows", "--no-run")
        assert refused.returncode == 2 and why in refused.stderr, refused.stderr
    done = acme.fortnight(*command, "9-10", "--as", "kept_rows", "--to", "rows")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "def kept_rows(guests):" in (acme.root / "pkg" / "acme" / "rows.py").read_text()
    text = "\n".join(cell.source for cell in exploration(acme).cells)
    assert "size = kept_rows(guests)" in text and "kept =" not in text


def test_the_same_helper_elsewhere_becomes_the_same_import(acme: Workspace):
    """With --everywhere, where the code is the same; a different one of the same name stays."""
    folder = acme.root / "nbs" / "explore"
    same = Cell("w", "code", CELLS[3].source.replace("# As the kettle says.\n", ""))
    other = Cell("w", "code", "def water(radius, height):\n    return 1\n\n\nwater(1, 1)")
    spec = exploration(acme).metadata
    write_atomic(folder / "same.ipynb", dump_notebook(Notebook((CELLS[1], same, CELLS[4]), spec)))
    write_atomic(folder / "other.ipynb", dump_notebook(Notebook((other,), spec)))
    done = acme.fortnight(*PROMOTE, "--everywhere")
    assert done.returncode == 0, done.stdout + done.stderr
    changed = read_notebook(folder / "same.ipynb")
    assert not any("def water" in cell.source for cell in changed.cells)
    assert any("from acme.pots import" in cell.source for cell in changed.cells)
    assert read_notebook(folder / "other.ipynb").cells[0].source == other.source
