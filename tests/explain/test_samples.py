"""What is looked at of a data set in every evaluation: the same each time, and what it is said to be."""

import numpy as np
import pytest

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.explain.fixed_examples import choose_examples
from qaconv_tf.explain.score_samples import right_and_wrong_scores
from tests.explain.test_answers import random_case


def mark(query, gallery, camera_filter):
    """By the rules: junk and, with the filter, the query's own camera are ignored."""
    if gallery.identity == -1:
        return "ignored"
    if query.identity != gallery.identity:
        return "wrong"
    own_camera = query.camera is not None and query.camera == gallery.camera
    return "ignored" if own_camera and camera_filter == "same_identity" else "right"


@pytest.mark.parametrize("camera_filter", ["same_identity", "none"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [1, 4, 50])
def test_examples_are_right_pairs_of_queries_and_one_wrong_pair(camera_filter, seed, number):
    _, query, gallery = random_case(seed, num_query=12, num_gallery=25, identities=3)
    found = choose_examples(query, gallery, camera_filter, number)
    answered = [row for row, one in enumerate(query) if any(mark(one, it, camera_filter) == "right" for it in gallery)]
    assert len(set(found.queries)) == len(found.queries) == min(number, len(answered)) < len(query)
    assert set(found.queries) <= set(answered)
    kinds = {name: mark(query[row], gallery[column], camera_filter) for name, (row, column) in found.pairs.items()}
    assert kinds.pop("wrong pair") == "wrong" and found.pairs["wrong pair"][0] == found.queries[0]
    assert kinds == {f"right pair {place + 1}": "right" for place in range(len(found.queries))}
    assert [found.pairs[name][0] for name in kinds] == found.queries
    assert choose_examples(query, gallery, camera_filter, number) == found


def test_without_filter_the_own_camera_is_a_right_answer_and_a_pair_to_look_at():
    query, gallery = [ImageRecord("q.jpg", 7, 0)], [ImageRecord("a.jpg", 7, 0), ImageRecord("b.jpg", 7, 0)]
    assert choose_examples(query, gallery, "none").pairs["right pair 1"][0] == 0
    assert not choose_examples(query, gallery).pairs


def test_without_a_wrong_answer_there_is_no_wrong_pair():
    query, gallery = [ImageRecord("q.jpg", 7, 0)], [ImageRecord("a.jpg", 7, 1), ImageRecord("b.jpg", 7, 0)]
    assert choose_examples(query, gallery).pairs == {"right pair 1": (0, 0)}


@pytest.mark.parametrize("camera_filter", ["same_identity", "none"])
def test_of_few_scores_all_are_taken_by_their_mark(camera_filter):
    scores, query, gallery = random_case(seed=1, decimals=5)
    right, wrong = right_and_wrong_scores(scores, query, gallery, camera_filter)
    for found, kind in ((right, "right"), (wrong, "wrong")):
        pairs = np.ndindex(scores.shape)
        expected = [scores[r, c] for r, c in pairs if mark(query[r], gallery[c], camera_filter) == kind]
        assert sorted(found.tolist()) == sorted(map(float, expected))


def test_of_many_scores_some_are_drawn_the_same_every_time():
    scores, query, gallery = random_case(seed=2, decimals=5)
    right, wrong = right_and_wrong_scores(scores, query, gallery, most_queries=5, most_wrong=3)
    assert len(wrong) == 15
    everything = right_and_wrong_scores(scores, query, gallery)
    for found, whole in ((right, everything[0]), (wrong, everything[1])):
        assert set(found.tolist()) < set(whole.tolist())
    again = right_and_wrong_scores(scores, query, gallery, most_queries=5, most_wrong=3)
    assert [part.tolist() for part in again] == [right.tolist(), wrong.tolist()]
    other = right_and_wrong_scores(scores, query, gallery, most_queries=5, most_wrong=3, seed=1)
    assert other[1].tolist() != wrong.tolist()
