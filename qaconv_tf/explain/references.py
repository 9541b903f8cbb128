"""Which images the shares of a report are counted from."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class References:
    """Images of a gallery, each a reference for those that show another identity.

    Args:
        maps: array `(num_references, height, width, channels)`.
        of_query: bool array `(num_query, num_references)`. Whether a reference shows another identity than the query.
        of_gallery: the same, `(num_gallery, num_references)`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.explain.references import References
        >>> References(np.zeros((1, 4, 2, 8)), np.array([[True]]), np.array([[False], [True]])).of_gallery.tolist()
        [[False], [True]]
    """

    maps: np.ndarray
    of_query: np.ndarray
    of_gallery: np.ndarray


def choose_references(query, gallery, gallery_maps, number=32, seed=0):
    """Chooses images of the gallery at random.

    Args:
        query: sequence of records.
        gallery: sequence of records.
        gallery_maps: array or memory map, one map a record of the gallery.
        number: int. How many at most. Defaults to `32`.
        seed: int. Defaults to `0`.

    Returns:
        `References`; `None` if all chosen are of one identity: its own images would have none.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.references import choose_references
        >>> query = [ImageRecord("q.jpg", 7, camera=0)]
        >>> gallery = [ImageRecord("a.jpg", 3, camera=1), ImageRecord("b.jpg", 7, 1)]
        >>> maps = np.random.default_rng(0).normal(size=(2, 4, 2, 8))
        >>> choose_references(query, gallery, maps).of_query.tolist()
        [[True, False]]
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(gallery))[:number])
    shown = np.array([str(gallery[index].identity) for index in chosen])
    if (shown == shown[0]).all():
        return None
    of_query, of_gallery = (
        np.array([str(record.identity) for record in records])[:, None] != shown for records in (query, gallery)
    )
    return References(gallery_maps[chosen], of_query, of_gallery)
