"""What can leave a notebook: a table of snippets, each with verdict, needs and reason."""

import ast
import os
import random
import symtable
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from fortnight.codecells import code_of
from fortnight.copies import same_helpers
from fortnight.errors import FortnightError
from fortnight.lift import Place, free_names, needed, plan_code, plan_notebook
from fortnight.notebook import Cell, Notebook
from fortnight.scopes import read_statements
from tests.resources.explorations import EXPECTED, explorations, stale_explorations

TABLE = Path(__file__).parents[1] / "resources" / "lift.txt"
SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
KEYS = (
    *("helpers", "constants", "imports", "variables", "at once", "statement", "of", "local"),
    *("tags", "because", "from"),
)


def notebook(*sources: str, tags: tuple[str, ...] = ()) -> Notebook:
    """Return a notebook of code cells, the first of which may be tagged."""
    metadata = [{"tags": list(tags)} if tags else {}] + [{}] * len(sources)
    return Notebook(tuple(Cell("", "code", s, m) for s, m in zip(sources, metadata, strict=False)))


def rows() -> list:
    """Return the table: of each row what is expected, by its words, and the cells."""
    found = []
    for row in TABLE.read_text(encoding="utf-8").removeprefix("=== ").split("\n=== "):
        name, expected, cells = row.split("\n", 2)
        words = {}
        for part in expected.removeprefix("-> ").split("; "):
            key = next((key for key in KEYS if part.startswith(key)), "")
            words[key or "verdict"] = part.removeprefix(key).strip()
        if words.pop("from", "") != "3.12" or sys.version_info >= (3, 12):
            found.append(pytest.param(words, cells.rstrip("\n").split("\n---\n"), id=name))
    return found


ROWS = rows()


@pytest.mark.parametrize(("expected", "sources"), ROWS)
def test_verdict(expected, sources):
    """A snippet gets its verdict, for that reason, and needs what it needs."""
    plan = plan_notebook(
        notebook(*sources, tags=tuple(expected.get("tags", "").split())),
        expected.get("local", "").split(),
    )
    found = {one.name: one for one in plan.definitions}[expected.get("of", "f")]
    said = " ".join(f"{reason.name} {reason.what}" for reason in found.reasons)
    assert found.verdict == expected["verdict"], said
    assert expected.get("because", "") in said
    assert found.reasons or found.verdict != "no"
    needs = {
        "helpers": list(found.helpers),
        "constants": list(found.constants),
        "imports": [one.name for one in found.imports],
        "variables": list(found.variables),
    }
    if found.verdict != "no" or set(needs) & set(expected):
        for kind, names in needs.items():
            assert sorted(names) == sorted(expected.get(kind, "").split()), kind
    if "at once" in expected:
        assert found.when_defined == frozenset(expected["at once"].split())
    if "statement" in expected:
        assert expected["statement"] in [one.statement for one in found.imports]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_explorations_get_their_verdicts(name):
    """Every function and class of an exploration is judged as somebody judged it who read it."""
    found = plan_notebook({**explorations(), **stale_explorations()}[name]).definitions
    verdicts = {one.name: one.verdict for one in found if one.kind != "constant"}
    assert verdicts == EXPECTED[name]


def test_all_explorations_are_judged():
    """None of them is left out."""
    assert set(EXPECTED) == {*explorations(), *stale_explorations()}


def test_the_table_is_whole():
    """The table covers what it should, and each row has a name of its own."""
    names = [row.id for row in ROWS]
    assert len(names) == len(set(names)) > 200


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_pythons(end):
    """However lines end, and whatever stands in them, a place is where Python sees it."""
    text = 'x = "\x0c"\n\n%time 1\n@d\ndef f(a):\n    return """\u2028\n\x85"""\n\ny = 1'
    plan = plan_notebook(notebook("def d(g): return g", text.replace("\n", end)))
    found = {one.name: one for one in plan.definitions}["f"]
    assert (found.verdict, found.place, found.end_line) == ("with", Place(2, 4), 7)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("!pip install \\\n  a \\\n  b\nx = 1", [1, 4]),
        ("x = !ls 'it''s\ny = 1", [1, 2]),
        ("if x:\n    !ls\n    %cd a\nelse:\n    b?\ny = 1", [1, 6]),
        ("a, b = %sql select 1\n\n?c\nd", [1, 3, 4]),
        ("%time x = [\n1]", None),
        ("%timeit -n 10 -r 3 f(x)\n%prun -l 5 g()", [1, 2]),
        ("x = 3\n" + "!echo (\n" * 50 + "y = 4", [1, *range(2, 53)]),
        (",f a b\n/g 1\n;h x", [1, 2, 3]),
        ("%%time\n\nx = 1\n%%capture\ny = 2", [3, 4, 5]),
        ("x = 1 if a else 2 \\\n% 3", [1]),
        ("", []),
        ("\ufeffx = 1", [1]),
        ("x = 1\x00", None),
        ("x = " + "(" * 300 + ")" * 300, None),
    ],
)
def test_a_cell_is_read_around_its_magics(source, lines):
    """What is IPython's is blotted out, each statement keeps its line, and nothing else is lost."""
    (cell,) = code_of(notebook(source))
    found = [node.lineno for node in cell.tree.body] if cell.tree else None
    assert found == lines
    assert bool(cell.unread) == (lines is None)


