"""The MobileNetV2 body against torchvision's, with the shipped weights."""

import json
import pathlib

import keras
import numpy as np

from qaconv_tf.backbones import Backbone
from qaconv_tf.backbones.mobilenet_v2 import mobilenet_v2_body
from qaconv_tf.backbones.weights import load_asset_weights
from tests.golden import seeded

GOLDEN = json.loads((pathlib.Path(__file__).parents[1] / "golden" / "backbones.json").read_text())


def test_agrees_with_torchvision():
    height, width = GOLDEN["image_size"]
    backbone = Backbone(image_height=height, image_width=width, levels=(8, 16, 32), neck_channels=None)
    load_asset_weights(backbone.body)
    images = (seeded.images(height, width) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    levels = backbone.body(images.astype(np.float32), training=False)
    for stride, maps in zip((8, 16, 32), levels, strict=True):
        golden = GOLDEN["mobilenet_v2"]["levels"][str(stride)]
        assert list(maps.shape) == golden["shape"]
        np.testing.assert_allclose(seeded.sample(maps.numpy()), golden["values"], rtol=0, atol=1e-4)


def test_number_of_parameters():
    body = mobilenet_v2_body(64, 64, levels=(32,))
    trainable = sum(int(np.prod(variable.shape)) for variable in body.trainable_variables)
    last_convolution, classifier = 320 * 1280 + 2 * 1280, 1280 * 1000 + 1000
    assert trainable + last_convolution + classifier == 3_504_872  # torchvision's count


def test_constants_of_batch_normalisation():
    body = mobilenet_v2_body(32, 32, levels=(8,))
    norms = [layer for layer in body.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}


def test_random_weights_are_a_function_of_seed_and_name():
    kernels = [
        mobilenet_v2_body(32, 32, (16,), seed=seed).get_layer("features.9.conv.0.0").kernel for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.allclose(kernels[0], kernels[2])
    # features.10 is of the same shape as features.9.
    other = mobilenet_v2_body(32, 32, (16,), seed=1).get_layer("features.10.conv.0.0").kernel
    assert not np.allclose(kernels[0], other)
