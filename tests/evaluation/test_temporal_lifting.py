import dataclasses
import math
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation import temporal_lifting as module
from qaconv_tf.evaluation.temporal_lifting import check_clocks, lifting_pivots, temporal_lifting
from tests.oracles import temporal_lifting as oracle

OPTIONS = {"tau": 40.0, "sigma": 60.0, "top_k": 4, "alpha": 0.15}


def records(generator, count, cameras, seconds=300):
    """Times in whole seconds, so that some are equal; every sixth image lacks its time or its camera."""
    made = []
    for number, camera in enumerate(generator.choice(cameras, count).tolist()):
        time = float(generator.integers(0, seconds))
        if number % 12 == 3:
            camera = None
        if number % 12 == 9:
            time = None
        made.append(ImageRecord(f"{number}.jpg", number, camera, time))
    return made


def chosen(records, mask):
    return [record for record, kept in zip(records, mask, strict=True) if kept]


def random_case(seed, decimals=None, num_query=30, num_gallery=60):
    """Camera 5 has queries only, camera 8 gallery images only, camera 6 fewer of them than top_k."""
    generator = np.random.default_rng([40, seed])
    query = records(generator, num_query, [0, 1, 5])
    gallery = records(generator, num_gallery, [0, 1, 8]) + records(generator, 2, [6])
    probabilities = generator.uniform(size=(len(query), len(gallery))) ** 4
    if decimals is not None:
        probabilities = np.round(probabilities, decimals)
    return probabilities.astype(np.float32), query, gallery


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("pivot", ["set", "multiset"])
@pytest.mark.parametrize("online", [False, True])
def test_equals_oracle(monkeypatch, seed, decimals, pivot, online):
    # Blocks of two rows and of three pivots.
    monkeypatch.setattr(module, "SCORES_PER_BLOCK", 130)
    monkeypatch.setattr(module, "PIVOTS_PER_BLOCK", 3)
    probabilities, query, gallery = random_case(seed, decimals)
    lifted = temporal_lifting(probabilities, query, gallery, **OPTIONS, pivot=pivot, online=online)
    expected = oracle.temporal_lifting(probabilities.tolist(), query, gallery, **OPTIONS, pivot=pivot, online=online)
    assert lifted.dtype == np.float32
    np.testing.assert_allclose(lifted, expected, rtol=1e-5, atol=1e-7)


def test_by_hand():
    query = [ImageRecord("", 0, camera=0, timestamp=time) for time in (0.0, 99.0, 100.0)]
    gallery = [ImageRecord("", 0, camera=1, timestamp=time) for time in (50.0, 250.0)]
    probabilities = np.array([[0.1, 0.2], [0.4, 0.3], [0.6, 0.5]])
    far = math.exp(-1)  # 200 seconds, one sigma
    # Query 0's companions: 0 and 1, not 2, which is 100 s away: the best is 0.4, of image 0. The others': 0.6, of 0.
    lifted = temporal_lifting(probabilities, query, gallery, top_k=1)
    np.testing.assert_allclose(lifted, probabilities * [1.2, far + 0.2], rtol=1e-6)
    # The best two of query 0: 0.4 and 0.3, both images.
    lifted = temporal_lifting(probabilities, query, gallery, top_k=2)
    np.testing.assert_allclose(lifted, probabilities * ((1 + far) / 2 + 0.2), rtol=1e-6)
    # The best three of query 0: 0.4, 0.3 and 0.2, so image 1 counts twice among the pivots of a multiset.
    lifted = temporal_lifting(probabilities, query, gallery, top_k=3, pivot="multiset")
    np.testing.assert_allclose(lifted[0], [0.1 * ((1 + 2 * far) / 3 + 0.2), 0.2 * ((far + 2) / 3 + 0.2)], rtol=1e-6)


