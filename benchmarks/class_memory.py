"""One step of the class-memory loss, forward and backward: `python benchmarks/class_memory.py --classes=752`."""

import argparse
import functools

import measure


def _inputs(options):
    import tensorflow as tf
    from plain import random_maps

    from qaconv_tf.matching import ClassMemory, QAConv

    memory = ClassMemory(options.classes, (24, 8, 128))
    for start in range(0, options.classes, 50):
        labels = tf.range(start, min(start + 50, options.classes))
        memory.update(random_maps(start, len(labels)), labels)
    matcher = QAConv()
    matcher.build(memory.memory.shape, memory.memory.shape)
    maps = random_maps(1, options.batch)
    return memory, matcher, maps, tf.range(options.batch) % options.classes


def inputs_alone(options):
    _inputs(options)
    return lambda: 0.0


def step(options, matched_by, jit_compile=False):
    """A function that computes the loss and its gradients to the maps and all that the matcher learns."""
    import tensorflow as tf
    from plain import plain_scores

    from qaconv_tf.losses import class_memory_loss

    memory, matcher, maps, labels = _inputs(options)

    @tf.function(jit_compile=jit_compile)
    def loss_and_gradients():
        with tf.GradientTape() as tape:
            tape.watch(maps)
            if matched_by == "einsum":
                scores = plain_scores(matcher, maps, memory.memory.value, training=True)
            else:
                scores = memory.scores(matcher, maps, training=True)
            loss = class_memory_loss(scores, labels, memory.counted)
        gradients = tape.gradient(loss, [maps, *matcher.trainable_variables])
        return loss, tf.linalg.global_norm(gradients)

    return lambda: tf.add_n(loss_and_gradients())


VARIANTS = {
    measure.INPUTS_ALONE: inputs_alone,
    "einsum, reduce_max, autodiff": functools.partial(step, matched_by="einsum"),
    "einsum, reduce_max, autodiff, XLA": functools.partial(step, matched_by="einsum", jit_compile=True),
    "ClassMemory and QAConv": functools.partial(step, matched_by="layers"),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Class-memory loss and its gradients, maps of 24 x 8 x 128, float32")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--classes", type=int, default=752)
    measure.run(parser, VARIANTS)
