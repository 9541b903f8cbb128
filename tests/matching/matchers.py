"""Maps as networks make them, matchers with random weights, and what the oracle and TensorFlow say of both."""

import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.matching import QAConv, native_engine
from tests.oracles import matching as oracle

needs_native_engine = pytest.mark.skipif(bool(native_engine.why_missing()), reason=str(native_engine.why_missing()))

SHAPE = (3, 2, 6)
HEADS = ("shared", "split", "positive", "uniform")


def feature_maps(seed, number, shape=SHAPE):
    """Unit vectors around a common direction: cosines of about 0.6, as between the maps of a trained network."""
    common = np.random.default_rng(41).normal(size=shape[-1])
    maps = 1.2 * common + np.random.default_rng([42, seed]).normal(size=(number, *shape))
    return (maps / np.linalg.norm(maps, axis=-1, keepdims=True)).astype(np.float32)


def random_matcher(head, shape=SHAPE, seed=0, **options):
    """A built matcher, every weight and moving statistic of which is random and of a realistic size."""
    matcher = QAConv(head=head, **options)
    matcher.build((None, *shape), (None, *shape))
    generator = np.random.default_rng([43, seed])
    locations = shape[0] * shape[1]
    if head == "positive":
        matcher.location_logits.assign(generator.normal(0, 0.5, locations))
    elif head != "uniform":
        matcher.location_weights.assign(generator.uniform(0.5, 1.5, matcher.location_weights.shape) / locations)
        matcher.bias.assign(generator.normal())
    for normalization in (matcher.location_normalization, matcher.score_normalization):
        normalization.scale.assign(generator.uniform(0.5, 2.0))
        normalization.offset.assign(generator.normal())
    matcher.location_normalization.moving_mean.assign(generator.uniform(0.7, 0.9))
    matcher.location_normalization.moving_variance.assign(generator.uniform(0.005, 0.02))
    matcher.score_normalization.moving_mean.assign(generator.normal())
    matcher.score_normalization.moving_variance.assign(generator.uniform(0.5, 2.0))
    return matcher


def variables_of(matcher):
    """What the matcher learns, by name."""
    learned = {
        "first_scale": matcher.location_normalization.scale,
        "first_offset": matcher.location_normalization.offset,
        "second_scale": matcher.score_normalization.scale,
        "second_offset": matcher.score_normalization.offset,
    }
    if matcher.head == "positive":
        learned |= {"location_logits": matcher.location_logits}
    elif matcher.head != "uniform":
        learned |= {"location_weights": matcher.location_weights, "bias": matcher.bias}
    return learned


def values_of(matcher, query, gallery):
    """Everything that scores are differentiated by, in float64."""
    values = {"query": query, "gallery": gallery} | variables_of(matcher)
    return {name: np.asarray(value, np.float64) for name, value in values.items()}


def moving_of(matcher):
    normalizations = (matcher.location_normalization, matcher.score_normalization)
    return tuple((float(one.moving_mean), float(one.moving_variance)) for one in normalizations)


def oracle_scores(values, moving=(None, None)):
    """The loops' scores; `moving` statistics in evaluation, none in training."""
    locations = values["query"].shape[1] * values["query"].shape[2]
    rows = values.get("location_weights", np.full((1, locations), 1 / locations))
    if "location_logits" in values:
        odds = np.exp(values["location_logits"])[None]
        rows = odds / odds.sum()
    # A shared layer is applied to each direction, so its bias counts twice.
    bias = values.get("bias", 0.0) * 2 / len(rows)
    norms = [(values["first_scale"], values["first_offset"]), (values["second_scale"], values["second_offset"])]
    weights = [*rows[0], *rows[-1]]
    return oracle.score_pairs(values["query"], values["gallery"], weights, bias, norms, moving=moving)


def plain_scores(values, moving=(None, None), epsilon=1e-5):
    """The same for TensorFlow's own differentiation: one einsum, two maxima, nothing in tiles; any float type."""
    maps = values["query"], values["gallery"]
    query, gallery = (tf.reshape(one, [len(one), -1, one.shape[-1]]) for one in maps)
    locations = query.shape[1]
    responses = tf.einsum("psc,grc->pgsr", query, gallery)
    maxima = tf.concat([_maximum(responses), _maximum(tf.transpose(responses, [0, 1, 3, 2]))], axis=2)
    rows = values.get("location_weights", tf.fill([1, locations], tf.constant(1 / locations, query.dtype)))
    if "location_logits" in values:
        rows = tf.nn.softmax(values["location_logits"])[None]
    bias = values["bias"] * 2 / len(rows) if "bias" in values else 0
    maxima = _normalize(maxima, values["first_scale"], values["first_offset"], moving[0], epsilon)
    logits = tf.linalg.matvec(maxima, tf.concat([rows[0], rows[-1]], 0)) + bias
    return _normalize(logits, values["second_scale"], values["second_offset"], moving[1], epsilon)


def _maximum(responses):
    """Over the last axis. Of equal responses the first has the gradient, as with PyTorch's `max` over a dimension."""
    return tf.gather(responses, tf.argmax(responses, 3), batch_dims=3)


def _normalize(x, scale, offset, moving, epsilon):
    mean, variance = moving or (tf.reduce_mean(x), tf.math.reduce_variance(x))
    return scale * (x - mean) / tf.sqrt(tf.cast(variance + epsilon, x.dtype)) + offset
