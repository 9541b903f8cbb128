"""The place that a camera looks at when nobody walks by: ground, walls, and what stands around, in three dimensions."""

import dataclasses

import numpy as np

from qaconv_tf.people.grounds import draw_ground
from qaconv_tf.people.networks import network_style
from qaconv_tf.people.noise import fractal
from qaconv_tf.people.solids import box, grid
from qaconv_tf.people.streams import stream
from qaconv_tf.people.things import HIDES, ROOM, Stock, draw_thing

_FARTHEST = 70.0  # where the ground ends
_NEAR_STEP, _FAR_STEP = 0.3, 2.0  # metres between the points at which the light on the ground is known
_FREE = 0.75  # metres between a thing's middle and the ways
_LEGS = 0.6  # metres of people that a thing before them may hide


@dataclasses.dataclass(frozen=True, eq=False)
class Place:
    """The scene of one camera.

    Args:
        solids: tuple of `Solid`.
        materials: dict of name -> `Material`.
        dirt: `(n, n)` float32. Lightness of the ground over 25 m, which repeats: stains larger than its texture.
    """

    solids: tuple
    materials: dict
    dirt: np.ndarray


def build_place(camera):
    """Builds the scene of a camera, always the same for the same camera.

    Args:
        camera: `Camera`.

    Returns:
        A `Place`.
    """
    style = network_style(camera.network)
    random = stream(camera.network, camera.seed, "place", camera.number)
    stock = Stock()
    # Walls keep clear of the ways. Outdoors the place may be open to one side or behind.
    wide = max(abs(x) for lane in camera.lanes for x in (lane.start[0], lane.end[0])) + 1.2
    behind = max(distance for lane in camera.lanes for distance in (lane.start[1], lane.end[1])) + 1.0
    solids = _lay_ground(camera, style, random, stock)
    solids += _raise_walls(camera, style, random, stock, wide, behind)
    solids += _furnish(camera, style, random, stock, wide, behind)
    return Place(tuple(solids), stock.materials, np.exp(0.09 * fractal(random, 64, 1.6)).astype(np.float32))


def _lay_ground(camera, style, random, stock):
    kinds = [str(kind) for kind in random.permutation(style.grounds)]
    first = max(0.55 * camera.nearest, 0.4)
    middle = min(camera.farthest + 8.0, _FARTHEST - 1)
    material, metres = draw_ground(random, kinds[0])
    name, shift = stock.add(material), tuple(random.random(2))
    solids = []
    for start, stop, step, half in ((middle, first, _NEAR_STEP, 9.0), (_FARTHEST, middle, _FAR_STEP, 60.0)):
        # Texture coordinates go on from the near part to the far one and to both sides of it.
        spans = [(-half, half)] if half > 9 else [(-half, half), (-60.0, -half), (half, 60.0)]
        for left, right in spans:
            begin = (left / metres + shift[0], -start / metres + shift[1])
            coarse = step if right - left < 30 and start == middle and left == -half else _FAR_STEP
            solids.append(
                grid((left, 0, -start), (right - left, 0, 0), (0, 0, start - stop), name, (metres,) * 2, coarse, begin)
            )
    if kinds[0] in ("asphalt", "concrete") and random.random() < 0.6:
        solids += _paint_lines(random, stock, camera, first)
    if random.random() < 0.6:
        material, metres = draw_ground(random, kinds[1])
        solids += _lay_strip(random, stock, stock.add(material), metres, camera, first)
    return solids


def _paint_lines(random, stock, camera, first):
    """Lines of worn paint, along the view or across it."""
    paint = stock.plain(random, (200, 165, 70) if random.random() < 0.25 else (205, 205, 200), 0.05, 0.2)
    along, start, spacing = random.random() < 0.5, random.uniform(-4, 0), random.uniform(2.2, 3.2)
    solids = []
    for number in range(int(random.integers(1, 5))):
        place, length = start + number * spacing, camera.farthest + 4 - first
        if along:
            line = grid((place, 0.006, -first - length), (0.11, 0, 0), (0, 0, length), paint, (0.8, 0.8), 0.6)
        else:
            far = camera.nearest + 4 + place
            line = grid((-9, 0.006, -far), (18, 0, 0), (0, 0, 0.11), paint, (0.8, 0.8), 0.6)
        solids.append(line)
    return solids


