"""What nbdev would let through, case by case; and what only looks like it."""

import random

import pytest
from fastcore.nbio import dict2nb, mk_cell
from nbdev.process import NBProcessor

from fortnight.directives import (
    CODE,
    directives_of,
    masked,
    module_of,
    parse_code,
    source_of,
)
from fortnight.errors import FortnightError
from fortnight.notebook import Cell, Notebook, as_content
from fortnight.order import number_of, slips_between, uses_of
from fortnight.publics import bindings_of
from fortnight.slips import Slip, error_of, slips_in

HEAD = "#| default_exp tea"


def source(*codes: str, name: str = "00_tea.ipynb", head: str = HEAD, **metadata: object):
    """Return a library notebook of these cells, after one that names its module."""
    cells = [Cell(f"c{i}", "code", code) for i, code in enumerate((head, *codes), start=1)]
    return source_of(name, Notebook(tuple(cells), metadata))


def slips(*codes: str, **options: object) -> list[Slip]:
    """Return the slips in a library notebook, in the order of cells and lines."""
    found = slips_in(source(*codes, **options))
    return sorted(found, key=lambda slip: (slip.cell, slip.line))


def exported(code: str) -> str:
    """Return a cell that is exported."""
    return f"#| export\n{code}"


RIGHT = {
    "a function": ["def half(cups):\n    return cups / 2"],
    "magics in a string": ['help = """\n%timeit is for notebooks\n!ls too\nis it?\n"""'],
    "a remainder that begins a line": ["x = (7\n% 2)"],
    "a doubtful escape": ["pattern = '\\d'"],
    "a comparison that linters dislike": ["x = 1 is 1"],
    "an import from __future__ first": ["from __future__ import annotations", "x = 1"],
    "two of them, and a text": [
        '"""Tea."""\nfrom __future__ import annotations',
        "from __future__ import generator_stop\nx = 1",
    ],
    "overloads": [
        "from typing import overload\n@overload\ndef f(x: int) -> int: ...\n"
        "@overload\ndef f(x: str) -> str: ...\ndef f(x): return x"
    ],
    "overloads by another name": ["import typing as t", "@t.overload\ndef f(): ...", "def f(): 1"],
    "patches": ["@patch\ndef show(self: Tea): ...", "@patch\ndef show(self: Milk): ..."],
    "dispatch": ["@dispatch\ndef f(x: int): ...", "@dispatch\ndef f(x: str): ..."],
    "registrations": [
        "@singledispatch\ndef price(x): ...",
        "@price.register\ndef _(x: int): ...",
        "@price.register(str)\ndef _(x): ...",
    ],
    "alternatives": [
        "try:\n    import tomllib\nexcept ImportError:\n    import tomli as tomllib",
        "if X:\n    def f(): 1\nelse:\n    def f(): 2",
    ],
    "a fallback": ["yaml = None\nwith suppress(ImportError):\n    import yaml"],
    "a special case": ["def f(): 1\nif WINDOWS:\n    def f(): 2"],
    "the same import twice": ["import json\nfrom a import b", "import json\nfrom a import b"],
    "two parts of a package": ["import os.path", "import os.abc"],
    "a value made in steps": ["x = []\nx = sorted(x)\nx += [1]"],
    "a name given up": ["def f(): 1\ndel f", "def f(): 2"],
    "a declaration": ["x: int", "x = 1"],
    "dunders": ["__author__ = 'a'", "__author__ = 'b'", "_all_ = ['x']", "_all_ = ['y']"],
    "names in their own scopes": [
        "def f():\n    x = 1\nclass A:\n    x = 2\n    def f(self): ...",
        "x = [x for x in range(3)]",
    ],
    "loops that share a variable": ["for i in A:\n    pass", "for i in B:\n    pass"],
    "unicode": ["größe = 1", "def señal(): ..."],
    "tabs and the ends of Windows' lines": ["def f():\r\n\treturn 1\r\n"],
}


