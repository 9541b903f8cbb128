import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.evaluation.shortlist_size import CurvePoint, Shortlist, _search, choose_shortlist
from qaconv_tf.matching import score_matrix, shortlist_scores
from tests.matching.matchers import random_matcher

SHAPE = (8, 6, 6)  # pooled to 8 x 1


def people(number, images, noise, seed=0):
    """Maps and records of people, an image of each a query; those of the first query are of one camera, unanswered."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(number, *SHAPE))
    identities = np.tile(np.arange(number), images)
    maps = centres[identities] + noise * generator.normal(size=(len(identities), *SHAPE)) + 1
    maps = (maps / np.linalg.norm(maps, axis=-1, keepdims=True)).astype(np.float32)
    cameras = np.where(identities == 0, 0, np.arange(len(identities)) // number)
    records = [ImageRecord("", int(one), int(camera)) for one, camera in zip(identities, cameras, strict=True)]
    return maps[:number], maps[number:], records[:number], records[number:]


PEOPLE = people(30, 5, noise=0.8)
MATCHER = random_matcher("shared", SHAPE)


def chosen(loss, sample=1000, **options):
    return choose_shortlist(MATCHER, *PEOPLE, loss, sample, **options)


def test_each_point_is_what_a_short_list_of_its_size_gives():
    query_maps, gallery_maps, query, gallery = PEOPLE
    choice = chosen(0.01)
    exact = score_matrix(MATCHER, query_maps, gallery_maps)
    right = evaluate_ranking(exact, query, gallery)
    assert choice.num_sample == 29 and right.num_skipped == 1
    assert [point.size for point in choice.curve][-1] == len(gallery)
    for point in choice.curve:
        scores = shortlist_scores(MATCHER, query_maps, gallery_maps, point.size)
        ranking = evaluate_ranking(scores, query, gallery)
        assert point.mAP == pytest.approx(ranking.mAP, abs=1e-6)
        assert point.loss == pytest.approx(right.mAP - ranking.mAP, abs=1e-6)
        lost = (right.average_precision - ranking.average_precision)[1:]
        assert point.error == pytest.approx(np.std(lost, ddof=1) / len(lost) ** 0.5, abs=1e-6)
        assert point.share == point.size / len(gallery)
        # What is listed are the `size` best of a list's scores.
        found = 0
        for row in range(1, len(query)):
            listed = set(np.argsort(-scores[row], kind="stable")[: point.size])
            found += len(listed & set(np.argsort(-exact[row], kind="stable")[:20]))
        assert point.recall == pytest.approx(found / (29 * 20))


def test_the_chosen_size_loses_no_more_than_was_allowed_and_a_smaller_one_more():
    curve = {point.size: point for point in chosen(0.01).curve}
    size = chosen(0.01).size
    assert 1 < size < 120
    assert all(point.loss <= 0.01 for point in curve.values() if point.size >= size)
    shorter = max(one for one in curve if one < size)
    assert curve[shorter].loss > 0.01 and size - shorter <= max(1, 0.05 * size)


def test_cost_and_recall_rise_with_the_size_and_the_whole_gallery_loses_nothing():
    curve = chosen(0.001).curve
    for before, after in zip(curve, curve[1:], strict=False):
        assert before.size < after.size and before.share < after.share and before.recall <= after.recall
        assert before.seconds < after.seconds or after.size == 120
    assert (curve[-1].share, curve[-1].loss, curve[-1].recall) == (1, 0, 1)


def point(size, loss):
    return CurvePoint(size, 0.0, 0.0, 0.0, loss, 0.0, 0.0)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_search_finds_where_a_falling_loss_crosses(number, crossing):
    choice = _search(lambda size: point(size, float(size < min(crossing, number))), number, 0.5, 7)
    assert min(crossing, number) <= choice.size <= max(min(crossing, number) * 1.06, min(crossing, number) + 1)
    assert choice.curve[-1].size == number


def test_a_loss_that_comes_back_is_not_chosen():
    choice = _search(lambda size: point(size, float(size < 8 or 30 <= size <= 50)), 200, 0.5, 7)
    assert choice.size in (51, 52, 53)


def test_the_sample_is_seeded():
    one, two, other = (chosen(0.01, sample=8, seed=seed) for seed in (3, 3, 4))
    assert one.num_sample == 8

    def found(choice):
        return [(point.size, point.mAP, point.loss) for point in choice.curve]

    assert found(one) == found(two) != found(other)


def test_results_are_plain():
    results = chosen(0.01, sample=5).to_results()
    assert set(results) == {"size", "loss", "num_sample", "curve"}
    assert set(results["curve"][0]) == {"size", "share", "seconds", "mAP", "loss", "error", "recall"}


@pytest.mark.parametrize("options", [{}, {"size": 3, "loss": 0.1}])
def test_either_a_size_or_a_loss(options):
    with pytest.raises(ValueError, match="Expected either a size or a loss. Received: size="):
        Shortlist(**options)
