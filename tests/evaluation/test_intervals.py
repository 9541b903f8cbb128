import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaconv_tf.evaluation.intervals import bootstrap_intervals, paired_difference, per_query
from qaconv_tf.evaluation.ranking import RankingResult


def test_per_query_values_have_the_means_of_the_result():
    rng = np.random.default_rng(0)
    ranks = rng.integers(1, 30, 40).astype(float)
    skipped = rng.uniform(size=40) < 0.2
    values = [np.where(skipped, np.nan, rng.uniform(size=40)) for _ in range(3)]
    result = RankingResult(*values, np.where(skipped, np.nan, ranks), num_gallery=30, protocol="market1501")
    for name, array in per_query(result).items():
        wanted = result.rank(int(name[4:])) if name.startswith("rank") else getattr(result, name)
        assert np.nanmean(array) == pytest.approx(wanted)


def test_per_query_values_of_several_drawings_are_shares_of_these():
    ranks = np.array([[1.0, 3.0, np.nan], [2.0, 1.0, np.nan]])
    result = RankingResult(*[np.zeros(3)] * 3, ranks, num_gallery=9, protocol="cuhk03_single_shot")
    np.testing.assert_array_equal(per_query(result)["rank1"], [0.5, 0.5, np.nan])


def test_intervals_are_the_quantiles_of_every_drawing_of_three_identities():
    values, identities = np.array([0.1, 0.9, 0.4, np.nan, 0.7]), ["a", "a", "b", "b", "c"]
    groups = [[0.1, 0.9], [0.4], [0.7]]
    means = [np.mean(sum((groups[i] for i in drawn), [])) for drawn in itertools.product(range(3), repeat=3)]
    low, high = bootstrap_intervals({"mAP": values}, identities, level=0.8, draws=40000)["mAP"]
    # The 27 drawings are equally likely; the quantiles of so few values are steps between them.
    assert low == pytest.approx(np.quantile(means, 0.1, method="inverted_cdf"), abs=0.02)
    assert high == pytest.approx(np.quantile(means, 0.9, method="inverted_cdf"), abs=0.02)


def test_queries_of_one_identity_are_one_witness():
    rng = np.random.default_rng(1)
    of_identity = rng.uniform(size=50)
    once = bootstrap_intervals({"mAP": of_identity}, np.arange(50))["mAP"]
    ten_times = bootstrap_intervals({"mAP": np.repeat(of_identity, 10)}, np.repeat(np.arange(50), 10))["mAP"]
    assert ten_times == pytest.approx(once)


def test_p_value_is_that_of_every_choice_of_signs():
    rng = np.random.default_rng(2)
    first, second = rng.uniform(0.3, 1, size=8), rng.uniform(0, 0.8, size=8)
    identities = [0, 0, 1, 2, 3, 4, 5, 6]
    sums = np.bincount(identities, first - second)
    flipped = [abs(np.dot(signs, sums)) for signs in itertools.product((1, -1), repeat=7)]
    wanted = np.mean(np.array(flipped) >= abs(sums.sum()) - 1e-12)
    found = paired_difference(first, second, identities, draws=40000)
    assert found.p_value == pytest.approx(wanted, abs=0.01)
    assert found.difference == pytest.approx(np.mean(first - second))
    assert found.low < found.difference < found.high


def test_queries_that_either_run_skipped_are_left_out():
    found = paired_difference([0.5, np.nan, 1.0], [0.25, 0.9, 0.5], ["a", "b", "c"])
    assert (found.first, found.second) == (0.75, 0.375)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.integers(0, 5))
def test_equal_runs_do_not_differ(values, seed):
    found = paired_difference(values, values, np.arange(len(values)), draws=50, seed=seed)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.data())
def test_intervals_lie_within_the_values_and_do_not_depend_on_labels(values, data):
    identities = data.draw(st.lists(st.integers(0, 4), min_size=len(values), max_size=len(values)))
    low, high = bootstrap_intervals({"mAP": values}, identities, draws=50)["mAP"]
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    renamed = [f"person {identity}" for identity in identities]
    assert bootstrap_intervals({"mAP": values}, renamed, draws=50)["mAP"] == (low, high)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (({"mAP": [0.5, 0.5]}, [1]), "1 for 2"),
        (({"mAP": [np.nan]}, [1]), "Expected a query with a right answer"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals(*arguments)
    with pytest.raises(ValueError, match=r"Received: \(2,\) and \(1,\)"):
        paired_difference([0.1, 0.2], [0.1], [1, 2])
