import os
import subprocess
import sys

import pytest

from qaconv_tf.model import build_model


def export(*flags, cwd):
    program = "from qaconv_tf.commands.program import export; export()"
    return subprocess.run([sys.executable, "-c", program, *flags], cwd=cwd, capture_output=True, text=True)


@pytest.mark.slow
def test_exports_beside_the_model_of_a_run_or_anywhere_else(tmp_path):
    (tmp_path / "run").mkdir()
    model = build_model(weights=None, image_height=32, image_width=32, levels=(8,), neck_channels=4)
    model.save(tmp_path / "run" / "model.keras")
    result = export("--run_dir=run", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout == f"model: {os.path.join('run', 'model.keras')}\nSavedModel: run/saved_model/1\n"
    assert (tmp_path / "run" / "saved_model" / "1" / "saved_model.pb").exists()
    result = export("--model=run/model.keras", "--output_dir=elsewhere", cwd=tmp_path)
    assert result.stdout.endswith("SavedModel: elsewhere/1\n")


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "Expected --output_dir=DIR or --run_dir=RUN"),
        (["--run_dir=missing"], "Expected a run folder with model.keras"),
        (["--model=missing.keras", "--output_dir=out"], "Expected a model saved as a .keras file"),
    ],
)
def test_refusal_is_one_line_and_status_2(tmp_path, flags, message):
    result = export(*flags, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and message in result.stderr
    assert os.listdir(tmp_path) == []
