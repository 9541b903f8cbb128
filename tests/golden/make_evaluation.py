"""Makes `evaluation_TAG.json`: temporal lifting, CMC and average precision of the official code.

    python -m tests.golden.make_evaluation CHECKOUT

Run from the root, for a checkout of the official QAConv at each of its tags v1.0-eccv, v1.1, v1.2, v2.0 and v2.1, in an
environment of its own with numpy, scikit-learn 1.9.1 and torch 2.13.0 (CPU); no test needs them. Inputs are those of
`evaluation_cases.py`, seed 7. Three changes are made to the official modules while they run:

- scikit-learn has moved a name that 1.0 and 1.1 import.
- `argsort` is stable, as the order of equal scores, and with it CMC, would otherwise be chance. Average precision does
  not depend on it: scikit-learn merges equal scores.
- For `"set"`, the `where` that finds the pivots returns each gallery image once.
"""

import functools
import json
import math
import pathlib
import sys
import types

import numpy as np
import sklearn
import sklearn.metrics._base

from tests.golden import evaluation_cases, official

SINGLE_SHOT_RUNS = 200


class PatchedNumPy(types.SimpleNamespace):
    """NumPy with some functions exchanged."""

    def __getattr__(self, name):
        return getattr(np, name)


def distinct_where(condition):
    """As `np.where`, but of a table the distinct columns."""
    found = np.where(condition)
    return (found[0], np.unique(found[1])) if len(found) == 2 else found


def lift(module, pivot, scores, query, gallery, options):
    module.np = PatchedNumPy(where=distinct_where) if pivot == "set" else np
    cameras = [np.array([record.camera for record in part]) for part in (gallery, query)]
    times = [np.array([record.timestamp for record in part]) for part in (gallery, query)]
    names = {"tau": "tau", "sigma": "sigma", "top_k": "K", "alpha": "alpha"}
    options = {names[name]: value for name, value in options.items()}
    return module.TLift(scores, cameras[0], times[0], cameras[1], times[1], int(cameras[0].max()) + 1, **options)


def described(values):
    sample = [float(f"{value:.9g}") for value in evaluation_cases.sample(values)]
    return {"deviation": float(values.std()), "sample": sample}


def columns(query, gallery):
    parts = [(name, part) for name in ("identity", "camera") for part in (query, gallery)]
    return [np.array([getattr(record, name) for record in part]) for name, part in parts]


def average_precisions(module, scores, query, gallery):
    """The official mean of each query alone; None for one without an answer."""
    values = []
    for row, record in enumerate(query):
        try:
            values.append(float(module.mean_ap(-scores[row : row + 1], *columns([record], gallery))))
        except RuntimeError:
            values.append(None)
    return values


def ranked(module, scores, query, gallery):
    curve = module.cmc(-scores, *columns(query, gallery), topk=50, first_match_break=True)
    mean = float(module.mean_ap(-scores, *columns(query, gallery)))
    return {"average_precision": average_precisions(module, scores, query, gallery), "mAP": mean, "cmc": curve.tolist()}


def single_shot(module, scores, query, gallery, runs):
    """Mean of the official curve, each already a mean of ten drawings, and the standard error of this mean."""
    np.random.seed(evaluation_cases.SEED)
    run = functools.partial(module.cmc, -scores, *columns(query, gallery), topk=50, single_gallery_shot=True)
    curves = np.array([run() for _ in range(runs)])
    return {"cmc": curves.mean(axis=0).tolist(), "standard_error": (curves.std(axis=0) / math.sqrt(runs)).tolist()}


def main(checkout):
    sys.modules["sklearn.metrics.base"] = sklearn.metrics._base
    tag = official.use(checkout)
    from reid import tlift
    from reid.evaluation_metrics import ranking

    ranking.np = PatchedNumPy(argsort=functools.partial(np.argsort, kind="stable"))
    cases = evaluation_cases.lifting_cases().items()
    lifted = {
        pivot: {name: described(lift(tlift, pivot, *case)) for name, case in cases} for pivot in ("multiset", "set")
    }
    measured = {name: ranked(ranking, *case) for name, case in evaluation_cases.ranking_cases().items()}
    goldens = {
        "made_with": {"tag": tag, "seed": evaluation_cases.SEED, "scikit-learn": sklearn.__version__},
        "temporal_lifting": lifted,
        "ranking": measured,
        "single_shot": {
            "one image an identity": single_shot(ranking, *evaluation_cases.one_image_an_identity(), runs=1),
            "no ties": single_shot(ranking, *evaluation_cases.ranking_cases()["no ties"], runs=SINGLE_SHOT_RUNS),
        },
    }
    path = pathlib.Path(__file__).parent / f"evaluation_{tag}.json"
    path.write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
