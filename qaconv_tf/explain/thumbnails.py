"""Image files -> small JPEGs in base64, for a page that holds its images itself."""

import base64
import io
import os
from collections.abc import Sequence

from PIL import Image, ImageOps

from qaconv_tf.errors import UserError

THUMBNAIL_SIZE = (256, 128)  # width, height; smaller images stay as they are
JPEG_QUALITY = 80
_SAMPLE = 16


def thumbnail(path: str | os.PathLike) -> str:
    """Returns a small JPEG of an image in base64.

    Args:
        path: str or path. The image file. Its EXIF orientation is honoured.

    Raises:
        UserError: if it cannot be read.

    Example:
        >>> import base64, io, os, tempfile
        >>> from PIL import Image
        >>> from qaconv_tf.explain.thumbnails import thumbnail
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "large.png")
        ...     Image.new("RGB", (400, 800), "red").save(path)
        ...     small = Image.open(io.BytesIO(base64.b64decode(thumbnail(path))))
        >>> small.size
        (64, 128)
    """
    try:
        with Image.open(path) as image:
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail(THUMBNAIL_SIZE)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = error.strerror if getattr(error, "strerror", None) else " ".join(str(error).split())
        raise UserError(
            f"Expected an image to show in the report. Received: path={os.fspath(path)!r} ({reason}). Put the image "
            "back and write the report again"
        ) from error
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def typical_bytes(paths: Sequence[str | os.PathLike]) -> int:
    """Returns the mean size of thumbnails, of up to 16 of them: what a report's size is reckoned by.

    Args:
        paths: sequence of str or path, at least one.

    Raises:
        UserError: if one of them cannot be read.

    Example:
        >>> import os, tempfile
        >>> from PIL import Image
        >>> from qaconv_tf.explain.thumbnails import thumbnail, typical_bytes
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "red.png")
        ...     Image.new("RGB", (40, 80), "red").save(path)
        ...     typical_bytes([path] * 100) == len(thumbnail(path))
        True
    """
    # Evenly, since images of one camera usually follow each other.
    sample = paths[:: -(-len(paths) // _SAMPLE)]
    return sum(len(thumbnail(path)) for path in sample) // len(sample)
