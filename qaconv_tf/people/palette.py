"""Colours of clothes, with the shares one meets in a street."""

import numpy as np

from qaconv_tf.people.streams import choose

# name: (red, green, blue, spread, share of tops, of legwear, of small things, of shoes)
PALETTE = {
    "black": (0.09, 0.09, 0.10, 0.02, 21, 27, 36, 46),
    "charcoal": (0.22, 0.22, 0.24, 0.04, 7, 9, 8, 8),
    "grey": (0.48, 0.48, 0.49, 0.08, 9, 8, 8, 8),
    "light grey": (0.70, 0.70, 0.71, 0.05, 5, 3, 4, 5),
    "white": (0.90, 0.90, 0.88, 0.03, 12, 3, 10, 22),
    "cream": (0.86, 0.82, 0.72, 0.04, 4, 2, 2, 3),
    "navy": (0.11, 0.14, 0.27, 0.03, 10, 9, 7, 5),
    "denim": (0.25, 0.34, 0.48, 0.05, 2, 18, 0, 0),
    "dark denim": (0.14, 0.18, 0.27, 0.03, 1, 11, 0, 0),
    "light denim": (0.50, 0.60, 0.71, 0.06, 1, 5, 0, 0),
    "blue": (0.16, 0.33, 0.66, 0.07, 6, 1, 5, 2),
    "light blue": (0.58, 0.72, 0.87, 0.06, 4, 0, 1, 0),
    "red": (0.68, 0.12, 0.14, 0.07, 6, 1, 6, 2),
    "burgundy": (0.36, 0.10, 0.16, 0.04, 3, 1, 3, 2),
    "pink": (0.87, 0.58, 0.66, 0.08, 3, 1, 2, 0),
    "orange": (0.85, 0.45, 0.15, 0.06, 2, 0, 2, 0),
    "mustard": (0.74, 0.57, 0.17, 0.06, 2, 1, 1, 0),
    "yellow": (0.90, 0.80, 0.30, 0.05, 2, 0, 1, 0),
    "green": (0.16, 0.42, 0.26, 0.06, 3, 0, 2, 0),
    "mint": (0.60, 0.82, 0.73, 0.05, 1, 0, 1, 0),
    "olive": (0.34, 0.35, 0.22, 0.05, 4, 4, 3, 0),
    "teal": (0.12, 0.42, 0.46, 0.05, 2, 0, 1, 0),
    "purple": (0.40, 0.25, 0.52, 0.07, 2, 0, 1, 0),
    "lilac": (0.72, 0.64, 0.84, 0.05, 1, 0, 1, 0),
    "beige": (0.76, 0.68, 0.55, 0.06, 5, 7, 4, 5),
    "brown": (0.36, 0.25, 0.17, 0.06, 3, 4, 11, 14),
}
TOP, LEG, SMALL, SHOE = 4, 5, 6, 7


def draw_colour(random, use, names=PALETTE):
    """Draws a colour for a use (`TOP`, `LEG`, `SMALL` or `SHOE`), a tuple of 3 floats, of some `names`."""
    name = choose(random, {name: row[use] for name, row in PALETTE.items() if row[use] and name in names})
    red, green, blue, spread = PALETTE[name][:4]
    colour = np.array([red, green, blue]) * np.exp(random.normal(0, 0.08)) + random.normal(0, spread * 0.6, 3)
    # Most clothes are duller than their colour's name.
    colour = colour.mean() + random.uniform(0.62, 1.0) * (colour - colour.mean())
    return tuple(np.clip(colour, 0.03, 0.95).tolist())
