"""A backbone by name, with weights."""

from absl import logging

from qaconv_tf.backbones import mobilenet_v2, resnet
from qaconv_tf.backbones.backbone import Backbone
from qaconv_tf.backbones.torch_file import read_state_dict
from qaconv_tf.backbones.weights import load_asset_weights, load_torch_weights
from qaconv_tf.errors import UserError

_TORCHVISION_PAGE = "https://docs.pytorch.org/vision/stable/models.html"
_IBN_NET_PAGE = "https://github.com/XingangPan/IBN-Net/releases"

# (body, ibn) -> the file that its authors publish.
_PUBLISHED_FILES = {
    ("resnet18", "none"): "resnet18-f37072fd.pth",
    ("resnet34", "none"): "resnet34-b627a593.pth",
    ("resnet50", "none"): "resnet50-0676ba61.pth",
    ("resnet101", "none"): "resnet101-63fe2227.pth",
    ("resnet152", "none"): "resnet152-394f9c45.pth",
    ("resnet18", "a"): "resnet18_ibn_a-2f571257.pth",
    ("resnet34", "a"): "resnet34_ibn_a-94bc1577.pth",
    ("resnet50", "a"): "resnet50_ibn_a-d9d0bb7b.pth",
    ("resnet101", "a"): "resnet101_ibn_a-59ea0ac6.pth",
    ("resnet18", "b"): "resnet18_ibn_b-bc2f3c11.pth",
    ("resnet34", "b"): "resnet34_ibn_b-04134c37.pth",
    ("resnet50", "b"): "resnet50_ibn_b-9ca61e85.pth",
    ("resnet101", "b"): "resnet101_ibn_b-c55f6dba.pth",
}


def build_backbone(name, weights="imagenet", **options):
    """Makes a `Backbone` and gives its body weights.

    Args:
        name: str. `"mobilenet_v2"`, `"resnet18"`, `"resnet34"`, `"resnet50"`, `"resnet101"` or `"resnet152"`.
        weights: `"imagenet"`, a path or `None`. `"imagenet"`: the shipped weights, for `"mobilenet_v2"` only. A path:
            a PyTorch state dict in torchvision's or IBN-Net's names. `None`: random. Defaults to `"imagenet"`.
        **options: further arguments of `Backbone`.

    Returns:
        A `Backbone`.

    Raises:
        UserError: if the name is unknown, the package has no such weights (the message says which file has, and
            where it comes from), or the file does not fit.

    Example:
        >>> from qaconv_tf.backbones import build_backbone
        >>> backbone = build_backbone("mobilenet_v2", image_height=64, image_width=32, levels=(8, 16))
        >>> backbone.feature_shape
        (8, 4, 96)
    """
    backbone = Backbone(name, **options)
    if weights == "imagenet" and name == "mobilenet_v2":
        load_asset_weights(backbone.body)
    elif weights == "imagenet":
        raise UserError(_where_to_find(name, backbone.ibn))
    elif weights is not None:
        _load_file(backbone, weights)
    return backbone


def _where_to_find(name, ibn):
    if (name, ibn) not in _PUBLISHED_FILES:
        return f"Expected weights as a path or None: none are published. Received: 'imagenet' for {name} with ibn={ibn}"
    page = _TORCHVISION_PAGE if ibn == "none" else _IBN_NET_PAGE
    file = _PUBLISHED_FILES[name, ibn]
    return (
        f"Expected weights as a path: ImageNet weights of {name} with ibn={ibn} are not shipped. Received: 'imagenet'. "
        f"Get {file} as listed on {page}, put it anywhere and pass its path, such as weights='weights/{file}'"
    )


def _load_file(backbone, path):
    contents = read_state_dict(path)
    state_dict = contents.get("state_dict", contents)
    report = load_torch_weights(backbone.body, state_dict, origin=str(path))
    family = mobilenet_v2 if backbone.body_name == "mobilenet_v2" else resnet
    beyond = family.unread_prefixes(backbone.levels)
    # num_batches_tracked: a counter beside each batch normalisation, which Keras does not keep.
    known = [name for name in report.unused if name.startswith(beyond) or name.endswith(".num_batches_tracked")]
    strange = sorted(set(report.unused) - set(known))
    if strange:
        raise UserError(
            f"Expected the weights of {backbone.body_name} with ibn={backbone.ibn}. Received: {path} with "
            f"{strange[0]!r} and {len(strange) - 1} more that have no place there. Is it of another architecture?"
        )
    logging.info("%s: %d tensors read, %d beyond the last level", path, len(report.used), len(report.unused))
