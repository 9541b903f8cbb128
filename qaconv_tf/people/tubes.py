"""Coordinates along trunk and limbs: how far along, at what angle and how far out a point lies.

Clothes are cut, draped and painted in these.
"""

import numpy as np

from qaconv_tf.people.template import TRUNK, TUBES, template

_LIMB_JOINTS = {"arm": ("upperarm", "lowerarm", "hand"), "leg": ("thigh", "calf", "foot")}


def tube_axis(tube, vertices):
    """The middle line of a tube.

    Args:
        tube: int. Index into `TUBES`.
        vertices: float32 array. Somebody's, with the joints behind them, as `Template.vertices`.

    Returns:
        float array `(num_knots, 3)`: of the trunk from the ground to above the head, of a limb its joints.
    """
    body = template()
    if tube == TRUNK:
        hips, chest, neck = (body.joint(name, vertices) for name in ("pelvis", "spine_03", "neck_01"))
        knots = np.stack([hips * [0, 0, 1], hips, chest, neck, neck + [0, 1, 0]])
        return knots * [0, 1, 1]
    stem, side = TUBES[tube].split("_")
    return np.stack([body.joint(f"{joint}_{side}", vertices) for joint in _LIMB_JOINTS[stem]])


def tube_coordinates(tube, vertices, places):
    """Where points lie in a tube.

    Args:
        tube: int. Index into `TUBES`.
        vertices: float32 array. The body that the tube belongs to.
        places: float array `(n, 3)`.

    Returns:
        `(along, angle, radius, outward)`: of the trunk, `along` is the height above the ground; of a limb, metres from
        its first joint. `angle` is 0 in front and grows to the left of the body; `outward` `(n, 3)` has length 1.
    """
    axis = tube_axis(tube, vertices)
    if tube == TRUNK:
        middle = np.interp(places[:, 1], axis[:, 1], axis[:, 2])
        across = np.stack([places[:, 0], np.zeros(len(places)), places[:, 2] - middle], axis=1)
        radius = np.linalg.norm(across, axis=1)
        return places[:, 1], np.arctan2(across[:, 0], across[:, 2]), radius, across / np.maximum(radius, 1e-6)[:, None]
    upper, lower = (_limb_coordinates(segment, places) for segment in _segments(axis))
    nearer = upper[2] <= lower[2]
    return tuple(np.where(nearer[:, None] if a.ndim == 2 else nearer, a, b) for a, b in zip(upper, lower, strict=True))


def _segments(axis):
    """Both bones of a limb: start, direction, the front's direction, the length before the bone, and its ends."""
    lengths = np.linalg.norm(np.diff(axis, axis=0), axis=1)
    upper, lower = np.diff(axis, axis=0) / lengths[:, None]
    front = np.array([0.0, 0.0, 1.0]) - upper[2] * upper
    front /= np.linalg.norm(front)
    return [
        (axis[0], upper, front, 0.0, (-np.inf, lengths[0])),
        (axis[1], lower, turned(front, upper, lower), lengths[0], (0.0, np.inf)),
    ]


def _limb_coordinates(segment, places):
    start, direction, front, before, ends = segment
    # On the outer side of a bent joint points belong to its very end, so that the tube turns there like a ball.
    share = np.clip((places - start) @ direction, *ends)
    across = places - start - share[:, None] * direction
    radius = np.linalg.norm(across, axis=1)
    outward = across / np.maximum(radius, 1e-6)[:, None]
    angle = np.arctan2(outward @ np.cross(front, direction), outward @ front)
    return before + share, angle, radius, outward


def turned(vector, before, after):
    """Turns a vector by the smallest rotation that brings the direction `before` to `after`."""
    axis = np.cross(before, after)
    return vector + np.cross(axis, vector) + np.cross(axis, np.cross(axis, vector)) / (1 + before @ after)
