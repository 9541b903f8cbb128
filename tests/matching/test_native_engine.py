"""Holds the native engine to the plain loops and to XLA; the kernels by themselves are held in native/test_kernels.cpp.

Every test runs every kernel of this processor: the best one is what users get, the others are what others get.
"""

import importlib
import pathlib
import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_dtypes import bfloat16

from qaconv_tf.datasets import load_dataset
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.evaluator import extract_feature_maps
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.matching import QAConv, native_engine, score_matrix, score_rows
from qaconv_tf.matching.score_matrix import chosen_engine
from qaconv_tf.model import load_model
from tests.matching.matchers import HEADS, feature_maps, moving_of, oracle_scores, random_matcher, values_of

MISSING = native_engine.why_missing()
needs_engine = pytest.mark.skipif(bool(MISSING), reason=f"no native engine: {MISSING}")
RUNS = [
    (precision, kernel)
    for precision in native_engine.PRECISIONS
    for kernel in ([] if MISSING else native_engine.kernels(precision))
]
every_kernel = pytest.mark.parametrize(("precision", "kernel"), RUNS)
ROOT = pathlib.Path(__file__).parents[2]


def native_scores(matcher, query, gallery, precision="fp32", kernel=None, threads=2):
    scores = np.full((len(query), len(gallery)), np.float32(np.inf))
    native_engine.fill_rows(scores, matcher, query, gallery, precision, threads, kernel)
    return scores


def rounded(maps, precision):
    """What a kernel multiplies: bfloat16 numbers, or the maps as they are."""
    return maps.astype(bfloat16).astype(np.float32) if precision == "bf16" else maps


def responses_of(query, gallery):
    """Float64 `(num_query, num_gallery, locations, locations)`."""
    locations = query.shape[1] * query.shape[2]
    query, gallery = (np.float64(maps).reshape(len(maps), locations, maps.shape[3]) for maps in (query, gallery))
    return np.einsum("psc,grc->pgsr", query, gallery)


def double_scores(matcher, query, gallery):
    """The scores from all responses in float64, by the evaluation form, which test_qaconv.py holds to the loops."""
    form, responses = matcher.evaluation_form(), responses_of(query, gallery)
    weighted_sum = (responses.max(axis=3) - form.center) @ form.query_weights
    weighted_sum += (responses.max(axis=2) - form.center) @ form.gallery_weights
    return form.slope * weighted_sum + form.intercept


def unit_maps(seed, number, shape, common):
    """Random unit vectors around a common direction, or none."""
    maps = np.random.default_rng(seed).normal(size=(number, *shape))
    maps += common * np.random.default_rng(5).normal(size=shape[-1])
    return (maps / np.linalg.norm(maps, axis=-1, keepdims=True)).astype(np.float32)


@every_kernel
def test_only_wanted_pairs_are_scored(precision, kernel):
    matcher, query, gallery = random_matcher("split"), feature_maps(0, 5), feature_maps(1, 600)
    everything = native_scores(matcher, query, gallery, precision, kernel)
    wanted = np.random.default_rng(0).random(everything.shape) < 0.1
    scores = np.full_like(everything, -99)
    native_engine.fill_rows(scores, matcher, query, gallery, precision, 2, kernel, wanted)
    np.testing.assert_array_equal(scores, np.where(wanted, everything, -99))


@every_kernel
@pytest.mark.parametrize("head", HEADS)
def test_scores_equal_the_loops(head, precision, kernel):
    matcher, query, gallery = random_matcher(head), feature_maps(0, 4), feature_maps(1, 7)
    values = values_of(matcher, *(rounded(maps, precision) for maps in (query, gallery)))
    wanted = oracle_scores(values, moving_of(matcher))
    scores = native_scores(matcher, query, gallery, precision, kernel)
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-5 * np.std(wanted))


@every_kernel
@pytest.mark.parametrize("common", [0.0, 0.6])
def test_scores_of_the_published_size_are_exact(precision, kernel, common):
    """To 1e-5 of the scores' standard deviation, which for random maps is a three-hundredth of the scores."""
    shape = 24, 8, 128
    matcher = random_matcher("shared", shape)
    query, gallery = unit_maps(1, 8, shape, common), unit_maps(2, 8, shape, common)
    matcher.location_normalization.moving_mean.assign(responses_of(query[:2], gallery[:2]).max(axis=3).mean())
    wanted = double_scores(matcher, rounded(query, precision), rounded(gallery, precision))
    scores = native_scores(matcher, query, gallery, precision, kernel)
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-5 * np.std(wanted))


