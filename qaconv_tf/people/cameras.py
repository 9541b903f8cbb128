"""One camera: where it looks, what its sensor does to colours, and how it frames people."""

import dataclasses

import numpy as np

from qaconv_tf.people.figure import Light
from qaconv_tf.people.networks import network_style
from qaconv_tf.people.streams import stream

FRAME_HEIGHT, FRAME_WIDTH = 560, 760
_FOCAL_LENGTH = 880.0  # pixels
_PERSON = 1.7  # metres; the height that `NetworkStyle.person_pixels` speaks of


@dataclasses.dataclass(frozen=True)
class Lane:
    """A straight way through a camera's picture: from (x, distance) to (x, distance) on the ground, in metres."""

    start: tuple
    end: tuple


@dataclasses.dataclass(frozen=True)
class Sensor:
    """What happens between the scene and the file; fields as in `NetworkStyle`, `gains` per colour channel."""

    gains: tuple
    contrast: float
    saturation: float
    black_level: float
    detail: float
    blur: float
    noise: float
    quality: int


@dataclasses.dataclass(frozen=True)
class Camera:
    """A fixed camera: a pinhole above level ground that looks along it.

    Args:
        network: str. The network it belongs to.
        seed: int. The data set's seed.
        number: int. From 0; file names count from 1.
        height: float. Metres above the ground.
        horizon: float. Row of the frame on which the horizon lies; may be outside of the frame.
        outdoor: bool. Whether people throw a shadow.
        light: `Light`.
        sensor: `Sensor`.
        lanes: tuple of `Lane`. The ways people take.
    """

    network: str
    seed: int
    number: int
    height: float
    horizon: float
    outdoor: bool
    light: Light
    sensor: Sensor
    lanes: tuple

    def ground(self, x, distance):
        """Returns column, row and pixels per metre of a ground point, `x` metres to the right and `distance` away."""
        scale = _FOCAL_LENGTH / distance
        return FRAME_WIDTH / 2 + x * scale, self.horizon + self.height * scale, scale

    def distance_of_row(self, row):
        """Returns how far away the ground is that a row shows, in metres (`inf` at and above the horizon)."""
        below = np.asarray(row, float) - self.horizon
        return np.where(below > 0, _FOCAL_LENGTH * self.height / np.maximum(below, 1e-6), np.inf)


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
        >>> describe_camera("campus", 0, 1) == describe_camera("campus", 0, 1)
        True
    """
    style = network_style(network)
    random = stream(network, seed, "camera", number)
    height = random.uniform(*style.camera_height)
    nearest = style.person_pixels[1] / _PERSON
    outdoor = bool(random.random() < style.outdoor)
    return Camera(
        network=network,
        seed=seed,
        number=number,
        height=height,
        # The feet of the nearest people stand a little above the frame's lower edge.
        horizon=FRAME_HEIGHT - 26 - nearest * height,
        outdoor=outdoor,
        light=_draw_light(random, outdoor),
        sensor=_draw_sensor(random, style),
        lanes=_draw_lanes(random, style),
    )


def _draw_light(random, outdoor):
    side, depth = random.uniform(-1, 1), random.uniform(-0.3, 1.0)
    direction = np.array([side, -random.uniform(0.5, 1.2), depth])
    strength = random.uniform(0.45, 0.75) if outdoor else random.uniform(0.2, 0.4)
    return Light(
        direction=tuple((direction / np.linalg.norm(direction)).tolist()),
        ambient=1.12 - strength,
        strength=strength,
        warmth=random.uniform(0.0, 0.09) if outdoor else random.uniform(-0.03, 0.03),
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
        noise=random.uniform(*style.noise),
        quality=int(random.integers(*style.quality)),
    )


def _draw_lanes(random, style):
    """Draws three ways that cross the picture in directions about 60 degrees apart."""
    far, near = (_FOCAL_LENGTH * _PERSON / pixels for pixels in style.person_pixels)
    turn = random.uniform(0, np.pi)
    lanes = []
    for index in range(3):
        angle = turn + index * np.pi / 3 + random.normal(0, 0.15)
        middle = np.array(
            [random.uniform(-1.0, 1.0), random.uniform(near + 0.3 * (far - near), far - 0.3 * (far - near))]
        )
        reach = 3.0 * np.array([np.cos(angle), np.sin(angle)])
        ends = np.stack([middle - reach, middle + reach])
        ends[:, 1] = np.clip(ends[:, 1], near, far)
        # The frame is narrower near the camera.
        limit = 0.36 * FRAME_WIDTH * ends[:, 1] / _FOCAL_LENGTH
        ends[:, 0] = np.clip(ends[:, 0], -limit, limit)
        lanes.append(Lane(tuple(ends[0].tolist()), tuple(ends[1].tolist())))
    return tuple(lanes)
