"""Scores every query against every gallery map of 24 x 8 x 128: `python benchmarks/matching.py --queries=64`.

Every engine, precision and kernel of this processor against plain TensorFlow and against the product alone, of two
4096 x 4096 matrices: what the best library makes of this machine, and matching's limit where nothing is fused. With
`--official=CHECKOUT --official_python=INTERPRETER` (QAConv v2.1, with torch) against the official code, and torch's
product too.

`--linear` shows instead what a pair costs, and how much memory, from 10^4 pairs to 10^7.
"""

import argparse
import functools
import json
import math
import os
import resource
import subprocess
import sys
import time

import measure
import numpy as np
import training_step
from training_step import CHANNELS, HEIGHT, LOCATIONS, WIDTH

PRODUCTS_A_PAIR = LOCATIONS * LOCATIONS * CHANNELS
CUBE = 4096
KERNELS = {
    "fp32": ("amx_bf16x3", "avx512", "avx2", "portable"),
    "bf16": ("amx_bf16", "avx512_bf16", "avx512", "avx2", "portable"),
}
XLA = "score_matrix, xla fp32"
PLACES = ", places"


def _native(precision, kernel, ending=""):
    return f"native {precision}, {kernel}{ending}"


def _cube(library, precision):
    return f"product alone, {library} {precision}"


def _maps(options):
    return training_step.random_maps(0, options.queries), training_step.random_maps(1, options.gallery)


def _inputs(options):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    return training_step.make_matcher("shared"), *_maps(options)


def einsum(options, jit_compile=False):
    import tensorflow as tf
    from plain import plain_scores

    matcher, *maps = _inputs(options)
    maps = [tf.constant(one) for one in maps]
    scores = tf.function(lambda: plain_scores(matcher, *maps, training=False), jit_compile=jit_compile)
    return lambda: scores().numpy().mean()


def xla(options):
    from qaconv_tf.matching import score_matrix

    inputs = _inputs(options)
    return lambda: score_matrix(*inputs, engine="xla").mean()


def native(options, precision, kernel, with_places):
    from qaconv_tf.matching import native_engine

    matcher, query, gallery = _inputs(options)
    how = precision, options.threads, kernel
    if with_places:
        return lambda: native_engine.best_matches(matcher, query, gallery, *how).scores.mean()
    scores = np.empty((options.queries, options.gallery), np.float32)

    def compute():
        native_engine.fill_rows(scores, matcher, query, gallery, *how)
        return scores.mean()

    return compute


def _official_inputs(options):
    import torch

    training_step.use_official(options)
    torch.set_num_threads(options.threads)
    return training_step.official_matcher().eval(), *map(training_step.to_torch, _maps(options))


def official(options):
    import torch

    matcher, query, gallery = _official_inputs(options)

    def compute():
        with torch.no_grad():
            matcher.make_kernel(query)
            return matcher(gallery).mean()

    return compute


def torch_cube(options, precision):
    import torch

    torch.set_num_threads(options.threads)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    left, right = (torch.randn(CUBE, CUBE, generator=torch.manual_seed(seed)).to(dtype) for seed in (0, 1))
    return lambda: (left @ right)[0, 0]


def tensorflow_cube(options, precision):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    dtype = {"fp32": tf.float32, "bf16": tf.bfloat16}[precision]
    left, right = (tf.cast(tf.random.stateless_normal([CUBE, CUBE], [7, seed]), dtype) for seed in (0, 1))
    return lambda: tf.matmul(left, right)[0, 0].numpy()


VARIANTS = {
    measure.INPUTS_ALONE: functools.partial(training_step.nothing, make_inputs=_inputs),
    measure.OFFICIAL_ALONE: functools.partial(training_step.nothing, make_inputs=_official_inputs),
    measure.OFFICIAL: official,
    "einsum and reduce_max": einsum,
    "einsum and reduce_max, XLA": functools.partial(einsum, jit_compile=True),
    XLA: xla,
    **{
        _native(precision, kernel, ending): functools.partial(
            native, precision=precision, kernel=kernel, with_places=bool(ending)
        )
        for ending in ("", PLACES)
        for precision, kernels in KERNELS.items()
        for kernel in kernels
    },
    **{
        _cube(library, precision): functools.partial(multiply, precision=precision)
        for library, multiply in (("TensorFlow", tensorflow_cube), ("torch", torch_cube))
        for precision in KERNELS
    },
}


def work(options, name):
    """Pairs; of a product the pairs that have as many multiplications."""
    return CUBE**3 / PRODUCTS_A_PAIR if name.startswith("product") else options.queries * options.gallery


def kernels_here():
    """Kernels of this processor by precision; in a process of its own, for the memory of those that follow."""
    code = "import json; from qaconv_tf.matching import native_engine as engine; missing = engine.why_missing();"
    code += "print(json.dumps({p: [] if missing else engine.kernels(p) for p in engine.PRECISIONS}))"
    return json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