def test_what_cannot_be_read_stops_nobody():
    """Cells that are deep, broken or foreign are remarked upon, and the others planned."""
    deep = "x = " + "+".join(["a"] * 20_000)
    texts = (deep, "def f(:", "%%html\n<b>", "x = '\ud800'", "def g(): return 1", "\\")
    plan = plan_notebook(notebook(*texts))
    assert [(one.name, one.verdict) for one in plan.definitions] == [("g", "free")]
    assert len(plan.remarks) >= 4


def by_table(table: symtable.SymbolTable) -> set[str]:
    """Return the names that Python itself says are read from the outermost scope."""
    found = {
        one.get_name()
        for one in table.get_symbols()
        if one.is_referenced() and (table.get_type() == "module" or one.is_global())
    }
    return found.union(*map(by_table, table.get_children()))


def in_classes(table: symtable.SymbolTable) -> set[str]:
    """Return the names that classes bind."""
    found = set(table.get_identifiers()) if table.get_type() == "class" else set()
    return found.union(*map(in_classes, table.get_children()))


def test_scopes_are_pythons():
    """On the standard library, the names that are found are those of Python's symbol tables."""
    paths = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    paths = [path for path in paths if "site-packages" not in path.parts]
    checked = 0
    for path in paths if SOAK else random.Random(6).sample(paths, 40):
        try:
            text = path.read_text(encoding="utf-8")
            tree, table = ast.parse(text), symtable.symtable(text, str(path), "exec")
        except (SyntaxError, ValueError, RecursionError):
            continue
        future = "from __future__ import annotations" in text
        uses = [use for one in read_statements(tree.body, future) for use in one.uses]
        # A function that is called `top` is taken for a module by `symtable`, and `super()`
        # needs a `__class__` that nobody names.
        theirs = by_table(table) - {"__class__"}
        if sys.version_info >= (3, 12):  # a comprehension's variables are those of what it is in
            loops = [one.target for one in ast.walk(tree) if isinstance(one, ast.comprehension)]
            theirs -= {one.id for loop in loops for one in ast.walk(loop) if hasattr(one, "id")}
        if "def top(" not in text:
            assert theirs <= {use.name for use in uses}, path
        # `x = x`, `del x` and `x += 1` read a name in a way that tables don't tell.
        own = {one.get_name() for one in table.get_symbols()} | by_table(table) | in_classes(table)
        assert {use.name for use in uses if use.bound == "no" and not use.text} <= theirs | own
        checked += 1
    assert checked >= 30


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("x = 1\ny = x", ""),
        ("y = x\nx = 1", "x"),
        ("x += 1", "x"),
        ("if a:\n    x = 1\ny = x", "a x"),
        ("if a:\n    x = 1\nelse:\n    x = 2\ny = x", "a"),
        ("if a:\n    x = 1\nelse:\n    raise b\ny = x", "a b"),
        ("for i in a:\n    x = i\ny = x, i", "a i x"),
        ("for i in a:\n    t = t + i", "a t"),
        ("while (n := a()):\n    print(n)", "a"),
        ("with a as b:\n    x = b\ny = x", "a"),
        ("try:\n    x = a()\nexcept E:\n    pass\ny = x", "E a x"),
        ("try:\n    x = a()\nexcept E as e:\n    x = e\ny = x, e", "E a e"),
        ("match a:\n    case [x]: pass\n    case _: x = 1\ny = x", "a"),
        ("match a:\n    case [x]: pass\ny = x", "a x"),
        ("def f(): return g()\ndef g(): return f()", ""),
        ("def f(): return x\ny = f()\nx = 1", ""),
        ("def f(): return x\nif a:\n    x = 1", "a x"),
        ("del x", "x"),
        ("x = 1\ndel x\ny = x", "x"),
        ("a[i].b = c", "a c i"),
        ("if (m := a) and m.b:\n    m", "a"),
        ("a and (x := b)\nx", "a b x"),
        ("import os.path as p, sys\np, sys, len", ""),
        ("[x := i for i in a]\nx", "a x"),
        ("class A:\n    b = a\n    def c(self): return b, A", "a b"),
        ("%time x = f(y)\n!ls {z}", "f y"),
        ("print(__magic__)", ""),
    ],
)
def test_names_of_some_code(code, names):
    """What code may read from outside of itself, whichever way it goes."""
    assert free_names(code) == set(names.split())


