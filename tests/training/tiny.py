"""A matching model small enough to train in a test."""

import keras
import numpy as np

from qaconv_tf.matching import QAConv
from qaconv_tf.model import MatchingModel


@keras.saving.register_keras_serializable(package="qaconv_tf_tests")
class TinyBackbone(keras.Model):
    """Two convolutions with a BatchNorm between them: 16 x 8 images to 4 x 2 maps of 6 channels."""

    image_height, image_width, feature_shape = 16, 8, (4, 2, 6)

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        images = keras.Input((16, 8, 3))
        kernel = keras.initializers.GlorotUniform(seed)
        maps = keras.layers.Conv2D(5, 3, 2, padding="same", kernel_initializer=kernel, name="first")(images)
        self.body = keras.Model(images, keras.layers.BatchNormalization(name="norm")(maps))
        self.neck = keras.layers.Conv2D(6, 3, 2, padding="same", kernel_initializer=kernel)
        self.neck.build((None, 8, 4, 5))
        self.built = True

    def call(self, images, training=False):
        return keras.ops.normalize(self.neck(self.body(images, training=training)), axis=-1)


def tiny_model(head="shared", trainable_scales=True, seed=0, scale_floor=0.0):
    return MatchingModel(TinyBackbone(seed), QAConv(head, trainable_scales=trainable_scales, scale_floor=scale_floor))


def batch(seed, identities=4, instances=2):
    rng = np.random.default_rng(seed)
    images = rng.uniform(size=(identities * instances, 16, 8, 3)).astype(np.float32)
    return images, np.repeat(rng.permutation(6)[:identities], instances).astype(np.int32)
