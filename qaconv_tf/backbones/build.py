"""A backbone by name, with weights."""

from absl import logging

from qaconv_tf.backbones import mobilenet_v2, resnet
from qaconv_tf.backbones.backbone import Backbone
from qaconv_tf.backbones.torch_file import flat_tensors, read_state_dict
from qaconv_tf.backbones.weights import body_places, load_asset_weights, load_places, module_prefix, why_uncounted
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
        report = fill_body(backbone, read_state_dict(weights), str(weights))
        logging.info("%s: %d tensors read, %d refused", weights, len(report.used), len(report.refused))
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


def recognized_body(names):
    """Which body a state dict is of.

    Args:
        names: iterable of str. Names of its tensors.

    Returns:
        Name and IBN variant as `Backbone` takes them, or None.

    Example:
        >>> from qaconv_tf.backbones.build import recognized_body
        >>> recognized_body(["features.0.0.weight", "classifier.1.weight"])
        ('mobilenet_v2', 'none')
    """
    names = list(names)
    if "features.0.0.weight" in names:
        return "mobilenet_v2", "none"
    found = resnet.recognized(names)
    return found and (f"resnet{found[0]}", found[1])


def fill_body(backbone, contents, origin):
    """Copies what a PyTorch file holds into a backbone's body.

    Args:
        backbone: `Backbone`.
        contents: dict, as `read_state_dict` returns it: a state dict in torchvision's or IBN-Net's names, or one beside
            other things as `"state_dict"`; each name with `module.` before it, or none.
        origin: str. What to call the file in an error.

    Returns:
        A `WeightReport` of all tensors of the file.

    Raises:
        UserError: if a tensor is missing, of another shape or unknown, naming it.
    """
    tensors = dict(flat_tensors(contents))
    section = "state_dict." if "state_dict" in contents else ""
    prefix = module_prefix(tensors, section)
    places = {prefix + name: place for name, place in body_places(backbone.body).items()}

    def why_refused(name):
        if not name.startswith(section):
            return "beside the state dict"
        return why_unread(backbone.body_name, backbone.levels, name.removeprefix(prefix))

    return load_places(places, tensors, why_refused, origin)


def why_unread(body_name, levels, name):
    """Why a body has no place for a tensor of its own network.

    Args:
        body_name: str. As `Backbone` takes it.
        levels: tuple of int. As `Backbone` has it.
        name: str. The tensor's, in torchvision's or IBN-Net's names.

    Returns:
        str, or None if the network has no such tensor.
    """
    family = mobilenet_v2 if body_name == "mobilenet_v2" else resnet
    beyond = "beyond the last level" if name.startswith(family.unread_prefixes(levels)) else None
    return why_uncounted(name) or beyond