def test_cameras_without_queries_or_gallery_images():
    probabilities, query, gallery = random_case(0)
    lifted = temporal_lifting(probabilities, query, gallery, **OPTIONS)
    factors = lifted / probabilities
    assert {record.camera for record in query} - {record.camera for record in gallery} == {5}
    # Queries of a camera that the gallery does not know are lifted as all others.
    of_camera = [row for row, record in enumerate(query) if record.camera == 5 and record.timestamp is not None]
    assert factors[of_camera].max() > 0.9


def test_what_has_no_clock_is_not_lifted_and_changes_nothing_else():
    probabilities, query, gallery = random_case(1)
    lifted = temporal_lifting(probabilities, query, gallery, **OPTIONS)
    rows, columns = (
        np.array([record.camera is not None and record.timestamp is not None for record in part])
        for part in (query, gallery)
    )
    assert 0 < rows.sum() < len(rows) and 0 < columns.sum() < len(columns)
    alpha = np.float32(OPTIONS["alpha"])
    np.testing.assert_array_equal(lifted[~rows], alpha * probabilities[~rows])
    np.testing.assert_array_equal(lifted[:, ~columns], alpha * probabilities[:, ~columns])
    known = chosen(query, rows), chosen(gallery, columns)
    alone = temporal_lifting(probabilities[rows][:, columns], *known, **OPTIONS)
    np.testing.assert_allclose(lifted[rows][:, columns], alone, rtol=1e-6)


@pytest.mark.parametrize("pivot", ["set", "multiset"])
def test_online_results_do_not_change_when_more_is_recorded(pivot):
    probabilities, query, gallery = random_case(2)
    options = OPTIONS | {"pivot": pivot, "online": True}
    lifted = temporal_lifting(probabilities, query, gallery, **options)
    now = 150.0
    rows, columns = (
        np.array([record.timestamp is not None and record.timestamp <= now for record in part])
        for part in (query, gallery)
    )
    assert 5 < rows.sum() < len(query) - 5
    past = chosen(query, rows), chosen(gallery, columns)
    until_now = temporal_lifting(probabilities[rows][:, columns], *past, **options)
    np.testing.assert_allclose(lifted[rows][:, columns], until_now, rtol=1e-6)
    # Offline it would change: the method is transductive.
    offline = [temporal_lifting(probabilities, query, gallery, **OPTIONS)[rows][:, columns]]
    offline.append(temporal_lifting(probabilities[rows][:, columns], *past, **OPTIONS))
    assert np.abs(offline[0] - offline[1]).max() > 0.01


def test_order_of_the_records_does_not_matter():
    probabilities, query, gallery = random_case(3, decimals=1)
    generator = np.random.default_rng(3)
    rows, columns = generator.permutation(len(query)), generator.permutation(len(gallery))
    parts = [query[row] for row in rows], [gallery[column] for column in columns]
    shuffled = temporal_lifting(probabilities[rows][:, columns], *parts, **OPTIONS)
    lifted = temporal_lifting(probabilities, query, gallery, **OPTIONS)
    np.testing.assert_allclose(shuffled, lifted[rows][:, columns], rtol=1e-5)


def test_each_camera_may_have_a_clock_of_its_own():
    probabilities, query, gallery = random_case(4)
    # As large as seconds since 1970.
    offsets = {None: 0.0, 0: 1.7e9, 1: -500.0, 5: 1e6, 6: 86400.0, 8: 12.5}
    shifted = [
        [
            dataclasses.replace(record, timestamp=record.timestamp and record.timestamp + offsets[record.camera])
            for record in part
        ]
        for part in (query, gallery)
    ]
    lifted = temporal_lifting(probabilities, query, gallery, **OPTIONS)
    np.testing.assert_allclose(temporal_lifting(probabilities, *shifted, **OPTIONS), lifted, rtol=1e-5)


def test_equal_probabilities_make_every_image_a_pivot():
    _, query, gallery = random_case(5)
    probabilities = np.full((len(query), len(gallery)), 0.5, np.float32)
    lifted = temporal_lifting(probabilities, query, gallery, **OPTIONS)
    np.testing.assert_allclose(
        lifted, oracle.temporal_lifting(probabilities.tolist(), query, gallery, **OPTIONS), rtol=1e-5
    )


