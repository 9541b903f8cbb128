"""The scripts that remake assets end in one line, with exit status 2, whatever is wrong with the wheel."""

import subprocess
import sys

import pytest

from qaconv_tf.assets import remake_body, remake_mobilenet_v2, wheels

SCRIPTS = {script.__name__: script for script in (remake_body, remake_mobilenet_v2)}


def run(script, *arguments, **environment):
    command = [sys.executable, script.__file__, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment or None, check=False)
    assert ended.returncode == 2 and ended.stdout == "", ended
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()[-1]  # TensorFlow, where it is imported, has its say before


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_missing_wheel_is_named(name, tmp_path):
    line = run(SCRIPTS[name], tmp_path / "none.whl")
    assert line.startswith(f"error: Expected the wheel of {SCRIPTS[name].REQUIREMENT}. Received: '{tmp_path}/none.whl'")


def test_without_a_registry_the_line_says_what_to_do(tmp_path):
    line = run(remake_body, PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null")
    assert line.startswith(f"error: Expected pip to download {remake_body.REQUIREMENT}. Received: ERROR: No matching")
    assert line.endswith("remake_body.py WHEEL")


def test_another_wheel_is_refused_and_the_asset_kept(tmp_path):
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"other bytes")
    kept = remake_body.ASSET.read_bytes()
    line = run(remake_body, wheel)
    assert line.startswith(f"error: Expected other.whl with SHA-256 {remake_body.WHEEL_SHA256}. Received: ")
    assert remake_body.ASSET.read_bytes() == kept


def test_a_file_that_is_no_wheel_is_named(tmp_path):
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"other bytes")
    line = run(remake_mobilenet_v2, wheel)
    assert line.startswith(f"error: Expected the wheel of {remake_mobilenet_v2.REQUIREMENT}, with ")
    assert line.endswith(f"Received: '{wheel}': File is not a zip file")


def test_the_bytes_expected_pass():
    wheels.check_sha256(b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc")
    with pytest.raises(SystemExit):
        wheels.check_sha256(b"abd", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc")
