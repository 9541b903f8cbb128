"""The matcher against the official one at each tag: `make_matching.py` made the values."""

import numpy as np
import pytest
import tensorflow as tf

from tests.golden import inputs, ours, seeded
from tests.matching.matchers import needs_native_engine


def run(matcher, shape, training, seed, **options):
    query = tf.constant(inputs.feature_maps(seed, inputs.NUM_QUERY, shape))
    gallery = tf.constant(inputs.feature_maps(seed + 1, inputs.NUM_GALLERY, shape))
    upstream = seeded.tensor(f"upstream{seed}", (inputs.NUM_QUERY, inputs.NUM_GALLERY))
    with tf.GradientTape() as tape:
        tape.watch([query, gallery])
        scores = matcher(query, gallery, training=training, **options)
        loss = tf.reduce_sum(scores * upstream)
    by_query, by_gallery, *by_variable = tape.gradient(loss, [query, gallery, *ours.variables(matcher)])
    values = {"scores": scores, "probabilities": matcher.probabilities(scores)}
    values |= {"by_query": by_query, "by_gallery": by_gallery}
    return values | ours.gradients(by_variable) | {"statistics": ours.statistics(matcher)}


@pytest.mark.parametrize("engine", ["xla", pytest.param("native", marks=needs_native_engine)])
@pytest.mark.parametrize("size", inputs.MATCHING_SHAPES)
@pytest.mark.parametrize("tag", ["v1.0-eccv", "v1.1", "v1.2", "v2.0", "v2.1"])
def test_two_steps_of_training_and_evaluation(tag, size, engine):
    golden, shape = ours.golden(f"matching_{tag}"), inputs.MATCHING_SHAPES[size]
    two_maps = 2 * inputs.NUM_QUERY * (shape[0] * shape[1]) ** 2 * 4
    matcher = ours.make_matcher(tag, shape, tile_bytes=two_maps)
    ours.fill(matcher, inputs.matcher_tensors(int(np.prod(matcher.location_weights.shape))))
    for name, training, seed in inputs.PASSES:
        reference = golden[f"{size} {name}"]
        # Where there is only a loss, before 1.2, its gallery is the memory, which no gradient reaches.
        values = run(matcher, shape, training, seed, gallery_gradient="by_gallery" in reference, engine=engine)
        if size == "published":
            of_maps = ("by_query", "by_gallery")
            values |= {key: seeded.sample(values[key].numpy()) for key in of_maps if key in reference}
        deviations = ours.deviations(values, reference)
        assert max(deviations.values()) < ours.TOLERANCE, (name, deviations)
