import itertools

import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.errors import UserError
from qaconv_tf.matching import native_engine, pair_statistics
from tests.matching.matchers import SHAPE, feature_maps, needs_native_engine, random_matcher
from tests.oracles.matching import location_maxima

LOCATIONS = SHAPE[0] * SHAPE[1]
GENERATOR = np.random.default_rng(110)
QUERY_WEIGHTS, GALLERY_WEIGHTS = GENERATOR.uniform(0.5, 1.5, size=(2, LOCATIONS)).astype(np.float32)
QUERY, GALLERY = feature_maps(110, 3).reshape(3, LOCATIONS, -1), feature_maps(111, 7).reshape(7, LOCATIONS, -1)
CENTER = 0.8
INPUTS = (QUERY, GALLERY, QUERY_WEIGHTS, GALLERY_WEIGHTS)
UPSTREAM = GENERATOR.normal(size=(3, 3, 7))
OPTIONS = {"tile_bytes": 4 * 3 * LOCATIONS**2 * 4}  # four gallery images a tile: of seven, one is in both tiles
XLA_MODES = [
    {"jit_compile": jit_compile, "keep_maxima": keep_maxima}
    for jit_compile, keep_maxima in itertools.product([True, False], repeat=2)
]
NATIVE = pytest.param({"engine": "native"}, marks=needs_native_engine, id="native")
MODES = pytest.mark.parametrize("mode", [*XLA_MODES, NATIVE], ids=str)


@MODES
def test_statistics_equal_the_loops(mode):
    found = pair_statistics.pair_statistics(*INPUTS, CENTER, **mode, **OPTIONS)
    weights = np.concatenate([QUERY_WEIGHTS, GALLERY_WEIGHTS])
    for p, query in enumerate(QUERY):
        for g, gallery in enumerate(GALLERY):
            centered = location_maxima(query, gallery) - CENTER
            wanted = [weights @ centered, centered.mean(), centered.var()]
            np.testing.assert_allclose([one[p, g] for one in found], wanted, rtol=1e-4, atol=1e-6)


