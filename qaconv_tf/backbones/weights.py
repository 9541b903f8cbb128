"""Weights from PyTorch's names and layouts into a body, every tensor accounted for."""

import dataclasses
import pathlib

import keras
import numpy as np

from qaconv_tf.errors import UserError

_ASSET = pathlib.Path(__file__).parents[1] / "assets" / "mobilenet_v2_imagenet.npz"


@dataclasses.dataclass(frozen=True)
class WeightReport:
    """What became of the tensors of a state dict.

    Args:
        used: tuple of str. Names that went into the body.
        unused: tuple of str. Names that the body has no place for.
    """

    used: tuple[str, ...]
    unused: tuple[str, ...]


def load_torch_weights(body, state_dict, origin="the state dict"):
    """Copies a torch state dict into a body whose layers are named as torch names its modules.

    A layer `name` takes `name.weight`, normalisations also `name.bias`, `name.running_mean` and `name.running_var`.
    All names and shapes are checked before anything is copied.

    Args:
        body: functional `keras.Model`, as `mobilenet_v2_body` and `resnet_body` make them.
        state_dict: dict of str to array. Convolutions `(out, in, height, width)`, any number type.
        origin: str. What to call the state dict in an error. Defaults to `"the state dict"`.

    Returns:
        A `WeightReport`.

    Raises:
        UserError: if a tensor is missing or of another shape than its variable, naming it.

    Example:
        >>> from qaconv_tf.backbones.mobilenet_v2 import mobilenet_v2_body
        >>> from qaconv_tf.backbones.weights import load_torch_weights
        >>> load_torch_weights(mobilenet_v2_body(32, 32, levels=(8,)), {})
        Traceback (most recent call last):
        ...
        qaconv_tf.errors.UserError: Expected tensor 'features.0.0.weight' of shape (32, 3, 3, 3). Received: none of \
that name among the 0 of the state dict. Is it of another architecture?
    """
    places = {name: place for layer in body.layers for name, place in _places(layer)}
    for name, (variable, axes) in places.items():
        expected = _torch_shape(variable, axes)
        if name not in state_dict:
            raise UserError(
                f"Expected tensor {name!r} of shape {expected}. Received: none of that name among the "
                f"{len(state_dict)} of {origin}. Is it of another architecture?"
            )
        if np.shape(state_dict[name]) != expected:
            raise UserError(
                f"Expected tensor {name!r} of shape {expected}. Received: shape {np.shape(state_dict[name])} in "
                f"{origin}. Is it of another architecture?"
            )
    for name, (variable, axes) in places.items():
        variable.assign(np.transpose(np.asarray(state_dict[name], np.float32), axes))
    return WeightReport(used=tuple(places), unused=tuple(name for name in state_dict if name not in places))


def torch_shapes(body):
    """Names and shapes of the tensors that `load_torch_weights` wants.

    Args:
        body: functional `keras.Model`, as `mobilenet_v2_body` and `resnet_body` make them.

    Returns:
        A dict of str to tuple of int, in PyTorch's layout.

    Example:
        >>> from qaconv_tf.backbones.mobilenet_v2 import mobilenet_v2_body
        >>> from qaconv_tf.backbones.weights import torch_shapes
        >>> torch_shapes(mobilenet_v2_body(32, 32, levels=(8,)))["features.1.conv.0.0.weight"]
        (32, 1, 3, 3)
    """
    places = (place for layer in body.layers for place in _places(layer))
    return {name: _torch_shape(variable, axes) for name, (variable, axes) in places}


def load_asset_weights(body):
    """Copies the ImageNet weights that the package ships into a MobileNetV2 body.

    Args:
        body: functional `keras.Model`, as `mobilenet_v2_body` makes it. Trained on RGB, normalised by ImageNet's mean
            and standard deviation.

    Returns:
        A `WeightReport`.

    Raises:
        UserError: if the body is no MobileNetV2.
    """
    with np.load(_ASSET, allow_pickle=False) as tensors:
        return load_torch_weights(body, dict(tensors), origin=_ASSET.name)


def _places(layer):
    """Pairs of torch name and (variable, the torch axis of each of its axes)."""
    match layer:
        case keras.layers.DepthwiseConv2D():
            return [(f"{layer.name}.weight", (layer.kernel, (2, 3, 0, 1)))]
        case keras.layers.Conv2D():
            return [(f"{layer.name}.weight", (layer.kernel, (2, 3, 1, 0)))]
        case keras.layers.BatchNormalization():
            names = ("weight", "bias", "running_mean", "running_var")
            variables = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
        case keras.layers.GroupNormalization():
            names, variables = ("weight", "bias"), (layer.gamma, layer.beta)
        case _:
            return []
    return [(f"{layer.name}.{name}", (variable, (0,))) for name, variable in zip(names, variables, strict=True)]


def _torch_shape(variable, axes):
    return tuple(variable.shape[axes.index(axis)] for axis in range(len(axes)))
