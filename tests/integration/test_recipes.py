"""Every published recipe: each cell of the version matrix in what the flags really build, and a step of training."""

import json
import pathlib
import re

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from PIL import Image

from qaconv_tf.commands import program, train, train_parts
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.evaluation.evaluator import extract_feature_maps
from qaconv_tf.matching import score_matrix
from qaconv_tf.pipeline import Augmentation, GroupSampler, RandomSampler
from qaconv_tf.pipeline.graph_sampler import EpochGraph, nearest
from qaconv_tf.training import EpochHistory
from qaconv_tf.training.schedules import learning_rate

RECIPES = pathlib.Path(__file__).parents[2] / "recipes"
GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
FLAGS = flags.FLAGS

OLD_AUGMENTATION = Augmentation(pad=0, occlusion_probability=1.0)
NEW_AUGMENTATION = Augmentation(
    pad=10, rotation_degrees=5.0, rotation_interpolation="nearest", brightness=(0.5, 2.0), contrast=(0.5, 2.0),
    saturation=(0.5, 2.0), hue=0.1, shuffle_colors=True, occlusion_probability=1.0,
)
TRIALS = {"trials": 10, "trial_epochs": 1, "trial_steps": 1999}
NO_TRIALS = {"trials": 0}
FIXED = {"losses": [1.0] * 60, "accuracies": [1.0] * 60}

