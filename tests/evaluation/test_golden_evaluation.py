"""Temporal lifting and ranking against the official ones at each tag: `tests/golden/make_evaluation.py` made these."""

import json
import pathlib

import numpy as np
import pytest

from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.evaluation.temporal_lifting import temporal_lifting
from tests.golden import evaluation_cases
from tests.oracles import ranking as oracle

FOLDER = pathlib.Path(__file__).parents[1] / "golden"
TAGS = ("v1.0-eccv", "v1.1", "v1.2", "v2.0", "v2.1")
# Of the official values' standard deviation.
TOLERANCE = 1e-5


def golden(tag):
    return json.loads((FOLDER / f"evaluation_{tag}.json").read_text())


@pytest.mark.parametrize("name", ["self test", "larger", "ties"])
@pytest.mark.parametrize("pivot", ["set", "multiset"])
def test_temporal_lifting(pivot, name):
    scores, query, gallery, options = evaluation_cases.lifting_cases()[name]
    lifted = evaluation_cases.sample(temporal_lifting(scores, query, gallery, pivot=pivot, **options))
    for tag in TAGS:
        expected = golden(tag)["temporal_lifting"][pivot][name]
        assert np.abs(lifted - expected["sample"]).max() < TOLERANCE * expected["deviation"], tag


def test_the_pivots_of_the_two_kinds_differ():
    """So neither is tested by the values of the other."""
    values = golden("v2.1")["temporal_lifting"]
    for name, of_set in values["set"].items():
        difference = np.abs(np.subtract(of_set["sample"], values["multiset"][name]["sample"])).max()
        assert difference > 5 * TOLERANCE * of_set["deviation"], name


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("name", ["no ties", "ties", "few ties"])
def test_ranking(tag, name):
    expected = golden(tag)["ranking"][name]
    result = evaluate_ranking(*evaluation_cases.ranking_cases()[name], ties="merged")
    # Up to 1.1 the official code measures the trapezoids.
    formula = "_trapezoid" if tag in ("v1.0-eccv", "v1.1") else ""
    official = np.array(expected["average_precision"], float)
    deviation = np.abs(getattr(result, f"average_precision{formula}") - official)
    assert np.isnan(official).any()
    np.testing.assert_array_equal(np.isnan(deviation), np.isnan(official))
    assert np.nanmax(deviation) < TOLERANCE * np.nanstd(official)
    assert getattr(result, f"mAP{formula}") == pytest.approx(expected["mAP"], abs=1e-12)
    np.testing.assert_allclose(result.cmc, expected["cmc"], rtol=0, atol=1e-12)


def test_the_formulas_differ():
    for name, old in golden("v1.1")["ranking"].items():
        assert abs(old["mAP"] - golden("v1.2")["ranking"][name]["mAP"]) > 0.01


@pytest.mark.parametrize("tag", TAGS)
def test_single_shot(tag):
    only_one = golden(tag)["single_shot"]["one image an identity"]["cmc"]
    result = evaluate_ranking(*evaluation_cases.one_image_an_identity(), protocol="cuhk03_single_shot")
    np.testing.assert_allclose(result.cmc, only_one, rtol=0, atol=1e-12)
    # The mean of the official drawings is that of all; test_ranking.py holds ours to it too.
    drawn = golden(tag)["single_shot"]["no ties"]
    scores, query, gallery = evaluation_cases.ranking_cases()["no ties"]
    expected = oracle.single_shot_curve(scores.tolist(), query, gallery)
    deviation = np.abs(np.subtract(drawn["cmc"], expected))
    np.testing.assert_array_less(deviation, 4 * np.array(drawn["standard_error"]) + 1e-9)
