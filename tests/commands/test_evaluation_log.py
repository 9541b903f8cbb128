"""What TensorBoard gets of an evaluation, read back from its files."""

import io

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

import qaconv_tf as qt
from qaconv_tf.commands.evaluation_log import log_evaluation
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.explain.drawing import draw_explanation
from qaconv_tf.explain.fixed_examples import choose_examples
from qaconv_tf.explain.projector import choose_projected, write_projector
from qaconv_tf.explain.score_samples import right_and_wrong_scores
from qaconv_tf.pipeline import read_image
from tests.commands.running import run_command
from tests.explain.small_run import small_run


@pytest.fixture(scope="module")
def run():
    return small_run()


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    """Two evaluations, the second of other maps."""
    folder = str(tmp_path_factory.mktemp("tensorboard"))
    writer = tf.summary.create_file_writer(folder)
    results = [section.result for section in run.sections]
    log_evaluation(writer, folder, 3, run.matcher, run.dataset, run.maps, results)
    log_evaluation(writer, folder, 7, run.matcher, run.dataset, other_maps(run), results)
    writer.close()
    return folder


@pytest.fixture(scope="module")
def events(folder):
    return EventAccumulator(folder, size_guidance={"tensors": 0}).Reload()


def other_maps(run):
    return run.maps[:, ::-1]


def written(events, tag):
    """Of each step what was written."""
    return {event.step: tf.make_ndarray(event.tensor_proto) for event in events.Tensors(tag)}


def picture(of_step):
    """The first two are width and height."""
    return np.asarray(Image.open(io.BytesIO(of_step[2])))


def is_right(query, gallery):
    return query.identity == gallery.identity and query.camera != gallery.camera


def is_wrong(query, gallery):
    return query.identity != gallery.identity


def pairs_by_loops(run, rule):
    """(row, column) of every pair by the rule."""
    query, gallery = enumerate(run.dataset.query), list(enumerate(run.dataset.gallery))
    return [(row, column) for row, one in query for column, other in gallery if rule(one, other)]


def shown_beside(run, row, column):
    """Places in the maps of the references of a pair: images that show neither of its people."""
    query, gallery = run.dataset.query, run.dataset.gallery
    chosen = np.sort(np.random.default_rng(0).permutation(len(gallery))[:32])
    of_pair = query[row].identity, gallery[column].identity
    return [len(query) + index for index in chosen if gallery[index].identity not in of_pair]


def test_rates_of_every_scoring(run, events):
    for section in run.sections:
        result = section.result
        name = result.dataset if result.scoring == "matching" else f"{result.dataset}/{result.scoring}"
        for key in ("rank1", "rank5", "rank10", "mAP", "mAP_trapezoid", "mINP"):
            points = written(events, f"evaluation/{name}/{key}")
            assert sorted(points) == [3, 7]
            assert points[3] == pytest.approx(result.to_results()[key], abs=1e-6)


def test_pictures_show_what_correspondences_names_of_the_same_pairs_every_time(run, events):
    query, gallery = run.dataset.query, run.dataset.gallery
    pairs = choose_examples(query, gallery).pairs
    assert sorted(pairs) == [*(f"right pair {number}" for number in (1, 2, 3, 4)), "wrong pair"]
    for name, (row, column) in pairs.items():
        assert (is_wrong if name == "wrong pair" else is_right)(query[row], gallery[column])
        pictures = written(events, f"correspondences/{run.dataset.name}/{name}")
        for step, maps in ((3, run.maps), (7, other_maps(run))):
            query_map, gallery_map, *others = maps[[row, len(query) + column, *shown_beside(run, row, column)]]
            found = qt.correspondences(run.matcher, query_map, gallery_map, np.array(others))
            images = [read_image(record.path, 256, 128) for record in (query[row], gallery[column])]
            names = [f"{record.identity}, camera {record.camera}" for record in (query[row], gallery[column])]
            np.testing.assert_array_equal(picture(pictures[step]), draw_explanation(*images, found, names, 256))
        assert (picture(pictures[3]) != picture(pictures[7])).any()


def test_histograms_count_every_valid_pair(run, events):
    scores = run.sections[0].result.scores
    for kind, rule in (("right", is_right), ("wrong", is_wrong)):
        expected = np.array([scores[pair] for pair in pairs_by_loops(run, rule)])
        histogram = written(events, f"scores/{run.dataset.name}/{kind} pairs")[3]
        assert histogram[:, 2].sum() == len(expected)
        assert (histogram[0, 0], histogram[-1, 1]) == pytest.approx((expected.min(), expected.max()), rel=1e-6)
        middle = histogram[15, 0]  # a border of buckets; rounding may move a score across it
        assert abs(histogram[:15, 2].sum() - np.count_nonzero(expected < middle)) <= 1


