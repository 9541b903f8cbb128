"""Distances -> re-ranked distances: by the neighbours that two images share, in memory that never holds all pairs."""

import concurrent.futures
import dataclasses
import functools

import numpy as np
import scipy.sparse

from qaconv_tf.cores import num_cores
from qaconv_tf.errors import UserError

# A block of rows of distances, 32 MB in float32; and what one thread works on at a time, which should fit its cache.
DISTANCES_PER_BLOCK = 2**23
DISTANCES_PER_STRIP = 2**17


@dataclasses.dataclass(frozen=True)
class _Mode:
    """How a published implementation computes: whether it squares the distances, and what it keeps the weights in."""

    squares: bool
    precision: type


MODES = {"qaconv": _Mode(squares=False, precision=np.float16), "standard": _Mode(squares=True, precision=np.float32)}


def rerank(
    query_gallery, query_query, gallery_gallery, k1=20, k2=6, lambda_value=0.3, mode="qaconv", output=None,
    progress=None, gallery_query=None, on_descriptions=None,
):  # fmt: skip
    """Re-ranks the gallery of every query by k-reciprocal neighbours.

    Each image is described by the images that are among its `k1 + 1` nearest and have it among theirs; two images are
    as near as these descriptions overlap (Jaccard distance), blended with the distance they had. Uses all queries
    together: a query's result changes with the set of queries.

    Two published forms:
        - `"qaconv"`: what the official QAConv evaluators compute, from v1.0 to the last commit: distances as they are,
          descriptions and overlaps rounded to half precision after every step (without that rounding the results
          differ by some 1e-3). Their published numbers feed it `1 - sigmoid(score / 10)`, except for the last
          commits' evaluator, which feeds `-score`.
        - `"standard"`: the authors' Python code, copied by most of the field and, unused, by QAConv's v1.0: squared
          distances, single precision.

    Both divide an image's distances by their maximum. Where a matcher's two directions differ (a head split by
    direction), an image's distances to its own kind are those in its *column* of `query_query` and `gallery_gallery`,
    and `query_gallery` serves both ways, as in all published evaluators; `gallery_query` gives the gallery's images
    distances of their own, as in QAConv 2.0's graph sampler. The evaluators of QAConv 1.0 and 1.1 put the image that
    makes the kernels, the query, in the columns, later ones in the rows.

    Equal distances are ordered by index, queries before gallery. Neither the form of the inputs nor the number of
    threads changes a bit of the result. Held in memory: for every image its `k1 + 1` neighbours and its description,
    some hundred numbers, and blocks of 32 MB. Every block is read twice, those of `query_gallery` three times: where a
    function makes them at great cost, write them to a memory map first.

    Args:
        query_gallery: distances `(num_query, num_gallery)`, such as `1 - probability`: an array, a memory map, or a
            function `block(first_row, last_row)` that returns those rows, the last excluded.
        query_query: the same, `(num_query, num_query)`.
        gallery_gallery: the same, `(num_gallery, num_gallery)`.
        k1: int. Neighbours, beside itself, among which an image looks for reciprocal ones. Defaults to `20`.
        k2: int. Nearest images, itself included, over which a description is averaged; 1 is none. Defaults to `6`.
        lambda_value: float in 0..1. Share of the distance before re-ranking. Defaults to `0.3`.
        mode: `"qaconv"` or `"standard"`. Defaults to `"qaconv"`.
        output: float32 array or memory map `(num_query, num_gallery)` to write the result to. Defaults to `None`, a
            new array.
        progress: callable or None. Called as `progress(done, total)`, in rows read, after each block. Defaults to
            `None`.
        gallery_query: the same as the first three, `(num_gallery, num_query)`: the distances of each gallery image to
            the queries in its row. Defaults to `None`: those of `query_gallery`.

        on_descriptions: callable or None. Called with the descriptions of the queries, a sparse array
            `(num_query, num_query + num_gallery)` of weights whose rows sum to 1: whom a query is found by. Defaults to
            `None`.

    Returns:
        float32 distances `(num_query, num_gallery)`: `output`, if given.

    Raises:
        ValueError: if a shape does not fit the others, or a number or the mode is out of range.
        UserError: if there is no query or no gallery image, a distance is NaN or infinite, or an image's distances
            are so far below zero that they cannot be scaled by their maximum.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> positions = np.array([0.0, 0.8, 1.0, 1.2, -0.9])  # a query, three gallery images close together, one apart
        >>> distances = np.abs(positions[:, None] - positions).astype(np.float32)
        >>> distances[:1, 1:]
        array([[0.8, 1. , 1.2, 0.9]], dtype=float32)
        >>> qt.rerank(distances[:1, 1:], distances[:1, :1], distances[1:, 1:], k1=2, k2=1).round(2)
        array([[0.9 , 0.95, 1.  , 0.54]], dtype=float32)

        Only the last image has the query among its two nearest others.

    Reference:
        [Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR
        2017](https://arxiv.org/abs/1701.08398)
    """
    _check_settings(k1, k2, lambda_value, mode)
    mode = MODES[mode]
    distances = _Distances(query_gallery, query_query, gallery_gallery, gallery_query, mode.squares, progress)
    output = _checked_output(output, (distances.num_query, distances.num_gallery))
    with concurrent.futures.ThreadPoolExecutor(num_cores()) as pool:
        nearest, largest = _nearest(distances, max(k1 + 1, k2), pool)
        weights = _reciprocal_weights(nearest, k1, distances, largest, mode.precision)
        weights = _averaged(weights, nearest[:, :k2])
        if on_descriptions is not None:
            on_descriptions(weights[: distances.num_query])
        _blend(weights, distances, largest, float(lambda_value), mode.precision, output, pool)
    return output


