"""What a camera sees when nobody walks by: ground, backdrop and the furniture that stands around."""

import dataclasses

import numpy as np

from qaconv_tf.people.cameras import FRAME_HEIGHT, FRAME_WIDTH
from qaconv_tf.people.furniture import draw_thing
from qaconv_tf.people.layer import Layer
from qaconv_tf.people.networks import network_style
from qaconv_tf.people.streams import stream


@dataclasses.dataclass(frozen=True)
class Scene:
    """The fixed picture of one camera.

    Args:
        frame: `(FRAME_HEIGHT, FRAME_WIDTH, 3)` float32 in [0, 1].
        things: tuple of `Layer`, farthest first; those in front of a person cover the person.
    """

    frame: np.ndarray
    things: tuple[Layer, ...]


def draw_scene(camera):
    """Draws the scene of a camera, always the same for the same camera.

    Args:
        camera: `Camera`.

    Returns:
        A `Scene`.
    """
    style = network_style(camera.network)
    random = stream(camera.network, camera.seed, "scene", camera.number)
    wall_distance = max(max(lane.start[1], lane.end[1]) for lane in camera.lanes) + random.uniform(1.5, 4.5)
    meeting_row = int(np.clip(round(camera.ground(0.0, wall_distance)[1]), 0, FRAME_HEIGHT))
    wall = _draw_wall(camera, style, random, wall_distance, np.arange(meeting_row)[:, None] + 0.5)
    ground = _draw_ground(camera, style, random, wall_distance, np.arange(meeting_row, FRAME_HEIGHT)[:, None] + 0.5)
    frame = np.concatenate([wall, ground]) * _uneven_light(random)[..., None]
    frame = np.clip(frame, 0, 1).astype(np.float32)
    return Scene(frame, _place_things(camera, style, random, wall_distance, frame))


def _draw_wall(camera, style, random, distance, rows):
    per_metre = camera.ground(0.0, distance)[2]
    x = (np.arange(FRAME_WIDTH) + 0.5 - FRAME_WIDTH / 2) / per_metre
    up = camera.height - (rows - camera.horizon) / per_metre
    return _surface(WALLS[str(random.choice(style.walls))], random, x + 20.0, up)


def _draw_ground(camera, style, random, wall_distance, rows):
    distance = camera.distance_of_row(rows)
    x = (np.arange(FRAME_WIDTH) + 0.5 - FRAME_WIDTH / 2) / camera.ground(0.0, distance)[2]
    skew = random.uniform(-0.6, 0.6)
    ground = _surface(GROUNDS[str(random.choice(style.grounds))], random, x + skew * distance, distance - skew * x)
    near_wall = np.clip(1 - (wall_distance - distance) / 1.5, 0, 1)
    return ground * (1 - 0.25 * near_wall)[..., None]


def _place_things(camera, style, random, wall_distance, frame):
    """Draws furniture into `frame` from far to near; what stands near is low or thin and never hides a person."""
    nearest = min(min(lane.start[1], lane.end[1]) for lane in camera.lanes)
    distances = np.sort(random.uniform(nearest + 0.5, wall_distance - 0.3, random.integers(4, 8)))[::-1]
    things = []
    for distance in distances:
        kind = str(random.choice(style.things))
        near = distance < nearest + 0.75 * (wall_distance - nearest)
        x = random.uniform(-0.5, 0.5) * FRAME_WIDTH / camera.ground(0.0, distance)[2]
        thing = draw_thing(kind, random, camera.ground(x, distance), distance, camera.light, near)
        if thing is not None:
            things.append(thing)
            thing.paste(frame)
    return tuple(things)


def _uneven_light(random):
    """Broad shades over the frame, as of trees, lamps and windows. `(FRAME_HEIGHT, FRAME_WIDTH)`, about 1."""
    rows, columns = np.linspace(0, 1, FRAME_HEIGHT)[:, None], np.linspace(0, 1, FRAME_WIDTH)[None]
    light = np.ones((FRAME_HEIGHT, FRAME_WIDTH))
    for _ in range(3):
        centre, width = random.uniform(0, 1, 2), random.uniform(0.15, 0.45)
        spot = np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / (2 * width**2))
        light += random.uniform(-0.3, 0.25) * spot
    return light


def _surface(pattern, random, u, v):
    """Paints a flat surface at metric coordinates `u`, `v`, `(height, width)`. Returns `(height, width, 3)`."""
    base, second, joint = (_material(random, 0.45 if pattern is _posters else 0.07) for _ in range(3))
    u, v = np.broadcast_arrays(u, v)
    first_share, joint_share = pattern(random, u, v)
    colours = second + (base - second) * first_share[..., None]
    colours = colours + (0.6 * joint - colours) * joint_share[..., None]
    if pattern in (_grass, _hedge):
        colours = colours * (0.75, 1.08, 0.5)
    # Grain shrinks with distance as the surface's own texture does.
    grain = random.normal(0, 0.035, u.shape) + 0.05 * _blotches(random, u, v)
    return colours * (1 + grain)[..., None]


