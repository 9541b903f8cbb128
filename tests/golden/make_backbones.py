"""Makes `backbones.json`: names, shapes and some outputs of PyTorch's MobileNetV2, ResNet and IBN-Net.

    python -m tests.golden.make_backbones

Run from the root in an environment of its own with numpy, torch 2.13.0 and torchvision 0.28.0; no test needs them.
MobileNetV2 gets the weights that the package ships, the ResNets get the seeded ones of `seeded.py`. IBN-Net's changes
are made to torchvision's modules here, in IBN-Net's names.
"""

import functools
import json
import pathlib
import types

import numpy as np
import torch
import torchvision

from tests.golden import seeded

HERE = pathlib.Path(__file__).parent
ASSET = HERE.parents[1] / "qaconv_tf" / "assets" / "mobilenet_v2_imagenet.npz"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESNETS = (("resnet18", "none"), ("resnet18", "b"), ("resnet50", "none"), ("resnet50", "a"), ("resnet50", "b"))
HEIGHT, WIDTH = 96, 64


class InstanceBatchNorm(torch.nn.Module):
    """The first half of the channels by instance, the others by batch."""

    def __init__(self, channels):
        super().__init__()
        self.half = channels // 2
        self.IN = torch.nn.InstanceNorm2d(self.half, affine=True)
        self.BN = torch.nn.BatchNorm2d(channels - self.half)

    def forward(self, maps):
        return torch.cat([self.IN(maps[:, : self.half]), self.BN(maps[:, self.half :])], dim=1)


def forward_of_normalized_sum(convolutions, block, inputs):
    """A residual block whose sum is normalised before the last ReLU."""
    maps = inputs
    for number in range(1, convolutions + 1):
        maps = getattr(block, f"bn{number}")(getattr(block, f"conv{number}")(maps))
        maps = block.relu(maps) if number < convolutions else maps
    shortcut = block.downsample(inputs) if block.downsample else inputs
    return block.relu(block.IN(maps + shortcut))


def make_resnet(name, ibn):
    model = getattr(torchvision.models, name)()
    if ibn == "a":
        for block in (*model.layer1, *model.layer2, *model.layer3):
            block.bn1 = InstanceBatchNorm(block.bn1.num_features)
    if ibn == "b":
        model.bn1 = torch.nn.InstanceNorm2d(64, affine=True)
        for block in (model.layer1[-1], model.layer2[-1]):
            convolutions = 3 if hasattr(block, "conv3") else 2
            channels = getattr(block, f"bn{convolutions}").num_features
            block.IN = torch.nn.InstanceNorm2d(channels, affine=True)
            block.forward = types.MethodType(functools.partial(forward_of_normalized_sum, convolutions), block)
    return model


def run_resnet(model, images):
    maps = model.maxpool(model.relu(model.bn1(model.conv1(images))))
    maps = model.layer1(maps)
    levels = {}
    for level, layer in ((8, model.layer2), (16, model.layer3), (32, model.layer4)):
        maps = levels[level] = layer(maps)
    return levels


def run_mobilenet(model, images):
    return {level: model.features[:features](images) for level, features in ((8, 7), (16, 14), (32, 18))}


def load(model, tensors):
    tensors = {name: torch.from_numpy(np.asarray(tensor, np.float32)) for name, tensor in tensors.items()}
    unexpected = model.load_state_dict(tensors, strict=False).unexpected_keys
    if unexpected:
        raise ValueError(f"names that torchvision does not have: {unexpected}")
    return model.eval()


def described(levels):
    arrays = {level: maps.numpy().transpose(0, 2, 3, 1) for level, maps in levels.items()}
    return {
        str(level): {"shape": maps.shape, "values": [float(f"{value:.6g}") for value in seeded.sample(maps)]}
        for level, maps in arrays.items()
    }


@torch.no_grad()
def main():
    images = seeded.images(HEIGHT, WIDTH)
    as_torch = torch.from_numpy(images.transpose(0, 3, 1, 2))
    normalized = (as_torch - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    with np.load(ASSET) as tensors:
        mobilenet = load(torchvision.models.mobilenet_v2(), dict(tensors))
    goldens = {
        "made_with": {"torch": torch.__version__, "torchvision": torchvision.__version__},
        "image_size": [HEIGHT, WIDTH],
        "mobilenet_v2": {"levels": described(run_mobilenet(mobilenet, normalized))},
    }
    for name, ibn in RESNETS:
        model = make_resnet(name, ibn)
        shapes = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
        shapes = {key: shape for key, shape in shapes.items() if "num_batches" not in key}
        load(model, {key: seeded.tensor(key, shape) for key, shape in shapes.items()})
        goldens[f"{name} {ibn}"] = {"shapes": shapes, "levels": described(run_resnet(model, as_torch))}
    (HERE / "backbones.json").write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
