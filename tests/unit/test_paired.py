"""Comparisons of candidates: published numbers, other programs, worlds with a known truth."""

import json
import os
from dataclasses import asdict, replace

import baycomp
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, xlogy
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.svm import SVC

from fortnight.differences import finding, plot_differences, plot_rope
from fortnight.errors import FortnightError
from fortnight.holdout import (
    bootstrap_gain,
    compare_holdout,
    margin_p,
    mcnemar,
    tango_interval,
    tango_z,
)
from fortnight.latency import compare_latency, measurements_needed
from fortnight.paired import compare, compare_all, holm

SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
TRIALS = 10_000 if SOAK else 1_000


def most(rate: float, trials: int) -> float:
    """Return the largest share of trials that a true rate of at most `rate` explains."""
    return rate + 3 * np.sqrt(rate * (1 - rate) / trials)


@pytest.fixture(scope="module")
def moons() -> dict[str, np.ndarray]:
    """Return the splits' scores in scikit-learn's example of comparing models."""
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    grid = [
        {"kernel": ["linear"]},
        {"kernel": ["poly"], "degree": [2, 3]},
        {"kernel": ["rbf"]},
    ]
    splits = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    search = GridSearchCV(SVC(random_state=0), grid, scoring="roc_auc", cv=splits).fit(X, y)
    columns = [search.cv_results_[f"split{number}_test_score"] for number in range(100)]
    names = ("linear", "2_poly", "3_poly", "rbf")
    return dict(zip(names, np.array(columns).T, strict=True))


def test_the_scores_of_the_example(moons):
    """The means are those that scikit-learn prints."""
    means = {name: round(float(scores.mean()), 4) for name, scores in moons.items()}
    assert means == {"rbf": 0.94, "linear": 0.93, "3_poly": 0.9044, "2_poly": 0.6852}


@pytest.mark.parametrize(
    ("pair", "t", "worse", "better", "rope"),
    [
        (("rbf", "linear"), 0.750, 0.068, 0.500, 0.432),
        (("rbf", "3_poly"), 1.657, 0.018, 0.882, 0.100),
        (("linear", "3_poly"), 1.111, 0.063, 0.750, 0.187),
    ],
)
def test_the_example(moons, pair, t, worse, better, rope):
    """The table of scikit-learn's example comes out to the printed digits."""
    one = compare(moons[pair[0]], moons[pair[1]], 1 / 9, names=pair)
    found = (one.t, one.p_practically_worse, one.p_practically_better, one.p_practically_equal)
    assert tuple(round(number, 3) for number in found) == (t, worse, better, rope)


def test_the_example_has_a_sign(moons):
    """One-sided p is .227, uncorrected t 2.611; the other way round p is 1 - .227."""
    one = compare(moons["rbf"], moons["linear"], 1 / 9)
    other = compare(moons["linear"], moons["rbf"], 1 / 9)
    assert round(one.p_better, 3) == round(other.p_worse, 3) == 0.227
    assert one.p_better + one.p_worse == pytest.approx(1)
    assert other.p_better == pytest.approx(one.p_worse)
    uncorrected = stats.ttest_rel(moons["rbf"], moons["linear"])
    assert round(float(uncorrected.statistic), 3) == 2.611


def test_splits_are_counted_and_not_cases():
    """In the example 1 / (k r) and 1 / (cases) are both a hundredth; here they are not."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 15))  # three times five folds of 400 cases
    one = compare(x, y, 80 / 320)
    difference = x - y
    variance = difference.var(ddof=1)
    assert one.se**2 == pytest.approx(variance * (1 / 15 + 0.25))
    assert one.se**2 != pytest.approx(variance * (1 / 400 + 0.25))
    assert one.df == 14


def test_baycomp_s_own_example():
    """Mean 1, variance 16 (1/3 + 1/2), two degrees of freedom; baycomp subtracts the other way."""
    one = compare([5, 7, 3], [4, 2, 6], 1 / 2)
    assert (one.mean, one.df) == (pytest.approx(1), 2)
    assert one.se**2 == pytest.approx(16 * (1 / 3 + 1 / 2))


@pytest.mark.parametrize("seed", range(20))
def test_baycomp_agrees(seed):
    """On random scores, folds and repeats the three shares are baycomp's."""
    rng = np.random.default_rng(seed)
    folds, runs, rope = rng.integers(2, 12), rng.integers(1, 8), rng.uniform(0.001, 0.1)
    x, y = rng.normal(0.8, 0.05, (2, folds * runs))
    left, within, right = baycomp.CorrelatedTTest.probs(x, y, rope=rope, runs=int(runs))
    one = compare(y, x, 1 / (folds - 1), rope=rope)
    found = (one.p_practically_worse, one.p_practically_equal, one.p_practically_better)
    assert found == pytest.approx((left, within, right), abs=1e-12)


