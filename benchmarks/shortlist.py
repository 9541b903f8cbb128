"""Short lists of the gallery against matching all of it: `python benchmarks/shortlist.py`.

By default of Market-1501's size and with the random maps of `end_to_end.py`: 3,368 queries, 15,913 gallery images,
24 x 8 x 128, around a centre for each person. The whole gallery is matched with a sample of the queries only, from
which its time is scaled up, before and after the lists; the lists of each size are made of all queries, once. Of what
lists lose such maps say nothing, as pooling takes their noise away: RESULTS.md has that of a trained model.
"""

import argparse
import pathlib
import sys
import tempfile
import time

import end_to_end
import measure
import numpy as np
import random_records
import training_step

SIZES = 50, 100, 200, 400, 800


def run(options):
    measure.print_machine()
    with tempfile.TemporaryDirectory() as folder:
        options.folder = pathlib.Path(folder)
        end_to_end.make_maps(options)
        measure_lists(options)


def measure_lists(options):
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
    from qaconv_tf.evaluation.ranking import evaluate_ranking
    from qaconv_tf.matching import score_matrix, shortlist_scores
    from qaconv_tf.matching.score_matrix import chosen_engine

    query, gallery = random_records.make_records(options)
    maps = np.load(options.folder / "maps.npy", mmap_mode="r")
    query_maps, gallery_maps = maps[: len(query)], maps[len(query) :]
    matcher = training_step.make_matcher("shared")
    how = {"engine": options.engine, "precision": options.precision}
    sample = slice(min(options.sample, len(query)))
    score_matrix(matcher, query_maps[sample], gallery_maps[:512], **how)  # compiles
    np.max(maps)  # reads the file

    def score_sample():
        started = time.perf_counter()
        scores = score_matrix(matcher, query_maps[sample], gallery_maps, **how)
        return scores, len(query) / len(scores) * (time.perf_counter() - started)

    _, before = score_sample()
    shortlist_scores(matcher, query_maps[:1], gallery_maps[: SIZES[0] + 1], SIZES[0], **how)  # compiles
    measured = {}
    for size in SIZES:
        started = time.perf_counter()
        scores = shortlist_scores(matcher, query_maps, gallery_maps, size, **how)
        measured[size] = time.perf_counter() - started, scores[sample]
    scores, after = score_sample()
    measured[len(gallery)] = min(before, after), scores
    rows = []
    for size, (seconds, scores) in measured.items():
        mAP = evaluate_ranking(scores, query[sample], gallery).mAP
        times = f"{seconds:.1f}", f"{seconds / min(before, after):.4f}"
        rows.append((f"{size:,}", f"{100 * size / len(gallery):.2f}", *times, f"{100 * mAP:.2f}"))
    print_table(options, rows, chosen_engine(options.engine, options.precision))


def print_table(options, rows, engine):
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{options.queries} queries, {options.gallery} gallery images; engine {engine}")
    for column in ("images listed", "% of pairs", "seconds", "time ratio", "mAP of the sample"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)
    print(f"all pairs: scaled up from {options.sample} queries, the quicker of two times; time ratio: to these")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=3368)
    parser.add_argument("--gallery", type=int, default=15913)
    parser.add_argument("--sample", type=int, default=128)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    run(parser.parse_args())
