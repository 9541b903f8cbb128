"""Draws what people wear, with the shares one meets in a street.

Colour matters most for a matcher that learns from these people, and so does its scarcity: black and dark clothes are
common enough that colour alone does not tell two people apart.
"""

import dataclasses

import numpy as np

from qaconv_tf.people.fabrics import Fabric
from qaconv_tf.people.outfits import BAGS, HATS, TOPS, Bottom, Outfit, Top
from qaconv_tf.people.palette import LEG, SHOE, SMALL, TOP, draw_colour
from qaconv_tf.people.streams import choose

_SEASONS = {"summer": 40, "between": 38, "winter": 22}
_INNER = {
    "summer": {"tee": 50, "polo": 8, "tank": 8, "shirt": 20, "dress": 12, "tunic": 2},
    "between": {"tee": 22, "polo": 4, "shirt": 24, "sweater": 22, "hoodie": 18, "dress": 6, "tunic": 4},
    "winter": {"sweater": 40, "shirt": 25, "tee": 20, "hoodie": 15},
}
_OUTER = {
    "summer": {"none": 95, "jacket": 3, "blazer": 2},
    "between": {"none": 52, "jacket": 30, "blazer": 10, "coat": 6, "puffer": 2},
    "winter": {"jacket": 34, "coat": 34, "puffer": 26, "none": 6},
}
_PATTERNS = {
    "tee": {"plain": 66, "stripes": 12, "wide stripes": 4, "blocks": 5, "band": 4, "dyed": 3, "sides": 2, "fade": 2},
    "shirt": {"plain": 50, "plaid": 16, "checks": 10, "pinstripes": 12, "flowers": 6, "dots": 4, "camouflage": 1},
    "sweater": {"plain": 66, "stripes": 10, "wide stripes": 6, "blocks": 9, "band": 7, "camouflage": 1, "fade": 2},
    "jacket": {"plain": 82, "blocks": 8, "band": 3, "sides": 3, "camouflage": 3, "plaid": 3},
    "coat": {"plain": 88, "plaid": 6, "checks": 3, "pinstripes": 2},
    "dress": {"plain": 44, "flowers": 22, "dots": 9, "stripes": 9, "checks": 5, "fade": 3, "blocks": 5, "dyed": 4},
}
# Share of each that is tucked into trousers; into a skirt all are.
_TUCKED = {"shirt": 0.35, "polo": 0.25, "tee": 0.15, "tank": 0.3}
_LIKE = {
    "polo": "tee", "tank": "tee", "hoodie": "sweater", "puffer": "jacket", "blazer": "coat", "tunic": "dress",
}  # fmt: skip


def draw_outfit(random, female):
    """Draws all that one person wears.

    Args:
        random: `numpy.random.Generator`.
        female: bool. Shifts the shares of skirts, dresses and close cuts.

    Returns:
        An `Outfit`.
    """
    season = choose(random, _SEASONS)
    inner = _draw_top(random, choose(random, _worn_by(_INNER[season], female)), season, female, inner=False)
    outer = choose(random, _OUTER[season])
    bottom = _draw_bottom(random, inner.kind, season, female)
    if inner.kind not in ("dress", "tunic") and (
        bottom.kind == "skirt" or random.random() < _TUCKED.get(inner.kind, 0)
    ):
        inner = dataclasses.replace(inner, hem=1.035, opening=0.0)
    tops = (inner,)
    if outer != "none":
        over = _draw_top(random, outer, season, female, inner=True)
        tops = (_tucked_under(inner, over), over)
        if bottom.kind == "skirt":
            # A coat hangs over it.
            bottom = dataclasses.replace(
                bottom, flare=min(bottom.flare, over.flare), cling=max(bottom.cling, over.cling)
            )
    hat = choose(random, HATS)
    return Outfit(
        tops=tops,
        bottom=bottom,
        shoes=_draw_shoes(random, season, female),
        shoe_colours=(draw_colour(random, SMALL if random.random() < 0.4 else SHOE), _draw_sole(random)),
        socks=(0.9, 0.9, 0.88) if random.random() < 0.4 else draw_colour(random, SMALL),
        bag=choose(random, BAGS),
        bag_colours=(draw_colour(random, SMALL), draw_colour(random, SMALL)),
        bag_side=1 if random.random() < 0.5 else -1,
        bag_size=float(random.uniform(0.8, 1.2)),
        hat="cap" if hat == "beanie" and season == "summer" else hat,
        hat_colour=draw_colour(random, SMALL),
        scarf=draw_colour(random, TOP) if random.random() < {"winter": 0.3, "between": 0.08}.get(season, 0) else None,
        glasses="clear" if random.random() < 0.18 else "dark" if random.random() < 0.08 else "none",
    )


