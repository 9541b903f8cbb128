import os
import subprocess
import sys

SMALL = ["--train_identities=1", "--test_identities=1", "--images_per_camera=1", "--cameras_per_identity=2"]


def generate(*flags, cwd):
    environment = os.environ | {"COLUMNS": "200"}
    program = "from qaconv_tf.commands.program import generate; generate()"
    return subprocess.run(
        [sys.executable, "-c", program, *flags], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_generates_and_says_what_it_made(tmp_path):
    result = generate("--output_dir=set", "--network=station", "--ground_truth", *SMALL, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "people_station: 2 training, 1 query, 1 gallery images in set" in result.stdout
    assert len(list((tmp_path / "set").rglob("*.jpg"))) == 4 + 1  # the preview
    assert len(list((tmp_path / "set" / "ground_truth").rglob("*.png"))) == 4


def test_other_layouts(tmp_path):
    result = generate("--output_dir=set", "--network=quay", "--layout=randperson", *SMALL, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "set" / "randperson_subset").iterdir())) == 2


def test_refusal_is_one_line_and_status_2(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "other.txt").write_text("")
    result = generate("--output_dir=set", *SMALL, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and "other files" in result.stderr
    assert os.listdir(tmp_path / "set") == ["other.txt"]
