"""Size and building time of a report: `python benchmarks/report.py --queries=200 --gallery=2000`.

Of pictures of Market-1501's size, cut at random from the real pedestrians of tests/data, feature maps at 24 x 8 x 128,
and four scorings, two of them lifted. Scoring is not counted: the scores are made up.
"""

import argparse
import pathlib
import tempfile
import time

import measure
import numpy as np
from PIL import Image

HEIGHT, WIDTH, CHANNELS = 24, 8, 128
PETS2009 = pathlib.Path(__file__).parents[1] / "tests" / "data" / "pets2009"
LIFTING = {"tau": 100.0, "sigma": 200.0, "top_k": 10, "alpha": 0.2, "pivot": "set", "online": False}


def make_records(folder, number, generator):
    from qaconv_tf.datasets.records import ImageRecord

    pictures = [Image.open(path).convert("RGB").resize((80, 160)) for path in sorted(PETS2009.glob("*/*.jpg"))]
    records = []
    for place in range(number):
        left, top = generator.integers(0, 16), generator.integers(0, 32)
        picture = pictures[generator.integers(len(pictures))].crop((left, top, left + 64, top + 128))
        noisy = np.asarray(picture, np.int16) + generator.integers(-6, 7, (128, 64, 3))
        path = f"{folder}/{place:05}.jpg"
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        camera, seconds = generator.integers(6), generator.uniform(0, 10_000)
        records.append(ImageRecord(path, int(generator.integers(1, 150)), int(camera), round(float(seconds), 2)))
    return records


def make_results(query, gallery, generator):
    from qaconv_tf.evaluation.evaluator import EvaluationResult
    from qaconv_tf.evaluation.ranking import evaluate_ranking
    from qaconv_tf.evaluation.temporal_lifting import temporal_lifting

    same = np.array([[one.identity == other.identity for other in gallery] for one in query])
    seconds = {"extraction": 1.0, "matching": 1.0, "ranking": 1.0}
    results = []
    for scoring, processing in (("matching", {}), ("matching + re-ranking", {"reranking": {}})):
        scores = generator.normal(-30, 10, same.shape).astype(np.float32) + 20 * same
        scores = 1 / (1 + np.exp(-scores / 10)) if processing else scores
        probabilities = scores if processing else 1 / (1 + np.exp(-scores / 10))
        lifted = temporal_lifting(probabilities, query, gallery, **LIFTING)
        options = processing | {"temperature": 10.0, "temporal_lifting": LIFTING}
        for name, found, made in (
            (scoring, scores, processing), (f"{scoring} + temporal lifting", lifted, options)
        ):  # fmt: skip
            ranking = evaluate_ranking(found, query, gallery)
            results.append(EvaluationResult("random", name, "auto", "fp32", ranking, found, seconds, made))
    return results


def main():
    parser = argparse.ArgumentParser(description="Report")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--gallery", type=int, default=2000)
    parser.add_argument("--output", help="where to leave the report, to look at it")
    options = parser.parse_args()
    measure.print_machine()
    import qaconv_tf as qt
    from qaconv_tf.explain.matches import match_pairs
    from qaconv_tf.explain.references import choose_references
    from qaconv_tf.explain.report import ReportSection, write_report
    from qaconv_tf.explain.shown import ReportLimits, pairs_of, shown_queries

    generator = np.random.default_rng(8)
    with tempfile.TemporaryDirectory() as folder:
        records = make_records(folder, options.queries + options.gallery, generator)
        query, gallery = records[: options.queries], records[options.queries :]
        maps = generator.standard_normal((len(records), HEIGHT, WIDTH, CHANNELS), np.float32)
        maps /= np.linalg.norm(maps, axis=-1, keepdims=True)
        matcher = qt.QAConv()
        matcher(maps[:1], maps[1:2])
        results = make_results(query, gallery, generator)
        started = time.perf_counter()
        shown = shown_queries(results, query, gallery, ReportLimits(), HEIGHT * WIDTH)
        query_maps, gallery_maps = maps[: len(query)], maps[len(query) :]
        references = choose_references(query, gallery, gallery_maps)
        matches = match_pairs(matcher, query_maps, gallery_maps, pairs_of(shown), references)
        matched = time.perf_counter()
        path = pathlib.Path(options.output or f"{folder}/report.html")
        write_report(path, "Random", [ReportSection(result, query, gallery, matches) for result in results])
        written = time.perf_counter()
        print(
            f"{len(query)} queries x {len(gallery)} gallery images, {len(results)} scorings: {len(matches.pairs)} pairs"
        )
        print(f"correspondences {matched - started:.1f} s, the rest {written - matched:.1f} s")
        print(f"{path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
