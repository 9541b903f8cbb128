"""Makes `training_steps_TAG.json`: losses of five steps by the official trainer, and what they did to the weights.

    python -m tests.golden.make_training_steps CHECKOUT

Run from the root, for a checkout of the official QAConv at v1.1, v1.2, v2.0 and v2.1, in an environment of its own with
numpy, torch 2.13.0 (CPU) and torchvision 0.28.0; no test needs them. ResNet-18, layer3, 128 x 64 pixels, no
augmentation; learning rates, momentum and weight decay as in the tag's main.py (2.0: main_gs.py), in float32: on a CPU
the mixed precision of 2.1 is off. Weights and images are those of `seeded.py`, labels and class memory those of
`inputs.py`, seed 7.
"""

import json
import pathlib
import sys

import torch

from tests.golden import inputs, make_losses, official, seeded
from tests.golden.make_checkpoints import centre_neck, rounded, seed, shapes_of

LEARNING_RATES = {"v1.1": 0.005, "v1.2": 0.005, "v2.0": 0.001, "v2.1": 0.005}
MAP_SHAPE = (*(pixels // 16 for pixels in inputs.TRAINING_SIZE), inputs.NECK_CHANNELS)


def make_trainer(tag, model, loss):
    if tag == "v2.0":
        from reid.trainers_clip import Trainer

        return Trainer(model, loss, 512)
    from reid.trainers import Trainer

    return Trainer(model, loss, 8) if tag == "v2.1" else Trainer(model, loss)


def make_optimizer(tag, model, loss):
    """As main.py does."""
    rate = LEARNING_RATES[tag]
    of_body = set(model.base.parameters())
    groups = [
        {"params": model.base.parameters(), "lr": 0.1 * rate},
        {"params": [parameter for parameter in model.parameters() if parameter not in of_body], "lr": rate},
        {"params": loss.parameters(), "lr": rate},
    ]
    return torch.optim.SGD(groups, lr=rate, momentum=0.9, weight_decay=5e-4, nesterov=True)


def tensors_of(model, loss):
    sections = {"model": model, "criterion": loss}
    return {
        f"{section}.{name}": tensor.numpy().copy()
        for section, module in sections.items()
        for name, tensor in module.state_dict().items()
        if "num_batches" not in name
    }


def main(checkout):
    tag = official.use(checkout)
    from reid.models import resmap

    sys.stdout.console = sys.stdout  # where the trainer writes to
    batch, num_classes, _ = inputs.TRAINING_BATCHES[tag]
    model = resmap.create("resnet18", final_layer="layer3", neck=inputs.NECK_CHANNELS, pretrained=False)
    loss, _ = make_losses.make_loss(tag, MAP_SHAPE, num_classes, inputs.TRAINING_CHUNK)
    seed(model, "model")
    seed(loss, "criterion")
    official.fill(loss, make_losses.memory_tensors(loss, MAP_SHAPE, inputs.TRAINING_FILLED))
    images = official.to_torch(seeded.pictures(inputs.NUM_STEPS * batch, *inputs.TRAINING_SIZE)).detach()
    with torch.no_grad():
        centred = centre_neck(model.eval(), images)
    not_seeded = {name: rounded(tensor.detach()) for name, tensor in centred.items()}
    before = tensors_of(model, loss)
    trainer, optimizer = make_trainer(tag, model, loss), make_optimizer(tag, model, loss)
    labels = torch.from_numpy(inputs.training_labels(tag))
    # An epoch of one batch each, since the trainer returns its epoch's mean.
    results = [
        trainer.train(step, [(of_step, None, labels[step], None)], optimizer)
        for step, of_step in enumerate(images.split(batch))
    ]
    changes = {name: tensor - before[name] for name, tensor in tensors_of(model, loss).items()}
    golden = {
        "made_with": {"tag": tag, "torch": torch.__version__},
        "shapes": {"model": shapes_of(model), "criterion": shapes_of(loss)},
        "not_seeded": not_seeded,
        "losses": [loss for loss, _ in results],
        "accuracies": [float(accuracy) for _, accuracy in results],
        "changes": {name: rounded(seeded.sample(change)) for name, change in changes.items() if change.any()},
    }
    path = pathlib.Path(__file__).parent / f"training_steps_{tag}.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
