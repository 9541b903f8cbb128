import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.matching import pair_statistics
from tests.matching.matchers import SHAPE, feature_maps, random_matcher
from tests.oracles.matching import location_maxima

LOCATIONS = SHAPE[0] * SHAPE[1]
GENERATOR = np.random.default_rng(110)
QUERY_WEIGHTS, GALLERY_WEIGHTS = GENERATOR.uniform(0.5, 1.5, size=(2, LOCATIONS)).astype(np.float32)
QUERY, GALLERY = feature_maps(110, 3).reshape(3, LOCATIONS, -1), feature_maps(111, 7).reshape(7, LOCATIONS, -1)
CENTER = 0.8
INPUTS = (QUERY, GALLERY, QUERY_WEIGHTS, GALLERY_WEIGHTS)
UPSTREAM = GENERATOR.normal(size=(3, 3, 7))
OPTIONS = {"tile_bytes": 3 * 3 * LOCATIONS**2 * 4}  # three gallery images a tile


@pytest.mark.parametrize("jit_compile", [True, False])
def test_statistics_equal_the_loops(jit_compile):
    found = pair_statistics.pair_statistics(*INPUTS, CENTER, jit_compile=jit_compile, **OPTIONS)
    weights = np.concatenate([QUERY_WEIGHTS, GALLERY_WEIGHTS])
    for p, query in enumerate(QUERY):
        for g, gallery in enumerate(GALLERY):
            centered = location_maxima(query, gallery) - CENTER
            wanted = [weights @ centered, centered.mean(), centered.var()]
            np.testing.assert_allclose([one[p, g] for one in found], wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_gradients_of_each_statistic_equal_autodiff(jit_compile):
    for chosen in range(3):
        upstream = UPSTREAM * (np.arange(3) == chosen)[:, None, None]
        inputs = [tf.constant(one) for one in INPUTS]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            found = pair_statistics.pair_statistics(*inputs, CENTER, jit_compile=jit_compile, **OPTIONS)
            loss = tf.reduce_sum(upstream * tf.cast(found, tf.float64))
        gradients = tape.gradient(loss, inputs)
        for name, gradient, wanted in zip(("q", "g", "qw", "gw"), gradients, plain_gradients(upstream), strict=True):
            scale = max(1.0, np.abs(wanted).max())
            np.testing.assert_allclose(gradient, wanted, rtol=0, atol=1e-5 * scale, err_msg=f"{name} of {chosen}")


def plain_gradients(upstream):
    inputs = [tf.constant(one, tf.float64) for one in INPUTS]
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


def test_tiles_of_many_large_maps_are_of_one_image():
    # 600 x 3072^2 x 4 bytes a gallery image: ten times what an int32 counts.
    unknown = tf.TensorSpec([None, 3072, 1])
    tile_size = tf.function(lambda *maps: pair_statistics._tile_size(*maps, 2**23), input_signature=[unknown, unknown])
    assert int(tile_size(np.zeros((600, 3072, 1), np.float32), np.zeros((2, 3072, 1), np.float32))) == 1


def test_matchers_share_one_compilation():
    maps = [maps.reshape(-1, *SHAPE) for maps in (QUERY, GALLERY)]
    first = random_matcher("shared", tile_bytes=77)(*maps)
    forward, _ = pair_statistics._compiled()
    count = forward.experimental_get_tracing_count()
    second = random_matcher("shared", seed=1, tile_bytes=77)(*maps)
    assert forward.experimental_get_tracing_count() == count
    assert np.abs(first - second).min() > 0
