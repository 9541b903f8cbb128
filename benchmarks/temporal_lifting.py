"""Temporal lifting at Market-1501's size: `python benchmarks/temporal_lifting.py --queries=3368 --gallery=15913`.

With `--official=CHECKOUT --official_python=INTERPRETER` the official code too; its memory includes torch's.
"""

import argparse
import functools

import measure
import numpy as np
import random_records
from random_records import columns

TAU, SIGMA, TOP_K, ALPHA = 100.0, 200.0, 10, 0.2


def one_query_at_a_time(options):
    """As anyone would write it first: for each query and camera, sort all probabilities of the companions."""
    probabilities, query, gallery = random_records.make_inputs(options)
    query_cameras, query_times = columns(query, "camera", "timestamp")
    gallery_cameras, gallery_times = columns(gallery, "camera", "timestamp")

    def compute():
        weights = np.zeros_like(probabilities)
        for row, (camera, time) in enumerate(zip(query_cameras, query_times, strict=True)):
            companions = (query_cameras == camera) & (np.abs(query_times - time) < TAU)
            for other in np.unique(gallery_cameras):
                places = np.flatnonzero(gallery_cameras == other)
                values = probabilities[np.ix_(companions, places)]
                pivots = places[np.nonzero(values >= np.sort(values, axis=None)[-TOP_K])[1]]
                differences = gallery_times[places] - gallery_times[pivots, None]
                weights[row, places] = np.exp(-((differences / SIGMA) ** 2)).mean(axis=0)
        return ((weights + ALPHA) * probabilities).mean(dtype=np.float64)

    return compute


def official(options):
    module = random_records.official_module(options, "tlift")
    probabilities, query, gallery = random_records.make_inputs(options)
    clocks = [*columns(gallery, "camera", "timestamp"), *columns(query, "camera", "timestamp")]
    return lambda: module.TLift(probabilities, *clocks, random_records.CAMERAS).mean(dtype=np.float64)


def ours(options, **how):
    from qaconv_tf.evaluation.temporal_lifting import temporal_lifting

    probabilities, query, gallery = random_records.make_inputs(options)
    options = TAU, SIGMA, TOP_K, ALPHA
    return lambda: temporal_lifting(probabilities, query, gallery, *options, **how).mean(dtype=np.float64)


VARIANTS = {
    measure.INPUTS_ALONE: random_records.inputs_alone,
    "NumPy, one query at a time": one_query_at_a_time,
    measure.OFFICIAL: official,
    'temporal_lifting, pivot="multiset"': functools.partial(ours, pivot="multiset"),
    'temporal_lifting, pivot="set"': ours,
    "temporal_lifting, online": functools.partial(ours, online=True),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Temporal lifting of random scores, 6 cameras")
    random_records.add_options(parser)
    measure.run(parser, VARIANTS, work=lambda options, _: options.queries * options.gallery, unit="pairs")
