"""What a notebook is handed is what was given, and a record gives it back."""

import json
import math
from collections import OrderedDict, defaultdict, namedtuple
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from fortnight.encoding import decode, encode
from fortnight.errors import FortnightError
from fortnight.notebook import Cell, Notebook, dump_notebook, parse_notebook
from fortnight.values import DEEPEST, EnumMember, as_source, checked_name, injected_source, is_same
from tests.unit.given import SLY, keys, texts, values

# Names that a notebook may have bound to something else before the injected cell runs.
SHADOWED = dict.fromkeys(("float", "set", "date", "datetime", "Path", "math", "list"), None)
NAMED = timezone(timedelta(hours=1), "tea time")


@given(values)
def test_source_means_the_value(value):
    """Evaluated in any namespace, it gives an equal value of the same types, binding nothing."""
    namespace = dict(SHADOWED)
    assert is_same(eval(as_source(value), namespace), value)
    assert set(namespace) - set(SHADOWED) == {"__builtins__"}


@given(values)
def test_source_is_one_line_that_ipython_leaves_alone(value):
    """No text in it becomes a magic, a shell command or a help request, or breaks the line."""
    cell = injected_source({"x": value})
    assert len(cell.splitlines()) == 2
    assert TransformerManager().transform_cell(cell) == cell + "\n"
    saved = json.loads(dump_notebook(Notebook((Cell("a", "code", cell),))).encode("utf-8"))
    assert "".join(saved["cells"][0]["source"]) == cell


@given(values)
def test_a_record_gives_the_value_back(value):
    """Through the bytes of a saved notebook, in strict JSON with sorted keys."""
    text = json.dumps({"x": encode(value)}, allow_nan=False)
    notebook = Notebook((), {"fortnight": json.loads(text)})
    saved = dump_notebook(notebook).encode("utf-8").decode("utf-8")
    read = parse_notebook(saved, Path("x.ipynb")).metadata["fortnight"]["x"]
    assert is_same(decode(read), value)


@given(st.lists(keys), st.lists(keys))
def test_the_source_of_a_set_says_which_set(some, others):
    """The same set always gives the same source, and another set another one."""
    one, other = set(some), set(others)
    backwards = [*one][::-1]
    assert as_source(set(backwards)) == as_source(one)
    assert (as_source(one) == as_source(other)) == is_same(one, other)


@pytest.mark.parametrize(
    "value", [None, True, 7, -0.5, "text", [], [1, "a"], {}, {"a": [1], "b": {"c": None}}]
)
def test_what_json_can_say_stays(value):
    """Plain values are recorded as they are, so that other programs can read them."""
    assert encode(value) is value or encode(value) == value
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ([1], (1,)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1}, {True}),
        (date(2026, 1, 1), datetime(2026, 1, 1)),
        (datetime(2026, 10, 25, 2, 30, fold=1), datetime(2026, 10, 25, 2, 30)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))),
        (datetime(2026, 1, 1, 1, tzinfo=NAMED), datetime(2026, 1, 1, 0, tzinfo=UTC)),
        (Path("1"), "1"),
        (EnumMember("Tea", "ASSAM"), "Tea.ASSAM"),
    ],
)
def test_what_python_calls_equal_may_differ(one, other):
    """Types, signs, orders and zones count, in comparing, in source and in records."""
    assert not is_same(one, other)
    assert not is_same([one], [other])
    assert as_source(one) != as_source(other)
    assert json.dumps(encode(one)) != json.dumps(encode(other))


def test_nan_as_a_key():
    """One NaN in a set or among keys arrives; two would become one, and are refused."""
    for value in ({float("nan")}, {float("nan"): 1}, {(float("nan"),): 1}):
        assert is_same(eval(as_source(value), {}), value)
        assert is_same(decode(encode(value)), value)
    for value in ({math.nan, float("nan")}, {math.nan: 1, float("nan"): 2}):
        with pytest.raises(FortnightError, match="cannot be handed"):
            as_source(value)


class Text(str):
    """A subclass, which source could not keep."""


class Zone(tzinfo):
    """A time zone that nobody else knows."""

    def utcoffset(self, when):
        return timedelta(0)


@pytest.mark.parametrize(
    "value",
    [
        1j,
        b"x",
        object(),
        len,
        ...,
        range(3),
        frozenset(),
        Text("a"),
        np.float64(0.5),
        np.int64(7),
        np.array([1]),
        pd.Timestamp("2026-11-16"),
        pd.DataFrame(),
        OrderedDict(),
        defaultdict(int),
        namedtuple("Point", "x")(1),
        PurePosixPath("a"),
        timedelta(1),
        datetime(2026, 1, 1, tzinfo=Zone()),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"a": [(value,)]}])
def test_other_types_are_refused(value, wrap):
    """Whatever would not arrive as it is does not set out, at whatever depth."""
    for refuse in (as_source, encode, lambda value: injected_source({"x": value})):
        with pytest.raises(FortnightError, match="cannot be handed to a notebook") as refused:
            refuse(wrap(value))
        assert refused.value.why
        assert refused.value.cure


