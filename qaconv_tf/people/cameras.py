"""One camera: where it stands and looks, its light, what its sensor does to colours, and the ways before it."""

import dataclasses
import functools

import numpy as np

from qaconv_tf.people.light import Light, draw_light
from qaconv_tf.people.networks import network_style
from qaconv_tf.people.streams import stream

FRAME_HEIGHT, FRAME_WIDTH = 480, 640
LANES = 3
_PERSON = 1.7  # metres; the height that `NetworkStyle.person_pixels` speaks of
_MARGIN = 14  # pixels between the frame's edge and the nearest feet
_ROOM = 0.75  # metres between a lane and the frame's edge


@dataclasses.dataclass(frozen=True)
class Lane:
    """A straight way through a camera's picture: from (x, distance) to (x, distance) on the ground, in metres."""

    start: tuple
    end: tuple

    @property
    def length(self):
        """Metres from start to end."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))


@dataclasses.dataclass(frozen=True)
class Sensor:
    """What happens between the scene and the file; fields as in `NetworkStyle`, `gains` per colour channel."""

    gains: tuple
    contrast: float
    saturation: float
    black_level: float
    detail: float
    blur: float
    sharpness: float
    fringe: float
    noise: float
    quality: int


@dataclasses.dataclass(frozen=True, eq=False)
class Camera:
    """A fixed camera: a pinhole above level ground. In the world, x is right, y up, and -z the way that it faces.

    Args:
        network: str. The network it belongs to.
        seed: int. The data set's seed.
        number: int. From 0; file names count from 1.
        height: float. Metres above the ground.
        pitch: float. How far it looks down, radians.
        roll: float. How far it is tilted, radians.
        focal_length: float. Pixels.
        outdoor: bool. Whether it stands in the open.
        light: `Light`.
        sensor: `Sensor`.
        nearest: float. Ground distance of the nearest feet that the frame shows whole, metres.
        farthest: float. Ground distance at which a person is still large enough.
        lanes: tuple of `Lane`. The ways people take.
    """

    network: str
    seed: int
    number: int
    height: float
    pitch: float
    roll: float
    focal_length: float
    outdoor: bool
    light: Light
    sensor: Sensor
    nearest: float
    farthest: float
    lanes: tuple

    @functools.cached_property
    def eye(self):
        """Where it is in the world, `(3,)` float32."""
        return np.array([0, self.height, 0], np.float32)

    @functools.cached_property
    def axes(self):
        """Unit vectors to the right of the picture, down, and along the optical axis, `(3, 3)` float64."""
        sine, cosine = np.sin(self.pitch), np.cos(self.pitch)
        right, down = np.array([1.0, 0.0, 0.0]), np.array([0.0, -cosine, sine])
        turn, tilt = np.cos(self.roll), np.sin(self.roll)
        return np.stack([turn * right + tilt * down, turn * down - tilt * right, [0.0, -sine, -cosine]])

    def project(self, points):
        """Returns column, row, and 1 / distance along the optical axis, of points in the world.

        Args:
            points: `(n, 3)`. Metres.

        Returns:
            `(n, 3)` float64. The last is not positive for points that are less than 5 cm before the camera, or behind
            it; column and row are then meaningless.
        """
        x, y, z = (np.asarray(points, np.float64) - self.eye).T
        aside, below, depth = (axis[0] * x + axis[1] * y + axis[2] * z for axis in self.axes)
        nearness = np.where(depth > 0.05, 1 / np.maximum(depth, 0.05), 0.0)
        scale = self.focal_length * nearness
        return np.stack([FRAME_WIDTH / 2 + aside * scale, FRAME_HEIGHT / 2 + below * scale, nearness], axis=-1)

    def rays(self, columns, rows):
        """Returns the directions in which places of the frame look, `(n, 3)`, of length 1 along the optical axis."""
        aside = (np.asarray(columns) - FRAME_WIDTH / 2) / self.focal_length
        below = (np.asarray(rows) - FRAME_HEIGHT / 2) / self.focal_length
        return aside[:, None] * self.axes[0] + below[:, None] * self.axes[1] + self.axes[2]


@functools.lru_cache(maxsize=64)
def describe_camera(network, seed, number):
    """Returns one camera of a network.

    Args:
        network: str. A key of `NETWORKS`.
        seed: int, not negative. The data set's seed.
        number: int. From 0.

    Returns:
        A `Camera`, always the same for the same arguments.

    Example:
        >>> from qaconv_tf.people.cameras import describe_camera
        >>> describe_camera("campus", 0, 1).lanes == describe_camera("campus", 0, 1).lanes
        True
    """
    style = network_style(network)
    random = stream(network, seed, "camera", number)
    outdoor = bool(random.random() < style.outdoor)
    focal_length = FRAME_WIDTH / 2 / np.tan(np.radians(random.uniform(*style.view)) / 2)
    small, large = random.uniform(0.85, 1.15, 2) * style.person_pixels
    # A person who stands d metres away along the line of sight is about 1.7 f / d pixels high.
    far, near = focal_length * _PERSON / small, focal_length * _PERSON / large
    height = min(random.uniform(*style.camera_height), 0.7 * near + 0.85)
    nearest, farthest = (float(np.sqrt(distance**2 - (height - 0.85) ** 2)) for distance in (near, far))
    below = np.arctan2(height, nearest)
    pitch = below - np.arctan2(FRAME_HEIGHT / 2 - _MARGIN, focal_length)
    pitch = max(float(pitch), np.radians(2.0))
    return Camera(
        network=network,
        seed=seed,
        number=number,
        height=float(height),
        pitch=pitch,
        roll=float(random.normal(0, np.radians(1.0))),
        focal_length=float(focal_length),
        outdoor=outdoor,
        light=draw_light(random, outdoor, style.sunny, style.uneven),
        sensor=_draw_sensor(random, style),
        nearest=nearest,
        farthest=farthest,
        lanes=_draw_lanes(random, focal_length, height, pitch, nearest, farthest),
    )


def _draw_sensor(random, style):
    exposure = random.uniform(*style.exposure)
    cast = np.exp(random.normal(0, style.cast, 3) * (1, 0.4, 1)) * style.cast_lean
    return Sensor(
        gains=tuple((exposure * cast).tolist()),
        contrast=random.uniform(*style.contrast),
        saturation=random.uniform(*style.saturation),
        black_level=random.uniform(*style.black_level),
        detail=random.uniform(*style.detail),
        blur=random.uniform(*style.blur),
        sharpness=random.uniform(*style.sharpness),
        fringe=random.uniform(0, style.fringe),
        noise=random.uniform(*style.noise),
        quality=int(random.integers(*style.quality)),
    )


def _draw_lanes(random, focal_length, height, pitch, nearest, farthest):
    """Draws three ways that cross the picture in directions about 60 degrees apart."""
    turn = random.uniform(0, np.pi)
    lanes = []
    for index in range(LANES):
        angle = turn + index * np.pi / LANES + random.normal(0, 0.15)
        middle = np.array([random.uniform(-1.0, 1.0), nearest + random.uniform(0.2, 0.7) * (farthest - nearest)])
        reach = random.uniform(2.2, 4.0) * np.array([np.cos(angle), np.sin(angle)])
        ends = np.stack([middle - reach, middle + reach])
        ends[:, 1] = np.clip(ends[:, 1], nearest + 0.15, farthest)
        # The frame is narrower near the camera: narrowest where the head of a person is.
        depth = ends[:, 1] * np.cos(pitch) + (height - _PERSON) * np.sin(pitch)
        limit = 0.5 * FRAME_WIDTH * depth / focal_length - _ROOM
        ends[:, 0] = np.clip(ends[:, 0], -limit, limit)
        lanes.append(Lane(tuple(ends[0].tolist()), tuple(ends[1].tolist())))
    return tuple(lanes)
