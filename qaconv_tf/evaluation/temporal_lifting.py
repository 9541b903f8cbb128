"""Probabilities, cameras and times -> probabilities weighted by who was seen near whom: temporal lifting (TLift)."""

import dataclasses
import functools

import numpy as np

from qaconv_tf.errors import UserError

PIVOTS = ("set", "multiset")
# A block of this many scores takes some 20 MB while its weights are made.
SCORES_PER_BLOCK = 2**20
# Of how many pivots the time differences to a camera's gallery are held at once.
PIVOTS_PER_BLOCK = 256


def temporal_lifting(
    probabilities, query, gallery, tau=100.0, sigma=200.0, top_k=10, alpha=0.2, pivot="set", online=False, output=None,
    progress=None,
):
    """Weights each probability by how near in time its gallery image is to where the query's companions were found.

    People whom one camera sees at nearly the same time tend to pass another camera at nearly the same time. For a
    query of camera a and the gallery images of camera b:

    1. The companions are the queries of camera a less than `tau` seconds from the query, itself included.
    2. The pivots are the gallery images of camera b that make the `top_k` highest of all probabilities of companions
       and images of camera b; all that equal the last of them count too.
    3. An image's weight is the mean, over the pivots, of `exp(-(difference of their times)**2 / sigma**2)`.
    4. The result is `(weight + alpha) * probability`.

    **It is transductive**: a query's result depends on the other queries, so it changes with the set of queries. Only
    times of the same camera are compared, so the cameras' clocks need not agree. Pairs of one camera are lifted too.

    An image whose camera or time is unknown is neither companion nor pivot and is not lifted: its weight is 0, as that
    of an image far from every pivot. Of a query that is not lifted the ranking thus stays as it was. A camera without
    gallery images, or without queries, is no error.

    With `online` only the past is used, as in a search while the cameras record: companions are the queries less than
    `tau` seconds *before* the query or at its time, pivots are gallery images not later than it. A result is then a
    function of its two images and of what is not later than the query, and later images change nothing. Where a camera
    has no gallery image yet, the weight is 0. Images of different cameras are compared here, so all must have one
    clock: Market-1501's and DukeMTMC's do not.

    Args:
        probabilities: array or memory map `(num_query, num_gallery)`. In 0..1, most of them small: the mean of a
            person's pairs is 0.01 to 0.1 in the published ones. Not raw scores. Compared in float32.
        query: sequence of records with `.camera` (int or `None`, unknown) and `.timestamp` (seconds or `None`).
        gallery: the same.
        tau: float. Seconds within which queries are companions. Defaults to `100.0`.
        sigma: float. Seconds by which the weight falls to 1/e. Defaults to `200.0`.
        top_k: int. Probabilities that make the pivots. Defaults to `10`.
        alpha: float. What an image far from all pivots keeps of its probability. Defaults to `0.2`.
        pivot: str. `"set"`: an image is one pivot, however many companions it matches (the paper and the author's
            MATLAB). `"multiset"`: it counts once for each (the author's Python, which made the published numbers of
            QAConv 1.0 to 2.1). Defaults to `"set"`.
        online: bool. Use the past only. Defaults to `False`. Takes longer, as no top is found once for all.
        output: float32 array or memory map `(num_query, num_gallery)` to write into, not `probabilities` itself.
            Defaults to `None`, a new array.
        progress: callable or None. Called as `progress(done, total)`, in queries, after each block. Defaults to `None`.

    Returns:
        float32 array `(num_query, num_gallery)`, `output` where given. Higher is more alike. Beyond it, the top of
        each row and a block of rows, nothing grows with the inputs.

    Raises:
        ValueError: if the shape does not fit the records, or an option is out of its range.
        UserError: if no query or no gallery image has camera and time, or a probability is NaN.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> query = [ImageRecord("q0.jpg", 7, camera=0, timestamp=10.0), ImageRecord("q1.jpg", 8, 0, timestamp=15.0)]
        >>> gallery = [ImageRecord("g0.jpg", 7, camera=1, timestamp=900.0), ImageRecord("g1.jpg", 9, 1, 100.0)]
        >>> gallery.append(ImageRecord("g2.jpg", 8, camera=1, timestamp=920.0))
        >>> probabilities = np.array([[0.3, 0.4, 0.1], [0.2, 0.1, 0.8]])
        >>> # One pivot, g2, which q1 matches best. So 7, whom q0's camera saw beside 8, is at 900 s, not at 100 s.
        >>> print(qt.temporal_lifting(probabilities, query, gallery, top_k=1).round(2))
        [[0.36 0.08 0.12]
         [0.24 0.02 0.96]]

    Reference:
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424), section 4.
    """
    _check_options(tau, sigma, top_k, pivot)
    check_clocks(query, gallery)
    if np.shape(probabilities) != (len(query), len(gallery)):
        raise ValueError(
            f"Expected probabilities of shape (num_query, num_gallery) = ({len(query)}, {len(gallery)}). Received: "
            f"shape {np.shape(probabilities)}"
        )
    lifted = np.empty((len(query), len(gallery)), np.float32) if output is None else output
    pivots = functools.partial(_pivots, top_k=top_k, pivot=pivot)
    gallery_cameras = _by_camera(gallery)
    unlifted = np.array([row for row, record in enumerate(query) if not _has_clock(record)], np.intp)
    for start, block in _row_blocks(probabilities, unlifted):
        lifted[unlifted[start : start + len(block)]] = np.float32(alpha) * block
    done = len(unlifted)
    for rows, times in _by_camera(query):
        companions = [_companions(times, time, tau, online) for time in times]
        tops = None if online else _top_probabilities(probabilities, rows, gallery_cameras, top_k)
        for start, block in _row_blocks(probabilities, rows):
            weights = np.zeros(block.shape, np.float32)
            for row, (first, last) in enumerate(companions[start : start + len(block)]):
                if online:
                    found = _past_probabilities(probabilities[rows[first:last]], gallery_cameras, times[start + row])
                else:
                    found = [(value[at[first] : at[last]], place[at[first] : at[last]]) for value, place, at in tops]
                for (columns, gallery_times), matches in zip(gallery_cameras, found, strict=True):
                    weights[row, columns] = pivots(columns, gallery_times, *matches).weights(gallery_times, sigma)
            lifted[rows[start : start + len(block)]] = (weights + np.float32(alpha)) * block
            done += len(block)
            if progress is not None:
                progress(done, len(query))
    return lifted


