"""What holds for all library notebooks and modules, so that nobody has to watch for it."""

import ast
import json
import re
from pathlib import Path

import pytest

from fortnight.directives import source_of
from fortnight.notebook import Notebook, dump_notebook, read_notebook
from fortnight.order import forward_imports, number_of, uses_of
from fortnight.settings import find_root

ROOT = find_root(Path(__file__).parent)
LIBRARY = sorted(ROOT.glob("nbs/lib/*.ipynb"))
SOURCES = [source_of(path.name, read_notebook(path)) for path in LIBRARY]
USES = uses_of(SOURCES, "fortnight")
NOTEBOOKS = [*LIBRARY, *sorted(ROOT.glob("nbs/demos/*.ipynb")), ROOT / "nbs" / "index.ipynb"]
MODULES = sorted(path for path in ROOT.glob("pkg/*/*.py") if path.name != "_modidx.py")


def exported(notebook: Notebook) -> list[str]:
    """Return the sources of the exported cells."""
    cells = (cell.source for cell in notebook.cells if cell.kind == "code")
    return [source for source in cells if re.match(r"#\|\s*export\b", source)]


def test_there_is_a_library():
    """The tests below would pass on nothing."""
    assert len(LIBRARY) > 10
    assert len(MODULES) == len(LIBRARY)


def test_every_notebook_has_a_module_and_a_number_of_its_own():
    """Without them, or with another's, nothing could be said about the order of imports."""
    assert all(re.fullmatch(r"\d\d[a-z]?_\w+\.ipynb", path.name) for path in LIBRARY)
    numbers = [number_of(path.name) for path in LIBRARY]
    assert len(set(numbers)) == len(numbers)
    assert len({source.module for source in SOURCES} - {""}) == len(LIBRARY)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_a_notebook_imports_only_lower_numbers(path: Path):
    """The number is the reading order and the import order, in what is exported and in lessons."""
    slips = forward_imports(SOURCES, USES)
    assert [slip for slip in slips if slip.notebook == path.name] == []


def test_notebooks_and_evidence_know_nothing_of_each_other():
    """They meet as plain records: neither 10 to 29 nor 30 to 36 import the other's modules."""
    columns = {}
    for path in LIBRARY:
        number = int(path.name[:2])
        column = "notebooks" if 10 <= number < 30 else "evidence" if 30 <= number < 37 else ""
        if column:
            columns.setdefault(column, {})[source_of(path.name, read_notebook(path)).module] = path
    for column, modules in columns.items():
        others = {name for other, names in columns.items() if other != column for name in names}
        for path in modules.values():
            code = "\n".join(exported(read_notebook(path)))
            imported = set(re.findall(r"fortnight\.(\w+)", code))
            assert not imported & others, path.name
    assert len(columns) == 2


def test_imports_are_looked_at():
    """The test above would pass if none were found; most notebooks stand on others."""
    assert sum(len(imports) for imports in USES.values()) > 300
    assert sum(not imports for imports in USES.values()) < len(LIBRARY) / 4


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_a_notebook_has_the_shape_of_one(path: Path):
    """A hidden directive, a title and subtitle, one exported cell of imports alone."""
    notebook = read_notebook(path)
    directive, title, *_ = notebook.cells
    assert "#| hide" in directive.source
    assert source_of(path.name, notebook).module
    assert re.match(r"# \w+\n\n> \S", title.source)
    imports = [
        source
        for source in exported(notebook)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(source).body)
    ]
    assert len(imports) <= 1, "one exported import cell"
    assert all(
        isinstance(node, ast.Import | ast.ImportFrom | ast.If)
        for source in imports
        for node in ast.parse(source).body
    ), "imports stand alone"
    text = "\n".join(exported(notebook))
    assert not re.search(r"import \*|@patch\b", text)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_a_notebook_is_an_essay(path: Path):
    """Prose carries the code: 1.5 words or more for each exported line, and few hidden cells."""
    notebook = read_notebook(path)
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.kind == "markdown")
    lines = sum(1 for source in exported(notebook) for line in source.splitlines() if line.strip())
    assert words >= 1.5 * lines, f"{words} words for {lines} exported lines"
    code = [cell.source for cell in notebook.cells if cell.kind == "code"]
    assert sum(source.startswith("#| hide") for source in code) <= max(1, len(code) / 5)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_normalised(path: Path):
    """Format 4.5 with unique ids, sorted keys, no execution counts: what nbdev-clean writes."""
    text = path.read_text()
    notebook = read_notebook(path)
    content = json.loads(text)
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert all(ids)
    assert len(ids) == len(set(ids))
    assert dump_notebook(notebook) == text, "nbdev-clean --fname it"
    assert all(cell.execution_count is None for cell in notebook.cells)
    assert set(content["metadata"]) <= {"kernelspec", "fortnight"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_small(path: Path):
    """No module passes 300 lines, no function 40; it would be time to split along a noun."""
    source = path.read_text()
    assert len(source.splitlines()) <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.end_lineno - node.lineno + 1
            documented = len((ast.get_docstring(node) or "").splitlines())
            assert body - documented <= 40, f"{node.name} has {body - documented} lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_public_names_are_documented(path: Path):
    """Each public function, class and method says what it is, in a first line that ends."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for owner in (tree, *classes):
        for node in owner.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                first = (ast.get_docstring(node) or "").partition("\n")[0]
                assert first.endswith("."), f"{path.name}: {node.name}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("nbs/demos/*.ipynb")), ids=lambda path: path.stem)
def test_demos_keep_no_outputs(path: Path):
    """A demo's results are in its reports; kept in its source they would be somebody's last run."""
    assert not any(cell.outputs for cell in read_notebook(path).cells)