def test_scipy_agrees_where_nothing_is_corrected():
    """With test sets of no size the test is the ordinary paired t."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 30))
    one, other = compare(x, y, 1e-15), stats.ttest_rel(x, y, alternative="greater")
    assert one.t == pytest.approx(other.statistic)
    assert one.p_better == pytest.approx(other.pvalue)
    interval = stats.ttest_rel(x, y).confidence_interval(0.95)
    assert (one.low, one.high) == pytest.approx(interval)


def test_lower_may_be_better():
    """A loss that falls is an improvement, and everything follows it but the direction's name."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 20))
    gain, loss = compare(x, y, 0.1), compare(-x, -y, 0.1, better="lower")
    assert replace(loss, better="higher") == gain


def test_several_ratios_are_averaged():
    """Of splits with sizes of their own the mean ratio counts, and it is the careful choice."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 5))
    test, train = np.array([20, 20, 20, 20, 20]), np.array([20, 40, 60, 80, 100])
    one = compare(x, y, test / train)
    share = (test / (test + train)).mean()
    assert one.test_to_train == pytest.approx((test / train).mean())
    assert one.test_to_train >= share / (1 - share)


def test_equal_candidates_are_equal():
    """Nothing differs, so nothing is better; the record is finite and is JSON."""
    one = compare([0.9, 0.8, 0.7], [0.9, 0.8, 0.7], 0.5)
    assert one.t is None
    assert (one.p_better, one.p_worse, one.p_practically_equal) == (1, 1, 1)
    assert (one.low, one.high) == (0, 0)
    assert json.loads(json.dumps(asdict(one), allow_nan=False))["t"] is None
    assert finding(one) == "candidate and incumbent are practically equal"
    with pytest.raises(FortnightError, match="equal in every split"):
        plot_rope(one)


@pytest.mark.parametrize(
    ("candidate", "incumbent", "ratio", "options", "said"),
    [
        ([1, 2, 3], [1, 2], 0.1, {}, "cannot be paired"),
        ([1], [2], 0.1, {}, "two splits or more"),
        ([], [], 0.1, {}, "two splits or more"),
        ([[1, 2]], [[1, 3]], 0.1, {}, "cannot be paired"),
        (1, 2, 0.1, {}, "cannot be paired"),
        ([1, np.nan, 3], [1, 2, 4], 0.1, {}, "candidate has no score in 1 of 3 splits"),
        ([1, 2, 3], [1, np.inf, np.nan], 0.1, {}, "incumbent has no score in 2 of 3 splits"),
        ([0.8, 0.9, 0.7], [0.7, 0.8, 0.6], 0.1, {}, "in each of 3 splits"),
        ([1, 2, 3], [1, 2, 4], 0, {}, "test_to_train is 0"),
        ([1, 2, 3], [1, 2, 4], [0.1, 0.2], {}, "or 3 of them"),
        ([1, 2, 3], [1, 2, 4], np.nan, {}, "sizes are not understood"),
        ([1, 2, 3], [1, 2, 4], 0.1, {"better": "highr"}, "Did you mean 'higher'"),
        ([1, 2, 3], [1, 2, 4], 0.1, {"rope": -1}, "rope is -1"),
        ([1, 2, 3], [1, 2, 4], 0.1, {"rope": np.nan}, "rope is nan"),
        ([1, 2, 3], [1, 2, 4], 0.1, {"confidence": 95}, "confidence is 95"),
    ],
)
def test_what_cannot_be_compared(candidate, incumbent, ratio, options, said):
    """Each refusal says what is wrong, by name and number."""
    with pytest.raises(FortnightError) as refused:
        compare(candidate, incumbent, ratio, **options)
    assert said in str(refused.value)


@pytest.mark.parametrize("seed", range(5))
def test_holm_by_its_definition(seed):
    """Rejecting adjusted p-values is stepping down by hand, at every level."""
    p = np.random.default_rng(seed).uniform(size=7) ** 2
    adjusted = holm(p)
    for alpha in (0.01, 0.05, 0.2, 0.5, 0.9):
        rejected = np.zeros(7, dtype=bool)
        for step, index in enumerate(np.argsort(p)):
            if p[index] > alpha / (7 - step):
                break
            rejected[index] = True
        assert ((adjusted <= alpha) == rejected).all()


def test_holm_refuses_what_is_no_p_value():
    """Neither nan nor 1.2 is adjusted; of none there is none."""
    for wrong in ([np.nan, 0.1], [1.2], [-0.1], 0.5):
        with pytest.raises(FortnightError, match="no p-values"):
            holm(wrong)
    assert holm([]).shape == (0,)


def test_all_are_compared_with_the_incumbent():
    """Everybody but the incumbent, in order, with p-values adjusted for their number."""
    rng = np.random.default_rng(6)
    scores = dict(zip("abcd", rng.normal(size=(4, 12)), strict=True))
    found = compare_all(scores, "b", 0.1)
    assert [one.candidate for one in found] == ["a", "c", "d"]
    assert [one.p_adjusted for one in found] == pytest.approx(holm([one.p_better for one in found]))
    for wrong in ("e", ""):
        with pytest.raises(FortnightError, match="nothing to compare with"):
            compare_all(scores, wrong, 0.1)
    with pytest.raises(FortnightError, match="nothing to compare with"):
        compare_all({"a": [1, 2]}, "a", 0.1)


def _team(
    rng: np.random.Generator, n: int, folds: int, repeats: int, signal: float = 1.0
) -> np.ndarray:
    """Return scores of two candidates that learn a threshold each, the first from `signal`."""
    y = np.arange(n) % 2
    order = rng.permuted(np.tile(np.arange(n), (repeats, 1)), axis=1)
    test = np.concatenate([order % folds == fold for fold in range(folds)])
    train = 1.0 - test
    scores = []
    for x in rng.normal(size=(2, n)) + y * np.array([[signal], [1.0]]):
        low, high = (train @ (x * (y == side)) / (train @ (y == side)) for side in (0, 1))
        right = ((x > ((low + high) / 2)[:, None]) == (high > low)[:, None]) == y
        scores.append((right & test).sum(axis=1) / test.sum(axis=1))
    return np.array(scores)


@pytest.mark.parametrize(("n", "folds", "repeats"), [(100, 10, 10), (150, 5, 4)])
def test_the_corrected_test_keeps_its_word(n, folds, repeats):
    """Equal candidates, resampled: the signed p errs as stated; the uncorrected one is caught."""
    rng = np.random.default_rng(8)
    scores = [_team(rng, n, folds, repeats) for _ in range(TRIALS)]
    signed = np.array([compare(*pair, 1 / (folds - 1)).p_better for pair in scores])
    naive = np.array([compare(*pair, 1e-12).p_better for pair in scores])
    limit = most(0.05, TRIALS)
    assert (signed <= 0.05).mean() <= limit
    assert (signed >= 0.95).mean() <= limit
    assert (naive <= 0.05).mean() > 2 * limit


def test_the_absolute_t_promotes_what_is_worse():
    """A candidate that sees less is never promoted by the signed p; by that of |t| it often is."""
    rng = np.random.default_rng(14)
    scores = [_team(rng, 100, 10, 10, signal=0.4) for _ in range(TRIALS)]
    signed = np.array([compare(*pair, 1 / 9).p_better for pair in scores])
    assert (signed <= 0.05).mean() <= 0.005
    assert (np.minimum(signed, 1 - signed) <= 0.05).mean() > 2 * most(0.05, TRIALS)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (5, 0), (0, 5), (7, 3), (100, 60), (682, 243)])
def test_mcnemar_is_scipy_s_binomial_test(b, c):
    """Both directions are exact; of no disagreement both are 1."""
    found = mcnemar(b, c)
    if b + c == 0:
        assert found == (1, 1)
        return
    greater, less = (
        stats.binomtest(b, b + c, 0.5, alternative=side).pvalue for side in ("greater", "less")
    )
    assert found == pytest.approx((greater, less), rel=1e-9)


def test_r_s_binomial_test():
    """What R prints for binom.test(682, 925, p = .75); ours is checked against the same scipy."""
    found = stats.binomtest(682, 925, 0.75)
    interval = found.proportion_ci(0.95)
    assert round(found.pvalue, 4) == 0.3825
    assert (round(interval.low, 7), round(interval.high, 7)) == (0.7076683, 0.7654066)


def test_mcnemar_errs_as_stated():
    """Counted out, for every number of disagreements up to 200, and not drawn."""
    for total in range(1, 201):
        counts = np.arange(total + 1)
        p = np.array([mcnemar(int(b), int(total - b))[0] for b in counts])
        assert stats.binom.pmf(counts, total, 0.5)[p <= 0.05].sum() <= 0.05


@pytest.mark.parametrize("seed", range(30))
def test_tango_by_the_likelihood_itself(seed):
    """The closed root is where the likelihood is highest, found by searching for it."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 500))
    b, c = (int(count) for count in rng.multinomial(n, [0.08, 0.05, 0.87])[:2])
    delta = float(rng.uniform(-0.5, 0.5))

    def unlikely(q):
        return -(xlogy(b, q + delta) + xlogy(c, q) + xlogy(n - b - c, 1 - 2 * q - delta))

    ends = max(0.0, -delta), (1 - delta) / 2
    q = minimize_scalar(unlikely, bounds=ends, method="bounded", options={"xatol": 1e-12}).x
    z = (b - c - n * delta) / np.sqrt(n * (2 * q + delta * (1 - delta)))
    assert float(tango_z(b, c, n, delta)) == pytest.approx(z, rel=1e-4)


