"""Makes `training_modes_TAG.json`: which normalisations the official trainer leaves in training mode, epoch by epoch.

    python -m tests.golden.make_training_modes CHECKOUT

Run from the root, for a checkout of the official QAConv at its tags v2.0 and v2.1, in an environment of its own with
numpy, torch 2.13.0 (CPU), torchvision 0.28.0 and Pillow; no test needs them. Seed 7. Trainer, loss, matcher and graph
sampler are the official ones; the network is a convolution with a BatchNorm, the images are noise.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

from tests.golden import official

NUM_IDENTITIES, IMAGES_PER_IDENTITY, EPOCHS = 12, 4, 3
BATCH, INSTANCES = 16, 4


class Network(torch.nn.Module):
    """32 x 16 pixels to maps of 8 channels at 4 x 2 locations."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 8, 3, 8, 1)
        self.norm = torch.nn.BatchNorm2d(8)

    def forward(self, images):
        return torch.nn.functional.normalize(self.norm(self.convolution(images)))


def write_images(folder):
    random, source = np.random.default_rng(7), []
    for pid in range(NUM_IDENTITIES):
        for image in range(IMAGES_PER_IDENTITY):
            source.append((f"{pid}_{image}.png", pid, 0, 0))
            Image.fromarray(random.integers(0, 256, (32, 16, 3), np.uint8)).save(f"{folder}/{source[-1][0]}")
    return source


def make_trainer(tag, model, matcher):
    """The trainer and the settings that main_gs.py, or main.py of 2.1, gives to its sampler after the batch."""
    if tag == "v2.0":
        from reid.loss.pairwise_matching_loss import PairwiseMatchingLoss
        from reid.trainers_clip import Trainer

        return Trainer(model, PairwiseMatchingLoss(matcher), 512), (True, 1, -1)
    from reid.loss.triplet_loss import TripletLoss
    from reid.trainers import Trainer

    return Trainer(model, TripletLoss(matcher, 16), 8), ()


def modes_of(tag, folder):
    """For each epoch: whether the network's and the matcher's normalisation were in training mode at every step."""
    # Torch has since lost the argument that the official class gives to its base.
    torch.utils.data.sampler.Sampler.__init__ = lambda self, data_source: None
    from reid.models.qaconv import QAConv
    from reid.utils.data.graph_sampler import GraphSampler
    from reid.utils.data.preprocessor import Preprocessor
    from torchvision.transforms import ToTensor

    source, network, matcher = write_images(folder), Network(), QAConv(8, 4, 2)
    model = torch.nn.DataParallel(network)
    trainer, settings = make_trainer(tag, model, matcher)
    sampler = GraphSampler(source, folder, ToTensor(), model, matcher, BATCH, INSTANCES, *settings)
    loader = torch.utils.data.DataLoader(
        Preprocessor(source, folder, transform=ToTensor()), batch_size=BATCH, sampler=sampler
    )
    modes, forward = [], trainer._forward
    trainer._forward = lambda *batch: modes.append((network.norm.training, matcher.bn.training)) or forward(*batch)
    optimizer = torch.optim.SGD([*network.parameters(), *matcher.parameters()], lr=0.001)
    epochs = []
    for epoch in range(EPOCHS):
        modes.clear()
        trainer.train(epoch, loader, optimizer)
        (mode,) = set(modes)
        epochs.append(mode)
    return epochs


def main(checkout):
    tag = official.use(checkout)
    sys.stdout.console = sys.stdout  # where the trainer writes to
    np.random.seed(7)
    with tempfile.TemporaryDirectory() as folder:
        golden = {"tag": tag, "seed": 7, "network and matcher in training mode": modes_of(tag, folder)}
    path = pathlib.Path(__file__).parent / f"training_modes_{tag}.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
