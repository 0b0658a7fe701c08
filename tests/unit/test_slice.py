"""Slices: published numbers, other programs, made cases whose truth is known, and bad input."""

import json
import math
import os
import pickle
import time
from dataclasses import asdict, replace

import mapie.risk_control
import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner
from mapie.risk_control.fwer_control import control_fwer
from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.utils import estimator_checks

from fortnight.bounds import lower_rate, p_value, rest_of, upper_rate
from fortnight.certificate import Certificate, certificate_from, decides
from fortnight.curves import plot_certificate, precision_curve
from fortnight.errors import FortnightError
from fortnight.further import further_labels
from fortnight.labelling import labels_
from fortnight.labels import cases_needed, labels_needed
from fortnight.procedures import METHODS, count_decided, learn_order, passes, quantile_grid
from fortnight.rows import row_hashes
from fortnight.selective import SliceClassifier, certify_classifier, model_hash
from fortnight.slice import certify
from fortnight.validity import GRID, NAIVE, PROFILES, Tally, most_violations, run_trials

SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
TRIALS = 10_000 if SOAK else 2_000
DELTA = 0.1


def drawn(seed: int, number: int, rate: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and whether decisions are right, of a model that knows what it knows."""
    chance = np.random.default_rng(seed)
    scores = chance.random(number)
    errors = 0.3 * (1 - scores) ** 1.5 if rate is None else rate
    return scores, chance.random(number) >= errors


class TestNumbers:
    """Numbers that stand in print, and those of other programs."""

    def test_wilks(self):
        """How many cases rule out 5% and 1%, for few errors."""
        assert cases_needed(range(5), 0.05, 0.05).tolist() == [59, 93, 124, 153, 181]
        assert cases_needed([0, 0], 0.01, 0.05).tolist() == [299, 299]
        assert int(cases_needed(0, 0.01, 0.01)) == 459

    def test_r(self):
        """Both sides of R's interval for Mendel's peas, and the p-value of too many or too few."""
        assert f"{float(lower_rate(682, 925, 0.975)):.7f}" == "0.7076683"
        assert f"{float(upper_rate(682, 925, 0.975)):.7f}" == "0.7654066"

    @pytest.mark.parametrize("risk", [0.001, 0.01, 0.05, 0.3])
    def test_scipy(self, risk: float):
        """P-values and bounds are those of scipy's distributions, for all counts up to 150."""
        errors, cases = np.array([(k, n) for n in range(1, 151) for k in range(n + 1)]).T
        expected = stats.binom.cdf(errors, cases, risk)
        np.testing.assert_allclose(p_value(errors, cases, risk), expected, rtol=1e-9)
        with np.errstate(invalid="ignore"):
            above = stats.beta.ppf(1 - risk, errors + 1, cases - errors)
        bounds = upper_rate(errors, cases, 1 - risk)
        np.testing.assert_allclose(bounds, np.where(errors == cases, 1, above), rtol=1e-9)

    @pytest.mark.parametrize("delta", [0.2, 0.05, 0.001])
    @pytest.mark.parametrize("risk", [0.001, 0.05, 0.5])
    def test_the_least_number(self, risk: float, delta: float):
        """As many cases as are said to be needed are enough, and one fewer isn't."""
        errors = np.arange(60)
        needed = cases_needed(errors, risk, delta)
        assert (p_value(errors, needed, risk) <= delta).all()
        fewer = np.maximum(needed - 1, errors)
        assert (p_value(errors, fewer, risk) > delta).all()
        assert needed[0] == math.ceil(math.log(delta) / math.log1p(-risk))

    def test_labels(self):
        """A slice of 5% at 95% and 95% takes 1,180 labels; shares are decimals."""
        assert labels_needed(0.95, 0.95, 0.05).labels == 1180
        assert [labels_needed(0.95, 0.95, share).labels for share in (0.1, 0.59, 1)] == [
            590,
            100,
            59,
        ]
        assert labels_needed(0.95, 0.95, 0.05, errors=4, tuning=0).with_tuning == 3620

    def test_rounding_is_no_error(self):
        """What is left of a precision is a decimal, and is never nothing."""
        assert [rest_of("precision", one) for one in (0.9, 0.95, 0.99)] == [0.1, 0.05, 0.01]
        for share in (0, 1, 1 - 1e-14, -1, 2, math.nan, "tea", None):
            with pytest.raises(FortnightError, match="The precision is"):
                rest_of("precision", share)

    def test_counts_are_whole(self):
        """Rates, and more errors than cases, are refused."""
        for errors, cases in ((1.0, 2), (0.5, 10), (3, 2), (-1, 2)):
            with pytest.raises(FortnightError):
                p_value(errors, cases, 0.05)
        assert float(p_value(0, 0, 0.05)) == 1
        assert float(upper_rate(0, 0, 0.9)) == 1
        assert float(lower_rate(0, 0, 0.9)) == 0


class TestMapie:
    """MAPIE 1.6 says the same where it counts exactly."""

    def test_p_values(self):
        """Equal, except where its count of errors is rounded up; there MAPIE's is larger."""
        errors, cases = np.array([(k, n) for n in range(1, 201) for k in range(n + 1)]).T
        rates = 1 - (cases - errors) / cases
        alpha = np.array([0.05])
        with np.errstate(divide="ignore", invalid="ignore"):
            theirs = compute_hoeffding_bentkus_p_value(rates, cases, alpha, binary=True)[:, 0]
        ours = p_value(errors, cases, 0.05)
        exact = np.ceil(cases * rates) == errors
        usable = exact & (errors < cases)
        assert 0.5 < exact.mean() < 1
        np.testing.assert_allclose(ours[usable], theirs[usable], rtol=1e-9)
        rounded = ~exact & (errors < cases)
        assert (theirs[rounded] >= ours[rounded]).all()
        assert round(float(p_value(3, 150, 0.05)), 4) == 0.0548

    @pytest.mark.parametrize(
        "ours,theirs", [("bonferroni", "bonferroni"), ("holm", "bonferroni_holm")]
    )
    def test_procedures(self, ours: str, theirs: str):
        """The same thresholds pass, on p-values of all kinds."""
        chance = np.random.default_rng(3)
        for _ in range(300):
            p = chance.random(12) ** chance.integers(1, 8)
            passed = control_fwer(p, DELTA, fwer_method=theirs)
            assert np.flatnonzero(passes(p, DELTA, ours)).tolist() == sorted(passed)

    @pytest.mark.filterwarnings("ignore:No predict parameters were found")
    @pytest.mark.parametrize("seed", range(20))
    def test_certificates(self, seed: int):
        """On a grid without empty cells, the thresholds that pass are those of its controller."""
        scores, correct = drawn(seed, 1_000)
        grid = np.round(np.arange(0, 0.91, 0.05), 2)
        controller = mapie.risk_control.BinaryClassificationController(
            predict_function=lambda X: np.column_stack([1 - X[:, 0], X[:, 0]]),
            risk=mapie.risk_control.precision,
            target_level=0.95,
            confidence_level=0.9,
            list_predict_params=grid,
            fwer_method="bonferroni",
        ).calibrate(scores[:, None], correct.astype(int))
        own = certify(scores, correct, 0.95, 0.9, method="bonferroni", grid=grid)
        passed = {step.threshold: step for step in own.steps if step.passed}
        theirs = set(np.ravel(controller.valid_predict_params).tolist())
        assert theirs <= set(passed)
        for threshold in set(passed) - theirs:
            step = passed[threshold]
            rate = 1 - (step.decided - step.errors) / step.decided
            assert np.ceil(step.decided * rate) > step.errors, "it has counted one too many"


class TestProcedures:
    """What passes, in arrays of all shapes."""

    @pytest.mark.parametrize("method", METHODS)
    def test_one_more_axis_changes_nothing(self, method: str):
        """Ten thousand at once are what they are one by one."""
        p = np.random.default_rng(1).random((50, 7)) ** 4
        assert (passes(p, 0.1, method) == [passes(row, 0.1, method) for row in p]).all()

    def test_holm_passes_what_bonferroni_passes(self):
        """And sometimes more."""
        p = np.random.default_rng(1).random((5_000, 7)) ** 4
        bonferroni, holm = (passes(p, 0.1, method) for method in ("bonferroni", "holm"))
        assert (holm | ~bonferroni).all()
        assert holm.sum() > bonferroni.sum()

    def test_equal_scores_are_decided_together(self):
        """No threshold divides them, on whatever side it is taken from the scores."""
        scores = np.repeat([0.2, 0.5, 0.5, 0.9], 25)
        cases, _ = count_decided(scores, scores < 0, quantile_grid(scores))
        assert set(cases.tolist()) == {100, 75, 25}

    def test_an_order_gains_with_every_step(self):
        """What decides no more than what came before is not tested; nor is what never passes."""
        chance = np.random.default_rng(4)
        scores, wrong = chance.random((300, 200)), chance.random((300, 200)) < 0.03
        grid = quantile_grid(scores)
        cases, errors = count_decided(scores, wrong, grid)
        order, worth = learn_order(cases, errors, 2.0, 0.05, 0.1)
        for row, places, good in zip(cases, order, worth, strict=True):
            decided = row[places[good]]
            assert (np.diff(decided) > 0).all()
            assert (decided * 2 >= cases_needed(0, 0.05, 0.1)).all()
            assert decided[-1] == 200, "all cases are always the last, if nothing else"

    def test_an_unknown_method(self):
        """It is refused with the nearest known one."""
        with pytest.raises(FortnightError, match="'bonferroni'"):
            certify(*drawn(0, 300), 0.95, 0.9, method="bonferoni")


@pytest.fixture(scope="module")
def tallies() -> dict[tuple[str, str], Tally]:
    """Return how each rule did on each profile."""
    start = time.perf_counter()
    found = [one for profile in PROFILES for one in run_trials(profile, trials=TRIALS, seed=2026)]
    assert time.perf_counter() - start < 120
    return {(one.profile, one.rule): one for one in found}


class TestValidity:
    """The promise is kept where the truth is known, by the same code that makes it."""

    def test_five_profiles_and_all_rules(self, tallies: dict[tuple[str, str], Tally]):
        """Nothing is left out."""
        assert len(tallies) == 5 * (len(METHODS) + len(NAIVE))
        assert most_violations(10_000, 0.1) == 1_090

    @pytest.mark.parametrize("method", METHODS)
    def test_no_method_breaks_its_promise(self, method: str, tallies: dict):
        """At most so many certificates are wrong as 10% allow for, on every profile."""
        worst = max(tallies[profile.name, method].violations for profile in PROFILES)
        assert worst <= most_violations(TRIALS, DELTA)

    @pytest.mark.parametrize("rule", NAIVE)
    def test_the_naive_are_caught(self, rule: str, tallies: dict):
        """Or the test above would find nothing."""
        worst = max(tallies[profile.name, rule].violations for profile in PROFILES)
        assert worst > 1.3 * most_violations(TRIALS, DELTA)

    def test_power(self, tallies: dict):
        """The tuned sequence decides enough of what could be decided."""
        assert tallies["knows", "tuned"].share >= 0.28
        assert tallies["over-confident", "tuned"].share >= 0.26 - (0 if SOAK else 0.02)

    @pytest.mark.parametrize(
        "rule,violations,shares",
        [
            ("naive", (0.279, 0.849, 0.001), (0.53, 0.70, 0.94)),
            ("each bound", (0.027, 0.271, 0.001), (0.42, 0.18, 0.51)),
            ("holm", (0.001, 0.019, 0.0), (0.27, 0.01, 0.09)),
            ("sequence", (0.026, 0.064, 0.001), (0.40, 0.01, 0.001)),
        ],
    )
    def test_a_table_made_by_others(
        self, rule: str, violations: tuple, shares: tuple, tallies: dict
    ):
        """Rates and shares are those of another simulation of the same, but for chance."""
        for number, (rate, share) in enumerate(zip(violations, shares, strict=True)):
            found = tallies[PROFILES[number].name, rule]
            noise = np.sqrt(max(rate, 0.001) * (1 - rate) * 2 / 2_000)
            assert abs(found.violations / TRIALS - rate) <= 4 * noise + 0.0005
            assert abs(found.share - share) <= 0.025

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("profile", PROFILES[:4], ids=lambda profile: profile.name)
    def test_what_a_certificate_prints(self, method: str, profile):
        """Its bound and the lower end of its share hold as often as it says."""
        trials = 2_000 if SOAK else 60
        wrong_bounds = wrong_shares = 0
        for seed in range(trials):
            chance = np.random.default_rng([seed, 5])
            scores = profile.scores(chance.random(600))
            correct = chance.random(600) >= profile.error(scores)
            found = certify(scores, correct, 0.95, 0.9, method=method, seed=seed)
            if found.certified:
                assert found.bound >= 0.95
                rate = float(profile.rate(np.array(found.threshold)))
                wrong_bounds += rate > 1 - found.bound + 1e-12
                wrong_shares += float(profile.share(np.array(found.threshold))) < found.share_low
        assert max(wrong_bounds, wrong_shares) <= most_violations(trials, DELTA)

    def test_by_class_all_hold_together(self):
        """That one of several classes is wrong is as rare as it is for one."""
        trials, broken, kept = (2_000 if SOAK else 100), 0, 0
        for seed in range(trials):
            chance = np.random.default_rng([seed, 6])
            scores, said = chance.random(900), chance.integers(0, 3, 900)
            correct = chance.random(900) >= np.array([0.0501, 0.0501, 0.01])[said]
            found = certify(scores, correct, 0.95, 0.9, classes=said, seed=seed)
            good = {one.name: one.certified for one in found.classes}
            broken += good["0"] or good["1"]
            kept += good["2"]
        assert broken <= most_violations(trials, DELTA)
        assert kept > 0.5 * trials

    def test_further_labels_are_enough(self):
        """Who labels as many as was said, and tunes with the old ones, mostly succeeds."""
        told, passed = 0, 0
        for seed in range(60):
            scores, correct = drawn(seed, 200)
            more = certify(scores, correct, 0.95, 0.95).more_labels
            if more is None:
                continue
            told += 1
            fresh_scores, fresh_correct = drawn(1_000 + seed, more)
            old = np.arange(200 + more) < 200
            both = np.append(scores, fresh_scores), np.append(correct, fresh_correct)
            passed += certify(*both, 0.95, 0.95, tuning=old).certified
        assert told > 40
        assert passed > 0.55 * told


class TestCertificates:
    """What is on a certificate, and what it is for."""

    def test_it_is_json_and_comes_back(self):
        """A record of plain values, equal when it is read again, by class too."""
        scores, correct = drawn(1, 2_000)
        said = np.arange(2_000) % 2
        for options in ({}, {"classes": said}, {"method": "holm"}):
            made = certify(scores, correct, 0.95, 0.9, model="m", code="c", **options)
            text = json.dumps(asdict(made), allow_nan=False)
            assert certificate_from(json.loads(text)) == made
        for broken in ({}, {**asdict(made), "tea": 1}, {**asdict(made), "steps": [{}]}):
            with pytest.raises(FortnightError, match="not the record of a certificate"):
                certificate_from(broken)

    def test_the_same_call_gives_the_same(self):
        """And another seed another split."""
        cases = drawn(1, 1_000)
        assert certify(*cases, 0.95, 0.9) == certify(*cases, 0.95, 0.9)
        assert certify(*cases, 0.95, 0.9).data != certify(*cases, 0.95, 0.9, seed=1).data

    def test_counts_are_those_of_the_cases_that_did_not_tune(self):
        """What is decided and wrong can be counted again, and the share is of these."""
        scores, correct = drawn(3, 2_000)
        tuning = np.arange(2_000) % 3 == 0
        made = certify(scores, correct, 0.95, 0.9, tuning=tuning)
        decided = (scores >= made.threshold) & ~tuning
        assert (made.decided, made.cases) == (decided.sum(), (~tuning).sum())
        assert made.errors == (decided & ~correct).sum()
        assert made.share == decided.sum() / (~tuning).sum()
        assert made.share_low < made.share
        assert made.tuning == tuning.sum()

    def test_labels_that_count_do_not_choose_the_order(self):
        """With other calibration labels, the same thresholds are tested, as far as it goes."""
        scores, correct = drawn(3, 2_000)
        tuning = np.arange(2_000) % 3 == 0
        made = certify(scores, correct, 0.95, 0.9, tuning=tuning)
        perfect = certify(scores, correct | ~tuning, 0.95, 0.9, tuning=tuning)
        assert perfect.planned == made.planned == len(perfect.steps)
        same = [step.threshold for step in perfect.steps][: len(made.steps)]
        assert same == [step.threshold for step in made.steps]

    def test_fresh_cases_bound_the_share(self):
        """By Clopper and Pearson's bound as it is, at the confidence that was asked for."""
        scores, correct = drawn(3, 2_000)
        fresh = drawn(4, 5_000)[0]
        made = certify(scores, correct, 0.95, 0.9, fresh=fresh, share_confidence=0.99)
        expected = lower_rate(int((fresh >= made.threshold).sum()), 5_000, 0.99)
        assert made.share_low == float(expected)
        assert made.share_confidence == 0.99

    def test_all_right_and_all_wrong(self):
        """Both are answers; where nothing is ever right, no labels help."""
        scores = drawn(0, 400)[0]
        right = certify(scores, np.ones(400, bool), 0.95, 0.9)
        wrong = certify(scores, np.zeros(400, bool), 0.95, 0.9)
        assert right.certified and right.bound > 0.98 and right.share > 0.98
        assert not wrong.certified and wrong.more_labels is None
        assert (wrong.threshold, wrong.bound, wrong.share) == (None, None, 0)
        assert not decides(wrong, scores).any()
        assert "a better model" in str(wrong)

    @pytest.mark.parametrize("method", METHODS)
    def test_scores_that_are_all_the_same(self, method: str):
        """All are decided or none, and the certificate says which."""
        _, correct = drawn(0, 500, rate=0.01)
        made = certify(np.full(500, 0.7), correct, 0.95, 0.9, method=method)
        assert (made.threshold, made.share, made.planned) == (0.7, 1, 1)
        assert made.bound > 0.95

    def test_a_missing_score_is_not_decided(self):
        """Nor is a class that has no certificate, or that nobody has heard of."""
        made = certify(*drawn(1, 2_000), 0.95, 0.9)
        assert decides(made, [math.nan, 2, -math.inf]).tolist() == [False, True, False]
        scores, correct = drawn(1, 3_000, rate=0.01)
        by_class = certify(scores, correct, 0.95, 0.9, classes=np.arange(3_000) % 2)
        assert decides(by_class, [1, 1, 1], [0, 1.0, 2]).tolist() == [True, True, False]
        assert decides(by_class, [1, 1], ["0", "tea"]).tolist() == [True, False]
        with pytest.raises(FortnightError, match="by class"):
            decides(by_class, [1, 1])

    def test_a_class_without_cases_keeps_to_itself(self):
        """Four cases of a rare class are no reason to refuse the others."""
        scores, correct = drawn(1, 3_000, rate=0.01)
        said = np.where(np.arange(3_000) < 4, "rare", "common")
        made = certify(scores, correct, 0.95, 0.9, classes=said)
        assert {one.name: one.certified for one in made.classes} == {"common": True, "rare": False}
        assert made.certified
        assert made.share_low == sum(one.share_low for one in made.classes)

    def test_conditions_say_what_was_checked(self):
        """And what was not."""
        cases = drawn(1, 300)
        rows = row_hashes(np.arange(300)[:, None])
        blind = certify(*cases, 0.95, 0.9)
        seen = {"training": row_hashes(np.arange(300, 400)[:, None])}
        checked = certify(*cases, 0.95, 0.9, rows=rows, seen=seen)
        assert sum("not checked" in one for one in blind.conditions) == 2
        assert not any("not checked" in one for one in checked.conditions)
        assert any("training" in one for one in checked.conditions)

    def test_a_grid_is_tested_as_it_is_given(self):
        """All cases count then, and the order is the caller's."""
        scores, correct = drawn(1, 1_000)
        made = certify(scores, correct, 0.95, 0.9, method="sequence", grid=GRID)
        assert (made.cases, made.tuning) == (1_000, 0)
        assert [step.threshold for step in made.steps] == GRID[: len(made.steps)].tolist()


class TestRefusals:
    """What can't be certified says what, where, why and what to do."""

    @pytest.fixture
    def cases(self) -> dict:
        """Return cases that would do."""
        scores, correct = drawn(1, 300)
        rows = row_hashes(np.arange(300)[:, None])
        return {"scores": scores, "correct": correct, "rows": rows}

    def refused(self, match: str, cases: dict, **changes):
        """Assert that changed cases are refused, and return the error."""
        with pytest.raises(FortnightError, match=match) as caught:
            certify(**{**cases, **changes}, precision=0.95, confidence=0.9)
        assert caught.value.why and caught.value.cure
        return caught.value

    def test_cases_that_were_trained_on(self, cases: dict):
        """By the hashes of their rows, with the place of the first."""
        seen = {"training": cases["rows"][[7, 90]]}
        error = self.refused("2 cases of the labelled cases are in training", cases, seen=seen)
        assert "case 7" in error.where
        self.refused("not the rows", {**cases, "rows": None}, seen=seen)

    def test_cases_on_both_sides(self, cases: dict):
        """A case that tunes can't be counted."""
        rows = cases["rows"].copy()
        rows[299] = rows[0]
        self.refused("are in tuning too", cases, rows=rows, tuning=np.arange(300) < 100)

    def test_cases_that_are_there_twice(self, cases: dict):
        """Nor is one counted two times."""
        rows = cases["rows"].copy()
        rows[299] = rows[298]
        error = self.refused(
            "1 labelled cases are there twice", cases, rows=rows, tuning=np.arange(300) < 100
        )
        assert "case 299 is case 298" in error.where

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_scores_that_are_missing(self, cases: dict, bad: float):
        """Or infinite, with the place of the first; among fresh ones too."""
        scores = cases["scores"].copy()
        scores[[5, 8]] = bad
        assert "case 5" in self.refused("2 of 300 scores are missing", cases, scores=scores).where
        self.refused("2 of 300 fresh scores are missing", cases, fresh=scores)

    def test_shapes_and_types(self, cases: dict):
        """One score and one truth for each case, and truths that are true or false."""
        self.refused("have the shape", cases, scores=np.ones((300, 2)))
        self.refused("not numbers", cases, scores=["tea"] * 300)
        self.refused("300 scores and", cases, correct=cases["correct"][1:])
        self.refused("300 scores and", cases, rows=cases["rows"][1:])
        self.refused("neither true nor false", cases, correct=np.arange(300))
        self.refused("neither true nor false", cases, correct=np.full(300, math.nan))
        self.refused("300 scores and 2 classes", cases, classes=[1, 2])
        self.refused(
            "300 scores and 0 fresh classes",
            {**cases, "classes": np.arange(300) % 2},
            fresh=cases["scores"],
        )

    @pytest.mark.parametrize("tuning", [1, 1.5, -0.1, "most", [True], np.ones(300), math.nan])
    def test_tuning_that_is_no_part(self, cases: dict, tuning):
        """Neither a part nor a mask of these cases."""
        self.refused("The tuning", cases, tuning=tuning)

    def test_masked_scores_are_missing(self, cases: dict):
        """A mask is how numpy says so."""
        masked = np.ma.masked_array(cases["scores"], cases["scores"] > 0.9)
        self.refused("scores are missing", cases, scores=masked)

    @pytest.mark.parametrize("seed", [None, "x", -1, 1.5])
    def test_a_seed_that_gives_no_split(self, cases: dict, seed):
        """Chance alone would give another certificate each time."""
        self.refused("The seed is", cases, seed=seed)

    def test_an_empty_grid(self, cases: dict):
        """There would be nothing to test."""
        self.refused("The grid is empty", cases, grid=[], method="holm")

    def test_no_tuning_where_it_is_needed(self, cases: dict):
        """A threshold has to come from somewhere."""
        self.refused("no tuning cases", cases, tuning=0)

    def test_fewer_cases_than_any_certificate_needs(self, cases: dict):
        """It says how many; for classes, so many that each has its part of the error."""
        few = {name: value[:60] for name, value in cases.items()}
        error = self.refused("42 calibration cases are fewer than any certificate needs: 45", few)
        assert "label 3 more" in error.cure
        self.refused("needs: 59", few, classes=np.arange(60) % 2)
        none = {name: value[:0] for name, value in cases.items()}
        self.refused("no labelled cases", none)

    def test_one_class_only(self, cases: dict):
        """Then the certificate by class is that of all."""
        error = self.refused("two classes or more", cases, classes=np.ones(300))
        assert "leave out classes" in error.cure

    @pytest.mark.parametrize("name", ["precision", "confidence", "share_confidence"])
    def test_promises_that_are_none(self, cases: dict, name: str):
        """Nothing is certain, and nothing is asked for beyond."""
        for share in (0, 1, 95):
            promise = {"precision": 0.95, "confidence": 0.9, name: share}
            with pytest.raises(FortnightError, match=f"The {name} is"):
                certify(**cases, **promise)


@pytest.fixture(scope="module")
def fitted() -> tuple[LogisticRegression, np.ndarray, np.ndarray]:
    """Return a fitted classifier, and labelled cases that it has not seen."""
    X, y = make_classification(3_000, n_informative=5, class_sep=2, flip_y=0.02, random_state=0)
    return LogisticRegression().fit(X[:500], y[:500]), X[500:], y[500:]


class TestSliceClassifier:
    """A scikit-learn classifier, as far as one that can't be fitted again can be."""

    CHECKS = (
        *("get_params_invariance", "set_params", "no_attributes_set_in_init", "estimator_repr"),
        *("mixin_order", "valid_tag_types", "estimator_cloneable", "dict_unchanged"),
        *("methods_subset_invariance", "methods_sample_order_invariance"),
        *("estimators_fit_returns_self", "estimators_pickle", "estimator_tags_renamed"),
    )

    @pytest.mark.parametrize("check", CHECKS)
    def test_scikit_learns_own_checks(self, check: str, fitted):
        """Those that don't depend on being fitted to what the check makes up."""
        model = LogisticRegression()
        X, y = make_classification(20, 3, n_informative=2, n_redundant=0, random_state=0)
        model.fit(X, y)
        made = certify(*drawn(1, 300), 0.95, 0.9, model=model_hash(model))
        slice_ = SliceClassifier(model, made, abstention=-1)
        getattr(estimator_checks, f"check_{check}")("SliceClassifier", slice_)

    def test_it_abstains_below_its_threshold(self, fitted):
        """And what it decides are the classifier's own labels."""
        model, X, y = fitted
        slice_ = certify_classifier(model, X[:1_500], y[:1_500], 0.95, 0.9)
        rest = X[1_500:]
        mask = slice_.decide_mask(rest)
        assert 0 < mask.sum() < len(mask)
        said = slice_.predict(rest)
        assert all(one is None for one in said[~mask])
        assert (said[mask] == model.predict(rest)[mask]).all()
        sure = model.predict_proba(rest).max(axis=1)
        assert (mask == (sure >= slice_.certificate.threshold)).all()
        assert slice_.score(rest, y[1_500:]) == (model.predict(rest) == y[1_500:])[mask].mean()

    @pytest.mark.parametrize("abstention", [-1, "people", math.nan])
    def test_abstentions_of_ones_own(self, fitted, abstention):
        """They keep the labels' type where they are of it, and labels stay labels."""
        model, X, y = fitted
        slice_ = certify_classifier(model, X[:1_500], y[:1_500], 0.95, 0.9)
        said = slice_.set_params(abstention=abstention).predict(X)
        mask = slice_.decide_mask(X)
        assert (said[mask] == model.predict(X)[mask]).all()
        assert {repr(one) for one in said[~mask].tolist()} == {repr(abstention)}
        with pytest.raises(FortnightError, match="is a class"):
            slice_.set_params(abstention=1).predict(X)

    def test_no_other_model(self, fitted):
        """Refitted, replaced, scored otherwise, or without a certificate: all are refused."""
        model, X, y = fitted
        slice_ = certify_classifier(model, X[:1_500], y[:1_500], 0.95, 0.9)
        other = clone(model).fit(X[:300], y[:300])

        def otherwise(estimator, cases):
            return estimator.predict_proba(cases)[:, 0]

        for changes in ({"estimator": other}, {"surety": otherwise}):
            with pytest.raises(FortnightError, match="of another model"):
                clone(slice_).set_params(**changes).predict(X)
        unnamed = replace(slice_.certificate, model="")
        with pytest.raises(FortnightError, match="of another model"):
            SliceClassifier(model, unnamed).decide_mask(X)
        with pytest.raises(FortnightError, match="no certificate"):
            SliceClassifier(model).decide_mask(X)
        assert SliceClassifier(other, slice_.certificate, verify=False).decide_mask(X).any()

    def test_a_refit_is_noticed(self, fitted):
        """The same object, fitted again behind its back."""
        model, X, y = fitted
        own = pickle.loads(pickle.dumps(model))
        slice_ = certify_classifier(own, X[:1_500], y[:1_500], 0.95, 0.9)
        assert slice_.decide_mask(X).any()
        own.fit(X[:400], y[:400])
        with pytest.raises(FortnightError, match="of another model"):
            slice_.decide_mask(X)

    def test_clones_and_copies_are_the_same(self, fitted):
        """Pickled, cloned, and fitted, which changes nothing."""
        model, X, y = fitted
        slice_ = certify_classifier(model, X[:1_500], y[:1_500], 0.95, 0.9, by_class=True)
        said = slice_.decide_mask(X)
        assert len(slice_.certificate.classes) == 2
        for other in (pickle.loads(pickle.dumps(slice_)), clone(slice_), slice_.fit(X, y)):
            assert (other.decide_mask(X) == said).all()
        twin = clone(slice_).set_params(verify=False)
        assert slice_.verify and not twin.verify

    def test_training_cases_are_refused(self, fitted):
        """By what the rows hold."""
        model, X, y = fitted
        with pytest.raises(FortnightError, match="are in training too"):
            certify_classifier(model, X, y, 0.95, 0.9, seen={"training": X[-1:]})


class TestCurves:
    """Pictures of what was found."""

    def test_the_curve_ends_with_all(self):
        """Its last point is the share of all decisions that are right; ties are one point."""
        scores, correct = drawn(1, 500)
        share, precision = precision_curve(scores.round(1), correct)
        assert len(share) == len(np.unique(scores.round(1)))
        assert (share[-1], precision[-1]) == (1, correct.mean())

    def test_the_threshold_is_where_it_fell(self):
        """At its share, with a point for each test; and a "no" is drawn too."""
        scores, correct = drawn(1, 3_000)
        made = certify(scores, correct, 0.95, 0.9)
        axes = plot_certificate(made, scores, correct)
        places = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
        assert places == [made.share]
        assert "95%" in axes.get_title()
        none = certify(scores, ~correct, 0.95, 0.9)
        assert "No threshold" in plot_certificate(none, scores, ~correct).get_title()
        by_class = certify(scores, correct, 0.95, 0.9, classes=np.arange(3_000) % 2)
        with pytest.raises(FortnightError, match="no curve of its own"):
            plot_certificate(by_class, scores, correct)
        plt.close("all")


class TestLabelsCommand:
    """`fortnight labels`, by its function."""

    def test_the_number_comes_first(self):
        """And the table has it too, beside the share that was asked about."""
        ran = CliRunner().invoke(labels_, ["--share", "0.025"])
        assert ran.exit_code == 0
        assert ran.output.startswith("2,360 labelled cases")
        header, first = ran.output.strip().splitlines()[3:5]
        assert first.split()[header.split().index("2.5%")] == "2,360"

    def test_programs_get_the_same(self):
        """As JSON, with every row of the table."""
        found = json.loads(CliRunner().invoke(labels_, ["--precision", ".99", "--json"]).output)
        assert (found["decided"], found["labels"], found["with_tuning"]) == (299, 5980, 8543)
        assert [row["decided"] for row in found["table"] if row["share"] == 1] == [
            int(cases_needed(k, 0.01, 0.05)) for k in range(5)
        ]

    @pytest.mark.parametrize("share", ["0", "1.2", "nan", "-0.1"])
    def test_a_share_that_is_none(self, share: str):
        """It is an error of ours, with a cure."""
        ran = CliRunner().invoke(labels_, ["--share", share])
        assert isinstance(ran.exception, FortnightError)
        assert ran.exception.cure


def test_a_guess_needs_cases():
    """Without any decided case nothing is guessed to be good enough."""
    none = np.zeros(3, dtype=int)
    assert further_labels(none, none, 100, 0.05, 0.1) is None
    assert isinstance(certify(*drawn(0, 100), 0.95, 0.9), Certificate)
