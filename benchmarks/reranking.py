"""Re-ranking, distances and result in memory-mapped files: `python benchmarks/reranking.py --gallery=1600`.

With `--official=CHECKOUT --official_python=INTERPRETER` (QAConv v1.2 or later; NumPy, torch and scikit-learn), against
the official code; otherwise against a dense form in NumPy, whose time grows with the cube of the images. Each variant
runs once, in a process of its own. Time is that of the re-ranking alone, by the clock and of all cores; memory is the
process's peak, pages of the mapped files included.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

K1, K2, LAMBDA_VALUE = 20, 6, 0.3
IMAGES_PER_IDENTITY = 20


def make_inputs(options):
    """Distances of random feature vectors around a centre for each identity, through the published sigmoid."""
    random = np.random.default_rng(7)
    images = options.queries + options.gallery
    identities = random.integers(max(1, images // IMAGES_PER_IDENTITY), size=images)
    centres = random.normal(size=(identities.max() + 1, 32))
    features = (centres[identities] + 0.7 * random.normal(size=(images, 32))).astype(np.float32)
    query, gallery = features[: options.queries], features[options.queries :]
    for name, rows, columns in (
        ("query_gallery", query, gallery), ("query_query", query, query), ("gallery_gallery", gallery, gallery),
    ):  # fmt: skip
        table = open_table(options, name, (len(rows), len(columns)))
        for first in range(0, len(rows), 500):
            block = rows[first : first + 500]
            halves = [np.square(part).sum(axis=1) / 2 for part in (block, columns)]
            scores = 40 + block @ columns.T - halves[0][:, None] - halves[1]
            table[first : first + 500] = 1 / (1 + np.exp(scores / 10))


def open_table(options, name, shape=None):
    path = options.folder / f"{name}.npy"
    if shape is None:
        return np.load(path, mmap_mode="r")
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)


def tables(options):
    return [open_table(options, name) for name in ("query_gallery", "query_query", "gallery_gallery")]


def output(options):
    return open_table(options, "reranked", (options.queries, options.gallery))


def run_ours(options, mode):
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
    from qaconv_tf.evaluation.reranking import rerank

    return lambda: rerank(*tables(options), K1, K2, LAMBDA_VALUE, mode, output(options))


def run_official(options):
    sys.path.insert(0, str(options.official))
    import torch
    from reid.evaluators import reranking

    query_gallery, query_query, gallery_gallery = tables(options)
    distances = np.block([[query_query, query_gallery], [query_gallery.T, gallery_gallery]])
    return lambda: np.copyto(output(options), reranking(torch.from_numpy(distances), options.queries))


def run_dense(options):
    """Everything as arrays `(images, images)`, in single precision and without squaring."""
    query_gallery, query_query, gallery_gallery = tables(options)

    def compute():
        distances = np.block([[query_query, query_gallery], [query_gallery.T, gallery_gallery]])
        scaled = (distances / distances.max(axis=0)).T
        order = np.argsort(scaled, axis=1, kind="stable")
        near, nearer = (mutual(order[:, : k + 1]) for k in (K1, round(K1 / 2)))
        joined = near * (near @ nearer > 2 / 3 * nearer.sum(axis=1))
        weights = np.exp(-scaled) * (near + joined @ nearer > 0)
        weights /= weights.sum(axis=1, keepdims=True)
        weights = sum(weights[order[:, rank]] for rank in range(K2)) / K2
        result = output(options)
        for query in range(options.queries):
            shared = np.minimum(weights[query], weights[options.queries :]).sum(axis=1)
            result[query] = (1 - shared / (2 - shared)) * (1 - LAMBDA_VALUE)
        result += scaled[: options.queries, options.queries :] * LAMBDA_VALUE

    return compute


def mutual(lists):
    listed = np.zeros((len(lists), len(lists)), np.float32)
    np.put_along_axis(listed, lists, 1, axis=1)
    return listed * listed.T


VARIANTS = {
    "official QAConv": run_official,
    "dense NumPy": run_dense,
    'rerank, mode="qaconv"': lambda options: run_ours(options, "qaconv"),
    'rerank, mode="standard"': lambda options: run_ours(options, "standard"),
}


def measure_variant(options):
    compute = VARIANTS[options.variant](options)
    start, start_of_cores = time.perf_counter(), time.process_time()
    compute()
    seconds, of_cores = time.perf_counter() - start, time.process_time() - start_of_cores
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    mean = float(open_table(options, "reranked").mean())
    print(json.dumps({"seconds": seconds, "of_cores": of_cores, "peak_bytes": peak, "mean": mean}))


def run(options):
    import measure

    measure.print_machine()
    left_out = "dense NumPy" if options.official else "official QAConv"
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        in_child(sys.executable, folder, "inputs")
        for name in VARIANTS:
            if name != left_out:
                interpreter = options.official_python if name == "official QAConv" else sys.executable
                results[name] = json.loads(in_child(interpreter, folder, name))
    print_table(options, results)


def in_child(interpreter, folder, variant):
    """A process inherits its parent's peak memory, so the parent holds no distances."""
    command = [interpreter, *sys.argv, "--folder", folder, "--variant", variant]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if process.returncode:
        sys.exit(f"{variant} failed")
    return process.stdout.splitlines()[-1] if process.stdout else ""


def print_table(options, results):
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{options.queries} queries, {options.gallery} gallery images, k1 {K1}, k2 {K2}")
    table.add_column("variant")
    for heading in ("seconds", "time ratio", "core seconds", "ratio", "peak MB", "memory ratio", "mean result"):
        table.add_column(heading, justify="right")
    reference = next(iter(results.values()))
    for name, one in results.items():
        columns = []
        for key, shown in (("seconds", "{:.2f}"), ("of_cores", "{:.2f}"), ("peak_bytes", "{:,.0f}")):
            value = one[key] / 1e6 if key == "peak_bytes" else one[key]
            columns += [shown.format(value), f"{one[key] / reference[key]:.3f}"]
        table.add_row(name, *columns, f"{one['mean']:.6f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--gallery", type=int, default=1600)
    parser.add_argument("--official", type=pathlib.Path, help="a checkout of the official QAConv")
    parser.add_argument("--official_python", help="the interpreter that runs it")
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--variant", choices=["inputs", *VARIANTS], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant == "inputs":
        make_inputs(options)
    elif options.variant:
        measure_variant(options)
    else:
        run(options)
