"""What is on disk, as records; without TensorFlow."""

from qaconv_tf.datasets.combined import combine_training_parts
from qaconv_tf.datasets.records import ImageRecord, ReidDataset, training_labels
from qaconv_tf.datasets.registry import DATASETS, load_dataset, parse_dataset, require_split

__all__ = [
    "DATASETS",
    "ImageRecord",
    "ReidDataset",
    "combine_training_parts",
    "load_dataset",
    "parse_dataset",
    "require_split",
    "training_labels",
]