@pytest.mark.parametrize(
    ("b", "c", "n"), [(0, 0, 10), (3, 0, 50), (0, 3, 50), (10, 0, 10), (0, 10, 10), (40, 20, 160)]
)
def test_tango_s_interval_is_what_its_test_leaves(b, c, n):
    """Ends are in order and within bounds, mirror each other, and agree with `margin_p`."""
    low, high = tango_interval(b, c, n, 0.9)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert (low, high) == pytest.approx(tuple(-end for end in tango_interval(c, b, n, 0.9)[::-1]))
    if low > -1:
        assert margin_p(b, c, n, low - 1e-6) < 0.05 < margin_p(b, c, n, low + 1e-6)


def _misled(n: int, disagree: float, difference: float, alpha: float) -> float:
    """Return how often the lower bound lies above the true difference, counted out."""
    p, q = (disagree + difference) / 2, (disagree - difference) / 2
    counts = [stats.binom.ppf([1e-12, 1 - 1e-12], n, share).astype(int) for share in (p, q)]
    b, c = np.meshgrid(*(np.arange(low, high + 1) for low, high in counts))
    rest = n - b - c
    chance = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(np.maximum(rest, 0) + 1)
    chance += xlogy(b, p) + xlogy(c, q) + xlogy(rest, 1 - p - q)
    found = (tango_z(b, c, n, difference) >= stats.norm.ppf(1 - alpha)) & (rest >= 0)
    return float(np.exp(chance)[found].sum())


