"""One step of the hard triplet loss, a batch matched with itself: `python benchmarks/triplet.py --batch=64`.

With `--official=CHECKOUT --official_python=INTERPRETER` the official code at its tag v2.1 too.
"""

import argparse
import functools

import measure
import numpy as np
import training_step

IMAGES_PER_IDENTITY = 4


def _labels(options):
    return np.arange(options.batch) // IMAGES_PER_IDENTITY


def _inputs(options):
    return training_step.make_matcher("shared"), training_step.random_maps(0, options.batch)


def step(options, matched_by="layer", jit_compile=False, engine="xla"):
    from plain import plain_scores

    from qaconv_tf.losses import hard_triplet_loss

    matcher, maps = _inputs(options)

    def loss_of(maps):
        if matched_by == "einsum":
            return hard_triplet_loss(plain_scores(matcher, maps, maps, training=True), _labels(options))
        return hard_triplet_loss(matcher(maps, maps, training=True, engine=engine), _labels(options))

    return training_step.tensorflow_step(loss_of, maps, matcher, jit_compile)


def _official_inputs(options):
    training_step.use_official(options)
    import torch

    return training_step.official_matcher(), training_step.random_maps(0, options.batch), torch.tensor(_labels(options))


def official(options):
    matcher, maps, labels = _official_inputs(options)
    from reid.loss.triplet_loss import TripletLoss

    loss = TripletLoss(matcher)
    return training_step.official_step(lambda maps: loss(maps, labels)[0].mean(), maps, matcher)


VARIANTS = {
    measure.INPUTS_ALONE: functools.partial(training_step.nothing, make_inputs=_inputs),
    measure.OFFICIAL_ALONE: functools.partial(training_step.nothing, make_inputs=_official_inputs),
    measure.OFFICIAL: official,
    "einsum, reduce_max, autodiff": functools.partial(step, matched_by="einsum"),
    "einsum, reduce_max, autodiff, XLA": functools.partial(step, matched_by="einsum", jit_compile=True),
    "QAConv, XLA": step,
    f"QAConv, {training_step.NATIVE}": functools.partial(step, engine="native"),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Hard triplet loss and its gradients, maps of 24 x 8 x 128, float32")
    parser.add_argument("--batch", type=int, default=64)
    training_step.run(parser, VARIANTS)