def gradients(inputs, upstream, **options):
    inputs = [tf.convert_to_tensor(one) for one in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        found = pair_statistics.pair_statistics(*inputs, CENTER, **options)
        loss = tf.reduce_sum(upstream * tf.cast(found, tf.float64))
    return tape.gradient(loss, inputs)


def assert_gradients(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * np.abs(other).max(initial=1.0))


@MODES
@pytest.mark.parametrize("chosen", ["weighted sum", "mean", "variance"])
def test_gradients_of_each_statistic_equal_autodiff(chosen, mode):
    upstream = UPSTREAM * (np.array(["weighted sum", "mean", "variance"]) == chosen)[:, None, None]
    found = gradients(INPUTS, upstream, **mode, **OPTIONS)
    assert_gradients(found, plain_gradients(INPUTS, upstream))


@MODES
def test_gradients_where_the_number_of_images_is_unknown(mode):
    unknown = [tf.TensorSpec([None, LOCATIONS, SHAPE[-1]])] * 2 + [tf.TensorSpec([LOCATIONS])] * 2

    @tf.function(input_signature=[unknown, tf.TensorSpec([3, None, None], tf.float64)])
    def step(inputs, upstream):
        return gradients(inputs, upstream, **mode, **OPTIONS)

    for num_query, num_gallery in ((3, 7), (2, 4), (3, 0)):
        inputs = QUERY[:num_query], GALLERY[:num_gallery], QUERY_WEIGHTS, GALLERY_WEIGHTS
        upstream = UPSTREAM[:, :num_query, :num_gallery]
        wanted = plain_gradients(inputs, upstream) if num_gallery else [np.zeros_like(one) for one in inputs]
        assert_gradients(step(list(inputs), upstream), wanted)


@pytest.mark.parametrize("mode", [*XLA_MODES[::2], NATIVE], ids=str)
def test_places_of_more_than_256_locations(mode):
    # Only the last location of each gallery map is like anything; 272 locations do not fit a byte.
    query, gallery = feature_maps(112, 2, (17, 16, 3)), -feature_maps(113, 3, (17, 16, 3))
    gallery[:, -1, -1] *= -1
    weights = GENERATOR.uniform(0.5, 1.5, size=(2, 272)).astype(np.float32)
    inputs = query.reshape(2, 272, 3), gallery.reshape(3, 272, 3), *weights
    upstream = UPSTREAM[:, :2, :3]
    found = gradients(inputs, upstream, **mode)
    assert np.abs(found[1][:, -1]).min() > 0
    assert_gradients(found, plain_gradients(inputs, upstream))


def plain_gradients(inputs, upstream):
    inputs = [tf.constant(one, tf.float64) for one in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        query, gallery, query_weights, gallery_weights = inputs
        responses = tf.einsum("psc,grc->pgsr", query, gallery)
        of_query, of_gallery = tf.reduce_max(responses, 3) - CENTER, tf.reduce_max(responses, 2) - CENTER
        weighted_sum = tf.linalg.matvec(of_query, query_weights) + tf.linalg.matvec(of_gallery, gallery_weights)
        maxima = tf.concat([of_query, of_gallery], 2)
        statistics = weighted_sum, tf.reduce_mean(maxima, 2), tf.math.reduce_variance(maxima, 2)
        loss = tf.reduce_sum(upstream * tf.stack(statistics))
    return [gradient.numpy() for gradient in tape.gradient(loss, inputs, unconnected_gradients="zero")]


def test_engines_that_are_not_there(monkeypatch):
    with pytest.raises(ValueError, match="'xla' or 'native'. Received: engine='auto'"):
        pair_statistics.pair_statistics(*INPUTS, CENTER, engine="auto")
    monkeypatch.setattr(native_engine, "_WHY_MISSING", "it was not built")
    with pytest.raises(UserError, match="Received: none, it was not built. Take engine xla"):
        pair_statistics.pair_statistics(*INPUTS, CENTER, engine="native")


def test_tiles_of_many_large_maps_are_of_one_image():
    # 600 x 3072^2 x 4 bytes a gallery image: ten times what an int32 counts.
    unknown = tf.TensorSpec([None, 3072, 1])
    tile_size = tf.function(lambda *maps: pair_statistics._tile_size(*maps, 2**23), input_signature=[unknown, unknown])
    assert int(tile_size(np.zeros((600, 3072, 1), np.float32), np.zeros((2, 3072, 1), np.float32))) == 1


@needs_native_engine
@pytest.mark.parametrize("gallery_gradient", [True, False])
def test_native_gradients_are_those_of_xla_at_the_published_size(gallery_gradient):
    sizes = ((1, 9), (2, 5))
    query, gallery = (feature_maps(seed, number, (24, 8, 128)).reshape(number, 192, 128) for seed, number in sizes)
    weights, upstream = GENERATOR.normal(size=(2, 192)).astype(np.float32), GENERATOR.normal(size=(3, 9, 5))
    options = {"gallery_gradient": gallery_gradient}
    wanted, found = (
        gradients((query, gallery, *weights), upstream, **options, **mode)
        for mode in ({"keep_maxima": True}, {"engine": "native"})
    )
    assert (found[1] is None) == (not gallery_gradient)
    assert_gradients(*([one for one in gradients if one is not None] for gradients in (found, wanted)))


@needs_native_engine
def test_native_gradients_do_not_depend_on_the_number_of_threads(monkeypatch):
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(native_engine, "num_cores", lambda threads=threads: threads)
        found.append(gradients(INPUTS, UPSTREAM, engine="native"))
    for other in found[1:]:
        for one, same in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize(
    ("num_gallery", "limit", "expected"), [(752, 7, 4), (752, 8, 8), (7, 4, 4), (20, 16, 8), (3, 99, 1), (5, 0.5, 1)]
)
def test_tiles_are_powers_of_two_that_overlap_by_a_quarter_at_most(num_gallery, limit, expected):
    query, gallery = tf.zeros([8, LOCATIONS, 1]), tf.zeros([num_gallery, LOCATIONS, 1])
    assert pair_statistics._tile_size(query, gallery, int(limit * 8 * LOCATIONS**2 * 4)) == expected


def test_matchers_share_one_compilation():
    maps = [maps.reshape(-1, *SHAPE) for maps in (QUERY, GALLERY)]
    first = random_matcher("shared", tile_bytes=77)(*maps)
    forward, _ = pair_statistics._compiled()
    count = forward.experimental_get_tracing_count()
    second = random_matcher("shared", seed=1, tile_bytes=77)(*maps)
    assert forward.experimental_get_tracing_count() == count
    assert np.abs(first - second).min() > 0
