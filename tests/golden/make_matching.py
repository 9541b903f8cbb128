"""Makes `matching_TAG.npz`: scores, gradients and moving statistics of the official matcher, training and evaluating.

    python -m tests.golden.make_matching CHECKOUT

Run from the root, for a checkout of the official QAConv at each of its tags v1.0-eccv, v1.1, v1.2, v2.0 and v2.1, in an
environment of its own with numpy and torch 2.13.0 (CPU); no test needs them. Inputs and weights are those of
`inputs.py`, seed 7: `test_golden_matching.py` makes them again.
"""

import pathlib
import sys

import numpy as np
import torch

from tests.golden import inputs, official, seeded


def make_matcher(tag, height, width, channels):
    if tag in ("v1.0-eccv", "v1.1"):
        from reid.loss.qaconv_loss import QAConvLoss

        return QAConvLoss(inputs.NUM_GALLERY, channels, height, width, mem_batch_size=2)
    from reid.models.qaconv import QAConv

    return QAConv(channels, height, width)


def scores_of(matcher, query, gallery, training):
    """The matcher's scores `(num_query, num_gallery)`, and its probabilities where it evaluates to these."""
    if hasattr(matcher, "make_kernel"):
        matcher.make_kernel(query)
        return matcher(gallery), None
    # Before 1.2 there is no matcher but a loss, whose gallery is the memory, and a class for evaluation.
    scores = []
    hook = matcher.logit_bn.register_forward_hook(lambda module, given, output: scores.append(output.squeeze(1)))
    if training:
        matcher.class_memory.copy_(gallery.detach())
        matcher(query, torch.arange(len(query)) % inputs.NUM_GALLERY)
        probabilities = None
    else:
        from reid.loss.qaconv import QAConv

        probabilities = QAConv(query, matcher, gal_batch_size=2, prob_batch_size=4)(gallery).t()
    hook.remove()
    return (scores[0] if training else scores[0].t()), probabilities


def run(matcher, shape, training, seed):
    """One forward and backward pass."""
    matcher.train(training)
    query = official.to_torch(inputs.feature_maps(seed, inputs.NUM_QUERY, shape))
    gallery = official.to_torch(inputs.feature_maps(seed + 1, inputs.NUM_GALLERY, shape))
    upstream = torch.from_numpy(seeded.tensor(f"upstream{seed}", (inputs.NUM_QUERY, inputs.NUM_GALLERY)))
    scores, probabilities = scores_of(matcher, query, gallery, training)
    matcher.zero_grad()
    (scores * upstream).sum().backward()
    values = {"scores": scores.detach().numpy(), "by_query": official.from_torch(query.grad)}
    if gallery.grad is not None:
        values["by_gallery"] = official.from_torch(gallery.grad)
    if probabilities is not None:
        values["probabilities"] = probabilities.detach().numpy()
    return values | official.gradients(matcher) | {"statistics": official.statistics(matcher)}


def run_all(tag, size):
    matcher = make_matcher(tag, *inputs.MATCHING_SHAPES[size])
    official.fill(matcher, inputs.matcher_tensors(matcher.fc.weight.numel()))
    goldens = {}
    for name, training, seed in inputs.PASSES:
        for key, value in run(matcher, inputs.MATCHING_SHAPES[size], training, seed).items():
            is_large = size == "published" and key in ("by_query", "by_gallery")
            goldens[f"{size} {name}/{key}"] = seeded.sample(value) if is_large else value
    return goldens


def main(checkout):
    tag = official.use(checkout)
    goldens = run_all(tag, "small") | run_all(tag, "published")
    np.savez_compressed(pathlib.Path(__file__).parent / f"matching_{tag}.npz", **goldens)


if __name__ == "__main__":
    main(*sys.argv[1:])
