"""What a notebook declares, and what a text or a value from outside means for it."""

import enum
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fortnight.errors import FortnightError
from fortnight.forms import example
from fortnight.notebook import Cell, Notebook
from fortnight.parameters import (
    check_parameters,
    declared_parameters,
    effective_parameters,
    parse_parameters,
)
from fortnight.values import EnumMember, as_source, injected_source, is_same
from tests.unit.given import texts, times

IMPORTS = """
import datetime as dt
import enum
from pathlib import Path
from typing import Any, Literal, Optional, Union
"""
COLOUR = "class Colour(enum.Enum):\n    RED = 1\n    GREEN = BLUE = 2\n    _ignore_ = []\n"
COLOUR += "    label: str\n    def hex(self): ...\n    shade = property(hex)\n"
RED = EnumMember("Colour", "RED")


def notebook(cell: str, *before: str) -> Notebook:
    """Return a notebook with this parameters cell and some usual imports before it."""
    cells = [Cell("", "code", source) for source in (IMPORTS, *before)]
    return Notebook((*cells, Cell("p", "code", cell, {"tags": ["parameters"]})))


def read(annotation: str, text: str) -> object:
    """Return what a text means to a parameter with this annotation."""
    book = notebook(f"x: {annotation} = None", COLOUR)
    return parse_parameters(book, {"x": text})["x"]


def refused(call, *arguments, **options) -> FortnightError:
    """Return the error that a call ends in; it says what, where, why and what to do."""
    with pytest.raises(FortnightError) as caught:
        call(*arguments, **options)
    error = caught.value
    assert all((error.what, error.where, error.why, error.cure)), error
    return error


READ = [
    ("bool", "true", True),
    ("bool", "False", False),
    ("int", "-7", -7),
    ("int", "007", 7),
    ("float", "7", 7.0),
    ("float", "nan", float("nan")),
    ("float", "-inf", float("-inf")),
    ("float", "1e-3", 0.001),
    ("str", "7", "7"),
    ("str", "", ""),
    ("str", "'a'", "'a'"),
    ("None", "None", None),
    ("dt.date", "2026-11-16", date(2026, 11, 16)),
    ("'dt.date'", "2026-11-16", date(2026, 11, 16)),
    ("dt.datetime", "2026-11-16 09:30", datetime(2026, 11, 16, 9, 30)),
    ("dt.datetime", "2026-11-16T09:30:00Z", datetime(2026, 11, 16, 9, 30, tzinfo=UTC)),
    ("Path", "a b/c", Path("a b/c")),
    ("list", "[1, 'a', None]", [1, "a", None]),
    ("list[float]", "[1, 2]", [1.0, 2.0]),
    ("list[dt.date]", "['2026-01-01']", [date(2026, 1, 1)]),
    ("list[Path]", "['a']", [Path("a")]),
    ("list[list[float | None]]", "[[1], [None]]", [[1.0], [None]]),
    ("tuple", "1, 'a'", (1, "a")),
    ("tuple[int, ...]", "()", ()),
    ("tuple[int, dt.date]", "(1, '2026-01-01')", (1, date(2026, 1, 1))),
    ("tuple[()]", "()", ()),
    ("set", "set()", set()),
    ("set[float]", "{1, 2.5}", {1.0, 2.5}),
    ("dict", "{'a': [1]}", {"a": [1]}),
    ("dict[str, dt.date]", "{'a': '2026-01-01'}", {"a": date(2026, 1, 1)}),
    ("dict[dt.date, Colour]", "{'2026-01-01': Colour.RED}", {date(2026, 1, 1): RED}),
    ("Literal['a', 1, None]", "a", "a"),
    ("Literal['a', 1, None]", "1", 1),
    ("Literal['a', 1, None]", "None", None),
    ("Literal[-1, True]", "True", True),
    ("Optional[int]", "None", None),
    ("Optional[int]", "7", 7),
    ("Union[int, str]", "seven", "seven"),
    ("str | int", "7", 7),
    ("float | int", "7", 7),
    ("str | None", "None", None),
    ("dt.date | str", "2026-11-16", date(2026, 11, 16)),
    ("dt.date | str", "today", "today"),
    ("Path | list[str]", "['a']", ["a"]),
    ("Colour", "RED", RED),
    ("Colour", "Colour.BLUE", EnumMember("Colour", "BLUE")),
    ("list[Colour]", "['RED', Colour.GREEN]", [RED, EnumMember("Colour", "GREEN")]),
    ("Colour | None", "None", None),
]


