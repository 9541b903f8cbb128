"""Pooled feature maps and thumbnails -> the files that TensorBoard's embedding projector reads."""

import math
import os
import re

import numpy as np
from PIL import Image

from qaconv_tf.explain.drawing import PAPER

MOST_IMAGES = 1000  # the browser lays them out
SPRITE_SIZE = 64  # the projector draws squares, and counts on as many rows as columns
CONFIG = "projector_config.pbtxt"
_FOLDER = "projector"


def choose_projected(records, number=MOST_IMAGES, seed=0):
    """Chooses images by whole identities, as far as there is room: the same every time.

    Args:
        records: sequence of records with `.identity`.
        number: int. How many images at most. Defaults to `1000`.
        seed: int. Of the identities' order. Defaults to `0`.

    Returns:
        int array of places in `records`, rising.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.projector import choose_projected
        >>> choose_projected([ImageRecord("a.jpg", 7), ImageRecord("b.jpg", 3), ImageRecord("c.jpg", 7)]).tolist()
        [0, 1, 2]
    """
    identities = np.unique([str(record.identity) for record in records], return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(identities.max() + 1)
    return np.sort(np.argsort(order[identities], kind="stable")[:number])


def write_projector(folder, name, vectors, records, thumbnails):
    """Writes or replaces one set of vectors; sets of other names in the folder stay.

    Args:
        folder: str. TensorBoard's folder of a run.
        name: str. What the set is called; what no file name holds becomes `_`.
        vectors: float array `(num_images, channels)`.
        records: sequence of records with `.identity` and `.camera`, one a vector.
        thumbnails: sequence of uint8 arrays `(height, width, 3)`, neither above 64; one a vector.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.projector import write_projector
        >>> images, records = np.zeros((2, 64, 32, 3), np.uint8), [ImageRecord("a.jpg", 7, 0), ImageRecord("b.jpg", 3)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_projector(folder, "market1501:my/pets", np.eye(2), records, images)
        ...     sorted(os.listdir(f"{folder}/projector/market1501_my_pets")), sorted(os.listdir(folder))
        (['metadata.tsv', 'thumbnails.png', 'vectors.tsv'], ['projector', 'projector_config.pbtxt'])
    """
    name = re.sub(r"[^\w.+=-]+", "_", name)
    place = os.path.join(folder, _FOLDER, name)
    os.makedirs(place, exist_ok=True)
    np.savetxt(os.path.join(place, "vectors.tsv"), vectors, "%.5g", delimiter="\t")
    with open(os.path.join(place, "metadata.tsv"), "w", encoding="utf-8") as file:
        file.write("identity\tcamera\n")
        file.writelines(f"{_word(one.identity)}\t{_word(one.camera)}\n" for one in records)
    _sprite(thumbnails).save(os.path.join(place, "thumbnails.png"))
    sets = sorted(os.listdir(os.path.join(folder, _FOLDER)))
    with open(os.path.join(folder, CONFIG), "w", encoding="utf-8") as file:
        file.writelines(map(_entry, sets))


def _word(value):
    """A value as one cell of a table."""
    return "unknown" if value is None else " ".join(str(value).split())


def _sprite(thumbnails):
    """All thumbnails in one picture, row by row, each in the middle of its square."""
    columns = math.ceil(math.sqrt(len(thumbnails)))
    sprite = Image.new("RGB", (columns * SPRITE_SIZE, columns * SPRITE_SIZE), PAPER)
    for number, thumbnail in enumerate(thumbnails):
        row, column = divmod(number, columns)
        left, top = ((SPRITE_SIZE - length) // 2 for length in (thumbnail.shape[1], thumbnail.shape[0]))
        sprite.paste(Image.fromarray(thumbnail), (column * SPRITE_SIZE + left, row * SPRITE_SIZE + top))
    return sprite


def _entry(name):
    """The lines of one set; paths are relative to the file."""
    path = f"{_FOLDER}/{name}"
    return (
        f'embeddings {{\n  tensor_name: "{name}"\n  tensor_path: "{path}/vectors.tsv"\n'
        f'  metadata_path: "{path}/metadata.tsv"\n  sprite {{\n    image_path: "{path}/thumbnails.png"\n'
        f"    single_image_dim: {SPRITE_SIZE}\n    single_image_dim: {SPRITE_SIZE}\n  }}\n}}\n"
    )