def test_depth_has_a_limit():
    """What is as deep as allowed arrives; one level more, or a circle, is refused."""
    deep = []
    for _ in range(DEEPEST - 1):
        deep = [deep]
    assert is_same(eval(as_source(deep), {}), deep)
    assert is_same(decode(json.loads(json.dumps(encode(deep)))), deep)
    circle = []
    circle.append(circle)
    for value in ([[deep]], circle):
        for refuse in (as_source, encode):
            with pytest.raises(FortnightError) as refused:
                refuse(value)
            assert "deeper" in refused.value.why


def test_a_refusal_does_not_show_the_value():
    """It may be a secret, so only its place and type are named."""
    with pytest.raises(FortnightError) as refused:
        as_source({"hunter2-key": ["hunter2", 1j]}, "token")
    assert "hunter2" not in str(refused.value)
    assert "complex" in str(refused.value)
    assert "token" in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "teapot"},
        {"kind": ["date"]},
        {"kind": "date"},
        {"kind": "date", "text": "16.11.2026"},
        {"kind": "datetime", "text": "2026-01-01", "zone": "Nowhere/Town"},
        {"kind": "enum", "text": "Tea.ASSAM; import os"},
        {"kind": "dict", "items": [[1]]},
        {"kind": "set", "items": [[]]},
    ],
)
def test_a_record_that_makes_no_sense(data):
    """It is refused with a message, never guessed at."""
    with pytest.raises(FortnightError):
        decode(data)


NAMES = ["a", "_a", "é", "match", "print", "ﬁle"]
NO_NAMES = ["", "1a", "a b", "a-b", "class", "None", "a.b", "a=1", "a\n", "x=1; import os #", "a#"]
NO_NAMES += ["__import__", "__builtins__", "__debug__", "𝐜𝐥𝐚𝐬𝐬", "*a", "a,b", "a:int", "(a)", "%a"]


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    """An identifier is a name, in the form in which Python binds it."""
    bound = {}
    exec(injected_source({name: 7}), bound)
    assert bound[checked_name(name)] == 7


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_are_none(name):
    """Keywords, Python's own names and anything that is no identifier are refused."""
    with pytest.raises(FortnightError, match="cannot be the name"):
        injected_source({name: 7})


def test_two_names_that_python_reads_as_one():
    """The second would overwrite the first."""
    with pytest.raises(FortnightError) as refused:
        injected_source({"file": 1, "ﬁle": 2})
    assert "twice" in str(refused.value)


@given(texts)
def test_a_name_never_becomes_code(name):
    """A cell is made for this one name as Python reads it, or none at all."""
    try:
        cell = injected_source({name: 7})
    except FortnightError:
        return
    bound = {}
    exec(cell, bound)
    assert set(bound) == {checked_name(name), "__builtins__"}


CODE = "open({canary!r}, 'w').close()"
NAIVE = {  # how somebody in a hurry would write the cell, and the value that gets out of it
    "x = '{}'": "'; {code}; '",
    'x = "{}"': '"; {code}; "',
    "x = '''{}'''": "'''; {code}; '''",
    "# {}": "\n{code}",
    "x = {}": "{code}",
    "x = {} ": "[{code}]",
}


@pytest.mark.parametrize("template", NAIVE)
@pytest.mark.parametrize("wrap", [str, lambda text: [text], lambda text: {text: {text}}, Path])
def test_a_value_never_becomes_code(tmp_path, template, wrap):
    """What would run code when it is pasted into source is handed over as a value."""
    canary = tmp_path / "canary"
    text = NAIVE[template].format(code=CODE.format(canary=str(canary)))
    cell = injected_source({"x": wrap(text)})
    bound = {}
    exec(TransformerManager().transform_cell(cell), bound)
    assert not canary.exists()
    assert is_same(bound["x"], wrap(text))
    exec(template.format(text), {})
    assert canary.exists(), "pasted, it would not have run, and the test above shows nothing"


@pytest.mark.parametrize("name", ["{code}; x", "x = 1; {code} #", "x = {code}\ny", "x: {code}"])
def test_a_name_with_code_in_it(tmp_path, name):
    """What would run code when it is pasted as a name is refused."""
    canary = tmp_path / "canary"
    name = name.format(code=CODE.format(canary=str(canary)))
    with pytest.raises(FortnightError):
        injected_source({name: 1})
    assert not canary.exists()
    exec(f"{name} = 1", {})
    assert canary.exists(), "pasted, it would not have run, and the test above shows nothing"


@pytest.mark.parametrize("parts", [("Tea", "A; x"), ("Tea()", "A"), ("", "A"), ("a..b", "A")])
def test_a_member_is_made_of_names(parts):
    """Neither the class nor the member of an enumeration can be code."""
    with pytest.raises(FortnightError):
        EnumMember(*parts)


def test_members_of_enumerations():
    """They are written as the notebook would write them, also inside of containers."""
    value = {"a": [EnumMember("Tea", "ASSAM")], "b": EnumMember("shop.Size", "L")}
    cell = injected_source({"x": value})
    assert cell.splitlines()[1] == "x = {'a': [Tea.ASSAM], 'b': shop.Size.L}"
    assert is_same(decode(json.loads(json.dumps(encode(value)))), value)


def test_the_sly_texts_are_sly():
    """They hold what is hard to write: quotes, ends of lines, lone surrogates, control codes."""
    everything = "".join(SLY)
    assert all(sign in everything for sign in "'\"\\\n\u2028\ud83d\x00?%!")