@pytest.mark.parametrize(("annotation", "text", "value"), READ)
def test_a_text_means_what_is_declared(annotation, text, value):
    """The annotation decides, down to the elements of containers."""
    assert is_same(read(annotation, text), value)


REFUSED = [
    ("bool", "no", "true or false"),
    ("int", "1_000", "a whole number, such as 7"),
    ("int", "7.0", "a whole number"),
    ("int", "9" * 5000, "a whole number"),
    ("float", "1_0", "a number, such as 0.95"),
    ("float", "infinity", "a number"),
    ("None", "null", "None"),
    ("dt.date", "16.11.2026", "a day, such as 2026-11-16"),
    ("dt.date", "2026-02-30", "a day"),
    ("dt.date", "2026-01-01T00:00", "a day"),
    ("dt.datetime", "noon", "a time, such as 2026-11-16T09:30"),
    ("list[int]", "[1, 'a']", "a Python list, such as [7]"),
    ("list[int]", "[True]", "a Python list"),
    ("list[int]", "(1, 2)", "a Python list"),
    ("list", "a, b", "a Python list"),
    ("list", "[print]", "a Python list"),
    ("list", "[os.environ]", "a Python list"),
    ("list", "[x for x in y]", "a Python list"),
    ("list", "(" * 5000, "a Python list"),
    ("list", "[dt.timedelta(1)]", "a Python list"),
    ("tuple[int, str]", "(1,)", "a Python tuple, such as (7, 'text')"),
    ("set[int]", "{}", "a Python set, such as {7}"),
    ("set", "{[]}", "a Python set"),
    ("dict[str, int]", "{1: 1}", "a Python dict, such as {'text': 7}"),
    ("Literal['a', 1]", "'a'", "one of a, 1"),
    ("Colour", "PINK", "one of RED, GREEN, BLUE"),
    ("Colour", "hex", "one of RED, GREEN, BLUE"),
    ("Colour", "shade", "one of RED"),
    ("int | None", "x", "a whole number, such as 7 or None"),
    ("Any", "7", "no text: what any is"),
    ("numpy.ndarray", "[1]", "no text: what numpy.ndarray is cannot be seen"),
    ("list[Shape]", "[1]", "no text: what list[Shape] is cannot be seen"),
]


@pytest.mark.parametrize(("annotation", "text", "hint"), REFUSED)
def test_a_text_that_does_not_fit(annotation, text, hint):
    """It is refused with the expected form."""
    assert hint in refused(read, annotation, text).why


@pytest.mark.parametrize("annotation", sorted({each[0] for each in READ}))
def test_the_example_of_a_refusal_fits(annotation):
    """What a refusal tells people to type is taken."""
    book = notebook(f"x: {annotation} = None", COLOUR)
    sample = example(declared_parameters(book)[0].accepts)
    assert sample
    parse_parameters(book, {"x": sample})


plain_texts = texts.filter(lambda text: "\0" not in text)
scalars = {
    "bool": st.booleans(),
    "int": st.integers(),
    "float": st.floats(),
    "str": texts,
    "None": st.none(),
    "dt.date": st.dates(),
    "dt.datetime": times,
    "Path": plain_texts.map(Path),
    "Literal['a', 1, None]": st.sampled_from(["a", 1, None]),
}
hashable = st.sampled_from([name for name in scalars if name != "float"])


def nested(inner):
    """Return annotations of containers of `inner`."""
    return st.one_of(
        inner.map("list[{}]".format),
        inner.map("tuple[{}, ...]".format),
        st.tuples(inner, inner).map(lambda pair: "tuple[{}, {}]".format(*pair)),
        hashable.map("set[{}]".format),
        st.tuples(hashable, inner).map(lambda pair: "dict[{}, {}]".format(*pair)),
    )


