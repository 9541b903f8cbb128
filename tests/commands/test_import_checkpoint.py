"""The command that imports PyTorch checkpoints, as its user sees it."""

import numpy as np
import pytest

import qaconv_tf as qt
from tests.backbones import torch_writer
from tests.commands.running import run_command
from tests.golden import checkpoint_files, seeded

SIZE = ("--image_height=128", "--image_width=64")


@pytest.fixture(scope="module")
def golden():
    return checkpoint_files.read_golden("v1.1")


@pytest.fixture(scope="module")
def checkpoint(golden, tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / "checkpoint.pth.tar"
    return torch_writer.save(path, checkpoint_files.contents(golden))


def test_writes_a_model_and_says_what_became_of_the_tensors(capfd, tmp_path, golden, checkpoint):
    arguments = (f"--checkpoint={checkpoint}", f"--output_dir={tmp_path / 'model'}", *SIZE)
    ended = run_command(capfd, "import_checkpoint", *arguments)
    assert ended.status == 0, ended.err
    first, *table, counts, model = ended.out.splitlines()
    assert "checkpoint.pth.tar: QAConv 1.1, backbone=resnet18, image_height=128, image_width=64" in first
    rows = [" ".join(line.split()) for line in table]
    assert "model.base.layer2.* 29 used" in rows
    assert "model.neck_conv.* 1 renamed neck/*" in rows
    assert "criterion.* 2 refused class memory, needed in training only" in rows
    assert counts == "155 tensors: 58 used, 15 renamed, 82 refused"
    assert model == f"model: {tmp_path / 'model' / 'model.keras'}"
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model.keras"]

    pictures = seeded.pictures(golden["num_images"], *golden["image_size"])
    maps = qt.load_model(tmp_path / "model" / "model.keras").extract(pictures)
    np.testing.assert_allclose(seeded.sample(np.asarray(maps)), golden["maps"], rtol=0, atol=1e-5)

    before = (tmp_path / "model" / "model.keras").read_bytes()
    ended = run_command(capfd, "import_checkpoint", *arguments)
    assert ended.status == 2 and "model.keras, which exists" in ended.err
    assert (tmp_path / "model" / "model.keras").read_bytes() == before


def test_lists_every_tensor_on_request(capfd, tmp_path, golden, checkpoint):
    arguments = (f"--checkpoint={checkpoint}", f"--output_dir={tmp_path}", *SIZE, "--all_tensors")
    ended = run_command(capfd, "import_checkpoint", *arguments)
    names = [line.split()[0] for line in ended.out.splitlines()[2:-2]]
    expected = [f"{section}.{name}" for section in ("model", "criterion") for name in golden["shapes"][section]]
    assert names == [*expected, "optim.state.0.momentum_buffer"]
    assert "64 x 3 x 7 x 7" in ended.out


def test_imports_the_weights_of_a_backbone(capfd, tmp_path, golden):
    tensors = {
        name.removeprefix("base."): seeded.tensor(name, shape)
        for name, shape in golden["shapes"]["model"].items()
        if name.startswith("base.") and "num_batches" not in name
    }
    weights = torch_writer.save(tmp_path / "resnet18_ibn_a.pth", tensors)
    arguments = (f"--checkpoint={weights}", f"--output_dir={tmp_path / 'model'}", "--image_height=64")
    ended = run_command(capfd, "import_checkpoint", *arguments)
    assert ended.status == 0, ended.err
    assert "backbone, backbone=resnet18, image_height=64, image_width=128" in ended.out
    assert qt.load_model(tmp_path / "model" / "model.keras").backbone.ibn == "a"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Expected --checkpoint="),
        (["--checkpoint=none.pth.tar"], "Expected --output_dir="),
        (["--checkpoint=none.pth.tar", "--output_dir=OUT"], "none.pth.tar (No such file or directory)"),
        (["--checkpoint=CHECKPOINT", "--output_dir=OUT"], "Pass image_height=128, image_width=64"),
    ],
)
def test_refusal_is_one_line_and_status_2(capfd, tmp_path, checkpoint, arguments, told):
    places = {"CHECKPOINT": str(checkpoint), "OUT": str(tmp_path / "model")}
    for name, place in places.items():
        arguments = [argument.replace(name, place) for argument in arguments]
    ended = run_command(capfd, "import_checkpoint", *arguments)
    assert ended.status == 2
    assert ended.err.count("\n") == 1 and told in ended.err
    assert not (tmp_path / "model").exists()
