"""What people wear: colours, patterns and cuts, with the shares one meets in a street.

Colour matters most for a matcher that learns from these people, and so does its scarcity: black and dark clothes are
common enough that colour alone does not tell two people apart.
"""

import dataclasses

import numpy as np

from qaconv_tf.people.streams import choose

# name: (red, green, blue, share among tops, share among legwear, share among bags, hats and shoes)
PALETTE = {
    "black": (0.085, 0.085, 0.095, 22, 26, 34),
    "charcoal": (0.21, 0.21, 0.23, 7, 9, 8),
    "grey": (0.48, 0.48, 0.50, 9, 7, 9),
    "light grey": (0.69, 0.69, 0.70, 4, 3, 3),
    "white": (0.87, 0.87, 0.85, 13, 3, 9),
    "navy": (0.10, 0.13, 0.27, 9, 7, 7),
    "denim": (0.23, 0.32, 0.47, 2, 19, 0),
    "dark denim": (0.13, 0.18, 0.29, 1, 11, 0),
    "light denim": (0.47, 0.57, 0.68, 1, 5, 0),
    "blue": (0.15, 0.32, 0.66, 7, 1, 5),
    "light blue": (0.57, 0.71, 0.86, 4, 0, 1),
    "red": (0.68, 0.11, 0.13, 7, 1, 6),
    "burgundy": (0.36, 0.09, 0.15, 3, 1, 3),
    "pink": (0.86, 0.55, 0.63, 3, 1, 2),
    "orange": (0.86, 0.45, 0.13, 2, 0, 2),
    "yellow": (0.88, 0.75, 0.22, 3, 0, 1),
    "green": (0.15, 0.41, 0.24, 3, 0, 2),
    "olive": (0.34, 0.35, 0.21, 4, 3, 3),
    "teal": (0.10, 0.42, 0.45, 2, 0, 1),
    "purple": (0.39, 0.23, 0.50, 2, 0, 1),
    "beige": (0.75, 0.67, 0.53, 5, 6, 4),
    "brown": (0.35, 0.23, 0.16, 3, 3, 10),
}
TOP, LEG, SMALL = 3, 4, 5
CUTS = {"tee": 24, "shirt": 16, "sweater": 17, "hoodie": 9, "jacket": 21, "coat": 10, "dress": 3}
PATTERNS = {"plain": 60, "stripes": 9, "pinstripes": 3, "checks": 7, "blocks": 8, "sleeves": 7, "flecks": 4}
BAGS = {"none": 50, "backpack": 24, "shoulder bag": 15, "hand bag": 11}
HATS = {"none": 84, "cap": 9, "beanie": 7}


@dataclasses.dataclass(frozen=True)
class Upper:
    """What covers the trunk. Lengths are in metres or in shares of the limb that they cover.

    Args:
        cut: str. A key of `CUTS`.
        colour: tuple of 3 floats in [0, 1]. RGB.
        second: tuple of 3 floats. The pattern's other colour.
        pattern: str. A key of `PATTERNS`.
        period: float. Metres from one stripe or check to the next.
        sleeve: float. Share of the arm that is covered: 0 is none, 1 down to the wrist.
        hem: float. Height of the lower edge as a share of the person's height.
        slack: float. Metres between body and cloth.
        inner: tuple of 3 floats or None. Colour of the shirt that an open front shows; None when closed.
        opening: float. Half angle of the open front in radians.
        chest_print: tuple of 3 floats or None. Colour of a print on the chest.
    """

    cut: str
    colour: tuple
    second: tuple
    pattern: str
    period: float
    sleeve: float
    hem: float
    slack: float
    inner: tuple | None
    opening: float
    chest_print: tuple | None


@dataclasses.dataclass(frozen=True)
class Lower:
    """What covers the legs: `cut` is trousers, shorts or skirt, `length` the covered share of the leg."""

    cut: str
    colour: tuple
    length: float
    slack: float


