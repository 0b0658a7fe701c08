"""The ledger of looks: what is left of held-out cases, and what its file may look like."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fortnight.errors import FortnightError
from fortnight.policy import Policy
from fortnight.spending import (
    Look,
    looks_of,
    read_looks,
    shares_cases,
    spending,
    with_looks,
    write_looks,
)

POLICY = Policy(minimum_gain=0.0, precision=0.99)


def stated(model: str, *, holdout: str = "h", data: str = "", confidence: float = 0.95) -> dict:
    """Return evidence of a model on a holdout, and with `data`, a certificate from that."""
    counts = {"n": 900, "both": 800, "only_candidate": 40, "only_incumbent": 20}
    found = {
        "candidate": model,
        "incumbent": "rules",
        "hashes": {"model": model, "holdout": holdout, "calibration": data or None},
        "holdout": {**counts, "holdout": holdout},
    }
    if data:
        slice_ = {"precision": 0.99, "confidence": confidence, "decided": 500, "errors": 1}
        found["certificate"] = {**slice_, "cases": 800, "model": model, "data": data}
    return found


def level(model: str, ledger=(), policy: Policy = POLICY, part: str = "holdout", **more) -> float:
    """Return what a look may use."""
    return looks_of(stated(model, **more), ledger, policy, "2026-01-05")[part].level


def look_at(model: str, ledger=(), policy: Policy = POLICY, **more) -> tuple[Look, ...]:
    """Return the ledger after a look."""
    looks = looks_of(stated(model, **more), ledger, policy, "2026-01-05")
    return with_looks(ledger, looks.values())


def test_levels_add_up_to_what_is_allowed():
    """However many looks there are, all of them together use no more than delta."""
    total = sum(spending(0.05, number) for number in range(1, 10**6))
    assert 0.04999 < total < 0.05


def test_the_same_look_counts_once():
    """Asking again gives the level that it had, and no further line."""
    ledger = look_at("svm")
    again = look_at("svm", look_at("forest", ledger))
    assert len(again) == 2
    assert level("svm", again) == level("svm") == spending(POLICY.delta, 1)


@pytest.mark.parametrize("field", ["n", "both", "only_candidate", "only_incumbent"])
def test_other_counts_are_another_look(field: str):
    """A model that was measured again with another result is another test."""
    evidence = stated("svm")
    evidence["holdout"][field] += 1
    look = looks_of(evidence, look_at("svm"), POLICY, "2026-01-05")["holdout"]
    assert look.number == 2


def test_another_model_or_incumbent_is_another_look():
    """Equal counts of something else are something else."""
    for change in ({"incumbent": "people"}, {"hashes": {"model": "other"}}):
        look = looks_of({**stated("svm"), **change}, look_at("svm"), POLICY, "")["holdout"]
        assert look.number == 2


def test_other_cases_begin_anew():
    """Each holdout has a budget of its own."""
    assert level("forest", look_at("svm"), holdout="h2") == spending(POLICY.delta, 1)


def test_a_holdout_is_spent():
    """After as many looks as the policy allows, nothing is left, and nothing is written down."""
    policy = Policy(minimum_gain=0.0, looks=3)
    ledger = ()
    for model in "abc":
        assert level(model, ledger, policy) > 0
        ledger = look_at(model, ledger, policy)
    assert level("d", ledger, policy) == 0
    assert look_at("d", ledger, policy) == ledger
    assert level("a", ledger, policy) > 0


def test_what_is_not_asked_for_is_not_looked_at():
    """Without a precision, certificates spend nothing; without a gain, comparisons don't."""
    evidence = stated("svm", data="h")
    assert set(looks_of(evidence, (), Policy(minimum_gain=0.0), "")) == {"holdout"}
    assert set(looks_of(evidence, (), Policy(precision=0.99), "")) == {"certificate"}
    assert not shares_cases(evidence, Policy(precision=0.99))


