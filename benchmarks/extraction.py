"""Images to feature maps, a batch at a time: `python benchmarks/extraction.py --backbone=resnet50 --image_height=384`.

MobileNetV2 with ImageNet weights, or a recipe's ResNet-50-IBN-b with random ones, on the JPEGs of tests/data/pets2009.
The last rows read and decode files too: by `extract_feature_maps`, and `decoding alone`, which it does meanwhile. The
column `result` is the mean cosine of a location's vector with that of the model as it is. With `--official=CHECKOUT
--official_python=INTERPRETER --official_ibn=DIR` (QAConv v2.1, IBN-Net; torch and torchvision): the official ResNet-50.
"""

import argparse
import functools
import glob
import pathlib
import sys

import measure
import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).parents[1]
RECIPE = {"ibn": "b", "levels": (16,), "neck_channels": 128, "neck_kernel_size": 3, "normalize_levels": False}
COMPARED = 4
# Batches of files in one computation.
FILE_BATCHES = 4


def files(number):
    found = sorted(glob.glob(f"{ROOT}/tests/data/pets2009/*/*.jpg"))
    return [found[place % len(found)] for place in range(number)]


def read_images(options):
    images = np.empty((options.batch, options.image_height, options.image_width, 3), np.float32)
    for image, path in zip(images, files(options.batch), strict=True):
        size = options.image_width, options.image_height
        image[:] = np.asarray(Image.open(path).convert("RGB").resize(size, Image.Resampling.BICUBIC)) / np.float32(255)
    return images


def inputs(options):
    sys.path.insert(0, str(ROOT))
    import tensorflow as tf

    from qaconv_tf import build_model

    size = {"image_height": options.image_height, "image_width": options.image_width}
    weights, more = ("imagenet", {}) if options.backbone == "mobilenet_v2" else (None, RECIPE)
    return build_model(options.backbone, weights=weights, **size, **more), tf.constant(read_images(options))


def inputs_alone(options):
    inputs(options)
    return lambda: 0.0


def compared(options, extract, model, images):
    """A function that extracts once and returns how near the maps are to the model's own."""
    expected = model.extract(images[:COMPARED])

    def compute():
        maps = np.asarray(extract(images))[:COMPARED]
        return np.mean(np.sum(maps * expected, axis=-1))

    return compute


def graph(options, jit_compile):
    import tensorflow as tf

    model, images = inputs(options)
    return compared(options, tf.function(model.extract, jit_compile=jit_compile), model, images)


def folded(options, precision):
    import tensorflow as tf

    from qaconv_tf.backbones.folding import FoldedBody

    model, images = inputs(options)
    one = FoldedBody(model.backbone.body, precision)
    one.refresh(model.backbone.body)
    extract = tf.function(lambda some: model.backbone.call(some, body=one.body))
    return compared(options, extract, model, images)


def mixed_policy(options):
    import tensorflow as tf

    model, images = inputs(options)
    config = model.backbone.get_config() | {"dtype": "mixed_bfloat16"}
    mixed = type(model.backbone).from_config(config)
    mixed.set_weights(model.backbone.get_weights())
    return compared(options, tf.function(mixed), model, images)


def records(options):
    from qaconv_tf.datasets.records import ImageRecord

    return [ImageRecord(path, identity=0) for path in files(FILE_BATCHES * options.batch)]


def decoding(options):
    inputs(options)
    from qaconv_tf.pipeline import evaluation_batches

    batches = evaluation_batches(records(options), options.image_height, options.image_width, options.batch)
    return lambda: sum(len(batch) for batch in batches) / (FILE_BATCHES * options.batch)


def from_files(options, precision):
    model, images = inputs(options)
    from qaconv_tf.evaluation.extraction import extract_feature_maps

    def extract(_):
        return extract_feature_maps(model, records(options), options.batch, precision=precision)

    return compared(options, extract, model, images)


def official(options):
    import training_step

    training_step.use_official(options)
    import torch
    from reid.models import resmap

    load = torch.hub.load
    torch.hub.load = lambda _, name, **how: load(options.official_ibn, name, source="local", **how)
    model = resmap.create("resnet50", ibn_type="b", pretrained=False).eval()
    images = torch.from_numpy(read_images(options)).permute(0, 3, 1, 2).contiguous()

    def compute():
        with torch.no_grad():
            return model(images).square().sum(dim=1).mean()

    return compute


def official_alone(options):
    import training_step

    training_step.use_official(options)
    read_images(options)
    return lambda: 0.0


FROM_FILES = "files: "
VARIANTS = {
    measure.INPUTS_ALONE: inputs_alone,
    "tf.function": functools.partial(graph, jit_compile=False),
    "tf.function, XLA": functools.partial(graph, jit_compile=True),
    "policy mixed_bfloat16": mixed_policy,
    "folded, fp32": functools.partial(folded, precision="fp32"),
    "folded, bf16": functools.partial(folded, precision="bf16"),
    f"{FROM_FILES}decoding alone": decoding,
    f"{FROM_FILES}extracted, fp32": functools.partial(from_files, precision="fp32"),
    f"{FROM_FILES}extracted, bf16": functools.partial(from_files, precision="bf16"),
    measure.OFFICIAL_ALONE: official_alone,
    measure.OFFICIAL: official,
}


def work(options, name):
    return options.batch * (FILE_BATCHES if name.startswith(FROM_FILES) else 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Images to feature maps")
    parser.add_argument("--backbone", default="mobilenet_v2", choices=["mobilenet_v2", "resnet50"])
    parser.add_argument("--image_height", type=int, default=256)
    parser.add_argument("--image_width", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--official", help="a checkout of the official QAConv v2.1; for --backbone=resnet50")
    parser.add_argument("--official_python", help="the interpreter that runs it, with torch and torchvision")
    parser.add_argument("--official_ibn", help="a checkout of IBN-Net, for the official code")
    parser.add_argument("--official_threads", type=int, default=2, help="threads that torch may use")
    measure.run(parser, VARIANTS, work, "images")
