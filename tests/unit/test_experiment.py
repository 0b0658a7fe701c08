"""What candidates depend on, what is refused, what fails alone, and what is taken over."""

import functools
import importlib
import json
import sys
import textwrap
import threading

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from fortnight.candidates import Candidate, candidate_hash, model, people, rules, service
from fortnight.errors import FortnightError
from fortnight.experiment import experiment
from fortnight.identity import identity
from fortnight.not_worse import assert_not_worse
from fortnight.rows import row_hashes
from fortnight.scoring import Measure, measures_of
from fortnight.splits import Splits, draw_splits, load_splits, save_splits, twins

X, Y = load_breast_cancer(return_X_y=True)
X, Y = X[:200], Y[:200]
FIVE = StratifiedKFold(5)


def small(cases):
    """Answer by the first feature."""
    return (np.asarray(cases)[:, 0] < 15).astype(int)


def tried(*candidates, incumbent="small", **options):
    """Run a small experiment, with a rule as the incumbent."""
    everybody = [rules("small", small), *candidates]
    options = {"splits": FIVE, "timed": False} | options
    return experiment(everybody, X, Y, incumbent=incumbent, **options)


# What a candidate depends on.


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return what writes a module of the user's, and imports it anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    written = []

    def write(name, source):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        written.append(name)
        for known in written:
            sys.modules.pop(known, None)
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            return importlib.import_module(name)
        finally:
            sys.dont_write_bytecode = before

    yield write
    for known in written:
        sys.modules.pop(known, None)


RULE = """
    import limits_of_ours as limits
    from limits_of_ours import lower

    class Edge:
        step = 1
        def above(self, value):
            return value > limits.upper + self.step

    edge = Edge()

    def answer(cases, factor=2):
        def one(case):
            from limits_of_ours import late
            return edge.above(case) or case < lower() or case == late
        return [one(case) for case in cases]
"""
LIMITS = """
    upper, late, unused = 3, 7, 0
    floor = 1

    def lower():
        return floor
"""


@pytest.mark.parametrize(
    ("rule", "limits", "same"),
    [
        (RULE, LIMITS, True),
        (RULE.replace("def answer", "# why\n    def answer"), LIMITS, True),
        (RULE, LIMITS.replace("unused = 3, 7, 0", "unused = 3, 7, 1"), True),
        (RULE.replace("factor=2", "factor=3"), LIMITS, False),
        (RULE.replace("step = 1", "step = 2"), LIMITS, False),
        (RULE.replace("value >", "value >="), LIMITS, False),
        (RULE, LIMITS.replace("= 3, 7", "= 4, 7"), False),
        (RULE, LIMITS.replace("= 3, 7", "= 3, 8"), False),
        (RULE, LIMITS.replace("floor = 1", "floor = 2"), False),
    ],
)
def test_an_identity_is_of_all_that_code_reaches(module, rule, limits, same):
    """Through modules, classes, defaults and imports within functions; and of nothing else."""
    module("limits_of_ours", LIMITS)
    before = identity(module("rule_of_ours", RULE).answer)
    module("limits_of_ours", limits)
    assert (identity(module("rule_of_ours", rule).answer) == before) is same


def test_a_cached_or_decorated_function_is_looked_into(module):
    """Pickle knows both by name only; what they wrap may have changed."""
    source = "import functools\n@functools.lru_cache\ndef f(x):\n    return x + 1\n"
    before = identity(module("cached_of_ours", source).f)
    assert identity(module("cached_of_ours", source.replace("+ 1", "+ 2")).f) != before
    halves = [identity(functools.partial(small, factor)) for factor in (1, 2)]
    assert halves[0] != halves[1]


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return eval('g')(x)\ndef g(x):\n    return x\n",
        "import threading\nlock = threading.Lock()\ndef f(x):\n    with lock:\n        return x\n",
        "rows = (x for x in 'ab')\ndef f(x):\n    return next(rows)\n",
        "import sys, made_of_ours\ndef f(x):\n    return getattr(made_of_ours, x)\n",
    ],
)
def test_what_cannot_be_followed_has_no_identity(module, source):
    """So that nothing is taken over that may be out of date."""
    function = module("made_of_ours", source).f
    with pytest.raises(FortnightError, match="can't be told"):
        identity(function)


