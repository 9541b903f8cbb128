"""The image operations against those that the official augmentation uses: `make_augmentation.py` made the values."""

import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.pipeline import image_operations
from tests.golden import ours

with np.load(ours.HERE / "augmentation.npz", allow_pickle=False) as arrays:
    GOLDEN = dict(arrays)
PICTURE = GOLDEN.pop("picture")
# Largest difference in levels of 255, and the mean one. Pillow rounds to whole levels, contrast also the mean that
# it blends with, which factors up to 2 enlarge; its hues are of 256 steps, and one of them is up to six levels.
TOLERANCES = {"adjust_brightness": (1, 0.5), "adjust_contrast": (1.5, 0.5), "adjust_saturation": (1.5, 0.5)}
TOLERANCES |= {"adjust_hue": (10, 1.5), "pad_and_crop": (0, 0)}


def differences(case):
    name, *parameters = case.split()
    parameters = [int(number) if name == "pad_and_crop" else float(number) for number in parameters]
    options = {"interpolation": "nearest"} if name == "rotate" else {}
    changed = getattr(image_operations, name)(tf.constant(PICTURE / 255, tf.float32), *parameters, **options)
    return np.abs(changed.numpy() * 255 - GOLDEN[case].astype(np.float32))


@pytest.mark.parametrize("case", [case for case in GOLDEN if not case.startswith("rotate")])
def test_operation_agrees_with_torchvision_on_pillow(case):
    of_pixels = differences(case)
    largest, mean = TOLERANCES[case.split()[0]]
    assert of_pixels.max() <= largest and of_pixels.mean() <= mean


@pytest.mark.parametrize("case", [case for case in GOLDEN if case.startswith("rotate")])
def test_rotation_takes_the_same_pixels(case):
    # One of 2,048 lies on the border between two, where the rounding decides.
    assert (differences(case).max(axis=-1) > 1e-3).sum() <= 1