@dataclasses.dataclass(frozen=True)
class Outfit:
    """All that a person wears and carries. `bag_side` is 1 for the wearer's left, -1 for the right."""

    upper: Upper
    lower: Lower
    shoes: tuple
    soles: tuple
    boots: bool
    bag: str
    bag_colour: tuple
    bag_side: int
    hat: str
    hat_colour: tuple


def draw_colour(random, use):
    """Draws an RGB colour for a use (`TOP`, `LEG` or `SMALL`): a palette colour with a shade of its own."""
    name = choose(random, {name: entry[use] for name, entry in PALETTE.items()})
    shade = np.exp(random.normal(0, 0.13)) * (np.asarray(PALETTE[name][:3]) + random.normal(0, 0.018, 3))
    return tuple(np.clip(shade, 0.04, 0.93).tolist())


def draw_upper(random, female):
    """Draws the upper garment."""
    cut = choose(random, CUTS)
    if cut == "dress" and not female:
        cut = "jacket"
    colour, second = draw_colour(random, TOP), draw_colour(random, TOP)
    pattern = choose(random, PATTERNS)
    outdoor = cut in ("jacket", "coat")
    short_sleeved = cut in ("tee", "dress") or (cut == "shirt" and random.random() < 0.3)
    sleeve = random.uniform(0.22, 0.5) if short_sleeved else random.uniform(0.93, 1.0)
    if cut == "tee" and random.random() < 0.12:
        sleeve = 0.0
    hem = {"coat": random.uniform(0.30, 0.42), "dress": random.uniform(0.27, 0.36)}.get(cut, random.uniform(0.455, 0.5))
    slack = random.uniform(0.012, 0.03) if outdoor else random.uniform(0.003, 0.014)
    is_open = random.random() < {"jacket": 0.5, "coat": 0.4, "hoodie": 0.35, "shirt": 0.15}.get(cut, 0.0)
    printed = cut in ("tee", "sweater", "hoodie") and not is_open and random.random() < 0.35
    return Upper(
        cut=cut,
        colour=colour,
        second=second,
        pattern="plain" if cut == "coat" and random.random() < 0.7 else pattern,
        period=random.uniform(0.035, 0.13),
        sleeve=sleeve,
        hem=hem,
        slack=slack,
        inner=draw_colour(random, TOP) if is_open else None,
        opening=random.uniform(0.18, 0.55),
        chest_print=draw_colour(random, TOP) if printed else None,
    )


def draw_lower(random, female):
    """Draws trousers, shorts or a skirt."""
    shares = {"trousers": 76, "shorts": 12, "skirt": 12} if female else {"trousers": 84, "shorts": 16}
    cut = choose(random, shares)
    length = {"trousers": random.uniform(0.9, 1.0), "shorts": random.uniform(0.34, 0.55)}.get(
        cut, random.uniform(0.4, 0.75)
    )
    tight = cut == "trousers" and random.random() < (0.5 if female else 0.2)
    slack = random.uniform(0.0, 0.006) if tight else random.uniform(0.008, 0.026)
    return Lower(cut=cut, colour=draw_colour(random, LEG), length=length, slack=slack)


def draw_outfit(random, female):
    """Draws all clothes and belongings of one person.

    Args:
        random: `numpy.random.Generator`. Each call takes what it needs from it.
        female: bool. Shifts the shares of skirts, dresses and close cuts.

    Returns:
        An `Outfit`.
    """
    white_soles = random.random() < 0.45
    return Outfit(
        upper=draw_upper(random, female),
        lower=draw_lower(random, female),
        shoes=draw_colour(random, SMALL),
        soles=(0.85, 0.85, 0.82) if white_soles else (0.12, 0.11, 0.10),
        boots=bool(random.random() < 0.15),
        bag=choose(random, BAGS),
        bag_colour=draw_colour(random, SMALL),
        bag_side=1 if random.random() < 0.5 else -1,
        hat=choose(random, HATS),
        hat_colour=draw_colour(random, SMALL),
    )
