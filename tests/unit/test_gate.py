"""The gate over many sprints whose truth is known, and evidence that it must refuse."""

import json
import os
from dataclasses import asdict

import numpy as np
import pytest
from scipy.special import bdtr

from fortnight.errors import FortnightError
from fortnight.exhibits import checked_evidence
from fortnight.gate import cases_to_settle, gate
from fortnight.holdout import compare_holdout
from fortnight.ini import read_ini
from fortnight.paired import compare
from fortnight.policy import Policy, read_policy
from fortnight.spending import looks_of, with_looks

SPRINTS = 2000 if os.environ.get("FORTNIGHT_SOAK") else 200
N, DISAGREE = 2000, 0.08
BETTER = Policy(minimum_gain=0.0)


def stated(b: int, c: int, n: int = N, model: str = "m", holdout: str = "h", **parts) -> dict:
    """Return evidence of a candidate that is right alone on `b` cases and wrong alone on `c`."""
    counts = {"n": n, "both": n - b - c - n // 50, "only_candidate": b, "only_incumbent": c}
    return checked_evidence(
        {
            "candidate": "svm",
            "incumbent": "rules",
            "hashes": {"model": model, "holdout": holdout, "calibration": "c"},
            "holdout": {**counts, "holdout": holdout},
            **parts,
        }
    )


def certificate(**changes) -> dict:
    """Return a certificate that holds: one error in 500 decisions."""
    found = {"precision": 0.99, "confidence": 0.95, "share": 0.62, "share_low": 0.59}
    counts = {"certified": True, "decided": 500, "errors": 1, "cases": 800, "more_labels": None}
    return {**found, **counts, "bound": 0.9905, "model": "m", "data": "c", **changes}


SLICE = Policy(precision=0.99)
SAVING = {"per_thousand": 30.0, "low_per_thousand": 12.0, "confidence": 0.95, "currency": "EUR"}
COMPARISON = {
    "candidate": "svm",
    "incumbent": "rules",
    "measure": "accuracy",
    "n": 100,
    "mean": 0.02,
    "rope": 0.01,
    "p_practically_worse": 0.01,
    "p_practically_equal": 0.2,
    "p_practically_better": 0.79,
}


def most(rate: float, trials: int) -> float:
    """Return how many of `trials` may go wrong at a rate, with three standard errors to spare."""
    return rate * trials + 3 * (trials * rate * (1 - rate)) ** 0.5


def promoted(gain: float, policy: Policy, seed: int, n: int = N) -> int:
    """Return in how many of all sprints a candidate of a true gain is promoted."""
    rng = np.random.default_rng(seed)
    shares = [(DISAGREE + gain) / 2, (DISAGREE - gain) / 2, 1 - DISAGREE]
    drawn = rng.multinomial(n, shares, size=SPRINTS)
    verdicts = [gate(stated(int(b), int(c), n), policy).verdict for b, c, _ in drawn]
    return verdicts.count("promote")


@pytest.mark.parametrize("gain", [0.0, -0.01, -0.02])
def test_what_is_not_better_is_promoted_no_more_often_than_stated(gain: float):
    """Candidates of equal or lower true quality pass at most at the policy's delta."""
    assert promoted(gain, BETTER, seed=1) <= most(BETTER.delta, SPRINTS)


@pytest.mark.parametrize(
    ("policy", "gain"),
    [
        (Policy(minimum_gain=0.01), 0.01),
        (Policy(minimum_gain=0.02), 0.02),
        (Policy(margin=0.01), -0.01),
        (Policy(margin=0.02), -0.02),
    ],
    ids=["gain .01", "gain .02", "margin .01", "margin .02"],
)
def test_what_only_just_misses_a_limit_passes_no_more_often_than_stated(
    policy: Policy, gain: float
):
    """The truth stands at the limit itself, where a wrong promotion is likeliest."""
    asked = Policy(minimum_gain=policy.least_gain) if policy.margin else policy
    assert promoted(gain, asked, seed=2) <= most(policy.delta, SPRINTS)


def test_what_is_two_points_better_is_promoted():
    """On 2,000 cases of which the two disagree on 8%, at least four times in five."""
    assert promoted(0.02, BETTER, seed=3) >= 0.8 * SPRINTS


def test_it_is_promoted_where_the_confidence_is_shared():
    """Half of the confidence for each is enough to see two points, too."""
    rng = np.random.default_rng(4)
    drawn = rng.multinomial(N, [0.05, 0.03, 0.92], size=SPRINTS)
    policy = Policy(minimum_gain=0.0, precision=0.99)
    slice_ = certificate(confidence=0.975, data="h", errors=0)
    hashes = {"model": "m", "holdout": "h", "calibration": "h"}
    found = [
        gate(stated(int(b), int(c), hashes=hashes, certificate=slice_), policy) for b, c, _ in drawn
    ]
    assert sum(one.verdict == "promote" for one in found) >= 0.8 * SPRINTS
    assert all("share the confidence" in " ".join(one.conditions) for one in found)


def ten_sprints(seed: int, sprints: int = 10) -> list[dict]:
    """Return evidence of candidates no better than the incumbent, all on the same holdout."""
    rng = np.random.default_rng(seed)
    incumbent = rng.random(N) < 0.92
    found = []
    for sprint in range(sprints):
        flipped = rng.random(N) < np.where(incumbent, 0.04 / 0.92, 0.04 / 0.08)
        candidate = incumbent ^ flipped
        b, c = int((candidate & ~incumbent).sum()), int((incumbent & ~candidate).sum())
        found.append(stated(b, c, model=f"m{sprint}"))
    return found


def test_ten_looks_at_one_holdout_stay_within_delta():
    """With the ledger, all sprints together promote something useless no more often than stated.

    Without it they do, so that this test can fail.
    """
    wrong = naive = 0
    teams = SPRINTS if SPRINTS > 1000 else SPRINTS // 2
    for seed in range(teams):
        ledger, passed = (), False
        evidence = ten_sprints(seed)
        for number, found in enumerate(evidence):
            looks = looks_of(found, ledger, BETTER, f"2026-{number + 1:02d}-01")
            passed |= gate(found, BETTER, looks).verdict == "promote"
            ledger = with_looks(ledger, looks.values())
        wrong += passed
        counts = [
            (one["holdout"]["only_candidate"], one["holdout"]["only_incumbent"]) for one in evidence
        ]
        naive += any(bdtr(float(c), b + c, 0.5) <= BETTER.delta for b, c in counts)
        assert len(ledger) == 10
    assert wrong <= most(BETTER.delta, teams)
    assert naive > most(BETTER.delta, teams)


@pytest.mark.parametrize(("n", "gain"), [(300, 0.02), (800, 0.01), (1500, -0.005)])
def test_the_number_that_would_settle_it_does(n: int, gain: float):
    """With so many cases, about four in five repetitions are promoted, if the gain is true."""
    b, c = round(n * (DISAGREE + gain) / 2), round(n * (DISAGREE - gain) / 2)
    limit = -0.012 if gain < 0 else 0.0
    policy = Policy(minimum_gain=limit)
    verdict = gate(stated(b, c, n), policy)
    assert verdict.verdict == "more labels"
    assert verdict.needed > n
    share = promoted((b - c) / n, policy, seed=5, n=verdict.needed) / SPRINTS
    assert 0.8 - 4 * 0.4 / SPRINTS**0.5 - 0.03 < share < 0.9 + 4 * 0.3 / SPRINTS**0.5


def test_no_number_is_named_where_none_would_do():
    """An estimate that misses its limit is not carried over it by any number of cases."""
    assert cases_to_settle(500, 0.0, -0.01, 0.0, 0.05) is None
    assert gate(stated(60, 60), BETTER).needed is None
    assert gate(stated(60, 60), BETTER).verdict == "hold"


def test_a_spent_holdout_shows_nothing_and_asks_for_labels():
    """Not even an excellent candidate is promoted on it, and no figure of it is told."""
    policy = Policy(minimum_gain=0.0, looks=1)
    first = looks_of(stated(100, 60), (), policy, "")
    looks = looks_of(stated(300, 10, model="m2"), tuple(first.values()), policy, "")
    verdict = gate(stated(300, 10, model="m2"), policy, looks)
    (check,) = verdict.checks
    assert verdict.verdict == "more labels"
    assert check.figure is None
    assert "fresh labels" in check.why and "300" not in check.why
    assert verdict.needed == N


@pytest.mark.parametrize(
    ("policy", "parts", "verdict", "needed"),
    [
        (SLICE, {}, "promote", None),
        (Policy(precision=0.99, smallest_share=0.59), {}, "promote", None),
        (Policy(precision=0.99, smallest_share=0.6), {}, "more labels", True),
        (Policy(precision=0.99, smallest_share=0.7), {}, "hold", None),
        (Policy(precision=0.99, minimum_saving=10), {}, "promote", None),
        (Policy(precision=0.99, minimum_saving=20), {}, "more labels", None),
        (Policy(precision=0.99, minimum_saving=30), {}, "hold", None),
        (Policy(precision=0.99, latency=0.02, size=1e6), {}, "promote", None),
        (Policy(precision=0.99, latency=0.001), {}, "hold", None),
        (Policy(precision=0.99, size=1e5), {}, "hold", None),
        (Policy(precision=0.99, rope=0.01), {}, "promote", None),
        (Policy(precision=0.99, rope=0.01), {"p_practically_worse": 0.06}, "more labels", None),
        (
            Policy(precision=0.99, rope=0.01),
            {"p_practically_worse": 0.6, "mean": -0.02},
            "hold",
            None,
        ),
    ],
)
def test_every_check_counts(policy: Policy, parts: dict, verdict: str, needed: bool | None):
    """Each thing that is asked can hold, fail, or be undecided, by itself."""
    measured = {"latency_seconds": 0.002, "size_bytes": 250_000}
    evidence = stated(100, 60, certificate=certificate(), saving=SAVING, measurements=measured)
    evidence["comparison"] = {**COMPARISON, **parts}
    found = gate(evidence, policy)
    assert found.verdict == verdict
    assert bool(found.needed) == bool(needed)
    json.dumps(asdict(found), allow_nan=False)


@pytest.mark.parametrize(("more", "verdict"), [(400, "more labels"), (None, "hold")])
def test_no_certificate_is_an_answer(more: int | None, verdict: str):
    """Whether more labels may help is for the certificate to say."""
    none = certificate(certified=False, more_labels=more, bound=None, decided=0, errors=0)
    found = gate(stated(100, 60, certificate=none), Policy(precision=0.99, smallest_share=0.1))
    assert found.verdict == verdict
    assert found.needed == (1200 if more else None)


def test_hold_outweighs_more_labels():
    """If one thing fails for certain, labels would be wasted on the others."""
    found = gate(
        stated(60, 58, saving={**SAVING, "per_thousand": -1.0, "low_per_thousand": -2.0}),
        Policy(margin=0.001),
    )
    assert [check.holds for check in found.checks] == [None, False]
    assert (found.verdict, found.needed) == ("hold", None)


def test_not_worse_but_cheaper_needs_both():
    """With a margin, quality may be a little lower, and a saving must be certain."""
    policy = Policy(margin=0.02)
    assert gate(stated(60, 60, saving=SAVING), policy).verdict == "promote"
    unsure = {**SAVING, "low_per_thousand": -1.0}
    assert gate(stated(60, 60, saving=unsure), policy).verdict == "more labels"
    with pytest.raises(FortnightError, match="no part 'saving'") as caught:
        gate(stated(60, 60), policy)
    assert "[product]" in caught.value.cure


def test_classes_hold_by_themselves():
    """A class that has no certificate, one that fails, or one that isn't borne out at its part."""
    one = certificate(name="1", decided=600, cases=700, errors=0)
    none = certificate(name="7", certified=False, decided=0, errors=0, bound=None)
    whole = certificate(classes=[one, none])
    found = gate(stated(100, 60, certificate=whole), Policy(precision=0.99, classes=("1",)))
    assert found.verdict == "promote"
    assert found.checks[0].figure == found.checks[1].figure == pytest.approx(0.025 ** (1 / 600))
    found = gate(stated(100, 60, certificate=whole), Policy(precision=0.99, classes=("1", "7")))
    assert [check.holds for check in found.checks] == [True, True, False]
    with pytest.raises(FortnightError, match="class 8 has no certificate"):
        gate(stated(1, 1, certificate=whole), Policy(precision=0.99, classes=("8",)))
    with pytest.raises(FortnightError, match="two certificates"):
        gate(stated(1, 1, certificate=certificate(classes=[one, one])), SLICE)
    greedy = [{**one, "decided": 320}, none]  # 299 without an error are enough for one class alone
    with pytest.raises(FortnightError, match="not borne out"):
        gate(stated(1, 1, certificate=certificate(classes=greedy)), SLICE)
    with pytest.raises(FortnightError, match=r"classes\[0\].cases is missing"):
        stated(1, 1, certificate=certificate(classes=[{**one, "cases": None}]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "m2"}, "another model"),
        ({"data": "c2"}, "other cases"),
        ({"precision": 0.95}, "precision is 0.95"),
        ({"precision": 0.995}, "precision is 0.995"),
        ({"confidence": 0.9}, "confidence is 0.9"),
        ({"errors": 2}, "not borne out"),
        ({"errors": 600}, "contradict"),
        ({"decided": 900}, "contradict"),
    ],
)
def test_a_certificate_of_something_else_is_refused(changes: dict, said: str):
    """Another model's, other cases', or one made for another question is no evidence here."""
    with pytest.raises(FortnightError, match="cannot be used") as caught:
        gate(stated(100, 60, certificate=certificate(**changes)), SLICE)
    assert said in caught.value.what


