import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qaconv_tf as qt
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation import reranking
from qaconv_tf.evaluation.reranking import rerank
from tests.golden import reranking_cases
from tests.oracles import reranking as oracle

GOLDENS = np.load(pathlib.Path(__file__).parents[1] / "golden" / "reranking.npz")
MODES = ("qaconv", "standard")


def random_case(seed, num_query=4, num_gallery=17, levels=None):
    """Distances whose two directions differ; with `levels`, of few values, so that most are tied."""
    random = np.random.default_rng([32, seed])
    images = num_query + num_gallery
    identities = random.integers(4, size=images)
    table = random.uniform(0.3, 1, size=(images, images)) - 0.25 * (identities[:, None] == identities)
    table[np.diag_indices(images)] /= 10
    if levels:
        table = np.ceil(table * levels) / levels
    table = table.astype(np.float32)
    return table[:num_query, num_query:], table[:num_query, :num_query], table[num_query:, num_query:]


def own_distances(seed, levels=None):
    """The gallery's own distances to the queries, for `random_case` of the same arguments and default sizes."""
    table = np.random.default_rng([33, seed]).uniform(0.1, 1, size=(17, 4))
    return (np.ceil(table * levels) / levels if levels else table).astype(np.float32)


def in_deviations(result, reference):
    return np.abs(result - reference).max() / reference.std()


# Golden values


def test_goldens_are_of_all_tags():
    assert GOLDENS["tags"].tolist() == ["v1.0-eccv", "v1.1", "v1.2", "v2.0", "v2.1"]


@pytest.mark.parametrize(
    ("name", "mode"),
    [(name, mode) for name in reranking_cases.CASES for mode in MODES if (name, mode) != ("gallery's own", "standard")],
)
def test_equals_the_official_code(name, mode):
    seed, arguments, special = reranking_cases.CASES[name]
    result = rerank(**reranking_cases.distances(seed, **special), **arguments, mode=mode)
    assert in_deviations(result, GOLDENS[f"{name}/{mode}"]) < 1e-5


@pytest.mark.parametrize("name", reranking_cases.CASES)
def test_equals_the_official_code_in_single_precision(name, monkeypatch):
    monkeypatch.setitem(reranking.MODES, "qaconv", reranking._Mode(squares=False, precision=np.float32))
    seed, arguments, special = reranking_cases.CASES[name]
    result = rerank(**reranking_cases.distances(seed, **special), **arguments)
    reference = GOLDENS[f"{name}/qaconv in single precision"]
    assert in_deviations(result, reference) < 1e-5
    # So half precision is a part of the mode, not a detail.
    assert in_deviations(reference, GOLDENS[f"{name}/qaconv"]) > 1e-4


# Oracle


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("levels", [None, 6])
@pytest.mark.parametrize("k1", [1, 4, 7, 9, 30])
@pytest.mark.parametrize("k2", [1, 3, 12])
def test_equals_oracle(mode, levels, k1, k2):
    case = random_case([k1, k2], levels=levels)
    expected = oracle.rerank(*case, k1, k2, 0.4, mode)
    np.testing.assert_allclose(rerank(*case, k1, k2, 0.4, mode), expected, rtol=2e-7)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("levels", [None, 6])
@pytest.mark.parametrize("k1", [4, 9])
def test_equals_oracle_where_the_gallery_has_its_own_distances(mode, levels, k1):
    case, own = random_case(k1, levels=levels), own_distances(k1, levels)
    expected = oracle.rerank(*case, k1, 3, 0.4, mode, own)
    np.testing.assert_allclose(rerank(*case, k1, 3, 0.4, mode, gallery_query=own), expected, rtol=2e-7)
    assert np.abs(rerank(*case, k1, 3, 0.4, mode) - expected).max() > 0.01


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 9)), k1=st.integers(1, 12), k2=st.integers(1, 5),
    levels=st.sampled_from([None, 1, 3]), mode=st.sampled_from(MODES), seed=st.integers(0, 99),
)  # fmt: skip
def test_equals_oracle_on_few_images(sizes, k1, k2, levels, mode, seed):
    case = random_case(seed, *sizes, levels=levels)
    expected = oracle.rerank(*case, k1, k2, mode=mode)
    np.testing.assert_allclose(rerank(*case, k1, k2, mode=mode), expected, rtol=2e-7)


# By hand


def test_a_reciprocal_neighbour_overtakes_a_near_one():
    # Query 0; gallery 0.8, 1.0, 1.2 near each other, -0.9 alone. Two nearest others:
    #   0: 0.8, -0.9    0.8: 1.0, 1.2    1.0: 0.8, 1.2    1.2: 1.0, 0.8    -0.9: 0, 0.8
    # So the query's reciprocal neighbours are itself and -0.9, and so are those of -0.9: the two overlap wholly but for
    # their weights, while the query shares nothing with the three.
    positions = np.array([0, 0.8, 1.0, 1.2, -0.9])
    distances = np.abs(positions[:, None] - positions)
    result = rerank(distances[:1, 1:], distances[:1, :1], distances[1:, 1:], k1=2, k2=1, lambda_value=0)[0]
    np.testing.assert_array_equal(result[:3], 1)
    # Weights: query 1 and e^-(0.9/1.2), of -0.9 e^-(0.9/2.1) and 1, each over their sum.
    query, other = (np.array(one) / np.sum(one) for one in ([1, np.exp(-0.75)], [np.exp(-0.9 / 2.1), 1]))
    shared = np.minimum(query, other).sum()
    assert result[3] == pytest.approx(1 - shared / (2 - shared), abs=1e-3)  # half precision


