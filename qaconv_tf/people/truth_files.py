"""Files of ground truth, for each image of a data set one picture and one array, in a folder of their own."""

import io
import pathlib
import zipfile

import numpy as np
from PIL import Image

from qaconv_tf.errors import UserError

FOLDER = "ground_truth"  # not beside the images, where readers of data sets would take the pictures for images


def encode_truth(photograph):
    """Returns the files of a photograph's ground truth.

    Args:
        photograph: `Photograph` with ground truth.

    Returns:
        dict of suffix -> bytes: `.png`, a picture of one channel, `parts`; and `.npz`, `surface` in float16.
    """
    picture, array = io.BytesIO(), io.BytesIO()
    Image.fromarray(photograph.parts).save(picture, "PNG")
    content = io.BytesIO()
    np.save(content, photograph.surface.astype(np.float16))
    # As numpy.savez_compressed, but without the time of day, so that the same seed gives the same bytes.
    with zipfile.ZipFile(array, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("surface.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    return {".png": picture.getvalue(), ".npz": array.getvalue()}


def truth_path(root, path):
    """Returns where the ground truth of an image lies, without a suffix.

    Args:
        root: str or path. The data set's folder.
        path: str. The image's path below it.
    """
    return pathlib.Path(root, FOLDER, path).with_suffix("")


def read_truth(root, path):
    """Reads the ground truth of one image.

    Args:
        root: str or path. The data set's folder, made with `ground_truth=True`.
        path: str or path. The image, below `root`.

    Returns:
        Tuple of `parts`, `(height, width)` uint8: 0 where the person is not seen, else 1 + the index into
        `qaconv_tf.people.mesh.PARTS`; and `surface`, `(height, width, 3)` float16: the place on the average body at
        rest, in metres, that is seen or covered there; NaN where there is none.

    Raises:
        UserError: if there is none.
    """
    path = pathlib.Path(path)
    stem = truth_path(root, path.relative_to(root) if path.is_relative_to(root) else path)
    try:
        with Image.open(stem.with_suffix(".png")) as picture:
            parts = np.asarray(picture)
        with np.load(stem.with_suffix(".npz")) as arrays:
            return parts, arrays["surface"]
    except OSError as error:
        raise UserError(
            f"Expected ground truth of {path}. Received: {error}. Generate the set with --ground_truth"
        ) from error
