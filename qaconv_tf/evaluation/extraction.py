"""A model and records of images -> feature maps, in memory or in a file."""

import weakref

import numpy as np
import tensorflow as tf

from qaconv_tf.backbones.folding import FoldedBody
from qaconv_tf.errors import UserError
from qaconv_tf.pipeline.batches import evaluation_batches, user_error_from

# Model -> precision -> its compiled extraction. A new one for each call would be traced anew each time.
_EXTRACTORS = weakref.WeakKeyDictionary()


def extract_feature_maps(model, records, batch_size=64, progress=None, precision="fp32", output=None):
    """Reads the images of some records and returns their feature maps.

    Args:
        model: `MatchingModel`, or anything with `.extract(images)`, `.backbone.image_height` and `.image_width`.
        records: sequence of `ImageRecord`, at least one.
        batch_size: int. Images extracted at once. Defaults to `64`.
        progress: callable or None. Called as `progress(done, total)`, in images, after each batch. Defaults to `None`.
        precision: `"fp32"`; or `"bf16"`: the body is run in bfloat16, which moves the maps. Not of models without
            `.backbone.body`. Defaults to `"fp32"`.
        output: float32 array or memory map `(len(records), height, width, channels)` to write to. Defaults to `None`, a
            new array.

    Returns:
        float32 array `(len(records), height, width, channels)`, in the records' order: `output`, if given.

    Raises:
        UserError: if an image cannot be read, or a feature map is not finite.

    Example:
        >>> import tempfile
        >>> import qaconv_tf as qt
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.extraction import extract_feature_maps
        >>> model = qt.build_model(image_height=64, image_width=32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (20, 50), "red").save(f"{folder}/red.png")
        ...     maps = extract_feature_maps(model, [ImageRecord(f"{folder}/red.png", identity="ann")])
        >>> maps.shape, maps.dtype.name
        ((1, 4, 2, 96), 'float32')
    """
    batch_size = min(batch_size, len(records))
    height, width = model.backbone.image_height, model.backbone.image_width
    extract = _extractor(model, precision)
    maps = output
    done = 0
    for images in _read_batches(records, height, width, batch_size):
        count = len(images)
        # The last batch is filled up to the shape of the others, so that nothing is traced twice.
        filled = tf.pad(images, [[0, batch_size - count], [0, 0], [0, 0], [0, 0]])
        batch_maps = extract(filled).numpy()[:count]
        _check_finite(batch_maps, records[done : done + count])
        if maps is None:
            maps = np.empty((len(records), *batch_maps.shape[1:]), np.float32)
        maps[done : done + count] = batch_maps
        done += count
        if progress is not None:
            progress(done, len(records))
    return maps


def _extractor(model, precision):
    """Returns a model's compiled extraction, with the weights that the model has now."""
    of_model = _EXTRACTORS.setdefault(model, {})
    if precision not in of_model:
        of_model[precision] = _Extractor(model, precision)
    of_model[precision].refresh()
    return of_model[precision].extract


class _Extractor:
    def __init__(self, model, precision):
        # Weakly: what a weak dictionary holds must not hold its own key.
        self._model = weakref.ref(model)
        body = getattr(model.backbone, "body", None)
        self._folded = FoldedBody(body, precision) if body is not None else None
        self.extract = tf.function(self._extract)

    def refresh(self):
        if self._folded is not None:
            self._folded.refresh(self._model().backbone.body)

    def _extract(self, images):
        if self._folded is None:
            return self._model().extract(images)
        return self._model().backbone.call(images, body=self._folded.body)


def _read_batches(records, height, width, batch_size):
    try:
        yield from evaluation_batches(records, height, width, batch_size)
    except tf.errors.OpError as error:
        user_error = user_error_from(error)
        if user_error is None:
            raise
        raise user_error from error


def _check_finite(maps, records):
    # Checked here because XLA's maximum passes over NaN: a diverged model's scores would be -inf, and would be ranked.
    bad = ~np.isfinite(maps).all(axis=(1, 2, 3))
    if bad.any():
        raise UserError(
            f"Expected finite feature maps. Received: NaN or infinity for {records[int(np.argmax(bad))].path!r} first. "
            "The model's weights have diverged or are damaged: take an earlier checkpoint"
        )
