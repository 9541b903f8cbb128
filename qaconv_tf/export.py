"""A MatchingModel as a SavedModel with named signatures, which needs neither Python nor this package to run."""

import hashlib
import json
import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from qaconv_tf import __version__
from qaconv_tf.errors import UserError
from qaconv_tf.matching import QAConv
from qaconv_tf.model import MatchingModel


def export_saved_model(model, directory):
    """Writes a model as the next version of a SavedModel, in the layout that TensorFlow Serving reads.

    Signatures: `serving_default` (encoded images to feature maps), `extract` (uint8 images to feature maps), `match`
    (feature maps to scores) and `match_images` (encoded images to scores). Any number of images is taken, none
    included; images and maps of another size than the model's are refused. No operation needs XLA.

    `assets.extra/qaconv_tf.json` in the version's folder records sizes, head, temperature, package version and a
    SHA-256 of the weights.

    Args:
        model: `MatchingModel`.
        directory: str or path. Folder of the versions, made if it is missing. The new one is named by the next number
            after those there, and appears when it is complete; nothing is overwritten.

    Returns:
        str. The folder of the new version, `directory/1` for the first.

    Raises:
        TypeError: if `model` is no `MatchingModel`.
        UserError: if the folder cannot be written.

    Example:
        >>> import tempfile
        >>> import qaconv_tf as qt
        >>> model = qt.build_model(weights=None, image_height=32, image_width=32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     os.path.relpath(qt.export_saved_model(model, folder), folder)
        '1'
    """
    if not isinstance(model, MatchingModel):
        raise TypeError(f"Expected a MatchingModel. Received: model={model!r} of type {type(model).__name__}")
    archive = keras.export.ExportArchive()
    for name, function, inputs in _signatures(model):
        archive.add_endpoint(name, function, inputs)
    try:
        os.makedirs(directory, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".incomplete-", dir=directory) as temporary:
            # A folder inside it, because the temporary folder itself may be read by its owner only.
            incomplete = os.path.join(temporary, "version")
            archive.write_out(incomplete, verbose=False)
            _write_description(model, os.path.join(incomplete, "assets.extra"))
            version = os.path.join(directory, str(_next_version(directory)))
            os.rename(incomplete, version)
    except OSError as error:
        raise UserError(
            f"Expected a folder that can be written. Received: directory={str(directory)!r} ({error.strerror}). "
            "Choose another folder"
        ) from error
    return version


def _signatures(model):
    """Yields (name, function, input specifications)."""
    matcher = _without_jit(model.matcher)
    images = tf.TensorSpec([None, model.backbone.image_height, model.backbone.image_width, 3], tf.uint8, "images")
    map_shape = [None, *model.backbone.feature_shape]

    # One graph of the backbone, which the signatures share.
    @tf.function(input_signature=[images], autograph=False)
    def extract(images):
        # TensorFlow's oneDNN convolution of no images has the shape of its input: one black image takes their place.
        number = tf.shape(images)[0]
        black = tf.zeros([1, *images.shape[1:]], tf.uint8)
        images = tf.ensure_shape(images, [None, *images.shape[1:]])  # which a session does not
        images = tf.concat([images, black[: tf.cast(number == 0, tf.int32)]], axis=0)
        return {"feature_maps": model.extract(images)[:number]}

    def extract_encoded(image_bytes):
        return extract(_decode_images(image_bytes, *images.shape[1:3]))

    def match(query_maps, gallery_maps):
        # A session does not hold its inputs to the signature: larger maps would become more maps of the right size.
        query_maps, gallery_maps = (tf.ensure_shape(maps, map_shape) for maps in (query_maps, gallery_maps))
        return {"scores": matcher(query_maps, gallery_maps)}

    def match_encoded(query_bytes, gallery_bytes):
        return match(*(extract_encoded(encoded)["feature_maps"] for encoded in (query_bytes, gallery_bytes)))

    def maps(name):
        return tf.TensorSpec(map_shape, tf.float32, name)

    def encoded(name):
        return tf.TensorSpec([None], tf.string, name)

    yield "serving_default", extract_encoded, [encoded("image_bytes")]
    yield "extract", extract, [images]
    yield "match", match, [maps("query_maps"), maps("gallery_maps")]
    yield "match_images", match_encoded, [encoded("query_bytes"), encoded("gallery_bytes")]


def _without_jit(matcher):
    """A copy of a matcher for runtimes that cannot compile."""
    copy = QAConv.from_config(matcher.get_config() | {"jit_compile": False})
    copy.build((None, *matcher.feature_shape), (None, *matcher.feature_shape))
    copy.set_weights(matcher.get_weights())
    return copy


def _decode_images(image_bytes, height, width):
    """Encoded images `(n,)` to uint8 `(n, height, width, 3)`, as `pipeline.read_image` makes them of files."""
    specification = tf.TensorSpec([height, width, 3], tf.uint8)
    return tf.map_fn(lambda one: _resize(_decode(one), height, width), image_bytes, fn_output_signature=specification)


def _decode(image_bytes):
    def decode_jpeg():
        # As Pillow; decode_image takes the faster inverse transform, which is off by up to 21 of 255.
        return tf.io.decode_jpeg(image_bytes, channels=3, dct_method="INTEGER_ACCURATE")

    def decode_other():
        # TensorFlow would take a palette's indices for grey levels. Byte 28 of a BMP holds its bits a pixel.
        palette = tf.strings.regex_full_match(tf.strings.substr(image_bytes, 0, 29), r"BM\C{26}[\x01\x04\x08]")
        message = "Expected a BMP image of 24 or 32 bits a pixel. Received one with a palette"
        with tf.control_dependencies([tf.debugging.Assert(~palette, [message])]):
            return tf.io.decode_image(image_bytes, channels=3, expand_animations=False)

    return tf.cond(tf.io.is_jpeg(image_bytes), decode_jpeg, decode_other)


def _resize(image, height, width):
    """Pillow's bicubic resize: one axis after the other, each pass rounded to whole levels."""
    rows, columns = tf.shape(image)[0], tf.shape(image)[1]
    # Since version 13 Pillow begins with the height where it shrinks by more than twice the pixels of the width.
    height_first = (rows > height) & (rows - height > 2 * (columns - width))
    first_size = tf.where(height_first, [height, columns], [rows, width])
    for size in (first_size, [height, width]):
        image = tf.image.resize(image, size, "bicubic", antialias=True)
        image = tf.clip_by_value(tf.floor(image + 0.5), 0.0, 255.0)
    return tf.cast(image, tf.uint8)


def _write_description(model, folder):
    description = {
        "qaconv_tf": __version__,
        "image_height": model.backbone.image_height,
        "image_width": model.backbone.image_width,
        "feature_shape": model.backbone.feature_shape,
        "head": model.matcher.head,
        "temperature": float(model.matcher.temperature),
        "weights_sha256": _weights_digest(model),
    }
    os.makedirs(folder)
    with open(os.path.join(folder, "qaconv_tf.json"), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=1)
        file.write("\n")


def _weights_digest(model):
    """SHA-256 of dtype, shape and bytes of each weight in the order of `model.weights`, whatever their names."""
    digest = hashlib.sha256()
    for weight in model.weights:
        values = np.asarray(weight)
        digest.update(f"{values.dtype}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _next_version(directory):
    return max((int(name) for name in os.listdir(directory) if name.isdecimal()), default=0) + 1
