"""Reads every image of a data set, in several processes: whether it is whole, and what makes it recognisable."""

import hashlib
import io
import multiprocessing
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from qaconv_tf.cores import num_cores
from qaconv_tf.datasets.finding import Finding

_SKETCH_SIDE = 16
# Starting a process costs as much as decoding some hundred crops.
_IMAGES_PER_PROCESS = 500
_IMAGES_PER_TASK = 32


class ImageFacts(NamedTuple):
    """What an image file is.

    Args:
        path: str. The file.
        digest: bytes. Equal for equal contents of the file; empty if it cannot be read.
        sketch: bytes of length 32. Whether each of 16 x 16 places is brighter than the one left of it, which hardly
            changes when an image is saved again or resized; empty if it cannot be decoded.
        trouble: str. Why it cannot be used, or empty.
    """

    path: str
    digest: bytes
    sketch: bytes
    trouble: str


def examine_images(
    paths: Sequence[str], processes: int | None = None, progress: Callable[[int, int], None] | None = None
) -> list[ImageFacts]:
    """Reads and decodes images.

    Args:
        paths: sequence of str.
        processes: int or None. Processes that decode. Defaults to `None`: one a core, or fewer for few images.
        progress: function of the numbers of images done and in all. Defaults to `None`.

    Returns:
        A list of `ImageFacts`, in the order of `paths`.

    Example:
        >>> import os, tempfile
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.audit_images import examine_images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "a.png")
        ...     Image.new("RGB", (20, 50), (255, 128, 0)).save(path)
        ...     whole, missing = examine_images([path, "nowhere.png"])
        >>> whole.trouble, missing.trouble
        ('', 'No such file or directory')
    """
    if processes is None:
        processes = min(num_cores(), -(-len(paths) // _IMAGES_PER_PROCESS))
    facts = []
    for each in _map(examine_image, paths, processes):
        facts.append(each)
        if progress is not None:
            progress(len(facts), len(paths))
    return facts


def _map(function, items, processes):
    if processes < 2:
        yield from map(function, items)
        return
    # Spawned, not forked: a fork of a process in which other libraries run threads can hang.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(function, items, chunksize=_IMAGES_PER_TASK)


def examine_image(path: str) -> ImageFacts:
    """Reads and decodes one image, by the rules of `pipeline.read_image`.

    Args:
        path: str.

    Returns:
        Its `ImageFacts`.
    """
    digest = sketch = b""
    try:
        with open(path, "rb") as file:
            content = file.read()
        digest = hashlib.blake2b(content, digest_size=16).digest()
        # A picture of more than 89 megapixels is only warned of; one of twice that is an error.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
            mode = image.mode
            sketch = _sketch(image.convert("RGB").convert("L"))
    except Exception as error:  # each format of Pillow raises what its parsing meets
        return ImageFacts(path, digest, b"", _reason(error))
    return ImageFacts(path, digest, sketch, f"more than 8 bits a channel ({mode})" if mode[0] in "IF" else "")


def _sketch(grey):
    pixels = np.asarray(grey.resize((_SKETCH_SIDE + 1, _SKETCH_SIDE), Image.Resampling.BILINEAR))
    return np.packbits(pixels[:, 1:] > pixels[:, :-1]).tobytes()


def _reason(error):
    if isinstance(error, Image.UnidentifiedImageError):
        return "no image, or empty"
    strerror = getattr(error, "strerror", None)
    return strerror or " ".join(f"{error}".split()) or type(error).__name__


def check_damage(facts: Iterable[ImageFacts]) -> list[Finding]:
    """Finds the images that cannot be used.

    Example:
        >>> from qaconv_tf.datasets.audit_images import ImageFacts, check_damage
        >>> (finding,) = check_damage([ImageFacts("a.jpg", b"", b"", "no image, or empty")])
        >>> finding.severity, finding.examples
        ('error', ('a.jpg: no image, or empty',))
    """
    facts = list(facts)
    damaged = [each for each in facts if each.trouble]
    # If it is most of them, they are to be replaced.
    few = 2 * len(damaged) <= len(facts)
    if not damaged:
        return []
    return [
        Finding(
            "error",
            "Images that cannot be used",
            len(damaged),
            "whole images of 8 bits a channel",
            f"{len(damaged)} that training and evaluation would stop at",
            "Unpack or download them again, and convert those of more bits; where that cannot be, take them out",
            examples=tuple(f"{each.path}: {each.trouble}" for each in damaged),
            unwanted=tuple(each.path for each in damaged) if few else (),
        )
    ]