@needs_engine
def test_bf16_on_random_maps():
    """Where scores differ least: rounding moves them by 0.6 % of their deviation, a few of thousands by over 2 %."""
    shape = 24, 8, 128
    matcher, query, gallery = random_matcher("shared", shape), unit_maps(1, 24, shape, 0), unit_maps(2, 64, shape, 0)
    wanted = native_scores(matcher, query, gallery, "fp32")
    errors = (native_scores(matcher, query, gallery, "bf16") - wanted) / np.std(wanted)
    assert np.sqrt(np.mean(errors**2)) < 1e-2 and np.mean(np.abs(errors) < 2e-2) > 0.99 and errors.any()


@needs_engine
@pytest.mark.parametrize("head", HEADS)
def test_engines_agree(head):
    shape = 12, 4, 33
    matcher, query, gallery = random_matcher(head, shape), feature_maps(0, 11, shape), feature_maps(1, 19, shape)
    wanted = score_matrix(matcher, query, gallery, engine="xla")
    for engine in ("auto", "native"):
        scores = score_matrix(matcher, query, gallery, engine=engine)
        np.testing.assert_allclose(scores, wanted, rtol=0, atol=2e-5 * np.std(wanted))


@needs_engine
@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.sampled_from(RUNS or [None]), st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 70)),
    st.integers(0, 6), st.integers(0, 6), st.integers(1, 3),
)  # fmt: skip
def test_any_size(run, shape, num_query, num_gallery, threads):
    precision, kernel = run
    matcher, query, gallery = random_matcher("split", shape), feature_maps(0, 6, shape), feature_maps(1, 6, shape)
    query, gallery = query[:num_query], gallery[:num_gallery]
    scores = native_scores(matcher, query, gallery, precision, kernel, threads)
    assert scores.shape == (num_query, num_gallery)
    form = matcher.evaluation_form()
    # Of very few locations the scores hardly differ, so the bound is on the weighted sum: a few roundings of maxima.
    size = abs(form.slope) * (np.abs(form.query_weights).sum() + np.abs(form.gallery_weights).sum())
    wanted = double_scores(matcher, rounded(query, precision), rounded(gallery, precision))
    np.testing.assert_allclose(scores, wanted, rtol=1e-6, atol=1e-6 * size)


@every_kernel
def test_places_equal_the_loops(precision, kernel):
    shape = 5, 7, 9
    matcher, query, gallery = random_matcher("shared", shape), feature_maps(0, 3, shape), feature_maps(1, 5, shape)
    matches = native_engine.best_matches(matcher, query, gallery, precision, 2, kernel)
    responses = responses_of(rounded(query, precision), rounded(gallery, precision))
    for places, axis in ((matches.of_query, 3), (matches.of_gallery, 2)):
        assert places.shape == (3, 5, 35) and places.dtype == np.int32
        at_places = np.take_along_axis(responses, np.expand_dims(places, axis), axis).squeeze(axis)
        np.testing.assert_allclose(at_places, responses.max(axis), rtol=0, atol=1e-7)
        assert np.mean(places == responses.argmax(axis)) > 0.99
    scores = native_scores(matcher, query, gallery, precision, kernel)
    np.testing.assert_array_equal(matches.scores, scores)


@every_kernel
def test_of_equal_responses_the_first_is_the_place(precision, kernel):
    maps = np.tile(feature_maps(0, 2, (1, 1, 8)), (1, 9, 5, 1))
    maps[:, 6:] *= 0.5
    matches = native_engine.best_matches(random_matcher("shared", (9, 5, 8)), maps[:1], maps[1:], precision, 1, kernel)
    assert not matches.of_query.any() and not matches.of_gallery.any()


@every_kernel
def test_threads_do_not_change_a_bit(precision, kernel):
    matcher, query, gallery = random_matcher("split"), feature_maps(0, 37), feature_maps(1, 53)
    one = native_scores(matcher, query, gallery, precision, kernel, threads=1)
    for threads in (2, 3, 64):
        np.testing.assert_array_equal(native_scores(matcher, query, gallery, precision, kernel, threads), one)


