"""What a data set is once it has been read: plain records, without TensorFlow."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class ImageRecord:
    """One image of one identity.

    Args:
        path: str. The image file.
        identity: int or str. The data set's own identity (not the training label 0..C-1).
        camera: int or None. Camera, from 0. `None` where unknown: such an image shares its camera with no other, so
            the same-camera rule never ignores it. Defaults to `None`.
        timestamp: float or None. Seconds on that camera's clock, `None` where unknown. Defaults to `None`.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> ImageRecord("query/0002_c1s1_000451_03.jpg", identity=2, camera=0, timestamp=18.04).camera
        0
    """

    path: str
    identity: int | str
    camera: int | None = None
    timestamp: float | None = None


@dataclasses.dataclass(frozen=True)
class ReidDataset:
    """The three parts of a re-identification data set; a part that the set lacks is empty.

    Args:
        name: str. The registered name, such as `"market1501"`.
        train: sequence of `ImageRecord`. Never holds junk or distractors.
        query: sequence of `ImageRecord`.
        gallery: sequence of `ImageRecord`. Holds distractors (wrong answers on purpose), never junk.

    Example:
        >>> from qaconv_tf.datasets.records import ReidDataset
        >>> ReidDataset("market1501", train=(), query=(), gallery=()).train
        ()
    """

    name: str
    train: Sequence[ImageRecord]
    query: Sequence[ImageRecord]
    gallery: Sequence[ImageRecord]
