"""The shipped body is the file that NOTICE and the script that remakes it speak of, and is sound."""

import hashlib
import pathlib

import numpy as np
import pytest

from qaconv_tf.assets import remake_body as remake


def test_the_file_is_the_one_noted():
    digest = hashlib.sha256(remake.ASSET.read_bytes()).hexdigest()
    assert digest == remake.ASSET_SHA256
    notice = pathlib.Path(remake.ASSET).with_name("NOTICE").read_text()
    for noted in (digest, remake.WHEEL_SHA256, remake.ASSET.name, "CC0-1.0.md"):
        assert noted in notice
    assert "CC0 1.0 Universal" in remake.ASSET.with_name("CC0-1.0.md").read_text()


@pytest.fixture(scope="module")
def arrays():
    with np.load(remake.ASSET, allow_pickle=False) as file:
        return dict(file)


def test_arrays_agree(arrays):
    num_vertices = len(arrays["vertices"])
    for name in remake.PIECES:
        assert arrays[f"{name}_quads"].max() < len(arrays["bones"])
    for name in remake.target_files():
        at = arrays[f"at/{name}"].astype(int)
        assert (np.diff(at) > 0).all() and at.max() < num_vertices
        assert arrays[f"by/{name}"].shape == (len(at), 3)
    assert (arrays["weights"].astype(int).sum(axis=1) == 255).all()
    assert all(parent < joint for joint, parent in enumerate(arrays["parents"]))
    assert len(arrays["vertices"]) == len(arrays["bones"]) + len(arrays["joints"]) + len(arrays["points"])


def test_names_of_the_rig():
    assert remake.merged_name("ring_03_l") == "fingers_02_l"
    assert remake.merged_name("spine_01") == "spine_01"
    assert remake.rig_bone("fingers_01_r") == "middle_01_r"
    assert remake.rig_bone("thumb_01_l") == "thumb_01_l"
