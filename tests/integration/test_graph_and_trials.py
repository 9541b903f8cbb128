"""Runs whose epochs depend on how the ones before went, resumed: they are the runs that were not stopped."""

import numpy as np
import pytest
from PIL import Image

from qaconv_tf.model import load_model
from tests.commands.running import run_command

FLAGS = (
    "--backbone=resnet18", "--weights=none", "--levels=16", "--neck_init=random", "--image_height=64",
    "--image_width=32", "--noexport", "--steps_per_epoch=2", "--identities_per_batch=3", "--instances_per_identity=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("people"), np.random.default_rng(51)
    for identity in range(6):
        (folder / f"person{identity}").mkdir()
        look = random.integers(0, 256, (4, 2, 3)).repeat(16, axis=0).repeat(16, axis=1)
        for image in range(4):
            noise = random.integers(-40, 40, look.shape)
            picture = Image.fromarray((look + noise).clip(0, 255).astype(np.uint8))
            picture.save(folder / f"person{identity}" / f"{image}.png")
    return folder


def train(capfd, people, run, *arguments):
    ended = run_command(capfd, "train", f"--dataset=image_folder:{people}", f"--run_dir={run}", *FLAGS, *arguments)
    assert ended.status == 0, ended.err
    return ended


def weights(run):
    return [variable.numpy() for variable in load_model(run / "model.keras").variables]


def arrays(path):
    with np.load(path, allow_pickle=False) as saved:
        return dict(saved)


@pytest.mark.slow
def test_a_resumed_graph_run_is_the_same_run_and_its_graphs_can_be_looked_at(capfd, tmp_path, people):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    options = (
        "--sampler=graph", "--group_epochs=1", "--graph_rerank", "--nofreeze_batch_norm", "--freeze_statistics_after=2",
        "--trainable_scales", "--learning_rate=0.02",
    )  # fmt: skip
    train(capfd, people, whole, *options, "--epochs=3", "--save_graph")
    train(capfd, people, halved, *options, "--epochs=2")
    train(capfd, people, halved, *options, "--epochs=3", "--save_graph", "--resume")
    for one, other in zip(weights(whole), weights(halved), strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(path.name for path in (whole / "graph").iterdir()) == ["epoch_0002.npz", "epoch_0003.npz"]
    assert [path.name for path in (halved / "graph").iterdir()] == ["epoch_0003.npz"]
    np.testing.assert_equal(*(arrays(run / "graph" / "epoch_0003.npz") for run in (whole, halved)))
    for epoch in (2, 3):
        graph = arrays(whole / "graph" / f"epoch_{epoch:04d}.npz")
        assert graph["identities"].tolist() == [f"person{identity}" for identity in range(6)]
        assert all(name in path for name, path in zip(graph["identities"], graph["images"], strict=True))
        assert graph["neighbors"].shape == (6, 2) and graph["distances"].shape == (6, 6)
        for row, neighbors in enumerate(graph["neighbors"]):
            others = np.delete(graph["distances"][row], [row, *neighbors])
            assert graph["distances"][row, neighbors].max() <= others.min()
    first, second = (arrays(whole / "graph" / f"epoch_{epoch:04d}.npz")["distances"] for epoch in (2, 3))
    assert not np.array_equal(first, second)


@pytest.mark.slow
def test_a_run_resumed_after_its_trials_is_the_same_run(capfd, tmp_path, people):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    trials = (
        "--loss=class_memory", "--sampler=random", "--augment_above=0.01", "--pretrain_trials=3",
        "--pretrain_epochs=2", "--pretrain_steps=5",
    )  # fmt: skip
    ended = train(capfd, people, whole, *trials, "--epochs=1")
    assert "going on from trial " in ended.out and "trial 3 of 3" in ended.out
    assert "epoch 1: learning rate 0.005, images as they are" in ended.out
    assert "epoch 1, step 2:" in ended.out and "memory_fill 1.000" in ended.out
    train(capfd, people, halved, *trials, "--epochs=0")
    ended = train(capfd, people, halved, *trials, "--epochs=1", "--resume")
    assert "trial" not in ended.out
    for one, another in zip(weights(whole), weights(halved), strict=True):
        np.testing.assert_array_equal(one, another)


@pytest.mark.slow
def test_frozen_scales_end_with_probabilities_and_others_as_they_were(capfd, tmp_path, people):
    frozen, trained = tmp_path / "frozen", tmp_path / "trained"
    train(capfd, people, frozen, "--epochs=1")
    train(capfd, people, trained, "--epochs=1", "--trainable_scales")
    matcher = load_model(frozen / "model.keras").matcher
    assert float(matcher.temperature) < 10.0 and float(matcher.score_normalization.offset) < 0.0
    assert float(load_model(trained / "model.keras").matcher.temperature) == 10.0


def test_trials_need_batches_that_do_not_depend_on_the_model(capfd, tmp_path, people):
    arguments = (f"--dataset=image_folder:{people}", f"--run_dir={tmp_path / 'run'}", "--pretrain_trials=2")
    ended = run_command(capfd, "train", *arguments, "--sampler=graph")
    assert ended.status == 2 and "Received: --sampler=graph" in ended.err


@pytest.mark.parametrize("value", ["1,2,3", "bright", ""])
def test_colour_factors_are_one_number_or_two(capfd, tmp_path, people, value):
    arguments = (f"--dataset=image_folder:{people}", f"--run_dir={tmp_path / 'run'}", f"--brightness={value}")
    ended = run_command(capfd, "train", *arguments)
    assert ended.status == 2 and f"Received: --brightness={value}" in ended.err
    assert not (tmp_path / "run").exists()