annotations = st.recursive(st.sampled_from([*scalars]), nested, max_leaves=4)


def values_of(annotation: str):
    """Return values that an annotation means."""
    if annotation in scalars:
        return scalars[annotation]
    base, _, inner = annotation.removesuffix("]").partition("[")
    if base == "tuple" and inner.endswith(", ..."):
        return st.lists(values_of(inner.removesuffix(", ...")), max_size=3).map(tuple)
    parts = [values_of(part) for part in split(inner)]
    if base == "tuple":
        return st.tuples(*parts)
    if base == "dict":
        return st.dictionaries(*parts, max_size=3)
    return {"list": st.lists, "set": st.sets}[base](*parts, max_size=3)


def split(inner: str) -> list[str]:
    """Return the parts between commas that no bracket encloses."""
    parts, depth = [""], 0
    for sign in inner:
        depth += {"[": 1, "]": -1}.get(sign, 0)
        parts = [*parts, ""] if sign == "," and not depth else [*parts[:-1], parts[-1] + sign]
    return [part.strip() for part in parts]


@given(st.data())
def test_what_python_shows_is_read_back(data):
    """The str of any value of any kind, and its source, mean that value again."""
    annotation = data.draw(annotations)
    value = data.draw(values_of(annotation))
    book = notebook(f"x: {annotation} = None")
    forms = [str(value)]
    if isinstance(value, datetime):  # whose str keeps neither a zone's name nor the fold
        forms = [repr(value)]
    if (
        annotation not in ("bool", "int", "str", "None", "Path", "float")
        and "Lit" not in annotation
    ):
        forms.append(as_source(value))
    for text in forms:
        assert is_same(parse_parameters(book, {"x": text})["x"], value)
    assert is_same(check_parameters(book, {"x": value})["x"], value)


@given(annotations, texts)
def test_any_text_is_read_or_refused(annotation, text):
    """Whatever is typed, there is a value that can be handed over, or a refusal in words."""
    book = notebook(f"x: {annotation} = None")
    try:
        values = parse_parameters(book, {"x": text})
    except FortnightError as error:
        assert error.why.startswith("expected")
    else:
        assert is_same(check_parameters(book, values), values)
        injected_source(values)


@pytest.mark.parametrize("annotation", ["list", "dict", "dt.date", "tuple[int, ...]", "int | list"])
def test_a_text_never_runs(tmp_path, annotation):
    """Code among what is typed is refused; evaluated, it would have run."""
    canary = tmp_path / "canary"
    text = f"[__import__('pathlib').Path({str(canary)!r}).touch()]"
    refused(read, annotation, text)
    assert not canary.exists()
    eval(text, {})
    assert canary.exists(), "it would not have run, and the test above shows nothing"


@pytest.mark.parametrize(
    ("default", "kind"),
    [
        ("7", "int"),
        ("-0.5", "float"),
        ("1e999", "float"),
        ("'a'", "str"),
        ("True", "bool"),
        ("None", "None"),
        ("[1]", "list"),
        ("(1,)", "tuple"),
        ("set()", "set"),
        ("{1}", "set"),
        ("{}", "dict"),
        ("dt.date(2026, 1, 1)", "date"),
        ("dt.date.today()", "date"),
        ("dt.datetime(2026, 1, 1)", "datetime"),
        ("dt.datetime.now()", "datetime"),
        ("Path('a') / 'b'", "Path"),
        ("Path.cwd()", "Path"),
        ("float('nan')", "float"),
        ("Colour.RED", "Colour"),
        ("load()", ""),
        ("7 + 1", ""),
    ],
)
def test_a_default_says_what_is_expected(default, kind):
    """Without an annotation, the type of the default counts, as far as it can be seen."""
    assert declared_parameters(notebook(f"x = {default}", COLOUR))[0].kind == kind


