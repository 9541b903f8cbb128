"""Makes `augmentation.npz`: a picture, and what the image operations of the official augmentation make of it.

    python -m tests.golden.make_augmentation

Run from the root in an environment of its own with numpy, Pillow, torch 2.13.0 (CPU) and torchvision 0.28.0; no test
needs them. The operations are those behind the transforms of the official QAConv's main.py (v1.2 to v2.1), with their
parameters given instead of drawn. The picture is of random blocks and noise, seed 7 of `seeded.py`, in whole numbers.
"""

import pathlib

import numpy as np
from PIL import Image
from torchvision.transforms import functional

from tests.golden import seeded

SIZE = (64, 32)
# Name -> operation; the numbers in the name are the parameters.
OPERATIONS = {
    "pad_and_crop 10 3 17": lambda image: functional.crop(functional.pad(image, 10), 3, 17, *SIZE),
    "rotate 5.0": lambda image: functional.rotate(image, 5.0),
    "rotate -3.3": lambda image: functional.rotate(image, -3.3),
    "adjust_brightness 0.5": lambda image: functional.adjust_brightness(image, 0.5),
    "adjust_brightness 1.7": lambda image: functional.adjust_brightness(image, 1.7),
    "adjust_contrast 0.6": lambda image: functional.adjust_contrast(image, 0.6),
    "adjust_contrast 1.8": lambda image: functional.adjust_contrast(image, 1.8),
    "adjust_saturation 0.5": lambda image: functional.adjust_saturation(image, 0.5),
    "adjust_saturation 1.9": lambda image: functional.adjust_saturation(image, 1.9),
    "adjust_hue 0.1": lambda image: functional.adjust_hue(image, 0.1),
    "adjust_hue -0.07": lambda image: functional.adjust_hue(image, -0.07),
}


def main():
    picture = np.rint(255 * seeded.pictures(1, *SIZE)[0]).astype(np.uint8)
    results = {name: np.asarray(operation(Image.fromarray(picture))) for name, operation in OPERATIONS.items()}
    np.savez_compressed(pathlib.Path(__file__).parent / "augmentation.npz", picture=picture, **results)


if __name__ == "__main__":
    main()
