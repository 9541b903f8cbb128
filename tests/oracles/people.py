"""Plain oracles for generated pedestrians."""

import hashlib
import pathlib
import re

import numpy as np
from PIL import Image


def folder_digests(directory):
    """Returns the SHA-256 of every file below a folder, by its relative path."""
    directory = pathlib.Path(directory)
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def read_name(name):
    """Returns identity, camera (from 1) and frame of a file name of Market-1501."""
    return tuple(int(number) for number in re.fullmatch(r"(\d+)_c(\d)s1_(\d{6,})_\d\d\.jpg", name).groups())


def garment_colour(path):
    """Returns the mean colours of the middle of the chest and of the thighs, `(6,)`, in [0, 1]."""
    picture = np.asarray(Image.open(path).convert("RGB"), float) / 255
    height, width = picture.shape[:2]
    middle = slice(int(0.38 * width), int(0.62 * width))
    chest = picture[int(0.25 * height) : int(0.42 * height), middle]
    thighs = picture[int(0.52 * height) : int(0.66 * height), middle]
    return np.concatenate([chest.mean(axis=(0, 1)), thighs.mean(axis=(0, 1))])


def mean_pair_distance(colours, identities, cameras, same):
    """Mean distance over all pairs from different cameras, of the same or of different identities."""
    distances = []
    for i in range(len(colours)):
        for j in range(i):
            if cameras[i] != cameras[j] and (identities[i] == identities[j]) == same:
                distances.append(np.linalg.norm(colours[i] - colours[j]))
    return float(np.mean(distances))
