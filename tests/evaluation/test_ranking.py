import dataclasses
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation import ranking
from qaconv_tf.evaluation.ranking import check_answerable, evaluate_ranking
from tests.oracles import ranking as oracle

PER_QUERY = ("average_precision", "average_precision_trapezoid", "inverse_negative_penalty", "first_relevant_rank")
MEASURES = (*PER_QUERY, "mAP", "mAP_trapezoid", "mINP", "rank1", "cmc", "num_query", "num_skipped")


def records(identities, cameras):
    return [
        ImageRecord(f"{number}.jpg", identity=identity, camera=camera)
        for number, (identity, camera) in enumerate(zip(identities, cameras, strict=True))
    ]


def random_case(seed, num_query=12, num_gallery=70):
    """Some queries without an answer, distractors (0), junk (-1) and unknown cameras among the gallery."""
    generator = np.random.default_rng([20, seed])
    cameras = [0, 1, 2, None]
    query = records(generator.integers(1, 9, num_query).tolist(), generator.choice(cameras, num_query))
    gallery = records(generator.integers(-1, 7, num_gallery).tolist(), generator.choice(cameras, num_gallery))
    return generator.normal(size=(num_query, num_gallery)).astype(np.float32), query, gallery


def assert_same(result, expected):
    for name in MEASURES:
        value = expected[name] if isinstance(expected, dict) else getattr(expected, name)
        np.testing.assert_allclose(getattr(result, name), value, rtol=1e-12, err_msg=name)


def test_four_images_by_hand():
    query = records([7], [0])
    gallery = records([3, 5, 7, 7], [1, 1, 1, 1])
    result = evaluate_ranking(np.array([[0.1, 0.4, 0.35, 0.8]]), query, gallery)
    # Ranked: 0.8 right, 0.4 wrong, 0.35 right, 0.1 wrong; right answers at ranks 1 and 3.
    # Step:      (1/1 + 2/3) / 2                          = 5/6   = 0.8333
    # Trapezoid: ((1 + 1/1)/2 + (1/2 + 2/3)/2) / 2         = 19/24 = 0.7917, where 1/2 is the precision at rank 2
    # mINP:      2 right answers / rank 3 of the last      = 2/3
    assert result.mAP == pytest.approx(5 / 6)
    assert result.mAP_trapezoid == pytest.approx(19 / 24)
    assert result.mINP == pytest.approx(2 / 3)
    assert result.cmc.tolist() == [1.0, 1.0, 1.0, 1.0]


def test_which_gallery_images_count():
    query = records([7, 7], [0, None])
    # Best first: same camera, junk, distractor, another's, unknown camera, another camera.
    gallery = records([7, -1, 0, 4, 7, 7], [0, 1, 1, 0, None, 1])
    result = evaluate_ranking(np.tile(np.arange(6.0, 0.0, -1.0), (2, 1)), query, gallery)
    # Query 0 ignores the first two: wrong, wrong, right, right. Query 1, of unknown camera, ignores the junk only.
    np.testing.assert_allclose(result.average_precision, [(1 / 3 + 2 / 4) / 2, (1 / 1 + 2 / 4 + 3 / 5) / 3])
    assert result.first_relevant_rank.tolist() == [3, 1]
    np.testing.assert_allclose(result.cmc, [0.5, 0.5, 1, 1, 1, 1])


def test_query_without_an_answer_is_skipped():
    query = records(["ann", "bob", "cid"], [0, 0, 0])
    gallery = records(["ann", "cid", "dan"], [1, 0, 1])
    result = evaluate_ranking(np.array([[1.0, 2.0, 3.0]] * 3), query, gallery)
    # "bob" is not there, "cid" only under the same camera; "ann" comes third.
    assert (result.num_query, result.num_skipped, result.rank1) == (3, 2, 0.0)
    assert result.mAP == pytest.approx(1 / 3)
    for name in PER_QUERY:
        assert np.isnan(getattr(result, name)).tolist() == [False, True, True]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("options", [{}, {"camera_filter": "none"}, {"ties": "merged"}], ids=str)
