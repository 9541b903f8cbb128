"""What TensorBoard gets of an evaluation, read back from its files."""

import dataclasses
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
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.explain.chart_picture import draw_chart
from qaconv_tf.explain.charts import cmc_chart, precision_chart
from qaconv_tf.explain.curves import precision_at_recall
from qaconv_tf.explain.drawing import draw_explanation, draw_strip
from qaconv_tf.explain.fixed_examples import choose_examples
from qaconv_tf.explain.projector import choose_projected, write_projector
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


def explanation(matcher, dataset, maps, row, column):
    """The picture of a pair, its shares counted from the images that show neither of its people, if there are any."""
    query, gallery = dataset.query, dataset.gallery
    chosen = np.sort(np.random.default_rng(0).permutation(len(gallery))[:32])
    records = query[row], gallery[column]
    of_pair = [record.identity for record in records]
    beside = [len(query) + place for place in chosen if gallery[place].identity not in of_pair]
    found = qt.correspondences(matcher, maps[row], maps[len(query) + column], maps[beside] if beside else None)
    images = [read_image(record.path, 256, 128) for record in records]
    names = [f"{record.identity}, camera {record.camera}" for record in records]
    return draw_explanation(*images, found, names, 256)


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
            expected = explanation(run.matcher, run.dataset, maps, row, column)
            np.testing.assert_array_equal(picture(pictures[step]), expected)
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


def strip_by_loops(dataset, result, row):
    """A query and its first ten answers, up to ten ignored images between them."""
    query, shown, rank = dataset.query[row], [], 0
    for column in np.argsort(-result.scores[row], kind="stable"):
        one = dataset.gallery[column]
        own = one.camera == query.camera and result.ranking.camera_filter == "same_identity"
        mark = "wrong" if one.identity != query.identity else "ignored" if own else "right"
        if rank == 10:
            break
        rank += mark != "ignored"
        score = f"{result.scores[row, column]:.2f}"
        label = score if mark == "ignored" else f"{rank}: {score}"
        shown.append((read_image(one.path, 160, 80), mark, label))
    return draw_strip(read_image(query.path, 160, 80), shown, 160)


def check_strips(dataset, result, name, events, step):
    rows = choose_examples(dataset.query, dataset.gallery, result.ranking.camera_filter).queries
    for number, row in enumerate(rows):
        strip = picture(written(events, f"answers/{name}/query {number + 1}")[step])
        np.testing.assert_array_equal(strip, strip_by_loops(dataset, result, row))


def test_answers_are_strips(run, events):
    strips = [tag for tag in events.Tags()["tensors"] if tag.startswith("answers/")]
    # Of matching and of pooling, but not of what was made of the scores.
    assert len(strips) == 2 * 4 and not any("+" in tag for tag in strips)
    for section in run.sections:
        if section.result.scoring in ("matching", "pooled"):
            name = run.dataset.name + {"matching": "", "pooled": "/pooled"}[section.result.scoring]
            check_strips(run.dataset, section.result, name, events, 3)


def check_curves(dataset, results, events, step):
    rules = dataset.query, dataset.gallery, results[0].ranking.camera_filter
    precisions = [precision_at_recall(result.scores, *rules) for result in results]
    names = [result.scoring for result in results]
    charts = {"CMC": cmc_chart("", results), "precision and recall": precision_chart("", results, precisions)}
    for kind, chart in charts.items():
        curves = picture(written(events, f"curves/{dataset.name}/{kind}")[step])
        np.testing.assert_array_equal(curves, draw_chart(chart, names))


def test_curves_are_those_of_the_report(run, events):
    check_curves(run.dataset, [section.result for section in run.sections], events, 3)


def two_people(run):
    """Of a run the part of two people, and the places of its images: no third one is left to count shares from."""
    people = run.dataset.query[0].identity, run.dataset.query[-1].identity
    assert people[0] != people[1]
    parts = run.dataset.query, run.dataset.gallery
    places = [[place for place, one in enumerate(part) if one.identity in people] for part in parts]
    query, gallery = ([part[place] for place in kept] for part, kept in zip(parts, places, strict=True))
    return ReidDataset("two", (), query, gallery), places


def test_the_camera_rule_is_that_of_the_ranking_and_shares_need_no_third_person(run, tmp_path):
    dataset, (rows, columns) = two_people(run)
    scores = run.sections[0].result.scores[np.ix_(rows, columns)]
    ranking = evaluate_ranking(scores, dataset.query, dataset.gallery, camera_filter="none")
    result = dataclasses.replace(run.sections[0].result, dataset="two", scores=scores, ranking=ranking)
    maps = run.maps[[*rows, *(len(run.dataset.query) + column for column in columns)]]
    writer = tf.summary.create_file_writer(str(tmp_path))
    log_evaluation(writer, str(tmp_path), 1, run.matcher, dataset, maps, [result])
    writer.close()
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0}).Reload()
    check_strips(dataset, result, "two", events, 1)
    check_curves(dataset, [result], events, 1)
    same = [(one, other) for one in dataset.query for other in dataset.gallery if one.identity == other.identity]
    assert any(one.camera == other.camera for one, other in same)
    assert written(events, "scores/two/right pairs")[1][:, 2].sum() == len(same)
    pairs = choose_examples(dataset.query, dataset.gallery, "none").pairs
    assert "wrong pair" in pairs
    for name, pair in pairs.items():
        shown = picture(written(events, f"correspondences/two/{name}")[1])
        np.testing.assert_array_equal(shown, explanation(run.matcher, dataset, maps, *pair))


def test_what_was_pooled_alone_is_not_explained_and_all_is_there_while_the_run_goes_on(run, tmp_path):
    pooled = [section.result for section in run.sections if section.result.scoring == "pooled"]
    writer = tf.summary.create_file_writer(str(tmp_path))
    log_evaluation(writer, str(tmp_path), 1, run.matcher, run.dataset, run.maps, pooled)
    tags = EventAccumulator(str(tmp_path)).Reload().Tags()["tensors"]
    writer.close()
    kinds = {tag.split("/")[0] for tag in tags}
    assert kinds == {"evaluation", "curves", "scores", "answers"}


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
    np.testing.assert_array_equal(choose_projected(records, number=20), chosen)
    assert any((choose_projected(records, number=20, seed=seed) != chosen).any() for seed in (1, 2, 3))


def test_sets_of_other_names_stay(run, tmp_path):
    records, images = run.dataset.query[:3], np.zeros((3, 64, 32, 3), np.uint8)
    for name in ("market1501:one", "market1501:two", "market1501:one"):
        write_projector(str(tmp_path), name, np.eye(3), records, images)
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    assert [entry.tensor_name for entry in config.embeddings] == ["market1501_one", "market1501_two"]


def test_the_projector_s_table_and_sprite_are_well_formed(tmp_path):
    labels = [(7, 0), ("a\tb\nc", None), (3, 1), (3, 2), (9, 0)]
    records = [ImageRecord(f"{number}.jpg", *label) for number, label in enumerate(labels)]
    write_projector(str(tmp_path), "five", np.eye(5), records, np.zeros((5, 64, 32, 3), np.uint8))
    folder = tmp_path / "projector" / "five"
    assert (folder / "metadata.tsv").read_text().splitlines()[1:] == ["7\t0", "a b c\tunknown", "3\t1", "3\t2", "9\t0"]
    # As many rows as columns, though two rows would do: the projector counts on it.
    assert Image.open(folder / "thumbnails.png").size == (3 * 64, 3 * 64)


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
