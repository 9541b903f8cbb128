"""Official QAConv checkpoints, and ImageNet weights of their backbones, as models of this package."""

import dataclasses
import math
import re

import numpy as np

from qaconv_tf.backbones import resnet
from qaconv_tf.backbones.build import fill_body, recognized_body, why_unread
from qaconv_tf.backbones.torch_file import flat_tensors, read_state_dict
from qaconv_tf.backbones.weights import (
    TorchPlace,
    WeightReport,
    body_places,
    layer_places,
    load_places,
    module_prefix,
    why_uncounted,
)
from qaconv_tf.errors import UserError
from qaconv_tf.model import build_model

_CHANNELS = {8: 128, 16: 256, 32: 512}  # stride of layer2 to layer4 -> channels in ResNet-18; four times in ResNet-50
_IMAGE_HEIGHT, _IMAGE_WIDTH = 384, 128  # the official code's defaults


@dataclasses.dataclass(frozen=True)
class CheckpointReport:
    """What a PyTorch file was found to be, and what became of its tensors.

    Args:
        kind: str. `"QAConv 1.0"` to `"QAConv 2.1"`, or `"backbone"` for a backbone's weights alone.
        settings: dict of str to str or int. What describes the model: backbone, image size, neck, head, ...
        weights: `WeightReport`.
    """

    kind: str
    settings: dict
    weights: WeightReport

    def groups(self):
        """Tensors of the same module that fared alike, in the file's order.

        Returns:
            A list of `(name, number of tensors, fate, detail)`: `("model.base.layer4.*", 40, "refused", "beyond the
            last level")`.
        """
        counts = {}
        for tensor in self.weights.tensors:
            key = _group_of(tensor)
            counts[key] = counts.get(key, 0) + 1
        return [(name, count, fate, detail) for (name, fate, detail), count in counts.items()]


def load_torch_checkpoint(path, image_height=_IMAGE_HEIGHT, image_width=_IMAGE_WIDTH):
    """Reads a checkpoint of the official QAConv, of any version, into a model that scores as it did.

    Depth, IBN variant, final layer, neck, head and statistics are found in the file; PyTorch is not needed and nothing
    that the file asks for is executed. The model takes images as the official code does, in [0, 1] and not normalised.

    Args:
        path: str or path. The `.pth.tar` file.
        image_height: int. Pixels of the images that it was trained on, which the file does not hold. Defaults to `384`.
        image_width: int. As `image_height`. Defaults to `128`. Of a checkpoint with neither neck nor class memory
            only this size tells the final layer.

    Returns:
        A `MatchingModel`. Its temperature is 10, as in the official code.

    Raises:
        UserError: if the file cannot be read, is no QAConv checkpoint, was trained at another image size, or has
            tensors that are missing, of another shape or unknown.

    Example:
        >>> from qaconv_tf.torch_checkpoint import load_torch_checkpoint
        >>> load_torch_checkpoint("no_such_file.pth.tar")
        Traceback (most recent call last):
        ...
        qaconv_tf.errors.UserError: Expected a PyTorch file. Received: no_such_file.pth.tar (No such file or directory)

    Reference: [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424);
    [Liao and Shao, CVPR 2022](https://arxiv.org/abs/2104.01546).
    """
    contents = read_state_dict(path)
    if not _is_checkpoint(contents):
        raise UserError(
            f"Expected a QAConv checkpoint, with 'model' and 'criterion'. Received: {path} with "
            f"{', '.join(map(repr, list(contents)[:3]))}, ... For a backbone's weights use read_torch_checkpoint"
        )
    model, _ = _OfficialCheckpoint(contents, path, image_height, image_width).to_model()
    return model


def read_torch_checkpoint(path, **options):
    """Reads an official QAConv checkpoint, or ImageNet weights of torchvision or IBN-Net, and reports on every tensor.

    Args:
        path: str or path. A `.pth.tar` or `.pth` file.
        **options: of a checkpoint: `image_height` and `image_width`, see `load_torch_checkpoint`. Of a backbone's
            weights: arguments of `build_model`, such as `levels`, `neck_channels`, `head` or `seed`, but not
            `backbone`, `weights` and `ibn`, which the file tells.

    Returns:
        `(model, report)`: a `MatchingModel`, whose neck and matcher are untrained if the file is a backbone's, and a
        `CheckpointReport`.

    Raises:
        UserError: as `load_torch_checkpoint`; and if the file is neither.

    Example:
        >>> from qaconv_tf.torch_checkpoint import read_torch_checkpoint
        >>> read_torch_checkpoint("no_such_file.pth")
        Traceback (most recent call last):
        ...
        qaconv_tf.errors.UserError: Expected a PyTorch file. Received: no_such_file.pth (No such file or directory)
    """
    contents = read_state_dict(path)
    if _is_checkpoint(contents):
        return _OfficialCheckpoint(contents, path, **options).to_model()
    return _backbone_model(contents, path, options)


