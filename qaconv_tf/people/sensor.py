"""From the scene to the file: the camera's optics, colours, noise and compression."""

import io

import numpy as np
from PIL import Image, ImageFilter

_GREY = (np.float32(0.299), np.float32(0.587), np.float32(0.114))


def expose(picture, sensor, random):
    """Turns a clean picture into what one camera records.

    Args:
        picture: `(height, width, 3)` float in [0, 1]. The scene.
        sensor: `Sensor`. Of the camera.
        random: `numpy.random.Generator`. For the noise and this picture's small departures from the camera's exposure.

    Returns:
        bytes of a JPEG file of the same size.
    """
    blurred = np.asarray(_soften(_to_image(picture), sensor), np.float32) / 255
    colours = blurred * np.asarray(sensor.gains, np.float32) * np.float32(np.exp(random.normal(0, 0.05)))
    grey = sum(colours[..., channel] * _GREY[channel] for channel in range(3))[..., None]
    colours = grey + (colours - grey) * np.float32(sensor.saturation)
    colours = 0.45 + (colours - 0.45) * np.float32(sensor.contrast)
    colours = sensor.black_level + (1 - sensor.black_level) * colours
    colours += random.standard_normal(colours.shape, np.float32) * np.float32(sensor.noise)
    recorded = io.BytesIO()
    _to_image(colours).save(recorded, "JPEG", quality=sensor.quality)
    return recorded.getvalue()


def _to_image(colours):
    return Image.fromarray((np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8))


def _soften(image, sensor):
    width, height = image.size
    resolved = (max(round(width * sensor.detail), 8), max(round(height * sensor.detail), 16))
    if resolved[1] < height:
        image = image.resize(resolved, Image.Resampling.BOX).resize((width, height), Image.Resampling.BICUBIC)
    return image.filter(ImageFilter.GaussianBlur(sensor.blur)) if sensor.blur > 0.15 else image
