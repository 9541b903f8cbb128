"""Feature maps kept in a run folder, so that an evaluation with other labels or options need not extract again."""

import hashlib
import os
import tempfile

import numpy as np


class KeptMaps:
    """The feature maps of a run folder, one file for each model and data set.

    A file is found again only if the model, the precision of the extraction and every image (path, size, time of
    change) are the same; labels do not count. Nothing is ever removed: to free the space, delete the folder `maps`.

    Args:
        folder: str. Where the files are.
        model: str. The model's file.
        extraction_precision: str.
    """

    def __init__(self, folder, model, extraction_precision):
        self._folder = folder
        with open(model, "rb") as file:
            self._model = hashlib.file_digest(file, "sha256").hexdigest()
        self._precision = extraction_precision

    def path(self, dataset):
        """Returns the file of a data set's maps, which need not exist."""
        digest = hashlib.sha256(f"{self._model} {self._precision}".encode())
        for record in (*dataset.query, *dataset.gallery):
            status = os.stat(record.path)
            line = f"\n{os.path.abspath(record.path)} {status.st_size} {status.st_mtime_ns}"
            digest.update(line.encode("utf-8", "surrogateescape"))
        return os.path.join(self._folder, f"{digest.hexdigest()[:32]}.npy")

    def load(self, dataset):
        """Returns a data set's maps as a memory map, or None if there are none.

        Args:
            dataset: `ReidDataset`.
        """
        try:
            return np.load(self.path(dataset), mmap_mode="r")
        except OSError:  # none, or an image is missing, which the extraction will tell
            return None

    def save(self, dataset, maps):
        """Keeps a data set's maps.

        Args:
            dataset: `ReidDataset`.
            maps: array `(num_query + num_gallery, height, width, channels)`.
        """
        os.makedirs(self._folder, exist_ok=True)
        # Beside its place and renamed, so that a run stopped here leaves no half of a file.
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".incomplete", delete=False) as file:
            np.save(file, maps)
        os.replace(file.name, self.path(dataset))