@pytest.mark.parametrize("alpha", [0.05, 0.025])
def test_tango_s_bound_errs_about_as_stated(alpha):
    """The worst rate over sizes, disagreements and margins, near for no gain, known for a gain."""
    sizes = (50, 100, 200, 500, 1000, 2000, 5000) if SOAK else (100, 300, 2000)
    shares = np.geomspace(0.004, 0.5, 60 if SOAK else 15)
    worst = {
        margin: max(
            _misled(n, share, margin, alpha)
            for n in sizes
            for share in shares
            if share > abs(margin)
        )
        for margin in (-0.05, -0.02, -0.01, -0.005, 0.0, 0.005, 0.01, 0.02)
    }
    assert max(rate for margin, rate in worst.items() if margin <= 0) <= 1.25 * alpha, worst
    assert max(worst.values()) <= 2.5 * alpha, worst


def test_two_points_better_is_seen():
    """2,000 cases, 8 in 100 disagreed on, 2 points better: power above .8, at .025 too."""
    n, p, q = 2000, 0.05, 0.03
    b, c = np.meshgrid(np.arange(40, 180), np.arange(15, 120))
    chance = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(n - b - c + 1)
    chance = np.exp(chance + xlogy(b, p) + xlogy(c, q) + xlogy(n - b - c, 1 - p - q))
    assert chance.sum() == pytest.approx(1, abs=1e-6)
    exact = stats.binom.cdf(c, b + c, 0.5)
    score = tango_z(b, c, n, 0.0)
    powers = {
        alpha: (chance[exact <= alpha].sum(), chance[score >= stats.norm.ppf(1 - alpha)].sum())
        for alpha in (0.05, 0.025)
    }
    assert 0.92 < powers[0.05][0] <= powers[0.05][1] < 0.95
    assert 0.86 < powers[0.025][0] <= powers[0.025][1] < 0.90


def test_a_holdout_counts():
    """The four kinds of cases add up, and the record is JSON."""
    rng = np.random.default_rng(9)
    one, other = rng.random((2, 500)) < [[0.9], [0.8]]
    found = compare_holdout(one, other.astype(int), holdout="h", names=("a", "b"))
    assert (
        found.both + found.only_candidate + found.only_incumbent + found.neither == found.n == 500
    )
    assert found.difference == pytest.approx(one.mean() - other.mean())
    assert json.loads(json.dumps(asdict(found), allow_nan=False))["holdout"] == "h"


