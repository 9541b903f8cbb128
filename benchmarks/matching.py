"""Scores every query against every gallery map of 24 x 8 x 128: `python benchmarks/matching.py --queries=64`."""

import argparse
import functools

import measure


def _inputs(options):
    from plain import random_maps

    from qaconv_tf.matching import QAConv

    maps = random_maps(0, options.queries), random_maps(1, options.gallery)
    matcher = QAConv()
    matcher.build(maps[0].shape, maps[1].shape)
    return matcher, *maps


def inputs_alone(options):
    _inputs(options)
    return lambda: 0.0


def einsum(options, jit_compile=False):
    import tensorflow as tf
    from plain import plain_scores

    inputs = _inputs(options)
    scores = tf.function(lambda: plain_scores(*inputs, training=False), jit_compile=jit_compile)
    return lambda: scores().numpy().mean()


def qaconv(options):
    from qaconv_tf.matching import score_matrix

    matcher, query, gallery = _inputs(options)
    query, gallery = query.numpy(), gallery.numpy()
    return lambda: score_matrix(matcher, query, gallery).mean()


VARIANTS = {
    measure.INPUTS_ALONE: inputs_alone,
    "einsum and reduce_max": einsum,
    "einsum and reduce_max, XLA": functools.partial(einsum, jit_compile=True),
    "QAConv by score_matrix": qaconv,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Scores of all pairs of maps of 24 x 8 x 128, float32")
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--gallery", type=int, default=64)
    measure.run(parser, VARIANTS, work=lambda options: options.queries * options.gallery, unit="pairs")