def test_equals_oracle(seed, levels, options):
    scores, query, gallery = random_case(seed)
    if levels:  # many ties
        scores = np.round(scores * levels / 4)
        assert len(np.unique(scores)) < 10
    expected = oracle.evaluate_ranking(scores.tolist(), query, gallery, **options)
    assert_same(evaluate_ranking(scores, query, gallery, **options), expected)


def test_merged_ties_by_hand():
    query, gallery = records([7], [0]), records([3, 7, 5, 7, 7], [1, 1, 1, 1, 1])
    result = evaluate_ranking(np.array([[0.9, 0.5, 0.5, 0.5, 0.1]]), query, gallery, ties="merged")
    # Steps: 0.9 wrong; 0.5 two right of three, so 2 of 4 so far; 0.1 right, so 3 of 5.
    # Step:      2/3 * 2/4 + 1/3 * 3/5                      = 8/15
    # Trapezoid: 2/3 * (0 + 2/4)/2 + 1/3 * (2/4 + 3/5)/2    = 7/20
    assert result.mAP == pytest.approx(8 / 15)
    assert result.mAP_trapezoid == pytest.approx(7 / 20)
    assert result.first_relevant_rank.tolist() == [2]  # CMC has no use for a share of an answer


@pytest.mark.parametrize("seed", range(3))
def test_gallery_order_does_not_matter_with_merged_ties(seed):
    scores, query, gallery = random_case(seed)
    scores = np.round(scores)
    scores[:, ::9] = -np.inf
    order = np.random.default_rng(seed).permutation(len(gallery))
    values = [
        evaluate_ranking(scores[:, at], query, [gallery[position] for position in at], ties="merged")
        for at in (np.arange(len(gallery)), order)
    ]
    for name in PER_QUERY[:2]:
        np.testing.assert_allclose(getattr(values[0], name), getattr(values[1], name), rtol=1e-12)
    stable = evaluate_ranking(scores[:, order], query, [gallery[position] for position in order])
    assert not np.allclose(stable.average_precision, values[0].average_precision, equal_nan=True)


def test_without_camera_filter_only_junk_is_ignored():
    scores, query, gallery = random_case(0)
    nowhere = [[dataclasses.replace(record, camera=None) for record in part] for part in (query, gallery)]
    result = evaluate_ranking(scores, query, gallery, camera_filter="none")
    assert_same(result, evaluate_ranking(scores, *nowhere))
    assert (result.camera_filter, evaluate_ranking(scores, *nowhere).camera_filter) == ("none", "same_identity")
    assert result.mAP != evaluate_ranking(scores, query, gallery).mAP


def test_single_shot_draws_one_image_of_each_identity():
    query = records([7], [0])
    gallery = records([7, 3, 3, 3, -1, 7], [1, 1, 1, 1, 1, 0])
    scores = np.array([[0.5, 0.6, 0.4, 0.3, 0.9, 0.8]])
    first_ranks = np.concatenate(
        [
            evaluate_ranking(scores, query, gallery, "cuhk03_single_shot", seed=seed).first_relevant_rank
            for seed in range(60)
        ]
    )
    # Junk and the query's own camera are not drawn; one of three images of 3 stands before the right one.
    assert first_ranks.shape == (600, 1) and set(first_ranks[:, 0]) == {1, 2}
    assert np.mean(first_ranks == 2) == pytest.approx(1 / 3, abs=4 * (2 / 9 / 600) ** 0.5)


def test_single_shot_curve_is_that_of_all_drawings():
    scores, query, gallery = random_case(6)
    results = [evaluate_ranking(scores, query, gallery, "cuhk03_single_shot", seed=seed) for seed in range(60)]
    curves = np.array([result.cmc for result in results])
    expected = oracle.single_shot_curve(scores.tolist(), query, gallery)
    error = curves.std(axis=0) / len(results) ** 0.5
    assert 0.05 < expected[0] < 0.95 and 0 < error[0] < 0.02
    np.testing.assert_array_less(np.abs(curves.mean(axis=0) - expected), 4 * error + 1e-9)
    # All else is of the whole gallery.
    whole = evaluate_ranking(scores, query, gallery)
    for name in ("mAP", "mAP_trapezoid", "mINP", "num_query", "num_skipped"):
        assert getattr(results[0], name) == getattr(whole, name)


