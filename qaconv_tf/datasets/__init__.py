"""What is on disk, as records; without TensorFlow."""

from qaconv_tf.datasets.clocks import set_clock
from qaconv_tf.datasets.combined import combine_training_parts
from qaconv_tf.datasets.records import ImageRecord, ReidDataset, training_labels
from qaconv_tf.datasets.registry import DATASETS, load_dataset, parse_dataset, require_split
from qaconv_tf.datasets.splits import write_splits

__all__ = [
    "DATASETS",
    "ImageRecord",
    "ReidDataset",
    "combine_training_parts",
    "load_dataset",
    "parse_dataset",
    "require_split",
    "set_clock",
    "training_labels",
    "write_splits",
]
