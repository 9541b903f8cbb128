"""Images to feature maps: a body, its levels brought together, a neck, unit length at every location."""

import functools

import keras
import tensorflow as tf
from keras import ops

from qaconv_tf.backbones import mobilenet_v2, resnet
from qaconv_tf.backbones.torch_layers import BatchNormalization, l2_normalize
from qaconv_tf.errors import UserError

BODY_NAMES = ("mobilenet_v2", *(f"resnet{depth}" for depth in resnet.DEPTHS))
_LEVELS = (8, 16, 32)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@keras.saving.register_keras_serializable(package="qaconv_tf")
class Backbone(keras.Model):
    """Turns images into feature maps whose locations are unit vectors.

    The body's maps at each level are L2-normalised along channels, brought bilinearly to the finest level's size and
    concatenated; the neck, a convolution, mixes them; the result is L2-normalised again. A random neck has PyTorch's
    first weights: uniform within 1 / sqrt(inputs of a channel), its bias too. Normalisations are done in
    float32 whatever the dtype policy, and the maps are float32.

    `backbone.body` holds the pretrained part, so that an optimizer can give `backbone.body.trainable_variables` a
    learning rate of their own.

    Args:
        body_name: str. `"mobilenet_v2"`, `"resnet18"`, `"resnet34"`, `"resnet50"`, `"resnet101"` or `"resnet152"`.
            Defaults to `"mobilenet_v2"`.
        image_height: int. Pixels. Defaults to `256`.
        image_width: int. Pixels. Defaults to `128`.
        levels: sequence of int. Strides of the body's maps, of 8, 16 and 32. Defaults to `(16, 32)`.
        ibn: `"none"`, `"a"` or `"b"`. Which IBN-Net a ResNet is. Defaults to `"none"`.
        neck_channels: int or None. Channels of the feature maps; `None` for no neck. Defaults to `96`.
        neck_kernel_size: int, odd. Defaults to `1`.
        neck_batch_norm: bool. Batch normalisation after the neck, in the place of its bias. Defaults to `False`.
        normalize_levels: bool. Whether the neck is given the levels L2-normalised; the official QAConv, which has one
            level, gives it to the neck as it is. Defaults to `True`.
        normalize_input: bool. Whether images are normalised by ImageNet's mean and standard deviation, as the
            shipped weights want. Defaults to `True`.
        seed: int. Of the random weights. Defaults to `0`.

    Call arguments:
        images: RGB, `(n, image_height, image_width, 3)`, float in [0, 1], or uint8.
        training: bool. Whether batch normalisations use and update the batch's statistics. Defaults to `False`.

    Returns:
        Feature maps `(n, feature_height, feature_width, channels)`, float32.

    Raises:
        UserError: if an argument is none of those allowed.
        ValueError: if the images are of another size.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.backbones import Backbone
        >>> backbone = Backbone(image_height=64, image_width=32, levels=(8,), neck_channels=16)
        >>> images = np.random.default_rng(0).uniform(size=(2, 64, 32, 3))
        >>> backbone(images).shape
        TensorShape([2, 8, 4, 16])
        >>> backbone.feature_shape
        (8, 4, 16)

    Reference: [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424), section 3.1.
    """

    def __init__(
        self,
        body_name="mobilenet_v2",
        image_height=256,
        image_width=128,
        levels=(16, 32),
        ibn="none",
        neck_channels=96,
        neck_kernel_size=1,
        neck_batch_norm=False,
        normalize_levels=True,
        normalize_input=True,
        seed=0,
        **kwargs,
    ):
        # Without autocast, bfloat16 would not round the images themselves.
        super().__init__(autocast=False, **kwargs)
        self.body_name = body_name
        self.image_height = image_height
        self.image_width = image_width
        self.levels = _checked_levels(levels)
        self.ibn = ibn
        self.neck_channels = neck_channels
        self.neck_kernel_size = neck_kernel_size
        self.neck_batch_norm = neck_batch_norm
        self.normalize_levels = normalize_levels
        self.normalize_input = normalize_input
        self.seed = seed
        build_body = _body_builder(body_name, ibn)
        self.body = build_body(image_height, image_width, self.levels, dtype=self.dtype_policy, seed=seed)
        self._build_neck()
        self.built = True

    @property
    def feature_shape(self):
        """Height, width and channels of the feature maps."""
        height, width, channels = self._raw_shape
        return height, width, self.neck_channels or channels

    def raw_maps(self, images, training=False, body=None):
        """What the neck is given: the body's levels, normalised unless told otherwise, of one size, concatenated.

        Args:
            images: as `call` takes them.
            training: bool. As `call` takes it. Defaults to `False`.
            body: what stands in for the body: a `FoldedBody`'s. Defaults to `None`, the body itself.

        Returns:
            Maps `(n, feature_height, feature_width, sum of the levels' channels)`, float32.
        """
        # Flattened, since Keras hands out a single output bare.
        levels = keras.tree.flatten((body or self.body)(self._prepared(images), training=training))
        height, width = levels[0].shape[1:3]
        maps = [l2_normalize(level) if self.normalize_levels else ops.cast(level, "float32") for level in levels]
        resized = [ops.image.resize(coarse, (height, width), interpolation="bilinear") for coarse in maps[1:]]
        return ops.concatenate([maps[0], *resized], axis=-1)

    def call(self, images, training=False, body=None):
        """Makes feature maps; see the class, and `raw_maps` for another body."""
        maps = self.raw_maps(images, training, body)
        if self.neck is not None:
            maps = self.neck(maps)
        if self.neck_norm is not None:
            maps = self.neck_norm(maps, training=training)
        return l2_normalize(maps)

    def get_config(self):
        """Arguments that make the same architecture again."""
        return {
            **super().get_config(),
            "body_name": self.body_name,
            "image_height": self.image_height,
            "image_width": self.image_width,
            "levels": self.levels,
            "ibn": self.ibn,
            "neck_channels": self.neck_channels,
            "neck_kernel_size": self.neck_kernel_size,
            "neck_batch_norm": self.neck_batch_norm,
            "normalize_levels": self.normalize_levels,
            "normalize_input": self.normalize_input,
            "seed": self.seed,
        }

    @property
    def _raw_shape(self):
        shapes = [output.shape for output in self.body.outputs]
        return (*shapes[0][1:3], sum(shape[-1] for shape in shapes))

    def _build_neck(self):
        self.neck = self.neck_norm = None
        if self.neck_channels is None:
            return
        if self.neck_kernel_size % 2 == 0:
            raise UserError(f"Expected an odd neck_kernel_size. Received: neck_kernel_size={self.neck_kernel_size}")
        bound = (self.neck_kernel_size**2 * self._raw_shape[-1]) ** -0.5
        self.neck = keras.layers.Conv2D(
            self.neck_channels,
            self.neck_kernel_size,
            padding="same",
            use_bias=not self.neck_batch_norm,
            kernel_initializer=keras.initializers.RandomUniform(-bound, bound, seed=self.seed),
            bias_initializer=keras.initializers.RandomUniform(-bound, bound, seed=self.seed + 1),
            dtype=self.dtype_policy,
            name="neck",
        )
        self.neck.build((None, *self._raw_shape))
        if self.neck_batch_norm:
            self.neck_norm = BatchNormalization(dtype=self.dtype_policy, name="neck_norm")
            self.neck_norm.build((None, *self.feature_shape))

    def _prepared(self, images):
        images = ops.convert_to_tensor(images)
        expected = (None, self.image_height, self.image_width, 3)
        received = tuple(images.shape)
        if not images.shape.is_compatible_with(expected):
            raise ValueError(
                f"Expected images of height x width {self.image_height} x {self.image_width} with 3 channels. "
                f"Received: images.shape={received}"
            )
        is_uint8 = images.dtype == "uint8"
        images = tf.cast(tf.ensure_shape(images, expected), tf.float32)
        if is_uint8:
            images = images / 255.0
        if self.normalize_input:
            images = (images - ops.array(_IMAGENET_MEAN)) / ops.array(_IMAGENET_DEVIATION)
        return images


def _checked_levels(levels):
    levels = tuple(sorted(levels))
    if not levels or len(set(levels)) != len(levels) or not set(levels) <= set(_LEVELS):
        raise UserError(f"Expected levels to be strides, each once, of 8, 16 and 32. Received: levels={levels}")
    return levels


def _body_builder(body_name, ibn):
    if body_name not in BODY_NAMES:
        raise UserError(f"Expected a backbone of {', '.join(BODY_NAMES)}. Received: {body_name!r}")
    if body_name != "mobilenet_v2":
        return functools.partial(resnet.resnet_body, int(body_name.removeprefix("resnet")), ibn=ibn)
    if ibn != "none":
        raise UserError(f"Expected ibn='none' for mobilenet_v2; only a ResNet has IBN variants. Received: ibn={ibn!r}")
    return mobilenet_v2.mobilenet_v2_body