def test_single_shot_drawings_depend_on_the_seed_and_not_on_the_blocks():
    scores, query, gallery = random_case(3)
    first, again, blocks, other = (
        evaluate_ranking(part, query, gallery, "cuhk03_single_shot", seed=seed).first_relevant_rank
        for part, seed in ((scores, 5), (scores, 5), ([scores[:5], scores[5:]], 5), (scores, 6))
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, blocks)
    assert not np.array_equal(first, other, equal_nan=True)
    assert len(np.unique(first, axis=0)) > 1
    # Two queries alike draw each for itself.
    row = np.isfinite(first[0]).argmax()
    twice = evaluate_ranking(scores[[row] * 8], [query[row]] * 8, gallery, "cuhk03_single_shot").first_relevant_rank
    assert len(np.unique(twice, axis=1).T) > 1


def test_ties_are_judged_in_float32():
    query, gallery = records([1], [0]), records([2, 1], [1, 1])
    assert evaluate_ranking(np.array([[0.5, 0.5 + 1e-12]]), query, gallery).rank1 == 0.0
    assert evaluate_ranking(np.array([[0.5, 0.5 + 1e-6]]), query, gallery).rank1 == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_gallery_order_does_not_matter_without_ties(seed):
    scores, query, gallery = random_case(seed)
    order = np.random.default_rng(seed).permutation(len(gallery))
    shuffled = evaluate_ranking(scores[:, order], query, [gallery[position] for position in order])
    assert_same(shuffled, evaluate_ranking(scores, query, gallery))


def test_monotone_transform_does_not_matter():
    scores, query, gallery = random_case(1)
    assert_same(evaluate_ranking(np.exp(2 * scores) - 5, query, gallery), evaluate_ranking(scores, query, gallery))


def test_perfect_scores_give_one():
    noise, query, gallery = random_case(2)
    same = np.array([[left.identity == right.identity for right in gallery] for left in query])
    result = evaluate_ranking(noise + 100 * same, query, gallery)
    assert (result.rank1, result.mAP, result.mAP_trapezoid, result.mINP) == (1, 1, 1, 1)


@pytest.mark.parametrize("scores_per_block", [1, 150, 2**21])
def test_row_blocks_equal_the_whole(monkeypatch, scores_per_block):
    scores, query, gallery = random_case(3)
    whole = evaluate_ranking(scores, query, gallery)
    assert 0 < whole.num_skipped < whole.num_query
    monkeypatch.setattr(ranking, "SCORES_PER_BLOCK", scores_per_block)
    assert_same(evaluate_ranking(scores, query, gallery), whole)
    assert_same(evaluate_ranking((scores[start : start + 5] for start in range(0, 12, 5)), query, gallery), whole)


def test_cmc_ends_at_rank_50_or_at_the_gallery():
    scores, query, gallery = random_case(4)
    assert evaluate_ranking(scores, query, gallery).cmc.shape == (50,)
    small = evaluate_ranking(scores[:, :30], query, gallery[:30])
    assert small.cmc.shape == (30,)
    assert small.rank(50) == small.cmc[-1]
    assert small.rank(5) == small.cmc[4]
    assert (np.diff(small.cmc) >= 0).all() and small.cmc[0] < small.cmc[-1]


def test_trapezoid_is_never_above_step():
    result = evaluate_ranking(*random_case(5))
    valid = ~np.isnan(result.average_precision)
    difference = (result.average_precision - result.average_precision_trapezoid)[valid]
    assert (difference >= 0).all() and difference.max() > 0.01


@pytest.mark.parametrize("shape", [(12, 69), (11, 70), (13, 70), (12,), (70, 12)])
def test_wrong_shape(shape):
    _, query, gallery = random_case(0)
    with pytest.raises(ValueError, match=r"Expected .*(Received: shape \(|Received: 11 rows)"):
        evaluate_ranking(np.random.default_rng(0).normal(size=shape), query, gallery)


