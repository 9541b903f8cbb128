import numpy as np
import pytest

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.explain.answers import QueryMarks
from qaconv_tf.explain.camera_pairs import camera_pairs
from qaconv_tf.explain.curves import precision_at_recall
from tests.oracles import ranked_strips as oracle


def random_case(seed, decimals=1, num_query=20, num_gallery=60, identities=6):
    """Scores with ties, unknown cameras, junk, and a query nobody answers."""
    generator = np.random.default_rng([61, seed])

    def records(count, junk):
        drawn = generator.integers(-1 if junk else 0, identities, count).tolist()
        cameras = [None if camera == 3 else camera for camera in generator.integers(0, 4, count).tolist()]
        return [ImageRecord(f"{n}.jpg", *one) for n, one in enumerate(zip(drawn, cameras, strict=True))]

    query = [*records(num_query - 1, junk=False), ImageRecord("lonely.jpg", "nobody", 0)]
    scores = np.round(generator.normal(size=(num_query, num_gallery)), decimals).astype(np.float32)
    return scores, query, records(num_gallery, junk=True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("number", [1, 4, 10])
@pytest.mark.parametrize("most_right", [None, 0, 2])
def test_answers_are_those_of_a_plain_loop(seed, number, most_right):
    scores, query, gallery = random_case(seed)
    marks = QueryMarks(query, gallery)
    for row in range(len(query)):
        first, _ = oracle.ranked_strip(scores[row], query[row], gallery, number)
        everything, _ = oracle.ranked_strip(scores[row], query[row], gallery, len(gallery))
        # The oracle allows as many ignored images as answers; here they are ten at most.
        whole = [one for one in everything if one[0] in {column for column, *_ in first} or one[1] == "ignored"]
        last = max((place for place, one in enumerate(whole) if one[2] is not None), default=len(whole))
        complete = sum(one[2] is not None for one in whole) < number
        ignored = [one for one in (whole if complete else whole[:last]) if one[1] == "ignored"][:10]
        right = [one for one in everything if one[1] == "right" and one[2] > number][:most_right]
        kept = {one[0] for one in (*ignored, *right)} | {one[0] for one in first if one[1] != "ignored"}
        expected = [one for one in everything if one[0] in kept]
        found = marks.answers(row, scores[row], number, most_right)
        assert [(answer.column, answer.mark, answer.rank) for answer in found] == expected
        assert [answer.score for answer in found] == [scores[row, column] for column, *_ in expected]


@pytest.mark.parametrize("seed", range(3))
def test_ranks_are_those_of_a_plain_loop(seed):
    scores, query, gallery = random_case(seed)
    marks = QueryMarks(query, gallery)
    for row in range(len(query)):
        everything, hidden = oracle.ranked_strip(scores[row], query[row], gallery, len(gallery))
        assert not hidden
        ranks = {column: rank or 0 for column, _, rank in everything}
        assert marks.ranks(row, scores[row]).tolist() == [ranks[column] for column in range(len(gallery))]
        right = [rank for _, mark, rank in everything if mark == "right"]
        assert marks.right_ranks(row, scores[row]).tolist() == right


@pytest.mark.parametrize("camera_filter", ["same_identity", "none"])
def test_area_beneath_the_precision_is_the_mean_average_precision(camera_filter):
    scores, query, gallery = random_case(seed=7)
    curve = precision_at_recall(scores, query, gallery, camera_filter)
    ranking = evaluate_ranking(scores, query, gallery, camera_filter=camera_filter)
    assert curve.mean() == pytest.approx(ranking.mAP, abs=0.005)
    assert curve[0] == pytest.approx(np.nanmean(1 / ranking.first_relevant_rank))
    assert curve[-1] == pytest.approx(ranking.mINP)


def test_area_is_exact_where_the_levels_divide_the_answers():
    # Four right answers: 25 levels each.
    gallery = [ImageRecord(f"{n}.jpg", identity, 1) for n, identity in enumerate([7, 1, 7, 2, 7, 3, 3, 7])]
    scores = np.random.default_rng(5).normal(size=(1, 8))
    query = [ImageRecord("q.jpg", 7, 0)]
    curve = precision_at_recall(scores, query, gallery)
    assert curve.mean() == pytest.approx(evaluate_ranking(scores, query, gallery).mAP, abs=1e-12)


def test_a_pair_of_cameras_is_evaluated_alone():
    scores, query, gallery = random_case(seed=9, decimals=5)
    found = camera_pairs(scores, query, gallery)
    assert found["gallery_cameras"] == [0, 1, 2, None] == [camera for camera, _ in found["rows"]]
    counted = 0
    for camera, cells in found["rows"]:
        for other, cell in zip(found["gallery_cameras"], cells, strict=True):
            rows = [r for r, one in enumerate(query) if one.camera == camera]
            columns = [c for c, one in enumerate(gallery) if one.camera == other]
            precisions = []
            for row in rows:
                of_pair = [gallery[c] for c in columns]
                order, _ = oracle.ranked_strip(scores[row, columns], query[row], of_pair, len(columns))
                right = [rank for _, mark, rank in order if mark == "right"]
                if right:
                    precisions.append(([(n + 1) / rank for n, rank in enumerate(right)], right[0] == 1))
            if not precisions:
                assert cell is None
                continue
            counted += 1
            assert cell["num_query"] == len(precisions)
            assert cell["mAP"] == pytest.approx(np.mean([np.mean(values) for values, _ in precisions]))
            assert cell["rank1"] == pytest.approx(np.mean([first for _, first in precisions]))
    assert counted > 8 and found["rows"][0][1][0] is None  # a camera's own images are ignored
