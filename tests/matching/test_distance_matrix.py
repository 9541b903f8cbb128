import os
import tempfile

import numpy as np
import pytest

from qaconv_tf.errors import UserError
from qaconv_tf.matching import distance_matrix
from qaconv_tf.matching.distance_matrix import (
    check_temporary_space,
    distances_among,
    num_pairs_among,
    temporary_map,
)
from qaconv_tf.matching.qaconv import HEADS, QAConv
from qaconv_tf.matching.score_matrix import score_matrix


def random_maps(number):
    maps = np.random.default_rng(number).normal(size=(number, 4, 2, 8)).astype(np.float32)
    return maps / np.linalg.norm(maps, axis=-1, keepdims=True)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("number", [3, 45])
def test_distances_are_one_minus_the_probabilities_of_all_pairs(monkeypatch, head, number):
    monkeypatch.setattr(distance_matrix, "GALLERY_BLOCK", 20)
    matcher, maps, seen = QAConv(head=head, weight_init="random", seed=3), random_maps(number), []
    distances = distances_among(matcher, maps, progress=lambda *counts: seen.append(counts))
    matcher.temperature.assign(0.5)
    assert matcher.head == head
    warmer = distances_among(matcher, maps)
    scores = score_matrix(matcher, maps, maps)
    assert (np.abs(scores - scores.T).max() > 0.1) == (head == "split")
    for temperature, values in ((10.0, distances), (0.5, warmer)):
        np.testing.assert_allclose(values, 1 - 1 / (1 + np.exp(-scores / temperature)), atol=1e-6)
    total = num_pairs_among(matcher, number)
    assert seen[-1] == (total, total) and seen == sorted(seen)
    assert distances.dtype == np.float32


def test_one_score_for_both_directions_is_half_of_the_work():
    symmetric, split = (num_pairs_among(QAConv(head=head), 20_000) for head in ("shared", "split"))
    assert split == 20_000**2 and 0.5 < symmetric / split < 0.52


def test_a_temporary_map_leaves_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    numbers = temporary_map((300, 7))
    numbers[:] = np.arange(7)
    assert os.listdir(tmp_path) == []
    np.testing.assert_array_equal(numbers.sum(axis=1), 21)


def test_a_lack_of_space_is_told_before_the_work():
    check_temporary_space(1)
    with pytest.raises(UserError, match="Expected 1000000000.0 GB of free space.*TMPDIR") as caught:
        check_temporary_space(10**18)
    assert "\n" not in str(caught.value)