def test_of_many_scores_some_are_drawn(run):
    scores, query, gallery = run.sections[0].result.scores, run.dataset.query, run.dataset.gallery
    right, wrong = right_and_wrong_scores(scores, query, gallery, most_queries=5, most_wrong=3)
    assert len(wrong) == 15
    assert set(right.tolist()) <= {float(scores[pair]) for pair in pairs_by_loops(run, is_right)}
    assert set(wrong.tolist()) <= {float(scores[pair]) for pair in pairs_by_loops(run, is_wrong)}


def test_answers_and_curves_are_pictures(run, events):
    strips = [tag for tag in events.Tags()["tensors"] if tag.startswith("answers/")]
    # Of matching and of pooling, but not of what was made of the scores.
    assert len(strips) == 2 * 4 and not any("+" in tag for tag in strips)
    green = (26, 152, 80)
    for number, row in enumerate(choose_examples(run.dataset.query, run.dataset.gallery).queries):
        strip = picture(written(events, f"answers/{run.dataset.name}/query {number + 1}")[3])
        shown = {section.result.scoring: section.result for section in run.sections}["matching"].ranking
        found = shown.first_relevant_rank[row] <= 10
        assert (strip == green).all(axis=2).any() == found
    for kind in ("CMC", "precision and recall"):
        curves = picture(written(events, f"curves/{run.dataset.name}/{kind}")[3])
        coloured = (curves[:440] == (31, 95, 191)).all(axis=2).nonzero()
        assert coloured[1].min() < 120 and coloured[1].max() > 800


def test_projector_files_agree(run, folder):
    with open(f"{folder}/projector_config.pbtxt", encoding="utf-8") as file:
        (entry,) = text_format.Parse(file.read(), ProjectorConfig()).embeddings
    queried = {record.identity for record in run.dataset.query}
    everything = (*run.dataset.query, *run.dataset.gallery)
    places = [place for place, record in enumerate(everything) if record.identity in queried]
    records = [everything[place] for place in places]
    assert len(records) < len(everything)  # some people nobody queries
    vectors = np.loadtxt(f"{folder}/{entry.tensor_path}", delimiter="\t")
    np.testing.assert_allclose(vectors, other_maps(run)[places].mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)
    with open(f"{folder}/{entry.metadata_path}", encoding="utf-8") as file:
        header, *rows = file.read().splitlines()
    assert header == "identity\tcamera"
    assert rows == [f"{record.identity}\t{record.camera}" for record in records]
    sprite = np.asarray(Image.open(f"{folder}/{entry.sprite.image_path}"))
    assert list(entry.sprite.single_image_dim) == [64, 64]
    columns = np.ceil(np.sqrt(len(records))).astype(int)
    assert sprite.shape == (64 * columns, 64 * columns, 3)
    for number, record in enumerate(records):
        top, left = number // columns * 64, number % columns * 64 + 16
        shown = sprite[top : top + 64, left : left + 32]
        np.testing.assert_array_equal(shown, read_image(record.path, 64, 32))


def test_projected_images_are_of_whole_identities(run):
    records = run.dataset.gallery
    chosen = choose_projected(records, number=20)
    assert len(chosen) == 20 and (np.diff(chosen) > 0).all()
    images = {one.identity: sum(record.identity == one.identity for record in records) for one in records}
    shown = {one: sum(records[index].identity == one for index in chosen) for one in images}
    assert sum(0 < shown[one] < images[one] for one in images) <= 1


def test_sets_of_other_names_stay(run, tmp_path):
    records, images = run.dataset.query[:3], np.zeros((3, 64, 32, 3), np.uint8)
    for name in ("market1501:one", "market1501:two", "market1501:one"):
        write_projector(str(tmp_path), name, np.eye(3), records, images)
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    assert [entry.tensor_name for entry in config.embeddings] == ["market1501_one", "market1501_two"]


def test_evaluate_adds_to_the_run_at_its_last_step(capfd, tmp_path):
    qt.build_model(weights=None, image_height=64, image_width=32).save(tmp_path / "model.keras")
    RunFolder(str(tmp_path)).add_results({"last_step": 40})
    ended = run_command(capfd, "evaluate", f"--run_dir={tmp_path}", "--test_datasets=market1501:tests/data/pets2009")
    assert ended.status == 0, ended.err
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    name = "market1501:tests/data/pets2009"
    for tag in (f"evaluation/{name}/mAP", f"correspondences/{name}/wrong pair", f"curves/{name}/CMC"):
        assert list(written(events, tag)) == [40]
    assert (tmp_path / "tensorboard" / "projector" / "market1501_tests_data_pets2009" / "vectors.tsv").exists()
