"""A whole evaluation from stored feature maps, stage by stage: `python benchmarks/end_to_end.py`.

By default of Market-1501's size, 3,368 queries and 15,913 gallery images: random maps of 24 x 8 x 128 around a centre
for each person, float32, in a memory-mapped file (1.9 GB); random times and cameras. They take the place of the
extraction (`benchmarks/extraction.py`); all else is what `evaluate.py --rerank --tlift` does, by the same `Evaluator`.
Each stage runs once. Memory is the peak of the process, TensorFlow and the pages of mapped files included. The
official code is compared with in `matching`, `ranking`, `reranking` and `temporal_lifting`: here it would take hours.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import measure
import numpy as np
import random_records
import training_step
from training_step import CHANNELS, HEIGHT, WIDTH

# Beside a centre of length 1 at each location.
NOISE = 2.0


def make_maps(options):
    """Writes the maps of all images, queries first."""
    query, gallery = random_records.make_records(options)
    identities = [record.identity for record in (*query, *gallery)]
    centres = training_step.random_maps(0, random_records.IDENTITIES)
    shape = len(identities), HEIGHT, WIDTH, CHANNELS
    maps = np.lib.format.open_memmap(options.folder / "maps.npy", mode="w+", dtype=np.float32, shape=shape)
    for first, noise in training_step.map_blocks(1, len(identities)):
        some = centres[identities[first : first + len(noise)]] + NOISE * noise
        maps[first : first + len(noise)] = some / np.linalg.norm(some, axis=-1, keepdims=True)


def evaluate(options):
    """Prints results, and the peak of the memory at the end of each stage."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
    from qaconv_tf.datasets.records import ReidDataset
    from qaconv_tf.evaluation.evaluator import Evaluator
    from qaconv_tf.matching import native_engine, score_matrix

    if options.precision is None:
        quick = not native_engine.why_missing() and native_engine.kernels("bf16")[0].endswith("_bf16")
        options.precision = "bf16" if quick else "fp32"
    query, gallery = random_records.make_records(options)
    how = {"engine": options.engine, "precision": options.precision, "threads": options.threads}
    evaluator = Evaluator(ReidDataset("random maps", train=(), query=query, gallery=gallery), **how)
    maps = np.load(options.folder / "maps.npy", mmap_mode="r")
    matcher = training_step.make_matcher("shared")
    sample = maps[:64]
    # Calibrated, so to speak: else all probabilities would be one half.
    matcher.temperature.assign(score_matrix(matcher, sample, sample).std())
    peaks = {"start": peak_bytes()}

    def note_peak(stage, done, total):
        # What came before a stage has no progress of its own.
        peaks.setdefault(f"before {stage}", peak_bytes())
        peaks[stage] = peak_bytes()

    started = time.perf_counter()
    results = evaluator.evaluate_maps(matcher, maps, ("matching",), note_peak, {}, {})
    peaks["end"] = peak_bytes()
    rows = [one.to_results() | {"amounts": dict(one.amounts)} for one in results]
    seconds = time.perf_counter() - started
    print(json.dumps({"engine": str(evaluator.engine), "results": rows, "peaks": peaks, "seconds": seconds}))


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_child(folder, stage):
    command = [sys.executable, *sys.argv, "--folder", folder, "--stage", stage]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=quiet)
    if process.returncode:
        sys.exit(f"{stage} failed")
    return process.stdout


def print_table(options, measured):
    from rich.console import Console
    from rich.table import Table

    peaks = measured["peaks"]
    matching, lifted, reranked, lifted_again = measured["results"]
    rows = [
        ("scores", matching, "matching", "matching"),
        ("CMC and mAP", matching, "ranking", "before temporal lifting"),
        ("TLift", lifted, "temporal_lifting", "temporal lifting"),
        ("scores among queries, among gallery", reranked, "more_matching", "matching the gallery"),
        ("re-ranking", reranked, "reranking", "re-ranking"),
        ("TLift of the re-ranked", lifted_again, "temporal_lifting", "temporal lifting of the re-ranked"),
    ]
    table = Table(title=f"{options.queries} queries, {options.gallery} gallery images; engine {measured['engine']}")
    for column in ("stage", "seconds", "pairs", "pairs/s", "peak so far, MB"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for name, result, stage, peak in rows:
        seconds, pairs = result["seconds"][stage], result["amounts"][stage]
        table.add_row(name, f"{seconds:.1f}", f"{pairs:,}", f"{pairs / seconds:,.0f}", f"{peaks[peak] / 1e6:,.0f}")
    table.add_row("all", f"{measured['seconds']:.1f}", "", "", f"{peaks['end'] / 1e6:,.0f}")
    Console(width=120).print(table)
    print(f"at the start, with TensorFlow and a sample of the maps: {peaks['start'] / 1e6:,.0f} MB")
    for result in measured["results"]:
        print(f"{result['scoring']}: rank-1 {100 * result['rank1']:.2f}, mAP {100 * result['mAP']:.2f}")


def run(options):
    measure.print_machine()
    with tempfile.TemporaryDirectory() as folder:
        in_child(folder, "maps")
        print_table(options, json.loads(in_child(folder, "evaluate").splitlines()[-1]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=3368)
    parser.add_argument("--gallery", type=int, default=15913)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", choices=["fp32", "bf16"], help="by default bf16 where the processor has it")
    parser.add_argument("--threads", type=int, help="by default one a core")
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--stage", choices=["maps", "evaluate"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        {"maps": make_maps, "evaluate": evaluate}[options.stage](options)
    else:
        run(options)