def test_functions_that_call_each_other_have_an_identity(module):
    """Following them comes to an end."""
    source = "def f(n):\n    return n and g(n - 1)\ndef g(n):\n    return n and f(n - 1)\n"
    found = module("round_of_ours", source)
    before = identity(found.f), identity(found.g)
    again = module("round_of_ours", source)
    assert (identity(again.f), identity(again.g)) == before
    assert identity(module("round_of_ours", source.replace("g(n - 1)", "g(n - 2)")).f) != before[0]


def test_parameters_of_models_count_and_what_they_had_learnt_does_not():
    """A model is a recipe."""
    fresh = model("a", SVC(C=1))
    assert candidate_hash(fresh) == candidate_hash(model("b", SVC(C=1).fit(X, Y)))
    assert candidate_hash(fresh) != candidate_hash(model("a", SVC(C=1.5)))


# What is refused.


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"incumbent": ""}, "needs an incumbent"),
        ({"incumbent": "smal"}, "Did you mean 'small'"),
        ({"y": Y[:199]}, "200 cases and 199 true answers"),
        ({"y": np.ones(200)}, "have the same true answer"),
        ({"y": np.where(np.arange(200) == 3, np.nan, Y)}, "first is case 3"),
        ({"y": np.eye(200)}, "shape"),
        ({"groups": np.ones(3)}, "3 groups"),
        ({"ids": ["a", "b"]}, "2 ids"),
        ({"X": np.repeat(X[:100], 2, axis=0)}, "the same case was learnt from"),
        ({"scoring": []}, "Nothing is measured"),
        ({"scoring": "rok_auc"}, "Did you mean 'roc_auc'"),
        ({"scoring": ["accuracy", "accuracy"]}, "Two measures"),
        ({"scoring": {"cost": "accuracy"}}, "Two measures are called 'cost'"),
        ({"scoring": 3}, "can't score"),
        ({"splits": 150}, "can't be divided"),
        ({"splits": GroupKFold(3)}, "can't be divided"),
        ({"splits": [([0, 1], [1, 2])]}, "asks 1 of the cases"),
        ({"splits": [([0, 1], [200])]}, "not among 200"),
        ({"splits": [([0, 1], [-1])]}, "not among 200"),
        ({"splits": [([0, 0], [1])]}, "same position twice"),
        ({"splits": [([0.5, 1], [2])]}, "whole numbers"),
        ({"splits": [([], [1])]}, "no cases to learn from"),
        ({"splits": []}, "make no"),
        ({"candidates": [rules("small", small)] * 2}, "Two candidates are called 'small'"),
        ({"candidates": [people("small", Y[:5])]}, "5 answers for 200 cases"),
        ({"candidates": [people("small", Y, cost=[1, 2])]}, "2 entries of cost"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, said):
    """Before anything is fitted, in words."""
    given = {"candidates": [rules("small", small)], "X": X, "y": Y, "incumbent": "small"}
    given |= {"splits": FIVE} | change
    with pytest.raises(FortnightError, match=said):
        experiment(given.pop("candidates"), given.pop("X"), given.pop("y"), **given)


@pytest.mark.parametrize("cost", [-1, float("nan"), float("inf"), "dear", [[1]]])
def test_a_cost_is_a_number(cost):
    """Finite, 0 or more."""
    with pytest.raises(FortnightError, match="cost"):
        people("doctors", Y, cost=cost)


def test_different_cases_that_look_the_same_are_told_apart_by_ids():
    """Coarse features make equal rows of different cases."""
    coarse = np.round(X[:, :1] / 10)
    with pytest.raises(FortnightError, match="ids="):
        experiment([model("nb", GaussianNB())], coarse, Y, incumbent="nb", splits=FIVE)
    ids = [f"case {number}" for number in range(200)]
    found = experiment(
        [model("nb", GaussianNB())], coarse, Y, incumbent="nb", splits=FIVE, ids=ids, timed=False
    )
    assert np.isfinite(found.values("nb", "accuracy")).all()


# Splits.


