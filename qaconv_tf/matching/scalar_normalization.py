"""BatchNorm over one channel, given its statistics instead of its input."""

import math

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="qaconv_tf")
class ScalarNormalization(keras.layers.Layer):
    """Batch normalisation of a single channel, PyTorch's `BatchNorm1d(1)`, as an affine map of known statistics.

    The matcher never holds all the values that it normalises, only their mean and variance; so this layer is called
    with those and returns the map `x -> factor * x + shift`.

    Args:
        trainable_scale: bool. Whether scale and offset are learned. Defaults to `True`.
        scale_floor: float. The scale never falls below this when it is learned, by a constraint that the optimizer
            applies after each step. Defaults to `0.0`: no floor, so that it may even become negative, as PyTorch's.
        momentum: float. Of the moving statistics; `0.9` is PyTorch's 0.1, counted the other way. Defaults to `0.9`.
        epsilon: float. Added to the variance. Defaults to `1e-5`, PyTorch's.

    Call arguments:
        mean: scalar mean of the values in this batch; or a vector, of several batches, recorded in turn.
        variance: the same of the (biased) variance.
        count: the same of the number of values; the moving variance is unbiased, as PyTorch's.
        training: bool. Use and record the batch's statistics, or use the moving ones. Defaults to `False`.

    Returns:
        `(factor, shift)`: two scalars, or in training vectors if mean and variance are.

    Example:
        >>> import tensorflow as tf
        >>> from qaconv_tf.matching.scalar_normalization import ScalarNormalization
        >>> mean, variance, count = tf.constant(2.0), tf.constant(4.0), tf.constant(100)
        >>> factor, shift = ScalarNormalization(epsilon=0.0)(mean, variance, count, training=True)
        >>> float(factor), float(shift)  # (x - 2) / sqrt(4)
        (0.5, -1.0)
    """

    def __init__(self, trainable_scale=True, momentum=0.9, epsilon=1e-5, scale_floor=0.0, **kwargs):
        super().__init__(**kwargs, autocast=False)
        self.trainable_scale = trainable_scale
        self.scale_floor = scale_floor
        self.momentum = momentum
        self.epsilon = epsilon
        options = {"shape": (), "dtype": "float32", "autocast": False}
        floor = (lambda scale: tf.maximum(scale, scale_floor)) if scale_floor else None
        self.scale = self.add_weight(
            name="scale", initializer="ones", trainable=trainable_scale, constraint=floor, **options
        )
        self.offset = self.add_weight(name="offset", initializer="zeros", trainable=trainable_scale, **options)
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", trainable=False, **options)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", trainable=False, **options)
        self.built = True

    def call(self, mean, variance, count, training=False):
        """Returns the affine map of the batch's statistics (training) or of the moving ones."""
        if training:
            count = tf.cast(count, tf.float32)
            unbiased = variance * count / tf.maximum(count - 1.0, 1.0)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, unbiased)
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        factor = self.scale * tf.math.rsqrt(variance + self.epsilon)
        return factor, self.offset - mean * factor

    def evaluation_form(self):
        """Returns the affine map of the moving statistics as three floats: `x -> factor * (x - mean) + offset`."""
        names = ("scale", "moving_variance", "moving_mean", "offset")
        scale, variance, mean, offset = (float(getattr(self, name)) for name in names)
        return scale / math.sqrt(variance + self.epsilon), mean, offset

    def _move(self, moving, values):
        values = tf.reshape(tf.stop_gradient(values), [-1])
        # Of several batches the first is multiplied by the momentum once for each that comes after it.
        later = tf.cast(tf.range(tf.size(values))[::-1], tf.float32)
        recorded = tf.reduce_sum((1.0 - self.momentum) * self.momentum**later * values)
        moving.assign(self.momentum ** tf.cast(tf.size(values), tf.float32) * moving.value + recorded)

    def get_config(self):
        """Returns what `from_config` needs."""
        names = ("trainable_scale", "momentum", "epsilon", "scale_floor")
        return super().get_config() | {name: getattr(self, name) for name in names}
