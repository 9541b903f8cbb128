"""Checkpoints of the official QAConv: every version scores as it did there, and no tensor is passed over in silence."""

import copy

import keras
import numpy as np
import pytest

import qaconv_tf as qt
from qaconv_tf.backbones.weights import torch_shapes
from qaconv_tf.errors import UserError
from qaconv_tf.torch_checkpoint import read_torch_checkpoint
from tests.backbones import torch_writer
from tests.golden import checkpoint_files, seeded

NUM_QUERY = 3
# Tag -> what is to be found in the file.
FOUND = {
    "v1.0-eccv": ("QAConv 1.0", "resnet50", "none", (24, 8, 128), "split"),
    "v1.1": ("QAConv 1.1", "resnet18", "a", (16, 8, 64), "split"),
    "v1.2": ("QAConv 1.2", "resnet18", "b", (4, 2, 64), "split"),
    "v2.0": ("QAConv 2.0", "resnet34", "a", (8, 4, 256), "split"),
    "v2.1": ("QAConv 2.1", "resnet50", "b", (24, 8, 128), "shared"),
}


def read(path, golden):
    height, width = golden["image_size"]
    return read_torch_checkpoint(path, image_height=height, image_width=width)


def scores_of(model, maps):
    return np.asarray(model.match(maps[:NUM_QUERY], maps[NUM_QUERY:]))


@pytest.mark.parametrize("tag", checkpoint_files.TAGS)
def test_maps_and_scores_are_those_of_the_official_code(tmp_path, tag):
    golden = checkpoint_files.read_golden(tag)
    contents = checkpoint_files.contents(golden)
    model, report = read(torch_writer.save(tmp_path / "checkpoint.pth.tar", contents), golden)
    found = (report.kind, model.backbone.body_name, model.backbone.ibn, model.backbone.feature_shape)
    assert (*found, model.matcher.head) == FOUND[tag]
    maps = model.extract(seeded.pictures(golden["num_images"], *golden["image_size"]))
    np.testing.assert_allclose(seeded.sample(np.asarray(maps)), golden["maps"], rtol=0, atol=1e-5)
    expected = np.array(golden["scores"])
    np.testing.assert_allclose(scores_of(model, maps), expected, rtol=0, atol=1e-4 * expected.std())


@pytest.fixture(scope="module")
def golden():
    return checkpoint_files.read_golden("v1.1")


@pytest.fixture(scope="module")
def whole(golden):
    """A checkpoint of 1.1 whose tensors beyond its layer2 are of one number, since nobody reads them."""
    contents = checkpoint_files.contents(golden)
    for name in contents["model"]:
        if name.startswith(("base.layer3.", "base.layer4.", "base.fc.")):
            contents["model"][name] = np.zeros(1, np.float32)
    return contents


@pytest.fixture
def contents(whole):
    return copy.deepcopy(whole)


def test_a_saved_model_scores_as_the_imported(tmp_path, golden, whole):
    path = torch_writer.save(tmp_path / "checkpoint.pth.tar", whole)
    model = qt.load_torch_checkpoint(path, *golden["image_size"])
    maps = model.extract(seeded.pictures(golden["num_images"], *golden["image_size"]))
    model.save(tmp_path / "model.keras")
    loaded = qt.load_model(tmp_path / "model.keras")
    pictures = seeded.pictures(golden["num_images"], *golden["image_size"])
    np.testing.assert_array_equal(scores_of(loaded, loaded.extract(pictures)), scores_of(model, maps))
    assert float(loaded.matcher.temperature) == 10.0
    assert loaded.matcher.trainable_scales


