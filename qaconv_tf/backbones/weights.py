"""Weights from PyTorch's names and layouts into a body, every tensor accounted for."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from qaconv_tf.errors import UserError

_ASSET = pathlib.Path(__file__).parents[1] / "assets" / "mobilenet_v2_imagenet.npz"


@dataclasses.dataclass(frozen=True)
class TensorFate:
    """What became of one tensor of a file.

    Args:
        name: str. In the file.
        shape: tuple of int. In the file.
        fate: `"used"`: it went into a layer of its own module's name; `"renamed"`: into another; `"refused"`.
        detail: str. The variable's path, or the reason of the refusal.
    """

    name: str
    shape: tuple[int, ...]
    fate: str
    detail: str


@dataclasses.dataclass(frozen=True)
class WeightReport:
    """What became of the tensors of a state dict.

    Args:
        tensors: tuple of `TensorFate`, in the state dict's order.
    """

    tensors: tuple[TensorFate, ...]

    @property
    def used(self):
        """Names of those that went into a variable."""
        return tuple(tensor.name for tensor in self.tensors if tensor.fate != "refused")

    @property
    def refused(self):
        """Names of those that did not."""
        return tuple(tensor.name for tensor in self.tensors if tensor.fate == "refused")


class TorchPlace(NamedTuple):
    """Where a tensor of a torch state dict goes.

    Args:
        path: str. Layer and variable, `"layer1.0.conv1/kernel"`.
        variable: the variable.
        shape: tuple of int. The tensor's.
        convert: function of the tensor, returning an array of the variable's shape.
    """

    path: str
    variable: keras.Variable
    shape: tuple[int, ...]
    convert: Callable


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
        qaconv_tf.errors.UserError: Expected tensor 'features.0.0.weight' of shape (32, 3, 3, 3). Received: none \
among the 0 of the state dict. Is it of another architecture?
    """
    return load_places(body_places(body), state_dict, lambda name: "no place in the body", origin)


def load_places(places, tensors, why_refused, origin):
    """Copies tensors into their places, and says what became of each.

    All names and shapes are checked before anything is copied.

    Args:
        places: dict of tensor name to `TorchPlace`, as `body_places` makes it.
        tensors: dict of str to array, any number type.
        why_refused: function of a tensor's name, returning the reason why it may be left out, or None.
        origin: str. What to call the tensors' file in an error.

    Returns:
        A `WeightReport`.

    Raises:
        UserError: if a tensor is missing, of another shape than its place wants, or has neither a place nor a reason
            to be left out, naming it.
    """
    for name, place in places.items():
        _check(name, place, tensors, origin)
    fates = {name: ("refused", why_refused(name)) for name in tensors if name not in places}
    strange = [name for name, (_, reason) in fates.items() if reason is None]
    if strange:
        raise UserError(
            f"Expected tensors that have a place in the model. Received: {strange[0]!r} and {len(strange) - 1} more of "
            f"{origin} that have none. Is it of another architecture?"
        )
    for name, place in places.items():
        place.variable.assign(place.convert(np.asarray(tensors[name], np.float32)))
        fates[name] = _fate(name, place.path), place.path
    return WeightReport(tuple(TensorFate(name, np.shape(tensor), *fates[name]) for name, tensor in tensors.items()))


def module_prefix(names, section=""):
    """What stands before the modules' names in a file.

    Args:
        names: iterable of str. Names of all tensors.
        section: str. What the names begin with that are meant. Defaults to `""`, all of them.

    Returns:
        The section, with the `module.` that `DataParallel` puts before every name of a model that it wraps.

    Example:
        >>> from qaconv_tf.backbones.weights import module_prefix
        >>> module_prefix(["model.module.conv1.weight", "epoch"], "model.")
        'model.module.'
    """
    wrapped = f"{section}module."
    inside = [name for name in names if name.startswith(section)]
    return wrapped if inside and all(name.startswith(wrapped) for name in inside) else section


def why_uncounted(name):
    """Why a batch normalisation's counter of steps is left out; None for any other tensor's name."""
    return "a counter that Keras does not keep" if name.endswith(".num_batches_tracked") else None


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
    return {name: place.shape for name, place in body_places(body).items()}


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


def body_places(body):
    """Places of a body's variables, by the names of a torch state dict.

    Args:
        body: functional `keras.Model`, as `mobilenet_v2_body` and `resnet_body` make them.

    Returns:
        A dict of tensor name to `TorchPlace`.
    """
    return {name: place for layer in body.layers for name, place in layer_places(layer, layer.name).items()}


def layer_places(layer, module):
    """Places of a convolution's or normalisation's variables.

    Args:
        layer: a Keras layer; one of another kind has no places.
        module: str. Name of the torch module that holds the tensors.

    Returns:
        A dict of tensor name to `TorchPlace`.
    """
    places = _torch_variables(layer)
    return {
        f"{module}.{name}": TorchPlace(
            f"{layer.name}/{variable.name}",
            variable,
            tuple(variable.shape[axes.index(axis)] for axis in range(len(axes))),
            functools.partial(np.transpose, axes=axes),
        )
        for name, (variable, axes) in places.items()
    }


def _torch_variables(layer):
    """Torch name -> variable, and the torch axis of each of its axes."""
    match layer:
        case keras.layers.DepthwiseConv2D():
            return {"weight": (layer.kernel, (2, 3, 0, 1))}
        case keras.layers.Conv2D():
            bias = {"bias": (layer.bias, (0,))} if layer.use_bias else {}
            return {"weight": (layer.kernel, (2, 3, 1, 0)), **bias}
        case keras.layers.BatchNormalization():
            names = ("weight", "bias", "running_mean", "running_var")
            variables = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
        case keras.layers.GroupNormalization():
            names, variables = ("weight", "bias"), (layer.gamma, layer.beta)
        case _:
            return {}
    return {name: (variable, (0,)) for name, variable in zip(names, variables, strict=True)}


def _check(name, place, tensors, origin):
    if name in tensors and np.shape(tensors[name]) == place.shape:
        return
    received = f"shape {np.shape(tensors[name])} in" if name in tensors else f"none among the {len(tensors)} of"
    raise UserError(
        f"Expected tensor {name!r} of shape {place.shape}. Received: {received} {origin}. "
        "Is it of another architecture?"
    )


def _fate(name, path):
    module, layer = name.rpartition(".")[0], path.rpartition("/")[0]
    return "used" if f".{module}".endswith(f".{layer}") else "renamed"