class _Distances:
    """The tables, read in blocks of rows; images are numbered queries first, then gallery."""

    def __init__(self, query_gallery, query_query, gallery_gallery, gallery_query, squares, progress):
        self._sources = {
            "query_query": query_query, "query_gallery": query_gallery, "gallery_gallery": gallery_gallery,
        }  # fmt: skip
        self._squares = squares
        self.num_query, self.num_gallery = _width("query_query", query_query), _width("query_gallery", query_gallery)
        if not self.num_query or not self.num_gallery:
            raise UserError(
                f"Expected distances of at least one query and one gallery image. Received: {self.num_query} queries, "
                f"{self.num_gallery} gallery images. Check the data set's folders or its split column"
            )
        # Name -> the images of its rows and of its columns.
        queries, gallery = slice(0, self.num_query), slice(self.num_query, self.num_query + self.num_gallery)
        self.images = {
            "query_query": (queries, queries), "query_gallery": (queries, gallery),
            "gallery_gallery": (gallery, gallery),
        }  # fmt: skip
        # Tables that hold, row by row or column by column, the distances of an image.
        self.of_rows, self.of_columns = {"query_gallery"}, {"query_query", "query_gallery", "gallery_gallery"}
        if gallery_query is not None:
            self._sources["gallery_query"], self.images["gallery_query"] = gallery_query, (gallery, queries)
            self.of_rows.add("gallery_query")
            self.of_columns.remove("query_gallery")
        for name, source in self._sources.items():
            if not callable(source):
                self._check_shape(name, np.shape(source), self._num_rows(name))
        self._progress = progress or (lambda done, total: None)
        self._done, self._total = 0, 2 * sum(map(self._num_rows, self.images)) + self.num_query

    def _num_rows(self, name):
        rows, _ = self.images[name]
        return rows.stop - rows.start

    def _check_shape(self, name, shape, num_rows):
        _, columns = self.images[name]
        expected = (num_rows, columns.stop - columns.start)
        if tuple(shape) != expected:
            raise ValueError(
                f"Expected {name} of shape {expected} for {self.num_query} queries and {self.num_gallery} gallery "
                f"images. Received: shape {tuple(shape)}"
            )

    def blocks(self, name):
        """Yields (first row, float32 rows as the mode wants them) of one table."""
        rows, columns = self.images[name]
        source = self._sources[name]
        rows_per_block = max(1, DISTANCES_PER_BLOCK // (columns.stop - columns.start))
        for first in range(0, self._num_rows(name), rows_per_block):
            last = min(first + rows_per_block, self._num_rows(name))
            block = np.asarray(source(first, last) if callable(source) else source[first:last], np.float32)
            self._check_shape(name, block.shape, last - first)
            _check_finite(name, block, first)
            yield first, np.square(block) if self._squares else block
            self._done += last - first
            self._progress(self._done, self._total)


def _width(name, source):
    """Columns of a table; of a function's, by asking for its first row."""
    shape = np.shape(source(0, 1) if callable(source) else source)
    if len(shape) != 2:
        raise ValueError(f"Expected {name} of two dimensions. Received: shape {shape}")
    return shape[1]


def _check_finite(name, block, first):
    finite = np.isfinite(block)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise UserError(
            f"Expected distances that are numbers. Received: {name}[{first + row}, {column}] = {block[row, column]}. "
            "Check the model's weights and images"
        )


def _check_settings(k1, k2, lambda_value, mode):
    if mode not in MODES:
        raise ValueError(f"Expected a mode of {', '.join(MODES)}. Received: mode={mode!r}")
    if k1 < 1 or k2 < 1:
        raise ValueError(f"Expected k1 and k2 of at least 1. Received: k1={k1}, k2={k2}")
    if not 0 <= lambda_value <= 1:
        raise ValueError(f"Expected lambda_value in 0..1. Received: lambda_value={lambda_value}")


def _checked_output(output, shape):
    if output is None:
        return np.empty(shape, np.float32)
    if output.shape != shape or output.dtype != np.float32:
        raise ValueError(f"Expected a float32 output of shape {shape}. Received: {output.dtype}, shape {output.shape}")
    return output


def _nearest(distances, number, pool):
    """Returns each image's nearest images, nearest first `(images, number)`, and its largest distance `(images,)`."""
    images = distances.num_query + distances.num_gallery
    keys = np.full((images, min(number, images)), np.iinfo(np.int64).max)
    largest = np.full(images, -np.inf, np.float32)
    for name, (rows, columns) in distances.images.items():
        for first, block in distances.blocks(name):
            first += rows.start
            if name in distances.of_columns:
                _keep_nearest(keys[columns], largest[columns], block.T, first, pool)
            if name in distances.of_rows:
                of_block = slice(first, first + len(block))
                _keep_nearest(keys[of_block], largest[of_block], block, columns.start, pool)
    keys.sort(axis=1)
    _check_scale(_distance_of(keys[:, 0]), largest)
    return (keys & 0xFFFFFFFF).astype(np.int32), np.where(largest == 0, np.float32(1), largest)


def _keep_nearest(keys, largest, block, first_neighbour, pool):
    """Takes distances of these images `(images, neighbours)` into account, in place."""

    def keep(strip):
        part = np.add(block[strip], 0, order="C")  # a sum, because it turns -0 into 0, which it must equal
        np.maximum(largest[strip], part.max(axis=1), out=largest[strip])
        candidates = np.concatenate([keys[strip], _keys(part, first_neighbour)], axis=1)
        candidates.partition(keys.shape[1] - 1, axis=1)
        keys[strip] = candidates[:, : keys.shape[1]]

    _run_in_strips(keep, *block.shape, pool)


def _run_in_strips(function, rows, columns, pool):
    rows_per_strip = max(1, DISTANCES_PER_STRIP // columns)
    list(pool.map(function, [slice(first, first + rows_per_strip) for first in range(0, rows, rows_per_strip)]))


def _keys(distances, first_neighbour):
    """Integers ordered as (distance, neighbour): a partial sort of them is stable and needs no second array."""
    bits = distances.view(np.int32)
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64)  # of negative floats, the bits run backwards
    return (ordered << 32) | np.arange(first_neighbour, first_neighbour + distances.shape[1])


def _distance_of(keys):
    ordered = (keys >> 32).astype(np.int32)
    return (ordered ^ ((ordered >> 31) & 0x7FFFFFFF)).view(np.float32)


def _check_scale(smallest, largest):
    # Division by a negative maximum would turn the order round; exp(88) is the largest that float32 holds.
    bad = smallest < -80 * largest
    if bad.any():
        image = int(np.argmax(bad))
        raise UserError(
            "Expected distances whose negatives are small beside their maximum. Received: distances of image "
            f"{image} (queries first) from {smallest[image]:g} to {largest[image]:g}. Pass 1 - probability"
        )


def _reciprocal_weights(nearest, k1, distances, largest, precision):
    """The descriptions: sparse `(images, images)`, each row's sum is 1, nearer neighbours weigh more (equation 7)."""
    described = _expanded_neighbours(nearest, k1)
    counts = np.diff(described.indptr)
    scaled = _gathered(described, distances) / np.repeat(largest, counts)
    weights = np.exp(-scaled)
    weights /= np.repeat(_row_sums(weights, described.indptr), counts)
    # Rounded, but kept in float32: SciPy multiplies no half precision.
    described.data = weights.astype(precision).astype(np.float32)
    return described


def _reciprocal_neighbours(nearest):
    """Symmetric 0/1 matrix of the pairs that are in each other's list (equation 2)."""
    forward = _one_in(nearest)
    return forward.multiply(forward.T.tocsr()).tocsr()


def _one_in(lists):
    """0/1 matrix `(images, images)`, a row for each image's list."""
    images, length = lists.shape
    starts = np.arange(0, lists.size + 1, length)
    return scipy.sparse.csr_array((np.ones(lists.size, np.float32), lists.ravel(), starts), shape=(images, images))


def _expanded_neighbours(nearest, k1):
    """Reciprocal neighbours, and those of each within half as many that it mostly shares (equation 3)."""
    reciprocal = _reciprocal_neighbours(nearest[:, : k1 + 1])
    of_half = _reciprocal_neighbours(nearest[:, : round(k1 / 2) + 1])  # a half is rounded to even, as NumPy does
    shared = (reciprocal @ of_half).multiply(reciprocal).tocoo()
    mostly = 3 * shared.data > 2 * of_half.sum(axis=1)[shared.col]
    joined = scipy.sparse.csr_array((shared.data[mostly], (shared.row[mostly], shared.col[mostly])), shared.shape)
    expanded = (reciprocal + joined @ of_half).tocsr()
    expanded.sort_indices()
    return expanded


def _gathered(described, distances):
    """The distance of each image to each that describes it, in the order of the sparse matrix; reads every block."""
    image = np.repeat(np.arange(described.shape[0]), np.diff(described.indptr))
    # Images stand in columns; but a query's distances to the gallery stand in its row, and so may the gallery's.
    is_query, describes_query = image < distances.num_query, described.indices < distances.num_query
    is_row = is_query & ~describes_query
    if "gallery_query" in distances.of_rows:
        is_row |= ~is_query & describes_query
    row = np.where(is_row, image, described.indices)
    column = np.where(is_row, described.indices, image)
    gathered = np.empty(len(image), np.float32)
    for name, (rows, columns) in distances.images.items():
        inside = (row >= rows.start) & (row < rows.stop) & (column >= columns.start) & (column < columns.stop)
        wanted = np.flatnonzero(inside)
        wanted = wanted[np.argsort(row[wanted], kind="stable")]
        for first, block in distances.blocks(name):
            first += rows.start
            start, stop = np.searchsorted(row[wanted], [first, first + len(block)])
            here = wanted[start:stop]
            gathered[here] = block[row[here] - first, column[here] - columns.start]
    return gathered


def _row_sums(data, starts):
    """Sums of the rows of a sparse matrix, each added in the order in which `np.sum` adds it alone."""
    counts = np.diff(starts)
    sums = np.empty(len(counts), data.dtype)
    for count in np.unique(counts):
        rows = np.flatnonzero(counts == count)
        sums[rows] = data[starts[rows][:, None] + np.arange(count)].sum(axis=1)
    return sums


def _averaged(weights, lists):
    """Each image's description averaged over those of the images in its list (equation 11)."""
    if lists.shape[1] == 1:
        return weights
    averaged = (_one_in(lists) @ weights).tocsr()
    averaged.sort_indices()
    averaged.data /= lists.shape[1]
    return averaged


def _blend(weights, distances, largest, lambda_value, precision, output, pool):
    """Writes Jaccard distances (equation 10) blended with the scaled distances (equation 12) to the output."""
    descriptions = weights[: distances.num_query]
    # For each described image, the gallery images that it describes.
    inverted = weights[distances.num_query :].tocsc()

    def blend(block, first, strip):
        queries = slice(first + strip.start, first + min(strip.stop, len(block)))
        shared = _shared_weight(descriptions[queries], inverted, precision)
        jaccard = 1 - shared / (2 - shared)
        scaled = block[strip] / largest[queries, None]
        output[queries] = jaccard * (1 - lambda_value) + scaled * lambda_value

    for first, block in distances.blocks("query_gallery"):
        _run_in_strips(functools.partial(blend, block, first), *block.shape, pool)


def _shared_weight(descriptions, inverted, precision):
    """Sums of the smaller of two weights, `(queries, gallery)`, one image of the descriptions after the other.

    The sum of the greater is 2 minus that of the smaller. In half precision the order counts, so the n-th images of
    all queries are added together: ascending for each query, and no sum twice in one step.
    """
    shared = np.zeros((descriptions.shape[0], inverted.shape[0]), precision)
    sums = shared.reshape(-1)
    smaller, greater = descriptions.data.astype(precision), inverted.data.astype(precision)
    counts = np.diff(descriptions.indptr)
    for position in range(counts.max(initial=0)):
        queries = np.flatnonzero(counts > position)
        entries = descriptions.indptr[queries] + position
        starts = inverted.indptr[descriptions.indices[entries]]
        lengths = inverted.indptr[descriptions.indices[entries] + 1] - starts
        skipped = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        listed = np.arange(len(skipped)) + skipped
        pairs = np.repeat(queries * shared.shape[1], lengths) + inverted.indices[listed]
        sums[pairs] += np.minimum(np.repeat(smaller[entries], lengths), greater[listed])
    return shared