def test_code_that_is_none_has_no_names():
    """What can't be read is refused, and not taken for code without names."""
    with pytest.raises(FortnightError, match="can't be told"):
        free_names("x = (")


def test_order():
    """What is needed has its place, whatever the notebook's order; the rest keeps that order."""
    plan = plan_notebook(
        notebook(
            "def f(x=K): return g(x)",
            "@d\ndef g(x): return x",
            "K = L + 1",
            "def d(h): return e(h)",
            "def e(h): return h if K else g",
            "L = 1",
            "def z(): return 0",
        )
    )
    assert [one.name for one in needed(plan, ["f"])] == ["L", "K", "f", "d", "e", "g"]
    assert [one.name for one in needed(plan, ["z", "L"])] == ["L", "z"]
    with pytest.raises(FortnightError, match="Did you mean 'f'"):
        needed(plan, ["ff"])


def test_a_plan_can_be_made_again():
    """What has been read once is planned as often as one likes, and each time alike."""
    code = code_of(notebook("import tea", "def f(): return tea.cup"))
    plans = [plan_code(code), plan_code(code, ["tea"]), plan_code(code)]
    assert [plan.definitions[0].verdict for plan in plans] == ["with", "no", "with"]
    assert plans[0] == plans[2]
    assert [one.statement for one in plans[0].imports] == ["import tea"]


def test_copies_of_a_helper():
    """Copies are equivalent if all that they need is."""
    sources = {
        "one": ("import math as m", "K = 1\ndef f(x): return m.sqrt(x) + K"),
        "two": ("K = 1", "import math as m\ndef f(x):\n    'Doc.'\n    return m.sqrt(x) + K"),
        "three": ("import cmath as m", "K = 1\ndef f(x): return m.sqrt(x) + K"),
        "four": ("import math as m", "K = 2\ndef f(x): return m.sqrt(x) + K", "def g(): pass"),
        "five": ("def g():\n    # nothing\n    pass",),
    }
    plans = {name: plan_notebook(notebook(*texts)) for name, texts in sources.items()}
    found = {one.name: one for one in same_helpers(plans)}
    groups = [[copy.notebook for copy in group] for group in found["f"].groups]
    assert groups == [["one", "two"], ["three"], ["four"]]
    assert found["g"].agree
    assert set(found) == {"f", "g"}


def test_hidden_state():
    """A plan remarks upon the order in which a notebook was run, and upon names from nowhere."""
    counts = [
        (1, "x = 1"),
        (4, "y = x + gone"),
        (3, "z = later"),
        (9, "later = 1"),
        (None, "w = 1"),
    ]
    cells = [Cell("", "code", text, execution_count=count) for count, text in counts]
    remarks = [str(one) for one in plan_notebook(Notebook(tuple(cells))).remarks]
    for words in (
        "cell 2, line 1: `gone` is defined by no cell",
        "cell 3, line 1: `later` is used before cell 4 defines it",
        "cell 3, line 1: was run before cell 2",
        "cell 3, line 1: 1 run before it left no cell",
        "cell 4, line 1: 4 runs before it left no cell",
        "cell 5, line 1: has not been run",
    ):
        assert any(remark.startswith(words) for remark in remarks), remarks
    assert not plan_notebook(notebook("x = 1", "print(x, _, In)\n%time x\ndisplay(x)")).remarks


def test_an_exploration_of_300_cells_is_planned_at_once():
    """A plan takes no time that anybody notices: 0.2 s where nobody else works, here at most 2."""
    sources = ["import math\nimport numpy as np\nLABELS = ['a', 'b']\nx = load()"]
    for i in range(100):
        calls = f"f{i - 1}(n - 1) + " if i else ""
        body = "\n".join(f"    v{j} = [k * {j} for k in range(n) if k % 3]" for j in range(8))
        sources.append(f"K{i} = {i}\ndef f{i}(n, s=K{i}):\n{body}\n    return {calls}len(LABELS)")
        sources.append(f"r{i} = f{i}(3)\nprint(r{i}, np.mean([f{i}(n) for n in range(4)]))")
        sources.append(f"%time r{i}\n!ls\nimport os\nfor j in range(3):\n    print(j, r{i}, x)")
    given = notebook(*sources)
    start = time.perf_counter()
    plan = plan_notebook(given)
    assert time.perf_counter() - start < 2
    assert sum(one.verdict == "with" for one in plan.definitions) == 100