def _worn_by(shares, female):
    return {kind: share for kind, share in shares.items() if female or kind not in ("dress", "tunic", "tank")}


def _draw_sole(random):
    return (0.88, 0.88, 0.85) if random.random() < 0.45 else (0.10, 0.09, 0.09)


def _draw_top(random, kind, season, female, inner):
    made = TOPS[kind]
    fabric = draw_fabric(random, _PATTERNS[_LIKE.get(kind, kind)], TOP, made["folds"], kind)
    is_open = random.random() < {"jacket": 0.5, "blazer": 0.65, "coat": 0.4, "puffer": 0.3, "hoodie": 0.2}.get(kind, 0)
    if kind == "shirt" and season != "winter":
        is_open = random.random() < 0.08
    sleeves = fabric
    if kind in ("tee", "sweater", "hoodie", "jacket") and random.random() < 0.14:
        colour = draw_colour(random, TOP) if random.random() < 0.5 else fabric.colours[1]
        sleeves = dataclasses.replace(fabric, pattern="plain", colours=(colour, *fabric.colours[1:]))
    flare = random.uniform(0.0, 0.35) if kind in ("dress", "tunic") else 0.02
    if kind == "coat":
        flare = random.uniform(0.0, 0.12)
    return Top(
        kind=kind,
        fabric=fabric,
        sleeve_fabric=sleeves,
        sleeve=_draw_sleeve(random, kind, season),
        hem=float(random.uniform(*made["hem"])),
        ease=float(random.uniform(*made["ease"])),
        cling=float(random.uniform(*made["cling"])),
        flare=float(flare),
        neck=_draw_neck(random, kind, female),
        opening=float(random.uniform(0.03, 0.085)) if is_open else 0.0,
        fastening={"shirt": "buttons", "coat": "buttons", "blazer": "buttons", "jacket": "zip", "puffer": "zip"}.get(
            kind, "zip" if kind == "hoodie" and (is_open or random.random() < 0.4) else "none"
        ),
        decoration=_draw_decoration(random, kind, fabric.pattern),
        hood=kind == "hoodie" or (kind in ("jacket", "puffer") and random.random() < 0.35),
        trim=draw_colour(random, TOP) if random.random() < 0.6 else (0.08, 0.08, 0.08),
    )


def _draw_sleeve(random, kind, season):
    if kind in ("tee", "polo"):
        return float(random.uniform(0.27, 0.46))
    if kind == "tank":
        return 0.0
    if kind in ("dress", "tunic"):
        return float(random.choice([0.0, random.uniform(0.2, 0.5), random.uniform(0.85, 0.97)], p=[0.35, 0.4, 0.25]))
    if kind == "shirt" and season == "summer":
        return float(random.uniform(0.33, 0.5) if random.random() < 0.5 else random.uniform(0.6, 0.97))
    return float(random.uniform(0.93, 1.0))


def _draw_neck(random, kind, female):
    if kind in ("shirt", "polo", "jacket", "coat", "blazer"):
        return "collar"
    if kind == "puffer":
        return "high"
    if kind in ("dress", "tunic", "tank"):
        return choose(random, {"scoop": 5, "vee": 3, "crew": 2})
    if kind == "sweater":
        return choose(random, {"crew": 6, "vee": 2, "high": 2})
    return choose(random, {"crew": 6, "scoop": 2, "vee": 2} if female else {"crew": 8, "vee": 1})


def _draw_decoration(random, kind, pattern):
    if pattern not in ("plain", "sides", "fade") or kind not in ("tee", "polo", "sweater", "hoodie", "jacket", "shirt"):
        return "none"
    shares = {"none": 50, "print": 22, "letters": 14, "logo": 14}
    if kind in ("jacket", "shirt", "polo"):
        shares = {"none": 60, "logo": 14, "pocket": 26}
    return choose(random, shares)


