"""Keeps skirts, coats and long shirts outside of the legs that move below them."""

import numba
import numpy as np

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
        `(along, radius)`, float32 arrays `(rows,)`, metres from the hip.
    """
    along, radius = tube_profile(LEGS[0], body)
    radius = hang(along, radius, ease, cling)
    # Only forward and backward do legs leave the clothes' outline.
    deep = np.abs(np.cos(2 * np.pi * np.arange(COLUMNS) / COLUMNS)) > 0.7
    radius = radius[:, deep].mean(axis=1)
    along = along[:, 0]
    # At the hips the outline is the trunk's, not the leg's.
    radius = np.where(along < 0.2 * along[-1], np.minimum(radius, np.interp(0.2 * along[-1], along, radius)), radius)
    return along.astype(np.float32), radius.astype(np.float32)


def leg_joints(body, rotations, shifts):
    """Hip, knee and ankle of both legs after the motion that `pose_joints` returns, float32 `(2, 3, 3)`."""
    rest = template()
    index = np.array([[rest.joints[f"{name}{side}"] for name in _JOINTS] for side in SIDES])
    places = body[rest.joint_rows]
    return np.einsum("lkij,lkj->lki", rotations[index], places[index]) + shifts[index]


@numba.njit(cache=True)
def keep_clear(vertices, clear, legs, along, radius):
    """Pushes vertices out of the outline around both legs, in place.

    Args:
        vertices: float32 array `(n, 3)`.
        clear: float32 array `(n,)`. How far each must stay off the legs; 0 leaves it where it is.
        legs: float32 array `(2, 3, 3)`. Of `leg_joints`.
        along: float32 array. Of `leg_profile`.
        radius: float32 array. Of `leg_profile`.
    """
    middle = np.empty((2, 2))
    reach = np.empty(2)
    for vertex in range(len(vertices)):
        if clear[vertex] <= 0:
            continue
        height = vertices[vertex, 1]
        for leg in range(2):
            _slice(legs[leg], height, along, radius, middle[leg], reach[leg : leg + 1])
        x, z = vertices[vertex, 0], vertices[vertex, 2]
        across, deep = middle[1, 0] - middle[0, 0], middle[1, 1] - middle[0, 1]
        square = across * across + deep * deep
        share = ((x - middle[0, 0]) * across + (z - middle[0, 1]) * deep) / max(square, 1e-9)
        share = min(max(share, 0.0), 1.0)
        off_x, off_z = x - middle[0, 0] - share * across, z - middle[0, 1] - share * deep
        distance = max(np.sqrt(off_x * off_x + off_z * off_z), 1e-6)
        least = reach[0] + share * (reach[1] - reach[0]) + clear[vertex]
        if distance < least:
            vertices[vertex, 0] += off_x * (least / distance - 1)
            vertices[vertex, 2] += off_z * (least / distance - 1)


@numba.njit(cache=True)
def _slice(leg, height, along, radius, middle, reach):
    """Where a leg passes a height, (x, z), and how far its slanted cut reaches."""
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
            return
        before += length
