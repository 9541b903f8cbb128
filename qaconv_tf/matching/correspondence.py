"""Where two images match, and what each place adds to their score."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Correspondences:
    """The matched locations of a pair of images; in evaluation a score is nothing but their sum.

    Locations are numbered row by row: number `n` lies in row `n // width` and column `n % width` of the feature map.

    Args:
        feature_shape: tuple `(height, width)` of the feature maps.
        best_of_query: int array `(locations,)`. For each location of the query the gallery location whose response is
            the greatest (of equal ones the first).
        best_of_gallery: the same, the query location for each location of the gallery image.
        query_shares: float64 array `(locations,)`. What each location of the query adds to the score, as it differs
            from a location whose best response is the mean of training's.
        gallery_shares: the same, of the gallery image.
        constant: float. What all shares and this add up to is the score.
        probability: float. That both show the same identity, `sigmoid(score / temperature)`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.matching.correspondence import Correspondences
        >>> found = Correspondences((2, 1), [1, 1], [0, 1], np.array([0.5, 2.0]), np.array([0.25, 1.0]), -1.0, 0.7)
        >>> found.score, found.mutual_of_query.tolist(), found.mutual_of_gallery.tolist()
        (2.75, [False, True], [False, True])
    """

    feature_shape: tuple
    best_of_query: np.ndarray
    best_of_gallery: np.ndarray
    query_shares: np.ndarray
    gallery_shares: np.ndarray
    constant: float
    probability: float

    @property
    def score(self):
        """The matcher's score of the pair."""
        return float(self.query_shares.sum() + self.gallery_shares.sum() + self.constant)

    @property
    def mutual_of_query(self):
        """Bool `(locations,)`: whether the location that one of the query matched matches it in turn."""
        return returns(self.best_of_query, self.best_of_gallery)

    @property
    def mutual_of_gallery(self):
        """The same of the gallery image's locations."""
        return returns(self.best_of_gallery, self.best_of_query)

    def to_json(self):
        """Returns a plain dict: score, probability, constant, and a dict a location of each image.

        A location is `row`, `column`, `share`, `matched` (row and column in the other image) and `mutual`.
        """
        sides = {
            "query": (self.best_of_query, self.query_shares, self.mutual_of_query),
            "gallery": (self.best_of_gallery, self.gallery_shares, self.mutual_of_gallery),
        }
        listed = {side: self._locations(*columns) for side, columns in sides.items()}
        height, width = self.feature_shape
        head = {"score": self.score, "probability": self.probability, "constant": self.constant}
        return head | {"height": height, "width": width} | listed

    def _locations(self, best, shares, mutual):
        width = self.feature_shape[1]
        rows = zip(np.asarray(best).tolist(), shares.tolist(), mutual.tolist(), strict=True)
        return [
            {
                "row": place // width, "column": place % width, "share": share,
                "matched": [matched // width, matched % width], "mutual": both,
            }
            for place, (matched, share, both) in enumerate(rows)
        ]  # fmt: skip


def returns(best, best_back):
    """Returns for each location whether the one that it matched best matches it best in turn.

    Args:
        best: int array `(..., locations)`, locations of the other image.
        best_back: the same, the other way.

    Example:
        >>> from qaconv_tf.matching.correspondence import returns
        >>> returns([2, 0, 1], [1, 1, 0]).tolist()
        [True, True, False]
    """
    best, best_back = np.asarray(best), np.asarray(best_back)
    return np.take_along_axis(best_back, best, axis=-1) == np.arange(best.shape[-1])


def correspondences(matcher, query_map, gallery_map):
    """Finds where two images match, and each location's exact share of their score.

    Args:
        matcher: a built `QAConv`; its `evaluation_form` is taken.
        query_map: feature map `(height, width, channels)`.
        gallery_map: feature map of the same shape.

    Returns:
        A `Correspondences`.

    Raises:
        ValueError: if the maps are not of rank 3 or differ in shape.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> maps = np.random.default_rng(0).normal(size=(2, 4, 2, 8)).astype("float32")
        >>> matcher = qt.QAConv()
        >>> score = matcher(maps[:1], maps[1:]).numpy().item()
        >>> found = qt.correspondences(matcher, maps[0], maps[1])
        >>> abs(found.score - score) < 1e-5
        True

    Reference:
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424), section 3: a score is a weighted sum of the
        locations' best responses.
    """
    query_map, gallery_map = np.asarray(query_map), np.asarray(gallery_map)
    if query_map.ndim != 3 or query_map.shape != gallery_map.shape:
        received = f"query_map.shape={query_map.shape}, gallery_map.shape={gallery_map.shape}"
        raise ValueError(f"Expected two feature maps (height, width, channels) of one shape. Received: {received}")
    form = matcher.evaluation_form()
    best, shares = matches_of_pairs(form, query_map[None], gallery_map[None])
    (best_of_query, best_of_gallery), (query_shares, gallery_shares) = best[0], shares[0]
    score = form.intercept + shares.sum()
    probability = float(1 / (1 + np.exp(-score / float(matcher.temperature))))
    shape = query_map.shape[:2]
    return Correspondences(
        shape, best_of_query, best_of_gallery, query_shares, gallery_shares, form.intercept, probability
    )


def matches_of_pairs(form, query_maps, gallery_maps):
    """Returns the best locations and the shares of pairs, the first query with the first gallery map and so on.

    Args:
        form: `EvaluationForm` of the matcher.
        query_maps: array `(num_pairs, height, width, channels)`.
        gallery_maps: the same.

    Returns:
        Two arrays `(num_pairs, 2, locations)`, int64 and float64: of the query's locations, then of the gallery
        image's. With `form.intercept` a pair's shares add up to its score.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching.correspondence import matches_of_pairs
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> matcher = qt.QAConv()
        >>> scores = matcher(maps[:1], maps[1:]).numpy()
        >>> best, shares = matches_of_pairs(matcher.evaluation_form(), maps[[0, 0]], maps[1:])
        >>> best.shape, np.allclose(shares.sum(axis=(1, 2)) + matcher.evaluation_form().intercept, scores[0])
        ((2, 2, 8), True)
    """
    number, height, width, channels = query_maps.shape
    query, gallery = (np.reshape(maps, (number, height * width, channels)) for maps in (query_maps, gallery_maps))
    responses = np.asarray(query, np.float32) @ np.asarray(gallery, np.float32).transpose(0, 2, 1)
    best, shares = [], []
    for axis, weights in ((2, form.query_weights), (1, form.gallery_weights)):
        best.append(responses.argmax(axis=axis))
        shares.append(form.slope * weights * (responses.max(axis=axis).astype(np.float64) - form.center))
    return np.stack(best, axis=1), np.stack(shares, axis=1)