def variants_here():
    """What this processor runs; places by the best kernel of a precision only."""
    here = kernels_here()
    names = {_native(precision, kernel) for precision, kernels in here.items() for kernel in kernels}
    names |= {_native(precision, kernel, PLACES) for precision, kernels in here.items() for kernel in kernels[:1]}
    print("native kernels: " + ("; ".join(f"{name} {', '.join(found)}" for name, found in here.items()) or "none"))
    return {name: variant for name, variant in VARIANTS.items() if not name.startswith("native") or name in names}, here


def print_ratios(results, here):
    """Rates of the best kernels, against what they are measured by."""
    rates = {name: result["rate"] for name, result in results.items() if "rate" in result}

    def show(name, reference):
        if name in rates and reference in rates:
            print(f"{rates[name] / rates[reference]:7.2f} = {name} / {reference}")

    print("ratios of pairs/s")
    show(XLA, measure.OFFICIAL)
    for precision, kernels in here.items():
        for kernel in kernels[:1]:
            name = _native(precision, kernel)
            show(name, measure.OFFICIAL)
            for library in ("torch", "TensorFlow"):
                show(name, _cube(library, precision))
            show(_native(precision, kernel, PLACES), name)


def print_linear(options):
    """What a pair costs at each size: the least of some rounds, each size in a process of its own."""
    measure.print_machine()
    print(f"native engine, {options.threads} threads; core seconds, which other work on the machine moves less, and")
    print("those of a pair relative to the largest table's; memory beyond libraries, inputs and result")
    sizes = [math.isqrt(10**exponent) for exponent in (4, 5, 6, 7)]
    for precision, (kernel, *_) in kernels_here().items():
        found = [[_in_child(size, precision) for size in sizes] for _ in range(options.rounds)]
        rows = [min(rounds, key=lambda one: one["of_cores"]) for rounds in zip(*found, strict=True)]
        costs = [row["of_cores"] / row["pairs"] for row in rows]
        for row, cost in zip(rows, costs, strict=True):
            print(
                f"{precision} {kernel}: {row['pairs']:>10,} pairs, {row['seconds']:8.3f} s, "
                f"{row['pairs'] / row['seconds']:8,.0f} pairs/s, core seconds {row['of_cores']:8.3f}, "
                f"{cost / costs[-1]:.3f}, {row['beyond'] / 1e6:4.0f} MB"
            )


def _in_child(size, precision):
    command = [sys.executable, *sys.argv, f"--size={size}", f"--precision={precision}"]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode:
        sys.exit(process.stderr)
    return json.loads(process.stdout.splitlines()[-1])


def measure_size(options):
    """Prints seconds, and memory beyond inputs and result, of a square table of scores."""
    from qaconv_tf.matching import score_matrix

    matcher = training_step.make_matcher("shared")
    query, gallery = (_filled_in_place(seed, options.size) for seed in range(2))
    how = {"engine": "native", "precision": options.precision, "threads": options.threads}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    times = []
    # Small tables more often.
    for _ in range(max(1, 1000 // options.size)):
        start, start_of_cores = time.perf_counter(), time.process_time()
        scores = score_matrix(matcher, query, gallery, **how)
        times.append((time.perf_counter() - start, time.process_time() - start_of_cores))
    seconds, of_cores = map(min, zip(*times, strict=True))
    beyond = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before - scores.nbytes
    print(json.dumps({"pairs": scores.size, "seconds": seconds, "of_cores": of_cores, "beyond": beyond}))


def _filled_in_place(seed, number):
    """As `training_step.random_maps`, without the copy that would hide what the matching needs."""
    maps = np.empty((number, HEIGHT, WIDTH, CHANNELS), np.float32)
    for first, some in training_step.map_blocks(seed, number):
        maps[first : first + len(some)] = some
    return maps


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=f"Scores of all pairs of maps of {HEIGHT} x {WIDTH} x {CHANNELS}")
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--gallery", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of every variant")
    parser.add_argument("--official", help="a checkout of the official QAConv v2.1")
    parser.add_argument("--official_python", help="the interpreter that runs it, with torch")
    parser.add_argument("--official_threads", type=int, default=os.cpu_count(), help=argparse.SUPPRESS)
    parser.add_argument("--linear", action="store_true", help="cost of a pair and memory at growing sizes")
    if "--linear" in sys.argv:  # else measure.run adds it
        parser.add_argument("--rounds", type=int, default=1, help="of all sizes in turn; of each the quickest counts")
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--precision", help=argparse.SUPPRESS)
    known, _ = parser.parse_known_args()
    if known.size:
        measure_size(known)
    elif known.linear:
        print_linear(known)
    else:
        in_child = any(argument.startswith("--variant") for argument in sys.argv)
        variants, here = (VARIANTS, None) if in_child else variants_here()
        with_torch = (measure.OFFICIAL_ALONE, measure.OFFICIAL, *(_cube("torch", precision) for precision in KERNELS))
        results = measure.run(parser, variants, work, "pairs", with_torch)
        if results:
            print_ratios(results, here)