def test_splits_are_those_of_scikit_learn():
    """Repeats, time, marks instead of positions: the same cases in the same order."""
    for splitter in (RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=1), KFold(4)):
        drawn = draw_splits(splitter, X, Y)
        theirs = [[part.tolist() for part in pair] for pair in splitter.split(X, Y)]
        pairs = zip(drawn.train, drawn.test, strict=True)
        assert [[part.tolist() for part in pair] for pair in pairs] == theirs
    assert draw_splits(TimeSeriesSplit(3), X, Y).test_to_train.round(2).tolist() == [1, 0.5, 0.33]
    marks = [(np.arange(200) < 150, np.arange(200) >= 150)]
    assert draw_splits(marks, X, Y).test[0].tolist() == list(range(150, 200))


def test_splits_cannot_be_changed_and_do_not_follow_what_they_were_made_of():
    """Their hash would be wrong."""
    train = np.array([0, 1])
    splits = Splits(3, (train,), (np.array([2]),))
    train[0] = 2
    assert splits.train[0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        splits.train[0][0] = 1


def test_stored_splits_come_back_and_others_do_not(tmp_path):
    """Cut short, exchanged or not there: told as such."""
    path = tmp_path / "splits.npz"
    splits = draw_splits(ShuffleSplit(3, random_state=0), X, Y)
    save_splits(splits, path)
    assert load_splits(path).hash == splits.hash
    content = path.read_bytes()
    for wrong in (content[:200], b"", b"no splits"):
        path.write_bytes(wrong)
        with pytest.raises(FortnightError, match="no kept splits"):
            load_splits(path)
    with pytest.raises(FortnightError, match="no kept splits"):
        load_splits(tmp_path / "none.npz")


def test_twins_stay_together_in_groups():
    """The iris data have a pair."""
    irises, kinds = load_iris(return_X_y=True)
    groups = twins(row_hashes(irises))
    options = {"splits": GroupKFold(5), "groups": groups, "incumbent": "nb", "timed": False}
    found = experiment([model("nb", GaussianNB())], irises, kinds, **options)
    assert found.values("nb", "accuracy").mean() > 0.9


# Scores.


@pytest.mark.parametrize("table", [np.asarray, pd.DataFrame, scipy.sparse.csr_matrix])
def test_scores_are_those_of_cross_validate(table):
    """Whatever the cases are stored in."""
    cases, scoring = table(X.round()), ["accuracy", "f1", "roc_auc"]
    estimator = SVC(kernel="linear", C=0.001)
    options = {"incumbent": "m", "splits": FIVE, "scoring": scoring, "timed": False}
    found = experiment([model("m", estimator)], cases, Y, **options)
    theirs = cross_validate(estimator, cases, Y, cv=FIVE, scoring=scoring)
    for name in scoring:
        assert found.values("m", name).tolist() == theirs[f"test_{name}"].tolist()
    if table is scipy.sparse.csr_matrix:
        again = experiment([model("m", estimator)], cases.tocsc(), Y, **options)
        assert again.scores.query("measure != 'fit_seconds'").equals(
            found.scores.query("measure != 'fit_seconds'")
        )


class Moody(ClassifierMixin, BaseEstimator):
    """Fails where it is told to."""

    def __init__(self, at="nowhere"):
        self.at = at

    def fit(self, X, y):
        """Remember the kinds."""
        if self.at == "fit":
            raise RuntimeError("not today")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        """Answer 1, to all or not quite all."""
        if self.at == "predict":
            raise RuntimeError("not\nnow")
        return np.ones(len(X) - (self.at == "count"), dtype=int)


@pytest.mark.parametrize("at", ["fit", "predict", "count"])
def test_a_candidate_that_fails_fails_alone(at):
    """Its values are missing, with the reason; the others' are there."""
    found = tried(model("moody", Moody(at)), model("nb", GaussianNB()), timed=True)
    assert np.isnan(found.values("moody", "accuracy")).all()
    assert np.isfinite(found.values("nb", "accuracy")).all()
    [failure] = [each for each in found.entry("moody").failures if each.measure == "accuracy"]
    assert (failure.splits, failure.first) == (5, 0)
    assert "\n" not in failure.error
    assert np.isnan(
        found.scores.query("candidate == 'moody' and measure == 'accuracy'").value
    ).all()
    json.dumps(found.record(), allow_nan=False)


@pytest.mark.parametrize(
    "answer", [lambda X: 1 / 0, lambda X: [1], lambda X: None, lambda X: np.ones((len(X), 2))]
)
def test_rules_that_fail_fail_alone(answer):
    """Wrong numbers of answers are no answers."""
    found = tried(rules("wrong", answer))
    assert np.isnan(found.values("wrong", "accuracy")).all()
    assert np.isfinite(found.values("small", "accuracy")).all()


def test_what_does_not_learn_is_asked_each_case_once():
    """A service may cost money; and only cases that are asked are paid for."""
    asked = []

    def ask(cases):
        asked.extend(cases[:, 0])
        return small(cases)

    half = [(np.arange(50), np.arange(100, 150)), (np.arange(50), np.arange(120, 160))]
    found = tried(service("afar", ask, batch=7, cost=0.25), splits=half)
    assert asked == X[100:160, 0].tolist()
    assert found.values("afar", "accuracy").tolist() == found.values("small", "accuracy").tolist()
    assert found.values("afar", "cost").tolist() == [0.25, 0.25]


def test_people_cost_what_their_cases_cost():
    """By split, from the log."""
    found = tried(people("doctors", Y, cost=np.arange(200), seconds=[3.0] * 200), timed=True)
    assert found.values("doctors", "cost")[0] == found.splits.test[0].mean()
    assert found.entry("doctors").once == {"seconds_1": 3.0}
    assert found.values("doctors", "accuracy").tolist() == [1.0] * 5


def test_the_table_is_tidy():
    """One value to a row; what is measured once stands in the first place."""
    found = tried(model("nb", GaussianNB()), timed=True)
    table = found.scores
    assert list(table.columns) == ["candidate", "repeat", "fold", "measure", "value"]
    assert not table.duplicated(["candidate", "repeat", "fold", "measure"]).any()
    counts = table.query("candidate == 'nb'").measure.value_counts().to_dict()
    assert counts == {
        "accuracy": 5, "fit_seconds": 5, "size_bytes": 1, "seconds_1": 1, "seconds_1000": 1
    }  # fmt: skip
    assert found.measure("seconds_1").better == "lower"
    with pytest.raises(FortnightError, match="no candidate called 'mb'"):
        found.values("mb", "accuracy")


def test_measures_know_which_way_is_better():
    """Functions of one's own may count losses."""
    lost = Measure("lost", lambda y, given: float((y != given).sum()), better="lower", unit="EUR")
    assert measures_of({"euros": lost})[0].better == "lower"
    found = tried(model("nb", GaussianNB()), scoring=[lost])
    wrong = 1 - tried(model("nb", GaussianNB())).values("nb", "accuracy")
    assert found.values("nb", "lost").tolist() == pytest.approx(40 * wrong)


# In parallel, and again.


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_results_are_the_same_wherever_they_are_made(backend):
    """Joblib decides where; scores don't depend on it, nor do other candidates."""
    lock = threading.Lock()

    def ask(cases):
        with lock:
            return small(cases)

    candidates = [model("nb", GaussianNB()), model("moody", Moody("fit")), service("afar", ask)]
    alone = tried(*candidates)
    with parallel_config(backend=backend, n_jobs=2):
        spread = tried(*candidates)
    for name in ("small", "nb", "afar"):
        assert spread.values(name, "accuracy").tolist() == alone.values(name, "accuracy").tolist()
    assert spread.entry("moody").failures == alone.entry("moody").failures


def test_a_candidate_that_takes_its_process_with_it_fails_alone():
    """The others are done again without it."""
    with parallel_config(backend="loky", n_jobs=2):
        found = tried(model("deadly", Deadly()), model("nb", GaussianNB()))
    assert np.isfinite(found.values("nb", "accuracy")).all()
    assert np.isnan(found.values("deadly", "accuracy")).all()
    assert "Terminated" in found.entry("deadly").failures[0].error


class Deadly(Moody):
    """Ends the process that fits it."""

    def fit(self, X, y):
        """Die, if this is not the process of the test."""
        import multiprocessing
        import os

        if multiprocessing.parent_process() is not None or os.environ.get("LOKY_WORKER"):
            os._exit(3)
        return super().fit(X, y)


def reused(*candidates, folder, **options):
    """Return in how many splits results were taken over, by candidate."""
    found = tried(*candidates, kept=folder, **options)
    return {entry.name: entry.reused for entry in found.entries}


def test_what_has_not_changed_is_taken_over(tmp_path):
    """And equal to the last bit; what has changed is not."""
    first = tried(model("nb", GaussianNB()), kept=tmp_path, timed=True)
    again = tried(model("nb", GaussianNB()), kept=tmp_path, timed=True)
    assert again.scores.equals(first.scores)
    assert [entry.reused for entry in again.entries] == [5, 5]
    changed = {"nb": 0, "small": 5}
    assert reused(model("nb", GaussianNB(var_smoothing=1)), folder=tmp_path) == changed
    nothing = {"nb": 0, "small": 0}
    assert reused(model("nb", GaussianNB()), folder=tmp_path, scoring="f1") == nothing
    assert reused(model("nb", GaussianNB()), folder=tmp_path, splits=StratifiedKFold(4)) == nothing


def test_other_data_are_other_results(tmp_path):
    """A value, a name of a column, a type."""
    frame = pd.DataFrame(X).add_prefix("c")
    touched = frame.copy()
    touched.iloc[7, 3] += 1e-9
    options = {"incumbent": "nb", "splits": FIVE, "timed": False, "kept": tmp_path}
    tables = [frame, frame.add_prefix("d"), touched, frame.astype("float32"), frame]
    found = [experiment([model("nb", GaussianNB())], each, Y, **options) for each in tables]
    assert [each.entries[0].reused for each in found] == [0, 0, 0, 0, 5]


def test_failures_are_not_kept_and_missing_scores_are(tmp_path):
    """A service that was down is asked again; one that can't say how sure it is, is not."""
    down = [True]

    def ask(cases):
        if down:
            raise ConnectionError("no route")
        return small(cases)

    def again():
        return tried(
            service("afar", ask, version="1"), kept=tmp_path, scoring=["accuracy", "roc_auc"]
        ).entry("afar")

    assert np.isnan(again().values["accuracy"]).all()
    down.clear()
    assert again().reused == 0
    after = again()
    assert after.reused == 5
    assert np.isnan(after.values["roc_auc"]).all()
    assert "roc_auc" in {each.measure for each in after.failures}


def test_a_service_without_a_version_is_asked_again(tmp_path):
    """And the entry says why."""
    assert reused(service("afar", small), folder=tmp_path)["afar"] == 0
    found = tried(service("afar", small), kept=tmp_path)
    assert found.entry("afar").reused == 0
    assert "What is behind 'afar'" in found.entry("afar").not_kept


def test_an_experiment_that_was_stopped_goes_on(tmp_path):
    """What was done is kept as it is done."""

    def stop(done, total, name):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tried(model("nb", GaussianNB()), kept=tmp_path, progress=stop)
    assert reused(model("nb", GaussianNB()), folder=tmp_path) == {"small": 5, "nb": 3}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"key": 1, "result": 2}', "\x00"])