@pytest.mark.parametrize(
    ("candidate", "incumbent", "options", "said"),
    [
        ([True], [True, False], {}, "1 cases of candidate and 2 of incumbent"),
        ([], [], {}, "at least one"),
        ([0.5, 1], [1, 1], {}, "which cases candidate got right"),
        ([1, 1], [1, np.nan], {}, "which cases incumbent got right"),
        (["yes"], ["no"], {}, "got right"),
        ([1, 0], [0, 1], {"holdout": " "}, "no hash"),
        ([1, 0], [0, 1], {"confidence": 1}, "confidence is 1"),
    ],
)
def test_a_holdout_that_cannot_be_compared(candidate, incumbent, options, said):
    """Each refusal names what is wrong."""
    with pytest.raises(FortnightError) as refused:
        compare_holdout(candidate, incumbent, **{"holdout": "h", **options})
    assert said in str(refused.value)


def test_the_bootstrap_agrees_with_scipy():
    """BCa on skewed amounts, as near as two sets of draws; the same seed gives the same."""
    gain = np.random.default_rng(10).exponential(size=200) - 0.5
    found = bootstrap_gain(gain, np.random.default_rng(1), draws=20_000)
    drawn = stats.bootstrap(
        (gain,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)
    )
    assert (found.low, found.high) == pytest.approx(drawn.confidence_interval, abs=0.01)
    assert found == bootstrap_gain(gain, np.random.default_rng(1), draws=20_000)
    with pytest.raises(FortnightError, match="no row of amounts"):
        bootstrap_gain([1.0, np.nan], np.random.default_rng(1))
    same = bootstrap_gain([0.1, 0.1, 0.1], np.random.default_rng(1))
    assert (same.low, same.high) == (None, None)


def test_latency_is_scipy_s_test_and_a_ratio():
    """The p-values are scipy's, and neither the ratio nor the test alone is enough."""
    rng = np.random.default_rng(12)
    one, other = rng.gamma(9, 1.05, 40), rng.gamma(9, 1, 50)
    found = compare_latency(one, other)
    for side, p in (("greater", found.p_slower), ("less", found.p_faster)):
        assert p == pytest.approx(stats.mannwhitneyu(one, other, alternative=side).pvalue)
    assert found.ratio == pytest.approx(np.median(one) / np.median(other))
    sure = compare_latency(np.full(30, 1.05), np.full(30, 1.0))
    assert sure.p_slower < 1e-6
    assert not sure.slower
    assert sure.within
    unsure = compare_latency([1, 2, 9, 9, 9], [1.5, 2.5, 3, 9.5, 9.6])
    assert unsure.ratio > 1.1
    assert not (unsure.slower or unsure.within)
    same = compare_latency([1.0] * 9, [1.0] * 9)
    assert (same.p_slower, same.ratio, same.slower) == (1, 1, False)


def test_latency_refuses_what_says_nothing():
    """Too few measurements for any answer are refused with their number; so are no times."""
    for confidence in (0.9, 0.95, 0.99, 0.999):
        n = measurements_needed(confidence)
        slow, fast = np.arange(n) + 100.0, np.arange(n) + 1.0
        assert compare_latency(slow, fast, confidence=confidence).slower
        with pytest.raises(FortnightError, match="too few"):
            compare_latency(slow[1:], fast[1:], confidence=confidence)
    for wrong in ([], [1, -1], [0, 1], [np.nan], [[1.0]]):
        with pytest.raises(FortnightError, match="not understood"):
            compare_latency(wrong, [1.0] * 9)
    with pytest.raises(FortnightError, match="not understood"):
        compare_latency([1.0] * 9, [1.0] * 9, limit=0.9)


def test_pictures_say_what_they_show():
    """The title is the finding; scores of another comparison are refused."""
    from matplotlib.figure import Figure

    rng = np.random.default_rng(13)
    x, y = rng.normal(size=(2, 30))
    for shift, said in ((3.0, "is better than"), (-3.0, "is worse than"), (0.0, "not told apart")):
        one = compare(x + shift, y, 1 / 9)
        axes = plot_differences(x + shift, y, one, Figure().subplots())
        assert said in axes.get_title(loc="left") == finding(one)
        assert said in plot_rope(one, Figure().subplots()).get_title(loc="left")
    with pytest.raises(FortnightError, match="not the scores"):
        plot_differences(y, x, one, Figure().subplots())
