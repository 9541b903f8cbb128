"""Keras layers with PyTorch's constants, named as the module that holds their weights in a torch state dict."""

import zlib

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="qaconv_tf")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's, with PyTorch's constants, and as there a moving variance of unbiased variances.

    With n values a channel, an unbiased variance is n / (n - 1) times Keras's.

    Args:
        momentum: float. Keras counts it the other way round: PyTorch's 0.1. Defaults to `0.9`.
        epsilon: float. Defaults to `1e-5`.
        **kwargs: see `keras.layers.BatchNormalization`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.backbones.torch_layers import BatchNormalization
        >>> norm = BatchNormalization(momentum=0.0)
        >>> maps = norm(np.array([[[[1.0]], [[5.0]]]], "float32"), training=True)
        >>> round(float(norm.moving_variance.value[0]), 4)  # (1 - 3)^2 + (5 - 3)^2, divided by 2 - 1
        8.0
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs, training=None, mask=None):
        """Normalises; see the class."""
        kept = self.momentum * self.moving_variance  # read now: the next line changes it
        outputs = super().call(inputs, training=training, mask=mask)
        if training and self.trainable:
            count = ops.cast(ops.size(inputs) // inputs.shape[-1], kept.dtype)
            self.moving_variance.assign_add((self.moving_variance - kept) / ops.maximum(count - 1.0, 1.0))
        return outputs


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
        """Batch normalisation with PyTorch's constants."""
        return BatchNormalization(dtype=self.dtype, name=name)(maps)

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
