import numpy as np
import pytest

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.explain.ranked_strips import STRIP_LENGTH, mark_answer, queries_to_show, ranked_strip
from tests.oracles import ranked_strips as oracle


def random_records(generator, count, identities, cameras):
    return [
        ImageRecord(
            f"{number}.jpg", identities[generator.integers(len(identities))], cameras[generator.integers(len(cameras))]
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("identities", [[-1, 0, 1, 2], ["ann", "bob"], [5]])
@pytest.mark.parametrize("cameras", [[0, 1, None], [0, 0, 0, 1]])
def test_strip_is_that_of_a_plain_loop(identities, cameras):
    generator = np.random.default_rng(61)
    for num_gallery in (1, 7, 60):
        gallery = random_records(generator, num_gallery, identities, cameras)
        for query in random_records(generator, 5, identities, cameras):
            scores = generator.integers(0, 12, num_gallery).astype(np.float32) / 7  # with ties
            strip = ranked_strip(scores, query, gallery)
            expected, num_hidden = oracle.ranked_strip(scores, query, gallery)
            received = [(gallery.index(image.record), image.mark, image.rank) for image in strip.images]
            assert received == expected
            assert [image.score for image in strip.images] == [scores[position] for position, _, _ in expected]
            assert (strip.query, strip.num_hidden) == (query, num_hidden)


def test_many_ignored_images_do_not_bury_the_answers():
    gallery = [ImageRecord(f"{number}.jpg", identity=1, camera=number // 25) for number in range(40)]
    strip = ranked_strip(-np.arange(40.0), ImageRecord("q.jpg", identity=1, camera=0), gallery)
    assert [image.mark for image in strip.images] == ["ignored"] * STRIP_LENGTH + ["right"] * STRIP_LENGTH
    assert strip.num_hidden == 25 - STRIP_LENGTH


def test_marks_follow_the_rules_of_the_ranking():
    """Average precision recomputed from the marks is the one that evaluation/ranking.py finds by its own code."""
    generator = np.random.default_rng(62)
    for _ in range(30):
        gallery = random_records(generator, STRIP_LENGTH, [-1, 0, 1, 2], [0, 1, None])
        gallery.append(ImageRecord("right.jpg", identity=1, camera=7))
        query = ImageRecord("q.jpg", identity=1, camera=[0, 1, None][generator.integers(3)])
        scores = generator.normal(size=len(gallery)).astype(np.float32)
        scores[-1] = scores.max() + 1
        answers = [image for image in ranked_strip(scores, query, gallery).images if image.mark != "ignored"]
        # Longer lists are cut, and then the strip does not hold all that the measure needs.
        if len(answers) == STRIP_LENGTH:
            continue
        right_ranks = [image.rank for image in answers if image.mark == "right"]
        expected = np.mean([number / rank for number, rank in enumerate(right_ranks, start=1)])
        assert evaluate_ranking(scores[None], [query], gallery).mAP == pytest.approx(expected)


def test_unknown_cameras_are_never_the_same():
    assert mark_answer(ImageRecord("q.jpg", "ann"), ImageRecord("g.jpg", "ann")) == "right"


@pytest.mark.parametrize("num_query", range(1, 14))
def test_worst_median_and_best_queries(num_query):
    generator = np.random.default_rng([63, num_query])
    average_precision = np.insert(generator.permutation(num_query) / num_query, [0, num_query // 2], np.nan)
    chosen = queries_to_show(average_precision)
    assert chosen == oracle.queries_to_show(average_precision.tolist())
    numbers = sum(chosen.values(), [])
    assert len(numbers) == len(set(numbers)) == min(8, num_query) and all(type(number) is int for number in numbers)