# What the official code does at the tag of each recipe, read there and, for `trains_statistics`, watched there.
MATRIX = {
    "eccv2020": {
        "backbone": "resnet50", "ibn": "none", "head": "split", "weights": "random", "neck": (128, "BatchNorm"),
        "loss": "class_memory", "memory": ("zeros", 0), "gamma": 2.0, **NO_TRIALS,
        "sampler": RandomSampler, "batch": 32, "rate": 0.01, "rates": {0: 1, 39: 1, 40: 0.1, 59: 0.1}, "epochs": 60,
        "clip": 0, "skips": False, "trains_statistics": [(True, True)],
        "augmentation": OLD_AUGMENTATION, "augments_above": 0.0,
    },
    "memory_1_1": {
        "backbone": "resnet50", "ibn": "b", "head": "split", "weights": "random", "neck": (64, "BatchNorm"),
        "loss": "class_memory", "memory": ("mask", 0), "gamma": 2.0, **TRIALS,
        "sampler": RandomSampler, "batch": 8, "rate": 0.005, "rates": {0: 1, 9: 1, 10: 0.1, 14: 0.1}, "epochs": 15,
        "clip": 0, "skips": False, "trains_statistics": [(True, True)],
        "augmentation": OLD_AUGMENTATION, "augments_above": 0.6,
    },
    "memory_1_2": {
        "backbone": "resnet50", "ibn": "b", "head": "split", "weights": "random", "neck": (64, "BatchNorm"),
        "loss": "class_memory", "memory": ("mask", 16), "gamma": 2.0, **TRIALS,
        "sampler": RandomSampler, "batch": 8, "rate": 0.005, "rates": {0: 1, 9: 1, 10: 0.1, 14: 0.1}, "epochs": 15,
        "clip": 0, "skips": False, "trains_statistics": [(True, True)],
        "augmentation": NEW_AUGMENTATION, "augments_above": 0.6,
    },
    "graph_sampling_2_0": {
        "backbone": "resnet50", "ibn": "b", "head": "split", "weights": "random", "neck": (64, "BatchNorm"),
        "loss": "pairwise", **NO_TRIALS,
        "sampler": EpochGraph, "first_sampler": GroupSampler, "reranks": True, "groups": (16, 4), "batch": 64,
        "rate": 0.001, "rates": {0: 1, 9: 1, 10: 0.1, 14: 0.1}, "epochs": 15,
        "clip": 512, "skips": False, "trains_statistics": [(True, True), (False, False)],
        "augmentation": NEW_AUGMENTATION, "augments_above": 0.0,
    },
    "graph_sampling_2_1": {
        "backbone": "resnet50", "ibn": "b", "head": "shared", "weights": "mean", "neck": (128, "bias"),
        "loss": "triplet", "margin": 16.0, **NO_TRIALS,
        "sampler": EpochGraph, "first_sampler": EpochGraph, "reranks": False, "groups": (32, 2), "batch": 64,
        "rate": 0.005, "dynamic": True,
        "clip": 8, "skips": True, "trains_statistics": [(False, True)],
        "augmentation": NEW_AUGMENTATION, "augments_above": 0.0,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("people"), np.random.default_rng(50)
    found = []
    for identity in range(40):
        for image in range(5):
            path = folder / f"{identity}_{image}.png"
            Image.fromarray(random.integers(0, 256, (16, 8, 3), np.uint8)).save(path)
            found.append(ImageRecord(str(path), identity, image % 2))
    return found


@pytest.fixture(params=MATRIX)
def recipe(request, tmp_path, records):
    """The run that a recipe makes, of a smaller backbone and images, and its row of the matrix."""
    with flagsaver.flagsaver():
        arguments = [f"--flagfile={RECIPES / request.param}.flags", f"--run_dir={tmp_path / 'run'}"]
        program._parse(["train.py", *arguments], "train")
        expected = MATRIX[request.param]
        assert (FLAGS.backbone, FLAGS.ibn) == (expected["backbone"], expected["ibn"])
        assert (FLAGS.image_height, FLAGS.image_width) == (384, 128)
        small = ["--backbone=resnet18", "--weights=none", "--image_height=64", "--image_width=32"]
        program._parse(["train.py", *arguments, *small], "train")
        train_parts.check_flags()
        yield train._Run(RunFolder(str(tmp_path / "run")), records), expected


def test_the_model_is_the_published_one(recipe):
    run, expected = recipe
    backbone, matcher = run.trainer.model.backbone, run.trainer.model.matcher
    assert (backbone.levels, backbone.ibn, backbone.feature_shape[:2]) == ((16,), expected["ibn"], (4, 2))
    assert not backbone.normalize_input and not backbone.normalize_levels
    channels, after = expected["neck"]
    assert backbone.neck.kernel.shape == (3, 3, 256, channels)
    assert (backbone.neck.use_bias, backbone.neck_norm is None) == ((after == "bias"),) * 2
    # Random as PyTorch's, not principal components: no weight is 0.
    assert np.all(backbone.neck.kernel.numpy() != 0)
    assert (matcher.head, matcher.trainable_scales, matcher.scale_floor) == (expected["head"], True, 0.0)
    weights = matcher.location_weights.numpy()
    assert weights.shape == ((2, 8) if expected["head"] == "split" else (1, 8))
    assert np.all(weights == 1 / 8) if expected["weights"] == "mean" else len(np.unique(weights)) == 16
    assert float(matcher.temperature) == 10.0


def test_the_loss_is_the_published_one(recipe):
    run, expected = recipe
    trainer = run.trainer
    assert trainer.loss_name == expected["loss"]
    if expected["loss"] == "class_memory":
        assert (trainer.memory.unseen, trainer.memory.chunk) == expected["memory"]
        assert trainer.memory.num_classes == 40 and not FLAGS.fill_memory
        assert trainer.gamma == expected["gamma"]
    if expected["loss"] == "triplet":
        assert trainer.margin == expected["margin"]
    assert FLAGS.pretrain_trials == expected["trials"]
    if expected["trials"]:
        assert (FLAGS.pretrain_epochs, FLAGS.pretrain_steps) == (expected["trial_epochs"], expected["trial_steps"])


def test_the_batches_are_the_published_ones(recipe):
    run, expected = recipe
    later, first = run.sampler_of(1, 100), run.sampler_of(0, 0)
    assert type(later) is expected["sampler"]
    assert type(first) is expected.get("first_sampler", expected["sampler"])
    assert {first.batch_size, later.batch_size} == {expected["batch"]}
    if expected["sampler"] is RandomSampler:
        assert later.steps_per_epoch == len(run.records) // expected["batch"]  # the last, smaller batch is dropped
        return
    identities, instances = expected["groups"]
    assert later.steps_per_epoch == 40 and later.neighbors.shape == (40, identities - 1)
    FLAGS.graph_rerank = False
    plain = run.distances(later.representatives)
    maps = extract_feature_maps(run.trainer.model, [run.records[index] for index in later.representatives])
    matcher = run.trainer.model.matcher
    np.testing.assert_allclose(plain, 1 - matcher.probabilities(score_matrix(matcher, maps, maps)), atol=1e-5)
    np.testing.assert_array_equal(later.distances, train_parts.reranked(plain) if expected["reranks"] else plain)
    for sampler in (first, later):
        labels = run.labels[sampler(100)].reshape(identities, instances)
        assert (labels == labels[:, :1]).all()


def test_the_optimizer_is_the_published_one(recipe):
    run, expected = recipe
    optimizer, model = run.trainer.optimizer, run.trainer.model
    assert (optimizer.momentum, optimizer.coupled_decay) == (0.9, 5e-4)
    assert (run.trainer.clip_norm, run.trainer.skip_nonfinite) == (expected["clip"], expected["skips"])
    of_body = {id(variable) for variable in model.backbone.body.variables}
    factors = [0.1 if id(variable) in of_body else 1.0 for variable in model.trainable_variables]
    assert optimizer._factors == factors and 0 < factors.count(0.1) < len(factors)


def rates_of(losses):
    """Epoch -> rate and the last epoch, if the epochs have these mean losses."""
    history, rates = EpochHistory(), []
    while history.epochs < train_parts.schedule(history)[1]:
        decay_epochs, last_epoch = train_parts.schedule(history)
        rates.append(learning_rate(history.epochs, FLAGS.learning_rate, decay_epochs, FLAGS.decay_factor))
        history.add(losses[history.epochs], 1.0)
    return rates


def test_the_schedule_is_the_published_one(recipe):
    _, expected = recipe
    if expected.get("dynamic"):
        assert rates_of([16.0] * 60) == [expected["rate"]] * 60
        # 0.7 x 10 is undercut in the fifth epoch, so training ends after 5 + 5 // 2.
        rates = rates_of([16.0, 10.0, 7.5, 7.1, 6.9, 9.0, 9.0])
        assert rates == pytest.approx([expected["rate"]] * 5 + [expected["rate"] / 10] * 2)
        return
    rates = rates_of([1.0] * 60)
    assert len(rates) == expected["epochs"]
    for epoch, share in expected["rates"].items():
        assert rates[epoch] == pytest.approx(share * expected["rate"])


def test_the_augmentation_is_the_published_one_and_begins_when_it_should(recipe):
    run, expected = recipe
    threshold = expected["augments_above"]
    before = expected["augmentation"] if threshold == 0 else Augmentation.none()
    assert run.augmentation == expected["augmentation"]
    for accuracy, augmentation in ((None, before), (threshold, before), (threshold + 0.01, expected["augmentation"])):
        if accuracy is not None:
            run.history.add(1.0, accuracy)
        assert run._rate_and_augmentation()[1] == augmentation


@pytest.mark.slow
def test_a_step_of_each_epoch_moves_what_it_should(recipe):
    run, expected = recipe
    FLAGS.steps_per_epoch = 1
    if FLAGS.pretrain_trials:
        FLAGS.pretrain_trials, FLAGS.pretrain_steps = 2, 1
    run.folder.start("")
    run.prepare()
    model = run.trainer.model
    for epoch, (moves_backbone, moves_matcher) in enumerate(expected["trains_statistics"], start=1):
        FLAGS.epochs = epoch
        statistics = [part.non_trainable_variables for part in (model.backbone, model.matcher)]
        before = [variable.numpy() for variable in model.variables]
        moving_before = [[variable.numpy() for variable in part] for part in statistics]
        run.fit([])
        assert run.step == run.history.epochs == epoch
        assert all(np.isfinite(variable.numpy()).all() for variable in model.variables)
        assert not all(map(np.array_equal, before, (variable.numpy() for variable in model.variables)))
        moves = [
            not all(map(np.array_equal, values, (variable.numpy() for variable in part)))
            for values, part in zip(moving_before, statistics, strict=True)
        ]
        assert moves == [moves_backbone, moves_matcher]


@pytest.mark.parametrize(("tag", "name"), [("v2.0", "graph_sampling_2_0"), ("v2.1", "graph_sampling_2_1")])
def test_the_official_trainer_was_watched_to_train_these_statistics(tag, name):
    golden = json.loads((GOLDEN / f"training_modes_{tag}.json").read_text())
    *first, last = map(tuple, golden["network and matcher in training mode"])
    expected = MATRIX[name]["trains_statistics"]
    assert [*first, last][: len(expected)] == expected and last == expected[-1]


@pytest.mark.parametrize("case", ["symmetric", "nearly_symmetric", "asymmetric"])
def test_reranked_distances_are_those_of_the_official_code(case):
    with np.load(GOLDEN / "graph_sampler_v2.0.npz") as golden:
        distances, expected, neighbors = (golden[f"{case}/{key}"] for key in ("distances", "sorted", "neighbors"))
    result = train_parts.reranked(distances)
    others = ~np.eye(len(distances), dtype=bool)  # the official code makes an image's distance to itself huge
    np.testing.assert_array_equal(result[others], expected[others])
    np.testing.assert_array_equal(nearest(result, neighbors.shape[1]), neighbors)


@pytest.mark.parametrize("name", MATRIX)
def test_the_head_of_a_recipe_says_what_it_is_to_reach_and_how(name):
    head = (RECIPES / f"{name}.flags").read_text().split("\n--")[0]
    assert f"python train.py --flagfile=recipes/{name}.flags --weights=" in head
    assert "Measured here: not run: needs the data set." in head
    assert re.search(r"Published on \d V100: [\d.]+ hours for Market-1501", head)
    # Up to 1.1 the official code computes the trapezoid AP.
    assert ("mAP_trapezoid" in head) == (name in ("eccv2020", "memory_1_1"))


def test_every_recipe_is_in_the_matrix():
    assert {path.stem for path in RECIPES.glob("*.flags")} == {*MATRIX, "demo", "people"}