@dataclasses.dataclass(frozen=True, eq=False)
class LiftingPivots:
    """From whose times one query's weights for one camera's images were counted.

    Args:
        columns: int array. The pivots, gallery images, in order of time.
        counts: int array. How often each counts.
        times: float array. Their times.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.temporal_lifting import LiftingPivots
        >>> pivots = LiftingPivots(np.array([3]), np.array([1]), np.array([100.0]))
        >>> float(pivots.weights(np.array([300.0]), sigma=200.0)[0].round(4))
        0.3679
    """

    columns: np.ndarray
    counts: np.ndarray
    times: np.ndarray

    def weights(self, times, sigma):
        """Returns the weights of images of the camera by their times, `(num_times,)`; 0 without a pivot."""
        if not len(self.columns):
            return np.zeros(len(times), np.float32)
        total = np.zeros(len(times), np.float32)
        for start in range(0, len(self.times), PIVOTS_PER_BLOCK):
            block = slice(start, start + PIVOTS_PER_BLOCK)
            # In float64 until the difference is taken: seconds since 1970 have ten digits.
            difference = ((times - self.times[block, None]) / sigma).astype(np.float32)
            total += self.counts[block].astype(np.float32) @ np.exp(-(difference**2))
        return total / self.counts.sum()


def lifting_pivots(probabilities, query, gallery, row, tau=100.0, top_k=10, pivot="set", online=False):
    """Says why one query was lifted as it was: its companions, and its pivots in each camera.

    Args:
        probabilities: as `temporal_lifting` takes them; or a function `rows(positions)` that returns some of its rows.
        query: as `temporal_lifting` takes it; so are `gallery`, `tau`, `top_k`, `pivot` and `online`.
        gallery: see `query`.
        row: int. The query.
        tau: see `query`.
        top_k: see `query`.
        pivot: see `query`.
        online: see `query`.

    Returns:
        `(companions, pivots)`: int array of queries in order of time, the query itself among them; and camera ->
        `LiftingPivots`. Both are empty for a query whose camera or time is unknown: it is not lifted.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.temporal_lifting import lifting_pivots
        >>> query = [ImageRecord("q0.jpg", 7, camera=0, timestamp=10.0), ImageRecord("q1.jpg", 8, 0, timestamp=15.0)]
        >>> gallery = [ImageRecord("g0.jpg", 7, camera=1, timestamp=900.0), ImageRecord("g2.jpg", 8, 1, 920.0)]
        >>> companions, pivots = lifting_pivots(np.array([[0.3, 0.1], [0.2, 0.8]]), query, gallery, row=0, top_k=1)
        >>> companions.tolist(), pivots[1].columns.tolist()
        ([0, 1], [1])
    """
    record = query[row]
    if not _has_clock(record):
        return np.zeros(0, np.intp), {}
    rows, times = next((rows, times) for rows, times in _by_camera(query) if row in rows)
    first, last = _companions(times, record.timestamp, tau, online)
    of_companions = probabilities(rows[first:last]) if callable(probabilities) else probabilities[rows[first:last]]
    found = {}
    for columns, gallery_times in _by_camera(gallery):
        seen = np.searchsorted(gallery_times, record.timestamp, side="right") if online else len(columns)
        values = np.asarray(of_companions[:, columns[:seen]], np.float32)
        places = np.broadcast_to(np.arange(seen), values.shape)
        found[gallery[columns[0]].camera] = _pivots(columns, gallery_times, values, places, top_k, pivot)
    return rows[first:last], found


