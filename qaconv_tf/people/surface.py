"""Tubes in space, seen by a camera: which tube each pixel shows, where on the tube it lies, and its normal."""

import dataclasses

import numpy as np

_STEPS = 48  # entries of a tube's profile table: finer than a pixel for every limb


@dataclasses.dataclass(frozen=True)
class Tube:
    """A rounded body of elliptic section along a straight axis, in view coordinates.

    Args:
        name: str. What it is; chooses its paint.
        start: array of 3 floats. Pixels: x to the right, y down, z towards the camera.
        end: array of 3 floats.
        half_width: sequence of floats. Half widths across the axis as seen, evenly spaced from start to end. Pixels.
        half_depth: sequence of floats. Half depths along the line of sight, as many.
        caps: tuple of 2 floats. How far the rounded ends reach beyond start and end, in half widths there.
        turn: float. Angle by which the tube's front is turned from the camera, to the right of the picture. Radians.
    """

    name: str
    start: np.ndarray
    end: np.ndarray
    half_width: tuple
    half_depth: tuple
    caps: tuple
    turn: float


@dataclasses.dataclass(frozen=True)
class Pixels:
    """All pixels that show something, sorted by tube. Every field is an array over them, the last axis.

    Args:
        place: int. Index into the flattened canvas.
        tube: int. Index of the tube.
        along: float. 0 at the tube's start, 1 at its end; beyond on its caps.
        angle: float. Around the tube from its front, in [-pi, pi]; positive to the left of who looks out of it.
        normal: (3, n) float. Unit, x right, y down, z towards the camera.
    """

    place: np.ndarray
    tube: np.ndarray
    along: np.ndarray
    angle: np.ndarray
    normal: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Profiles:
    """What all tubes are to the depth buffer, as arrays with one row a tube.

    The tables have `_STEPS` entries over a tube's length, caps included, the first and last of them 0, so that a
    look-up clipped to the table finds nothing beyond the ends.
    """

    start: np.ndarray  # (tubes, 3)
    rise: np.ndarray  # (tubes,) depth from start to end
    unit: np.ndarray  # (tubes, 2) direction in the picture
    length: np.ndarray  # (tubes,)
    lowest: np.ndarray  # (tubes,) `along` of the table's first entry
    step: np.ndarray  # (tubes,) table entries per unit of `along`
    width: np.ndarray  # (tubes, _STEPS)
    bulge: np.ndarray  # (tubes, _STEPS) half depth beside half width
    slope: np.ndarray  # (tubes, _STEPS) of the half width, pixels per pixel
    box: np.ndarray  # (tubes, 4) left, top, right, bottom in whole pixels

    @classmethod
    def of(cls, tubes):
        start, end = np.stack([tube.start for tube in tubes]), np.stack([tube.end for tube in tubes])
        axis = (end - start)[:, :2]
        length = np.maximum(np.hypot(axis[:, 0], axis[:, 1]), 1e-3)
        reach = np.array([(t.caps[0] * t.half_width[0], t.caps[1] * t.half_width[-1]) for t in tubes])
        widest = np.maximum(np.array([max(tube.half_width) for tube in tubes]), reach.max(axis=1))[:, None]
        reach = np.maximum(reach / length[:, None], 1e-6)
        along = -reach[:, :1] + np.linspace(0, 1, _STEPS) * (1 + reach.sum(axis=1, keepdims=True))
        beyond = np.maximum(-along / reach[:, :1], 0) + np.maximum((along - 1) / reach[:, 1:], 0)
        rounding = np.sqrt(np.maximum(1 - beyond**2, 0))
        rounding[:, [0, -1]] = 0
        width = _sample([tube.half_width for tube in tubes], along) * rounding
        deep = _sample([tube.half_depth for tube in tubes], along) * rounding
        spacing = (along[:, 1] - along[:, 0]) * length
        slope = np.zeros_like(width)
        slope[:, 1:-1] = np.clip((width[:, 2:] - width[:, :-2]) / (2 * spacing[:, None]), -2, 2)
        low, high = np.minimum(start, end)[:, :2] - widest, np.maximum(start, end)[:, :2] + widest
        return cls(
            start=start.astype(np.float32),
            rise=(end - start)[:, 2].astype(np.float32),
            unit=(axis / length[:, None]).astype(np.float32),
            length=length.astype(np.float32),
            lowest=along[:, 0].astype(np.float32),
            step=(1 / (along[:, 1] - along[:, 0])).astype(np.float32),
            width=width.astype(np.float32),
            bulge=(deep / np.maximum(width, 1e-3)).astype(np.float32),
            slope=slope.astype(np.float32),
            box=np.concatenate([np.floor(low), np.ceil(high) + 1], axis=1).astype(int),
        )


