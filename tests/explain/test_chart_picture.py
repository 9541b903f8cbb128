from types import SimpleNamespace

import numpy as np
import pytest

from qaconv_tf.explain.chart_picture import draw_chart
from qaconv_tf.explain.charts import precision_chart

COLOURS = (31, 95, 191), (191, 87, 0)


@pytest.fixture
def chart():
    """Two curves that meet nowhere."""
    generator = np.random.default_rng(66)
    precisions = [np.sort(generator.uniform(low, low + 0.4, 100))[::-1] for low in (0.55, 0.05)]
    return precision_chart("pets", [SimpleNamespace(scoring=name) for name in ("one", "two")], precisions)


def rows_that_differ(one, other):
    return np.flatnonzero((one != other).any(axis=(1, 2)))


def test_each_curve_passes_its_points_in_its_own_colour(chart):
    picture = draw_chart(chart, ["one", "two"])
    for curve, colour in zip(chart["curves"], COLOURS, strict=True):
        for point in curve["points"].split():
            x, y = (round(2 * float(number)) for number in point.split(","))
            assert (picture[y - 3 : y + 4, x - 3 : x + 4] == colour).all(axis=2).any(), point


def test_each_curve_has_its_name_beneath(chart):
    bare = draw_chart(chart, ["", ""])
    for place in (0, 1):
        names = ["", ""]
        names[place] = "matching"
        rows = rows_that_differ(draw_chart(chart, names), bare)
        assert 528 + 36 * place <= rows.min() and rows.max() < 528 + 36 * (place + 1)
        sample = bare[528 + 36 * place : 528 + 36 * (place + 1)]
        assert (sample == COLOURS[place]).all(axis=2).any()


def test_its_axis_has_numbers_and_a_name(chart):
    whole = draw_chart(chart, ["one", "two"])
    for changes in ({"ticks": []}, {"across": ""}):
        rows = rows_that_differ(draw_chart(chart | changes, ["one", "two"]), whole)
        assert 2 * 222 < rows.min() and rows.max() < 528, changes


def test_of_equal_curves_the_first_is_seen(chart):
    first = chart["curves"][0]
    picture = draw_chart(chart | {"curves": [first, first]}, ["one", "two"])[:528]
    counts = [(picture == colour).all(axis=2).sum() for colour in COLOURS]
    assert counts[0] > 500 > 10 * counts[1]
