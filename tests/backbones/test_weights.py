"""From a torch state dict into a body: each tensor in its place, or an error that names it."""

import numpy as np
import pytest

from qaconv_tf.backbones.mobilenet_v2 import mobilenet_v2_body
from qaconv_tf.backbones.resnet import resnet_body
from qaconv_tf.backbones.weights import load_asset_weights, load_torch_weights, torch_shapes
from qaconv_tf.errors import UserError
from tests.golden import seeded


@pytest.fixture(scope="module")
def body():
    return mobilenet_v2_body(32, 32, levels=(8,))


@pytest.fixture
def tensors(body):
    return {name: seeded.tensor(name, shape) for name, shape in torch_shapes(body).items()}


def test_every_tensor_is_in_its_place(body, tensors):
    tensors |= {"classifier.1.bias": np.zeros(1000), "features.0.1.num_batches_tracked": np.int64(3)}
    report = load_torch_weights(body, tensors)
    assert set(report.used) == set(torch_shapes(body))
    assert report.refused == ("classifier.1.bias", "features.0.1.num_batches_tracked")
    kernel = body.get_layer("features.2.conv.0.0").kernel.numpy()
    depthwise = body.get_layer("features.2.conv.1.0").kernel.numpy()
    for row, column, channel in ((0, 0, 0), (2, 1, 95)):
        assert depthwise[row, column, channel, 0] == tensors["features.2.conv.1.0.weight"][channel, 0, row, column]
    for into, out in ((3, 0), (15, 95)):
        assert kernel[0, 0, into, out] == tensors["features.2.conv.0.0.weight"][out, into, 0, 0]
    norm = body.get_layer("features.0.1")
    for variable, name in (
        (norm.gamma, "weight"),
        (norm.beta, "bias"),
        (norm.moving_mean, "running_mean"),
        (norm.moving_variance, "running_var"),
    ):
        np.testing.assert_array_equal(variable, tensors[f"features.0.1.{name}"])


def test_used_names_fill_every_variable():
    for body in (
        mobilenet_v2_body(32, 32, (16,)),
        resnet_body(18, 32, 32, (8,), "a"),
        resnet_body(50, 32, 32, (8,), "b"),
    ):
        sizes = sum(int(np.prod(shape)) for shape in torch_shapes(body).values())
        assert sizes == body.count_params()


def test_half_precision_is_widened(body, tensors):
    tensors["features.0.0.weight"] = tensors["features.0.0.weight"].astype(np.float16)
    load_torch_weights(body, tensors)
    kernel = body.get_layer("features.0.0").kernel.numpy()
    np.testing.assert_array_equal(kernel, tensors["features.0.0.weight"].astype(np.float32).transpose(2, 3, 1, 0))


def test_a_missing_tensor_is_named_and_nothing_changes(body, tensors):
    before = body.get_weights()
    del tensors["features.6.conv.3.running_var"]
    with pytest.raises(UserError, match=r"'features.6.conv.3.running_var' of shape \(32,\).*of weights.pth"):
        load_torch_weights(body, tensors, origin="weights.pth")
    for old, new in zip(before, body.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_tensor_of_another_shape_is_named(body, tensors):
    tensors["features.3.conv.2.weight"] = tensors["features.3.conv.2.weight"][:, :-1]
    with pytest.raises(UserError, match=r"'features.3.conv.2.weight' of shape \(24, 144, 1, 1\).*\(24, 143, 1, 1\)"):
        load_torch_weights(body, tensors)


def test_what_is_no_array_is_named(body, tensors):
    tensors["features.0.1.bias"] = {"nested": 1}
    with pytest.raises(UserError, match=r"'features.0.1.bias' of shape \(32,\)"):
        load_torch_weights(body, tensors)


def test_the_asset_is_for_mobilenet_v2_only():
    report = load_asset_weights(mobilenet_v2_body(32, 32, levels=(32,)))
    assert report.refused == ()
    with pytest.raises(UserError, match="'conv1.weight'.*mobilenet_v2_imagenet.npz"):
        load_asset_weights(resnet_body(18, 32, 32, levels=(8,)))
