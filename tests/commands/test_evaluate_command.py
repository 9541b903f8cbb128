"""evaluate.py's re-ranking, temporal lifting and pairs, by an untrained model of small images."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from qaconv_tf.datasets import load_dataset
from qaconv_tf.evaluation.extraction import extract_feature_maps
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.evaluation.temporal_lifting import temporal_lifting
from qaconv_tf.evaluation.verification import evaluate_verification
from qaconv_tf.explain.matches import match_pairs
from qaconv_tf.explain.references import choose_references
from qaconv_tf.matching import native_engine, score_matrix
from qaconv_tf.model import build_model
from tests.commands.running import run_command

PETS2009 = "tests/data/pets2009"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    built = build_model(weights=None, image_height=64, image_width=32)
    built.save(path)
    return built, f"--model={path}"


def evaluate(capfd, *arguments):
    ended = run_command(capfd, "evaluate", *arguments)
    assert ended.status == 0, ended.err
    return ended.out


def refused(capfd, *arguments):
    ended = run_command(capfd, "evaluate", *arguments)
    assert ended.status == 2 and ended.err.count("\n") == 1, ended
    return ended.err


def test_a_report_that_is_too_large_is_told(capfd, tmp_path, model, monkeypatch):
    flags = model[1], f"--test_datasets=market1501:{PETS2009}", f"--output_dir={tmp_path}"
    assert "warning" not in evaluate(capfd, *flags)
    size = (tmp_path / "report.html").stat().st_size
    monkeypatch.setattr("qaconv_tf.commands.evaluation.LARGEST_REPORT", size // 2)
    assert f"warning: the report takes {size / 1e6:.1f} MB" in evaluate(capfd, *flags)


def test_every_step_has_a_row_in_table_results_and_report(capfd, tmp_path, model):
    built, given = model
    out = evaluate(
        capfd, given, f"--test_datasets=market1501:{PETS2009}", "--rerank", "--rerank_k1=7", "--tlift", "--tlift_tau=9",
        "--tlift_pivot=multiset", "--camera_filter=none", f"--output_dir={tmp_path}",
    )  # fmt: skip
    dataset = load_dataset("market1501", PETS2009)
    num_query, num_gallery = len(dataset.query), len(dataset.gallery)
    # Fewer images than a block of the matcher: all of their pairs.
    more = num_query**2 + num_gallery**2
    assert f"{more:,} more pairs" in out and f"{more / (num_query * num_gallery):.1f} times" in out
    results = json.loads((tmp_path / "results.json").read_text())["evaluations"]
    assert [result["scoring"] for result in results] == [
        "matching", "matching + temporal lifting", "matching + re-ranking", "matching + re-ranking + temporal lifting"
    ]  # fmt: skip
    processing = results[-1]["processing"]
    assert processing["reranking"] == {"mode": "qaconv", "k1": 7, "k2": 6, "lambda_value": 0.3}
    assert processing["temporal_lifting"] == {
        "tau": 9.0, "sigma": 200.0, "top_k": 10, "alpha": 0.2, "pivot": "multiset", "online": False
    }  # fmt: skip
    assert {result["camera_filter"] for result in results} == {"none"}
    assert len({result["mAP"] for result in results}) == 4
    report = (tmp_path / "report.html").read_text()
    assert report.count("matching + re-ranking + temporal lifting") >= 3 and "no camera filter" in report


def test_what_it_will_take_and_what_it_took(capfd, model):
    _, given = model
    sets = f"--test_datasets=market1501:{PETS2009},market1501+clock=official:{PETS2009}"
    out = evaluate(
        capfd, given, sets, "--tlift", "--rerank", "--scoring=pooled,matching", "--evaluation_batch_size=32",
        "--extraction_precision=fp32",
    )  # fmt: skip
    images, pairs = 36 + 172, 36 * 172
    maps, scores = 4 * images * 4 * 2 * 96, 2 * 4 * pairs
    memory = 300e6 + 12_000 * images + 400 * 32 * 64 * 32 + maps + scores
    told = re.findall(r"^pets2009: memory (\S+) of (\S+) GB.*temporary files (\S+) GB", out, re.MULTILINE)
    files = 4 * (images**2)
    assert [one[::2] for one in told] == 2 * [(f"{memory / 1e9:.2f}", f"{files / 1e9:.2f}")]
    predicted = r"^predicted: .* in all: extraction .* at [\d,]+ images/s, matching .* at [\d,]+ pairs/s, the rest "
    assert len(re.findall(predicted, out, re.MULTILINE)) == 1
    table = out[out.index("What it took") :]
    counts = {"extraction": 2, "matching": 2, "more matching": 2, "reranking": 2, "temporal lifting": 4, "ranking": 10}
    for stage, count in counts.items():
        assert len(re.findall(rf"│ {stage} +│ +[\d.]+ │ +[\d,]+ (images|pairs) │", table)) >= count, (stage, table)
    assert re.search(r"most memory held: \d\.\d\d GB", table)


def test_too_small_a_machine_is_refused_in_a_line(capfd, model, monkeypatch):
    _, given = model
    sets = f"--test_datasets=market1501:{PETS2009}"
    monkeypatch.setattr("qaconv_tf.evaluation.evaluator.available_memory", lambda: 250e6)
    told = refused(capfd, given, sets)
    assert "Received: 0.25 GB" in told and "--evaluation_batch_size" in told
    # A batch too large by itself; without re-ranking and with smaller batches it would do.
    monkeypatch.setattr("qaconv_tf.evaluation.evaluator.available_memory", lambda: 340e6)
    assert "extraction 0.17 GB" in refused(capfd, given, sets, "--evaluation_batch_size=208")
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 4 * 208**2 - 1))
    assert "Set TMPDIR" in refused(capfd, given, sets, "--rerank", "--tlift")
    out = evaluate(capfd, given, sets, "--evaluation_batch_size=32")
    assert "feature maps" not in re.search("temporary files.*", out)[0]


def test_maps_and_scores_in_files_give_the_same_result(capfd, tmp_path, model, monkeypatch):
    _, given = model
    arguments = given, f"--test_datasets=market1501:{PETS2009}", "--scoring=pooled,matching", f"--output_dir={tmp_path}"
    evaluate(capfd, *arguments)
    monkeypatch.setattr("qaconv_tf.evaluation.evaluator.available_memory", lambda: 300e6 + 400 * 64 * 64 * 32 + 10_000)
    out = evaluate(capfd, *arguments)
    assert "feature maps and scores among them" in out
    results = json.loads((tmp_path / "results.json").read_text())["evaluations"]
    in_memory, in_files = results[:2], results[2:]
    for one, other in zip(in_memory, in_files, strict=True):
        assert one["mAP"] == other["mAP"] and one["mINP"] == other["mINP"]


def test_bfloat16_of_the_extraction(capfd, tmp_path, model, monkeypatch):
    _, given = model
    sets = f"--test_datasets=market1501:{PETS2009}"
    arguments = given, sets, "--extraction_precision=bf16", f"--output_dir={tmp_path}"
    monkeypatch.setattr("qaconv_tf.commands.evaluate.why_no_bfloat16", lambda: "the processor has none of them")
    assert "the processor has none of them. Take fp32" in refused(capfd, *arguments)
    monkeypatch.setattr("qaconv_tf.commands.evaluate.why_no_bfloat16", lambda: None)
    assert "extraction: precision bf16\n" in evaluate(capfd, *arguments)
    (result,) = json.loads((tmp_path / "results.json").read_text())["evaluations"]
    assert result["extraction_precision"] == "bf16"
    assert result["per_second"]["extraction"] == pytest.approx(208 / result["seconds"]["extraction"])
    assert result["per_second"]["matching"] == pytest.approx(result["pairs_per_second"])


def test_lifting_is_that_of_the_probabilities(capfd, tmp_path, model):
    built, given = model
    sets = f"--test_datasets=market1501:{PETS2009}"
    evaluate(capfd, given, sets, "--tlift", "--tlift_sigma=20", "--tlift_online", f"--output_dir={tmp_path}")
    lifted = json.loads((tmp_path / "results.json").read_text())["evaluations"][1]
    query, gallery = (getattr(load_dataset("market1501", PETS2009), part) for part in ("query", "gallery"))
    maps = extract_feature_maps(built, (*query, *gallery))
    scores = score_matrix(built.matcher, maps[: len(query)], maps[len(query) :])
    probabilities = 1 / (1 + np.exp(-scores / 10))
    expected = evaluate_ranking(
        temporal_lifting(probabilities, query, gallery, sigma=20.0, online=True), query, gallery
    )
    assert lifted["mAP"] == pytest.approx(expected.mAP, abs=1e-3)
    assert lifted["mAP"] != pytest.approx(evaluate_ranking(scores, query, gallery).mAP, abs=1e-2)


def test_the_report_counts_shares_from_images_of_others(capfd, tmp_path, model):
    built, given = model
    limits = "--report_queries=3", "--report_answers=2"
    evaluate(capfd, given, f"--test_datasets=market1501:{PETS2009}", *limits, f"--output_dir={tmp_path}")
    (page,) = json.loads(re.search('id="data">(.*?)</script>', (tmp_path / "report.html").read_text()).group(1))
    query, gallery = (getattr(load_dataset("market1501", PETS2009), part) for part in ("query", "gallery"))
    maps = np.split(extract_feature_maps(built, (*query, *gallery)), [len(query)])
    places = [{record.path.split("/")[-1]: place for place, record in enumerate(part)} for part in (query, gallery)]
    names = {int(number): about[0].split("/")[-1] for number, about in page["images"].items()}
    numbers = {
        (places[0][names[one["image"]]], places[1][names[int(image)]]): number
        for one in page["queries"]
        for image, number in one["pairs"].items()
    }
    assert len(numbers) == len(page["matches"]["constants"]) > 3 * 2
    found = match_pairs(built.matcher, *maps, numbers, choose_references(query, gallery, maps[1]))
    constants = [page["matches"]["constants"][number] for number in numbers.values()]
    np.testing.assert_allclose(constants, found.constants, rtol=1e-3)


def test_pairs(capfd, tmp_path, model):
    built, given = model
    dataset = load_dataset("market1501", PETS2009)
    left, right = dataset.query[:30], [dataset.gallery[row * 5 % 100] for row in range(30)]
    # As many of one identity as of two.
    right[::2] = [next(image for image in dataset.gallery if image.identity == one.identity) for one in left[::2]]
    same = [one.identity == other.identity for one, other in zip(left, right, strict=True)]
    for image in (*left, *right):
        shutil.copy(image.path, tmp_path)
    with open(tmp_path / "pairs.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["query_path", "gallery_path", "same"])
        names = [[image.path.rsplit("/", 1)[1] for image in side] for side in (left, right)]
        writer.writerows(zip(*names, map(int, same), strict=True))
    out = evaluate(capfd, given, f"--pairs={tmp_path / 'pairs.csv'}", f"--output_dir={tmp_path / 'out'}")
    (found,) = json.loads((tmp_path / "out" / "results.json").read_text())["evaluations"]
    maps = extract_feature_maps(built, (*left, *right))
    scores = score_matrix(built.matcher, maps[:30], maps[30:]).diagonal()
    expected = evaluate_verification(scores, same)
    assert found["accuracy"] == pytest.approx(expected.accuracy)
    assert found["equal_error_rate"] == pytest.approx(expected.equal_error_rate)
    assert (found["protocol"], found["num_same"]) == ("lfw_pairs", sum(same))
    assert 0 < expected.equal_error_rate < 1
    assert "accuracy" in out and "too few" in out


def test_engine_precision_and_threads(capfd, tmp_path, model):
    _, given = model
    sets = f"--test_datasets=market1501:{PETS2009}"
    out = evaluate(capfd, given, sets, "--engine=xla", f"--output_dir={tmp_path}")
    assert "matching: engine xla, precision fp32\n" in out
    assert "XLA takes all cores" in refused(capfd, given, sets, "--engine=xla", "--threads=2")
    assert "Expected precision fp32 with engine xla" in refused(capfd, given, sets, "--engine=xla", "--precision=bf16")
    if native_engine.why_missing():
        assert "Expected a native engine" in refused(capfd, given, sets, "--precision=bf16")
        return
    (kernel, *_) = native_engine.kernels("bf16")
    out = evaluate(capfd, given, sets, "--precision=bf16", "--threads=1", f"--output_dir={tmp_path}")
    assert f"matching: engine native, kernel {kernel}, precision bf16\n" in out
    results = json.loads((tmp_path / "results.json").read_text())["evaluations"]
    made_by = [tuple(result[key] for key in ("engine", "kernel", "precision")) for result in results]
    assert made_by == [("xla", None, "fp32"), ("native", kernel, "bf16")]
    assert results[0]["mAP"] == pytest.approx(results[1]["mAP"], abs=5e-4)
    assert f"native, {kernel}" in (tmp_path / "report.html").read_text()


@pytest.fixture
def noise(tmp_path):
    """An image folder of twelve things, three images of noise each."""
    generator = np.random.default_rng(0)
    for identity in range(12):
        folder = tmp_path / "noise" / str(identity)
        folder.mkdir(parents=True)
        base = generator.integers(0, 256, (64, 32, 3))
        for number in range(3):
            pixels = (base + generator.integers(0, 256, base.shape)) // 2
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return f"--test_datasets=image_folder:{tmp_path / 'noise'}"


def test_short_lists(capfd, tmp_path, model, noise):
    _, given = model
    output = f"--output_dir={tmp_path / 'run'}"
    asked = "--shortlist_loss=0.5", "--shortlist_sample=9", "--scoring=matching,pooled"
    out = evaluate(capfd, given, noise, output, *asked)
    listed, pooled = json.loads((tmp_path / "run/results.json").read_text())["evaluations"]
    assert (listed["scoring"], pooled["processing"]) == ("matching of short lists", {})
    shortlist = listed["processing"]["shortlist"]
    assert shortlist["loss"] == 0.005 and shortlist["num_sample"] == 9 and shortlist["curve"][-1]["size"] == 24
    assert re.search(r"mAP, and its loss in points, of 9\s+queries", out)
    rows = re.findall(r"│ +(> )?(\d+) │ +[\d.]+ │ +[\d.]+ │ +[\d.]+ │ +-?[\d.]+ ± [\d.]+ │ +[\d.]+ │", out)
    assert [int(size) for _, size in rows] == [point["size"] for point in shortlist["curve"]]
    assert [int(size) for mark, size in rows if mark] == [shortlist["size"]]
    limit = "which loses 0.5 points at most on the sample"
    assert f"short list of noise: {shortlist['size']} of 24 gallery images, {limit}\n" in out
    assert "matching at most" in out and re.search("short list [0-9.]+", out) and "│ choosing " in out
    assert "matching of short lists" in (tmp_path / "run/report.html").read_text()
    out = evaluate(capfd, given, noise, "--shortlist=7")
    assert "short list of noise: 7 of 24 gallery images, as asked\n" in out


def test_short_lists_that_cannot_be(capfd, model, noise):
    _, given = model
    told = refused(capfd, given, noise, "--shortlist=7", "--shortlist_loss=0.1")
    assert "Received: --shortlist=7, --shortlist_loss=0.1. Leave one out" in told
    assert "Expected no --rerank with a short list" in refused(capfd, given, noise, "--shortlist=7", "--rerank")
    assert "Expected no --tlift with a short list" in refused(capfd, given, noise, "--shortlist_loss=1", "--tlift")
    told = refused(capfd, given, noise, "--shortlist=7", "--scoring=pooled")
    assert "Expected --scoring with matching for --shortlist. Received: --scoring=pooled" in told
    assert "Add --shortlist_loss=0.1" in refused(capfd, given, noise, "--shortlist_sample=7")


def test_what_cannot_be_done_is_one_line(capfd, tmp_path, model):
    _, given = model
    sets = f"--test_datasets=market1501:{PETS2009}"
    assert "Add --tlift" in refused(capfd, given, sets, "--tlift_tau=50")
    assert "Add --rerank" in refused(capfd, given, sets, "--rerank_k2=1")
    assert "--scoring with matching for --rerank" in refused(capfd, given, sets, "--scoring=pooled", "--rerank")
    folder = tmp_path / "folder"
    for name in ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "bob/2.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(f"{PETS2009}/query/0001_c1s1_000122_00.jpg", folder / name)
    told = refused(capfd, given, f"--test_datasets=image_folder:{folder}", "--tlift")
    assert "0 of 2 queries" in told and "+clock=exif" in told
    assert "Expected --test_datasets" in refused(capfd, given)
    assert "Expected a readable CSV file" in refused(capfd, given, f"--pairs={tmp_path / 'none.csv'}")