def draw_fabric(random, patterns, use, folds, kind=""):
    """Draws a `Fabric`; `patterns` is a dict of pattern -> share, `use` as of `draw_colour`, `folds` metres."""
    ground, second = draw_colour(random, use), draw_colour(random, TOP)
    if random.random() < 0.35:  # a shade of the same colour
        factor = random.uniform(0.35, 0.7) if sum(ground) > 1.1 else random.uniform(1.6, 2.6)
        second = tuple(np.clip(np.asarray(ground) * factor, 0.03, 0.95).tolist())
    weave = {"sweater": "knit", "hoodie": "heather", "jeans": "denim"}.get(kind, "smooth")
    if random.random() < 0.2:
        weave = "heather"
    return Fabric(
        pattern=choose(random, patterns),
        colours=(ground, second, draw_colour(random, TOP)),
        period=float(np.exp(random.uniform(np.log(0.022), np.log(0.11)))),
        share=float(random.uniform(0.2, 0.75)),
        weave=weave,
        worn=float(random.beta(1.2, 2.5)),
        folds=float(folds * random.uniform(0.6, 1.5)),
        specular=0.12 if kind in ("puffer", "jacket") and random.random() < 0.35 else 0.03,
    )


def _tucked_under(inner, outer):
    """An inner garment as it fits below an outer one."""
    hem = inner.hem if inner.kind in ("dress", "tunic") else max(inner.hem, outer.hem - 0.05)
    return dataclasses.replace(
        inner, ease=min(inner.ease, 0.5 * outer.ease), cling=max(inner.cling, 0.6), opening=0.0, hem=hem, flare=0.0
    )


def _draw_bottom(random, top, season, female):
    kinds = {"trousers": 36, "jeans": 40, "leggings": 10 if female else 1, "shorts": 26, "skirt": 14 if female else 0}
    if season != "summer":
        kinds |= {"shorts": 1, "skirt": 7 if female else 0}
    kind = choose(random, kinds)
    if top == "dress":
        kind = "none"
    if top == "tunic" and kind in ("shorts", "skirt"):
        kind = "leggings"
    patterns = {"plain": 90, "sides": 4, "checks": 2, "pinstripes": 2, "camouflage": 2, "plaid": 1}
    if kind == "skirt":
        patterns = {"plain": 62, "flowers": 12, "checks": 6, "plaid": 8, "stripes": 5, "dots": 5, "fade": 2}
    if kind in ("jeans", "leggings"):
        patterns = {"plain": 97, "sides": 3}
    folds = {"leggings": 0.001, "jeans": 0.004, "shorts": 0.004, "skirt": 0.005}.get(kind, 0.0045)
    fabric = draw_fabric(random, patterns, LEG, folds, kind)
    if kind == "jeans":
        blue = ("denim", "dark denim", "light denim") if random.random() < 0.78 else ("black", "charcoal", "grey")
        fabric = dataclasses.replace(fabric, colours=(draw_colour(random, LEG, blue), *fabric.colours[1:]))
    slim = random.random() < (0.65 if female else 0.45)
    hem = {
        "shorts": random.uniform(0.42, 0.66),
        "skirt": random.choice([random.uniform(0.5, 0.64), random.uniform(0.2, 0.5)], p=[0.6, 0.4]),
        "leggings": random.uniform(0.09, 0.2),
    }.get(kind, random.uniform(0.045, 0.075) if random.random() < 0.8 else random.uniform(0.1, 0.2))
    warm = season != "summer" and random.random() < 0.7
    return Bottom(
        kind=kind,
        fabric=fabric,
        hem=float(hem),
        ease=0.002
        if kind == "leggings"
        else float(random.uniform(0.004, 0.008) if slim else random.uniform(0.009, 0.02)),
        cling=3.0 if kind == "leggings" else float(random.uniform(0.18, 0.3) if slim else random.uniform(0.02, 0.1)),
        flare=float(random.uniform(0.0, 0.4)) if kind == "skirt" else 0.0,
        stockings=((0.07, 0.07, 0.08) if random.random() < 0.8 else draw_colour(random, LEG)) if warm else None,
    )


def _draw_shoes(random, season, female):
    shares = {"sneakers": 56, "shoes": 26, "boots": 12, "sandals": 0}
    if season == "summer":
        shares |= {"sandals": 10, "boots": 2}
    if season == "winter":
        shares |= {"boots": 32}
    if female:
        shares |= {"pumps": 12, "shoes": 14}
    return choose(random, shares)
