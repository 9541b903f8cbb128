import keras
import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.backbones import Backbone
from qaconv_tf.backbones.folding import FoldedBody, why_no_bfloat16

# Name, IBN, levels -> normalisations that stay: by instance, and of the half of a split.
NETWORKS = [
    ("mobilenet_v2", "none", (16, 32), 0),
    ("resnet18", "none", (32,), 0),
    ("resnet18", "a", (8, 16), 2 + 2 + 2 + 2 + 2 + 2),
    ("resnet18", "b", (16,), 3),
]


def trained_backbone(name, ibn="none", levels=(16,)):
    """Statistics and weights as if trained: none is 0, 1 or equal to its neighbour."""
    backbone = Backbone(name, 64, 32, levels, ibn, neck_channels=16, seed=3)
    generator = np.random.default_rng(5)
    for layer in backbone.body.layers:
        if isinstance(layer, (keras.layers.BatchNormalization, keras.layers.GroupNormalization)):
            layer.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])
    return backbone


def random_images(number):
    return np.random.default_rng(number).integers(0, 256, (number, 64, 32, 3), np.uint8)


@pytest.mark.parametrize("name, ibn, levels, remaining", NETWORKS)
def test_the_same_maps_without_the_normalisations(name, ibn, levels, remaining):
    backbone = trained_backbone(name, ibn, levels)
    folded = FoldedBody(backbone.body)
    norms = (keras.layers.BatchNormalization, keras.layers.GroupNormalization)
    assert sum(isinstance(layer, norms) for layer in folded.body.layers) == remaining
    folded.refresh(backbone.body)
    images = random_images(3)
    expected = backbone(images).numpy()
    np.testing.assert_allclose(backbone.call(images, body=folded.body), expected, atol=2e-5)
    assert expected.std() > 0.1


def test_the_original_stays_as_it_was():
    backbone = trained_backbone("resnet18", "a")
    before, images = backbone.get_weights(), random_images(2)
    maps = backbone(images).numpy()
    folded = FoldedBody(backbone.body, "bf16")
    folded.refresh(backbone.body)
    for weight, was in zip(backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)
    np.testing.assert_array_equal(backbone(images), maps)
    assert all(layer.trainable for layer in backbone.body.layers)


def test_new_weights_are_taken_over():
    backbone, other = trained_backbone("mobilenet_v2"), trained_backbone("mobilenet_v2")
    folded = FoldedBody(backbone.body)
    for variable in other.body.variables:
        variable.assign(variable * 1.1 + 0.01)
    folded.refresh(other.body)
    images = random_images(2)
    np.testing.assert_allclose(other.call(images, body=folded.body), other(images), atol=2e-5)
    assert np.abs(other(images) - backbone(images)).max() > 0.01


@pytest.mark.parametrize("name, ibn", [("mobilenet_v2", "none"), ("resnet18", "b")])
def test_bfloat16_rounds_and_no_more(name, ibn):
    backbone = trained_backbone(name, ibn)
    folded = FoldedBody(backbone.body, "bf16")
    folded.refresh(backbone.body)
    convolutions = [layer for layer in folded.body.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
    images = random_images(4)
    maps = backbone.call(images, body=folded.body)
    assert maps.dtype == tf.float32
    cosines = tf.reduce_sum(maps * backbone(images), axis=-1).numpy()
    assert 0.97 < cosines.mean() and cosines.min() < 1 - 1e-5


def test_processors_that_compute_in_bfloat16(tmp_path):
    for features, missing in (("fpu avx2", True), ("fpu avx512_bf16 avx2", False), ("fp asimd bf16", False)):
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : {features}\n")
        assert bool(why_no_bfloat16(tmp_path / "cpuinfo")) == missing, features
    assert "cannot be read" in why_no_bfloat16(tmp_path / "none")
