"""Shadows of people on level ground."""

import numpy as np
from PIL import Image, ImageFilter

from qaconv_tf.people.layer import Layer


def contact_shadow(column, row, scale, distance):
    """The soft dark spot under a person's feet, in any light.

    Args:
        column: float. Frame column of the ground point between the feet.
        row: float. Frame row of it.
        scale: float. Pixels per metre there.
        distance: float. Metres from the camera.

    Returns:
        A `Layer` just behind the person.
    """
    wide, high = max(round(0.65 * scale), 4), max(round(0.22 * scale), 2)
    x, y = np.linspace(-2, 2, 2 * wide, dtype=np.float32), np.linspace(-2, 2, 2 * high, dtype=np.float32)[:, None]
    alpha = 0.45 * np.exp(-(x**2 + y**2) * 1.3)
    return _dark_layer(alpha, distance, round(row) - high, round(column) - wide)


def cast_shadow(figure, column, row, distance, pitch, light):
    """The shadow that direct light throws: the figure laid down on the ground, away from the light.

    Args:
        figure: `Layer`. The drawn person; its outline is what throws the shadow.
        column: float. Frame column of the ground point between the feet.
        row: float. Frame row of it.
        distance: float. Metres from the camera.
        pitch: float. How far the camera looks down, in radians: a steep view sees a long shadow.
        light: `Light`.

    Returns:
        A `Layer` just behind the person.
    """
    x, y, z = light.direction
    # One metre of height falls `aside` metres to the side and appears `lift` metres higher in the picture.
    aside, lift = np.clip(x / y, -1.2, 1.2), -z / y * np.sin(pitch)
    lift = np.sign(lift) * np.clip(abs(lift), 0.12, 0.6)
    height = figure.alpha.shape[0]
    reach_x, reach_y = int(abs(aside) * height) + figure.alpha.shape[1], int(abs(lift) * height) + 4
    feet_x, feet_y = reach_x, reach_y  # where the ground point lies in the shadow's own picture
    own_x, own_y = column - figure.column, row - figure.row
    # A shadow pixel (u, v) shows the figure's height (feet_y - v) / lift.
    matrix = (1, aside / lift, own_x - feet_x - aside * feet_y / lift, 0, 1 / lift, own_y - feet_y / lift)
    outline = Image.fromarray((figure.alpha * 255).astype(np.uint8))
    laid = outline.transform((2 * reach_x, 2 * reach_y), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    alpha = np.asarray(laid.filter(ImageFilter.GaussianBlur(1.2)), np.float32) / 255
    return _dark_layer(alpha * (0.75 * light.strength), distance, round(row) - feet_y, round(column) - feet_x)


def _dark_layer(alpha, distance, row, column):
    return Layer(distance + 1e-3, row, column, np.zeros((*alpha.shape, 3), np.float32), alpha)
