"""Five steps of training by the recipes against the official trainer: `make_training_steps.py` made the values."""

import json

import numpy as np
import pytest

from qaconv_tf.backbones.weights import body_places, layer_places
from qaconv_tf.torch_checkpoint import load_torch_checkpoint
from qaconv_tf.training import CoupledSGD, Trainer
from tests.backbones import torch_writer
from tests.golden import checkpoint_files, inputs, ours, seeded

MEMORY = {"loss": "class_memory", "freeze_batch_norm": False, "clip_norm": 0.0}
# Tag -> learning rate, and arguments of our trainer.
RECIPES = {
    "v1.1": (0.005, MEMORY),
    "v1.2": (0.005, MEMORY | {"memory_chunk": inputs.TRAINING_CHUNK}),
    "v2.0": (0.001, {"loss": "pairwise", "freeze_batch_norm": False, "clip_norm": 512.0}),
    "v2.1": (0.005, {"loss": "triplet", "margin": 16.0, "freeze_batch_norm": True, "clip_norm": 8.0}),
}


def torch_tensors(model, section):
    """The model's variables by the official names, in PyTorch's layout."""
    backbone = model.backbone
    places = {f"model.base.{name}": place for name, place in body_places(backbone.body).items()}
    places |= layer_places(backbone.neck, "model.neck_conv")
    if backbone.neck_norm is not None:
        places |= layer_places(backbone.neck_norm, "model.neck_bn")
    tensors = {name: place_to_torch(place) for name, place in places.items()}
    return tensors | {f"{section}{name}": tensor for name, tensor in ours.matcher_tensors(model.matcher).items()}


def place_to_torch(place):
    """Undoes a place's conversion, by what it does to the numbers of a tensor's elements."""
    order = place.convert(np.arange(np.prod(place.shape)).reshape(place.shape))
    tensor = np.empty(order.size, np.float32)
    tensor[order.ravel()] = np.ravel(place.variable)
    return tensor.reshape(place.shape)


def make_trainer(tag, path):
    golden = json.loads((ours.HERE / f"training_steps_{tag}.json").read_text())
    contents = checkpoint_files.contents(golden)
    model = load_torch_checkpoint(torch_writer.save(path, contents), *inputs.TRAINING_SIZE)
    rate, options = RECIPES[tag]
    _, num_classes, _ = inputs.TRAINING_BATCHES[tag]
    trainer = Trainer(model, num_classes=num_classes, **options)
    trainer.compile(CoupledSGD(rate, slow_variables=model.backbone.body.trainable_variables))
    if trainer.memory is not None:
        maps, filled = inputs.class_memory(num_classes, model.backbone.feature_shape, inputs.TRAINING_FILLED)
        trainer.memory.update(maps[filled], np.flatnonzero(filled))
    return golden, trainer


def relative_deviation(change, reference):
    reference = np.array(reference)
    return np.sqrt(np.mean((seeded.sample(change) - reference) ** 2) / np.mean(reference**2))


@pytest.mark.parametrize("tag", RECIPES)
def test_losses_and_weights_follow_the_official_trainer(tag, tmp_path):
    golden, trainer = make_trainer(tag, tmp_path / "checkpoint.pth.tar")
    section = "criterion." if tag == "v1.1" else "criterion.matcher."
    before = torch_tensors(trainer.model, section)
    labels = inputs.training_labels(tag)
    images = seeded.pictures(labels.size, *inputs.TRAINING_SIZE).reshape(*labels.shape, *inputs.TRAINING_SIZE, 3)
    logs = [trainer.train_on_batch(*batch, return_dict=True) for batch in zip(images, labels, strict=True)]
    np.testing.assert_allclose([log["loss"] for log in logs], golden["losses"], rtol=1e-3)
    np.testing.assert_allclose([log["accuracy"] for log in logs], golden["accuracies"], rtol=1e-6)
    changes = {name: tensor - before[name] for name, tensor in torch_tensors(trainer.model, section).items()}
    reference = {name: change for name, change in golden["changes"].items() if "class" not in name}
    assert {name for name, change in changes.items() if change.any()} == set(reference)
    # A float32 holds few digits of so small a change: PyTorch's own changes differ by up to 0.05 from those in float64.
    deviations = {name: relative_deviation(changes[name], reference[name]) for name in reference}
    assert max(deviations.values()) < 0.2, deviations
