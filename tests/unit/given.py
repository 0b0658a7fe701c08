"""Values of every type that a notebook can be handed, and texts that would like to be code."""

from datetime import UTC, timedelta, timezone
from pathlib import Path

from hypothesis import strategies as st

SLY = [
    "'; import os #",
    '"; import os #',
    "'''\n\"\"\"\nimport os\n'''",
    "\\",
    "\\'",
    "\n%time 1\n!ls",
    "{value!r}",
    "__import__('os').system('ls')",
    "x\u2028y\u2029z\x85",
    "\ud83d\ude00",
    "ﬁle",
    "?",
    "</script>",
    "\x00\x1b[31m",
]
texts = st.one_of(st.sampled_from(SLY), st.text(st.characters(exclude_categories=())))
offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23))
zones = st.one_of(
    st.none(),
    st.just(UTC),
    st.builds(timezone, offsets),
    st.builds(timezone, offsets, texts),
    st.timezones(),
)
paths = st.builds(Path, texts.filter(lambda text: "\0" not in text))
times = st.builds(
    lambda time, fold: time.replace(fold=fold),
    st.datetimes(timezones=zones),
    st.sampled_from([0, 0, 1]),
)
numbers = st.one_of(st.integers(), st.integers().map(lambda number: number * 10**5000))
exact = st.one_of(st.none(), st.booleans(), numbers, texts, st.dates(), times, paths)
scalars = st.one_of(exact, st.floats())
# NaN is equal to nothing, so a dictionary can't be asked for it; one is tested by itself.
plain_keys = st.one_of(exact, st.floats(allow_nan=False))
keys = st.recursive(plain_keys, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=3)


def containers(inner):
    """Return lists, tuples, sets and dictionaries of `inner`, a level deeper than it."""
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(keys, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(st.text(max_size=4), inner, max_size=4),
        st.dictionaries(st.sampled_from(["kind", "text", "items"]), inner),
    )


values = st.recursive(scalars, containers, max_leaves=8)
