"""A backbone by name: shipped weights, a file of one's own, and what cannot be had."""

import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from qaconv_tf.backbones import BODY_NAMES, build_backbone
from qaconv_tf.backbones.weights import torch_shapes
from qaconv_tf.errors import UserError
from tests.backbones import torch_writer
from tests.golden import seeded

PETS = pathlib.Path(__file__).parents[1] / "data" / "pets2009"
SIZE = {"image_height": 64, "image_width": 32}


def tensors_of(backbone):
    return {name: seeded.tensor(name, shape) for name, shape in torch_shapes(backbone.body).items()}


@pytest.mark.parametrize("wrapped", [False, True])
def test_weights_from_a_file(tmp_path, wrapped):
    whole = build_backbone("resnet18", weights=None, levels=(16,), **SIZE)
    tensors = tensors_of(whole) | {"fc.bias": np.ones(1000, np.float32)}
    beside = {"epoch": 9, "average": {"conv1.weight": np.zeros(3, np.float32)}}
    path = torch_writer.save(tmp_path / "resnet18.pth", {"state_dict": tensors, **beside} if wrapped else tensors)
    backbone = build_backbone("resnet18", weights=path, levels=(8,), **SIZE)  # layer3 lies beyond the last level
    kernel = backbone.body.get_layer("layer2.1.conv2").kernel.numpy()
    np.testing.assert_array_equal(kernel, tensors["layer2.1.conv2.weight"].transpose(2, 3, 1, 0))


def test_a_file_of_another_architecture(tmp_path):
    tensors = tensors_of(build_backbone("resnet34", weights=None, levels=(8,), **SIZE))
    path = torch_writer.save(tmp_path / "resnet34.pth", tensors)
    with pytest.raises(UserError, match="'layer1.2.conv1.weight' and 29 more of .*resnet34.pth"):
        build_backbone("resnet18", weights=path, levels=(8,), **SIZE)
    with pytest.raises(UserError, match="'layer1.0.bn1.IN.weight'.*resnet34.pth"):
        build_backbone("resnet34", weights=path, levels=(8,), ibn="a", **SIZE)


@pytest.mark.parametrize(
    ("name", "ibn", "file", "page"),
    [
        ("resnet18", "none", "resnet18-f37072fd.pth", "docs.pytorch.org"),
        ("resnet18", "b", "resnet18_ibn_b-bc2f3c11.pth", "github.com/XingangPan/IBN-Net"),
    ],
)
def test_imagenet_weights_that_are_not_shipped(name, ibn, file, page):
    with pytest.raises(UserError, match=f"{re.escape(file)} as listed on https://{page}.*weights='weights/") as caught:
        build_backbone(name, ibn=ibn, levels=(8,), **SIZE)
    assert "\n" not in str(caught.value)


def test_unknown_names():
    with pytest.raises(UserError, match=", ".join(BODY_NAMES)):
        build_backbone("resnet19")
    with pytest.raises(UserError, match="no_such_file.pth"):
        build_backbone("mobilenet_v2", weights="no_such_file.pth", **SIZE)


def read_pets(folder):
    """Images, identities and cameras of one folder of pets2009."""
    files = sorted((PETS / folder).glob("*.jpg"))
    images = [np.asarray(Image.open(file).convert("RGB").resize((128, 256), Image.BICUBIC)) for file in files]
    names = [re.match(r"(\d+)_c(\d+)", file.name).groups() for file in files]
    return np.stack(images), *np.array(names, int).T


def mean_average_precision_and_rank1(scores, query, gallery):
    """In per cent, step AP; images of the query's own identity and camera are ignored."""
    precisions, firsts = [], []
    for row, identity, camera in zip(scores, *query, strict=True):
        kept = (gallery[0] != identity) | (gallery[1] != camera)
        relevant = (gallery[0] == identity)[kept][np.argsort(-row[kept], kind="stable")]
        ranks = np.flatnonzero(relevant) + 1
        precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
        firsts.append(relevant[0])
    return 100 * np.mean(precisions), 100 * np.mean(firsts)


def test_shipped_weights_recognise_pedestrians():
    """Pooled cosine; tests/data/pets2009/README.md gives 30.0 / 38.9 for stride 16 and 51.3 / 69.4 for stride 32."""
    backbone = build_backbone("mobilenet_v2", levels=(16, 32), neck_channels=None)
    levels_of = tf.function(lambda images: backbone.body(backbone._prepared(images)), reduce_retracing=True)
    vectors, labels = [], []
    for folder in ("query", "bounding_box_test"):
        images, identities, cameras = read_pets(folder)
        batches = [levels_of(batch) for batch in np.array_split(images, len(images) // 12)]
        pooled = [
            np.concatenate([np.mean(maps, axis=(1, 2)) for maps in level]) for level in zip(*batches, strict=True)
        ]
        vectors.append([level / np.linalg.norm(level, axis=1, keepdims=True) for level in pooled])
        labels.append((identities, cameras))
    found = [
        mean_average_precision_and_rank1(query @ gallery.T, *labels) for query, gallery in zip(*vectors, strict=True)
    ]
    print(f"mAP and rank-1 at stride 16: {found[0]}, at stride 32: {found[1]}")
    assert found[0][0] > 28
    assert found[0][1] > 36
    assert found[1][0] > 48
    assert found[1][1] > 65
