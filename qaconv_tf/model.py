"""MatchingModel: a backbone that makes feature maps and a matcher that scores pairs of them."""

import os
import zipfile

import keras

from qaconv_tf.backbones import build_backbone
from qaconv_tf.errors import UserError
from qaconv_tf.matching import QAConv


@keras.saving.register_keras_serializable(package="qaconv_tf")
class MatchingModel(keras.Model):
    """Images to feature maps to scores.

    Args:
        backbone: a `Backbone`: images to L2-normalised feature maps of one fixed shape.
        matcher: a `QAConv`, built here for the backbone's maps.

    Call arguments:
        query_images: float in [0, 1] or uint8, RGB, `(num_query, image_height, image_width, 3)`.
        gallery_images: the same, `(num_gallery, image_height, image_width, 3)`.
        training: bool. Defaults to `False`.

    Returns:
        Scores `(num_query, num_gallery)`. Higher is more alike.

    Raises:
        ValueError: if images or maps have another size than the model's.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> model = qt.build_model("mobilenet_v2", weights=None, image_height=64, image_width=32)
        >>> images = np.random.default_rng(0).uniform(size=(2, 64, 32, 3)).astype("float32")
        >>> maps = model.extract(images)
        >>> model.match(maps, maps).shape
        TensorShape([2, 2])

    Reference:
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424).
    """

    def __init__(self, backbone, matcher, **kwargs):
        super().__init__(**kwargs)
        self.backbone = backbone
        self.matcher = matcher
        if not matcher.built:
            matcher.build((None, *backbone.feature_shape), (None, *backbone.feature_shape))
        self.built = True

    def extract(self, images, training=False):
        """Returns feature maps `(n, height, width, channels)`, L2-normalised along channels, float32.

        Args:
            images: float in [0, 1] or uint8, RGB, `(n, image_height, image_width, 3)`.
            training: bool. Whether BatchNorm uses and records the batch's statistics. Defaults to `False`.
        """
        return self.backbone(images, training=training)

    def match(self, query_maps, gallery_maps, training=False, engine="xla"):
        """Returns scores `(num_query, num_gallery)` of feature maps; see `QAConv`."""
        return self.matcher(query_maps, gallery_maps, training=training, engine=engine)

    def call(self, query_images, gallery_images, training=False):
        """Returns the scores of two stacks of images; see the class."""
        return self.match(self.extract(query_images, training), self.extract(gallery_images, training), training)

    def get_config(self):
        """Returns what `from_config` needs."""
        parts = {"backbone": self.backbone, "matcher": self.matcher}
        return super().get_config() | {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}

    @classmethod
    def from_config(cls, config):
        """Returns a model with the layers that `get_config` described, without their weights."""
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("backbone", "matcher")}
        return cls(**(config | parts))


def build_model(
    backbone="mobilenet_v2", weights="imagenet", head="uniform", trainable_scales=False, **backbone_options
):
    """Returns a `MatchingModel` from names.

    Args:
        backbone: str. A name that `build_backbone` knows: `"mobilenet_v2"`, `"resnet18"` .. `"resnet152"`.
        weights: `"imagenet"`, the path of a PyTorch state dict, or `None` for random ones. Defaults to `"imagenet"`.
        head: see `QAConv`. Defaults to `"uniform"`, which does not overfit the framing of small training sets.
        trainable_scales: see `QAConv`. Defaults to `False`, as a margin loss can shrink learned scales to nothing.
        **backbone_options: see `Backbone`: `image_height`, `image_width`, `neck_channels`, ...

    Returns:
        A built model.

    Raises:
        UserError: if a name is unknown or weights cannot be read.

    Example:
        >>> import qaconv_tf as qt
        >>> qt.build_model("resnet18", weights=None, image_height=64, image_width=32).matcher.head
        'uniform'
    """
    matcher = QAConv(head=head, trainable_scales=trainable_scales)
    return MatchingModel(build_backbone(backbone, weights=weights, **backbone_options), matcher)


def load_model(path):
    """Returns the `MatchingModel` of a `.keras` file, such as `model.keras` of a run folder.

    Args:
        path: str or path.

    Raises:
        UserError: if the file is missing, is no `.keras` file, or holds something else.

    Example:
        >>> import os, tempfile
        >>> import qaconv_tf as qt
        >>> model = qt.build_model(weights=None, image_height=64, image_width=32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(os.path.join(folder, "model.keras"))
        ...     qt.load_model(os.path.join(folder, "model.keras")).backbone.feature_shape
        (4, 2, 96)
    """
    if not os.path.isfile(path):
        raise UserError(f"Expected a model saved as a .keras file. Received: path={str(path)!r}, which is no file")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        first_line = str(error).strip().split("\n")[0]
        raise UserError(f"Expected a model saved by qaconv_tf. Received: path={str(path)!r} ({first_line})") from error
    if not isinstance(model, MatchingModel):
        raise UserError(f"Expected a MatchingModel. Received: path={str(path)!r} with a {type(model).__name__}")
    return model
