"""Times the variants of one computation and takes their peak memory, each in a process of its own.

Only ratios between variants of one run say something: absolute times drift with the machine. Scripts import TensorFlow
within their variants and never at the top, because a process inherits its parent's peak memory.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib import metadata

REPEATS = 5
LEAST_SECONDS, MOST_CALLS = 1.0, 100  # of quick calls more are timed
# A variant that only loads the libraries and makes the inputs: its memory is everyone's.
INPUTS_ALONE = "libraries and inputs"
# A variant that runs where --official_python and --official say; left out without them.
OFFICIAL = "official QAConv"
# The same of its libraries and inputs; without this variant its memory counts from INPUTS_ALONE.
OFFICIAL_ALONE = "libraries and inputs of the official QAConv"
_CPU_FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def run(parser, variants, work=None, unit=None, by_official_python=(OFFICIAL, OFFICIAL_ALONE)):
    """Runs each variant in a process and prints the table; in such a process, measures its one variant.

    Args:
        parser: `argparse.ArgumentParser` with the script's own options.
        variants: dict of name to function; takes the parsed options and returns a function without arguments that
            computes once and returns a number, to show that all variants compute the same. The first is
            `INPUTS_ALONE`, the second what the others are compared with.
        work: function of the options and a variant's name: units of work in one computation. Defaults to `None`: only
            seconds.
        unit: str. Of `work`.
        by_official_python: names of variants that the interpreter of `--official_python` runs; left out without it.

    Returns:
        dict of variant to its results, `"seconds"` and others; in a variant's process nothing.
    """
    parser.add_argument("--repeats", type=int, default=REPEATS, help="calls that are timed, after a first one")
    parser.add_argument("--rounds", type=int, default=1, help="of all variants in turn; of each the quickest counts")
    parser.add_argument("--variant", choices=variants, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        print(json.dumps(_measure(variants[options.variant](options), options.repeats)))
        return None
    print_machine()
    interpreters = {
        name: options.official_python if name in by_official_python else sys.executable
        for name in variants
        if name not in by_official_python or options.official
    }
    rounds = [{name: _in_child(one, name) for name, one in interpreters.items()} for _ in range(options.rounds)]
    results = {name: min((one[name] for one in rounds), key=lambda result: result["seconds"]) for name in interpreters}
    title = f"{parser.description}; median of {options.repeats} calls, or of a second's, after a first"
    if options.rounds > 1:
        title += f", in the quickest of {options.rounds} rounds"
    works = {name: work(options, name) if work else 1 for name in results}
    _print_table(title, results, works, unit, by_official_python)
    return results


def _in_child(interpreter, name):
    process = subprocess.run([interpreter, *sys.argv, "--variant", name], capture_output=True, text=True)
    if process.returncode:
        sys.exit(process.stderr)
    return json.loads(process.stdout.splitlines()[-1])


def _measure(compute, repeats):
    seconds, of_cores = [], []
    while len(seconds) <= repeats or (sum(seconds[1:]) < LEAST_SECONDS and len(seconds) <= MOST_CALLS):
        start, start_of_cores = time.perf_counter(), time.process_time()
        result = float(compute())
        seconds.append(time.perf_counter() - start)
        of_cores.append(time.process_time() - start_of_cores)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    medians = {"seconds": statistics.median(seconds[1:]), "of_cores": statistics.median(of_cores[1:])}
    return {"first": seconds[0], **medians, "peak_bytes": peak, "result": result}


def print_machine():
    """Prints what the figures were measured on."""
    print(f"{platform.platform()}, Python {platform.python_version()}")
    print(", ".join(f"{name} {metadata.version(name)}" for name in ("tensorflow", "keras", "numpy")))
    try:
        with open("/proc/cpuinfo") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        print(f"processor: {platform.processor() or platform.machine()}")
        return
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    features = [name for name in _CPU_FEATURES if name in flags]
    print(f"{os.cpu_count()} cores with {', '.join(features) or 'none of the usual features'}")


def _print_table(title, results, works, unit, by_official_python):
    # Not at the top: the official code's interpreter need not have it.
    from rich.console import Console
    from rich.table import Table

    alone = results.pop(INPUTS_ALONE)["peak_bytes"]
    official_alone = results.pop(OFFICIAL_ALONE, {"peak_bytes": alone})["peak_bytes"]
    for name, result in results.items():
        result["beyond"] = result["peak_bytes"] - (official_alone if name in by_official_python else alone)
    for name, result in results.items():
        result["rate"] = works[name] / result["seconds"]
    reference = next(iter(results.values()))
    table = Table(title=title)
    table.add_column("variant")
    headings = "first call s", "seconds", "time ratio", "core s", f"{unit}/s", "memory MB", "memory ratio", "result"
    for heading in headings:
        if unit or heading != f"{unit}/s":
            table.add_column(heading, justify="right")
    for name, result in results.items():
        # Where the work differs, for the same work.
        ratio = reference["rate"] / result["rate"]
        times = [f"{result['first']:.1f}", f"{result['seconds']:.3f}", f"{ratio:.3f}", f"{result['of_cores']:.3f}"]
        rate = [f"{result['rate']:,.0f}"] if unit else []
        table.add_row(
            name, *times, *rate, f"{result['beyond'] / 1e6:,.0f}",
            f"{result['beyond'] / reference['beyond']:.2f}", f"{result['result']:.6g}",
        )
    Console(width=130).print(table)
    of_official = f" (of the official code: {official_alone / 1e6:,.0f} MB)" if OFFICIAL in results else ""
    print(f"memory: peak resident beyond the {alone / 1e6:,.0f} MB of {INPUTS_ALONE}{of_official}")
    print("ratios: to the first row; core s: of all cores together, which other work on the machine moves less")
