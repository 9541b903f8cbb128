"""Random changes to training images, each a pure function of (seed, sample index).

Whatever the order, the batch, the number of threads or the step at which a run was resumed: sample `i` under seed `s`
always looks the same, so the augmentation has no state that a checkpoint would have to keep.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from qaconv_tf.errors import UserError
from qaconv_tf.pipeline import image_operations

_COLORS = ("brightness", "contrast", "saturation", "hue")


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What is done to a training image, in this order: crop, flip, rotation, colours, occlusion.

    The kinds and their order are those of the official QAConv. There, `rotation_degrees=5` by the nearest pixel, the
    three colour factors are `(0.5, 2.0)`, `hue=0.1`, the colours are changed in random order, and the occlusion is
    always on (its square never touches the lower and the right edge, which here it may). Each kind has random numbers
    of its own, so switching one off leaves the others as they were.

    Args:
        flip: bool. Mirrors every second image, on average. Defaults to `True`.
        pad: int. Black pixels added to each side before a crop of the original size at a random place; 0 turns the
            crop off. Defaults to `10`.
        rotation_degrees: float. Rotates by up to so many degrees either way; 0 to 180. Defaults to `0.0`.
        rotation_interpolation: `"bilinear"` or `"nearest"`. Defaults to `"bilinear"`.
        brightness: float, or pair of floats. `x` draws the factor from `[max(0, 1 - x), 1 + x)`, a pair is the range
            itself. Defaults to `0.0`.
        contrast: as `brightness`. Defaults to `0.0`.
        saturation: as `brightness`. Defaults to `0.0`.
        hue: float. Shifts the hue by up to this share of the colour circle either way; 0 to 0.5. Defaults to `0.0`.
        shuffle_colors: bool. Changes brightness, contrast, saturation and hue in an order that is random for each
            image, instead of this one. Defaults to `False`.
        occlusion_probability: float. Share of the images that get a white square. Defaults to `0.5`.
        occlusion_min_size: float. Smallest side of that square, as a share of the image's shorter side; at least one
            pixel. Defaults to `0.0`.
        occlusion_max_size: float. Largest side of the square, excluded. Defaults to `0.8`.

    Raises:
        UserError: if a value is out of its range.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.pipeline import Augmentation
        >>> images = np.random.default_rng(0).random((2, 16, 8, 3), np.float32)
        >>> together = Augmentation(pad=2).augment(images, seed=1, sample_index=[40, 41])
        >>> alone = Augmentation(pad=2).augment(images[1:], seed=1, sample_index=[41])
        >>> bool(np.array_equal(together[1], alone[0]))
        True

    Reference:
        - [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424)
    """

    flip: bool = True
    pad: int = 10
    rotation_degrees: float = 0.0
    rotation_interpolation: str = "bilinear"
    brightness: float | tuple[float, float] = 0.0
    contrast: float | tuple[float, float] = 0.0
    saturation: float | tuple[float, float] = 0.0
    hue: float = 0.0
    shuffle_colors: bool = False
    occlusion_probability: float = 0.5
    occlusion_min_size: float = 0.0
    occlusion_max_size: float = 0.8

    def __post_init__(self):
        if not (isinstance(self.pad, int) and self.pad >= 0):
            raise UserError(f"Expected a whole number of pixels, 0 or more. Received: pad={self.pad!r}")
        self._check_range("rotation_degrees", 180)
        self._check_range("hue", 0.5)
        self._check_range("occlusion_probability", 1)
        if self.rotation_interpolation not in ("bilinear", "nearest"):
            received = f"rotation_interpolation={self.rotation_interpolation!r}"
            raise UserError(f"Expected 'bilinear' or 'nearest'. Received: {received}")
        for name in ("brightness", "contrast", "saturation"):
            value = getattr(self, name)
            low, high = _factor_range(value)
            if not 0 <= low <= high < float("inf"):
                raise UserError(
                    f"Expected an amount of 0 or more, or a pair 0 <= low <= high. Received: {name}={value!r}"
                )
        if not 0 <= self.occlusion_min_size < self.occlusion_max_size <= 1:
            raise UserError(
                "Expected 0 <= occlusion_min_size < occlusion_max_size <= 1. Received: "
                f"occlusion_min_size={self.occlusion_min_size!r}, occlusion_max_size={self.occlusion_max_size!r}"
            )

    @classmethod
    def none(cls) -> "Augmentation":
        """The augmentation that returns every image as it is.

        Example:
            >>> from qaconv_tf.pipeline import Augmentation
            >>> Augmentation.none().flip
            False
        """
        return cls(flip=False, pad=0, occlusion_probability=0.0)

    def augment(self, images: tf.Tensor, seed: int, sample_index: tf.Tensor) -> tf.Tensor:
        """Augments images, each by the random numbers of its own sample index.

        Args:
            images: float32 in [0, 1], `(n, height, width, 3)`; all but `n` known statically.
            seed: int. Of the run.
            sample_index: int64, `(n,)`. The place of each image in the run's endless row of samples.

        Returns:
            float32 in [0, 1], `(n, height, width, 3)`.

        Example:
            >>> import numpy as np
            >>> from qaconv_tf.pipeline import Augmentation
            >>> images = np.random.default_rng(0).random((2, 16, 8, 3), np.float32)
            >>> bool(np.array_equal(Augmentation.none().augment(images, seed=1, sample_index=[0, 1]), images))
            True
        """
        images = tf.convert_to_tensor(images, tf.float32)
        sample_index = tf.cast(sample_index, tf.int64)
        seeds = tf.stack([tf.fill(tf.shape(sample_index), tf.cast(seed, tf.int64)), sample_index], axis=1)
        return tf.map_fn(
            lambda image_and_seed: self._augment_image(*image_and_seed),
            (images, seeds),
            fn_output_signature=tf.TensorSpec(images.shape[1:], tf.float32),
        )

    def _augment_image(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        row, column, flip, angle, *others = self._draw(seed)
        amounts, (occlusion, *square), shuffle = others[:4], others[4:8], others[8:]
        if self.pad:
            image = image_operations.pad_and_crop(image, self.pad, tf.cast(row, tf.int32), tf.cast(column, tf.int32))
        if self.flip:
            image = _sometimes(flip < 0.5, lambda image: tf.reverse(image, axis=[1]), image)
        if self.rotation_degrees:
            image = image_operations.rotate(image, angle, self.rotation_interpolation)
        image = self._adjust_colors(image, amounts, shuffle)
        if self.occlusion_probability:
            image = _sometimes(
                occlusion < self.occlusion_probability, lambda image: self._occlude(image, *square), image
            )
        return image

    def _adjust_colors(self, image: tf.Tensor, amounts: list[tf.Tensor], shuffle: list[tf.Tensor]) -> tf.Tensor:
        changes = [
            (getattr(image_operations, f"adjust_{name}"), amount)
            for name, amount in zip(_COLORS, amounts, strict=True)
            if getattr(self, name)
        ]
        if not self.shuffle_colors:
            for adjust, amount in changes:
                image = adjust(image, amount)
            return image
        order = tf.argsort(shuffle[: len(changes)])
        for place in range(len(changes)):
            branches = [functools.partial(adjust, image, amount) for adjust, amount in changes]
            image = tf.switch_case(order[place], branches)
        return image

    def _draw(self, seed: tf.Tensor) -> list[tf.Tensor]:
        """Draws all numbers, used or not: this keeps one kind's numbers apart from the others' switches."""
        share = (0.0, 1.0)
        place = (0.0, 2.0 * self.pad + 1.0)
        factors = [_factor_range(amount) for amount in (self.brightness, self.contrast, self.saturation)]
        angle = (-self.rotation_degrees, self.rotation_degrees)
        low, high = np.transpose([place, place, share, angle, *factors, (-self.hue, self.hue), *[share] * 8])
        # Scaled before they are unstacked: the graph optimiser may merge the constants of a chain of scalar products
        # (such as degrees, then radians), and then the last bit would differ between graphs and from eager mode.
        draws = tf.random.stateless_uniform([len(low)], seed)
        return tf.unstack(draws * tf.constant(high - low, tf.float32) + tf.constant(low, tf.float32))

    def _occlude(self, image, side, row, column):
        height, width, _ = image.shape
        shorter = min(height, width)
        smallest = max(1, int(shorter * self.occlusion_min_size))
        # The official code fails where the two bounds meet (tiny images); here the smallest square is drawn then.
        side = smallest + _whole(side, max(1, int(shorter * self.occlusion_max_size) - smallest))
        return image_operations.occlude(image, side, _whole(row, height - side + 1), _whole(column, width - side + 1))

    def _check_range(self, name: str, highest: float) -> None:
        value = getattr(self, name)
        if not 0 <= value <= highest:
            raise UserError(f"Expected a number from 0 to {highest}. Received: {name}={value!r}")


def _factor_range(amount: float | tuple[float, float]) -> tuple[float, float]:
    return amount if isinstance(amount, tuple) else (max(0.0, 1.0 - amount), 1.0 + amount)


def _sometimes(happens: tf.Tensor, change: Callable[[tf.Tensor], tf.Tensor], image: tf.Tensor) -> tf.Tensor:
    # tf.cond runs one branch only, where tf.where would compute both.
    return tf.cond(happens, lambda: change(image), lambda: image)


def _whole(share: tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """A whole number in [0, count) from a share in [0, 1)."""
    return tf.cast(share * tf.cast(count, tf.float32), tf.int32)
