"""evaluate.py --correspondence_score, on a tiny generated set with ground truth, by an untrained model."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from qaconv_tf.datasets import load_dataset
from qaconv_tf.evaluation.correspondence_score import sample_pairs, truth_of_locations
from qaconv_tf.evaluation.extraction import extract_feature_maps
from qaconv_tf.model import build_model
from qaconv_tf.people import generate_people, read_truth
from tests.commands.running import run_command
from tests.oracles import correspondence_score as oracle

PETS2009 = "tests/data/pets2009"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("people") / "station"
    counts = {"train_identities": 0, "test_identities": 3, "images_per_camera": 1, "cameras_per_identity": 3}
    generate_people(directory, "station", seed=1, ground_truth=True, **counts)
    return directory


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    built = build_model(weights=None, image_height=128, image_width=64)
    built.save(path)
    return built, f"--model={path}"


def test_scores_in_table_and_results(capfd, tmp_path, folder, model):
    built, given = model
    named = f"market1501:{folder}"
    arguments = given, f"--test_datasets={named}", f"--output_dir={tmp_path}", "--correspondence_score", "--seed=4"
    ended = run_command(capfd, "evaluate", *arguments)
    assert ended.status == 0, ended.err
    ranked, found = json.loads((tmp_path / "results.json").read_text())["evaluations"]
    assert ranked["dataset"] == found["dataset"] == named and ranked["protocol"] == "market1501"
    assert (found["protocol"], found["scoring"], found["seed"]) == ("correspondences", "matching", 4)
    dataset = load_dataset("market1501", str(folder))
    pairs = sample_pairs(dataset.query, dataset.gallery, 1000)
    shape = built.backbone.feature_shape[:2]

    def truth(record):
        return truth_of_locations(*read_truth(folder, record.path), shape)

    best, query, gallery = [], [], []
    for row, column in pairs:
        one, other = dataset.query[row], dataset.gallery[column]
        maps = np.asarray(extract_feature_maps(built, [one, other], 2)).reshape(2, np.prod(shape), -1)
        responses = maps[0] @ maps[1].T
        for matched, first, second in ((responses.argmax(1), one, other), (responses.argmax(0), other, one)):
            best.append(matched.tolist())
            query.append(truth(first))
            gallery.append(truth(second))
    bins = oracle.scores(best, query, gallery)
    rows = found["viewpoints"]
    assert rows[0]["viewpoint_change"] == "all" and rows[0]["pairs"] == 2 * len(pairs) > 4
    assert [row["pairs"] for row in rows[1:]] == [pairs for pairs, locations, _ in bins if locations]
    locations = sum(bin[1] for bin in bins)
    assert rows[0]["locations"] == locations
    for measure in ("same_part", "within_10_cm"):
        for rate, value in rows[0][measure].items():
            assert value == pytest.approx(sum(bin[2][measure][rate] for bin in bins) / locations)
            assert f"{100 * value:.1f}" in ended.out


def test_without_ground_truth_it_is_refused_in_a_line(capfd, tmp_path, folder, model):
    # Of an earlier version, which told no viewpoint.
    copy = shutil.copytree(folder, tmp_path / "copy")
    for path in pathlib.Path(copy, "ground_truth").rglob("*.npz"):
        np.savez(path, surface=np.load(path)["surface"])
    cases = {
        f"--test_datasets=market1501:{PETS2009}": "qaconv-generate --ground_truth",
        f"--test_datasets=market1501:{copy}": "viewpoint",
        "--pairs=pairs.csv": "--test_datasets",
    }
    for given, told in cases.items():
        ended = run_command(capfd, "evaluate", "--correspondence_score", model[1], given)
        assert ended.status == 2 and told in ended.err and ended.err.count("\n") == 1, ended
        assert "model:" not in ended.out  # before any work
