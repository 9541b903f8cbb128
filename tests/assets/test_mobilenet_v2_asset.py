"""The shipped weights are the file that NOTICE and the script that remakes them speak of."""

import hashlib
import pathlib

import numpy as np

from qaconv_tf.assets import remake_mobilenet_v2 as remake


def test_the_file_is_the_one_noted():
    digest = hashlib.sha256(remake.ASSET.read_bytes()).hexdigest()
    assert digest == remake.ASSET_SHA256
    notice = pathlib.Path(remake.ASSET).with_name("NOTICE").read_text()
    for noted in (digest, remake.MEMBER_SHA256, remake.MEMBER, remake.ASSET.name):
        assert noted in notice


def test_names_follow_torchvision():
    names = {
        "features.0.1.bias": "features.0.1.bias",
        "features.1.conv.3.weight": "features.1.conv.1.weight",
        "features.2.conv.3.weight": "features.2.conv.1.0.weight",
        "features.17.conv.7.running_var": "features.17.conv.3.running_var",
    }
    assert {name: remake.torchvision_name(name) for name in names} == names
    kept = remake.renamed(
        {"features.17.conv.6.weight": 1, "features.18.0.weight": 2, "features.0.1.num_batches_tracked": 3}
    )
    assert kept == {"features.17.conv.2.weight": 1}


def test_precisions():
    with np.load(remake.ASSET, allow_pickle=False) as tensors:
        assert {tensor.dtype for tensor in tensors.values() if tensor.ndim == 4} == {np.dtype(np.float16)}
        assert {tensor.dtype for tensor in tensors.values() if tensor.ndim == 1} == {np.dtype(np.float32)}
        assert all(np.isfinite(tensor).all() for tensor in tensors.values())
