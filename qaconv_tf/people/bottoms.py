"""What covers the legs: trousers, jeans, leggings, shorts, skirts; and bare or stockinged skin below."""

import numpy as np

from qaconv_tf.people.fabrics import fold_heights, lay, noise, paint_fabric
from qaconv_tf.people.sewing import robe_on, trousers_on
from qaconv_tf.people.tailoring import AROUND, LEG_LENGTH, piece, textured, trunk_levels
from qaconv_tf.people.template import LEGS, TRUNK

HIP_SHAPE, LEG_SHAPE, SKIRT_SHAPE = (64, 256), (256, 128), (192, 256)
WAIST = 1.06


def make_bottom(bottom, body, random):
    """Makes what covers the legs.

    Args:
        bottom: `Bottom`.
        body: float32 array. Vertices and joints of `shape_body`.
        random: `numpy.random.Generator`. Paints.

    Returns:
        A list of `Piece`.
    """
    if bottom.kind == "none":
        return []
    if bottom.kind == "skirt":
        cloth = robe_on(body, 0.010, 8.0, bottom.cling, bottom.flare, 0.0, 0.0)
        cloth = cloth.chosen(cloth.label == TRUNK)
        cloth = cloth.cut(WAIST - cloth.home[:, 1])
        cloth = cloth.cut(cloth.home[:, 1] - bottom.hem)
        span = (WAIST, bottom.hem)
        return [piece(cloth, (TRUNK,), span, _skirt_material(bottom, random, span), clear=0.018)]
    cloth = trousers_on(body, bottom.ease, bottom.cling)
    cloth = cloth.cut(WAIST - cloth.home[:, 1])
    cloth = cloth.cut(cloth.home[:, 1] - bottom.hem)
    span = (WAIST, 0.75)
    pieces = [
        piece(cloth, (TRUNK,), span, _hip_material(bottom, random, span)),
        piece(cloth, LEGS, (0.0, LEG_LENGTH), _leg_material(bottom, random)),
    ]
    return [made for made in pieces if made is not None]


def _skirt_material(bottom, random, span):
    colours = paint_fabric(bottom.fabric, random, SKIRT_SHAPE, (span[0] - span[1], AROUND["trunk"]))
    _, level = trunk_levels(SKIRT_SHAPE, span)
    bump = bottom.fabric.folds * fold_heights(random, SKIRT_SHAPE, np.clip((1.0 - level) / 0.2, 0, 1), 0.0, 0.2)
    lay(colours, 0.3 * (level > WAIST - 0.035), (0, 0, 0))
    return textured(colours, bump, bottom.fabric.specular)


def _hip_material(bottom, random, span):
    colours = paint_fabric(bottom.fabric, random, HIP_SHAPE, (span[0] - span[1], AROUND["trunk"]))
    aside, level = trunk_levels(HIP_SHAPE, span)
    bump = bottom.fabric.folds * fold_heights(random, HIP_SHAPE, 0.2, 0.5 * np.clip((0.9 - level) / 0.08, 0, 1), 0.4)
    if bottom.kind in ("trousers", "jeans") and random.random() < 0.5:
        belt = np.clip(1.5 - np.abs(level - 1.03) / 0.014, 0, 1)
        lay(colours, belt, (0.09, 0.07, 0.06))
        lay(colours, belt * (np.abs(aside) < 0.022), (0.7, 0.68, 0.6))
    if bottom.kind != "leggings":
        lay(colours, 0.3 * np.clip(1.5 - np.abs(aside) / 0.004, 0, 1) * (level > 0.88), (0, 0, 0))
        for side in (-1, 1):
            front = aside * side - 0.10 - 0.35 * (0.99 - level)
            back = np.maximum(np.abs(aside * side - 0.36) / 0.06, np.abs(level - 0.93) / 0.05)
            lay(colours, 0.35 * np.clip(1.5 - np.abs(front) / 0.004, 0, 1) * (np.abs(level - 0.94) < 0.05), (0, 0, 0))
            lay(colours, 0.25 * np.clip(1.5 - np.abs(back - 1) / 0.07, 0, 1), (0, 0, 0))
    return textured(colours, bump, bottom.fabric.specular)


def _leg_material(bottom, random):
    colours = paint_fabric(bottom.fabric, random, LEG_SHAPE, (LEG_LENGTH, AROUND["leg"]))
    along = (np.arange(LEG_SHAPE[0], dtype=np.float32)[:, None] + 0.5) / LEG_SHAPE[0] * LEG_LENGTH
    angle = ((np.arange(LEG_SHAPE[1], dtype=np.float32) + 0.5) / LEG_SHAPE[1] - 0.5)[None] * 2 * np.pi
    knee, cuff = np.exp(-(((along - 0.42) / 0.07) ** 2)), np.clip((along - 0.64) / 0.12, 0, 1)
    groin = np.clip((0.12 - along) / 0.1, 0, 1)
    bump = bottom.fabric.folds * fold_heights(
        random, LEG_SHAPE, hanging=0.5 * np.ones_like(along), across=0.8 * knee + cuff + 0.5 * groin, crumple=0.35
    )
    seams = np.clip(1.5 - np.abs(np.abs(angle) - np.pi / 2) / 0.07, 0, 1)
    lay(colours, (0.14 if bottom.kind != "leggings" else 0.05) * seams, (0, 0, 0))
    if bottom.kind == "jeans":
        thigh = np.exp(-(((along - 0.2) / 0.16) ** 2))
        # Nothing at the top, where the hips' cloth goes on.
        front = np.exp(-((angle / 0.9) ** 2)) * (thigh + 0.6 * knee) * np.clip((along - 0.05) / 0.14, 0, 1)
        lay(colours, np.clip(bottom.fabric.worn * 0.55 * front, 0, 1), (0.80, 0.84, 0.88))
        if bottom.fabric.worn > 0.75:
            torn = np.clip((noise(random, "blotch", LEG_SHAPE) - 1.3) * 3, 0, 1) * np.clip(knee * 1.6 - 0.5, 0, 1)
            lay(colours, torn * np.clip(np.cos(angle), 0, 1), (0.78, 0.68, 0.6))
    return textured(colours, bump, bottom.fabric.specular)
