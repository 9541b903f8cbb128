"""TensorFlow Addons, where there still is one, as the oracle of what this project has in its place.

It runs in `.venv-addons`, which `make test` makes where it can; see oracle.py, the program that is run there.
"""

import functools
import os
import pathlib
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

import qaconv_tf as qt
from qaconv_tf.commands.shipped_model import chosen_model
from qaconv_tf.pipeline import read_image
from qaconv_tf.training.optimizers import CoupledSGD
from tests.addons import oracle

ROOT = pathlib.Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-addons"
PETS = sorted((ROOT / "tests" / "data" / "pets2009").glob("*/*.jpg"))[::30]  # 7 images
GAMMAS, MARGINS = (0.0, 1.5, 2.0), (1.0, 16.0)
# Learning rate, momentum, whether it is Nesterov's, weight decay.
SETTINGS = [(0.1, 0.0, 0, 0.01), (0.1, 0.9, 0, 0.01), (0.05, 0.9, 1, 0.01), (0.05, 0.9, 1, 0.0)]

pytestmark = pytest.mark.skipif(
    not (ENVIRONMENT / "ready").exists(),
    reason="TensorFlow Addons is not installed: `make .venv-addons/ready` does it, with Python 3.11 and a registry",
)


def ask_oracle(folder, task, inputs):
    """What oracle.py returns for a task, as a dict of arrays."""
    np.savez(folder / "inputs.npz", **inputs)
    files = [ROOT / "tests" / "addons" / "oracle.py", task, folder / "inputs.npz", folder / "outputs.npz"]
    command = [ENVIRONMENT / "bin" / "python", "-I", "-W", "ignore", *files]
    subprocess.run(command, check=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, timeout=300)
    with np.load(folder / "outputs.npz") as outputs:
        results = dict(outputs)
    assert str(results.pop("version")) == "2.15.1"
    return results


@pytest.fixture(scope="module")
def loss_inputs():
    """Scores of 6 images against 40 classes, and of 12 images, three a label, against each other."""
    random = np.random.default_rng(110)
    labels = np.arange(12) // 3
    pair_scores = random.normal(scale=8.0, size=(12, 12)) + 12.0 * (labels[:, None] == labels)
    return {
        "class_scores": random.normal(scale=3.0, size=(6, 40)).astype(np.float32),
        "classes": random.integers(40, size=6),
        "gammas": np.array(GAMMAS),
        "pair_scores": pair_scores.astype(np.float32),
        "labels": labels,
        "margins": np.array(MARGINS),
    }


@pytest.fixture(scope="module")
def losses(loss_inputs, tmp_path_factory):
    return ask_oracle(tmp_path_factory.mktemp("losses"), "losses", loss_inputs)


def assert_agrees(loss, scores, value, gradient):
    scores = tf.constant(scores)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        ours = loss(scores)
    assert value > 1.0
    np.testing.assert_allclose(ours, value, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(ours, scores), gradient, rtol=1e-5, atol=1e-6 * np.abs(gradient).max())


@pytest.mark.parametrize("gamma", GAMMAS)
def test_focal_loss(losses, loss_inputs, gamma):
    loss = functools.partial(qt.losses.class_memory_loss, labels=loss_inputs["classes"], gamma=gamma)
    # Addons leaves the mean over the 6 images to its caller.
    value, gradient = losses[f"focal/{gamma}/value"].mean(), losses[f"focal/{gamma}/gradient"] / 6
    assert_agrees(loss, loss_inputs["class_scores"], value, gradient)


@pytest.mark.parametrize("margin", MARGINS)
def test_hard_triplet_loss(losses, loss_inputs, margin):
    # Each image has a right and a wrong partner. Ours leaves out an image without, which Addons counts all the same.
    loss = functools.partial(qt.losses.hard_triplet_loss, labels=loss_inputs["labels"], margin=margin)
    value, gradient = losses[f"triplet/{margin}/value"], losses[f"triplet/{margin}/gradient"]
    assert_agrees(loss, loss_inputs["pair_scores"], value, gradient)


@pytest.fixture(scope="module")
def optimizer_inputs():
    random = np.random.default_rng(111)
    gradients = random.normal(size=(10, 3, 4)).astype(np.float32)
    return {"weight": random.normal(size=(3, 4)).astype(np.float32), "gradients": gradients, "settings": SETTINGS}


@pytest.fixture(scope="module")
def paths(optimizer_inputs, tmp_path_factory):
    return ask_oracle(tmp_path_factory.mktemp("optimizers"), "optimizers", optimizer_inputs)


def path_of(optimizer, inputs):
    weight, path = keras.Variable(inputs["weight"]), []
    for gradient in inputs["gradients"]:
        optimizer.apply([gradient], [weight])
        path.append(np.array(weight))
    return np.stack(path)


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_sgdw_is_keras_sgd_with_another_unit_of_decay(paths, optimizer_inputs, number):
    rate, momentum, nesterov, decay = SETTINGS[number]
    optimizer = keras.optimizers.SGD(rate, momentum, nesterov=bool(nesterov), weight_decay=decay / rate)
    ours = path_of(optimizer, optimizer_inputs)
    np.testing.assert_allclose(ours, paths[str(number)], rtol=1e-6, atol=1e-6)


def test_sgdw_is_ours_without_decay_only(paths, optimizer_inputs):
    # Addons' decay passes the momentum by, and ours, PyTorch's, does not.
    for number in (2, 3):
        rate, momentum, _, decay = SETTINGS[number]
        ours = path_of(CoupledSGD(rate, momentum, coupled_decay=decay / rate), optimizer_inputs)
        deviation = np.abs(ours - paths[str(number)]).max()
        assert deviation < 1e-6 if decay == 0 else deviation > 1e-2


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """What the signatures of the shipped model return here and in TensorFlow 2.15, of real images."""
    folder = tmp_path_factory.mktemp("saved_model")
    model = qt.load_model(chosen_model("", ""))
    images = np.stack([read_image(file, model.backbone.image_height, model.backbone.image_width) for file in PETS])
    maps, encoded = model.extract(images).numpy(), np.array([file.read_bytes() for file in PETS])
    inputs = {
        "serving_default/image_bytes": encoded,
        "extract/images": images,
        "match/query_maps": maps[:3],
        "match/gallery_maps": maps,
        "match_images/query_bytes": encoded[:3],
        "match_images/gallery_bytes": encoded,
    }
    inputs["directory"] = qt.export_saved_model(model, folder)
    there = ask_oracle(folder, "saved_model", inputs)
    return oracle.saved_model(inputs), there


@pytest.mark.parametrize("name", ["serving_default", "extract", "match", "match_images"])
def test_saved_model(served, name):
    here, there = (np.asarray(outputs[name]) for outputs in served)
    assert there.std() > 0.05
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-6 * np.abs(here).max(initial=1.0))
