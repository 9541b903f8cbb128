"""A chart of the report -> a picture of it, for TensorBoard, which takes no vector graphics."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from qaconv_tf.explain.drawing import INK, PAPER, QUIET

_WIDTH, _HEIGHT, _SCALE = 432, 264, 2
_GRID = (220, 224, 230)
_COLOURS = ((31, 95, 191), (191, 87, 0), (0, 122, 90), (138, 60, 160), (180, 30, 80))


def draw_chart(chart, names):
    """Draws a chart of `charts`, with the names of its curves.

    Args:
        chart: dict that `cmc_chart` or `precision_chart` returns.
        names: sequence of str, one a curve.

    Returns:
        uint8 array `(528 + 36 for each curve, 864, 3)`.

    Example:
        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> from qaconv_tf.explain.charts import precision_chart
        >>> from qaconv_tf.explain.chart_picture import draw_chart
        >>> chart = precision_chart("pets", [SimpleNamespace(scoring="pooled")], [np.full(100, 0.5)])
        >>> draw_chart(chart, ["pooled"]).shape
        (564, 864, 3)
    """
    page = Image.new("RGB", (_SCALE * _WIDTH, _SCALE * (_HEIGHT + 18 * len(names))), PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(12 * _SCALE)
    for tenth in range(0, 11, 2):
        height = 222 - 21 * tenth  # as the report's template draws them
        draw.line(_scaled([(46, height), (412, height)]), fill=_GRID, width=_SCALE)
        draw.text(*_scaled([(40, height)]), f"{10 * tenth}%", fill=QUIET, font=font, anchor="rm")
    for x, text in chart["ticks"]:
        draw.text(*_scaled([(x, 236)]), text, fill=QUIET, font=font, anchor="mm")
    draw.text(*_scaled([(229, 254)]), chart["across"], fill=QUIET, font=font, anchor="mm")
    curves = list(enumerate(zip(chart["curves"], names, strict=True)))
    for number, (curve, name) in reversed(curves):  # the first lies on top
        colour = _COLOURS[number % len(_COLOURS)]
        points = _scaled([point.split(",") for point in curve["points"].split()])
        draw.line(points, fill=colour, width=2 * _SCALE, joint="curve")
        x, y = points[0]
        draw.ellipse((x - 3 * _SCALE, y - 3 * _SCALE, x + 3 * _SCALE, y + 3 * _SCALE), fill=colour)
        height = _HEIGHT + 18 * number + 6
        draw.line(_scaled([(46, height), (66, height)]), fill=colour, width=2 * _SCALE)
        draw.text(*_scaled([(72, height)]), name, fill=INK, font=font, anchor="lm")
    return np.asarray(page)


def _scaled(points):
    return [(_SCALE * float(x), _SCALE * float(y)) for x, y in points]
