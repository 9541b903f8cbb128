"""The light at a camera: sun or lamps, sky or ceiling, by weather and time of day."""

import dataclasses

import numpy as np

DIRECTIONS = 16


@dataclasses.dataclass(frozen=True, eq=False)
class Light:
    """Linear light, in which a surface lit by all of it is about 1.

    Args:
        sun: `(3,)` float32. Unit vector towards the sun, or the nearest lamp.
        sun_colour: `(3,)` float32. On a surface that faces it.
        softness: float. Radius of the half shadow of a person, in metres.
        sky: `(DIRECTIONS, 3)` float32. Unit vectors to parts of the sky, each of the same size.
        sky_colours: `(DIRECTIONS, 3)` float32. Light of each part on a surface that faces it.
        walls: `(3,)` float32. Light that a part gives where something stands before it.
        bounce: `(3,)` float32. Light of the ground on a surface that faces it.
        zenith: `(3,)` float32. Colour of the sky above.
        horizon: `(3,)` float32. Colour of the sky at the horizon, and of haze.
        haze: float. Metres after which two thirds of a thing are lost in haze.
    """

    sun: np.ndarray
    sun_colour: np.ndarray
    softness: float
    sky: np.ndarray
    sky_colours: np.ndarray
    walls: np.ndarray
    bounce: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    haze: float

    @property
    def lean(self):
        """Where the light of the sky comes from on the whole: its mean direction, at most of length 1."""
        strength = self.sky_colours.sum(1)
        return ((self.sky * strength[:, None]).sum(0) / strength.sum()).astype(np.float32)


def sky_directions():
    """Returns unit vectors spread evenly over the upper half of all directions, `(DIRECTIONS, 3)`."""
    number = np.arange(DIRECTIONS) + 0.5
    up = number / DIRECTIONS
    angle, aside = np.pi * (3 - np.sqrt(5)) * number, np.sqrt(1 - up * up)
    return np.stack([np.cos(angle) * aside, up, np.sin(angle) * aside], axis=-1)


def draw_light(random, outdoor, sunny, dark=0.0):
    """Draws the light of one camera.

    Args:
        random: `numpy.random.Generator`.
        outdoor: bool. Sun and sky, else lamps and a ceiling.
        sunny: float. Chance of a clear sky outdoors.
        dark: float. How uneven the lamps are, from 0.

    Returns:
        `Light`.
    """
    sky = sky_directions()
    # A fixed turn of the sky's parts would give all cameras the same pattern.
    turn = random.uniform(0, 2 * np.pi)
    sky[:, 0], sky[:, 2] = (
        np.cos(turn) * sky[:, 0] + np.sin(turn) * sky[:, 2],
        np.cos(turn) * sky[:, 2] - np.sin(turn) * sky[:, 0],
    )
    parts = _outdoor(random, sky, sunny) if outdoor else _indoor(random, sky, dark)
    sun, sun_colour, softness, colours, zenith, horizon, ground = parts
    # Evenly bright parts give a surface that looks up the light 1.
    colours = colours / sky[:, 1].sum()
    up = sun_colour * sun[1] + (colours * sky[:, 1:2]).sum(0)
    aside = 0.35 * sun_colour * np.hypot(sun[0], sun[2]) + 0.5 * (colours * sky[:, 1:2]).sum(0)
    scale = 1 / np.mean(0.4 * up + 0.6 * aside)
    return Light(
        sun=sun.astype(np.float32),
        sun_colour=(sun_colour * scale).astype(np.float32),
        softness=softness,
        sky=sky.astype(np.float32),
        sky_colours=(colours * scale).astype(np.float32),
        walls=(0.3 * colours.mean(0) * scale).astype(np.float32),
        bounce=(ground * up * scale).astype(np.float32),
        zenith=(zenith * scale).astype(np.float32),
        horizon=(horizon * scale).astype(np.float32),
        haze=float(random.uniform(60, 400)),
    )


def _outdoor(random, sky, sunny):
    elevation, azimuth = np.radians(random.uniform(16, 66)), random.uniform(0, 2 * np.pi)
    sun = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    low = 1 - np.clip((np.degrees(elevation) - 12) / 30, 0, 1)  # a low sun is weak and red
    clear = random.random() < sunny
    if clear:
        sun_colour = np.array([1.0, 0.95 - 0.13 * low, 0.86 - 0.33 * low]) * random.uniform(2.2, 3.6) * (1 - 0.45 * low)
        zenith, horizon = np.array([0.30, 0.48, 0.86]), np.array([0.82, 0.90, 1.0])
        horizon = horizon + (np.array([1.15, 0.92, 0.72]) - horizon) * low
        softness = random.uniform(0.012, 0.03)
    else:
        cast = np.array([0.97, 1.0, 1.04]) * random.uniform(0.95, 1.05)
        sun_colour = cast * random.uniform(0.0, 0.5)
        zenith, horizon = 1.1 * cast, 0.85 * cast
        softness = random.uniform(0.12, 0.3)
    up = sky[:, 1:2]
    glow = 1 + (1.6 if clear else 0.4) * np.maximum(sky @ sun, 0)[:, None] ** 5
    colours = (horizon * (1 - up) + zenith * up) * glow * (1 if clear else (1 + 2 * up) / 2)
    ground = np.array([0.26, 0.25, 0.22]) * random.uniform(0.7, 1.2)
    return sun, sun_colour, softness, colours, zenith, horizon, ground


def _indoor(random, sky, dark):
    warmth = random.normal(0, 0.1)
    cast = np.array([1 + warmth, 1 + 0.02 * random.normal(), 1 - 1.3 * warmth])
    lamps = 0.35 + random.gamma(0.6 + 1 / (0.3 + dark), 0.5, DIRECTIONS)[:, None]
    colours = cast * lamps * (0.4 + sky[:, 1:2])
    elevation, azimuth = np.radians(random.uniform(48, 85)), random.uniform(0, 2 * np.pi)
    sun = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    sun_colour = cast * random.uniform(0.15, 0.8)
    ground = np.array([0.38, 0.36, 0.33]) * random.uniform(0.6, 1.3)
    return sun, sun_colour, random.uniform(0.06, 0.2), colours, 0.5 * cast, 0.45 * cast, ground
