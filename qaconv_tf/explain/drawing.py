"""Correspondences and rankings -> pictures: lines between matched places, heat maps, strips of ranked answers."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, QUIET = (255, 255, 255), (24, 28, 36), (96, 104, 118)
MARKS = {"right": (26, 152, 80), "wrong": (215, 48, 39), "ignored": (140, 140, 140)}
# The corners of each mark's sign, lines of one stroke, in shares of its square: tick, cross and dash.
_SIGNS = {
    "right": [[(0.2, 0.55), (0.42, 0.77), (0.8, 0.25)]],
    "wrong": [[(0.25, 0.25), (0.75, 0.75)], [(0.25, 0.75), (0.75, 0.25)]],
    "ignored": [[(0.2, 0.5), (0.8, 0.5)]],
}
_FOR, _AGAINST, _MUTUAL = (255, 140, 0), (40, 110, 230), (0, 170, 120)
_GAP = 0.25  # between two images, in widths of the first
# Colour, how thick its sample is, and what it means: of lines, then of heat.
_LEGEND = (
    (_MUTUAL, 0.25, "match both ways"), (_FOR, 0.25, "match one way"),
    (_FOR, 1.0, "speaks for the match"), (_AGAINST, 1.0, "speaks against it"),
)  # fmt: skip


def heat_map(image, shares, feature_shape, largest=None):
    """Draws what each location adds to a score over its image: orange speaks for the match, blue against it.

    Args:
        image: uint8 array `(height, width, 3)`, of any size.
        shares: array `(locations,)`, as `Correspondences.query_shares`.
        feature_shape: tuple `(rows, columns)` of the feature map.
        largest: float or None. The share drawn strongest; `None` takes the greatest of these. Defaults to `None`.

    Returns:
        uint8 array of the image's shape.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.explain.drawing import heat_map
        >>> heat_map(np.full((8, 4, 3), 100, np.uint8), np.array([0.0, 1.0]), (2, 1))[[0, 7], 0].tolist()
        [[100, 100, 100], [205, 127, 32]]
    """
    shares = np.asarray(shares, np.float32).reshape(feature_shape)
    largest = largest or np.abs(shares).max() or 1.0
    height, width = image.shape[:2]
    strength = np.clip(shares / largest, -1, 1)
    # Edges of the picture are flat, since the outermost locations' centres lie inside of it.
    strength = np.asarray(Image.fromarray(strength).resize((width, height), Image.Resampling.BILINEAR))[..., None]
    colour = np.where(strength > 0, np.float32(_FOR), np.float32(_AGAINST))
    cover = 0.68 * np.abs(strength)
    return np.rint(image * (1 - cover) + colour * cover).astype(np.uint8)


def draw_correspondences(query_image, gallery_image, found, height=480, num_lines=24, mutual_only=False, heat=False):
    """Draws two images side by side, and lines between the places that add most to their score.

    Lines are the wider and the more opaque the greater their share; green ones match both ways, orange ones one way.

    Args:
        query_image: uint8 array `(height, width, 3)`, of any size.
        gallery_image: the same, of any other size.
        found: `Correspondences` of the two.
        height: int. Pixels of the picture; each image is scaled to it. Defaults to `480`.
        num_lines: int. How many lines at most. Defaults to `24`.
        mutual_only: bool. Draw only matches both ways. Defaults to `False`.
        heat: bool. Draw the images as heat maps, on one scale. Defaults to `False`.

    Returns:
        uint8 array `(height, some width, 3)`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.explain.drawing import draw_correspondences
        >>> rng = np.random.default_rng(0)
        >>> maps = rng.normal(size=(2, 4, 2, 8)).astype("float32")
        >>> matcher = qt.QAConv(head="uniform")
        >>> _ = matcher(maps[:1], maps[1:])
        >>> images = rng.integers(0, 256, (2, 32, 16, 3), np.uint8)
        >>> draw_correspondences(*images, qt.correspondences(matcher, *maps), height=100).shape
        (100, 112, 3)
    """
    images = [query_image, gallery_image]
    if heat:
        largest = max(np.abs(found.query_shares).max(), np.abs(found.gallery_shares).max())
        shares = (found.query_shares, found.gallery_shares)
        images = [heat_map(*one, found.feature_shape, largest) for one in zip(images, shares, strict=True)]
    scaled = [_scaled(image, height) for image in images]
    left = round(scaled[0].width * (1 + _GAP))
    picture = Image.new("RGB", (left + scaled[1].width, height), PAPER)
    picture.paste(scaled[0], (0, 0))
    picture.paste(scaled[1], (left, 0))
    lines = _strongest(found, num_lines, mutual_only)
    for query_place, gallery_place, share, mutual in lines:
        places = zip(scaled, (0, left), (query_place, gallery_place), strict=True)
        ends = [_centre(*place, found.feature_shape) for place in places]
        _draw_line(picture, ends, share / lines[-1][2], _MUTUAL if mutual else _FOR)
    return np.asarray(picture)


def draw_explanation(
    query_image, gallery_image, found, names=("query", "gallery"), height=480, num_lines=24, mutual_only=False
):
    """Draws the whole explanation of a pair: its lines, its heat maps, score and probability, what the colours mean.

    Args:
        query_image: uint8 array `(height, width, 3)`.
        gallery_image: the same.
        found: `Correspondences`.
        names: tuple of 2 str, written under the images; shortened where they do not fit.
        height: int. Pixels of the images. Defaults to `480`.
        num_lines: as `draw_correspondences`. Defaults to `24`.
        mutual_only: the same. Defaults to `False`.

    Returns:
        uint8 array `(picture height, picture width, 3)`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> maps = np.random.default_rng(0).normal(size=(2, 4, 2, 8)).astype("float32")
        >>> matcher = qt.QAConv(head="uniform")
        >>> _ = matcher(maps[:1], maps[1:])
        >>> images = np.full((2, 32, 16, 3), 128, np.uint8)
        >>> qt.draw_explanation(*images, qt.correspondences(matcher, *maps), height=240).shape
        (322, 570, 3)
    """
    images = query_image, gallery_image
    lines = draw_correspondences(*images, found, height, num_lines, mutual_only)
    pictures = [lines, draw_correspondences(*images, found, height, num_lines=0, heat=True)]
    margin, size = max(8, height // 24), max(12, height // 26)
    constant = f"{found.constant:+.2f}"
    query, gallery = found.query_shares.sum(), found.gallery_shares.sum()
    text = f"score {found.score:.2f} = {query:+.2f} query's places {gallery:+.2f} gallery's places {constant} constant"
    # No narrower than its numbers and its legend, however narrow the images are.
    needed = max(ImageFont.load_default(round(0.9 * size)).getlength(text), _draw_legend(None, (0, 0), 0.85 * size))
    width = max(sum(picture.shape[1] for picture in pictures) + margin, math.ceil(needed)) + 2 * margin
    head, foot = 3 * size, 2 * size + round(1.8 * size)
    page = Image.new("RGB", (width, head + height + foot), PAPER)
    draw = ImageDraw.Draw(page)
    _write(draw, (margin, size // 3), f"probability {found.probability:.3f}", 1.15 * size, width - 2 * margin, INK)
    _write(draw, (margin, size // 3 + 1.5 * size), text, 0.9 * size, width - 2 * margin, QUIET)
    left = margin
    for picture in pictures:
        page.paste(Image.fromarray(picture), (left, head))
        first = _scaled(query_image, height).width
        second = left + round(first * (1 + _GAP))
        places = ((left, second - left - size // 2), (second, left + picture.shape[1] - second))
        for name, (start, room) in zip(names, places, strict=True):
            _write(draw, (start, head + height + size // 3), name, 0.85 * size, room, QUIET)
        left += picture.shape[1] + margin
    _draw_legend(draw, (margin, head + height + 2 * size), 0.85 * size)
    return np.asarray(page)


def draw_strip(query_image, answers, height=160):
    """Draws a query and its ranked answers in a row: a green tick is right, a red cross wrong, a grey dash ignored.

    Args:
        query_image: uint8 array `(height, width, 3)`.
        answers: sequence of `(image, mark, text)`: uint8 array, `"right"`, `"wrong"` or `"ignored"`, and what stands
            under the image, shortened where it does not fit.
        height: int. Pixels of the images. Defaults to `160`.

    Returns:
        uint8 array `(picture height, picture width, 3)`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> image = np.full((20, 10, 3), 90, np.uint8)
        >>> qt.draw_strip(image, [(image, "right", "1: 4.2"), (image, "wrong", "2: 3.9")], height=100).shape
        (128, 202, 3)
    """
    border, size = max(3, height // 32), max(11, height // 9)
    shown = [(query_image, None, "query"), *answers]
    scaled = [_scaled(image, height) for image, _, _ in shown]
    width = sum(image.width + 3 * border for image in scaled) + border + 2 * size * bool(answers)
    strip = Image.new("RGB", (width, height + 3 * border + round(1.6 * size) + border // 3), PAPER)
    draw, left = ImageDraw.Draw(strip), border
    for number, (image, (_, mark, text)) in enumerate(zip(scaled, shown, strict=True)):
        frame = (left, border, left + image.width + 2 * border - 1, height + 3 * border - 1)
        draw.rectangle(frame, fill=MARKS.get(mark, INK))
        strip.paste(image, (left + border, 2 * border))
        if mark:
            _draw_sign(draw, mark, (left, border), round(1.4 * size))
        _write(draw, (left, height + 3 * border + size // 4), text, size, image.width + 2 * border, INK)
        left += image.width + 3 * border + (2 * size if number == 0 else 0)
    return np.asarray(strip)


def _draw_sign(draw, mark, corner, size):
    """Draws a square with the mark's sign, for those who do not tell the colours apart."""
    left, top = corner
    draw.rectangle((left, top, left + size - 1, top + size - 1), fill=MARKS[mark])
    for stroke in _SIGNS[mark]:
        points = [(left + x * (size - 1), top + y * (size - 1)) for x, y in stroke]
        draw.line(points, fill=PAPER, width=max(2, round(size / 7)))


