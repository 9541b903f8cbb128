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
        query_shares: float64 array `(locations,)`. What each location of the query adds to the score: counted from its
            own mean best response over reference images; without references, from the mean of all in training.
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


def correspondences(matcher, query_map, gallery_map, reference_maps=None):
    """Finds where two images match, and each location's exact share of their score.

    Background matches background in any two images, and well, so it has large shares and tells nobody from anybody.
    Given reference maps, a location's share is what it matches better here than it does in them, and what it matches
    in them belongs to the constant: so the shares say what speaks for this pair. Covering the image where those shares
    are large lowers the score most (benchmarks/deletion.py); without references it does not.

    Args:
        matcher: a built `QAConv`; its `evaluation_form` is taken.
        query_map: feature map `(height, width, channels)`, of the shape that the matcher was built for.
        gallery_map: feature map of the same shape.
        reference_maps: array `(num_references, height, width, channels)`, of images of others, a few dozen. Defaults
            to `None`: shares are counted from the mean best response of training.

    Returns:
        A `Correspondences`.

    Raises:
        ValueError: if the maps are not of the matcher's shape, or there are no references in `reference_maps`, or some
            of another shape.

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
    # Of as many locations in another shape, each would be given the weight of another place.
    if not query_map.shape == gallery_map.shape == matcher.feature_shape:
        received = f"query_map.shape={query_map.shape}, gallery_map.shape={gallery_map.shape}"
        expected = f"Expected two feature maps of (height, width, channels)={matcher.feature_shape}, as the matcher's"
        raise ValueError(f"{expected}. Received: {received}")
    typical = (None, None)
    if reference_maps is not None:
        typical = np.split(typical_responses(np.stack([query_map, gallery_map]), reference_maps), 2)
    best, shares, constants = matches_of_pairs(
        matcher.evaluation_form(), query_map[None], gallery_map[None], *typical
    )
    (best_of_query, best_of_gallery), (query_shares, gallery_shares) = best[0], shares[0]
    constant = float(constants[0])
    probability = float(1 / (1 + np.exp(-(constant + shares.sum()) / float(matcher.temperature))))
    shape = query_map.shape[:2]
    return Correspondences(
        shape, best_of_query, best_of_gallery, query_shares, gallery_shares, constant, probability
    )


def typical_responses(maps, reference_maps, counted=None):
    """Returns the mean best response of each location over reference images.

    Args:
        maps: array `(num_maps, height, width, channels)`.
        reference_maps: array `(num_references, height, width, channels)`.
        counted: bool array `(num_maps, num_references)`. Which references count for a map. Defaults to `None`: all.

    Returns:
        float64 `(num_maps, locations)`.

    Raises:
        ValueError: if no reference counts for a map, or their shape differs from the maps'.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.matching.correspondence import typical_responses
        >>> typical_responses(np.array([[[[1.0, 0.0]]]]), np.array([[[[0.25, 1.0]]], [[[0.75, 0.0]]]])).tolist()
        [[0.5]]
    """
    if np.shape(reference_maps)[1:] != maps.shape[1:]:
        received = f"maps.shape={maps.shape}, reference_maps.shape={np.shape(reference_maps)}"
        raise ValueError(f"Expected reference maps (num_references, height, width, channels). Received: {received}")
    number, height, width, channels = maps.shape
    locations = np.reshape(maps, (number * height * width, channels)).astype(np.float32, copy=False)
    counted = np.ones((number, len(reference_maps)), bool) if counted is None else np.asarray(counted)
    if not counted.any(axis=1).all():
        raise ValueError(f"Expected a reference or more for each map. Received: {counted.sum(axis=1).min()} for one")
    total = np.zeros((number, height * width))
    for reference, counts in zip(reference_maps, counted.T, strict=True):
        responses = locations @ np.reshape(reference, (height * width, channels)).T.astype(np.float32, copy=False)
        total += counts[:, None] * responses.max(axis=1).reshape(number, -1)
    return total / counted.sum(axis=1, keepdims=True)


def matches_of_pairs(form, query_maps, gallery_maps, query_typical=None, gallery_typical=None):
    """Returns the best locations and the shares of pairs, the first query with the first gallery map and so on.

    Args:
        form: `EvaluationForm` of the matcher.
        query_maps: array `(num_pairs, height, width, channels)`.
        gallery_maps: the same.
        query_typical: array `(num_pairs, locations)`. The response from which a location's share is counted. Defaults
            to `None`: the form's center.
        gallery_typical: the same, of the gallery images.

    Returns:
        Two arrays `(num_pairs, 2, locations)`, int64 and float64: best locations and shares of the query's locations,
        then of the gallery image's; and float64 `(num_pairs,)`, the constants that make a pair's shares its score.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching.correspondence import matches_of_pairs
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> matcher = qt.QAConv()
        >>> scores = matcher(maps[:1], maps[1:]).numpy()
        >>> best, shares, constants = matches_of_pairs(matcher.evaluation_form(), maps[[0, 0]], maps[1:])
        >>> best.shape, np.allclose(shares.sum(axis=(1, 2)) + constants, scores[0])
        ((2, 2, 8), True)
    """
    number, height, width, channels = query_maps.shape
    query, gallery = (np.reshape(maps, (number, height * width, channels)) for maps in (query_maps, gallery_maps))
    responses = np.asarray(query, np.float32) @ np.asarray(gallery, np.float32).transpose(0, 2, 1)
    best, shares, constants = [], [], np.full(number, form.intercept)
    for axis, weights, typical in ((2, form.query_weights, query_typical), (1, form.gallery_weights, gallery_typical)):
        typical = np.full((1, height * width), form.center) if typical is None else typical
        best.append(responses.argmax(axis=axis))
        shares.append(form.slope * weights * (responses.max(axis=axis).astype(np.float64) - typical))
        constants = constants + form.slope * ((typical - form.center) @ weights)
    return np.stack(best, axis=1), np.stack(shares, axis=1), constants
