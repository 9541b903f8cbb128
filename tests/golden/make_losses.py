"""Makes `losses_TAG.npz`: the official losses, their gradients, the matcher's moving statistics and the class memory.

    python -m tests.golden.make_losses CHECKOUT

Run from the root, for a checkout of the official QAConv at each of its tags v1.0-eccv, v1.1, v1.2, v2.0 and v2.1, in an
environment of its own with numpy and torch 2.13.0 (CPU); no test needs them. Inputs and weights are those of
`inputs.py`, seed 7: `test_golden_losses.py` makes them again. Of the class memory (1.x) there are five steps.
"""

import pathlib
import sys

import numpy as np
import torch

from tests.golden import inputs, official


def make_loss(tag, shape, num_classes, chunk):
    """The tag's loss and its matcher."""
    height, width, channels = shape
    sizes = {"num_features": channels, "height": height, "width": width}
    if tag in ("v1.0-eccv", "v1.1"):
        from reid.loss.qaconv_loss import QAConvLoss

        loss = QAConvLoss(num_classes, mem_batch_size=chunk, **sizes)
        return loss, loss
    from reid.models.qaconv import QAConv

    matcher = QAConv(**sizes)
    if tag == "v1.2":
        from reid.loss.class_memory_loss import ClassMemoryLoss

        return ClassMemoryLoss(matcher, num_classes, mem_batch_size=chunk, **sizes), matcher
    if tag == "v2.0":
        from reid.loss.pairwise_matching_loss import PairwiseMatchingLoss

        return PairwiseMatchingLoss(matcher), matcher
    from reid.loss.triplet_loss import TripletLoss

    return TripletLoss(matcher, margin=16), matcher


def memory_tensors(loss, shape, filled):
    """A class memory as after some training, by the names of the loss that has one."""
    if not hasattr(loss, "class_memory"):
        return {}
    maps, is_filled = inputs.class_memory(loss.num_classes, shape, filled)
    return {"class_memory": maps.transpose(0, 3, 1, 2), "valid_class": is_filled.astype(np.float32)}


def step(loss, matcher, maps, labels):
    maps = official.to_torch(maps)
    of_images, _ = loss(maps, torch.from_numpy(labels))
    loss.zero_grad()
    of_images.mean().backward()
    values = {"of_images": of_images.detach().numpy(), "loss": np.float32(of_images.mean().item())}
    values |= {"by_maps": official.from_torch(maps.grad)}
    if hasattr(loss, "class_memory"):
        values["memory"] = official.from_torch(loss.class_memory).copy()
    if hasattr(loss, "valid_class"):
        values["filled"] = loss.valid_class.numpy().copy()
    return values | official.gradients(matcher) | {"statistics": official.statistics(matcher)}


def main(checkout):
    tag = official.use(checkout)
    loss, matcher = make_loss(tag, inputs.SHAPE, inputs.NUM_CLASSES, inputs.CHUNK)
    official.fill(matcher, inputs.matcher_tensors(matcher.fc.weight.numel()))
    official.fill(loss, memory_tensors(loss, inputs.SHAPE, inputs.FIRST_FILLED))
    loss.train()
    goldens = {}
    batches = inputs.CLASS_BATCHES if hasattr(loss, "class_memory") else inputs.PAIR_BATCHES
    for index, labels in enumerate(batches):
        maps = inputs.feature_maps(inputs.FIRST_SEED + index, len(labels), inputs.SHAPE)
        goldens |= {f"{index}/{key}": value for key, value in step(loss, matcher, maps, np.array(labels)).items()}
    np.savez_compressed(pathlib.Path(__file__).parent / f"losses_{tag}.npz", **goldens)


if __name__ == "__main__":
    main(*sys.argv[1:])