def _scaled(image, height):
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return Image.fromarray(np.asarray(image, np.uint8)).resize((width, height), Image.Resampling.BICUBIC)


def _strongest(found, number, mutual_only):
    """Returns `(query location, gallery location, share, mutual)` of the greatest shares, the weakest first."""
    pairs = {}
    for place, matched in enumerate(found.best_of_query):
        pairs[place, int(matched)] = [float(found.query_shares[place]), False]
    for place, matched in enumerate(found.best_of_gallery):
        pair = pairs.setdefault((int(matched), place), [0.0, False])
        pair[1] = bool(found.mutual_of_gallery[place])
        pair[0] += float(found.gallery_shares[place])
    lines = [(*places, share, mutual) for places, (share, mutual) in pairs.items() if mutual or not mutual_only]
    return sorted((line for line in lines if line[2] > 0), key=lambda line: line[2])[-number:] if number else []


def _centre(image, offset, place, feature_shape):
    """Where in the picture a location lies, of an image that begins at column `offset`."""
    row, column = divmod(place, feature_shape[1])
    return offset + (column + 0.5) * image.width / feature_shape[1], (row + 0.5) * image.height / feature_shape[0]


def _draw_line(picture, ends, strength, colour):
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    colour = (*colour, round(70 + 160 * strength))
    width = picture.height / 240 * (0.4 + 1.1 * strength)
    draw.line(ends, fill=colour, width=max(1, round(width)))
    radius = 2 * max(1, width)
    for x, y in ends:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    picture.paste(layer, (0, 0), layer)


def _draw_legend(draw, place, size):
    """Draws a row that says what the colours mean, or nothing without `draw`; returns where it ends."""
    font = ImageFont.load_default(round(size))
    left, top = place
    for colour, thickness, text in _LEGEND:
        middle, half = top + 0.6 * size, thickness * size / 2
        if draw:
            draw.rectangle((left, middle - half, left + 1.4 * size, middle + half), fill=colour)
            draw.text((left + 1.8 * size, top), text, fill=QUIET, font=font)
        left += 3 * size + font.getlength(text)
    return left


def _write(draw, place, text, size, room, colour):
    """Writes one line of text no wider than `room`, shortened in the middle where it must be."""
    font = ImageFont.load_default(round(size))
    # Of a file's name, whatever it holds: a line break would be a second line, and an undecoded byte no letter.
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    shown, kept = text, len(text)
    while kept and draw.textlength(shown, font=font) > room:
        kept -= 1
        shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}" if kept else ""
    draw.text(place, shown, fill=colour, font=font)
