"""One step of the class-memory loss, forward and backward: `python benchmarks/class_memory.py --classes=752`.

With `--official=CHECKOUT --official_python=INTERPRETER` the official code at its tag v1.2 too.
"""

import argparse
import functools

import measure
import numpy as np
import training_step


def _labels(options):
    return np.arange(options.batch) % options.classes


def _inputs(options, nearest=0):
    from qaconv_tf.matching import ClassMemory

    shape = training_step.HEIGHT, training_step.WIDTH, training_step.CHANNELS
    memory = ClassMemory(options.classes, shape, chunk=options.chunk, nearest=nearest)
    for first, maps in training_step.map_blocks(0, options.classes):
        memory.update(maps, np.arange(first, first + len(maps)))
    return memory, training_step.make_matcher("split"), training_step.random_maps(1, options.batch)


def plain(options, jit_compile=False):
    """One einsum, two maxima, no tiles, TensorFlow's gradients."""
    import tensorflow as tf
    from plain import plain_scores

    from qaconv_tf.losses import class_memory_loss

    memory, matcher, maps = _inputs(options)
    size = options.chunk or options.classes

    def loss_of(maps):
        chunks = [memory.memory.value[first : first + size] for first in range(0, options.classes, size)]
        scores = tf.concat([plain_scores(matcher, maps, chunk, training=True) for chunk in chunks], axis=1)
        return class_memory_loss(scores, _labels(options), memory.counted)

    return training_step.tensorflow_step(loss_of, maps, matcher, jit_compile)


def layers(options, engine, share=1):
    """Ours; against a share of the classes only, if wanted."""
    from qaconv_tf.losses import class_memory_loss

    memory, matcher, maps = _inputs(options, nearest=0 if share == 1 else max(options.batch, options.classes // share))

    def loss_of(maps):
        return class_memory_loss(*memory.compare(matcher, maps, _labels(options), training=True, engine=engine))

    return training_step.tensorflow_step(loss_of, maps, matcher)


def _official_inputs(options):
    training_step.use_official(options)
    import torch
    from reid.loss.class_memory_loss import ClassMemoryLoss

    matcher = training_step.official_matcher()
    sizes = training_step.CHANNELS, training_step.HEIGHT, training_step.WIDTH
    loss = ClassMemoryLoss(matcher, options.classes, *sizes, mem_batch_size=options.chunk or options.classes)
    for first, maps in training_step.map_blocks(0, options.classes):
        loss.class_memory[first : first + len(maps)] = training_step.to_torch(maps)
    loss.valid_class.fill_(1)
    return loss, matcher, training_step.random_maps(1, options.batch), torch.from_numpy(_labels(options))


def official(options):
    loss, matcher, maps, labels = _official_inputs(options)
    memory = loss.class_memory.clone()

    def loss_of(maps):
        # The step writes the maps into the memory: put it back, so that every call computes the same.
        loss.class_memory[labels] = memory[labels]
        return loss(maps, labels)[0].mean()

    return training_step.official_step(loss_of, maps, matcher)


VARIANTS = {
    measure.INPUTS_ALONE: functools.partial(training_step.nothing, make_inputs=_inputs),
    measure.OFFICIAL_ALONE: functools.partial(training_step.nothing, make_inputs=_official_inputs),
    measure.OFFICIAL: official,
    "einsum, reduce_max, autodiff": plain,
    "einsum, reduce_max, autodiff, XLA": functools.partial(plain, jit_compile=True),
    "ClassMemory and QAConv, XLA": functools.partial(layers, engine="xla"),
    f"ClassMemory and QAConv, {training_step.NATIVE}": functools.partial(layers, engine="native"),
    "nearest eighth of the classes, XLA": functools.partial(layers, engine="xla", share=8),
    f"nearest eighth of the classes, {training_step.NATIVE}": functools.partial(layers, engine="native", share=8),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Class-memory loss and its gradients, maps of 24 x 8 x 128, float32")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--classes", type=int, default=752)
    parser.add_argument("--chunk", type=int, default=16, help="classes normalised together, 16 in v1.2; 0: all")
    training_step.run(parser, VARIANTS)
