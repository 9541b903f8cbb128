"""ResNet-18 to ResNet-152 as torchvision builds them (v1.5), with the two variants of IBN-Net."""

import itertools
import re

import keras
from keras import ops

from qaconv_tf.backbones.torch_layers import TorchLayers
from qaconv_tf.errors import UserError

# Depth -> blocks in layer1 to layer4.
_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
DEPTHS = tuple(_BLOCKS)
IBN_VARIANTS = ("none", "a", "b")

# Stride of a level -> the number of torchvision's layer1 to layer4 that ends there.
_LAYER_OF_LEVEL = {8: 2, 16: 3, 32: 4}

_BLOCK_NAME = re.compile(r"layer([1-4])\.(\d+)\.")


def resnet_body(depth, image_height, image_width, levels, ibn="none", dtype=None, seed=0):
    """Builds the body; its layers are named as torchvision or IBN-Net names the modules (`layer1.0.bn1.IN`).

    The stride of a bottleneck is in its 3 x 3 convolution, no convolution has a bias, all padding is symmetric.

    Args:
        depth: int. 18, 34, 50, 101 or 152.
        image_height: int. Of the images, in pixels.
        image_width: int. Of the images, in pixels.
        levels: tuple of int, ascending. Strides of the outputs: 8 (`layer2`), 16 (`layer3`) or 32 (`layer4`).
        ibn: `"none"`, `"a"` or `"b"`. `"a"`: in layer1 to layer3 the first normalisation of each block is by instance
            for the first half of the channels. `"b"`: the stem is normalised by instance, and so are the sums that end
            layer1 and layer2. Defaults to `"none"`.
        dtype: dtype policy of every layer. Defaults to `None`, the global policy.
        seed: int. Of the random weights. Defaults to `0`.

    Returns:
        A functional `keras.Model` from images `(n, height, width, 3)` to the maps of each level (Keras gives several
        as a list, a single one bare). Nothing deeper than the last level is built.

    Raises:
        UserError: if `ibn` is none of the three.

    Example:
        >>> from qaconv_tf.backbones.resnet import resnet_body
        >>> resnet_body(18, 64, 32, levels=(8,), ibn="a").output_shape
        (None, 8, 4, 128)

    Reference: [He et al., CVPR 2016](https://arxiv.org/abs/1512.03385);
    [Pan et al., ECCV 2018](https://arxiv.org/abs/1807.09441).
    """
    if ibn not in IBN_VARIANTS:
        raise UserError(f"Expected ibn to be one of {', '.join(IBN_VARIANTS)}. Received: ibn={ibn!r}")
    layers = TorchLayers(dtype, seed)
    images = keras.Input((image_height, image_width, 3), name="images")
    maps = layers.convolution(images, 64, 7, "conv1", strides=2)
    maps = layers.instance_norm(maps, "bn1") if ibn == "b" else layers.batch_norm(maps, "bn1")
    maps = layers.max_pooling(ops.relu(maps), "maxpool")
    ends = {}
    for number in range(1, _LAYER_OF_LEVEL[levels[-1]] + 1):
        maps = ends[number] = _layer(layers, maps, depth, number, ibn)
    return keras.Model(images, [ends[_LAYER_OF_LEVEL[level]] for level in levels], name=f"resnet{depth}")


def unread_prefixes(levels):
    """Names in a full ResNet's state dict that lie beyond the last level start with one of these."""
    beyond = range(_LAYER_OF_LEVEL[levels[-1]] + 1, 5)
    return (*(f"layer{number}." for number in beyond), "fc.")


def recognized(names):
    """Which ResNet a state dict is of.

    Args:
        names: iterable of str. Names of its tensors; those of layer4 may be missing.

    Returns:
        Depth and IBN variant, or None where the blocks are of no ResNet that `resnet_body` builds.

    Example:
        >>> from qaconv_tf.backbones.resnet import recognized
        >>> names = [f"layer{layer}.{block}.conv1.weight" for layer in (1, 2, 3, 4) for block in (0, 1)]
        >>> recognized([*names, "layer1.0.bn1.IN.weight"])
        (18, 'a')
    """
    names = list(names)
    blocks = {match.groups() for name in names if (match := _BLOCK_NAME.match(name))}
    num_blocks = tuple(itertools.takewhile(bool, (sum(layer == n for layer, _ in blocks) for n in "1234")))
    bottleneck = any(name.endswith(".conv3.weight") for name in names)
    for depth, expected in _BLOCKS.items():
        if num_blocks and num_blocks == expected[: len(num_blocks)] and bottleneck == (depth >= 50):
            return depth, _recognized_ibn(names)
    return None


def _recognized_ibn(names):
    if any(".bn1.IN." in name for name in names):
        return "a"
    return "b" if any(".IN." in name for name in names) else "none"


def _layer(layers, maps, depth, number, ibn):
    """One of layer1 to layer4."""
    block = _basic_block if depth < 50 else _bottleneck
    num_blocks = _BLOCKS[depth][number - 1]
    for index in range(num_blocks):
        name = f"layer{number}.{index}"
        strides = 2 if number > 1 and index == 0 else 1
        residual = block(layers, maps, 64 * 2 ** (number - 1), strides, name, mixed=ibn == "a" and number < 4)
        shortcut = maps
        if strides != 1 or maps.shape[-1] != residual.shape[-1]:
            shortcut = layers.convolution(maps, residual.shape[-1], 1, f"{name}.downsample.0", strides)
            shortcut = layers.batch_norm(shortcut, f"{name}.downsample.1")
        maps = residual + shortcut
        if ibn == "b" and number < 3 and index == num_blocks - 1:
            maps = layers.instance_norm(maps, f"{name}.IN")
        maps = ops.relu(maps)
    return maps


def _basic_block(layers, maps, channels, strides, name, mixed):
    maps = layers.convolution(maps, channels, 3, f"{name}.conv1", strides)
    maps = ops.relu(_first_norm(layers, maps, f"{name}.bn1", mixed))
    maps = layers.convolution(maps, channels, 3, f"{name}.conv2")
    return layers.batch_norm(maps, f"{name}.bn2")


def _bottleneck(layers, maps, channels, strides, name, mixed):
    maps = layers.convolution(maps, channels, 1, f"{name}.conv1")
    maps = ops.relu(_first_norm(layers, maps, f"{name}.bn1", mixed))
    maps = layers.convolution(maps, channels, 3, f"{name}.conv2", strides)
    maps = ops.relu(layers.batch_norm(maps, f"{name}.bn2"))
    maps = layers.convolution(maps, 4 * channels, 1, f"{name}.conv3")
    return layers.batch_norm(maps, f"{name}.bn3")


def _first_norm(layers, maps, name, mixed):
    if not mixed:
        return layers.batch_norm(maps, name)
    by_instance, by_batch = ops.split(maps, 2, axis=-1)
    parts = [layers.instance_norm(by_instance, f"{name}.IN"), layers.batch_norm(by_batch, f"{name}.BN")]
    return ops.concatenate(parts, axis=-1)