def _lay_strip(random, stock, name, metres, camera, first):
    """A way or a bed of another kind, with a kerb, that lies a finger's width higher: along the view or across it."""
    kerb = stock.plain(random, np.full(3, random.uniform(130, 185)), 0.05, 0.1)
    width = random.uniform(1.6, 5.0)
    if random.random() < 0.5:
        left, length = random.uniform(-4.5, 2.0), camera.farthest + 8 - first
        area = grid((left, 0.012, -first - length), (width, 0, 0), (0, 0, length), name, (metres,) * 2, _NEAR_STEP)
        edges = [box(0.12, 0.02, length, kerb, (0.6, 0.6), 0.5) for _ in range(2)]
        places = [(left, first + length / 2), (left + width, first + length / 2)]
    else:
        start = random.uniform(camera.nearest + 0.5, camera.farthest)
        area = grid((-12, 0.012, -start - width), (24, 0, 0), (0, 0, width), name, (metres,) * 2, _NEAR_STEP)
        edges = [box(24, 0.02, 0.12, kerb, (0.6, 0.6), 0.5) for _ in range(2)]
        places = [(0, start), (0, start + width)]
    return [area, *(solid.placed(*place) for edge, place in zip(edges, places, strict=True) for solid in edge)]


def _raise_walls(camera, style, random, stock, wide, behind):
    kinds = [str(kind) for kind in random.permutation(style.walls)]
    tall = random.uniform(5.0, 11.0) if camera.outdoor else random.uniform(4.5, 6.5)
    solids = []
    gap = random.uniform(0.2, 3.5) if random.random() < 0.75 else random.uniform(6, 20)
    # Behind: two fronts beside each other, one set back.
    parting = random.uniform(-6, 6)
    for number, (left, right) in enumerate(((-22.0, parting), (parting, 22.0))):
        distance = behind + gap + number * random.uniform(0.0, 1.5)
        turn = random.normal(0, 0.04)
        solids += _wall(
            random, stock, kinds[number % len(kinds)], (left + right) / 2, distance, right - left, tall, turn
        )
    for side in (-1, 1):
        if camera.outdoor and random.random() < 0.55:
            continue
        x, length = side * (wide + random.uniform(0.2, 3.0)), behind + gap
        height = tall * random.uniform(0.7, 1.2)
        turn = -side * np.pi / 2 + random.normal(0, 0.03)
        solids += _wall(random, stock, kinds[(side + 3) % len(kinds)], x, length / 2 + 0.3, length, height, turn)
    if not camera.outdoor:  # the ceiling, for those who look so far up
        ceiling = stock.ceiling(random)
        height = tall if tall > camera.height + 0.5 else camera.height + 0.5
        solids.append(
            grid((22, height, -behind - gap - 3), (-44, 0, 0), (0, 0, behind + gap + 3), ceiling, (2.4, 2.4), 2.0)
        )
    return solids


def _wall(random, stock, kind, x, distance, length, height, turn):
    name, metres = stock.wall(random, kind)
    if kind == "hedge":
        height = min(height, random.uniform(1.4, 3.0))
    # The texture's lowest row lies at the foot of the wall.
    shift = (random.random(), -(height / metres) % 1)
    front = grid((-length / 2, height, 0), (length, 0, 0), (0, -height, 0), name, (metres,) * 2, 0.8, shift)
    back = grid((length / 2, height, -0.3), (-length, 0, 0), (0, -height, 0), name, (metres,) * 2, 4.0)
    top = grid((-length / 2, height, -0.3), (length, 0, 0), (0, 0, 0.3), name, (metres,) * 2)
    return [part.placed(x, distance, turn) for part in (front, back, top)]


def _furnish(camera, style, random, stock, wide, behind):
    solids, places = [], []
    for kind in random.choice(style.things, int(random.integers(5, 10))):
        for _ in range(12):
            reach = 0.5 * wide + 0.35 * camera.farthest
            x, distance = random.uniform(-reach, reach), random.uniform(0.8 * camera.nearest, behind + 0.8)
            if _is_free(camera, str(kind), x, distance, places):
                places.append((x, distance))
                heading = random.choice([0, np.pi / 2, np.pi]) + random.normal(0, 0.12)
                solids += [solid.placed(x, distance, heading) for solid in draw_thing(random, stock, str(kind))]
                break
    return solids


def _is_free(camera, kind, x, distance, places):
    """Whether a thing may stand there: off the ways, clear of other things, and not before more than people's legs."""
    if any(np.hypot(x - other[0], distance - other[1]) < 1.6 for other in places):
        return False
    room, shares = ROOM.get(kind, _FREE), np.linspace(0, 1, 9)[:, None]
    for lane in camera.lanes:
        ways = np.array(lane.start) + shares * (np.array(lane.end) - np.array(lane.start))
        if np.hypot(*(ways - (x, distance)).T).min() < room:
            return False
        # At the same bearing and farther: the line of sight over its top meets people at this height.
        behind = (np.abs(ways[:, 0] / ways[:, 1] - x / distance) * distance < room) & (ways[:, 1] > distance)
        hidden = camera.height - (camera.height - HIDES.get(kind, 0.0)) * ways[:, 1] / distance
        if np.any(behind & (hidden > _LEGS)):
            return False
    return True
