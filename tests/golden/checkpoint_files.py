"""Checkpoints as the official QAConv saves them, with the weights that `make_checkpoints.py` gave its networks."""

import json
import pathlib

import numpy as np

from tests.golden import seeded

TAGS = ("v1.0-eccv", "v1.1", "v1.2", "v2.0", "v2.1")


def read_golden(tag):
    return json.loads((pathlib.Path(__file__).parent / f"checkpoint_{tag}.json").read_text())


def contents(golden):
    """What the official code's main.py saves after an epoch."""
    sections = {
        section: {name: _tensor(golden, f"{section}.{name}", shape) for name, shape in shapes.items()}
        for section, shapes in golden["shapes"].items()
    }
    momentum = {0: {"momentum_buffer": np.ones((64, 3, 7, 7), np.float32)}}
    groups = [{"lr": 0.001, "momentum": 0.9, "nesterov": True, "params": [0]}]
    schedule = {"final_epochs": 22, "base_loss": 14.5, "lr_stepped": True}
    epoch = {"epoch": 15} | (schedule if golden["made_with"]["tag"] == "v2.1" else {})
    return sections | {"optim": {"state": momentum, "param_groups": groups}} | epoch


def _tensor(golden, name, shape):
    if name.endswith("num_batches_tracked"):
        return np.array(900)
    if name in golden["not_seeded"]:
        return np.array(golden["not_seeded"][name], np.float32).reshape(shape)
    return seeded.tensor(name, shape)
