"""Images to feature maps."""

from qaconv_tf.backbones.backbone import BODY_NAMES, Backbone
from qaconv_tf.backbones.build import build_backbone
from qaconv_tf.backbones.neck import initialize_neck_with_pca
from qaconv_tf.backbones.torch_file import read_state_dict
from qaconv_tf.backbones.weights import WeightReport, load_torch_weights

__all__ = [
    "BODY_NAMES",
    "Backbone",
    "WeightReport",
    "build_backbone",
    "initialize_neck_with_pca",
    "load_torch_weights",
    "read_state_dict",
]
