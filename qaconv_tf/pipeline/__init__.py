"""Records -> batches of images (tf.data)."""

from qaconv_tf.pipeline.augmentation import Augmentation
from qaconv_tf.pipeline.batches import evaluation_batches, training_batches, user_error_from
from qaconv_tf.pipeline.graph_sampler import GraphSampler
from qaconv_tf.pipeline.identity_sampler import GroupSampler, IdentitySampler, RandomSampler
from qaconv_tf.pipeline.images import read_image

__all__ = [
    "Augmentation",
    "GraphSampler",
    "GroupSampler",
    "IdentitySampler",
    "RandomSampler",
    "evaluation_batches",
    "read_image",
    "training_batches",
    "user_error_from",
]
