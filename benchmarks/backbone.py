"""What XLA gains or loses on the backbone, forward and backward: `python benchmarks/backbone.py --batch=16`."""

import argparse
import functools

import measure


def _inputs(options):
    import tensorflow as tf

    from qaconv_tf.backbones import build_backbone

    backbone = build_backbone(options.backbone, weights=None, image_height=256, image_width=128)
    return backbone, tf.random.stateless_uniform([options.batch, 256, 128, 3], [7, 0])


def inputs_alone(options):
    _inputs(options)
    return lambda: 0.0


def step(options, jit_compile):
    import tensorflow as tf

    backbone, images = _inputs(options)

    @tf.function(jit_compile=jit_compile)
    def loss_and_gradients():
        with tf.GradientTape() as tape:
            # The maps are unit vectors, so their squares would have no gradient.
            loss = tf.reduce_mean(tf.pow(backbone(images), 3))
        return loss, tf.linalg.global_norm(tape.gradient(loss, backbone.trainable_variables))

    return lambda: tf.add_n(loss_and_gradients())


VARIANTS = {
    measure.INPUTS_ALONE: inputs_alone,
    "tf.function": functools.partial(step, jit_compile=False),
    "tf.function, XLA": functools.partial(step, jit_compile=True),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Backbone at 256 x 128, forward and backward, BatchNorm frozen")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--batch", type=int, default=16)
    measure.run(parser, VARIANTS, work=lambda options, _: options.batch, unit="images")