def test_what_cannot_be_read_is_made_again(tmp_path, content):
    """A folder of results can be damaged without harm."""
    before = tried(kept=tmp_path)
    for path in tmp_path.rglob("*.json"):
        path.write_text(content)
    after = tried(kept=tmp_path)
    assert after.entries[0].reused == 0
    assert after.scores.equals(before.scores)


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path):
    """Not after hours."""
    (tmp_path / "file").write_text("")
    with pytest.raises(FortnightError, match="could not be written"):
        tried(kept=tmp_path / "file" / "scores")


# As a test.


def test_not_worse_passes_fails_and_tells_why():
    """The incumbent itself is no worse; a constant is; a candidate that failed is unknown."""
    never = rules("no", lambda X: np.zeros(len(X)))
    found = tried(never, model("m", Moody("fit")), rules("same", small))
    assert assert_not_worse(found, "same", "accuracy", margin=0.01).mean == 0
    with pytest.raises(AssertionError, match=r"no is worse than small[\s\S]*probability"):
        assert_not_worse(found, "no", "accuracy", margin=0.01)
    with pytest.raises(AssertionError, match=r"missing of m in 5 of 5[\s\S]*not today"):
        assert_not_worse(found, "m", "accuracy", margin=0.01)
    with pytest.raises(FortnightError, match="no candidate called"):
        assert_not_worse(found, "n", "accuracy", margin=0.01)


def test_candidates_without_a_name_are_refused():
    """Results would have none."""
    with pytest.raises(FortnightError, match="no name"):
        Candidate(" ", "rules", small)
