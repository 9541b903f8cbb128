"""The renderer: a person at one moment, lit, as a small picture with transparency.

This is the door behind which another renderer may stand: `draw_figure` is all that the rest of the package calls.
"""

import dataclasses

import numpy as np

from qaconv_tf.people.body import build_tubes
from qaconv_tf.people.paint import cloth_noise, paint
from qaconv_tf.people.surface import visible_pixels

_SMOOTH = ("head", "nose", "neck", "hand", "hair")


@dataclasses.dataclass(frozen=True)
class Light:
    """Where light comes from in a camera's picture.

    Args:
        direction: tuple of 3 floats. Unit, towards the light: x right, y down, z to the camera.
        ambient: float. Light from everywhere; with `strength` it adds up to about 1 on the lit side.
        strength: float. Light from `direction`.
        warmth: float. How much redder the direct light is than the ambient.
    """

    direction: tuple
    ambient: float
    strength: float
    warmth: float


@dataclasses.dataclass(frozen=True)
class Figure:
    """A drawn person.

    Args:
        colour: `(height, width, 3)` float32 in [0, 1], multiplied by `alpha`.
        alpha: `(height, width)` float32 in [0, 1].
        corner: tuple of 2 ints. Column and row of the upper left pixel; the ground point of the feet is (0, 0).
    """

    colour: np.ndarray
    alpha: np.ndarray
    corner: tuple


def draw_figure(person, view, light, pixels_per_metre):
    """Draws a person.

    Args:
        person: `Person`. Who.
        view: `View`. From which side and in which step.
        light: `Light`. Of the camera.
        pixels_per_metre: float. Scale of the picture at the person's distance.

    Returns:
        A `Figure`, drawn at twice the scale and averaged over squares of 2 x 2.
    """
    tubes = build_tubes(person, view, pixels_per_metre * 2)
    pixels, (left, top, right, bottom) = visible_pixels(tubes)
    canvas = np.zeros((4, (bottom - top) * (right - left)), np.float32)
    for channel, values in zip(canvas, _lit_colours(person, tubes, pixels, light), strict=False):
        channel[pixels.place] = values
    canvas[3, pixels.place] = 1
    canvas = canvas.reshape(4, bottom - top, right - left)
    rows = canvas[:, 0::2] + canvas[:, 1::2]
    drawn = 0.25 * (rows[:, :, 0::2] + rows[:, :, 1::2])
    return Figure(np.ascontiguousarray(np.moveaxis(drawn[:3], 0, 2)), drawn[3], (left // 2, top // 2))


def _lit_colours(person, tubes, pixels, light):
    colours = np.empty((3, len(pixels.place)), np.float32)
    folds = np.zeros(len(pixels.place), np.float32)
    starts = np.searchsorted(pixels.tube, np.arange(len(tubes) + 1))
    for tube, start, stop in zip(tubes, starts[:-1], starts[1:], strict=True):
        here = slice(start, stop)
        angle, along = pixels.angle[here], pixels.along[here]
        colours[:, here] = paint(tube.name, person, angle, along, pixels.normal[:, here])
        if not tube.name.startswith(_SMOOTH):
            # Folds run along limbs and across the trunk's hang: noise stretched along the tube.
            folds[here] = cloth_noise(person, angle * 0.12, along * 0.35, 130)
    direct, around = _shade(pixels, folds, light)
    for channel, tint in zip(colours, (light.warmth, 0.0, -light.warmth), strict=True):
        channel *= direct * np.float32(1 + tint) + around * np.float32(1 - 0.5 * tint)
    return np.minimum(colours, 1)


def _shade(pixels, folds, light):
    """Returns how much light each pixel receives from the light's direction and from all around, each `(n,)`."""
    # Not a matrix product: its threads would compete with the other processes that draw.
    facing = sum(pixels.normal[axis] * np.float32(light.direction[axis]) for axis in range(3))
    direct = light.strength * np.clip(0.25 + 0.75 * facing + 0.11 * folds, 0, 1.2)
    # Surfaces that turn away from the camera or face the ground receive less of the sky.
    around = light.ambient * (0.72 + 0.28 * pixels.normal[2]) * (1 - 0.22 * pixels.normal[1]) * (1 + 0.04 * folds)
    return direct, around
