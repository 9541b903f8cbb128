"""The ResNet bodies against torchvision's and IBN-Net's, with random weights."""

import json
import pathlib

import keras
import numpy as np
import pytest

from qaconv_tf.backbones.resnet import recognized, resnet_body
from qaconv_tf.backbones.weights import load_torch_weights, torch_shapes
from qaconv_tf.errors import UserError
from tests.golden import seeded

GOLDEN = json.loads((pathlib.Path(__file__).parents[1] / "golden" / "backbones.json").read_text())


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.startswith("resnet")])
def test_agrees_with_torchvision_and_ibn_net(name):
    body_name, ibn = name.split()
    height, width = GOLDEN["image_size"]
    golden = GOLDEN[name]
    body = resnet_body(int(body_name.removeprefix("resnet")), height, width, (8, 16, 32), ibn=ibn)
    shapes = {key: tuple(shape) for key, shape in golden["shapes"].items()}
    report = load_torch_weights(body, {key: seeded.tensor(key, shape) for key, shape in shapes.items()})
    assert report.refused == ("fc.weight", "fc.bias")
    assert recognized(shapes) == (int(body_name.removeprefix("resnet")), ibn)
    levels = body(seeded.images(height, width), training=False)
    for stride, maps in zip((8, 16, 32), levels, strict=True):
        expected = golden["levels"][str(stride)]
        assert list(maps.shape) == expected["shape"]
        tolerance = 1e-5 * np.abs(maps.numpy()).max()
        np.testing.assert_allclose(seeded.sample(maps.numpy()), expected["values"], rtol=1e-5, atol=tolerance)


# torchvision's counts, which include the classifier of 1000 classes.
@pytest.mark.parametrize(
    ("depth", "num_parameters"),
    [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160), (152, 60_192_808)],
)
def test_number_of_parameters_and_names(depth, num_parameters):
    # Symbolic: nothing but shapes is made.
    with keras.StatelessScope():
        body = resnet_body(depth, 64, 32, levels=(32,))
    shapes = {name: shape for name, shape in torch_shapes(body).items() if "running" not in name}
    assert recognized(shapes) == recognized(name for name in shapes if "layer4" not in name) == (depth, "none")
    assert recognized(name for name in shapes if "layer2.1." not in name) is None
    features = 512 if depth < 50 else 2048
    assert sum(int(np.prod(shape)) for shape in shapes.values()) + features * 1000 + 1000 == num_parameters


def test_odd_sizes_round_up_as_in_torch():
    assert resnet_body(18, 97, 65, levels=(8, 16)).output_shape == [(None, 13, 9, 128), (None, 7, 5, 256)]


def test_unknown_ibn():
    with pytest.raises(UserError, match="none, a, b. Received: ibn='c'"):
        resnet_body(50, 64, 32, levels=(8,), ibn="c")