def test_every_tensor_is_accounted_for(tmp_path, golden, whole):
    model, report = read(torch_writer.save(tmp_path / "checkpoint.pth.tar", whole), golden)
    fates = {tensor.name: tensor for tensor in report.weights.tensors}
    sections = [(section, name) for section in ("model", "criterion") for name in whole[section]]
    assert set(fates) == {".".join(names) for names in sections} | {"optim.state.0.momentum_buffer"}
    used = [fates[name] for name in report.weights.used]
    parameters = sum(keras.ops.size(variable) for variable in model.variables) - 1  # but for the temperature
    assert sum(np.prod(tensor.shape) for tensor in used) == parameters
    assert (fates["model.base.bn1.weight"].fate, fates["model.base.bn1.weight"].detail) == ("used", "bn1/gamma")
    assert (fates["criterion.fc.weight"].fate, fates["criterion.fc.weight"].detail) == (
        "renamed",
        "matcher/location_weights",
    )
    assert fates["criterion.class_memory"].shape == (3, 64, 16, 8)
    assert report.settings["num_classes"] == 3 and report.settings["epoch"] == 15
    assert report.groups() == [
        ("model.base.conv1.*", 1, "used", ""),
        ("model.base.bn1.*", 4, "used", ""),
        ("*.num_batches_tracked", 23, "refused", "a counter that Keras does not keep"),
        ("model.base.layer1.*", 24, "used", ""),
        ("model.base.layer2.*", 29, "used", ""),
        ("model.base.layer3.*", 29, "refused", "beyond the last level"),
        ("model.base.layer4.*", 25, "refused", "beyond the last level"),
        ("model.base.fc.*", 2, "refused", "beyond the last level"),
        ("model.neck_conv.*", 1, "renamed", "neck/*"),
        ("model.neck_bn.*", 4, "renamed", "neck_norm/*"),
        ("criterion.*", 2, "refused", "class memory, needed in training only"),
        ("criterion.bn.*", 4, "renamed", "location_normalization/*"),
        ("criterion.fc.*", 2, "renamed", "matcher/*"),
        ("criterion.logit_bn.*", 4, "renamed", "score_normalization/*"),
        ("optim.state.*", 1, "refused", "state of the optimizer"),
    ]


def test_names_of_a_model_in_data_parallel(tmp_path, golden, contents):
    for section in ("model", "criterion"):
        contents[section] = {f"module.{name}": tensor for name, tensor in contents[section].items()}
    model, report = read(torch_writer.save(tmp_path / "checkpoint.pth.tar", contents), golden)
    maps = model.extract(seeded.pictures(golden["num_images"], *golden["image_size"]))
    expected = np.array(golden["scores"])
    np.testing.assert_allclose(scores_of(model, maps), expected, rtol=0, atol=1e-4 * expected.std())
    assert report.kind == "QAConv 1.1"


def take(section, name):
    return lambda contents: contents[section].pop(name)


def put(section, name, shape):
    return lambda contents: contents[section].update({name: np.zeros(shape, np.float32)})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            take("model", "base.layer2.1.bn2.running_var"),
            r"'model.base.layer2.1.bn2.running_var' of shape \(128,\).*none",
        ),
        (take("model", "neck_bn.bias"), r"'model.neck_bn.bias' of shape \(64,\).*none among the"),
        (take("model", "neck_conv.weight"), "'model.neck_conv.weight' with 4 axes"),
        (take("criterion", "logit_bn.running_mean"), r"'criterion.logit_bn.running_mean' of shape \(1,\)"),
        (take("criterion", "fc.weight"), "'criterion.fc.weight' with 2 axes.*another matcher"),
        (put("model", "base.conv1.weight", (64, 3, 3, 3)), r"of shape \(64, 3, 7, 7\).*shape \(64, 3, 3, 3\)"),
        (put("model", "base.layer1.0.conv9.weight", (1,)), "'model.base.layer1.0.conv9.weight' and 0 more"),
        (put("model", "head.weight", (1,)), "'model.head.weight' and 0 more"),
        (put("criterion", "bn.scale", (1,)), "'criterion.bn.scale' and 0 more"),
        (put("model", "base.layer1.2.conv1.weight", (1,)), "blocks of a ResNet of depth 18, 34, 50, 101, 152"),
        (put("model", "neck_conv.weight", (64, 100, 3, 3)), "128, 256, 512 channels, as ResNet-18 has.*100"),
    ],
)
def test_what_is_missing_or_strange_is_named(tmp_path, golden, contents, change, told):
    change(contents)
    path = torch_writer.save(tmp_path / "checkpoint.pth.tar", contents)
    with pytest.raises(UserError, match=f"{told}.*"):
        read(path, golden)


