"""Backdrops in files, so that each is drawn by one process and read by all.

Every run draws all that it reads: a file that an interrupted one left could be of anybody, and a pickle is code.
"""

import contextlib
import pathlib
import pickle
import shutil

from qaconv_tf.people.backdrop import draw_backdrop
from qaconv_tf.people.cameras import describe_camera
from qaconv_tf.people.files import write_whole

FOLDER = "backdrops.unfinished"


@contextlib.contextmanager
def backdrop_folder(directory):
    """Yields a folder for backdrops below a data set's, 30 MB a camera; it is removed in the end.

    Args:
        directory: path. The data set's folder.
    """
    folder = pathlib.Path(directory, FOLDER)
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_backdrop(folder, network, seed, number):
    """Draws the backdrop of a network's camera into a folder.

    Args:
        folder: str. Of `backdrop_folder`.
        network: str. Name of the network.
        seed: int. The data set's seed.
        number: int. The camera, from 0.

    Raises:
        UserError: if the file cannot be written.
    """
    write_whole(_path(folder, number), pickle.dumps(draw_backdrop(describe_camera(network, seed, number))))


def read_backdrop(folder, number):
    """Returns the `Backdrop` that `write_backdrop` has drawn."""
    return pickle.loads(_path(folder, number).read_bytes())


def _path(folder, number):
    return pathlib.Path(folder, f"{number}.pickle")