def test_lambda_one_keeps_the_scaled_distances():
    query_gallery, query_query, gallery_gallery = random_case(1)
    largest = np.maximum(query_query.max(axis=0), query_gallery.max(axis=1))
    result = rerank(query_gallery, query_query, gallery_gallery, k1=5, lambda_value=1)
    np.testing.assert_array_equal(result, query_gallery / largest[:, None])


# Properties


@pytest.mark.parametrize("mode", MODES)
def test_order_of_the_gallery_does_not_matter_without_ties(mode):
    query_gallery, query_query, gallery_gallery = random_case(2, num_gallery=60)
    order = np.random.default_rng(0).permutation(60)
    expected = rerank(query_gallery, query_query, gallery_gallery, k1=8, mode=mode)[:, order]
    result = rerank(query_gallery[:, order], query_query, gallery_gallery[np.ix_(order, order)], k1=8, mode=mode)
    # Half-precision sums depend on the order of their terms.
    np.testing.assert_allclose(result, expected, atol=2e-3 if mode == "qaconv" else 1e-6)


@pytest.mark.parametrize("mode", MODES)
# NumPy may sort what is left of up to 256 values where it was asked for a partition: hence the 300 neighbours.
@pytest.mark.parametrize(
    ("num_gallery", "k1", "block"), [(70, 8, 1), (70, 8, 100), (700, 300, 2**14), (700, 300, 2**23)]
)
def test_arrays_functions_and_memory_maps_agree_bit_for_bit(mode, num_gallery, k1, block, monkeypatch, tmp_path):
    case = random_case(3, num_query=13, num_gallery=num_gallery, levels=1000)
    expected = rerank(*case, k1=k1, mode=mode)
    monkeypatch.setattr(reranking, "DISTANCES_PER_BLOCK", block)
    monkeypatch.setattr(reranking, "DISTANCES_PER_STRIP", max(1, block // 5))
    maps = []
    for number, table in enumerate(case):
        np.save(tmp_path / f"{number}.npy", table)
        maps.append(np.load(tmp_path / f"{number}.npy", mmap_mode="r"))
    functions = [lambda first, last, table=table: table[first:last].astype(np.float64) for table in case]
    for sources in (case, maps, functions):
        np.testing.assert_array_equal(rerank(*sources, k1=k1, mode=mode), expected)


@pytest.mark.parametrize("mode", MODES)
def test_the_gallery_has_the_queries_distances_by_default(mode):
    case = random_case(10, levels=50)
    expected = rerank(*case, k1=6, mode=mode)
    own = case[0].T.copy()
    for source in (own, lambda first, last: own[first:last]):
        np.testing.assert_array_equal(rerank(*case, k1=6, mode=mode, gallery_query=source), expected)


def test_both_directions_of_a_pair_may_differ():
    query_gallery, query_query, gallery_gallery = random_case(4)
    result = rerank(query_gallery, query_query, gallery_gallery, k1=5)
    assert np.abs(rerank(query_gallery, query_query, gallery_gallery.T, k1=5) - result).max() > 0.01
    assert np.abs(rerank(query_gallery, query_query.T, gallery_gallery, k1=5) - result).max() > 0.01


def test_one_query_and_one_gallery_image():
    result = rerank(np.array([[0.5]]), np.array([[0.1]]), np.array([[0.2]]), lambda_value=0.3)
    # Both are described by both: e^-0.2 and e^-1 of the query, e^-1 and e^-0.4 of the gallery image; averaged, alike.
    assert result.shape == (1, 1)
    assert result[0, 0] == pytest.approx(0.3, abs=2e-3)


@pytest.mark.parametrize("mode", MODES)
def test_all_distances_zero(mode):
    result = rerank(np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((3, 3)), mode=mode)
    np.testing.assert_allclose(result, 0, atol=2e-3)


def test_duplicates_get_one_distance():
    query_gallery, query_query, gallery_gallery = random_case(5, num_gallery=20)
    twice = np.repeat(np.arange(20), 2)
    # Every image is everyone's neighbour, so that no list ends between the two of a pair.
    result = rerank(query_gallery[:, twice], query_query, gallery_gallery[np.ix_(twice, twice)], k1=44, k2=1)
    np.testing.assert_array_equal(result[:, ::2], result[:, 1::2])


def test_negative_zero_is_zero():
    case = [np.floor(table * 3) / 3 for table in random_case(9)]
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(3, 17, 17))
    signed = [np.where(table == 0, table * sign[: len(table), : table.shape[1]], table)
              for table, sign in zip(case, signs, strict=True)]  # fmt: skip
    assert (np.signbit(signed[2]) & (signed[2] == 0)).any()
    np.testing.assert_array_equal(rerank(*signed, k1=3), rerank(*case, k1=3))


def test_output_is_written_in_place(tmp_path):
    case = random_case(6)
    expected = rerank(*case)
    output = np.lib.format.open_memmap(tmp_path / "output.npy", mode="w+", dtype=np.float32, shape=expected.shape)
    assert rerank(*case, output=output) is output
    output.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "output.npy"), expected)
    # The distances themselves may be overwritten.
    same = case[0].copy()
    np.testing.assert_array_equal(rerank(same, *case[1:], output=same), expected)


