"""The one list of every layer and model of the package; test_layers.py holds each to the same rules."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from qaconv_tf.backbones import Backbone
from qaconv_tf.backbones.torch_layers import BatchNormalization
from qaconv_tf.matching import ClassMemory, QAConv
from qaconv_tf.matching.scalar_normalization import ScalarNormalization
from qaconv_tf.model import MatchingModel
from qaconv_tf.training import Trainer
from qaconv_tf.training.pooled_classifier import PooledClassifier

SHAPE = (4, 2, 8)
IMAGE_SIZE = {"image_height": 64, "image_width": 32, "levels": (8,)}


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer or model with options that differ from their defaults, and how it is called.

    Args:
        make: takes a `dtype`, returns a built layer.
        call: takes the layer and the inputs, returns what it computes.
        inputs: arrays.
        tolerance: float. How far eager and graph results may differ, in standard deviations.
        configurable: bool. Whether `from_config(get_config())` makes it again.
    """

    make: Callable
    call: Callable
    inputs: tuple
    tolerance: float = 1e-5
    configurable: bool = True


def _maps(seed, number):
    maps = np.random.default_rng([100, seed]).normal(size=(number, *SHAPE)).astype(np.float32)
    return maps / np.linalg.norm(maps, axis=-1, keepdims=True)


def _images(seed, number):
    return np.random.default_rng([101, seed]).integers(256, size=(number, 64, 32, 3), dtype=np.uint8)


def _qaconv(head, shape=SHAPE, dtype=None):
    options = {"weight_init": "random", "seed": 5, "trainable_scales": False, "momentum": 0.8, "epsilon": 1e-4}
    options |= {"scale_floor": 0.5, "tile_bytes": 500, "jit_compile": False}
    matcher = QAConv(head=head, **options, dtype=dtype)
    matcher.build((None, *shape), (None, *shape))
    return matcher


def _backbone(body_name, ibn="none", dtype=None):
    options = {"neck_channels": 6, "neck_kernel_size": 3, "neck_batch_norm": True, "normalize_input": False}
    options |= {"normalize_levels": False, "seed": 3}
    return Backbone(body_name, **IMAGE_SIZE, ibn=ibn, **options, dtype=dtype)


def _batch_normalization(dtype=None):
    norm = BatchNormalization(momentum=0.8, epsilon=1e-4, dtype=dtype)
    norm.build((None, *SHAPE))
    return norm


def _matching_model(dtype=None):
    return MatchingModel(_backbone("mobilenet_v2", dtype=dtype), _qaconv("split", (8, 4, 6), dtype), dtype=dtype)


def _call(layer, *inputs):
    return layer(*inputs)


def _qaconv_case(head):
    return Case(functools.partial(_qaconv, head), _call, (_maps(0, 3), _maps(1, 5)))


def _class_memory_case():
    matcher = _qaconv("uniform")
    make = functools.partial(ClassMemory, 5, SHAPE, "zeros", chunk=2, nearest=4)
    return Case(make, lambda memory, maps: memory.scores(matcher, maps), (_maps(2, 3),))


def _backbone_case(body_name, ibn="none"):
    # A few dozen layers with random statistics: rounding differs more between an eager and a fused graph.
    return Case(functools.partial(_backbone, body_name, ibn), _call, (_images(0, 3),), tolerance=1e-4)


CASES = {
    "QAConv-shared": _qaconv_case("shared"),
    "QAConv-split": _qaconv_case("split"),
    "QAConv-positive": _qaconv_case("positive"),
    "QAConv-uniform": _qaconv_case("uniform"),
    "ScalarNormalization": Case(
        functools.partial(ScalarNormalization, trainable_scale=False, momentum=0.8, epsilon=1e-4, scale_floor=0.5),
        _call,
        (np.float32(0.7), np.float32(0.2), np.int32(60)),
    ),
    "ClassMemory": _class_memory_case(),
    "BatchNormalization": Case(
        _batch_normalization,
        lambda norm, maps: ops.cast(norm(maps), "float32"),  # within a body maps have the policy's dtype
        (_maps(4, 3),),
    ),
    "Backbone-mobilenet_v2": _backbone_case("mobilenet_v2"),
    "Backbone-resnet18": _backbone_case("resnet18"),
    "Backbone-resnet18-ibn_a": _backbone_case("resnet18", "a"),
    "Backbone-resnet18-ibn_b": _backbone_case("resnet18", "b"),
    "MatchingModel": Case(_matching_model, _call, (_images(1, 2), _images(2, 3)), tolerance=1e-3),
    "PooledClassifier": Case(
        lambda dtype=None: PooledClassifier(5, SHAPE[-1], scale=3.0, seed=8, dtype=dtype), _call, (_maps(6, 3),)
    ),
    "Trainer": Case(
        lambda dtype=None: Trainer(_matching_model(dtype), loss="class_memory", num_classes=4, dtype=dtype),
        lambda trainer, images, maps: trainer.memory.scores(trainer.model.matcher, trainer(images)),
        (_images(3, 2), _maps(3, 2)),
        tolerance=1e-3,
        configurable=False,  # a run is continued from its flags and its checkpoint
    ),
}


def randomize(layer):
    """Sets every variable to something random that may stand for a kernel (rank 4), or for a scale or a variance."""
    generator = np.random.default_rng(102)
    for variable in layer.variables:
        if len(variable.shape) == 4:
            variable.assign(generator.normal(size=variable.shape) / np.sqrt(np.prod(variable.shape[:3])))
        elif keras.backend.is_float_dtype(variable.dtype):
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
        else:
            variable.assign(generator.integers(9, size=variable.shape))
    return layer
