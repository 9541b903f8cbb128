"""Files of ground truth, for each image of a data set one picture and one array, in a folder of their own."""

import io
import pathlib
import zipfile
from typing import NamedTuple

import numpy as np
from PIL import Image

from qaconv_tf.errors import UserError

FOLDER = "ground_truth"  # not beside the images, where readers of data sets would take the pictures for images


class GroundTruth(NamedTuple):
    """What an image of one person shows.

    Args:
        parts: uint8 array `(height, width)`. 0 where the person is not seen, else 1 + the index into
            `qaconv_tf.people.mesh.PARTS`.
        surface: float16 array `(height, width, 3)`. The place on the average body at rest, in metres, that is seen or
            covered there; NaN where there is none.
        viewpoint: float. From where the camera sees the person, degrees: 0 from the front, 90 from their own left.
    """

    parts: np.ndarray
    surface: np.ndarray
    viewpoint: float


def encode_truth(photograph):
    """Returns the files of a photograph's ground truth.

    Args:
        photograph: `Photograph` with ground truth.

    Returns:
        dict of suffix -> bytes: `.png`, a picture of one channel, `parts`; and `.npz`, `surface` in
        float16 and `viewpoint`.
    """
    picture, array = io.BytesIO(), io.BytesIO()
    Image.fromarray(photograph.parts).save(picture, "PNG")
    arrays = {"surface": photograph.surface.astype(np.float16), "viewpoint": np.float64(photograph.viewpoint)}
    # As numpy.savez_compressed, but without the time of day, so that the same seed gives the same bytes.
    with zipfile.ZipFile(array, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            np.save(content, values)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
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
        A `GroundTruth`.

    Raises:
        UserError: if there is none, a damaged one, or one of an earlier version, without the viewpoint.
    """
    path, absolute = pathlib.Path(path), pathlib.Path(root).absolute()
    below = path.absolute().relative_to(absolute) if path.absolute().is_relative_to(absolute) else path
    stem = truth_path(root, below)
    try:
        with Image.open(stem.with_suffix(".png")) as picture:
            parts = np.asarray(picture)
        with np.load(stem.with_suffix(".npz")) as arrays:
            return GroundTruth(parts, arrays["surface"], float(arrays["viewpoint"]))
    except Exception as error:  # a damaged archive can end in an error of any of the modules that read it
        raise UserError(
            f"Expected ground truth of {path}. Received: {error}. Generate the set in another folder, by "
            "qaconv-generate --ground_truth"
        ) from error


def find_truth_root(path):
    """Returns the folder of the data set with ground truth that an image is in.

    Args:
        path: str. The image.

    Raises:
        UserError: if no folder above the image has ground truth.
    """
    for folder in pathlib.Path(path).parents:
        if (folder / FOLDER).is_dir():
            return folder
    raise UserError(
        f"Expected a data set with ground truth. Received: {path}, with no folder {FOLDER!r} above it. Make one by "
        "qaconv-generate --ground_truth"
    )