def test_a_shared_certificate_needs_the_greater_confidence():
    """At the policy's own confidence it would leave nothing for the comparison, and says so."""
    policy = Policy(minimum_gain=0.0, precision=0.99)
    hashes = {"model": "m", "holdout": "h", "calibration": "h"}
    with pytest.raises(FortnightError, match=r"confidence is 0\.95") as caught:
        gate(stated(100, 60, hashes=hashes, certificate=certificate(data="h")), policy)
    assert "0.975" in caught.value.why


def test_other_slips_are_refused():
    """Cases with another hash, counts that can't be, another rope, a comparison of others."""
    crowded = stated(100, 60)
    crowded["holdout"]["both"] = 1900
    slips = [
        (stated(100, 60) | {"hashes": {"model": "m", "holdout": "other"}}, BETTER, "other cases"),
        (stated(100, 60) | {"hashes": {"model": "m"}}, BETTER, "other cases"),
        (crowded, BETTER, "more than its cases"),
        (
            stated(100, 60, comparison=COMPARISON),
            Policy(minimum_gain=0.0, rope=0.02),
            "rope is 0.01",
        ),
        (
            stated(100, 60, comparison={**COMPARISON, "incumbent": "people"}),
            Policy(minimum_gain=0.0, rope=0.01),
            "comparison's incumbent is people",
        ),
        (
            stated(100, 60, measurements={}),
            Policy(minimum_gain=0.0, size=1.0),
            "size_bytes is missing",
        ),
        (stated(100, 60), Policy(), "nothing about quality"),
        (
            stated(100, 60, saving={**SAVING, "confidence": 0.9}),
            Policy(minimum_gain=0.0, minimum_saving=1.0),
            "saving's confidence is 0.9",
        ),
        (
            stated(100, 60, certificate=certificate(share_confidence=0.8)),
            Policy(precision=0.99, smallest_share=0.1),
            "share_confidence is 0.8",
        ),
    ]
    others = stated(100, 60)
    others["holdout"]["candidate"] = "forest"
    slips.append((others, BETTER, "holdout's candidate is forest"))
    contradicted = stated(100, 60)
    contradicted["holdout"]["difference"] = 0.03
    for evidence, policy, said in [*slips, (contradicted, BETTER, "not that of its counts")]:
        with pytest.raises(FortnightError) as caught:
            gate(evidence, policy)
        assert said in caught.value.what


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"incumbent": None}, "incumbent is missing"),
        ({"incumbent": ""}, "incumbent is ''"),
        ({"incumbent": "svm"}, "both sides"),
        ({"hashes": None}, "'hashes' is missing"),
        ({"hashes": {}}, "hashes.model is missing"),
        ({"holdout": []}, "is no object"),
        ({"holdout": {"n": True}}, "holdout.n is True"),
        ({"saving": {**SAVING, "per_thousand": float("nan")}}, "saving.per_thousand is nan"),
        ({"version": 7}, "version is 7"),
        ({"certficate": {}}, "no part 'certficate'"),
        ({"certificate": certificate(share=1.2)}, "certificate.share is 1.2"),
    ],
)
def test_evidence_without_its_form_is_refused(changes: dict, said: str):
    """No incumbent, a part or a field that is missing, unknown or of another kind."""
    with pytest.raises(FortnightError, match="cannot be used") as caught:
        checked_evidence({**stated(100, 60), **changes}, "tea.json")
    assert said in caught.value.what
    assert caught.value.where == "tea.json"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("minimum_gian = 0", "Did you mean 'minimum_gain'?"),
        ("precision = 1", "precision: '1' is not understood"),
        ("precision = nan", "not understood"),
        ("minimum_gain = -0.1", "not understood"),
        ("margin = 0", "not understood"),
        ("minimum_gain = 0\nmargin = 0.1", "minimum_gain already"),
        ("latency = 20 ms", "nothing about quality"),
        ("minimum_gain = 0\nlatency = none", "latency: 'none'"),
        ("minimum_gain = 0\nlatency = fast", "latency: 'fast'"),
        ("minimum_gain = 0\nsize = 0 MB", "size: '0 MB'"),
        ("minimum_gain = 0\nlooks = 0", "looks: '0'"),
        ("minimum_gain = 0\nlooks = 2.5", "looks: '2.5'"),
        ("minimum_gain = 0\nclasses = 1", "no precision"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(tmp_path, text: str, said: str):
    """A key that is unknown, malformed, or doesn't go with another has a line, and is named."""
    path = tmp_path / "settings.ini"
    path.write_text(f"[gate]\n{text}\n")
    with pytest.raises(FortnightError) as caught:
        read_policy(read_ini(path))
    assert said in caught.value.what
    assert "line" in caught.value.where


def test_the_records_of_comparisons_and_savings_are_evidence():
    """What the other parts make goes in as it is, and answers."""
    right = np.arange(N) % 50 > 0
    other = right & (np.arange(N) % 25 > 1)
    holdout = compare_holdout(right, other, holdout="h", names=("svm", "rules"))
    splits = np.random.default_rng(1).normal(0.9, 0.01, size=(2, 100))
    compared = compare(
        splits[0] + 0.05, splits[1], 1 / 9, names=("svm", "rules"), measure="accuracy", rope=0.01
    )
    evidence = stated(1, 1, holdout="h") | {"holdout": holdout, "comparison": compared}
    verdict = gate(checked_evidence(evidence), Policy(minimum_gain=0.0, rope=0.01))
    assert verdict.verdict == "promote"
    assert [check.name for check in verdict.checks] == ["gain", "not worse over splits"]
