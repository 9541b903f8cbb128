"""The usual baseline: classes told apart by one pooled vector an image, as matching is measured against."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="qaconv_tf")
class PooledClassifier(keras.layers.Layer):
    """Logits of classes: the cosines of an image's pooled vector and a learned vector of each class, times a scale.

    Args:
        num_classes: int. Number of training classes.
        channels: int. Channels of the feature maps.
        scale: float. What cosines are multiplied by: the softmax of cosines alone could never be sure of a class.
            Defaults to `16.0`.
        seed: int or None. Of the first class vectors. Defaults to `None`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.training.pooled_classifier import PooledClassifier
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> PooledClassifier(num_classes=5, channels=8)(maps).shape
        TensorShape([3, 5])

    Reference:
        [Wang et al., NormFace, 2017](https://arxiv.org/abs/1704.06369), section 3.3.
    """

    def __init__(self, num_classes, channels, scale=16.0, seed=None, **kwargs):
        super().__init__(**kwargs, autocast=False)
        self.num_classes = num_classes
        self.channels = channels
        self.scale = scale
        self.seed = seed
        self.centers = self.add_weight(
            name="centers", shape=(num_classes, channels),
            initializer=keras.initializers.RandomNormal(stddev=channels**-0.5, seed=seed), dtype="float32",
            autocast=False,
        )
        self.built = True

    def call(self, maps):
        """Returns `(batch, num_classes)` logits of feature maps `(batch, height, width, channels)`."""
        centers = tf.math.l2_normalize(self.centers, axis=1)
        return self.scale * tf.matmul(pooled(tf.cast(maps, tf.float32)), centers, transpose_b=True)

    def get_config(self):
        """Returns what `from_config` needs."""
        own = {name: getattr(self, name) for name in ("num_classes", "channels", "scale", "seed")}
        return super().get_config() | own


def pooled(maps):
    """Returns unit vectors `(batch, channels)`: feature maps averaged over their locations.

    Args:
        maps: feature maps `(batch, height, width, channels)`.
    """
    return tf.math.l2_normalize(tf.reduce_mean(maps, axis=(1, 2)), axis=1)
