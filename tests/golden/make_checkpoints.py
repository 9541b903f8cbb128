"""Makes `checkpoint_TAG.json`: what a network of the official QAConv makes of seeded images.

    python -m tests.golden.make_checkpoints CHECKOUT IBN_NET

Run from the root, for a checkout of the official QAConv at each of the tags of `CASES`, in an environment of its own
with numpy, torch 2.13.0 (CPU) and torchvision 0.28.0; no test needs them. `IBN_NET` is a checkout of
https://github.com/XingangPan/IBN-Net at d1673389, which the official code gets by torch.hub.

Weights are the seeded ones of `seeded.py`, seed 7, with the neck centred and both normalisations of the matcher set to
what they meet, as in a trained network: else all maps would be alike, and so would be all scores. Stored are the names
and shapes of a checkpoint's tensors, those values that are not seeded, samples of the maps and all scores, in float32.
"""

import json
import pathlib
import sys

import numpy as np
import torch

from tests.golden import official, seeded

NUM_CLASSES, NUM_QUERY, NUM_IMAGES = 3, 3, 7
# Tag -> arguments of the official network, and the images' size.
CASES = {
    "v1.0-eccv": ("resnet50", {"final_layer": "layer3", "neck": 128}, (384, 128)),
    "v1.1": ("resnet18", {"ibn_type": "a", "final_layer": "layer2", "neck": 64}, (128, 64)),
    "v1.2": ("resnet18", {"ibn_type": "b", "final_layer": "layer4", "neck": 64}, (128, 64)),
    "v2.0": ("resnet34", {"ibn_type": "a", "final_layer": "layer3", "neck": 0}, (128, 64)),
    "v2.1": ("resnet50", {"ibn_type": "b", "final_layer": "layer3", "neck": 128}, (384, 128)),
}
STRIDES = {"layer2": 8, "layer3": 16, "layer4": 32}


def make_criterion(tag, num_features, height, width):
    """The criterion, whose state a checkpoint holds, and a function of query and gallery maps that scores them."""
    shape = (num_features, height, width)
    if tag in ("v1.0-eccv", "v1.1"):
        from reid.loss.qaconv import QAConv
        from reid.loss.qaconv_loss import QAConvLoss

        criterion = QAConvLoss(NUM_CLASSES, *shape)
        scores = []
        # The class for evaluation returns probabilities.
        criterion.logit_bn.register_forward_hook(lambda module, inputs, output: scores.append(output.squeeze(1).t()))

        def score(query, gallery):
            QAConv(query, criterion).train(criterion.training)(gallery)
            return scores.pop()

        return criterion, score
    from reid.models.qaconv import QAConv

    matcher = QAConv(*shape)
    if tag == "v1.2":
        from reid.loss.class_memory_loss import ClassMemoryLoss

        criterion = ClassMemoryLoss(matcher, NUM_CLASSES, *shape)
    elif tag == "v2.0":
        from reid.loss.pairwise_matching_loss import PairwiseMatchingLoss

        criterion = PairwiseMatchingLoss(matcher)
    else:
        from reid.loss.triplet_loss import TripletLoss

        criterion = TripletLoss(matcher)

    def score(query, gallery):
        matcher.make_kernel(query)
        return matcher(gallery)

    return criterion, score


def shapes_of(module):
    return {name: list(tensor.shape) for name, tensor in module.state_dict().items()}


def seed(module, section):
    official.fill(
        module, {name: seeded.tensor(f"{section}.{name}", shape) for name, shape in shapes_of(module).items()}
    )


def centre_neck(model, images):
    """Makes the mean of the neck's output zero; returns what that changed."""
    if model.neck <= 0:
        return {}
    outputs = []
    handle = model.neck_conv.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    model(images)
    handle.remove()
    mean = outputs[0].mean(dim=(0, 2, 3))
    if model.neck_conv.bias is None:
        model.neck_bn.running_mean.copy_(mean)
        return {"model.neck_bn.running_mean": mean}
    model.neck_conv.bias.sub_(mean)
    return {"model.neck_conv.bias": model.neck_conv.bias}


def settle(criterion, score, query, gallery):
    """Sets the matcher's moving statistics to those of these pairs; returns them."""
    norms = {name: module for name, module in criterion.named_modules() if isinstance(module, torch.nn.BatchNorm1d)}
    for norm in norms.values():
        norm.momentum = 1.0
    criterion.train()
    score(query, gallery)
    criterion.eval()
    return {
        f"criterion.{name}.{statistic}": getattr(norm, statistic)
        for name, norm in norms.items()
        for statistic in ("running_mean", "running_var")
    }


def rounded(values):
    """Numbers that say a float32 exactly."""
    return [float(f"{value:.9g}") for value in np.asarray(values, np.float32).reshape(-1)]


@torch.no_grad()
def main(checkout, ibn_net):
    tag = official.use(checkout)
    from reid.models import resmap

    load = torch.hub.load
    torch.hub.load = lambda _, name, **options: load(ibn_net, name, source="local", **options)
    name, options, (height, width) = CASES[tag]
    model = resmap.create(name, pretrained=False, **options).eval()
    stride = STRIDES[options["final_layer"]]
    criterion, score = make_criterion(tag, model.num_features, height // stride, width // stride)
    seed(model, "model")
    seed(criterion, "criterion")
    images = official.to_torch(seeded.pictures(NUM_IMAGES, height, width))
    stored = centre_neck(model, images)
    maps = model(images)
    query, gallery = maps[:NUM_QUERY], maps[NUM_QUERY:]
    stored |= settle(criterion, score, query, gallery)
    golden = {
        "made_with": {"tag": tag, "ibn_net": "d1673389", "torch": torch.__version__, "seed": 7},
        "network": {"name": name, **options},
        "image_size": [height, width],
        "shapes": {"model": shapes_of(model), "criterion": shapes_of(criterion)},
        "not_seeded": {name: rounded(tensor) for name, tensor in stored.items()},
        "num_images": NUM_IMAGES,
        "maps": rounded(seeded.sample(official.from_torch(maps))),
        "scores": [rounded(row) for row in score(query, gallery)],
    }
    path = pathlib.Path(__file__).parent / f"checkpoint_{tag}.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
