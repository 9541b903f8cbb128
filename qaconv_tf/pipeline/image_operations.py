"""The image operations behind the augmentation, each with every parameter given: nothing here is random.

All take and return one float32 image, `(height, width, 3)` in [0, 1], and give the same bits eagerly, in a function and
in a dataset.
"""

import math

import tensorflow as tf

# ITU-R 601, the weights by which Pillow and torchvision turn RGB to grey.
_GREY_WEIGHTS = (0.299, 0.587, 0.114)


def pad_and_crop(image: tf.Tensor, pad: int, row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
    """Pads all sides by `pad` black pixels, then cuts the original size out at `row`, `column` of the padded image."""
    padded = tf.pad(image, [[pad, pad], [pad, pad], [0, 0]])
    return tf.ensure_shape(tf.slice(padded, tf.stack([row, column, 0]), image.shape), image.shape)


def rotate(image: tf.Tensor, degrees: tf.Tensor, interpolation: str = "bilinear") -> tf.Tensor:
    """Turns the image about its centre, counter-clockwise; what comes from outside is black."""
    height, width, _ = image.shape
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    radians = degrees * (math.pi / 180)
    cosine, sine = tf.cos(radians), tf.sin(radians)
    # The operation wants the way back: output (x, y) -> input; y grows downwards.
    to_input = [
        cosine, -sine, centre_x - cosine * centre_x + sine * centre_y,
        sine, cosine, centre_y - sine * centre_x - cosine * centre_y,
        0.0, 0.0,
    ]  # fmt: skip
    rotated = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[tf.newaxis],
        transforms=tf.stack(to_input)[tf.newaxis],
        output_shape=[height, width],
        fill_value=0.0,
        interpolation=interpolation.upper(),
        fill_mode="CONSTANT",
    )
    return tf.ensure_shape(rotated[0], image.shape)


def adjust_brightness(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with black: factor 0 is black, 1 the image itself."""
    return tf.clip_by_value(image * factor, 0.0, 1.0)


def adjust_contrast(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with the image's mean grey: factor 0 is that grey, 1 the image itself."""
    return _blend(image, tf.reduce_mean(_grey(image)), factor)


def adjust_saturation(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with the grey image: factor 0 is grey, 1 the image itself."""
    return _blend(image, _grey(image), factor)


def adjust_hue(image: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Shifts the hue by a share of the colour circle, -0.5 to 0.5."""
    return tf.clip_by_value(tf.image.adjust_hue(image, turns), 0.0, 1.0)


def occlude(image: tf.Tensor, side: tf.Tensor, row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
    """Paints a white square of `side` pixels whose upper left corner is at `row`, `column`."""
    height, width, _ = image.shape
    square = tf.ones(tf.stack([side, side, 3]))
    white = tf.pad(square, [[row, height - side - row], [column, width - side - column], [0, 0]])
    # White is the largest value, so the maximum is the painted image; tf.where with a mask takes several times as long.
    return tf.maximum(image, tf.ensure_shape(white, image.shape))


def _grey(image: tf.Tensor) -> tf.Tensor:
    # Not by adding three planes, which is faster: the graph optimiser puts such a sum in another order, by the names of
    # its nodes, and the last bit would differ between graphs.
    return tf.reduce_sum(image * tf.constant(_GREY_WEIGHTS), axis=-1, keepdims=True)  # (height, width, 1)


def _blend(image: tf.Tensor, other: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(image * factor + other * (1.0 - factor), 0.0, 1.0)