def _material(random, tint):
    """A floor or wall colour: light to dark grey, tinted by `tint`."""
    return random.uniform(0.28, 0.72) * np.exp(random.normal(0, tint, 3))


def _blotches(random, u, v):
    phases, waves = random.uniform(0, 6.28, 6), random.normal(0, 2.2, (6, 2))
    return sum(np.sin(a * u + b * v + phase) for (a, b), phase in zip(waves, phases, strict=True)) / 2.4


def _grid(u, v, wide, high, line):
    """Shares of joint lines `line` wide in a grid of cells, and a fixed number per cell in [0, 1)."""
    joints = ((u % wide) < line) | ((v % high) < line)
    cell = np.sin(np.floor(u / wide) * 127.1 + np.floor(v / high) * 311.7) * 43758.5453
    return joints.astype(float), cell % 1


def _asphalt(random, u, v):
    return 0.75 + 0.1 * _blotches(random, u, v), 0.0 * u


def _slabs(random, u, v):
    size = random.uniform(0.5, 1.0)
    joints, cell = _grid(u, v, size, size, 0.025)
    return 0.6 + 0.4 * cell, 0.6 * joints


def _bricks(random, u, v):
    high = random.uniform(0.10, 0.22)
    shifted = u + high * (np.floor(v / high) % 2)
    joints, cell = _grid(shifted, v, 2 * high, high, 0.02)
    return 0.5 + 0.5 * cell, 0.6 * joints


def _grass(random, u, v):
    return 0.5 + 0.3 * _blotches(random, 3 * u, 3 * v) + random.normal(0, 0.25, u.shape), 0.0 * u


def _hedge(random, u, v):
    return 0.3 + 0.4 * _blotches(random, 4 * u, 4 * v) + random.normal(0, 0.3, u.shape), 0.25 + 0.0 * u


def _tiles(random, u, v):
    size = random.uniform(0.3, 0.6)
    joints, cell = _grid(u, v, size, size, 0.02)
    checker = (np.floor(u / size) + np.floor(v / size)) % 2
    return (checker if random.random() < 0.5 else 0.8 + 0.2 * cell), 0.5 * joints


def _terrazzo(random, u, v):
    return np.clip(0.6 + random.normal(0, 0.35, u.shape), 0, 1), 0.3 * _grid(u, v, 2.0, 2.0, 0.03)[0]


def _strips(random, u, v):
    wide = random.uniform(0.8, 1.6)
    return ((u / wide) % 2 < 1).astype(float), 0.4 * ((v % 1.2) < 0.02)


def _boards(random, u, v):
    joints, cell = _grid(u, v + 0.7 * np.floor(u / 0.16), 0.16, 2.4, 0.012)
    return cell, 0.7 * joints


def _panels(random, u, v):
    joints, cell = _grid(u, v, random.uniform(1.0, 2.2), random.uniform(0.8, 3.0), 0.04)
    return 0.75 + 0.25 * cell, 0.8 * joints


def _windows(random, u, v):
    wide, high = random.uniform(1.1, 2.2), random.uniform(1.6, 2.6)
    joints, cell = _grid(u, v - 0.5, wide, high, 0.14)
    return joints, (1 - joints) * (0.35 + 0.6 * cell)


def _posters(random, u, v):
    _, cell = _grid(u, v, 1.7, 2.4, 0.1)
    inside = ((u % 1.7) > 0.3) & ((v % 2.4) > 0.7)
    return np.where(inside, cell, 0.7), np.where(inside & ((v * 3.1 + 9 * cell) % 1 < 0.4), 0.8 * cell, 0.0)


def _shutters(random, u, v):
    return 0.5 + 0.5 * np.sin(v * 2 * np.pi / random.uniform(0.12, 0.2)), 0.9 * ((u % 3.0) < 0.25)


GROUNDS = {
    "asphalt": _asphalt,
    "slabs": _slabs,
    "bricks": _bricks,
    "grass": _grass,
    "tiles": _tiles,
    "terrazzo": _terrazzo,
    "strips": _strips,
    "boards": _boards,
}
WALLS = {
    "bricks": _bricks,
    "hedge": _hedge,
    "panels": _panels,
    "windows": _windows,
    "tiles": _tiles,
    "posters": _posters,
    "shutters": _shutters,
}