@pytest.mark.parametrize("codes", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_not_told(codes):
    """A check that cries wolf would be turned off."""
    assert slips(*map(exported, codes), "def f(): ...\n!ls\nfrom .x import y") == []


# Exported cells, and of each slip its cell (the first is 2), its line, and a word of what is said.
WRONG = {
    "a line magic": (["%matplotlib inline"], [(2, 2, "magic")]),
    "an indented magic": (["if x:\n    %time f()"], [(2, 3, "magic")]),
    "a shell line": (["import os\n!pip install tea"], [(2, 3, "magic")]),
    "an assigned one": (["files = !ls\na, b = %who_ls\n"], [(2, 2, "magic"), (2, 3, "magic")]),
    "help": (["len?"], [(2, 2, "magic")]),
    "help first": (["?len"], [(2, 2, "magic")]),
    "a cell magic below the directive": (["%%time\nx = 1"], [(2, 2, "magic")]),
    "a magic, and then no Python": (["%pwd\nx = ("], [(2, 2, "magic"), (2, 3, "never closed")]),
    "no Python": (["x = 1\ny = = 2"], [(2, 3, "invalid syntax")]),
    "an open string": (["x = 'tea"], [(2, 2, "unterminated")]),
    "a wrong indent": (["x = 1\n  y = 2"], [(2, 3, "indent")]),
    "return": (["return 1"], [(2, 2, "'return' outside")]),
    "await": (["await tea()"], [(2, 2, "'await' outside")]),
    "yield": (["yield 1"], [(2, 2, "'yield' outside")]),
    "break": (["if x:\n    break"], [(2, 3, "'break' outside")]),
    "nonlocal": (["nonlocal x"], [(2, 2, "nonlocal")]),
    "an argument twice": (["def f(a, a): ..."], [(2, 2, "duplicate argument")]),
    "a null": (["x = '\0'"], [(2, 0, "null")]),
    "half a character": (["x = '\ud83d'"], [(2, 0, "surrogates")]),
    "too deep": (["x = " + "(" * 300 + ")" * 300], [(2, 2, "too many nested")]),
    "each broken cell": (["x = ", "y = "], [(2, 2, "invalid"), (3, 2, "invalid")]),
    "__future__ in the second cell": (
        ["x = 1", "from __future__ import annotations"],
        [(3, 2, "__future__")],
    ),
    "__future__ in the middle of a cell": (
        ["x = 1\nfrom __future__ import annotations"],
        [(2, 3, "__future__")],
    ),
    "relative": (["from .milk import warm"], [(2, 2, "'.milk'")]),
    "relative, of the package": (["x = 1\nfrom . import milk"], [(2, 3, "'.'")]),
    "relative, in a function": (["def f():\n    from ..milk import warm"], [(2, 3, "'..milk'")]),
    "a function again": (["def f(): 1", "def f(): 2"], [(3, 2, "'f' is defined a second")]),
    "again in one cell": (["def f(): 1\ndef f(): 2"], [(2, 3, "'f' is defined a second")]),
    "three times": (["def f(): 1"] * 3, [(3, 2, "'f'"), (4, 2, "'f'")]),
    "async over plain": (["def f(): 1", "async def f(): 2"], [(3, 2, "'f'")]),
    "a class over a value": (["Tea = None", "class Tea: ..."], [(3, 2, "'Tea'")]),
    "a value in two cells": (["LIMIT = 1", "LIMIT = 2"], [(3, 2, "'LIMIT'")]),
    "one of several": (["a, (b, *c) = x", "[c] = y"], [(3, 2, "'c'")]),
    "a private one": (["def _f(): 1", "def _f(): 2"], [(3, 2, "'_f'")]),
    "an annotated one": (["x: int = 1", "x: int = 2"], [(3, 2, "'x'")]),
    "an import hidden": (["import json", "def json(): ..."], [(3, 2, "'json' hides")]),
    "a definition hidden by an import": (["def f(): 1", "from a import f"], [(3, 2, "'f' hides")]),
    "one import by another": (["from a import f", "from b import f"], [(3, 2, "'f' hides")]),
    "by its alias": (["import a as x", "import b as x"], [(3, 2, "'x' hides")]),
    "the same alias in one cell": (["import a as x\nimport b as x"], [(2, 3, "'x' hides")]),
    "in an if, in another cell": (["def f(): 1", "if X:\n    def f(): 2"], [(3, 3, "'f'")]),
    "after a try": (["try:\n    import f\nexcept E:\n    f = 0\ndef f(): 1"], [(2, 6, "'f'")]),
}


@pytest.mark.parametrize(("codes", "expected"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_place(codes, expected):
    """The place is the line to look at; what is said names the thing."""
    found = slips(*map(exported, codes))
    assert [(slip.cell, slip.line) for slip in found] == [place[:2] for place in expected], found
    for slip, (*_, word) in zip(found, expected, strict=True):
        assert word in slip.what or word in slip.why
        assert slip.why
        assert slip.cure
        assert slip.cell_id == f"c{slip.cell}"
        assert slip.notebook == "00_tea.ipynb"


def test_errors_tell_all_of_them():
    """Each slip is in the one error, with notebook, cell, id, line, why and what to do."""
    found = slips(exported("x = !ls\nreturn x"), exported("def f(): 1"), exported("def f(): 2"))
    said = str(error_of([*found, *found]))
    assert said.startswith("3 slips")
    for slip in found:
        assert said.count(slip.what) == said.count(slip.where) == 1
        assert slip.why in said
        assert slip.cure in said
    single = error_of(found[:1])
    assert isinstance(single, FortnightError)
    assert (single.what, single.where) == (
        found[0].what,
        "nbs/lib/00_tea.ipynb, cell 2 (c2), line 2",
    )


DIRECTIVES = {
    "to another module": ("#| export milk\nx = 1", 1, "another module"),
    "with a colon": ("\n#| exporti: milk\nx = 1", 2, "another module"),
    "a part of it": ("#| exports milk.warm\nx = 1", 1, "another module"),
    "two words": ("#| export milk warm\nx = 1", 1, "another module"),
    "no is no answer": ("#| export: false\nx = 1", 1, "another module"),
    "into a docstring": ("#| exportd milk\nx = 1", 1, "another module"),
    "misspelt": ("#| exprot\nx = 1", 1, "Did you mean '#| export'?"),
    "in capitals": ("#| Export\nx = 1", 1, "Did you mean '#| export'?"),
    "of another time": ("#| exported\nx = 1", 1, "Did you mean '#| export'?"),
    "the module misspelt": ("#| default-exp milk\nx = 1", 1, "Did you mean '#| default_exp'?"),
    "below code": ("x = 1\n#| export", 2, "stands below code"),
    "below a comment": ("# Tea\n#| export\nx = 1", 2, "stands below code"),
    "indented": ("if x:\n    #| export\n    y = 1", 2, "stands below code"),
    "the module, below code": ("x = 1\n\n#| default_exp milk", 3, "stands below code"),
    "a second module": ("#| default_exp milk\nx = 1", 1, "a second time"),
}


@pytest.mark.parametrize(("code", "line", "word"), DIRECTIVES.values(), ids=DIRECTIVES)
def test_directives_that_nbdev_takes_in_another_way(code, line, word):
    """What looks like an export and isn't one is told."""
    found = slips(exported("y = 1"), code)
    assert [(slip.cell, slip.line) for slip in found] == [(3, line)], found
    assert word in found[0].what


def test_directives_that_mean_something_else():
    """Those of quarto and of other processors are theirs; so is what a text or a comment says."""
    others = [
        "hide",
        "eval: false",
        "echo: true",
        "code-fold: show",
        "import",
        "report",
        "exec_doc",
    ]
    cells = [f"#| {name}\nx = 1" for name in others]
    cells += ['x = """\n#| export\n"""', "x = 1  #| export", "# | export\nx = 1\n# see | export"]
    assert slips(exported("y = 1"), *cells) == []


@pytest.mark.parametrize(
    "name", ["", "my-tea", "1tea", "tea milk", "class", "tea.", ".tea", "a..b"]
)
def test_names_that_are_no_modules(name):
    """A file by such a name could not be imported."""
    found = slips(exported("x = 1"), head=f"#| default_exp {name}")
    assert [(slip.cell, slip.line) for slip in found] == [(1, 1)]
    assert "cannot be the name of a module" in found[0].what


@pytest.mark.parametrize(
    "name", ["tea", "_tea", "tea.milk", "__init__", "tea.__init__", "match", "té"]
)
def test_names_that_are_modules(name):
    """Part by part, they are what Python calls a name."""
    assert slips(exported("x = 1"), head=f"#| default_exp {name}") == []


def test_a_notebook_without_a_module():
    """What it exports would be left out; without exports it is a notebook like any other."""
    (found,) = slips(exported("x = 1"), exported("y = 1"), head="")
    assert (found.cell, found.line) == (2, 1)
    assert "names no module" in found.what
    assert slips("x = 1", head="") == []


def test_a_module_without_cells():
    """An empty cell, or one of directives, is none; a comment is."""
    (found,) = slips("#| export\n\n#| hide\n", "x = 1")
    assert "exports no cell" in found.what
    assert (found.cell, found.line) == (1, 1)
    assert slips("#| export\n# tea") == []


def test_ids():
    """A notebook without ids is told once; each cell that repeats another's by itself."""
    old = source_of("old.ipynb", Notebook((Cell("", "code", "1"),) * 9, minor=4))
    (found,) = slips_in(old)
    assert found.cell == 1
    assert "like 8 more" in found.what
    cells = [
        Cell(name, kind, "x") for name, kind in (("a", "code"), ("b", "raw"), ("a", "markdown"))
    ]
    found = list(slips_in(source_of("old.ipynb", Notebook((*cells, cells[0])))))
    assert [(slip.cell, slip.cell_id) for slip in found] == [(3, "a"), (4, "a")]
    assert all("same id as cell 1" in slip.what for slip in found)


# What nbdev makes of a cell's head is nbdev's to say.
PIECES = [
    *(
        "#| export",
        "#|export",
        "# | exporti",
        "  #| exports: true",
        "#| export: milk",
        "#| exportd",
    ),
    *(
        "#| default_exp tea",
        "#| default_exp: a.b",
        "#| eval: false",
        "#|",
        "#| ",
        "%%time",
        "%time",
    ),
    *("", "   ", "# tea", "x = 1", "#| label: a b ", "!ls", "\t#|hide", "#||", "#| export:"),
]


def test_heads_are_read_as_nbdev_reads_them():
    """For random heads the directives are nbdev's, and so is what is exported, and the module."""
    chance = random.Random(20261116)
    exports = 0
    for _ in range(400):
        texts = ["\n".join(chance.choices(PIECES, k=chance.randint(1, 5))) for _ in range(3)]
        metadata = [chance.choice([{}, {}, {"nbdev": {"export": "true"}}]) for _ in texts]
        cells = tuple(
            Cell(f"c{i}", chance.choice(["code", "code", "markdown"]), text, meta)
            for i, (text, meta) in enumerate(zip(texts, metadata, strict=True))
        )
        general = chance.choice([{}, {}, {"nbdev": {"default_exp": "cup", "hide": "true"}}])
        notebook = Notebook(cells, general)
        theirs = NBProcessor(nb=dict2nb(as_content(notebook)))
        ours = source_of("tea.ipynb", notebook)
        by_id = {cell.id: cell for cell in theirs.nb.cells}
        for code in ours.codes:
            said = by_id[code.cell.id].directives_
            assert {d.name: d.value for d in code.directives} == said, repr(code.cell.source)
            text = by_id[code.cell.id].source.strip()
            assert code.exported == bool(CODE & set(said) and text), repr(code.cell.source)
            exports += code.exported
        named = [
            said["default_exp"]
            for c in theirs.nb.cells
            if c.cell_type == "code"
            if "default_exp" in (said := c.directives_)
        ]
        assert module_of(notebook) == ours.module == (named[-1] if named else "")
    assert exports > 100


def test_a_directive_said_twice_in_one_cell():
    """The last one counts, for nbdev as well; it is told."""
    text = "#| default_exp tea\n#| default_exp milk"
    cell = mk_cell(text)
    del cell["directives_"]
    assert cell.directives == {"default_exp": "milk"}
    assert [directive.value for directive in directives_of(Cell("a", "code", text))] == [
        "tea",
        "milk",
    ]
    (found,) = slips(exported("x = 1"), head=text)
    assert (found.cell, found.line) == (1, 2)


def test_lines_stay_where_they_are_when_magics_are_masked():
    """Otherwise the lines that are told would be wrong ones."""
    text = "%%time\nif x:\n    !ls\n    y = !pwd\n# why?\nlen?\nz = f(\n  # how?\n  1)"
    tree = parse_code(text, magics=True)
    assert len(masked(text).split("\n")) == len(text.split("\n"))
    assert [node.lineno for node in tree.body] == [1, 2, 6, 7]
    assert parse_code("%%bash\nfor i in 1 2; do echo $i; done", magics=True) is None


def test_bindings_of_new_statements():
    """Names of match, of type aliases, and of with and for bodies."""
    code = "match x:\n    case 1:\n        a = 1\nwith f() as g:\n    b = 1\nfor i in x:\n    c = i"
    assert [b.name for b in bindings_of(parse_code(code))] == ["a", "b", "c"]
    if tree := parse_code("type Cups = int"):  # Python 3.12
        assert [b.name for b in bindings_of(tree)] == ["Cups"]


def library(**notebooks: list[str]):
    """Return library notebooks by name; the module is called as the notebook is, without number."""
    made = []
    for name, codes in notebooks.items():
        stem = name.removeprefix("n")
        module = stem.partition("_")[2] or stem
        made.append(source(*codes, name=f"{stem}.ipynb", head=f"#| default_exp {module}"))
    return made


IMPORTS = {
    "from acme.milk import warm": "milk",
    "from acme import milk": "milk",
    "from acme import milk as m, tea": "milk tea",
    "import acme.milk": "milk",
    "import acme.milk as m, json": "milk",
    "def f():\n    from acme.milk import warm": "milk",
    "if TYPE_CHECKING:\n    from acme.milk import Milk": "milk",
    "from acme.milk.deep import x": "milk",
    "from acme.milky import x": "",
    "from acmes.milk import x": "",
    "from milk import warm": "",
    "import milk, acme": "",
    "from acme import unknown": "",
    "from .acme.milk import x": "",
    "'from acme.milk import x'": "",
}


@pytest.mark.parametrize(("code", "modules"), IMPORTS.items())
def test_what_is_an_import_of_the_package(code, modules):
    """Every form of import is understood, and nothing else."""
    sources = library(n00_tea=[code], n01_milk=[])
    found = uses_of(sources, "acme")["00_tea.ipynb"]
    assert " ".join(imported.module for _, imported in found) == modules


def test_the_package_itself_is_a_module_if_a_notebook_exports_it():
    """Whoever imports from the front door waits for all that is behind it."""
    front = source(exported("x = 1"), name="95_front.ipynb", head="#| default_exp __init__")
    sources = [*library(n00_tea=["from acme import x", "from acme import tea"]), front]
    found = list(slips_between(sources, "acme"))
    assert [(slip.cell, slip.what) for slip in found] == [
        (2, "The notebook imports from '__init__', which is 95_front.ipynb."),
        (3, "The notebook imports from itself."),
    ]


def test_imports_lead_back():
    """Neither exported cells nor lessons import from what comes later, or has the same number."""
    code = "from acme.milk import warm"
    good = library(n01_milk=[], n02_tea=[exported(code), code])
    assert list(slips_between(good, "acme")) == []
    for name in ("n01_tea", "n00z_tea", "n0_tea"):
        bad = library(n01_milk=[], **{name: [exported(code), f"!ls\n{code}"]})
        assert [(s.cell, s.line) for s in slips_between(bad, "acme")] == [(2, 2), (3, 2)], name
    assert list(slips_between(library(milk=[], n00_tea=[code]), "acme")) == []


def test_numbers():
    """Letters come between, and ten comes after nine."""
    names = ["9_a", "09a_a", "10_a", "10ab_a", "100_a", "sub/101_a"]
    assert sorted({*names}, key=number_of) == names
    assert number_of("tea") is number_of("2026.ipynb") is None


def test_circles():
    """One of each is told, the shortest; what waits for a call or a type checker is none."""
    far = {
        name: [exported(f"from acme.{to} import x")] for name, to in zip("abc", "bca", strict=True)
    }
    (found,) = slips_between(library(**far, d=[exported("import acme.a")]), "acme")
    assert "a imports b imports c imports a" in found.what
    assert (found.notebook, found.cell, found.line) == ("a.ipynb", 2, 2)
    (found,) = slips_between(library(a=[exported("import acme.a")]), "acme")
    assert "a imports a" in found.what
    in_class = "class A:\n    from acme.a import x"
    (found,) = slips_between(library(a=far["a"], b=[exported(in_class)]), "acme")
    two = library(
        a=far["a"],
        b=[exported("import acme.a")],
        c=["x"],
        e=[exported("import acme.f")],
        f=[exported("import acme.e")],
    )
    assert len(list(slips_between(two, "acme"))) == 2
    for patient in (
        "def f():\n    import acme.a",
        "if TYPE_CHECKING:\n    import acme.a",
        "if typing.TYPE_CHECKING:\n    import acme.a",
        "f = lambda: __import__('a')",
    ):
        assert list(slips_between(library(a=far["a"], b=[exported(patient)]), "acme")) == []
    lesson = library(a=far["a"], b=["import acme.a", exported("x = 1")])
    assert list(slips_between(lesson, "acme")) == []


def test_a_circle_of_numbers_is_told_once():
    """It goes forth somewhere, and there it is told."""
    ring = library(n00_tea=[exported("import acme.milk")], n01_milk=[exported("import acme.tea")])
    (found,) = slips_between(ring, "acme")
    assert found.notebook == "00_tea.ipynb"


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("tea", "tea", True),
        ("tea", "Tea", True),
        ("tea", "tea.__init__", True),
        ("tea.milk", "tea", True),
        ("a.tea", "a.tea.milk.warm", True),
        ("tea.__init__", "tea.milk", False),
        ("__init__", "tea", False),
        ("tea", "tea_milk", False),
        ("a.tea", "b.tea", False),
    ],
)
def test_modules_in_each_others_way(first, second, clash):
    """A file can't be two modules, and a module can't be a file and a folder."""
    sources = [
        source(exported("x = 1"), name=f"{name}.ipynb", head=f"#| default_exp {module}")
        for name, module in (("00_a", first), ("01_b", second))
    ]
    found = list(slips_between(sources, "acme"))
    assert bool(found) == clash
    assert len(found) <= 1