def _sample(knots, along):
    """Reads each row's evenly spaced knots at `along`, linearly, holding the end values. `(tubes, steps)`."""
    counts = np.array([len(row) for row in knots])[:, None]
    table = np.array([tuple(row) + (row[-1],) * (counts.max() + 1 - len(row)) for row in knots])
    position = np.clip(along, 0, 1) * (counts - 1)
    index = position.astype(int)
    rows = np.arange(len(knots))[:, None]
    return table[rows, index] + (position - index) * (table[rows, index + 1] - table[rows, index])


def visible_pixels(tubes):
    """Finds the nearest tube of each pixel with a depth buffer.

    Args:
        tubes: sequence of `Tube`.

    Returns:
        (`Pixels`, box): the canvas is the smallest box (left, top, right, bottom) with even edges that holds all tubes,
        in their pixel coordinates.
    """
    profiles = _Profiles.of(tubes)
    left, top = profiles.box[:, :2].min(axis=0) // 2 * 2
    right, bottom = -(-profiles.box[:, 2:].max(axis=0) // 2) * 2
    depth = np.full((bottom - top, right - left), -np.inf, np.float32)
    tube_of = np.full(depth.shape, -1, np.int16)
    for index in range(len(tubes)):
        _draw(index, profiles, (left, top), depth, tube_of)
    place = np.flatnonzero(tube_of.ravel() >= 0)
    place = place[np.argsort(tube_of.ravel()[place], kind="stable")]
    turns = np.array([tube.turn for tube in tubes], np.float32)
    return _describe(profiles, turns, place, tube_of, (left, top)), (left, top, right, bottom)


def _along_and_aside(profiles, index, x, y):
    """Coordinates on tube `index` of picture positions: shares of its length, and pixels to the side of its axis.

    The side is the picture's right for a tube that points up, as trunk, head and (built from the tip) limbs do.
    """
    x, y = x - profiles.start[index, 0], y - profiles.start[index, 1]
    right, down = profiles.unit[index, 0], profiles.unit[index, 1]
    length = profiles.length[index]
    return x * (right / length) + y * (down / length), y * right - x * down


def _draw(index, profiles, corner, depth, tube_of):
    left, top, right, bottom = profiles.box[index]
    here = (slice(top - corner[1], bottom - corner[1]), slice(left - corner[0], right - corner[0]))
    x = np.arange(left, right, dtype=np.float32) + np.float32(0.5)
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5)
    along, aside = _along_and_aside(profiles, index, x, y)
    entry = ((along - profiles.lowest[index]) * profiles.step[index]).astype(np.int32)
    width = profiles.width[index].take(entry, mode="clip")
    room = width * width - aside * aside
    nearness = np.sqrt(np.maximum(room, 0)) * profiles.bulge[index].take(entry, mode="clip")
    nearness += profiles.start[index, 2] + along * profiles.rise[index]
    wins = (room > 0) & (nearness > depth[here])
    np.copyto(depth[here], nearness, where=wins)
    np.copyto(tube_of[here], np.int16(index), where=wins)


def _describe(profiles, turns, place, tube_of, corner):
    tube = tube_of.ravel()[place]
    row, column = np.divmod(place.astype(np.int32), np.int32(tube_of.shape[1]))
    x = column.astype(np.float32) + np.float32(corner[0] + 0.5)
    y = row.astype(np.float32) + np.float32(corner[1] + 0.5)
    along, aside = _along_and_aside(profiles, tube, x, y)
    entry = ((along - profiles.lowest[tube]) * profiles.step[tube]).astype(np.int32)
    across = np.clip(aside / profiles.width[tube, entry], -1, 1)
    slope = profiles.slope[tube, entry]
    right, down = profiles.unit[tube, 0], profiles.unit[tube, 1]
    normal = np.stack([-down * across - right * slope, right * across - down * slope, np.sqrt(1 - across**2)])
    normal /= np.sqrt(1 + slope * slope)
    angle = np.remainder(np.arcsin(across) - turns[tube] + np.pi, 2 * np.pi) - np.pi
    return Pixels(place, tube, along, angle, normal)
