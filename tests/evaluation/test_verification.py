import json
import math
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.verification import evaluate_verification
from tests.oracles import verification as oracle

NUMBERS = ("accuracy", "accuracy_deviation", "equal_error_rate")
ARRAYS = ("false_accept_rate", "true_accept_rate", "fold_accuracy")


def random_pairs(seed, count=83, decimals=None):
    generator = np.random.default_rng([50, seed])
    same = generator.permutation(count) < 0.4 * count
    scores = generator.normal(size=count) + 1.5 * same
    return (scores if decimals is None else np.round(scores, decimals)), same


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("decimals", [None, 0])
@pytest.mark.parametrize("own_folds", [False, True])
def test_equals_oracle(seed, decimals, own_folds):
    scores, same = random_pairs(seed, decimals=decimals)
    folds = oracle.consecutive_folds(len(scores))
    if own_folds:
        folds = np.random.default_rng(seed).permutation([0, 1, 1, 2] * 25)[: len(scores)].tolist()
    result = evaluate_verification(scores, same, np.array(folds) if own_folds else None)
    listed = scores.tolist(), same.tolist()
    points = oracle.curve(*listed)
    np.testing.assert_allclose(np.transpose([result.false_accept_rate, result.true_accept_rate]), points, rtol=1e-12)
    assert result.thresholds.tolist() == [math.inf, *sorted(set(listed[0]), reverse=True)]
    expected = oracle.fold_accuracies(*listed, folds)
    np.testing.assert_allclose(sorted(result.fold_accuracy), sorted(expected), rtol=1e-12)
    assert len(set(expected)) > 1
    assert result.accuracy == pytest.approx(sum(expected) / len(expected))
    assert result.accuracy_deviation == pytest.approx(np.std(expected))
    assert result.equal_error_rate == pytest.approx(oracle.equal_error_rate(points))
    for far in (0.02, 0.1, 0.3, 1.0, *result.false_accept_rate[1:]):
        if far * result.num_different >= 1:
            assert result.tar_at_far(far) == pytest.approx(oracle.tar_at_far(points, far))


def test_six_pairs_by_hand():
    scores = [0.9, 0.8, 0.7, 0.6, 0.4, 0.2]
    same = [True, True, False, True, False, False]
    result = evaluate_verification(scores, same, folds=["a", "b", "a", "b", "a", "b"])
    # Points (FAR, TAR): 0.9 (0, 1/3), 0.8 (0, 2/3), 0.7 (1/3, 2/3), 0.6 (1/3, 1), 0.4 (2/3, 1), 0.2 (1, 1)
    assert result.tar_at_far(1 / 3) == pytest.approx(1.0)
    # Half way between FAR 1/3 and 2/3 TAR is 1; FAR = 1 - TAR at 0.7.
    assert result.tar_at_far(0.5) == pytest.approx(1.0)
    assert result.equal_error_rate == pytest.approx(1 / 3)
    # Fold b by a's scores 0.9 same, 0.7 and 0.4 different: the threshold 0.9 accepts neither 0.8 nor 0.6: 1/3 right.
    # Fold a by b's 0.8 and 0.6 same, 0.2 different: the threshold 0.6 accepts 0.9 and, wrongly, 0.7: 2/3 right.
    np.testing.assert_allclose(result.fold_accuracy, [2 / 3, 1 / 3])


def test_folds_are_consecutive_and_unshuffled():
    # In each tenth another threshold separates, so shuffled folds would be decided worse or better.
    same = np.tile([True, False], 50)
    scores = np.where(same, 1.0, -1.0) + np.repeat(np.arange(10.0), 10) * 5
    result = evaluate_verification(scores, same)
    np.testing.assert_allclose(
        result.fold_accuracy, oracle.fold_accuracies(scores.tolist(), same.tolist(), np.repeat(range(10), 10).tolist())
    )
    shuffled = np.random.default_rng(0).permutation(100)
    assert evaluate_verification(scores[shuffled], same[shuffled]).accuracy != result.accuracy


@settings(max_examples=50, deadline=None)
@given(
    scores=st.lists(st.integers(-20, 20), min_size=12, max_size=40),
    seed=st.integers(0, 1000),
)
def test_a_rising_function_of_the_scores_changes_nothing(scores, seed):
    scores = np.array(scores, float)
    same = np.random.default_rng(seed).permutation(len(scores)) % 3 == 0
    result = evaluate_verification(scores, same)
    transformed = evaluate_verification(np.expm1(scores / 4), same)
    for name in (*NUMBERS, *ARRAYS):
        np.testing.assert_array_equal(getattr(transformed, name), getattr(result, name))


@settings(max_examples=50, deadline=None)
@given(scores=st.lists(st.integers(-5, 5), min_size=12, max_size=40), seed=st.integers(0, 1000))
def test_curve_rises_and_exchanging_the_kinds_mirrors_it(scores, seed):
    scores = np.array(scores, float)
    same = np.random.default_rng(seed).permutation(len(scores)) % 2 == 0
    result = evaluate_verification(scores, same)
    for rates in (result.false_accept_rate, result.true_accept_rate):
        assert rates[0] == 0 and rates[-1] == 1 and (np.diff(rates) >= 0).all()
    mirrored = evaluate_verification(-scores, ~same)
    assert mirrored.equal_error_rate == pytest.approx(result.equal_error_rate)


def test_perfect_scores():
    scores, same = random_pairs(0)
    # Equal scores for all same pairs: the least of some would be too strict for the others.
    result = evaluate_verification(np.where(same, 10.0, scores), same)
    assert (result.accuracy, result.equal_error_rate, result.tar_at_far(0.1)) == (1.0, 0.0, 1.0)


def test_too_few_negatives_say_nothing():
    scores, same = random_pairs(1)
    result = evaluate_verification(scores, same)
    assert result.num_different == 49
    assert math.isnan(result.tar_at_far(0.02)) and math.isnan(result.tar_at_far(0.0))
    assert not math.isnan(result.tar_at_far(1 / 49))
    numbers = json.loads(json.dumps(result.to_results(), allow_nan=False))
    assert numbers["tar_at_far_0.01"] is None and numbers["tar_at_far_0.1"] == result.tar_at_far(0.1)
    assert (numbers["num_same"], numbers["num_different"], numbers["num_folds"]) == (34, 49, 10)
    for name in NUMBERS:
        assert numbers[name] == getattr(result, name)


def test_errors():
    scores, same = random_pairs(2)
    with pytest.raises(UserError, match="Received: 83 of one, 0 of two"):
        evaluate_verification(scores, np.ones(83, bool))
    with pytest.raises(UserError, match="Received: 0 of one, 83 of two"):
        evaluate_verification(scores, np.zeros(83, bool))
    with pytest.raises(UserError, match="all in fold 'a'"):
        evaluate_verification(scores, same, ["a"] * 83)
    with pytest.raises(ValueError, match=r"\(83,\), \(82,\) and \(83,\)"):
        evaluate_verification(scores, same[:-1])
    scores[5] = np.nan
    with pytest.raises(UserError, match="nan for pair 5 first"):
        evaluate_verification(scores, same)
    with pytest.raises(ValueError, match="far=1.5"):
        evaluate_verification(*random_pairs(2)).tar_at_far(1.5)


def test_verification_does_not_import_tensorflow():
    program = "import sys, qaconv_tf; qaconv_tf.evaluate_verification; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=pathlib.Path(__file__).parents[2])
