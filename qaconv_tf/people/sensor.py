"""From linear light to the file: the camera's optics, exposure, colours, noise and compression."""

import io

import numpy as np
from PIL import Image, ImageFilter

_GREY = (np.float32(0.299), np.float32(0.587), np.float32(0.114))
_STEPS = 4096
_BRIGHTEST = 4.0
# Light -> value: sRGB's curve with a shoulder, so that what is brighter than white does not turn flat at once.
_LIGHT = np.arange(_STEPS, dtype=np.float64) * (_BRIGHTEST / _STEPS)
_SHOULDER = _LIGHT * (1 + _LIGHT / 3.2**2) / (1 + 0.42 * _LIGHT)
_CURVE = np.where(_SHOULDER <= 0.0031308, 12.92 * _SHOULDER, 1.055 * np.maximum(_SHOULDER, 1e-9) ** (1 / 2.4) - 0.055)
_CURVE = np.clip(_CURVE, 0, 1.1).astype(np.float32)


def expose(picture, sensor, random):
    """Turns a clean picture into what one camera records.

    Args:
        picture: `(height, width, 3)` float32. Linear light, about 1 for white in full light.
        sensor: `Sensor`. Of the camera.
        random: `numpy.random.Generator`. For the noise and this picture's small departures from the camera's exposure.

    Returns:
        bytes of a JPEG file of the same size.
    """
    gains = np.asarray(sensor.gains, np.float32) * np.float32(1.15 * np.exp(random.normal(0, 0.07)))
    colours = _CURVE[np.minimum(picture * gains * np.float32(_STEPS / _BRIGHTEST), _STEPS - 1).astype(np.int32)]
    colours = np.asarray(_soften(_to_image(_fringe(colours, sensor.fringe)), sensor), np.float32) / 255
    grey = sum(colours[..., channel] * _GREY[channel] for channel in range(3))[..., None]
    colours = grey + (colours - grey) * np.float32(sensor.saturation)
    colours = 0.45 + (colours - 0.45) * np.float32(sensor.contrast)
    colours = sensor.black_level + (1 - sensor.black_level) * colours
    # Most of the noise is the same in all channels; coloured noise is what a camera filters out.
    noise = random.standard_normal((*colours.shape[:2], 4), np.float32) * np.float32(sensor.noise)
    colours += noise[..., 3:] + np.float32(0.5) * noise[..., :3]
    recorded = io.BytesIO()
    _to_image(colours).save(recorded, "JPEG", quality=sensor.quality)
    return recorded.getvalue()


def _to_image(colours):
    return Image.fromarray((np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8))


def _fringe(colours, shift):
    """Shifts red to the left and blue to the right by parts of a pixel, as cheap lenses do off their axis."""
    if shift <= 0:
        return colours
    shift, moved = np.float32(min(shift, 1.0)), colours.copy()
    moved[:, :-1, 0] += shift * (colours[:, 1:, 0] - colours[:, :-1, 0])
    moved[:, 1:, 2] += shift * (colours[:, :-1, 2] - colours[:, 1:, 2])
    return moved


def _soften(image, sensor):
    width, height = image.size
    resolved = (max(round(width * sensor.detail), 8), max(round(height * sensor.detail), 16))
    if resolved[1] < height:
        image = image.resize(resolved, Image.Resampling.BOX)
    if sensor.blur > 0.15:
        image = image.filter(ImageFilter.GaussianBlur(sensor.blur))
    if sensor.sharpness > 0.15:
        image = image.filter(ImageFilter.UnsharpMask(1.2, round(100 * sensor.sharpness), 1))
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BICUBIC)
