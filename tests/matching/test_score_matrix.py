import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.matching import native_engine, pooled_scores, score_matrix, score_rows
from qaconv_tf.matching.score_matrix import GALLERY_BLOCK, QUERY_BLOCK
from tests.matching.matchers import SHAPE, feature_maps, random_matcher

MAPS = feature_maps(70, 300), feature_maps(71, 300)


class RecordingMatcher:
    """Sums of maps instead of matching, and the sizes it was asked for."""

    built = True

    def __init__(self):
        self.sizes = []

    def __call__(self, query, gallery):
        self.sizes.append((len(query), len(gallery)))
        query, gallery = (tf.reduce_sum(maps, axis=(1, 2, 3)) for maps in (query, gallery))
        return query[:, None] + 2 * gallery


@pytest.mark.parametrize("num_gallery", [0, 1, 7, 9, 300])
@pytest.mark.parametrize("num_query", [0, 1, 7, 9, 300])
@pytest.mark.parametrize("engine", ["auto", "xla"])
def test_any_size_equals_one_call(num_query, num_gallery, engine):
    query, gallery = MAPS[0][:num_query], MAPS[1][:num_gallery]
    matcher = random_matcher("shared", jit_compile=False)
    scores = score_matrix(matcher, query, gallery, engine)
    assert scores.shape == (num_query, num_gallery) and scores.dtype == np.float32
    if scores.size:
        np.testing.assert_allclose(scores, matcher(query, gallery), rtol=0, atol=1e-5)


def test_compiled_engine_equals_one_call():
    matcher = random_matcher("split")
    query, gallery = MAPS[0][:9], MAPS[1]
    wanted = random_matcher("split", jit_compile=False)(query, gallery)
    for engine in ("auto", "xla"):
        scores = score_matrix(matcher, query, gallery, engine=engine, precision="fp32")
        np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-5 * np.std(wanted))


def test_blocks_of_xla_are_of_one_bounded_size():
    matcher = RecordingMatcher()
    scores = score_matrix(matcher, MAPS[0][:150], MAPS[1], engine="xla")
    assert set(matcher.sizes) == {(QUERY_BLOCK, GALLERY_BLOCK)} and len(matcher.sizes) == 6
    sums = [maps.sum(axis=(1, 2, 3)) for maps in MAPS]
    np.testing.assert_allclose(scores, sums[0][:150, None] + 2 * sums[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("num_query", "num_gallery", "cores", "sizes"), [
    (5, 9, 4, {(8, 9)}), (64, 80, 2, {(64, 40)}), (64, 80, 4, {(64, 32)}), (33, 255, 1, {(64, 255)}),
])  # fmt: skip
def test_blocks_of_xla_fit_few_images_and_the_cores(monkeypatch, num_query, num_gallery, cores, sizes):
    monkeypatch.setattr(native_engine, "num_cores", lambda: cores)
    matcher = RecordingMatcher()
    score_matrix(matcher, MAPS[0][:num_query], MAPS[1][:num_gallery], engine="xla")
    assert set(matcher.sizes) == sizes


def test_blocks_of_xla_are_smaller_of_large_maps():
    matcher, maps = RecordingMatcher(), np.ones((9, 48, 16, 1), np.float32)
    score_matrix(matcher, maps, maps, engine="xla")
    assert set(matcher.sizes) == {(4, 9)}


def test_rows_of_xla_come_block_by_block():
    matcher = RecordingMatcher()
    rows = score_rows(matcher, MAPS[0][:139], MAPS[1][:30], engine="xla")
    assert matcher.sizes == []
    first = next(rows)
    assert first.shape == (QUERY_BLOCK, 30) and len(matcher.sizes) == 1
    blocks = [first, *rows]
    assert [len(block) for block in blocks] == [64, 64, 11]
    whole = score_matrix(matcher, MAPS[0][:139], MAPS[1][:30], engine="xla")
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


class SlicesOnly:
    """Maps that refuse to be read as a whole."""

    def __init__(self, maps):
        self.maps = maps

    def __len__(self):
        return len(self.maps)

    def __getitem__(self, part):
        assert isinstance(part, slice) and part.stop - part.start <= GALLERY_BLOCK
        return self.maps[part]


@pytest.mark.parametrize("engine", ["auto", "xla"])
def test_maps_may_stay_on_disk(tmp_path, engine):
    matcher = random_matcher("uniform", jit_compile=False)
    on_disk = []
    for name, maps in zip(("query", "gallery"), MAPS, strict=True):
        np.save(tmp_path / f"{name}.npy", maps.astype(np.float16))
        on_disk.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    query, gallery = on_disk[0][:10], on_disk[1]
    wanted = matcher(np.float32(query), np.float32(gallery))
    for maps in ((query, gallery), (SlicesOnly(query), SlicesOnly(gallery))):
        np.testing.assert_allclose(score_matrix(matcher, *maps, engine), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["engine", "precision"])
def test_unknown_engine_or_precision(name):
    with pytest.raises(ValueError, match=rf"Expected {name} to be one of \('.+\). Received: {name}='amx'"):
        score_matrix(random_matcher("uniform"), MAPS[0][:1], MAPS[1][:1], **{name: "amx"})


def test_pooled_scores_equal_a_loop():
    query, gallery = MAPS[0][:3], 5 * MAPS[1][:4]
    scores = pooled_scores(query, gallery)
    assert scores.shape == (3, 4) and scores.dtype == np.float32
    for p, q in enumerate(query):
        for g, other in enumerate(gallery):
            a, b = (sum(maps.reshape(-1, SHAPE[-1]).astype(np.float64)) for maps in (q, other))
            assert scores[p, g] == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)), rel=1e-5)


def test_pooled_scores_of_an_empty_map_are_finite():
    scores = pooled_scores(np.zeros((1, *SHAPE), np.float32), MAPS[1][:2])
    np.testing.assert_array_equal(scores, [[0, 0]])


def test_progress_counts_the_queries():
    seen = []
    query, gallery = MAPS[0][: QUERY_BLOCK + 1], MAPS[1][:3]
    score_matrix(RecordingMatcher(), query, gallery, engine="xla", progress=lambda *counts: seen.append(counts))
    assert seen == [(QUERY_BLOCK, QUERY_BLOCK + 1), (QUERY_BLOCK + 1, QUERY_BLOCK + 1)]
