"""MobileNetV2 at width 1.0, as PyTorch pads and normalises it, up to the last inverted residual."""

import keras
from keras import ops

from qaconv_tf.backbones.torch_layers import TorchLayers

# Expansion, channels, repeats, stride of the first; table 2 of the paper.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

# Stride of a level -> how many of torchvision's `features` lead to it.
_NUM_FEATURES = {8: 7, 16: 14, 32: 18}


def mobilenet_v2_body(image_height, image_width, levels, dtype=None, seed=0):
    """Builds the body; its layers are named as torchvision names the modules (`features.0.0`).

    Args:
        image_height: int. Of the images, in pixels.
        image_width: int. Of the images, in pixels.
        levels: tuple of int, ascending. Strides of the outputs: 8 (32 channels), 16 (96) or 32 (320).
        dtype: dtype policy of every layer. Defaults to `None`, the global policy.
        seed: int. Of the random weights. Defaults to `0`.

    Returns:
        A functional `keras.Model` from normalised images `(n, height, width, 3)` to the maps of each level (Keras gives
        several as a list, a single one bare). Nothing deeper than the last level is built.

    Example:
        >>> from qaconv_tf.backbones.mobilenet_v2 import mobilenet_v2_body
        >>> mobilenet_v2_body(64, 32, levels=(8,)).output_shape
        (None, 8, 4, 32)

    Reference: [Sandler et al., CVPR 2018](https://arxiv.org/abs/1801.04381).
    """
    layers = TorchLayers(dtype, seed)
    images = keras.Input((image_height, image_width, 3), name="images")
    maps = _activated(layers, layers.convolution(images, 32, 3, "features.0.0", strides=2), "features.0.1")
    features = [maps]
    for expansion, channels, repeats, stride in _STAGES:
        for repeat in range(repeats):
            if len(features) == _NUM_FEATURES[levels[-1]]:
                break
            strides = stride if repeat == 0 else 1
            name = f"features.{len(features)}.conv"
            features.append(_inverted_residual(layers, features[-1], expansion, channels, strides, name))
    outputs = [features[_NUM_FEATURES[level] - 1] for level in levels]
    return keras.Model(images, outputs, name="mobilenet_v2")


def unread_prefixes(levels):
    """Names in a full MobileNetV2's state dict that lie beyond the last level start with one of these."""
    beyond = range(_NUM_FEATURES[levels[-1]], 19)
    return (*(f"features.{index}." for index in beyond), "classifier.")


def _inverted_residual(layers, inputs, expansion, channels, strides, name):
    maps, index = inputs, 0
    if expansion > 1:
        expanded = inputs.shape[-1] * expansion
        maps = _activated(layers, layers.convolution(maps, expanded, 1, f"{name}.0.0"), f"{name}.0.1")
        index = 1
    maps = layers.depthwise_convolution(maps, f"{name}.{index}.0", strides)
    maps = _activated(layers, maps, f"{name}.{index}.1")
    maps = layers.convolution(maps, channels, 1, f"{name}.{index + 1}")
    maps = layers.batch_norm(maps, f"{name}.{index + 2}")
    return inputs + maps if strides == 1 and inputs.shape[-1] == channels else maps


def _activated(layers, maps, batch_norm_name):
    return ops.relu6(layers.batch_norm(maps, batch_norm_name))