def _is_checkpoint(contents):
    return all(isinstance(contents.get(key), dict) for key in ("model", "criterion"))


def _backbone_model(contents, path, options):
    names = [name for name, _ in flat_tensors(contents.get("state_dict", contents))]
    prefix = module_prefix(names)
    recognized = recognized_body(name.removeprefix(prefix) for name in names)
    if recognized is None:
        raise UserError(
            "Expected a QAConv checkpoint, or the weights of a ResNet (IBN-a, IBN-b or plain) or of MobileNetV2. "
            f"Received: {path} with {', '.join(map(repr, names[:3]))}, ..."
        )
    body_name, ibn = recognized
    model = build_model(body_name, weights=None, ibn=ibn, **options)
    return model, CheckpointReport("backbone", _settings(model), fill_body(model.backbone, contents, str(path)))


def _settings(model):
    names = ("image_height", "image_width", "levels", "ibn", "neck_channels", "neck_kernel_size", "neck_batch_norm")
    backbone = model.backbone
    settings = {"backbone": backbone.body_name} | {name: getattr(backbone, name) for name in names}
    return settings | {"feature_shape": backbone.feature_shape, "head": model.matcher.head}


class _OfficialCheckpoint:
    """Finds in a checkpoint's tensors which network they are of, and builds it."""

    def __init__(self, contents, path, image_height=_IMAGE_HEIGHT, image_width=_IMAGE_WIDTH):
        self.path = path
        self.image_size = {"image_height": image_height, "image_width": image_width}
        self.contents = contents
        self.tensors = dict(flat_tensors(contents))
        self.model = module_prefix(self.tensors, "model.")
        self.base = f"{self.model}base."
        self.criterion = module_prefix(self.tensors, "criterion.")
        # Before 1.2 the matcher was part of the criterion.
        self.matcher = f"{self.criterion}matcher." if self._has(f"{self.criterion}matcher.") else self.criterion
        self.fc = self._tensor(f"{self.matcher}fc.weight", 2)
        self.neck = self._tensor(f"{self.model}neck_conv.weight", 4) if self._has(f"{self.model}neck_") else None
        self.neck_batch_norm = self._has(f"{self.model}neck_bn.")
        memory = f"{self.criterion}class_memory"
        self.memory = self._tensor(memory, 4) if memory in self.tensors else None
        self.version = self._version()
        self.head = "shared" if self.version == "2.1" else "split"

    def to_model(self):
        """Returns the model and its report."""
        depth, ibn = self._resnet()
        stride = self._stride(depth)
        self._check_image_size(stride)
        model = build_model(
            f"resnet{depth}",
            weights=None,
            head=self.head,
            trainable_scales=True,
            levels=(stride,),
            ibn=ibn,
            neck_channels=None if self.neck is None else self.neck.shape[0],
            neck_kernel_size=1 if self.neck is None else self.neck.shape[2],
            neck_batch_norm=self.neck_batch_norm,
            normalize_levels=False,
            normalize_input=False,
            **self.image_size,
        )
        weights = load_places(self._places(model), self.tensors, self._why_refused(model.backbone), self.path)
        settings = _settings(model) | {"epoch": self.contents.get("epoch")}
        if self.memory is not None:
            settings["num_classes"] = self.memory.shape[0]
        return model, CheckpointReport(f"QAConv {self.version}", settings, weights)

    def _has(self, prefix):
        return any(name.startswith(prefix) for name in self.tensors)

    def _tensor(self, name, num_axes):
        shape = self.tensors[name].shape if name in self.tensors else None
        if shape is None or len(shape) != num_axes:
            received = f"none among the {len(self.tensors)} of" if shape is None else f"shape {shape} in"
            raise UserError(
                f"Expected tensor {name!r} with {num_axes} axes. Received: {received} {self.path}. "
                "Is it of another matcher or backbone?"
            )
        return self.tensors[name]

    def _version(self):
        """The version of the official code that writes such files."""
        if self.matcher == self.criterion:
            return "1.1" if f"{self.criterion}valid_class" in self.tensors else "1.0"
        if self.memory is not None:
            return "1.2"  # or 2.0's main.py, which is the same
        if self.neck is not None:
            return "2.0" if self.neck_batch_norm else "2.1"
        return "2.1" if "lr_stepped" in self.contents else "2.0"

    def _resnet(self):
        """Depth and IBN variant."""
        names = [name.removeprefix(self.base) for name in self.tensors if name.startswith(self.base)]
        found = resnet.recognized(names)
        if found is None:
            raise UserError(
                f"Expected the blocks of a ResNet of depth {', '.join(map(str, resnet.DEPTHS))}. Received: {self.path} "
                f"with {len(names)} tensors {self.base}*"
            )
        return found

    def _stride(self, depth):
        """Of the final layer, which the file knows by its channels, or failing these by its number of locations."""
        if self.neck is None and self.memory is None:
            fitting = (stride for stride in _CHANNELS if math.prod(self._map_size(stride)) == self._num_locations)
            return next(fitting, 16)
        channels = self.memory.shape[1] if self.neck is None else self.neck.shape[1]
        factor = 4 if depth >= 50 else 1
        strides = {factor * number: stride for stride, number in _CHANNELS.items()}
        if channels not in strides:
            raise UserError(
                f"Expected a final layer of {', '.join(map(str, strides))} channels, as ResNet-{depth} has. Received: "
                f"{channels} in {self.path}"
            )
        return strides[channels]

    @property
    def _num_locations(self):
        return self.fc.shape[1] // (2 if self.head == "split" else 1)

    def _map_size(self, stride):
        return tuple(math.ceil(pixels / stride) for pixels in self.image_size.values())

    def _check_image_size(self, stride):
        """Images must make maps of the size of the class memory's, or failing that as large as the head's weights."""
        size = self._map_size(stride)
        if self.memory is not None:
            fits, right = size == self.memory.shape[2:], self.memory.shape[2:]
            stored = f"{right[0]} x {right[1]} locations"
        else:
            fits, right = math.prod(size) == self._num_locations, self._most_similar_size(*size)
            stored = f"{self._num_locations} locations, such as {right[0]} x {right[1]}"
        if fits:
            return
        received = ", ".join(f"{name}={pixels}" for name, pixels in self.image_size.items())
        raise UserError(
            f"Expected the size of the training images: maps in {self.path} have {stored}. Received: {received}, which "
            f"makes {size[0]} x {size[1]}. Pass image_height={right[0] * stride}, image_width={right[1] * stride}"
        )

    def _most_similar_size(self, height, width):
        """Of all sizes of so many locations that of the most similar shape."""
        number = self._num_locations
        heights = [candidate for candidate in range(1, number + 1) if number % candidate == 0]
        right = min(heights, key=lambda candidate: abs(math.log(candidate**2 / number * width / height)))
        return right, number // right

    def _places(self, model):
        backbone, matcher = model.backbone, model.matcher
        places = {self.base + name: place for name, place in body_places(backbone.body).items()}
        if backbone.neck is not None:
            places |= layer_places(backbone.neck, f"{self.model}neck_conv")
        if backbone.neck_norm is not None:
            places |= layer_places(backbone.neck_norm, f"{self.model}neck_bn")
        places |= _normalization_places(matcher.location_normalization, f"{self.matcher}bn")
        places |= _normalization_places(matcher.score_normalization, f"{self.matcher}logit_bn")
        weights = matcher.location_weights
        places[f"{self.matcher}fc.weight"] = TorchPlace(
            "matcher/location_weights",
            weights,
            (1, math.prod(weights.shape)),
            # The first half of a split head weighs the gallery's locations, the other the query's.
            lambda tensor: tensor.reshape(weights.shape)[::-1],
        )
        places[f"{self.matcher}fc.bias"] = TorchPlace("matcher/bias", matcher.bias, (1,), np.squeeze)
        return places

    def _why_refused(self, backbone):
        def why_refused(name):
            if name.startswith(self.base):
                return why_unread(backbone.body_name, backbone.levels, name.removeprefix(self.base))
            if name in (f"{self.criterion}class_memory", f"{self.criterion}valid_class"):
                return "class memory, needed in training only"
            if name.startswith((self.model, self.criterion)):
                return why_uncounted(name)
            return "state of the optimizer" if name.startswith("optim.") else "beside model, criterion and optim"

        return why_refused


def _normalization_places(layer, module):
    """Places of a `ScalarNormalization`, PyTorch's `BatchNorm1d(1)`."""
    variables = {
        "weight": layer.scale,
        "bias": layer.offset,
        "running_mean": layer.moving_mean,
        "running_var": layer.moving_variance,
    }
    return {
        f"{module}.{name}": TorchPlace(f"{layer.name}/{variable.name}", variable, (1,), np.squeeze)
        for name, variable in variables.items()
    }


def _group_of(tensor):
    """Name, fate and detail that a tensor shares with its like."""
    module, _, last = tensor.name.rpartition(".")
    name = f"*.{last}" if last == "num_batches_tracked" else re.sub(r"\.\d+(\..*)?$", "", module) + ".*"
    layer = tensor.detail.rpartition("/")[0]
    return name, tensor.fate, {"used": "", "renamed": f"{layer}/*"}.get(tensor.fate, tensor.detail)