def test_a_class_memory_tells_the_size_of_the_images(tmp_path, whole):
    path = torch_writer.save(tmp_path / "checkpoint.pth.tar", whole)
    with pytest.raises(UserError, match="16 x 8 .*image_height=384.* 48 x 16. Pass image_height=128, image_width=64"):
        qt.load_torch_checkpoint(path)


def without_memory(contents, version, neck=True):
    """What 2.0 or 2.1 would have saved of such a network."""
    unwanted = ("neck_",) if not neck else ("neck_bn",) if version == "2.1" else ()
    model = {name: tensor for name, tensor in contents["model"].items() if not name.startswith(unwanted)}
    if version == "2.1":
        contents["lr_stepped"] = False
        if neck:
            model["neck_conv.bias"] = np.zeros(64, np.float32)
    names = ("bn.", "fc.", "logit_bn.")
    matcher = {name: tensor for name, tensor in contents["criterion"].items() if name.startswith(names)}
    matcher["fc.weight"] = np.arange(256, dtype=np.float32)[None]
    return contents | {"model": model, "criterion": {f"matcher.{name}": tensor for name, tensor in matcher.items()}}


# 256 location weights: of 16 x 8 locations each way, or of 16 x 16 for both. The wrong size is the default.
@pytest.mark.parametrize(
    ("version", "shape", "image_size", "told"),
    [
        ("2.0", (2, 128), (128, 64), "128 locations.* 48 x 16. Pass image_height=128, image_width=64"),
        ("2.1", (1, 256), (128, 128), "256 locations.* 48 x 16. Pass image_height=256, image_width=64"),
    ],
)
@pytest.mark.parametrize("neck", [True, False])
def test_without_class_memory(tmp_path, contents, version, shape, image_size, told, neck):
    path = torch_writer.save(tmp_path / "checkpoint.pth.tar", without_memory(contents, version, neck))
    model = qt.load_torch_checkpoint(path, *image_size)
    assert model.backbone.levels == (8,) and (model.backbone.neck is None) == (not neck)
    # Of a split head the first half weighs the gallery's locations.
    expected = np.arange(256).reshape(shape)[::-1]
    np.testing.assert_array_equal(model.matcher.location_weights, expected)
    # Without a neck only the number of locations tells the layer, and the best that can be named is some size.
    with pytest.raises(UserError, match=told if neck else "Pass image_height="):
        qt.load_torch_checkpoint(path)


@pytest.mark.parametrize("ibn", ["none", "a", "b"])
def test_imagenet_weights_of_a_backbone(tmp_path, ibn):
    whole = qt.Backbone("resnet18", image_height=64, image_width=32, levels=(32,), ibn=ibn)
    tensors = {name: seeded.tensor(name, shape) for name, shape in torch_shapes(whole.body).items()}
    tensors |= {"fc.weight": np.zeros((2, 512), np.float32), "bn1.num_batches_tracked": np.array(0)}
    wrapped = {"state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}, "epoch": 90}
    options = {"image_height": 64, "image_width": 32, "levels": (8,), "neck_channels": 4, "head": "shared"}
    for contents, prefix in ((tensors, ""), (wrapped, "state_dict.module.")):
        path = torch_writer.save(tmp_path / "weights.pth", contents)
        model, report = read_torch_checkpoint(path, **options)
        assert (report.kind, report.settings["backbone"], report.settings["ibn"]) == ("backbone", "resnet18", ibn)
        kernel = model.backbone.body.get_layer("layer2.1.conv2").kernel
        np.testing.assert_array_equal(kernel, tensors["layer2.1.conv2.weight"].transpose(2, 3, 1, 0))
        assert {tensor.fate for tensor in report.weights.tensors} == {"used", "refused"}
        assert f"{prefix}layer3.0.conv1.weight" in report.weights.refused
        assert f"{prefix}layer2.0.conv1.weight" in report.weights.used
        with pytest.raises(UserError, match="Expected a QAConv checkpoint, with 'model' and 'criterion'"):
            qt.load_torch_checkpoint(path)


def test_a_file_of_neither(tmp_path):
    path = torch_writer.save(tmp_path / "weights.pth", {"encoder.weight": np.zeros(3, np.float32)})
    with pytest.raises(UserError, match="Expected a QAConv checkpoint, or the weights of.*'encoder.weight'"):
        read_torch_checkpoint(path)