def test_what_a_run_has():
    """Given values and the defaults that can be seen, in the order of declaration."""
    cell = "day = dt.date(2026, 1, 1)\nnow = dt.datetime.now()\ncolour: Colour = Colour.RED\n"
    cell += "folder = Path('a')\nlimit = float('inf')\nseed = secret_key = 1\npair = (1, [None])\n"
    values = effective_parameters(notebook(cell, COLOUR), {"seed": 2})
    wanted = {"day": date(2026, 1, 1), "colour": RED, "folder": Path("a"), "limit": float("inf")}
    assert is_same(values, {**wanted, "seed": 2, "secret_key": 1, "pair": (1, [None])})


def test_a_default_is_not_run(tmp_path):
    """To know a notebook's parameters, nothing of it is executed."""
    canary = tmp_path / "canary"
    cell = f"x = [open({str(canary)!r}, 'w').close()]"
    assert effective_parameters(notebook(cell), {}) == {}
    assert not canary.exists()
    exec(cell, {})
    assert canary.exists(), "it would not have run, and the test above shows nothing"


def test_names_are_what_the_notebook_imports():
    """A date is a day only where the name means that; a later binding counts."""
    days = ["from datetime import date as D", "import datetime", "from datetime import *"]
    for imports, annotation in zip(days, ["D", "datetime.date", "date"], strict=True):
        book = notebook(f"{imports}\nx: {annotation} = None")
        assert parse_parameters(book, {"x": "2026-01-01"}) == {"x": date(2026, 1, 1)}
    for other in ("from calendar import date", "class date: ...", "date = str"):
        book = notebook("x: date = None", other)
        assert "no text" in refused(parse_parameters, book, {"x": "2026-01-01"}).why


def test_magics_do_not_hide_imports():
    """Cells with shell commands and magics are read as far as they are Python."""
    book = notebook("x: D = None", "%matplotlib inline\n!ls\nfrom datetime import date as D")
    assert parse_parameters(book, {"x": "2026-01-01"}) == {"x": date(2026, 1, 1)}


@pytest.mark.parametrize(
    "imports",
    [
        "from acme.tea.kinds import Kind",
        "from acme.tea import Kind",
        "from acme import Kind",
        "from acme.tea.other import Kind",
    ],
)
def test_an_enum_in_the_package(tmp_path, imports):
    """An enumeration is found in the workspace's own source, through re-exports too."""
    package = tmp_path / "acme"
    (package / "tea").mkdir(parents=True)
    (package / "__init__.py").write_text("from acme.tea import Kind")
    (package / "tea" / "__init__.py").write_text("from .kinds import Kind")
    (package / "tea" / "base.py").write_text("import enum\nclass Base(enum.Enum): pass")
    (package / "tea" / "other.py").write_text("from ..tea.kinds import Kind")
    kinds = "from .base import Base\nclass Kind(Base):\n    ASSAM = 'a'\n"
    (package / "tea" / "kinds.py").write_text(kinds)
    book = notebook("kind: Kind = Kind.ASSAM", imports)
    member = EnumMember("Kind", "ASSAM")
    assert parse_parameters(book, {"kind": "ASSAM"}, package) == {"kind": member}
    assert effective_parameters(book, {}, package) == {"kind": member}
    assert "what Kind is cannot be seen" in refused(parse_parameters, book, {"kind": "ASSAM"}).why


@pytest.mark.parametrize(
    "source",
    [
        "class Kind:\n    ASSAM = 1",
        "Kind = make()",
        "from http import HTTPStatus as Kind",
        "if True:\n    class Kind(enum.Enum):\n        ASSAM = 1",
        "class Kind(enum.Enum):\n    ASSAM = 1\nKind = None",
        "class Kind(Kind):\n    ASSAM = 1",
    ],
)
def test_an_enum_that_cannot_be_seen(source, tmp_path):
    """What is no Enum, or not plainly one, is refused rather than guessed."""
    book = notebook("kind: Kind = None", source)
    error = refused(parse_parameters, book, {"kind": "ASSAM"}, tmp_path / "acme")
    assert "cannot be seen" in error.why


