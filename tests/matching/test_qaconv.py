import functools
import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.matching import QAConv
from tests.matching.matchers import (
    HEADS,
    SHAPE,
    feature_maps,
    moving_of,
    oracle_scores,
    plain_scores,
    random_matcher,
    values_of,
    variables_of,
)
from tests.oracles import matching as oracle

QUERY, GALLERY = feature_maps(0, 3), feature_maps(1, 7)
LOCATIONS = SHAPE[0] * SHAPE[1]
IMAGE_BYTES = len(QUERY) * LOCATIONS**2 * 4
# One gallery image a tile; three, which leaves one of the seven for the last tile; all of them.
TILE_BYTES = (1, 3 * IMAGE_BYTES, 2**20)
UPSTREAM = np.random.default_rng(44).normal(size=(len(QUERY), len(GALLERY)))


@functools.cache
def expected(head, training):
    matcher = random_matcher(head)
    return oracle_scores(values_of(matcher, QUERY, GALLERY), (None, None) if training else moving_of(matcher))


def assert_scores(scores, wanted):
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-5 * np.std(wanted))


@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("tile_bytes", TILE_BYTES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("head", HEADS)
def test_scores_equal_the_loops(head, training, tile_bytes, jit_compile):
    matcher = random_matcher(head, tile_bytes=tile_bytes, jit_compile=jit_compile)
    scores = matcher(QUERY, GALLERY, training=training)
    assert scores.dtype == tf.float32
    assert_scores(scores, expected(head, training))


@pytest.mark.parametrize("training", [True, False])
def test_scores_equal_the_loops_at_the_published_size(training):
    query, gallery = feature_maps(2, 2, (24, 8, 128)), feature_maps(3, 3, (24, 8, 128))
    matcher = random_matcher("shared", (24, 8, 128))
    values = values_of(matcher, query, gallery)
    wanted = oracle_scores(values, (None, None) if training else moving_of(matcher))
    assert_scores(matcher(query, gallery, training=training), wanted)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_number_of_images_may_be_unknown(jit_compile):
    matcher = random_matcher("split", tile_bytes=3 * IMAGE_BYTES, jit_compile=jit_compile)
    unknown = tf.TensorSpec([None, *SHAPE])
    function = tf.function(matcher, input_signature=[unknown, unknown])
    assert_scores(function(QUERY, GALLERY), expected("split", False))
    assert_scores(function(QUERY[1:], GALLERY[:5]), expected("split", False)[1:, :5])
    assert function(QUERY, GALLERY[:0]).shape == (3, 0)
    assert function(QUERY[:0], GALLERY).shape == (0, 7)


def gradients(matcher, query, gallery, training, **options):
    query, gallery = tf.constant(query), tf.constant(gallery)
    variables = {"query": query, "gallery": gallery} | variables_of(matcher)
    with tf.GradientTape() as tape:
        tape.watch([query, gallery])
        loss = tf.reduce_sum(UPSTREAM * tf.cast(matcher(query, gallery, training=training, **options), tf.float64))
    return tape.gradient(loss, {name: getattr(variable, "value", variable) for name, variable in variables.items()})


@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("head", HEADS)
def test_gradients_equal_central_differences_of_the_loops(head, training, jit_compile):
    matcher = random_matcher(head, tile_bytes=3 * IMAGE_BYTES, jit_compile=jit_compile)
    values = values_of(matcher, QUERY, GALLERY)
    moving = (None, None) if training else moving_of(matcher)
    found = gradients(matcher, QUERY, GALLERY, training)
    generator = np.random.default_rng(45)
    assert set(found) == set(values)
    for name, value in values.items():
        directions = generator.normal(size=(2, *value.shape))
        directions /= np.sqrt(value.size)

        def loss(changed, name=name):
            return np.sum(UPSTREAM * oracle_scores(values | {name: changed}, moving))

        numeric = oracle.numeric_gradient(loss, value, directions)
        ours = [np.sum(np.asarray(found[name], np.float64) * direction) for direction in directions]
        # The loss sums 21 scores of a standard deviation of about 1 with weights of about 1.
        np.testing.assert_allclose(ours, numeric, rtol=1e-5, atol=2e-5, err_msg=name)


def tied_maps(seed, number):
    """Few, exactly summable values: most maxima are reached several times, in any order of summation."""
    return np.random.default_rng([46, seed]).choice([-0.5, 0.0, 0.5], size=(number, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("maps", [feature_maps, tied_maps])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("head", HEADS)
def test_gradients_equal_autodiff_of_einsum_and_maximum(head, training, maps, jit_compile):
    query, gallery = maps(5, len(QUERY)), maps(6, len(GALLERY))
    matcher = random_matcher(head, tile_bytes=3 * IMAGE_BYTES, jit_compile=jit_compile)
    moving = (None, None) if training else moving_of(matcher)
    values = {name: tf.constant(value) for name, value in values_of(matcher, query, gallery).items()}
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = tf.reduce_sum(UPSTREAM * plain_scores(values, moving))
    wanted = tape.gradient(loss, values)
    found = gradients(matcher, query, gallery, training)
    for name, gradient in wanted.items():
        atol = 1e-5 * max(1.0, float(tf.reduce_max(tf.abs(gradient))))
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_the_first_of_exact_ties_has_the_gradient(jit_compile):
    matcher = QAConv(head="uniform", jit_compile=jit_compile)
    query = tf.constant([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    gallery = tf.constant([[[[1.0, 0.0]], [[1.0, 0.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(gallery)
        score = matcher(query, gallery)
    gradient = tape.gradient(score, gallery)[0, :, 0]
    # Maxima over the gallery: 1 for the first query location (both reach it), 0 for the second (both again); over the
    # query: 1 twice, by its first location. Weight 1/2 each. The official code, v1.2 and v2.1, has the same gradient.
    np.testing.assert_allclose(gradient, [[1.0, 0.5], [0.5, 0.0]], rtol=1e-4)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_gallery_gradient_can_be_left_out(jit_compile):
    options = {"tile_bytes": 3 * IMAGE_BYTES, "jit_compile": jit_compile}
    whole = gradients(random_matcher("split", **options), QUERY, GALLERY, True)
    without = gradients(random_matcher("split", **options), QUERY, GALLERY, True, gallery_gradient=False)
    assert without.pop("gallery") is None and whole.pop("gallery") is not None
    for name, gradient in without.items():
        np.testing.assert_allclose(gradient, whole[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("head", HEADS)
def test_training_moves_the_statistics(head):
    matcher = random_matcher(head)
    before, values = moving_of(matcher), values_of(matcher, QUERY, GALLERY)
    matcher(QUERY, GALLERY, training=True)
    maxima = np.array([oracle.location_maxima(q, g) for q in QUERY for g in GALLERY])
    # With a second normalisation that changes nothing, the oracle's scores are the logits.
    logits = oracle_scores(values | {"second_scale": 1.0, "second_offset": 0.0}, (None, (0.0, 1 - 1e-5)))
    for seen, old, new in zip((maxima, logits), before, moving_of(matcher), strict=True):
        wanted = [0.9 * old[0] + 0.1 * seen.mean(), 0.9 * old[1] + 0.1 * seen.var(ddof=1)]
        np.testing.assert_allclose(new, wanted, rtol=1e-5)
    settled = moving_of(matcher)
    matcher(QUERY, GALLERY, training=False)
    assert moving_of(matcher) == settled


def test_momentum_and_epsilon_are_options():
    matcher = random_matcher("uniform", momentum=0.25, epsilon=0.5)
    old, values = moving_of(matcher)[0], values_of(matcher, QUERY, GALLERY)
    scores = matcher(QUERY, GALLERY, training=True)
    assert_scores(scores, plain_scores(values, epsilon=0.5))
    maxima = np.array([oracle.location_maxima(q, g) for q in QUERY for g in GALLERY])
    np.testing.assert_allclose(moving_of(matcher)[0][0], 0.25 * old[0] + 0.75 * maxima.mean(), rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [True, False])
@pytest.mark.parametrize("scores_of", ["layer", "plain"])
def test_no_tensor_of_all_responses_is_made(scores_of, jit_compile):
    matcher = random_matcher("shared", tile_bytes=4 * IMAGE_BYTES, jit_compile=jit_compile)

    @tf.function(jit_compile=True)
    def step(query, gallery):
        with tf.GradientTape() as tape:
            tape.watch([query, gallery])
            values = {"query": query, "gallery": gallery} | variables_of(matcher)
            scores = matcher(query, gallery, training=True) if scores_of == "layer" else plain_scores(values)
            loss = tf.reduce_sum(tf.square(scores))
        return tape.gradient(loss, [query, gallery])

    # XLA's program shows whatever a loop stacks or keeps with its whole shape.
    program = step.experimental_get_compiler_ir(tf.constant(QUERY), tf.constant(GALLERY))(stage="hlo")
    shapes = {tuple(map(int, sizes.split(","))) for sizes in re.findall(r"f32\[([\d,]+)\]", program)}
    largest = max(math.prod(shape) for shape in shapes)
    tile = len(QUERY) * 4 * LOCATIONS**2
    assert largest == (tile if scores_of == "layer" else len(QUERY) * len(GALLERY) * LOCATIONS**2)


@given(
    tile_images=st.integers(0, 9),
    order=st.permutations(range(len(GALLERY))),
    num_gallery=st.integers(1, len(GALLERY)),
    num_query=st.integers(1, len(QUERY)),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_scores_depend_on_their_pair_only(tile_images, order, num_gallery, num_query):
    order = order[:num_gallery]
    matcher = random_matcher("split", tile_bytes=1 + tile_images * IMAGE_BYTES, jit_compile=False)
    wanted = expected("split", False)
    scores = matcher(QUERY[:num_query], GALLERY[order]).numpy()
    np.testing.assert_allclose(scores, wanted[:num_query, order], rtol=0, atol=1e-5 * np.std(wanted))


def test_mixed_precision_scores_in_float32():
    scores = random_matcher("shared")(QUERY, GALLERY, training=True)
    mixed = random_matcher("shared", dtype="mixed_bfloat16")
    assert mixed.compute_dtype == "bfloat16"
    np.testing.assert_array_equal(mixed(QUERY, GALLERY, training=True), scores)
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    rounded = tf.cast(QUERY, tf.bfloat16)
    assert mixed(rounded, GALLERY).dtype == tf.float32


def test_a_new_matcher_weighs_all_locations_alike():
    scores = [QAConv(head=head)(QUERY, GALLERY) for head in HEADS]
    maxima = np.array([[oracle.location_maxima(q, g) for g in GALLERY] for q in QUERY])
    for score in scores:
        # Statistics 0 and 1, scales 1, weights 1 / locations in each direction; two times epsilon under the root.
        np.testing.assert_allclose(score, maxima.sum(axis=2) / LOCATIONS / (1 + 1e-5), rtol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_evaluation_form_gives_the_scores_of_the_loops(head):
    matcher = random_matcher(head)
    matcher.location_normalization.scale.assign(-0.7)
    form = matcher.evaluation_form()
    weights = np.concatenate([form.query_weights, form.gallery_weights])
    maxima = np.array([[oracle.location_maxima(q, g) for g in GALLERY] for q in QUERY])
    scores = form.slope * ((maxima - form.center) @ weights) + form.intercept
    wanted = oracle_scores(values_of(matcher, QUERY, GALLERY), moving_of(matcher))
    np.testing.assert_allclose(scores, wanted, rtol=1e-12)  # all in double precision


def test_probability_is_the_sigmoid_of_score_over_temperature():
    matcher = random_matcher("uniform")
    np.testing.assert_allclose(matcher.probabilities([[0.0, 10.0, -30.0]]), [[0.5, 0.731059, 0.047426]], rtol=1e-5)
    matcher.temperature.assign(2.0)
    np.testing.assert_allclose(matcher.probabilities(4.0), 1 / (1 + math.exp(-2)), rtol=1e-6)


def test_what_is_learned():
    assert len(random_matcher("shared").trainable_variables) == 6
    assert len(random_matcher("uniform").trainable_variables) == 4
    frozen = random_matcher("split", trainable_scales=False)
    assert [variable.name for variable in frozen.trainable_variables] == ["location_weights", "bias"]
    positive = random_matcher("positive", trainable_scales=False)
    assert [variable.name for variable in positive.trainable_variables] == ["location_logits"]
    assert random_matcher("uniform", trainable_scales=False).trainable_variables == []


def test_errors_say_what_was_received():
    matcher = random_matcher("shared")
    with pytest.raises(ValueError, match=r"Expected feature maps \(batch.*Received: query_maps.shape=\(3, 6, 6\), gal"):
        matcher(QUERY.reshape(3, 6, 6), GALLERY)
    with pytest.raises(ValueError, match=r"equal.*Received: query_maps.shape=\(3, 3, 2, 5\), gallery_maps"):
        matcher(QUERY[..., :5], GALLERY)
    with pytest.raises(ValueError, match=r"=\(3, 2, 6\). Received: query_maps.shape=\(3, 2, 3, 6\)"):
        matcher(QUERY.reshape(3, 2, 3, 6), GALLERY.reshape(7, 2, 3, 6))
    with pytest.raises(ValueError, match=r"known height.*Received: query_maps.shape=\(None, None, 2, 6\)"):
        QAConv().build((None, None, 2, 6), (None, None, 2, 6))
    with pytest.raises(ValueError, match=r"one of \('shared', 'split', 'positive', 'uniform'\). Received: head='both'"):
        QAConv(head="both")


def test_config_makes_the_same_layer():
    options = {"head": "split", "trainable_scales": False, "momentum": 0.5, "epsilon": 1e-3, "tile_bytes": 5000}
    options["scale_floor"] = 0.5
    config = keras.saving.serialize_keras_object(QAConv(**options, jit_compile=False))
    copy = keras.saving.deserialize_keras_object(config)
    assert {name: getattr(copy, name) for name in options} == options and copy.jit_compile is False
    assert copy.location_normalization.momentum == 0.5 and copy.score_normalization.epsilon == 1e-3
    assert copy.score_normalization.get_config()["scale_floor"] == copy.location_normalization.scale_floor == 0.5
    assert copy.compute_output_shape((3, *SHAPE), (7, *SHAPE)) == (3, 7)


@pytest.mark.parametrize(("head", "rows"), [("shared", 1), ("split", 2)])
def test_first_location_weights(head, rows):
    locations = SHAPE[0] * SHAPE[1]
    built = {}
    for init, seed in (("mean", 0), ("random", 0), ("random", 1)):
        matcher = QAConv(head, weight_init=init, seed=seed)
        matcher.build((None, *SHAPE), (None, *SHAPE))
        built[init, seed] = matcher.location_weights.numpy()
    np.testing.assert_allclose(built["mean", 0], np.full((rows, locations), 1 / locations))
    bound = (rows * locations) ** -0.5
    assert 0.5 * bound < np.abs(built["random", 0]).max() <= bound and (built["random", 0] < 0).any()
    assert not np.array_equal(built["random", 0], built["random", 1])
    with pytest.raises(ValueError, match="weight_init='zeros'"):
        QAConv(weight_init="zeros")
