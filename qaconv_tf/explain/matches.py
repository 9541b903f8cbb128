"""The pairs that a report shows -> where each location matched and its share, packed for the page."""

import base64
import dataclasses

import numpy as np

from qaconv_tf.matching.correspondence import matches_of_pairs, typical_responses

_PAIRS_PER_BLOCK = 256
_LARGEST = 32767


@dataclasses.dataclass(frozen=True, eq=False)
class Matches:
    """Correspondences of some pairs of a query and a gallery image.

    Args:
        pairs: dict of `(row, column)` to the pair's number.
        feature_shape: tuple. Height and width of the feature maps.
        best: int array `(num_pairs, 2, locations)`. For each location of the query the one of the gallery image that
            it matched best, and the reverse.
        shares: float32 array, the same shape. Each location's share of the score.
        constants: float array `(num_pairs,)`. What a pair's shares and its constant add up to is its score.
        temperature: float. `sigmoid(score / temperature)` is the pair's probability.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.explain.matches import Matches
        >>> best, shares = np.array([[[1, 0], [1, 0]]]), np.array([[[0.5, 0.25], [0.5, 0.25]]])
        >>> Matches({(0, 3): 0}, (2, 1), best, shares, constants=[-1.0], temperature=10.0).to_page()["totals"]
        [[0.75, 0.75]]
    """

    pairs: dict
    feature_shape: tuple
    best: np.ndarray
    shares: np.ndarray
    constants: np.ndarray
    temperature: float

    @property
    def locations(self):
        """Locations of a feature map."""
        return self.feature_shape[0] * self.feature_shape[1]

    def to_page(self):
        """Returns a dict for JSON; shares are rounded to 1/32767 of their pair's largest, sums are exact."""
        scale = np.abs(self.shares).max(axis=(1, 2), initial=1e-30)
        rounded = np.rint(self.shares * (_LARGEST / scale)[:, None, None]).astype("<i2")
        return {
            "best": encoded(self.best.astype("u1" if self.locations <= 256 else "<u2")),
            "shares": encoded(rounded),
            "unit": [float(f"{one:.6g}") for one in scale / _LARGEST],
            "totals": [[round(float(one), 5) for one in pair] for pair in self.shares.sum(axis=2, dtype=np.float64)],
            "constants": [round(float(one), 5) for one in self.constants],
            "temperature": self.temperature,
            "height": self.feature_shape[0],
            "width": self.feature_shape[1],
        }


def bytes_of_pair(locations):
    """Returns how many bytes a pair takes in the page.

    Example:
        >>> from qaconv_tf.explain.matches import bytes_of_pair
        >>> bytes_of_pair(192)
        1586
    """
    return 2 * locations * (3 if locations <= 256 else 4) * 4 // 3 + 50


def match_pairs(matcher, query_maps, gallery_maps, pairs, references=None):
    """Finds the correspondences of some pairs.

    Args:
        matcher: a built `QAConv`.
        query_maps: array or memory map `(num_query, height, width, channels)`.
        gallery_maps: the same, `(num_gallery, height, width, channels)`.
        pairs: sequence of `(row, column)`.
        references: `References` or None. Images that shares are counted from; see `correspondences`. Defaults to
            `None`.

    Returns:
        `Matches`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.explain.matches import match_pairs
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype(np.float32)
        >>> matcher = qt.QAConv()
        >>> scores = matcher(maps[:1], maps[1:]).numpy()
        >>> found = match_pairs(matcher, maps[:1], maps[1:], [(0, 1)])
        >>> bool(np.isclose(found.shares.sum() + found.constants[0], scores[0, 1]))
        True
    """
    pairs = list(pairs)
    height, width = query_maps.shape[1:3]
    form = matcher.evaluation_form()
    shape = (len(pairs), 2, height * width)
    best, shares, constants = np.empty(shape, np.uint16), np.empty(shape, np.float32), np.empty(len(pairs))
    counted = (references.of_query, references.of_gallery) if references else (None, None)
    typical_of_query = _typical(query_maps, {row for row, _ in pairs}, references, counted[0])
    typical_of_gallery = _typical(gallery_maps, {column for _, column in pairs}, references, counted[1])
    for first in range(0, len(pairs), _PAIRS_PER_BLOCK):
        rows, columns = np.array(pairs[first : first + _PAIRS_PER_BLOCK]).T
        block = slice(first, first + len(rows))
        typical = typical_of_query(rows), typical_of_gallery(columns)
        best[block], shares[block], constants[block] = matches_of_pairs(
            form, query_maps[rows], gallery_maps[columns], *typical
        )
    numbers = {pair: number for number, pair in enumerate(pairs)}
    return Matches(numbers, (height, width), best, shares, constants, float(matcher.temperature))


def _typical(maps, shown, references, counted):
    """Returns a function from indices of maps, all of them among the shown, to their typical responses."""
    if references is None:
        return lambda indices: None
    shown = np.array(sorted(shown), int)
    blocks = [shown[first : first + _PAIRS_PER_BLOCK] for first in range(0, len(shown), _PAIRS_PER_BLOCK)]
    found = np.concatenate([typical_responses(maps[block], references.maps, counted[block]) for block in blocks])
    return lambda indices: found[np.searchsorted(shown, indices)]


def encoded(array):
    """Returns an array's bytes in base64, as text.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.explain.matches import encoded
        >>> encoded(np.array([1, 2, 3], np.uint8))
        'AQID'
    """
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