def test_a_package_that_goes_round_in_circles(tmp_path):
    """Modules that import a name from each other are given up on."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "a.py").write_text("from .b import Kind")
    (tmp_path / "acme" / "b.py").write_text("from .a import Kind")
    book = notebook("kind: Kind = None", "from acme.a import Kind")
    refused(parse_parameters, book, {"kind": "ASSAM"}, tmp_path / "acme")


class Colour(enum.Enum):
    """The class that the notebook has, as a program that runs it may know it."""

    RED = 1
    PINK = 2


@pytest.mark.parametrize(
    ("annotation", "value", "taken"),
    [
        ("float", 7, 7.0),
        ("list[float]", [1, 2.5], [1.0, 2.5]),
        ("float | int", 7, 7),
        ("dict[str, float]", {"a": 1}, {"a": 1.0}),
        ("Colour", Colour.RED, RED),
        ("Colour", RED, RED),
        ("str | dt.date", "2026-01-01", "2026-01-01"),
        ("Any", (1, {2}), (1, {2})),
        ("numpy.ndarray", [1], [1]),
        ("Literal[1, 'a']", "a", "a"),
    ],
)
def test_a_value_is_taken(annotation, value, taken):
    """A Python value is checked against the kind; integers become floats where those are due."""
    book = notebook(f"x: {annotation} = None", COLOUR)
    assert is_same(check_parameters(book, {"x": value})["x"], taken)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("int", True),
        ("int", 7.0),
        ("int", "7"),
        ("float", True),
        ("float", 10**400),
        ("bool", 1),
        ("dt.date", "2026-01-01"),
        ("dt.date", datetime(2026, 1, 1)),
        ("dt.datetime", date(2026, 1, 1)),
        ("Path", "a"),
        ("list[int]", (1,)),
        ("tuple[int, int]", (1,)),
        ("Literal[1]", True),
        ("Colour", "RED"),
        ("Colour", Colour.PINK),
        ("Colour", EnumMember("Other", "RED")),
        ("Any", 1j),
        ("list", [object()]),
    ],
)
def test_a_value_that_does_not_fit(annotation, value):
    """Types have to be those that are declared."""
    book = notebook(f"x: {annotation} = None", COLOUR)
    refused(check_parameters, book, {"x": value})


def test_a_default_of_none_asks_for_nothing():
    """It says no type, so a program may give any value; a text would mean nothing."""
    book = notebook("x = None")
    assert check_parameters(book, {"x": [1]}) == {"x": [1]}
    assert refused(parse_parameters, book, {"x": "7"}).why == "expected None"


def test_a_name_is_compared_as_python_reads_it():
    """A ligature is the letters that it joins, in what is declared and in what is given."""
    book = notebook("file = 1")
    assert parse_parameters(book, {"ﬁle": "2"}) == {"file": 2}
    assert effective_parameters(book, {"ﬁle": 2}) == {"file": 2}
    assert "twice" in refused(parse_parameters, book, {"ﬁle": "2", "file": "3"}).what
    assert parse_parameters(notebook("ﬁle = 1"), {"file": "2"}) == {"file": 2}


@pytest.mark.parametrize("name", ["fiel", "x=1; import os #", "", "__import__", "file\n"])
def test_a_name_that_is_not_declared(name):
    """It is refused by every way in."""
    for check in (parse_parameters, check_parameters):
        assert "declares no parameter" in refused(check, notebook("file = 1"), {name: "1"}).what


def test_what_a_secret_was_given_is_not_repeated():
    """A refusal shows neither the text nor the value nor the default of a secret."""
    book = notebook("token: int = 31337\npin: int = 31337\nseed: int = 31337")
    for name, secrets in (("token", ()), ("pin", ("pin",))):
        for check, value in ((parse_parameters, "hunter2"), (check_parameters, ["hunter2"])):
            said = str(refused(check, book, {name: value}, secrets=secrets))
            assert "hunter2" not in said
            assert "31337" not in said
    assert "hunter2" in str(refused(parse_parameters, book, {"seed": "hunter2"}))


def test_the_last_declaration_counts():
    """As in Python, and in the place of the first."""
    book = notebook("x = 1\ny = 2\nx: str = 'a'")
    assert [(p.name, p.kind) for p in declared_parameters(book)] == [("x", "str"), ("y", "int")]
    assert effective_parameters(book, {}) == {"x": "a", "y": 2}
