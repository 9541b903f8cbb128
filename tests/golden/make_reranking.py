"""Makes `reranking.npz`: what the two re-ranking functions of the official QAConv compute.

    python -m tests.golden.make_reranking CHECKOUT...

Run from the root with checkouts of the official QAConv at its tags v1.0-eccv (first), v1.1, v1.2, v2.0 and v2.1, in an
environment of its own with numpy 2.4.6, scikit-learn 1.9.1 and torch 2.13.0 (CPU); no test needs them. Inputs and seeds
are those of `reranking_cases.py`. Mode "qaconv" is `reranking` of `reid/evaluators.py`: all tags must compute the
same, or nothing is written (the repository's last commit, a3db278, which has no tag, has the same function). Mode
"standard" is `re_ranking` of `reid/rerank.py`, which only v1.0-eccv has, and which takes no fourth table. While they
run, the official modules are changed:

- scikit-learn has moved a name that 1.0 and 1.1 import.
- In the case "ties" alone, `argsort` is stable: the order of equal distances would otherwise be the processor's.
- For "qaconv in single precision", `float16` is `float32`.
"""

import contextlib
import functools
import pathlib
import sys
import types

import numpy as np
import sklearn.metrics._base
import torch

from tests.golden import official, reranking_cases


class PatchedNumPy(types.SimpleNamespace):
    """NumPy with some names exchanged."""

    def __getattr__(self, name):
        return getattr(np, name)


def qaconv(evaluators, tables, arguments):
    query_gallery = tables["query_gallery"]
    # An image's own distances are those in its column.
    of_gallery = tables["gallery_query"].T if "gallery_query" in tables else query_gallery
    whole = np.block([[tables["query_query"], of_gallery], [query_gallery.T, tables["gallery_gallery"]]])
    renamed = {name.replace("lambda", "lamda"): value for name, value in arguments.items()}
    return evaluators.reranking(torch.from_numpy(whole), len(query_gallery), **renamed)


def computed(tag):
    """Name of case and mode -> result at this tag."""
    from reid import evaluators

    results = {}
    for name, (seed, arguments, special) in reranking_cases.CASES.items():
        tables = reranking_cases.distances(seed, **special)
        changes = {"argsort": functools.partial(np.argsort, kind="stable")} if name == "ties" else {}
        evaluators.np = PatchedNumPy(**changes)
        results[f"{name}/qaconv"] = qaconv(evaluators, tables, arguments)
        evaluators.np = PatchedNumPy(**changes, float16=np.float32)
        results[f"{name}/qaconv in single precision"] = qaconv(evaluators, tables, arguments)
        if tag == "v1.0-eccv" and "gallery_query" not in tables:
            from reid import rerank

            rerank.np = PatchedNumPy(**changes)
            results[f"{name}/standard"] = rerank.re_ranking(*tables.values(), **arguments)
    return results


def main(*checkouts):
    sys.modules["sklearn.metrics.base"] = sklearn.metrics._base
    results, tags = {}, []
    for checkout in checkouts:
        for name in [name for name in sys.modules if name.startswith("reid.")]:
            del sys.modules[name]
        tags.append(official.use(checkout))
        with contextlib.redirect_stdout(sys.stderr):
            of_tag = computed(tags[-1])
        for name, result in of_tag.items():
            if not np.array_equal(results.setdefault(name, result), result):
                raise ValueError(f"{tags[-1]} computes something else than {tags[0]}: {name}")
    np.savez_compressed(pathlib.Path(__file__).with_name("reranking.npz"), tags=np.array(tags), **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
