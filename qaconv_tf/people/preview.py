"""A sheet of some of a data set's people, a row each, to look at."""

import io
import pathlib

from PIL import Image

_ROWS, _COLUMNS = 12, 12
_WIDTH, _HEIGHT = 96, 192
_GAP = 4


def draw_preview(root, shots):
    """Draws some people of a data set as their cameras see them.

    Args:
        root: str or path. The data set's folder.
        shots: sequence of `Shot`, whose images are there.

    Returns:
        bytes of a JPEG file: two people a row, spread evenly over the set.
    """
    images = {}
    for shot in shots:
        images.setdefault(shot.identity, []).append(shot.path)
    people = sorted(images)
    half = _COLUMNS // 2
    most = min(len(people), 2 * _ROWS)
    chosen = [people[number * len(people) // most] for number in range(most)]
    rows = -(-most // 2)
    sheet = Image.new("RGB", (_COLUMNS * _WIDTH + 3 * _GAP, rows * (_HEIGHT + _GAP) + _GAP), (24, 24, 24))
    for number, identity in enumerate(chosen):
        for column, path in enumerate(images[identity][:half]):
            with Image.open(pathlib.Path(root, path)) as image:
                small = image.convert("RGB").resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
            left = _GAP + (number % 2) * (half * _WIDTH + _GAP) + column * _WIDTH
            sheet.paste(small, (left, _GAP + number // 2 * (_HEIGHT + _GAP)))
    content = io.BytesIO()
    sheet.save(content, "JPEG", quality=88)
    return content.getvalue()