@every_kernel
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0**50])
def test_what_is_not_finite_scores_nan_with_everything(precision, kernel, bad):
    query, gallery = feature_maps(0, 5), feature_maps(1, 6)
    query[3, 0, 1, 2] = gallery[4, 2, 1, 5] = bad
    scores = native_scores(random_matcher("shared"), query, gallery, precision, kernel)
    expected = np.zeros(scores.shape, bool)
    expected[3] = expected[:, 4] = True
    np.testing.assert_array_equal(np.isnan(scores), expected)


@needs_engine
def test_evaluation_names_the_query_that_is_not_finite():
    query, gallery = feature_maps(0, 2), feature_maps(1, 3)
    query[1, 0, 0, 0] = np.nan
    records = [types.SimpleNamespace(identity=number % 2, camera=number) for number in range(5)]
    scores = score_matrix(random_matcher("shared"), query, gallery)
    with pytest.raises(UserError, match="NaN for query 1 "):
        evaluate_ranking(scores, records[:2], records[2:])


@every_kernel
def test_any_layout_and_type_in_memory_or_on_disk(tmp_path, precision, kernel):
    matcher, query, gallery = random_matcher("shared"), feature_maps(0, 5), feature_maps(1, 9)
    wanted = native_scores(matcher, query, gallery, precision, kernel)
    np.save(tmp_path / "gallery.npy", gallery)
    buffer = np.zeros(gallery.nbytes + 1, np.uint8)
    buffer[1:] = gallery.reshape(-1).view(np.uint8)
    versions = {
        "strided": np.repeat(gallery, 2, axis=3)[..., ::2],
        "transposed": np.asfortranarray(gallery),
        "reversed": gallery[::-1].copy()[::-1],
        "float64": gallery.astype(np.float64),
        "big-endian": gallery.astype(">f4"),
        "unaligned": buffer[1:].view(np.float32).reshape(gallery.shape),
        "memory map": np.load(tmp_path / "gallery.npy", mmap_mode="r"),
        "read-only": np.frombuffer(gallery.tobytes(), np.float32).reshape(gallery.shape),
    }
    for name, version in versions.items():
        np.testing.assert_array_equal(native_scores(matcher, query, version, precision, kernel), wanted, err_msg=name)
    half = gallery.astype(np.float16)
    wanted = native_scores(matcher, query, half.astype(np.float32), precision, kernel)
    np.testing.assert_array_equal(native_scores(matcher, query, half, precision, kernel), wanted)


class CountedSlices:
    """Maps that can be sliced only, and the largest slice that was asked for."""

    def __init__(self, maps):
        self.maps = maps
        self.largest = 0

    def __len__(self):
        return len(self.maps)

    def __getitem__(self, part):
        self.largest = max(self.largest, part.stop - part.start)
        return self.maps[part]


@needs_engine
def test_maps_are_read_in_blocks(monkeypatch):
    matcher, query, gallery = random_matcher("split"), feature_maps(0, 13), feature_maps(1, 17)
    wanted = score_matrix(matcher, query, gallery, engine="native")
    monkeypatch.setattr(native_engine, "_BLOCK_BYTES", 4 * 4 * query[0].size)
    query, gallery = CountedSlices(query), CountedSlices(gallery)
    np.testing.assert_array_equal(score_matrix(matcher, query, gallery, engine="native"), wanted)
    assert query.largest == gallery.largest == 4
    seen = []
    score_matrix(matcher, query, gallery, engine="native", progress=lambda *counts: seen.append(counts))
    assert seen == [(4, 13), (8, 13), (12, 13), (13, 13)]
    rows = score_rows(matcher, query, gallery, engine="native")
    assert [len(block) for block in rows] == [4, 4, 4, 1]


@needs_engine
def test_blocks_of_rows_are_small_where_rows_are_long(monkeypatch):
    # Not by its name: that of the package is the function.
    monkeypatch.setattr(sys.modules["qaconv_tf.matching.score_matrix"], "_LARGEST_ROWS", 60)
    rows = score_rows(random_matcher("shared"), feature_maps(0, 7), feature_maps(1, 20), engine="native")
    assert [block.shape for block in rows] == [(3, 20), (3, 20), (1, 20)]


@needs_engine
def test_a_new_matcher_is_built():
    maps = feature_maps(0, 3)
    scores = score_matrix(QAConv(), maps, maps, engine="native")
    np.testing.assert_allclose(scores, QAConv(jit_compile=False)(maps, maps), rtol=0, atol=1e-6)


