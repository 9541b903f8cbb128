"""How far a measured rate can be trusted: intervals by bootstrap, and a paired test of two runs, over identities.

Queries of one identity are no independent witnesses, so identities are drawn and not queries.
"""

import dataclasses

import numpy as np

_DRAWS_AT_ONCE = 500


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """What a paired test found of two runs' means over the same queries.

    Args:
        first: float. Mean of the first run.
        second: float. Mean of the second.
        low: float. Lower end of the interval of `first - second`.
        high: float. Upper end.
        p_value: float. How often a difference as great would come by chance, were the runs alike.

    Example:
        >>> from qaconv_tf.evaluation.intervals import PairedDifference
        >>> PairedDifference(0.75, 0.5, low=0.125, high=0.375, p_value=0.01).difference
        0.25
    """

    first: float
    second: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self):
        """`first - second`."""
        return self.first - self.second


def per_query(ranking):
    """Returns what a `RankingResult` says of each query, by the name of its mean.

    Args:
        ranking: `RankingResult`.

    Returns:
        dict of str to float array `(num_query,)`: `rank1`, `rank5`, `rank10` (0 or 1; under a protocol of several
        drawings the share of these), `mAP`, `mAP_trapezoid`, `mINP`; NaN for a skipped query.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.intervals import per_query
        >>> from qaconv_tf.evaluation.ranking import RankingResult
        >>> half = np.array([0.5, np.nan])
        >>> result = RankingResult(half, half, half, np.array([2.0, np.nan]), num_gallery=9, protocol="market1501")
        >>> per_query(result)["rank5"].tolist()
        [1.0, nan]
    """
    ranks = np.atleast_2d(ranking.first_relevant_rank)
    values = {}
    for k in (1, 5, 10):
        within = np.where(np.isnan(ranks), np.nan, ranks <= min(k, ranking.num_gallery))
        values[f"rank{k}"] = within.mean(axis=0)
    return values | {
        "mAP": ranking.average_precision,
        "mAP_trapezoid": ranking.average_precision_trapezoid,
        "mINP": ranking.inverse_negative_penalty,
    }


def bootstrap_intervals(values, identities, level=0.95, draws=2000, seed=0):
    """Returns confidence intervals of means over queries, by drawing identities with replacement.

    Args:
        values: mapping of str to float array `(num_query,)`, as `per_query` returns; NaN is left out.
        identities: sequence `(num_query,)`. Whom each query shows.
        level: float in 0..1. Defaults to `0.95`.
        draws: int. Defaults to `2000`.
        seed: int. Defaults to `0`.

    Returns:
        dict of str to `(low, high)`.

    Raises:
        ValueError: if a length differs, or there is nothing but NaN.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.intervals import bootstrap_intervals
        >>> rng = np.random.default_rng(0)
        >>> values = rng.uniform(size=400)
        >>> low, high = bootstrap_intervals({"mAP": values}, np.repeat(np.arange(200), 2))["mAP"]
        >>> bool(low < values.mean() < high), round(high - low, 1)
        (True, 0.1)

    Reference:
        [Field and Welsh, 2007](https://doi.org/10.1111/j.1467-9868.2007.00593.x): the cluster bootstrap, with
        percentile intervals.
    """
    return {
        name: _interval(*_sums(array, identities), level, draws, np.random.default_rng(seed))
        for name, array in values.items()
    }


def paired_difference(first, second, identities, level=0.95, draws=10000, seed=0):
    """Tests whether two runs differ on the same queries.

    The interval is of `bootstrap_intervals`. The p-value is that of a permutation test: were the runs alike, an
    identity's difference could as well have the other sign.

    Args:
        first: float array `(num_query,)`, one value a query; NaN is left out.
        second: the same of the other run, on the same queries.
        identities: sequence `(num_query,)`.
        level: float in 0..1, of the interval. Defaults to `0.95`.
        draws: int. Defaults to `10000`.
        seed: int. Defaults to `0`.

    Returns:
        A `PairedDifference`.

    Raises:
        ValueError: if a length differs, or there is nothing but NaN.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.intervals import paired_difference
        >>> rng = np.random.default_rng(0)
        >>> worse = rng.uniform(size=100)
        >>> found = paired_difference(worse + 0.1 + 0.02 * rng.normal(size=100), worse, np.arange(100))
        >>> round(found.difference, 1), found.low > 0, found.p_value < 0.001
        (0.1, True, True)
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape:
        raise ValueError(f"Expected values of the same queries. Received: {first.shape} and {second.shape}")
    differences = first - second
    sums, counts = _sums(differences, identities)
    rng = np.random.default_rng(seed)
    low, high = _interval(sums, counts, level, draws, rng)
    as_great = 0
    for number in _blocks(draws):
        signs = rng.integers(0, 2, (number, len(sums))) * 2 - 1
        # By a hair less, so that the same sum in another order of summation counts as the same.
        as_great += int(np.sum(np.abs(signs @ sums) >= abs(sums.sum()) * (1 - 1e-12)))
    counted = ~np.isnan(differences)
    means = float(first[counted].mean()), float(second[counted].mean())
    return PairedDifference(*means, low, high, (1 + as_great) / (1 + draws))


def _sums(values, identities):
    """Sum and number of each identity's values, those that are NaN left out."""
    values, identities = np.asarray(values, float), np.asarray(identities)
    if len(values) != len(identities):
        raise ValueError(f"Expected an identity for each value. Received: {len(identities)} for {len(values)}")
    counted = ~np.isnan(values)
    if not counted.any():
        raise ValueError("Expected a query with a right answer. Received: none")
    _, groups = np.unique(identities[counted], return_inverse=True)
    return np.bincount(groups, values[counted]), np.bincount(groups).astype(float)


def _interval(sums, counts, level, draws, rng):
    means = []
    for number in _blocks(draws):
        times = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=number)
        means.append((times @ sums) / (times @ counts))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _blocks(number):
    """Splits a number of draws, so that memory does not grow with it."""
    return [min(_DRAWS_AT_ONCE, number - first) for first in range(0, number, _DRAWS_AT_ONCE)]
