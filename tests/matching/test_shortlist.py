import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.matching import native_engine, score_matrix, shortlist_scores
from qaconv_tf.matching.shortlist import (
    MOST_LOCATIONS,
    CoarseScores,
    coarse_matcher,
    coarse_shape,
    fill_listed,
    most_alike,
    order_below,
    pooled_maps,
)
from tests.matching.matchers import HEADS, SHAPE, feature_maps, needs_native_engine, random_matcher
from tests.oracles import shortlist as oracle

ENGINES = ("xla", *([] if native_engine.why_missing() else ["native"]))
QUERY, GALLERY = feature_maps(80, 5), feature_maps(81, 40)


def ranked(row):
    return np.argsort(-row, kind="stable").tolist()


@given(st.integers(1, 64), st.integers(1, 64))
def test_coarse_maps_are_small_and_no_larger_than_they_were(height, width):
    coarse_height, coarse_width = coarse_shape(height, width)
    assert coarse_height * coarse_width <= MOST_LOCATIONS
    assert 1 <= coarse_height <= height and 1 <= coarse_width <= width
    longer = max(height, width)
    assert coarse_shape(width, height) == (coarse_width, coarse_height) or height == width
    assert coarse_height * coarse_width in (longer, -(-longer // 2))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 2), (7, 5), (4, 3)])
def test_pooled_maps_equal_the_loops(height, width):
    maps = np.random.default_rng(0).normal(size=(300, 7, 5, 4)).astype(np.float32)
    found = pooled_maps(maps, height, width)
    assert found.dtype == np.float32
    for place in (0, 299):
        np.testing.assert_allclose(found[place], oracle.pooled(maps[place], height, width), rtol=0, atol=1e-6)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("engine", ENGINES)
def test_maps_without_detail_lose_nothing_by_pooling(monkeypatch, engine, head):
    # Pooled to 18 x 1: strips of two rows, and one of a single row.
    monkeypatch.setattr(native_engine, "kernels", lambda precision: ["portable"])  # in single precision
    height, width = coarse_shape(35, 2)
    fine_row, fine_column = (
        np.repeat(np.arange(few), np.diff([i * many // few for i in range(few + 1)]))
        for few, many in ((height, 35), (width, 2))
    )
    maps = np.random.default_rng(1).normal(size=(7, height, width, 6))
    maps /= np.linalg.norm(maps, axis=-1, keepdims=True)
    maps = maps[:, fine_row][:, :, fine_column].astype(np.float32)
    matcher = random_matcher(head, (35, 2, 6))
    matcher.score_normalization.scale.assign(-1.5)  # so that what responds more scores less
    wanted = score_matrix(matcher, maps[:3], maps, "xla")
    found = CoarseScores(matcher, maps, engine)(maps[:3])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3 * np.std(wanted))
    assert coarse_matcher(matcher).feature_shape == (height, width, 6)


@given(st.integers(1, 12), st.integers(1, 9), st.data())
def test_the_most_alike_are_those_of_the_loop(num_gallery, num_levels, data):
    # Few levels, so that many are equal.
    coarse = np.float32(data.draw(st.lists(st.integers(1, num_levels), min_size=num_gallery, max_size=num_gallery)))
    size = data.draw(st.integers(1, num_gallery))
    (found,) = most_alike(coarse[None], size)
    assert np.flatnonzero(found).tolist() == sorted(oracle.listed(coarse, size))


@settings(deadline=None)
@given(st.integers(2, 12), st.data())
def test_the_ranking_is_that_of_the_loop(num_gallery, data):
    levels = st.lists(st.integers(-3, 3), min_size=num_gallery, max_size=num_gallery)
    exact, coarse = (np.float32(data.draw(levels))[None] for _ in range(2))
    size = data.draw(st.integers(1, num_gallery - 1))
    listed = most_alike(coarse, size)
    rows = np.where(listed, exact, np.nan)
    order_below(rows, listed, coarse)
    assert ranked(rows[0]) == oracle.ranking(exact[0], coarse[0], size)
    np.testing.assert_array_equal(rows[listed], exact[listed])
    assert rows[~listed].max() < rows[listed].min()


def test_what_is_not_listed_is_below_even_where_numbers_are_large_or_equal():
    rows, coarse = np.float32([[1e8, 0, 0, 2e8]]), np.float32([[9, 1, 1, 9]])
    order_below(rows, rows > 0, coarse)
    assert rows[0, 1] == rows[0, 2] < 1e8


@pytest.mark.parametrize("head", ["shared", "split"])
@pytest.mark.parametrize("engine", ENGINES)
def test_scores_equal_the_exact_ones_where_listed_and_rank_as_the_loop(engine, head):
    matcher = random_matcher(head)
    exact = score_matrix(matcher, QUERY, GALLERY, engine)
    coarse = CoarseScores(matcher, GALLERY, engine)(QUERY)
    for size in (1, 7, 39):
        scores = shortlist_scores(matcher, QUERY, GALLERY, size, engine)
        assert scores.dtype == np.float32
        for row, exact_row, coarse_row in zip(scores, exact, coarse, strict=True):
            listed = oracle.listed(coarse_row, size)
            if engine == "native":
                np.testing.assert_array_equal(row[listed], exact_row[listed])
            np.testing.assert_allclose(row[listed], exact_row[listed], rtol=0, atol=1e-5)
            assert ranked(row) == oracle.ranking(exact_row, coarse_row, size)


@pytest.mark.parametrize("size", [40, 41, 10**9])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_list_of_the_whole_gallery_is_the_score_matrix_bit_for_bit(engine, size):
    matcher = random_matcher("split")
    wanted = score_matrix(matcher, QUERY, GALLERY, engine)
    np.testing.assert_array_equal(shortlist_scores(matcher, QUERY, GALLERY, size, engine), wanted)


def test_blocks_of_queries_do_not_show(monkeypatch):
    matcher, seen, output = random_matcher("shared"), [], np.empty((5, 40), np.float32)
    wanted = shortlist_scores(matcher, QUERY, GALLERY, 6)
    monkeypatch.setattr("qaconv_tf.matching.shortlist.block_of_queries", lambda *_: 2)
    how = {"progress": lambda *counts: seen.append(counts), "output": output}
    assert shortlist_scores(matcher, QUERY, GALLERY, 6, **how) is output
    if not native_engine.why_missing():
        np.testing.assert_array_equal(output, wanted)
    np.testing.assert_allclose(output, wanted, rtol=0, atol=1e-4)
    assert seen == [(2, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize("engine", ENGINES)
def test_maps_may_stay_on_disk(tmp_path, engine):
    np.save(tmp_path / "gallery.npy", GALLERY)
    on_disk = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    matcher = random_matcher("uniform")
    found = shortlist_scores(matcher, QUERY, on_disk, 6, engine)
    np.testing.assert_array_equal(found, shortlist_scores(matcher, QUERY, GALLERY, 6, engine))


@needs_native_engine
def test_what_is_not_finite_is_not_a_number():
    query, gallery = QUERY.copy(), GALLERY.copy()
    query[1, 0, 0, 0] = np.nan
    gallery[3, 0, 0, 0] = np.inf
    matcher = random_matcher("uniform")
    scores = shortlist_scores(matcher, query, GALLERY, 6, "native")
    np.testing.assert_array_equal(np.isnan(scores), np.repeat([[False, True, False, False, False]], 40, axis=0).T)
    scores = shortlist_scores(matcher, QUERY, gallery, 6, "native")
    assert np.isnan(scores[:, 3]).all()


def test_only_listed_pairs_are_written():
    listed = np.zeros((5, 40), bool)
    listed[2, [1, 30]] = True
    for engine in ENGINES:
        rows = np.full(listed.shape, np.float32(-99))
        fill_listed(rows, listed, random_matcher("shared"), QUERY, GALLERY, engine)
        np.testing.assert_array_equal(rows == -99, ~listed)


def test_a_list_of_nothing():
    with pytest.raises(ValueError, match=r"Expected a short list of at least one image. Received: size=0"):
        shortlist_scores(random_matcher("uniform"), QUERY, GALLERY, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_queries(engine):
    assert shortlist_scores(random_matcher("uniform"), np.empty((0, *SHAPE)), GALLERY, 3, engine).shape == (0, 40)
