"""Keeps skirts, coats and long shirts outside of the legs that move below them."""

import numpy as np

from qaconv_tf.people.compiled import compiled
from qaconv_tf.people.drape import COLUMNS, hang, tube_profile
from qaconv_tf.people.template import LEGS, SIDES, template

_JOINTS = ("thigh", "calf", "foot")


def leg_profile(body, ease, cling):
    """How thick clothed legs are along thigh and shin.

    Args:
        body: float32 array. Vertices and joints of `shape_body`.
        ease: float. As of `hang`, of what is worn on the legs.
        cling: float. As of `hang`.

    Returns:
        `(along, radius, inset)`, float32 arrays `(rows,)`: metres from the hip, how far legs reach forward and back,
        and by how much less they reach aside.
    """
    along, radius = tube_profile(LEGS[0], body)
    radius = hang(along, radius, ease, cling)
    # Only forward and backward do legs leave the clothes' outline.
    angle = 2 * np.pi * np.arange(COLUMNS) / COLUMNS - np.pi
    along, outer = along[:, 0], radius[:, np.sin(angle) > 0.8].mean(axis=1)
    radius = np.quantile(radius[:, np.abs(np.cos(angle)) > 0.6], 0.85, axis=1)
    # At the hips the outline is the trunk's, not the leg's.
    radius = np.where(along < 0.2 * along[-1], np.minimum(radius, np.interp(0.2 * along[-1], along, radius)), radius)
    inset = np.clip(radius - outer, -0.03, 0.05) + 0.012 * np.clip(1 - along / (0.3 * along[-1]), 0, 1)
    return along.astype(np.float32), radius.astype(np.float32), inset.astype(np.float32)


def leg_joints(body, rotations, shifts):
    """Hip, knee and ankle of both legs after the motion that `pose_joints` returns, float32 `(2, 3, 3)`."""
    rest = template()
    index = np.array([[rest.joints[f"{name}{side}"] for name in _JOINTS] for side in SIDES])
    places = body[rest.joint_rows]
    return np.einsum("lkij,lkj->lki", rotations[index], places[index]) + shifts[index]


@compiled
def keep_clear(vertices, clear, legs, along, radius, inset):
    """Pushes vertices out of the outline around both legs, in place.

    Args:
        vertices: float32 array `(n, 3)`.
        clear: float32 array `(n,)`. How far each must stay off the legs; 0 leaves it where it is.
        legs: float32 array `(2, 3, 3)`. Of `leg_joints`.
        along: float32 array. Of `leg_profile`.
        radius: float32 array. Of `leg_profile`.
        inset: float32 array. Of `leg_profile`.
    """
    middle = np.empty((2, 2))
    reach = np.empty((2, 2))
    for vertex in range(len(vertices)):
        if clear[vertex] <= 0:
            continue
        height = vertices[vertex, 1]
        for leg in range(2):
            _slice(legs[leg], height, along, radius, inset, middle[leg], reach[leg])
        across, deep = middle[1, 0] - middle[0, 0], middle[1, 1] - middle[0, 1]
        apart = np.sqrt(across * across + deep * deep) + 1e-6
        # Legs reach less aside than forward: their middles count as nearer to each other.
        nearer = min(0.5 * (reach[0, 1] + reach[1, 1]), 0.4 * apart) * abs(across) / apart
        half = 0.5 * apart - nearer
        x, z = vertices[vertex, 0] - middle[:, 0].mean(), vertices[vertex, 2] - middle[:, 1].mean()
        distance = max(np.sqrt(x * x + z * z), 1e-6)
        ahead = (x * across + z * deep) / (apart * distance)
        radius_here = reach[0, 0] + 0.5 * (1 + ahead) * (reach[1, 0] - reach[0, 0])
        # Outwards from between the legs, so that a skirt is drawn forward by the one and backward by the other.
        least = _outline(half, radius_here, abs(ahead)) + clear[vertex]
        if distance < least:
            vertices[vertex, 0] += x * (least / distance - 1)
            vertices[vertex, 2] += z * (least / distance - 1)


@compiled
def _outline(half, radius, ahead):
    """How far the outline around two circles reaches in a direction.

    Args:
        half: float. Half the distance of their middles.
        radius: float. Of both.
        ahead: float. Cosine between the direction and the line through the middles, not negative.
    """
    aside = np.sqrt(max(1 - ahead * ahead, 1e-9))
    flat = radius / aside
    if flat * ahead <= half:
        return flat
    return half * ahead + np.sqrt(max(radius * radius - (half * aside) ** 2, 0.0))


@compiled
def _slice(leg, height, along, radius, inset, middle, reach):
    """Where a leg passes a height, (x, z), how far its slanted cut reaches, and how much less aside."""
    before = 0.0
    for bone in range(2):
        drop = leg[bone, 1] - leg[bone + 1, 1]
        length = np.sqrt(((leg[bone + 1] - leg[bone]) ** 2).sum())
        share = (leg[bone, 1] - height) / max(drop, 1e-3)
        if share <= 1 or bone == 1:
            share = min(max(share, 0.0), 1.0)
            middle[0] = leg[bone, 0] + share * (leg[bone + 1, 0] - leg[bone, 0])
            middle[1] = leg[bone, 2] + share * (leg[bone + 1, 2] - leg[bone, 2])
            slant = min(length / max(drop, 1e-3), 1.35)
            reach[0] = slant * np.interp(before + share * length, along, radius)
            reach[1] = np.interp(before + share * length, along, inset)
            return
        before += length
