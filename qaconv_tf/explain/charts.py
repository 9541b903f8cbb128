"""Curves of several scorings -> what the report's template draws as a chart: points in the units of its picture."""

import numpy as np

# The plot area within the picture of 432 x 264.
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 412.0, 12.0, 222.0


def cmc_chart(dataset, results):
    """Returns the chart of how many queries have a right answer among the first, for each result.

    Args:
        dataset: str. Its name.
        results: sequence of `EvaluationResult`.

    Returns:
        dict of what the template needs.

    Example:
        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> from qaconv_tf.explain.charts import cmc_chart
        >>> ranking = SimpleNamespace(cmc=np.array([0.5, 1.0]), rank1=0.5, rank=lambda k: 1.0)
        >>> cmc_chart("pets", [SimpleNamespace(scoring="matching", ranking=ranking)])["curves"][0]["points"]
        '46.0,117.0 412.0,12.0'
    """
    last = max(len(result.ranking.cmc) for result in results)

    def place(rank):
        return (rank - 1) / max(last - 1, 1)

    told = [
        f"{one.scoring}: rank-1 {percent(one.ranking.rank1)}, rank-{last} {percent(one.ranking.rank(last))}."
        for one in results
    ]
    curves = [_curve([place(rank) for rank in range(1, len(one.ranking.cmc) + 1)], one.ranking.cmc) for one in results]
    return {
        "title": f"CMC curve of {dataset}",
        "told": " ".join(told),
        "caption": "CMC: the share of queries with a right answer among the first answers.",
        "across": "rank",
        "ticks": [(_x(place(rank)), str(rank)) for rank in (1, 10, 20, 30, 40, 50) if rank <= last],
        "curves": curves,
    }


def precision_chart(dataset, results, precisions):
    """Returns the chart of the precision where each share of the right answers has been found, for each result.

    Args:
        dataset: str. Its name.
        results: sequence of `EvaluationResult`.
        precisions: for each result what `precision_at_recall` returns.

    Returns:
        dict of what the template needs.

    Example:
        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> from qaconv_tf.explain.charts import precision_chart
        >>> chart = precision_chart("pets", [SimpleNamespace(scoring="pooled")], [np.full(100, 0.5)])
        >>> chart["told"], chart["curves"][0]["points"][:10]
        ('pooled: precision 50.0% at a recall of one half.', '47.8,117.0')
    """
    levels = (np.arange(len(precisions[0])) + 0.5) / len(precisions[0])
    middle = len(levels) // 2
    told = [
        f"{one.scoring}: precision {percent(precision[middle])} at a recall of one half."
        for one, precision in zip(results, precisions, strict=True)
    ]
    return {
        "title": f"Precision-recall curve of {dataset}",
        "told": " ".join(told),
        "caption": "Mean precision where a share of the right answers is found. The area beneath is mAP (step).",
        "across": "recall",
        "ticks": [(_x(tenth / 10), f"{10 * tenth}%") for tenth in (0, 2, 4, 6, 8, 10)],
        "curves": [_curve(levels, precision) for precision in precisions],
    }


def percent(share):
    """Returns a share of one as text, in per cent.

    Example:
        >>> from qaconv_tf.explain.charts import percent
        >>> percent(0.7654)
        '76.5%'
    """
    return f"{100 * share:.1f}%"


def _x(share):
    return f"{_LEFT + (_RIGHT - _LEFT) * share:.1f}"


def _y(share):
    return f"{_BOTTOM - (_BOTTOM - _TOP) * share:.1f}"


def _curve(across, up):
    points = [(_x(x), _y(y)) for x, y in zip(across, up, strict=True)]
    return {"points": " ".join(f"{x},{y}" for x, y in points), "first": points[0]}
