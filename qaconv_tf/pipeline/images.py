"""An image file -> an array, with one clear line for each way in which a file can be bad."""

import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from qaconv_tf.errors import UserError

# Pillow's readers have no error class of their own for a damaged file: each format raises what its parsing meets.
_DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, EOFError, struct.error,
    zlib.error,
)  # fmt: skip


def read_image(path: str | os.PathLike, height: int, width: int) -> np.ndarray:
    """Reads an image file as RGB and resizes it by bicubic interpolation, as the published recipes do.

    The EXIF orientation is honoured; grey, palette and CMYK images become RGB; an alpha channel is dropped; of several
    frames the first is taken. A truncated file is an error, never a picture with a grey lower half.

    Args:
        path: str or path. The image file, in any format that Pillow reads.
        height: int. Height of the result in pixels.
        width: int. Width of the result in pixels.

    Returns:
        uint8 array, `(height, width, 3)`.

    Raises:
        UserError: if the file is missing, cannot be opened, is no image, is damaged or truncated, has more than 8 bits
            a channel, or is so large that it may be a decompression bomb.

    Example:
        >>> import os, tempfile
        >>> from PIL import Image
        >>> from qaconv_tf.pipeline.images import read_image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "0002_c1s1_000451_03.png")
        ...     Image.new("RGB", (20, 50), (255, 128, 0)).save(path)
        ...     image = read_image(path, height=8, width=4)
        >>> image.shape, image.dtype.name, image[0, 0].tolist()
        ((8, 4, 3), 'uint8', [255, 128, 0])
    """
    image = _decode(path).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(image)


def _decode(path: str | os.PathLike) -> Image.Image:
    # repr also keeps a newline or an undecodable byte of a file name out of the message.
    received = f"Received: path={os.fspath(path)!r}."
    try:
        with Image.open(path) as image:
            ImageOps.exif_transpose(image, in_place=True)
            mode = image.mode
            rgb = image.convert("RGB")
    except FileNotFoundError as error:
        raise UserError(f"Expected an image file, found none. {received} Check the data folder or the list") from error
    except Image.DecompressionBombError as error:
        raise UserError(
            f"Expected an image of at most {2 * Image.MAX_IMAGE_PIXELS} pixels (a larger one may be a decompression "
            f"bomb). {received} Remove the file or make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise UserError(
            f"Expected an image that Pillow can identify (JPEG, PNG, ...). {received} It is no image, or is empty: "
            "remove or replace it"
        ) from error
    except _DECODING_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(
                f"Expected an image file that can be opened. {received} The system says: {error.strerror}"
            ) from error
        raise UserError(
            f"Expected a whole image, but the file is truncated or damaged ({_one_line(error)}). {received} Replace it"
        ) from error
    if mode.startswith(("I", "F")):
        # Pillow clips these to 255 without a word, which turns nearly every pixel white.
        raise UserError(f"Expected 8 bits a channel, found Pillow's mode {mode!r}. {received} Convert the image")
    return rgb


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split())