def test_memory_map_output_and_progress(tmp_path):
    probabilities, query, gallery = random_case(6)
    maps = [np.memmap(tmp_path / name, np.float32, "w+", shape=probabilities.shape) for name in ("in", "out")]
    maps[0][:] = probabilities
    seen = []
    result = temporal_lifting(
        maps[0], query, gallery, **OPTIONS, output=maps[1], progress=lambda *counts: seen.append(counts)
    )
    assert result is maps[1]
    np.testing.assert_array_equal(result, temporal_lifting(probabilities, query, gallery, **OPTIONS))
    assert seen[-1] == (30, 30) and seen == sorted(seen)


def test_wrong_options_and_shapes():
    probabilities, query, gallery = random_case(0)
    for name in ("tau", "sigma", "top_k"):
        with pytest.raises(ValueError, match=f"Expected {name} above 0. Received: {name}=0"):
            temporal_lifting(probabilities, query, gallery, **{name: 0})
    with pytest.raises(ValueError, match="set, multiset. Received: pivot='list'"):
        temporal_lifting(probabilities, query, gallery, pivot="list")
    with pytest.raises(ValueError, match=r"\(30, 62\). Received: shape \(62, 30\)"):
        temporal_lifting(probabilities.T, query, gallery)


def test_nan_names_its_query():
    probabilities, query, gallery = random_case(0)
    probabilities[7, 3] = np.nan
    with pytest.raises(UserError, match="NaN for query 7"):
        temporal_lifting(probabilities, query, gallery)


def test_missing_clocks_are_explained_in_one_line():
    _, query, gallery = random_case(0)
    check_clocks(query, gallery)
    timeless = [dataclasses.replace(record, timestamp=None) for record in gallery]
    received = "Received: 25 of 30 queries and 0 of 62 gallery images"
    with pytest.raises(UserError, match=f"{received}.*timestamp of a CSV table") as caught:
        temporal_lifting(np.ones((30, 62)), query, timeless)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="0 of 30 queries"):
        check_clocks([dataclasses.replace(record, camera=None) for record in query], gallery)


def test_temporal_lifting_does_not_import_tensorflow():
    program = "import sys, qaconv_tf; qaconv_tf.temporal_lifting; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=pathlib.Path(__file__).parents[2])


@pytest.mark.parametrize("pivot", ["set", "multiset"])
@pytest.mark.parametrize("online", [False, True])
def test_pivots_of_a_query_are_those_that_lifted_it(pivot, online):
    probabilities, query, gallery = random_case(seed=3, decimals=2)
    lifted = temporal_lifting(probabilities, query, gallery, **OPTIONS, pivot=pivot, online=online)
    times = np.array([math.nan if one.timestamp is None else one.timestamp for one in gallery])
    options = {name: OPTIONS[name] for name in ("tau", "top_k")} | {"pivot": pivot, "online": online}
    seen = set()
    for row, record in enumerate(query):
        companions, cameras = lifting_pivots(probabilities, query, gallery, row, **options)
        assert lifting_pivots(lambda rows: probabilities[rows], query, gallery, row, **options)[0] is not None
        assert (row in companions) == (record.camera is not None and record.timestamp is not None)
        weights = np.zeros(len(gallery))
        for camera, pivots in cameras.items():
            columns = [c for c, one in enumerate(gallery) if one.camera == camera and one.timestamp is not None]
            assert set(pivots.columns) <= set(columns)
            weights[columns] = pivots.weights(times[columns], OPTIONS["sigma"])
            seen.update(pivots.columns.tolist())
        expected = (weights + OPTIONS["alpha"]) * probabilities[row]
        np.testing.assert_allclose(lifted[row], expected, rtol=1e-5, atol=1e-7)
    assert len(seen) > 10