@needs_engine
def test_errors_say_what_was_received():
    matcher, maps = random_matcher("shared"), feature_maps(0, 2)
    with pytest.raises(ValueError, match=r"Expected maps of .*\(3, 2, 6\). Received: shape \(2, 2, 3, 6\)"):
        score_matrix(matcher, maps, maps.reshape(2, 2, 3, 6), engine="native")
    with pytest.raises(ValueError, match="Expected at least one thread. Received: threads=0"):
        score_matrix(matcher, maps, maps, threads=0)
    with pytest.raises(ValueError, match="Expected a kernel that this processor runs. Received: abacus"):
        native_scores(matcher, maps, maps, kernel="abacus")


@needs_engine
def test_results_are_written_in_place_or_refused():
    matcher, maps = random_matcher("shared"), feature_maps(0, 3)
    wide = np.full((3, 7), np.float32(9))
    native_engine.fill_rows(wide[:, 2:5], matcher, maps, maps)
    np.testing.assert_array_equal(wide[:, 2:5], native_scores(matcher, maps, maps))
    assert (wide[:, :2] == 9).all() and (wide[:, 5:] == 9).all()
    with pytest.raises(TypeError):
        native_engine.fill_rows(np.zeros((3, 3), np.float64), matcher, maps, maps)


@needs_engine
def test_the_native_engine_is_chosen():
    for precision in native_engine.PRECISIONS:
        engine = chosen_engine("auto", precision)
        kernel = native_engine.kernels(precision)[0]
        assert (engine.name, engine.precision, engine.kernel) == ("native", precision, kernel)
        assert str(engine) == f"native, kernel {kernel}, precision {precision}"


def test_without_the_extension_xla_serves_and_says_why(monkeypatch):
    monkeypatch.setattr(native_engine, "_NATIVE", None)
    monkeypatch.setattr(native_engine, "_WHY_MISSING", "it was not built")
    assert str(chosen_engine()) == "xla, precision fp32 (no native engine: it was not built)"
    assert str(chosen_engine("xla")) == "xla, precision fp32"
    matcher, maps = random_matcher("shared", jit_compile=False), feature_maps(0, 3)
    np.testing.assert_array_equal(score_matrix(matcher, maps, maps), score_matrix(matcher, maps, maps, engine="xla"))
    for engine, precision in (("native", "fp32"), ("native", "bf16"), ("auto", "bf16")):
        message = f"Expected a native engine for engine {engine}, precision {precision}. Received: none, it was not"
        with pytest.raises(UserError, match=message):
            score_matrix(matcher, maps, maps, engine, precision)


def test_xla_has_single_precision_only():
    with pytest.raises(UserError, match="Expected precision fp32 with engine xla. Received: bf16"):
        chosen_engine("xla", "bf16")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModuleNotFoundError("No module named 'qaconv_tf.matching._native'"), "it was not built"),
        (ImportError("undefined symbol: x"), "its import failed: undefined symbol: x"),
    ],
)
def test_why_the_extension_is_missing(monkeypatch, error, reason):
    def fail(_):
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)
    module, why = native_engine._load()
    assert module is None and why.startswith(reason)


@pytest.fixture(scope="module")
def pedestrians():
    """The shipped model's matcher, all images of the real pedestrians, their maps, the scores in double precision.

    All 208 are queries: of the 36 alone, one answer that moves by one place can move mINP by 0.07 points, more than
    is to be told apart.
    """
    model = load_model(str(ROOT / "qaconv_tf" / "assets" / "demo_model.keras"))
    dataset = load_dataset("market1501", str(ROOT / "tests" / "data" / "pets2009"))
    records = [*dataset.query, *dataset.gallery]
    maps = extract_feature_maps(model, records)
    return model.matcher, records, maps, double_scores(model.matcher, maps, maps)


@every_kernel
def test_precisions_on_real_pedestrians(pedestrians, precision, kernel):
    matcher, records, maps, wanted = pedestrians
    scores = native_scores(matcher, maps, maps, precision, kernel)
    error = np.abs(scores - wanted).max() / np.std(wanted)
    assert error < {"fp32": 1e-5, "bf16": 2e-2}[precision]
    exact, found = (evaluate_ranking(one, records, records) for one in (wanted, scores))
    for measure in ("rank1", "mAP", "mAP_trapezoid", "mINP"):
        assert abs(getattr(found, measure) - getattr(exact, measure)) < 0.0005
