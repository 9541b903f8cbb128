"""The losses and the class memory against the official ones at each tag: `make_losses.py` made the values."""

import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf import losses
from qaconv_tf.matching import ClassMemory
from tests.golden import inputs, ours
from tests.matching.matchers import needs_native_engine

CLASS_MEMORIES = {
    "v1.0-eccv": {"unseen": "zeros"},
    "v1.1": {"unseen": "mask"},
    "v1.2": {"unseen": "mask", "chunk": inputs.CHUNK},
}


def make_filled_matcher(tag):
    matcher = ours.make_matcher(tag, inputs.SHAPE)
    ours.fill(matcher, inputs.matcher_tensors(int(np.prod(matcher.location_weights.shape))))
    return matcher


def run(matcher, maps, loss_of):
    """Loss, gradients and statistics of one step."""
    with tf.GradientTape() as tape:
        tape.watch(maps)
        loss, of_images = loss_of(maps)
    by_maps, *by_variable = tape.gradient(loss, [maps, *ours.variables(matcher)])
    values = {"loss": loss, "of_images": of_images, "by_maps": by_maps}
    return values | ours.gradients(by_variable) | {"statistics": ours.statistics(matcher)}


ENGINES = pytest.mark.parametrize("engine", ["xla", pytest.param("native", marks=needs_native_engine)])


@ENGINES
@pytest.mark.parametrize("tag", CLASS_MEMORIES)
def test_five_steps_with_the_class_memory(tag, engine):
    golden, matcher = ours.golden(f"losses_{tag}"), make_filled_matcher(tag)
    memory = ClassMemory(inputs.NUM_CLASSES, inputs.SHAPE, **CLASS_MEMORIES[tag])
    maps, filled = inputs.class_memory(inputs.NUM_CLASSES, inputs.SHAPE, inputs.FIRST_FILLED)
    memory.update(maps[filled], np.flatnonzero(filled))

    def loss_of(maps):
        scores = memory.scores(matcher, maps, training=True, engine=engine)
        each = [
            losses.class_memory_loss(scores[index : index + 1], labels[index : index + 1], memory.counted)
            for index in range(len(labels))
        ]
        return losses.class_memory_loss(scores, labels, memory.counted), tf.stack(each)

    assert len(golden) == 5
    for step, labels in enumerate(inputs.CLASS_BATCHES):
        maps = tf.constant(inputs.feature_maps(inputs.FIRST_SEED + step, len(labels), inputs.SHAPE))
        values = run(matcher, maps, loss_of)
        memory.update(maps, labels)
        reference = golden[str(step)]
        np.testing.assert_array_equal(memory.memory.numpy(), reference.pop("memory"))
        if "filled" in reference:
            np.testing.assert_array_equal(memory.filled.numpy(), reference.pop("filled"))
        deviations = ours.deviations(values, reference)
        assert max(deviations.values()) < ours.TOLERANCE, (step, deviations)


@ENGINES
@pytest.mark.parametrize(
    ("tag", "loss_function"),
    [("v2.0", losses.pairwise_matching_loss), ("v2.1", losses.hard_triplet_loss)],
)
def test_losses_of_a_batch_matched_with_itself(tag, loss_function, engine):
    golden, matcher = ours.golden(f"losses_{tag}"), make_filled_matcher(tag)

    def loss_of(maps):
        return loss_function(matcher(maps, maps, training=True, engine=engine), labels), None

    for step, labels in enumerate(inputs.PAIR_BATCHES):
        maps = tf.constant(inputs.feature_maps(inputs.FIRST_SEED + step, len(labels), inputs.SHAPE))
        reference = golden[str(step)]
        del reference["of_images"]
        deviations = ours.deviations(run(matcher, maps, loss_of), reference)
        assert max(deviations.values()) < ours.TOLERANCE, (step, deviations)
