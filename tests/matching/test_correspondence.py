import json
import re

import numpy as np
import pytest

import qaconv_tf as qt
from qaconv_tf.matching.correspondence import matches_of_pairs, typical_responses
from tests.matching.matchers import HEADS, SHAPE, feature_maps, random_matcher
from tests.oracles import matching as oracle

QUERY, GALLERY = feature_maps(21, 4), feature_maps(22, 4)


def loops(matcher, query_map, gallery_map, references=()):
    """Best locations and shares of both images, one response at a time."""
    query, gallery = (np.asarray(one, np.float64).reshape(-1, SHAPE[2]) for one in (query_map, gallery_map))
    form = matcher.evaluation_form()
    best, shares = ([], []), ([], [])
    for side, (own, others, weights) in enumerate(
        ((query, gallery, form.query_weights), (gallery, query, form.gallery_weights))
    ):
        for location, weight in zip(own, weights, strict=True):
            responses = [float(location @ other) for other in others]
            best[side].append(responses.index(max(responses)))
            usual = [max(float(location @ other) for other in one.reshape(-1, SHAPE[2])) for one in references]
            usual = sum(usual) / len(usual) if usual else form.center
            shares[side].append(form.slope * weight * (max(responses) - usual))
    return best, shares


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("references", [None, feature_maps(23, 5)], ids=["training", "references"])
@pytest.mark.parametrize("scale", [1.3, -0.7])
def test_shares_and_the_constant_add_up_to_the_score(head, scale, references):
    matcher = random_matcher(head, seed=4)
    matcher.score_normalization.scale.assign(scale)
    scores = matcher(QUERY, GALLERY).numpy()
    for row, query_map in enumerate(QUERY):
        for column, gallery_map in enumerate(GALLERY):
            found = qt.correspondences(matcher, query_map, gallery_map, references)
            assert found.score == pytest.approx(scores[row, column], abs=1e-5 * float(scores.std()))
            assert found.probability == pytest.approx(matcher.probabilities(scores[row, column]).numpy(), rel=1e-5)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("references", [None, feature_maps(23, 5)], ids=["training", "references"])
def test_best_locations_and_shares_are_those_of_the_loops(head, references):
    matcher = random_matcher(head, seed=5)
    for query_map, gallery_map in zip(QUERY, GALLERY, strict=True):
        found = qt.correspondences(matcher, query_map, gallery_map, references)
        best, shares = loops(matcher, query_map, gallery_map, () if references is None else references)
        assert [found.best_of_query.tolist(), found.best_of_gallery.tolist()] == list(best)
        np.testing.assert_allclose([found.query_shares, found.gallery_shares], shares, rtol=1e-4, atol=1e-6)
        mutual = [best[1][place] == own for own, place in enumerate(best[0])]
        assert found.mutual_of_query.tolist() == mutual
        # A match both ways is one of both images.
        assert found.mutual_of_gallery.sum() == sum(mutual) > 0


def test_both_ways_round_the_images_change_places():
    matcher = random_matcher("shared", seed=6)
    there, back = qt.correspondences(matcher, QUERY[0], GALLERY[0]), qt.correspondences(matcher, GALLERY[0], QUERY[0])
    np.testing.assert_array_equal(there.best_of_query, back.best_of_gallery)
    np.testing.assert_allclose(there.query_shares, back.gallery_shares, rtol=1e-5)


def test_an_image_matches_itself_place_by_place():
    matcher = random_matcher("uniform")
    found = qt.correspondences(matcher, QUERY[0], QUERY[0])
    np.testing.assert_array_equal(found.best_of_query, np.arange(SHAPE[0] * SHAPE[1]))
    assert found.mutual_of_query.all() and found.mutual_of_gallery.all()


def test_many_pairs_at_once_are_the_same_pairs():
    matcher = random_matcher("split", seed=7)
    references = feature_maps(24, 3)
    typical = typical_responses(QUERY, references), typical_responses(GALLERY, references)
    best, shares, constants = matches_of_pairs(matcher.evaluation_form(), QUERY, GALLERY, *typical)
    for number, (query_map, gallery_map) in enumerate(zip(QUERY, GALLERY, strict=True)):
        found = qt.correspondences(matcher, query_map, gallery_map, references)
        np.testing.assert_array_equal(best[number], [found.best_of_query, found.best_of_gallery])
        np.testing.assert_allclose(shares[number], [found.query_shares, found.gallery_shares], rtol=1e-4, atol=1e-6)
        assert constants[number] == pytest.approx(found.constant)


def test_a_reference_counts_for_the_maps_that_it_counts_for():
    references, counted = feature_maps(25, 3), np.array([[1, 0, 1], [0, 1, 0], [1, 1, 1], [0, 0, 1]], bool)
    found = typical_responses(QUERY, references, counted)
    for row, (query_map, some) in enumerate(zip(QUERY, counted, strict=True)):
        np.testing.assert_allclose(found[row], typical_responses(query_map[None], references[some])[0], rtol=1e-6)
    with pytest.raises(ValueError, match="a reference or more"):
        typical_responses(QUERY, references, counted & [True, True, False])


def test_json_says_every_location_once():
    matcher = random_matcher("positive", seed=8)
    found = qt.correspondences(matcher, QUERY[1], GALLERY[1])
    read = json.loads(json.dumps(found.to_json()))
    listed = [one["share"] for side in ("query", "gallery") for one in read[side]]
    assert sum(listed) + read["constant"] == pytest.approx(read["score"]) == pytest.approx(found.score)
    responses = oracle.location_maxima(QUERY[1], GALLERY[1])
    assert len(listed) == len(responses)
    sides = {
        "query": (found.best_of_query, found.query_shares, found.mutual_of_query),
        "gallery": (found.best_of_gallery, found.gallery_shares, found.mutual_of_gallery),
    }
    for side, (best, shares, mutual) in sides.items():
        assert [(one["share"], one["mutual"]) for one in read[side]] == list(zip(shares, mutual, strict=True))
        places = [(one["row"], one["column"]) for one in read[side]]
        assert places == [(row, column) for row in range(SHAPE[0]) for column in range(SHAPE[1])]
        assert [SHAPE[1] * row + column for row, column in (one["matched"] for one in read[side])] == best.tolist()


TURNED = (SHAPE[1], SHAPE[0], SHAPE[2])


@pytest.mark.parametrize("shapes", [(SHAPE, (*SHAPE[:2], 1)), ((2, *SHAPE), (2, *SHAPE)), (TURNED, TURNED)])
def test_maps_of_other_shapes_are_named(shapes):
    with pytest.raises(ValueError, match=rf"{re.escape(str(SHAPE))}.*query_map.shape={re.escape(str(shapes[0]))}"):
        qt.correspondences(random_matcher("shared"), np.zeros(shapes[0]), np.zeros(shapes[1]))


@pytest.mark.parametrize("wrong", [feature_maps(23, 5)[..., :-1], feature_maps(23, 5)[0]], ids=["channels", "one map"])
def test_references_of_another_shape_are_named(wrong):
    with pytest.raises(ValueError, match=rf"reference_maps.shape=\({wrong.shape[0]}, "):
        qt.correspondences(random_matcher("shared"), QUERY[0], GALLERY[0], wrong)