def check_clocks(query, gallery):
    """Raises a `UserError` unless there is something to lift; takes no probabilities, so it can run before matching.

    Args:
        query: sequence of records with `.camera` and `.timestamp`.
        gallery: the same.

    Raises:
        UserError: if no query or no gallery image has both camera and timestamp.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.temporal_lifting import check_clocks
        >>> check_clocks([ImageRecord("q.jpg", 7, camera=0, timestamp=1.0)], [ImageRecord("g.jpg", 7, 1, 2.0)])
    """
    counts = [sum(map(_has_clock, records)) for records in (query, gallery)]
    if not all(counts):
        raise UserError(
            "Expected images with camera and time for temporal lifting. Received: "
            f"{counts[0]} of {len(query)} queries and {counts[1]} of {len(gallery)} gallery images that have both. "
            "Give clocks by the columns camera and timestamp of a CSV table, or by +clock=exif or +clock=pattern (with "
            "--clock_pattern) after the data set's name, as in image_folder+clock=exif:DIR"
        )


def _check_options(tau, sigma, top_k, pivot):
    for name, value in (("tau", tau), ("sigma", sigma), ("top_k", top_k)):
        if not value > 0:
            raise ValueError(f"Expected {name} above 0. Received: {name}={value!r}")
    if pivot not in PIVOTS:
        raise ValueError(f"Expected a pivot of {', '.join(PIVOTS)}. Received: pivot={pivot!r}")


def _has_clock(record):
    return record.camera is not None and record.timestamp is not None


def _by_camera(records):
    """For each camera the positions of its records in order of time, and these times."""
    positions = {}
    for position, record in enumerate(records):
        if _has_clock(record):
            positions.setdefault(record.camera, []).append(position)
    cameras = []
    for of_camera in positions.values():
        times = np.array([records[position].timestamp for position in of_camera], np.float64)
        order = np.argsort(times, kind="stable")
        cameras.append((np.array(of_camera)[order], times[order]))
    return cameras


def _companions(times, time, tau, online):
    """First and one past the last of the rising times within tau of one of them."""
    near = np.abs(times - time) < tau
    if online:
        near &= times <= time
    first = int(near.argmax())
    return first, first + int(np.count_nonzero(near))


def _row_blocks(probabilities, rows):
    """Yields (first row, block): some of the rows as float32, few enough to hold their weights beside them."""
    rows_per_block = max(1, SCORES_PER_BLOCK // np.shape(probabilities)[1])
    for start in range(0, len(rows), rows_per_block):
        block = np.asarray(probabilities[rows[start : start + rows_per_block]], np.float32)
        if np.isnan(block).any():
            number = rows[start + int(np.isnan(block).any(axis=1).argmax())]
            raise UserError(
                f"Expected probabilities that are numbers. Received: NaN for query {number}. Check the model's weights"
            )
        yield start, block


def _top_probabilities(probabilities, rows, gallery_cameras, top_k):
    """For each camera of the gallery: every row's top_k probabilities, their places there, and where each row starts.

    The top_k highest of several rows are among the top_k highest of each. What equals a row's last is kept too.
    """
    found = [([], [], [np.zeros(1, np.intp)]) for _ in gallery_cameras]
    for _, block in _row_blocks(probabilities, rows):
        for (columns, _), (values, places, counts) in zip(gallery_cameras, found, strict=True):
            of_camera = block[:, columns]
            kept = of_camera >= _highest(of_camera, top_k, axis=1)[:, None]
            values.append(of_camera[kept])
            places.append(np.nonzero(kept)[1])
            counts.append(np.count_nonzero(kept, axis=1))
    return [
        (np.concatenate(values), np.concatenate(places), np.cumsum(np.concatenate(counts)))
        for values, places, counts in found
    ]


def _past_probabilities(companion_rows, gallery_cameras, now):
    """For each camera of the gallery: the companions' probabilities of its images up to now, and their places there."""
    for columns, times in gallery_cameras:
        seen = np.searchsorted(times, now, side="right")
        values = np.asarray(companion_rows[:, columns[:seen]], np.float32)
        yield values, np.broadcast_to(np.arange(seen), values.shape)


def _highest(values, top_k, axis):
    """The `top_k`-th highest along an axis, or the lowest of fewer; the axis None takes all."""
    count = values.size if axis is None else values.shape[axis]
    place = max(0, count - top_k)
    return np.take(np.partition(values, place, axis=axis), place, axis=axis)


def _pivots(columns, times, values, places, top_k, pivot):
    """The pivots of one camera's images, by the companions' probabilities and the places of their images in it."""
    if not values.size:
        nothing = np.zeros(0, np.intp)
        return LiftingPivots(nothing, nothing, times[:0])
    pivots, counts = np.unique(places[values >= _highest(values, top_k, axis=None)], return_counts=True)
    if pivot == "set":
        counts = np.ones_like(counts)
    return LiftingPivots(columns[pivots], counts, times[pivots])