def test_wrong_blocks():
    scores, query, gallery = random_case(0)
    with pytest.raises(ValueError, match=r"\(12, 70\).*Received: shape \(9, 70\) after 9 rows"):
        evaluate_ranking([scores[:9], scores[:9]], query, gallery)
    with pytest.raises(ValueError, match="each of 12 queries. Received: 9 rows"):
        evaluate_ranking([scores[:9]], query, gallery)
    with pytest.raises(ValueError, match=r"Received: shape \(70,\)"):
        evaluate_ranking(list(scores), query, gallery)


def test_nan_names_the_first_query():
    scores, query, gallery = random_case(0)
    query[8] = dataclasses.replace(query[8], identity="zoe", camera=4)
    scores[10, 3] = scores[8, 60] = np.nan
    with pytest.raises(UserError, match=r"NaN for query 8 \(identity 'zoe', camera 4\)"):
        evaluate_ranking([scores[:5], scores[5:]], query, gallery)


@pytest.mark.parametrize(
    ("query", "gallery", "answerable"),
    [
        (("ann", 0), ("ann", 1), True),
        (("ann", 0), ("ann", 0), False),
        (("ann", 0), ("bob", 1), False),
        (("ann", None), ("ann", None), True),
        (("ann", 0), ("ann", None), True),
        (("ann", None), ("ann", 0), True),
        ((-1, 0), (-1, 1), False),
    ],
)
def test_answerable_is_what_the_ranking_finds(query, gallery, answerable):
    # The pair that makes the ranking itself possible; the pair under test stands beside it.
    sure = records(["sure"], [0]), records(["sure"], [1])
    pair = records(*zip(query, strict=True)), records(*zip(gallery, strict=True))
    result = evaluate_ranking(np.array([[1.0, 2.0], [2.0, 1.0]]), pair[0] + sure[0], pair[1] + sure[1])
    assert np.isnan(result.first_relevant_rank[0]) == (not answerable)
    if answerable:
        check_answerable(*pair)
    else:
        with pytest.raises(UserError, match="no query has a right answer"):
            check_answerable(*pair)


def test_one_camera_for_all_is_explained_in_one_line():
    scores, query, gallery = random_case(0)
    query, gallery = ([dataclasses.replace(record, camera=0) for record in part] for part in (query, gallery))
    with pytest.raises(UserError, match=r"no query has a right answer from another camera.*1 camera\(s\)") as caught:
        evaluate_ranking(scores, query, gallery)
    assert "\n" not in str(caught.value)


def test_without_camera_filter_one_camera_is_enough():
    scores, query, gallery = random_case(0)
    query, gallery = ([dataclasses.replace(record, camera=0) for record in part] for part in (query, gallery))
    with pytest.raises(UserError, match="--camera_filter=none"):
        check_answerable(query, gallery)
    check_answerable(query, gallery, camera_filter="none")
    assert evaluate_ranking(scores, query, gallery, camera_filter="none").num_skipped < len(query)
    others = [dataclasses.replace(record, identity="zoe") for record in query]
    with pytest.raises(UserError, match="no query has a right answer: .*Check the identities$"):
        check_answerable(others, gallery, camera_filter="none")


def test_empty_parts_and_unknown_options():
    scores, query, gallery = random_case(0)
    with pytest.raises(UserError, match="at least one query.*Received: 0 queries, 70 gallery images"):
        evaluate_ranking(scores[:0], [], gallery)
    with pytest.raises(UserError, match="at least one query.*Received: 12 queries, 0 gallery images"):
        evaluate_ranking(scores[:, :0], query, [])
    with pytest.raises(ValueError, match="market1501, cuhk03_single_shot. Received: protocol='cuhk03'"):
        evaluate_ranking(scores, query, gallery, protocol="cuhk03")
    with pytest.raises(ValueError, match="same_identity, none. Received: camera_filter='all'"):
        evaluate_ranking(scores, query, gallery, camera_filter="all")
    with pytest.raises(ValueError, match="stable, merged. Received: ties='random'"):
        evaluate_ranking(scores, query, gallery, ties="random")


def test_ranking_does_not_import_tensorflow():
    program = "import sys, qaconv_tf; qaconv_tf.evaluate_ranking; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=pathlib.Path(__file__).parents[2])
