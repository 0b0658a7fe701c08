"""What the lessons of the digits notebook leave out."""

import numpy as np
import pytest

from fortnight.digits import (
    answer_by_model,
    answer_by_rules,
    candidate,
    decide,
    enclosed,
    load_cases,
    pixels,
    saving,
    share_and_precision,
    share_at_precision,
    split_cases,
    threshold_for,
)

COSTS = {
    "person_cost": 0.08,
    "machine_cost": 0.002,
    "person_error_rate": 0.01,
    "person_error_cost": 1.5,
    "machine_error_cost": 1.5,
}


@pytest.fixture(scope="module")
def split():
    return split_cases(load_cases(), training_size=400, seed=0)


def test_parts_share_no_case(split):
    """Every case is in exactly one part, whatever the seed."""
    for seed in (0, 1):
        parts = vars(split_cases(load_cases(), 400, seed)).values()
        images = np.concatenate([part.images for part in parts])
        assert len(images) == len(load_cases().labels)
        assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)


@pytest.mark.parametrize("size", [0, 99, 1598, 1797])
def test_impossible_sizes_are_refused(size):
    """A part with too few cases says which sizes are possible."""
    with pytest.raises(ValueError, match="100 to 1597"):
        split_cases(load_cases(), size, 0)


def test_rules_beat_chance_and_the_model_beats_the_rules(split):
    """The rules read far more than one in ten, the model more than 95 in 100; they differ."""
    labels = split.held_out.labels
    rules = (answer_by_rules(split.held_out.images).labels == labels).mean()
    fitted = candidate("svm", 0).fit(pixels(split.training.images), split.training.labels)
    model = (answer_by_model(fitted, split.held_out.images).labels == labels).mean()
    assert 0.6 < rules < 0.95 < model < 1


def test_rules_answer_blank_and_full_images():
    """A form that was left empty, or is all ink, is answered and not trusted."""
    blank, full = np.zeros((8, 8)), np.full((8, 8), 16.0)
    answers = answer_by_rules(np.stack([blank, full]))
    assert np.isfinite(answers.confidence).all()
    assert answers.confidence.max() < 0.2


def test_rules_answer_each_image_by_itself(split):
    """The rules answer an image in the same way alone and among others."""
    images = split.held_out.images[:20]
    together = answer_by_rules(images)
    alone = [answer_by_rules(image[None]) for image in images]
    assert together.labels.tolist() == [int(answer.labels[0]) for answer in alone]


def test_water_does_not_pass_diagonally():
    """A ring that is closed only at its corners still shuts paper in."""
    ink = np.zeros((1, 8, 8), dtype=bool)
    ink[0, [2, 3, 3, 4], [3, 2, 4, 3]] = True
    assert enclosed(ink).sum() == 1
    assert enclosed(ink)[0, 3, 3]


def test_equal_scores_stand_or_fall_together():
    """No threshold comes between cases with the same score, however they are ordered."""
    scores = np.array([0.5] * 4)
    for correct in ([True, True, False, False], [False, False, True, True]):
        curve = share_at_precision(scores, np.array(correct))
        assert curve.share.tolist() == [1.0]
        assert curve.precision.tolist() == [0.5]


@pytest.mark.parametrize(
    ("scores", "correct"),
    [([], []), ([0.1], [True, False]), ([np.nan], [True]), ([np.inf], [True])],
)
def test_curves_of_nonsense_are_refused(scores, correct):
    """Empty, unequal or unfinite input is an error and not a curve."""
    with pytest.raises(ValueError, match="need a finite score"):
        share_at_precision(np.array(scores), np.array(correct, dtype=bool))


@pytest.mark.parametrize("precision", [0, -1, 1.01, float("nan")])
def test_impossible_precisions_are_refused(precision):
    """A precision is above 0 and at most 1."""
    with pytest.raises(ValueError, match="must be above 0"):
        threshold_for(np.array([0.5]), np.array([True]), precision)


def test_chosen_threshold_keeps_its_word_where_it_was_chosen():
    """On the cases that chose it the threshold reaches its target, and no laxer one does."""
    generator, reached = np.random.default_rng(0), 0
    for _ in range(200):
        scores = generator.integers(0, 20, 100) / 20
        correct = generator.random(100) < scores
        threshold = threshold_for(scores, correct, 0.8)
        reached += np.isfinite(threshold)
        for other in np.unique(scores):
            share, precision = share_and_precision(decide(scores, other), correct)
            if other == threshold:
                assert precision >= 0.8
            if other < threshold:
                assert precision < 0.8, (share, other)
    assert 100 < reached < 200


def test_saving_counts_work_and_errors_of_both():
    """The saving of one case, worked out by hand."""
    by_hand = 0.5 * (0.08 - 0.002) + 0.5 * (0.01 * 1.5 - 0.04 * 1.5)
    assert saving(0.5, 0.96, **COSTS, cases=1) == pytest.approx(by_hand)
    assert saving(0, float("nan"), **COSTS) == 0


def test_unknown_model_gets_the_near_name():
    """A misspelt model is answered with the names that there are."""
    with pytest.raises(ValueError, match="did you mean logistic"):
        candidate("logistics", 0)
