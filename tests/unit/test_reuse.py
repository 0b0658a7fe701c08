"""Runs that disturbed each other, found by files, against what that means for two of them."""

import random
from datetime import datetime, timedelta

import pytest

from fortnight.provenance import Provenance
from fortnight.record import Record
from fortnight.reuse import _hazards
from fortnight.trace import Fact, Trace

KINDS = ("read", "sought", "written", "listed", "module")


def record(chance: random.Random) -> Record:
    """Make the record of a run that began within ten seconds and turned to some of four files."""
    files = [
        Fact(chance.choice(KINDS), chance.choice("abcd"), "") for _ in range(chance.randrange(4))
    ]
    begun = datetime.fromisoformat("2026-11-20T09:30:00+00:00")
    return Record(
        "tea.ipynb",
        "",
        {},
        "",
        "passed",
        (begun + timedelta(seconds=chance.randrange(10))).isoformat(),
        float(chance.randrange(5)),
        (),
        None,
        Provenance("", False, "python3", "", "", {}),
        trace=Trace(tuple(files), ()),
    )


def disturbed(one: Record, other: Record) -> str:
    """Return the first file that one of two runs wrote and the other one used, if they overlap."""
    early, late = sorted((one, other), key=lambda record: record.started)
    end = datetime.fromisoformat(early.started) + timedelta(seconds=early.seconds)
    if datetime.fromisoformat(late.started) > end:
        return ""
    files = {
        left.name
        for a, b in ((one, other), (other, one))
        for left in a.trace.of("written")
        for used in b.trace.of("read", "sought", "written")
        if left.name == used.name
    }
    return min(files, default="")


@pytest.mark.parametrize("seed", range(20))
def test_hazards(seed):
    """Of any runs the pairs that disturbed each other are told in order, with the first file."""
    chance, told = random.Random(seed), 0
    for _ in range(20):
        records = {name: record(chance) for name in chance.sample("pqrstuvw", chance.randrange(9))}
        plain = [
            (name, other, file)
            for name in records
            for other in records
            if name != other and (file := disturbed(records[name], records[other]))
        ]
        assert list(_hazards(records)) == plain
        told += len(plain)
    assert told > 0