def test_progress_counts_rows_read(monkeypatch):
    monkeypatch.setattr(reranking, "DISTANCES_PER_BLOCK", 5 * 17)
    calls = []
    rerank(*random_case(7), progress=lambda done, total: calls.append((done, total)))
    assert [total for _, total in calls] == [2 * (4 + 4 + 17) + 4] * len(calls)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls}) and calls[-1][0] == calls[-1][1]
    rerank(*random_case(7), progress=lambda *numbers: calls.append(numbers), gallery_query=own_distances(7))
    assert calls[-1] == (2 * (4 + 4 + 17 + 17) + 4,) * 2


def test_inputs_stay_as_they_are():
    case = random_case(8)
    copies = [table.copy() for table in case]
    rerank(*case, mode="standard")
    for table, copy in zip(case, copies, strict=True):
        np.testing.assert_array_equal(table, copy)


def test_is_public():
    assert qt.rerank is rerank


# Errors


@pytest.mark.parametrize("table", range(3))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_number_is_named(table, value, monkeypatch):
    monkeypatch.setattr(reranking, "DISTANCES_PER_BLOCK", 2 * 17)
    case = [one.copy() for one in random_case(0)]
    name = ("query_gallery", "query_query", "gallery_gallery")[table]
    case[table][3, 2] = case[table][3, 3] = value
    with pytest.raises(UserError, match=rf"Received: {name}\[3, 2\] = {value}") as caught:
        rerank(*case)
    assert "\n" not in str(caught.value)


def test_nothing_to_rank():
    query_gallery, query_query, gallery_gallery = random_case(0)
    with pytest.raises(UserError, match="Received: 4 queries, 0 gallery images"):
        rerank(query_gallery[:, :0], query_query, gallery_gallery[:0, :0])
    with pytest.raises(UserError, match="Received: 0 queries, 17 gallery images"):
        rerank(query_gallery[:0], query_query[:0, :0], gallery_gallery)


def test_negated_scores_that_cannot_be_scaled():
    query_gallery, query_query, gallery_gallery = (table - 2 for table in random_case(0))
    with pytest.raises(UserError, match=r"image 0 \(queries first\) from -.* to -.*Pass 1 - probability"):
        rerank(query_gallery, query_query, gallery_gallery)


def test_wrong_shapes():
    query_gallery, query_query, gallery_gallery = random_case(0)
    with pytest.raises(ValueError, match=r"gallery_gallery of shape \(17, 17\).*Received: shape \(16, 17\)"):
        rerank(query_gallery, query_query, gallery_gallery[:-1])
    with pytest.raises(ValueError, match=r"query_gallery of shape \(4, 17\).*Received: shape \(5, 17\)"):
        rerank(gallery_gallery[:5], query_query, gallery_gallery)
    with pytest.raises(ValueError, match=r"query_gallery of shape \(4, 17\).*Received: shape \(3, 17\)"):
        rerank(query_gallery[:3], query_query, gallery_gallery)
    with pytest.raises(ValueError, match=r"gallery_gallery of shape \(17, 17\).*Received: shape \(16, 17\)"):
        rerank(query_gallery, query_query, lambda first, last: gallery_gallery[first + 1 : last])
    with pytest.raises(ValueError, match=r"query_query of two dimensions. Received: shape \(4,\)"):
        rerank(query_gallery, query_query[0], gallery_gallery)
    with pytest.raises(ValueError, match=r"gallery_query of shape \(17, 4\).*Received: shape \(4, 17\)"):
        rerank(query_gallery, query_query, gallery_gallery, gallery_query=query_gallery)
    for output in (np.empty((4, 16), np.float32), np.empty((4, 17), np.float64)):
        with pytest.raises(ValueError, match=r"float32 output of shape \(4, 17\). Received: float"):
            rerank(query_gallery, query_query, gallery_gallery, output=output)


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"mode": "zhong"}, "of qaconv, standard. Received: mode='zhong'"),
        ({"k1": 0}, "at least 1. Received: k1=0, k2=6"),
        ({"k2": 0}, "at least 1. Received: k1=20, k2=0"),
        ({"lambda_value": 1.5}, "Received: lambda_value=1.5"),
    ],
)
def test_arguments_out_of_range(arguments, received):
    with pytest.raises(ValueError, match=received):
        rerank(*random_case(0), **arguments)
