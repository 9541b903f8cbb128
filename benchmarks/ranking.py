"""CMC and average precision at Market-1501's size: `python benchmarks/ranking.py --queries=3368 --gallery=15913`.

With `--official=CHECKOUT --official_python=INTERPRETER` the official code too.
"""

import argparse

import measure
import numpy as np
import random_records
from random_records import columns


def one_query_at_a_time(options):
    """As anyone would write it first: sort, drop what is ignored, walk down."""
    scores, query, gallery = random_records.make_inputs(options)
    identities, cameras = columns(gallery, "identity", "camera")

    def compute():
        precisions, first_ranks = [], []
        for row, record in zip(scores, query, strict=True):
            order = np.argsort(-row, kind="stable")
            right = identities[order] == record.identity
            right = right[~(right & (cameras[order] == record.camera))]
            if right.any():
                ranks = 1 + np.flatnonzero(right)
                precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
                first_ranks.append(ranks[0])
        np.mean(np.array(first_ranks)[:, None] <= np.arange(1, 51), axis=0)
        return np.mean(precisions)

    return compute


def official(options):
    module = random_records.official_module(options, "evaluation_metrics.ranking")
    scores, query, gallery = random_records.make_inputs(options)
    keys = [columns(part, name)[0] for name in ("identity", "camera") for part in (query, gallery)]

    def compute():
        module.cmc(-scores, *keys, first_match_break=True)
        return module.mean_ap(-scores, *keys)

    return compute


def ours(options):
    from qaconv_tf.evaluation.ranking import evaluate_ranking

    scores, query, gallery = random_records.make_inputs(options)
    return lambda: evaluate_ranking(scores, query, gallery).mAP


VARIANTS = {
    measure.INPUTS_ALONE: random_records.inputs_alone,
    "NumPy, one query at a time": one_query_at_a_time,
    measure.OFFICIAL: official,
    "evaluate_ranking": ours,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Ranking of random scores (the result is mAP, step formula)")
    random_records.add_options(parser)
    measure.run(parser, VARIANTS, work=lambda options, _: options.queries * options.gallery, unit="pairs")
