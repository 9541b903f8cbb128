"""The .mat files of CUHK03: their images as files, the test sets of the classic protocol and the new protocol."""

import os
import re

from absl import logging
from PIL import Image

from qaconv_tf.datasets.files import list_images
from qaconv_tf.errors import UserError

_IMAGE_NAME = re.compile(r"\d_\d{3}_[12]_\d\d\.png", re.ASCII)

# h5py and SciPy are imported where they are used: `import qaconv_tf.datasets` is on the way of every command's --help.


def read_images(mat_path: str, boxes: str, folder: str) -> dict[str, str]:
    """Finds the images of cuhk-03.mat as files, extracting them where this has not been done.

    They are extracted to a folder `images_{boxes}.partial`, each appearing at once and never overwritten, and the
    folder loses the `.partial` when it has all: an extraction that was stopped goes on where it was. An existing
    folder `images_{boxes}`, such as torchreid makes under the same names, is taken as it is.

    Args:
        mat_path: str. cuhk-03.mat, a MATLAB 7.3 file, which is HDF5.
        boxes: str. `"detected"` or `"labeled"`.
        folder: str. Where to put the folder of the images.

    Returns:
        Path by name, `{pair of cameras}_{person}_{view}_{image}.png`, all counted from 1, in name order. Images 1 to 5
        of a person are of view 1, 6 to 10 of view 2.

    Raises:
        UserError: if the file cannot be read or the images cannot be written.
    """
    extracted = os.path.join(folder, f"images_{boxes}")
    if not os.path.isdir(extracted):
        _extract(mat_path, boxes, extracted)
    paths = {os.path.basename(path): path for path in list_images(extracted)}
    return {name: path for name, path in paths.items() if _IMAGE_NAME.fullmatch(name)}


def read_test_sets(mat_path: str) -> list[set[tuple[int, int]]]:
    """Returns the test sets of the classic protocol.

    Args:
        mat_path: str. cuhk-03.mat.

    Returns:
        For each of the splits, the test identities as `(pair of cameras, person)`, both counted from 1.

    Raises:
        UserError: if the file cannot be read.
    """
    with _open_mat(mat_path) as mat:
        return [{(int(pair), int(person)) for pair, person in mat[ref][()].T} for ref in mat["testsets"][()].ravel()]


def read_new_protocol(folder: str, boxes: str) -> dict[str, list[tuple[str, int]]]:
    """Reads the new protocol.

    Args:
        folder: str. The folder that holds `cuhk03_new_protocol_config_{boxes}.mat`, or has it in `cuhk03_release`.
        boxes: str. `"detected"` or `"labeled"`.

    Returns:
        By split, a list of `(name of the image, identity)`.

    Raises:
        UserError: if the file is missing or not what it should be.
    """
    from scipy.io import loadmat

    name = f"cuhk03_new_protocol_config_{boxes}.mat"
    places = [os.path.join(folder, name), os.path.join(folder, "cuhk03_release", name)]
    path = next(filter(os.path.isfile, places), places[0])
    try:
        config = loadmat(path)
        names = [str(cell.item()) for cell in config["filelist"].ravel()]
        identities = config["labels"].ravel()
        return {
            # MATLAB counts from 1.
            split: [(names[index - 1], int(identities[index - 1])) for index in config[f"{part}_idx"].ravel()]
            for split, part in (("train", "train"), ("query", "query"), ("gallery", "gallery"))
        }
    except (OSError, ValueError, KeyError, IndexError, NotImplementedError) as error:
        raise UserError(
            f"Expected the file of the new protocol. Received: {path!r} ({error}). Copy it there from the repository "
            "person-re-ranking by zhunzhong07, folder evaluation/data/CUHK03, or choose cuhk03+protocol=classic"
        ) from error


def _open_mat(path):
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise UserError(
            f"Expected the file cuhk-03.mat of the archive, MATLAB 7.3. Received: {path!r} ({error}). Unpack it again"
        ) from error


def _extract(mat_path, boxes, extracted):
    partial = f"{extracted}.partial"
    logging.info("extracting the %s images of %s to %s, once", boxes, mat_path, extracted)
    with _open_mat(mat_path) as mat:
        try:
            os.makedirs(partial, exist_ok=True)
            for name, ref in _named_images(mat, boxes):
                path = os.path.join(partial, name)
                if not os.path.exists(path):
                    _write_image(path, mat[ref][()].T)
            os.rename(partial, extracted)
        except OSError as error:
            if os.path.isdir(extracted):  # another process was done first
                return
            raise UserError(
                f"Expected a place to extract the images of {mat_path!r} to. Received: {error}. "
                f"Free space, or copy the data set to where you may write"
            ) from error


def _named_images(mat, boxes):
    for pair, pair_ref in enumerate(mat[boxes][()].ravel(), 1):
        # HDF5 has MATLAB's dimensions in reverse: people are the rows after the transposition.
        for person, refs in enumerate(mat[pair_ref][()].T, 1):
            for number, ref in enumerate(refs, 1):
                # An empty cell is an array of its own dimensions, not of three.
                if mat[ref].ndim == 3:
                    yield f"{pair}_{person:03d}_{1 if number <= 5 else 2}_{number:02d}.png", ref


def _write_image(path, pixels):
    folder, name = os.path.split(path)
    # Hidden, so that it is no image of the folder; with the process's number, as two may extract at once.
    unfinished = os.path.join(folder, f".{name}.{os.getpid()}")
    Image.fromarray(pixels).save(unfinished, format="PNG")
    os.replace(unfinished, path)
