"""Keras layers with PyTorch's constants, named as the module that holds their weights in a torch state dict."""

import zlib

import keras
import numpy as np
from keras import ops


class TorchLayers:
    """Makes the layers of one body; each method applies a new layer to symbolic maps.

    Keras `padding="same"` pads a strided convolution more at the bottom and right, PyTorch alike on all sides; so for
    a stride the maps are padded by a layer of their own.

    Args:
        dtype: dtype policy of every layer. Defaults to `None`, the global policy.
        seed: int. Each kernel is drawn from this and its layer's name. Defaults to `0`.
    """

    def __init__(self, dtype=None, seed=0):
        self.dtype = dtype
        self.seed = seed

    def convolution(self, maps, filters, kernel_size, name, strides=1):
        """A convolution without bias, padded by half its kernel."""
        maps, padding = self._pad(maps, kernel_size, strides, name)
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            strides,
            padding,
            use_bias=False,
            kernel_initializer=self._initializer(name),
            dtype=self.dtype,
            name=name,
        )(maps)

    def depthwise_convolution(self, maps, name, strides=1):
        """A 3 x 3 convolution of each channel by itself, without bias."""
        maps, padding = self._pad(maps, 3, strides, name)
        return keras.layers.DepthwiseConv2D(
            3,
            strides,
            padding,
            use_bias=False,
            depthwise_initializer=self._initializer(name),
            dtype=self.dtype,
            name=name,
        )(maps)

    def max_pooling(self, maps, name):
        """Maxima of 3 x 3 at stride 2, of maps that hold no negative numbers (so that zeros pad them)."""
        maps, padding = self._pad(maps, 3, 2, name)
        return keras.layers.MaxPooling2D(3, 2, padding, dtype=self.dtype, name=name)(maps)

    def batch_norm(self, maps, name):
        """Batch normalisation; Keras counts the momentum the other way round."""
        return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=self.dtype, name=name)(maps)

    def instance_norm(self, maps, name):
        """Instance normalisation with scale and shift: groups of one channel."""
        return keras.layers.GroupNormalization(groups=-1, epsilon=1e-5, dtype=self.dtype, name=name)(maps)

    def _pad(self, maps, kernel_size, strides, name):
        """The maps, padded if need be, and what the layer that takes them still has to pad."""
        if strides == 1 or kernel_size == 1:
            return maps, "same"
        return keras.layers.ZeroPadding2D(kernel_size // 2, dtype=self.dtype, name=f"{name}.padding")(maps), "valid"

    def _initializer(self, name):
        seed = np.random.default_rng([self.seed, zlib.crc32(name.encode())]).integers(2**31)
        return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=int(seed))


def l2_normalize(maps):
    """Divides each location's vector by its length, or by 1e-12 where that is more, in float32.

    Args:
        maps: tensor `(..., channels)`, any float dtype.

    Returns:
        A float32 tensor of the same shape. A vector of zeros stays zeros and its gradient finite, which the gradient
        of a square root at zero would not be.
    """
    maps = ops.cast(maps, "float32")
    squares = ops.sum(ops.square(maps), axis=-1, keepdims=True)
    return maps * ops.rsqrt(ops.maximum(squares, 1e-24))
