"""Patterns to sew clothes from: the close-fitting tights of the template, and a robe that hangs below the hips."""

import functools

import numpy as np

from qaconv_tf.people.cloth import Cloth, cut, vertex_normals, with_edges
from qaconv_tf.people.drape import HIPS, hang, sample, tube_profile
from qaconv_tf.people.template import ARMS, LEGS, TRUNK, nearest_skin, template
from qaconv_tf.people.tubes import tube_coordinates

ARMHOLE = 0.158  # metres from the middle to where sleeves begin, on the average body
_RING_STEP = 0.04
_LOWEST_RING = 0.04


@functools.cache
def tights():
    """The template's tights as `Cloth` on the average body, and which vertices they are."""
    body = template()
    used, triangles = np.unique(body.tights, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    home = body.vertices[used].astype(float)
    weights = np.zeros((len(used), len(body.joints)))
    np.add.at(weights, (np.arange(len(used))[:, None], body.bones[used]), body.weights[used])
    # Both triangles of a quad take the tube of most of its corners.
    quads = len(triangles) // 2
    corners = np.concatenate([triangles[:quads], triangles[quads:, 2:]], axis=1)
    label = np.sort(body.tube[used][corners], axis=1)[:, 1]
    values = np.concatenate([home, home, nearest_skin(home), weights], axis=1)
    return Cloth(values, triangles, np.concatenate([label, label])), used


def tights_on(body):
    """The tights on somebody's body: `Cloth`."""
    cloth, used = tights()
    return cloth.moved(body[used].astype(float))


@functools.cache
def _bodice():
    """The part of the tights above the hips, cut off at armholes: `Cloth` on the average body, and its cuts."""
    cloth, _ = tights()
    cuts = []

    def cut_off(cloth, amount):
        edges, share, triangles, source = cut(cloth.triangles, amount)
        cuts.append((edges, share))
        return Cloth(with_edges(cloth.values, edges, share), triangles, cloth.label[source])

    cloth = cut_off(cloth, cloth.home[:, 1] - HIPS)
    beyond = np.where(cloth.home[:, 1] > 1.0, np.abs(cloth.home[:, 0]) - ARMHOLE, -1.0)
    # Both sides are cut at the same vertices, so that sleeves join the trunk.
    edges, share, outer, _ = cut(cloth.triangles, beyond)
    _, _, inner, _ = cut(cloth.triangles, -beyond)
    cuts.append((edges, share))
    values = with_edges(cloth.values, edges, share)
    left = values[outer, 3].mean(axis=1) > 0
    label = np.concatenate([np.full(len(inner), TRUNK), np.where(left, *ARMS)]).astype(np.uint8)
    return Cloth(values, np.concatenate([inner, outer]), label), cuts


def _bodice_on(body):
    """The bodice on somebody's body. Vertices below the hips stay, unused."""
    cloth, cuts = _bodice()
    place = body[tights()[1]].astype(float)
    for edges, share in cuts:
        place = with_edges(place, edges, share)
    return cloth.moved(place)


@functools.cache
def _rings():
    """What never changes of the rings below the hips: the loop they hang from, heights, homes, surfaces, weights."""
    body = template()
    cloth, _ = _bodice()
    loop = np.flatnonzero(np.abs(cloth.home[:, 1] - HIPS) < 1e-4)
    _, angle, _, _ = tube_coordinates(TRUNK, body.vertices, cloth.home[loop])
    order = np.argsort(angle)
    loop, angle = loop[order], angle[order]
    heights = np.arange(HIPS - _RING_STEP, _LOWEST_RING, -_RING_STEP)
    homes = ring_places(body.vertices, heights, angle, hips=np.zeros(len(angle)), ease=0.005, cling=10.0, flare=0.0)
    flat = homes.reshape(-1, 3)
    return loop, angle, heights, flat, nearest_skin(flat), _ring_weights(flat, cloth.weights[loop])


def _ring_weights(home, of_loop):
    """Skirts follow both thighs, each more on its side, and below the knees the shins by half."""
    joints = template().joints
    weights = np.zeros((len(home), len(joints)))
    fall = np.clip((HIPS - home[:, 1]) / 0.22, 0, 1)
    left = 0.5 + 0.2 * np.clip(home[:, 0] / 0.11, -1, 1)
    shin = 0.55 * np.clip((0.52 - home[:, 1]) / 0.25, 0, 1)
    for side, share in (("_l", left), ("_r", 1 - left)):
        weights[:, joints[f"thigh{side}"]] = fall * share * (1 - shin)
        weights[:, joints[f"calf{side}"]] = fall * share * shin
    return weights + (1 - fall)[:, None] * np.tile(of_loop, (len(home) // len(of_loop), 1))


@functools.cache
def _leg_slices():
    """Vertices of legs and hips around each ring's height."""
    body = template()
    used = np.unique(body.tights)
    used = used[~np.isin(body.tube[used], ARMS)]
    heights = np.arange(HIPS - _RING_STEP, _LOWEST_RING, -_RING_STEP)
    return [used[np.abs(body.vertices[used, 1] - height) < 0.03] for height in heights]


def ring_places(body, heights, angle, hips, ease, cling, flare):
    """Where rings around both legs lie: `(len(heights), len(angle), 3)`.

    Args:
        body: float32 array. Vertices and joints of `shape_body`.
        heights: float array. On the average body.
        angle: float array. About the trunk's axis.
        hips: float array. Radius of the cloth at the hips for each angle.
        ease: float. As of `hang`.
        cling: float. As of `hang`.
        flare: float. As of `hang`.

    Returns:
        float array. Each ring is the outline of both legs, wider where cloth hangs from above.
    """
    along, radius, middle = [], [], []
    for vertices in _leg_slices()[: len(heights)]:
        slice_ = body[vertices]
        front, back = slice_[:, 2].max(), slice_[:, 2].min()
        along.append(slice_[:, 1].mean())
        middle.append((front + back) / 2)
        radius.append(_stadium(np.abs(slice_[:, 0]).max(), (front - back) / 2, angle))
    along, radius = np.array(along)[:, None], np.stack(radius)
    pelvis = template().joint("pelvis", body)
    start = np.concatenate([along[:1] + (along[0] - along[1]), along])
    cloth = hang(start, np.concatenate([hips[None] - ease, radius]), ease, cling, flare, smooth=0)[1:]
    middle = np.array(middle)[:, None] + (pelvis[2] - middle[0]) * np.linspace(1, 0, len(along))[:, None]
    x, z = cloth * np.sin(angle), middle + cloth * np.cos(angle)
    return np.stack([x, np.broadcast_to(along, x.shape), z], axis=-1)


def _stadium(half_width, half_depth, angle):
    """The radius of the outline around two circles side by side, at angles from the front."""
    across, deep = np.abs(np.sin(angle)), np.abs(np.cos(angle))
    offset = max(half_width - half_depth, 0.0)
    flat = half_depth / np.maximum(deep, 1e-6)
    round_ = offset * across + np.sqrt(np.maximum(half_depth**2 - (offset * deep) ** 2, 0))
    return np.where(flat * across <= offset, flat, round_)


def robe_on(body, ease, cling, skirt_cling, flare, sleeve_ease, sleeve_cling, over=0.0):
    """A robe from neck to ankles with long sleeves, to be cut to any upper garment or skirt.

    Args:
        body: float32 array. Vertices and joints of `shape_body`.
        ease: float. Metres between body and cloth.
        cling: float. As of `hang`, for the trunk.
        skirt_cling: float. The same below the hips.
        flare: float. As of `hang`, from the waist down.
        sleeve_ease: float. Ease of the arms.
        sleeve_cling: float. Cling of the arms.
        over: float. Further ease from the waist down, over what is worn there.

    Returns:
        `Cloth`.
    """
    upper = _bodice_on(body)
    place = upper.place + ease * vertex_normals(upper.place, upper.triangles)
    along, radius = tube_profile(TRUNK, body)
    waist = np.clip((along - along[-1]) / (along[0] - along[-1]), 0, 1)
    radius = hang(along, radius, ease + over * np.clip(2.2 - 4 * waist, 0, 1), cling, flare * (waist[:, 0] < 0.4))
    arms = np.zeros(len(place), bool)
    arms[upper.triangles[np.isin(upper.label, ARMS)]] = True
    trunk = np.flatnonzero(~arms)
    at, angle, reach, outward = tube_coordinates(TRUNK, body, place[trunk])
    # From chest height down cloth hangs free; above, it lies on the shoulders.
    free = np.clip((1.27 - upper.home[trunk, 1]) / 0.07, 0, 1)
    place[trunk] += (free * np.maximum(sample(along, radius, at, angle) - reach, 0))[:, None] * outward
    for tube in ARMS:
        ours = np.unique(upper.triangles[upper.label == tube])
        place[ours] = _hung(tube, body, place[ours], sleeve_ease, sleeve_cling, upper.home[ours])
    loop, angle, heights, homes, surface, weights = _rings()
    hips = sample(along, radius, np.full(len(loop), along[-1, 0]), angle)
    rings = ring_places(body, heights, angle, hips, ease + over, skirt_cling, flare).reshape(-1, 3)
    below = np.concatenate([rings, homes, surface, weights], axis=1)
    columns = len(loop)
    first = np.concatenate([loop, len(place) + np.arange(len(rings))]).reshape(-1, columns)
    a, b = first[:-1], np.roll(first[:-1], -1, axis=1)
    c, d = first[1:], np.roll(first[1:], -1, axis=1)
    triangles = np.concatenate([np.stack(rows, axis=-1).reshape(-1, 3) for rows in ((a, c, b), (b, c, d))])
    return Cloth(
        np.concatenate([upper.moved(place).values, below]),
        np.concatenate([upper.triangles, triangles]),
        np.concatenate([upper.label, np.full(len(triangles), TRUNK, np.uint8)]),
    )


def _hung(tube, body, places, ease, cling, home):
    """Vertices of a limb's cloth, moved out to where it hangs."""
    along, radius = tube_profile(tube, body)
    cloth = hang(along, radius, ease, cling)
    at, angle, reach, outward = tube_coordinates(tube, body, places)
    fade = np.clip(at / (0.15 * (along[-1, 0] - along[0, 0])) - 0.3, 0, 1)
    return places + (fade * np.maximum(sample(along, cloth, at, angle) - reach, 0))[:, None] * outward


def trousers_on(body, ease, cling, seat=0.004):
    """Trousers from above the waist to the feet, to be cut to length.

    Args:
        body: float32 array. Vertices and joints of `shape_body`.
        ease: float. Metres between legs and cloth.
        cling: float. As of `hang`.
        seat: float. Metres between hips and cloth.

    Returns:
        `Cloth`.
    """
    cloth = tights_on(body)
    cloth = cloth.chosen(~np.isin(cloth.label, ARMS))
    cloth = cloth.cut(1.12 - cloth.home[:, 1])
    place = cloth.place + seat * vertex_normals(cloth.place, cloth.triangles)
    for tube in LEGS:
        ours = np.unique(cloth.triangles[cloth.label == tube])
        place[ours] = _hung(tube, body, place[ours], ease, cling, cloth.home[ours])
    return cloth.moved(place)