def test_shared_cases_share_the_confidence():
    """A certificate and a comparison from the same cases have half each; apart, each has all."""
    shared = {"data": "h", "confidence": 0.975}
    assert math.isclose(level("svm", **shared), spending(POLICY.delta / 2, 1))
    assert math.isclose(level("svm", data="c"), spending(POLICY.delta, 1))
    assert level("svm", data="h", confidence=0.95) == 0


def test_a_second_certificate_needs_what_is_left():
    """A certificate at the policy's confidence uses its cases up, for other models as well."""
    ledger = look_at("svm", data="c")
    assert level("svm", ledger, part="certificate", data="c") > 0
    assert level("forest", ledger, part="certificate", data="c") == 0
    assert level("forest", ledger, part="certificate", data="c2") > 0
    careful = look_at("svm", data="c", confidence=0.98)
    assert level("forest", careful, part="certificate", data="c", confidence=0.98) > 0


def test_a_stricter_policy_gets_no_more_than_it_allows():
    """A level that was given under a laxer policy is not given again."""
    strict = Policy(minimum_gain=0.0, confidence=0.99)
    assert level("svm", look_at("svm"), strict) <= spending(strict.delta, 1) + 1e-15
    assert level("forest", look_at("svm"), strict) == 0


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["h", "c"]), st.booleans())))
def test_no_order_of_looks_spends_more_than_delta(steps):
    """Whatever is asked, in whatever order, each set of cases is used for delta at most."""
    ledger: tuple[Look, ...] = ()
    for model, cases, certified in steps:
        confidence = 0.975 if certified else 0.99
        ledger = look_at(model, ledger, holdout="h", data=cases, confidence=confidence)
    for cases in ("h", "c"):
        assert sum(look.level for look in ledger if look.cases == cases) <= POLICY.delta + 1e-9


def test_branches_that_looked_at_once_merge():
    """Lines of both sides count; what one of them used too much is not given again."""
    base = look_at("svm")
    one, other = look_at("forest", base), look_at("net", base)
    texts = [write_looks(side).splitlines() for side in (one, other)]
    merged = read_looks("\n".join(dict.fromkeys(itertools.chain(*texts))))
    assert len(merged) == 3
    assert {look.number for look in merged} == {1, 2}
    look = looks_of(stated("late"), merged, POLICY, "")["holdout"]
    assert look.number == 4
    assert look.level + sum(look.level for look in merged) <= POLICY.delta


def test_one_look_of_two_branches_keeps_the_greater_level():
    """The test has been made at that level, whoever made it."""
    (look,) = look_at("svm")
    (late,) = (found for found in look_at("svm", look_at("net")) if found.candidate == "svm")
    for order in ((look, late), (late, look)):
        assert with_looks((), order) == (max(look, late, key=lambda one: one.level),)


def test_a_ledger_survives_its_file():
    """Levels to the last digit, lines in one order, whatever a candidate is called."""
    ledger: tuple[Look, ...] = ()
    for model in ("svm", "a\tb", "zwei\nZeilen", "ß"):
        ledger = look_at(model, ledger)
    text = write_looks(ledger)
    again = read_looks(text)
    assert [look.level for look in again] == [look.level for look in ledger]
    assert write_looks(again) == text
    lines = text.splitlines()
    random.Random(1).shuffle(lines)
    assert write_looks(read_looks("\n".join(lines))) == text
    assert read_looks("") == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("<<<<<<< HEAD", "a merge is not finished"),
        ("h\tholdout\t1", "columns"),
        ("h\thold-out\t1\te\ts\t0.01\tsvm", "hold-out"),
        ("h\tholdout\tone\te\ts\t0.01\tsvm", "numbers"),
        ("h\tholdout\t1\te\ts\tnan\tsvm", "between 0 and 1"),
        ("h\tholdout\t1\te\ts\t0\tsvm", "between 0 and 1"),
        ("h\tholdout\t0\te\ts\t0.01\tsvm", "1 or more"),
    ],
)
def test_a_line_that_is_no_look_stops_everything(line: str, said: str):
    """To pass over it would be to forget a look."""
    text = write_looks(look_at("svm")) + line + "\n"
    with pytest.raises(FortnightError, match="Line 3") as caught:
        read_looks(text)
    assert said in caught.value.why
