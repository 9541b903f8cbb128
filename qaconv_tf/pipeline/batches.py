"""Records -> batches of images, as tf.data datasets."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.errors import UserError
from qaconv_tf.pipeline.augmentation import Augmentation
from qaconv_tf.pipeline.images import read_image

_ENDLESS = 2**60
_BATCHES_AHEAD = 2
# Images that evaluation reads in one call of Python: a call costs as much as a small image.
_READ_AT_ONCE = 8


def training_batches(
    records: Sequence[ImageRecord],
    labels: Sequence[int],
    sampler: Callable[[int], np.ndarray],
    augmentation: Augmentation,
    image_height: int,
    image_width: int,
    seed: int,
    start_step: int = 0,
) -> tf.data.Dataset:
    """The endless row of training batches, from any step on.

    The batch of a step is a pure function of (seed, step): it is the same whether the run began at step 0 or was
    resumed there. Images are read and augmented in parallel, in a fixed order.

    Args:
        records: sequence of `ImageRecord`. The images.
        labels: ints, `(len(records),)`. The training label of each record.
        sampler: `RandomSampler`, `IdentitySampler` or alike: `sampler(step) -> record indices (batch_size,)`, with the
            attribute `batch_size`.
        augmentation: `Augmentation`. Done to each image.
        image_height: int. Height of the images in pixels.
        image_width: int. Width of the images in pixels.
        seed: int. Of the run; decides the augmentation.
        start_step: int. The step of the first batch. Defaults to `0`.

    Returns:
        A dataset of `(images, labels)`: float32 in [0, 1], `(batch_size, image_height, image_width, 3)`, and int32,
        `(batch_size,)`. A file that cannot be read ends the iteration by an error that `user_error_from` translates.

    Raises:
        ValueError: if there is not one label a record.

    Example:
        >>> import os, tempfile
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.pipeline import Augmentation, RandomSampler, training_batches
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "0002_c1s1_000451_03.png")
        ...     Image.new("RGB", (64, 128), "red").save(path)
        ...     records = [ImageRecord(path, identity=2), ImageRecord(path, identity=2)]
        ...     batches = training_batches(records, [0, 0], RandomSampler(2, 2, seed=0), Augmentation(), 32, 16, seed=0)
        ...     images, labels = next(iter(batches))
        >>> images.shape, labels.numpy().tolist()
        (TensorShape([2, 32, 16, 3]), [0, 0])
    """
    if len(records) != len(labels):
        raise ValueError(f"Expected one label a record. Received: {len(labels)} labels, {len(records)} records")
    all_labels = tf.constant(np.asarray(labels, np.int32))
    batch_size = sampler.batch_size
    read = _reader(records, image_height, image_width, at_once=1)

    def sample_in_python(step):
        return np.asarray(sampler(int(step)), np.int64)

    def sample(step):
        return tf.ensure_shape(tf.numpy_function(sample_in_python, [step], tf.int64), [batch_size])

    def augment(step, batch):
        images, batch_labels = batch
        sample_index = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        return augmentation.augment(_to_unit_range(images), seed, sample_index), batch_labels

    steps = tf.data.Dataset.range(start_step, _ENDLESS)
    indices = steps.map(sample).unbatch()
    batches = _map(indices, lambda index: (read(index)[0], tf.gather(all_labels, index)))
    batches = tf.data.Dataset.zip(steps, batches.batch(batch_size, drop_remainder=True))
    return _map(batches, augment).prefetch(_BATCHES_AHEAD)


def evaluation_batches(
    records: Sequence[ImageRecord], image_height: int, image_width: int, batch_size: int
) -> tf.data.Dataset:
    """Every image once, in the records' order and without augmentation.

    Args:
        records: sequence of `ImageRecord`. The images.
        image_height: int. Height of the images in pixels.
        image_width: int. Width of the images in pixels.
        batch_size: int. Images in a batch; the last batch may have fewer.

    Returns:
        A dataset of float32 images in [0, 1], `(n, image_height, image_width, 3)`. A file that cannot be read ends the
        iteration by an error that `user_error_from` translates.

    Example:
        >>> import os, tempfile
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.pipeline import evaluation_batches
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "0002_c1s1_000451_03.png")
        ...     Image.new("RGB", (64, 128), "red").save(path)
        ...     batches = evaluation_batches([ImageRecord(path, identity=2)] * 3, 32, 16, batch_size=2)
        ...     [len(images) for images in batches]
        [2, 1]
    """
    read = _reader(records, image_height, image_width)
    some = _map(tf.data.Dataset.range(0, len(records), _READ_AT_ONCE), read)
    return some.rebatch(batch_size).map(_to_unit_range).prefetch(_BATCHES_AHEAD)


def user_error_from(error: tf.errors.OpError) -> UserError | None:
    """Finds the `UserError` that was raised while a dataset read its images.

    TensorFlow reports an exception of a dataset's Python code as an `OpError` with the exception's text inside.

    Args:
        error: `tf.errors.OpError`. What the iteration raised.

    Returns:
        The user's error with its own one-line message, or `None` if the error was of another kind.

    Example:
        >>> import tensorflow as tf
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.pipeline import evaluation_batches, user_error_from
        >>> batches = evaluation_batches([ImageRecord("missing.jpg", identity=2)], 32, 16, batch_size=2)
        >>> try:
        ...     next(iter(batches))
        ... except tf.errors.OpError as error:
        ...     print(user_error_from(error))
        Expected an image file, found none. Received: path='missing.jpg'. Check the data folder or the list
    """
    found = re.search(r"UserError: (.+)", error.message)
    return UserError(found[1]) if found else None


def _reader(
    records: Sequence[ImageRecord], height: int, width: int, at_once: int = _READ_AT_ONCE
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function of tf.data from a record's index to the uint8 images of it and those after it, `at_once` or fewer."""
    # Paths stay in Python: as tensors they would have to be valid UTF-8.
    paths = [record.path for record in records]

    def read_in_python(first):
        return np.stack([read_image(path, height, width) for path in paths[int(first) : int(first) + at_once]])

    def read(first):
        return tf.ensure_shape(tf.numpy_function(read_in_python, [first], tf.uint8), [None, height, width, 3])

    return read


def _map(dataset: tf.data.Dataset, function: Callable) -> tf.data.Dataset:
    return dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _to_unit_range(images: tf.Tensor) -> tf.Tensor:
    return tf.cast(images, tf.float32) / 255.0
