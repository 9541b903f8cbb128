"""Plain NumPy loops for qaconv_tf/pipeline/image_operations.py; images are (height, width, 3) in [0, 1]."""

import colorsys
import math

import numpy as np


def pad_and_crop(image, pad, row, column):
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            source_y, source_x = y + row - pad, x + column - pad
            if 0 <= source_y < height and 0 <= source_x < width:
                result[y, x] = image[source_y, source_x]
    return result


def rotate_to_nearest(image, degrees):
    return rotate(image, degrees, _nearest)


def _nearest(image, y, x):
    height, width, _ = image.shape
    row, column = math.floor(y + 0.5), math.floor(x + 0.5)
    return image[row, column] if 0 <= row < height and 0 <= column < width else np.zeros(3)


def rotate(image, degrees, look_up=None):
    """Each output pixel looks up where it came from, by the turn the other way; here y grows upwards."""
    height, width, _ = image.shape
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    turn = math.radians(-degrees)
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            right, up = x - centre_x, centre_y - y
            source_x = centre_x + right * math.cos(turn) - up * math.sin(turn)
            source_y = centre_y - (right * math.sin(turn) + up * math.cos(turn))
            result[y, x] = (look_up or _bilinear)(image, source_y, source_x)
    return result


def _bilinear(image, y, x):
    height, width, _ = image.shape
    top, left = math.floor(y), math.floor(x)
    total = np.zeros(3)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < height and 0 <= column < width:
                total += (1 - abs(y - row)) * (1 - abs(x - column)) * image[row, column]
    return total


def adjust_brightness(image, factor):
    return np.minimum(image * factor, 1)


def adjust_contrast(image, factor):
    mean = np.mean([_grey(pixel) for pixel in image.reshape(-1, 3)])
    return np.clip(mean + factor * (image - mean), 0, 1)


def adjust_saturation(image, factor):
    return _by_pixel(image, lambda pixel: np.clip(_grey(pixel) + factor * (pixel - _grey(pixel)), 0, 1))


def adjust_hue(image, turns):
    def turn(pixel):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        return colorsys.hsv_to_rgb((hue + turns) % 1, saturation, value)

    return _by_pixel(image, turn)


def occlude(image, side, row, column):
    result = image.copy()
    for y in range(row, row + side):
        for x in range(column, column + side):
            result[y, x] = 1
    return result


def _grey(pixel):
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]


def _by_pixel(image, function):
    return np.array([function(pixel) for pixel in image.reshape(-1, 3)]).reshape(image.shape)
