"""Short lists of the gallery against matching all of it: `python benchmarks/shortlist.py`.

By default of Market-1501's size and with the random maps of `end_to_end.py`, but noisier: 3,368 queries, 15,913 gallery
images, 24 x 8 x 128, around a centre for each person. The whole gallery is matched with a sample of queries only, from
which its time is scaled up, and mAP and what lists lose of it are the sample's; the lists of each size are made of all
queries. How much a list loses depends on the maps: of a trained model's see RESULTS.md. Each is measured once.
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

# As in end_to_end.py; there every answer is right.
NOISE = 3.5


def run(options):
    measure.print_machine()
    with tempfile.TemporaryDirectory() as folder:
        options.folder = pathlib.Path(folder)
        end_to_end.make_maps(options, NOISE)
        measure_lists(options)


def measure_lists(options):
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
    from rich.console import Console
    from rich.table import Table

    from qaconv_tf.evaluation.shortlist_size import choose_shortlist
    from qaconv_tf.matching import shortlist_scores
    from qaconv_tf.matching.score_matrix import chosen_engine

    query, gallery = random_records.make_records(options)
    maps = np.load(options.folder / "maps.npy", mmap_mode="r")
    matcher = training_step.make_matcher("shared")
    how = {"engine": options.engine, "precision": options.precision}
    parts = maps[: len(query)], maps[len(query) :]
    asked = {"loss": options.loss / 100, "sample": options.sample}
    choice = choose_shortlist(matcher, *parts, query, gallery, **asked, **how)
    points = {point.size: point for point in choice.curve}
    whole = points[len(gallery)]
    engine = chosen_engine(options.engine, options.precision)
    table = Table(title=f"{len(query)} queries, {len(gallery)} gallery images; engine {engine}")
    for column in ("images listed", "% of pairs", "seconds", "time ratio", "mAP of the sample", "loss, points"):
        table.add_column(column, justify="right")
    shown = [point for size, point in points.items() if size <= options.longest or size == choice.size]
    for point in [*shown, whole]:
        seconds, mark = point.seconds, "all: "
        if point is not whole:
            started = time.perf_counter()
            shortlist_scores(matcher, *parts, point.size, **how)
            seconds, mark = time.perf_counter() - started, "> " if point.size == choice.size else ""
        table.add_row(
            f"{mark}{point.size:,}", f"{100 * point.share:.2f}", f"{seconds:.1f}", f"{seconds / whole.seconds:.4f}",
            f"{100 * point.mAP:.2f}", f"{100 * point.loss:.2f} ± {100 * point.error:.2f}",
        )  # fmt: skip
    Console(width=120).print(table)
    print(f">: chosen to lose {options.loss:g} points at most on the sample of {choice.num_sample} queries")
    print("time ratio: to all pairs, scaled up from the sample")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=3368)
    parser.add_argument("--gallery", type=int, default=15913)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--loss", type=float, default=0.1, help="points of mAP that may be lost")
    parser.add_argument("--longest", type=int, default=640, help="longest list that is timed, beside the chosen one")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    run(parser.parse_args())
