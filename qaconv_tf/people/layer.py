"""Pieces of a picture, each at its distance: people, their shadows, furniture."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Layer:
    """A piece of a camera's frame.

    Args:
        distance: float. Metres from the camera; nearer layers cover farther ones.
        row: int. Of the frame, where the piece's upper edge lies; may be outside.
        column: int. Of the piece's left edge.
        colour: `(height, width, 3)` float32 in [0, 1], multiplied by `alpha`.
        alpha: `(height, width)` float32 in [0, 1].
    """

    distance: float
    row: int
    column: int
    colour: np.ndarray
    alpha: np.ndarray

    def paste(self, picture, corner=(0, 0)):
        """Draws the piece into `picture`, `(height, width, 3)`, whose upper left pixel is (row, column) `corner`."""
        mine, theirs = self._overlap(picture.shape, corner)
        picture[theirs] *= 1 - self.alpha[mine][..., None]
        picture[theirs] += self.colour[mine]

    def visible_beside(self, other):
        """Returns the share of this piece, 0 to 1, that is seen when `other` stands before it."""
        mine, theirs = other._overlap(self.alpha.shape, (self.row, self.column))
        hidden = float((self.alpha[theirs] * other.alpha[mine]).sum())
        return 1 - hidden / max(float(self.alpha.sum()), 1e-6)

    def _overlap(self, shape, corner):
        """Slices of this piece and of a picture of `shape` at `corner` that show the same part of the frame."""
        mine, theirs = [], []
        for begin, size, edge, extent in zip((self.row, self.column), self.alpha.shape, corner, shape, strict=False):
            first, last = max(begin, edge), max(min(begin + size, edge + extent), max(begin, edge))
            mine.append(slice(first - begin, last - begin))
            theirs.append(slice(first - edge, last - edge))
        return tuple(mine), tuple(theirs)
