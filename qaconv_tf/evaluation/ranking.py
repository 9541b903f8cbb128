"""Scores -> how well the gallery is ranked: CMC, mean average precision and mINP by the rules of the data sets."""

import collections
import dataclasses

import numpy as np

from qaconv_tf.errors import UserError

PROTOCOLS = ("market1501", "cuhk03_single_shot")
CAMERA_FILTERS = ("same_identity", "none")
TIES = ("stable", "merged")
SINGLE_SHOT_REPEATS = 10
MAX_RANK = 50
JUNK_IDENTITY = -1
# As many scores of a memory map are read at a time.
SCORES_PER_BLOCK = 2**21


@dataclasses.dataclass(frozen=True, eq=False)
class RankingResult:
    """How well each query's right answers were ranked, and the means over the queries.

    Every share and mean is in 0..1 and taken over the queries that have a right answer; a skipped query holds NaN in
    the per-query arrays. Ranks count from 1 and leave ignored gallery images out.

    Args:
        average_precision: float array `(num_query,)`. Precision averaged at the right answers (the step formula).
        average_precision_trapezoid: float array `(num_query,)`. The same by Market-1501's own evaluation code:
            trapezoids under the precision-recall curve, which starts at recall 0, precision 1. Without merged ties
            never above the step formula. QAConv's published numbers up to version 1.1 are made with it.
        inverse_negative_penalty: float array `(num_query,)`. Number of right answers over the rank of the last one.
        first_relevant_rank: float array `(num_query,)`. Rank of the first right answer; under the protocol
            `"cuhk03_single_shot"` of the only one, `(10, num_query)`, a row for each drawing of the gallery.
        num_gallery: int. Gallery images scored.
        protocol: str. The rules by which the CMC curve was made.
        camera_filter: str. The rule by which a query's own camera was ignored. Defaults to `"same_identity"`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.ranking import RankingResult
        >>> half, second = np.array([0.5, np.nan]), np.array([2.0, np.nan])
        >>> result = RankingResult(half, half / 2, half, second, num_gallery=3, protocol="market1501")
        >>> result.rank1, result.cmc.tolist(), result.mAP, result.num_query, result.num_skipped
        (0.0, [0.0, 1.0, 1.0], 0.5, 2, 1)
    """

    average_precision: np.ndarray
    average_precision_trapezoid: np.ndarray
    inverse_negative_penalty: np.ndarray
    first_relevant_rank: np.ndarray
    num_gallery: int
    protocol: str
    camera_filter: str = "same_identity"

    @property
    def num_query(self):
        """Queries scored, the skipped ones included."""
        return len(self.average_precision)

    @property
    def num_skipped(self):
        """Queries without a right answer in the gallery."""
        return int(np.isnan(self.average_precision).sum())

    @property
    def cmc(self):
        """Share of queries with a right answer among the first k, k = 1 .. `min(50, num_gallery)`."""
        first_ranks = self.first_relevant_rank[~np.isnan(self.first_relevant_rank)]
        return np.mean(first_ranks[:, None] <= np.arange(1, min(MAX_RANK, self.num_gallery) + 1), axis=0)

    @property
    def rank1(self):
        """Share of queries whose first answer is right."""
        return self.rank(1)

    @property
    def mAP(self):
        """Mean of `average_precision`."""
        return float(np.nanmean(self.average_precision))

    @property
    def mAP_trapezoid(self):
        """Mean of `average_precision_trapezoid`."""
        return float(np.nanmean(self.average_precision_trapezoid))

    @property
    def mINP(self):
        """Mean of `inverse_negative_penalty`."""
        return float(np.nanmean(self.inverse_negative_penalty))

    def rank(self, k):
        """Share of queries with a right answer among the first `k`, 1 .. 50; all of a smaller gallery."""
        return float(self.cmc[:k][-1])


def evaluate_ranking(
    scores, query, gallery, protocol="market1501", camera_filter="same_identity", ties="stable", seed=0
):
    """Ranks the gallery for each query and measures where the right answers stand.

    The Market-1501 rules: a gallery image of the query's identity *and* camera is ignored (an unknown camera equals no
    other), so is junk (identity -1); a distractor (an identity nobody queries) is a wrong answer like any other. A
    query without a right answer is skipped. Scores are compared in float32; equal ones keep the gallery's order.

    Args:
        scores: array `(num_query, num_gallery)`, or an iterable of row blocks `(rows, num_gallery)` in the queries'
            order, so that the whole never has to be in memory. Higher is more alike.
        query: sequence of records with `.identity` (int or str) and `.camera` (int or `None`, unknown).
        gallery: the same.
        protocol: str. `"market1501"`: the CMC curve counts the first right answer in the whole gallery.
            `"cuhk03_single_shot"`, of CUHK03's twenty classic splits: in a gallery of one random image of each
            identity, the mean of ten drawings for each query. The other measures are the same for both, of the whole
            gallery, as in torchreid. Defaults to `"market1501"`.
        camera_filter: str. `"same_identity"`: images of the query's identity and camera are ignored. `"none"`: none
            is, for images of one camera or of none; such numbers compare with no published ones. Defaults to
            `"same_identity"`.
        ties: str. What average precision makes of equal scores. `"stable"`: they keep the gallery's order, as in
            torchreid. `"merged"`: they are one step of the curve, which then depends on no order, as in scikit-learn
            and so in every version of the official QAConv. The same without ties. Defaults to `"stable"`.
        seed: int. Of the drawings of `"cuhk03_single_shot"`. Defaults to `0`.

    Returns:
        A `RankingResult`.

    Raises:
        ValueError: if the scores' shape does not fit the records, or an option is unknown.
        UserError: if there is no query or no gallery image, a score is NaN, or no query has a right answer.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> query = [ImageRecord("q.jpg", identity=7, camera=0)]
        >>> gallery = [ImageRecord(f"{i}.jpg", identity=i, camera=1) for i in (3, 5, 7, 7)]
        >>> result = qt.evaluate_ranking(np.array([[0.1, 0.4, 0.35, 0.8]]), query, gallery)
        >>> result.rank1, round(result.mAP, 4), round(result.mAP_trapezoid, 4), round(result.mINP, 4)
        (1.0, 0.8333, 0.7917, 0.6667)

    Reference:
        - [Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015](https://doi.org/10.1109/ICCV.2015.133)
        - mINP: [Ye et al., Deep Learning for Person Re-identification](https://arxiv.org/abs/2001.04193)
        - Single shot: [Li et al., DeepReID, CVPR 2014](https://doi.org/10.1109/CVPR.2014.27)
    """
    _check_options(protocol=(protocol, PROTOCOLS), camera_filter=(camera_filter, CAMERA_FILTERS), ties=(ties, TIES))
    check_answerable(query, gallery, camera_filter)
    query_keys, gallery_keys = integer_keys(query, gallery, camera_filter)
    measures = np.full((4, len(query)), np.nan)
    drawn_ranks = np.full((SINGLE_SHOT_REPEATS, len(query)), np.nan)
    for start, block in _row_blocks(scores, len(query), len(gallery)):
        _check_no_nan(block, query, start)
        for row, row_scores in enumerate(block, start=start):
            ignored, relevant = ignored_and_relevant(query_keys[row], gallery_keys)
            if relevant.any():
                measures[:, row] = _measure_query(row_scores, ignored, relevant, ties)
                if protocol == "cuhk03_single_shot":
                    arguments = row_scores, ignored, relevant, gallery_keys[:, 0], [seed, row]
                    drawn_ranks[:, row] = _single_shot_ranks(*arguments)
    *precisions, first_rank = measures
    first_rank = drawn_ranks if protocol == "cuhk03_single_shot" else first_rank
    return RankingResult(
        *precisions, first_rank, num_gallery=len(gallery), protocol=protocol, camera_filter=camera_filter
    )


def _check_options(**options):
    for name, (value, known) in options.items():
        if value not in known:
            raise ValueError(f"Expected a {name} of {', '.join(known)}. Received: {name}={value!r}")


def check_answerable(query, gallery, camera_filter="same_identity"):
    """Raises a `UserError` unless some query has a right answer; takes no scores, so it can run before they are made.

    Args:
        query: sequence of records with `.identity` and `.camera`.
        gallery: the same.
        camera_filter: str. As `evaluate_ranking` takes it. Defaults to `"same_identity"`.

    Raises:
        UserError: if there is no query, no gallery image, or no right answer under the rules.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.ranking import check_answerable
        >>> check_answerable([ImageRecord("q.jpg", "ann", camera=0)], [ImageRecord("g.jpg", "ann", camera=1)])
    """
    if not len(query) or not len(gallery):
        raise UserError(
            f"Expected at least one query and one gallery image. Received: {len(query)} queries, {len(gallery)} "
            "gallery images. Check the data set's folders or its split column"
        )
    gallery_cameras = collections.defaultdict(set)
    for record in gallery:
        gallery_cameras[record.identity].add(record.camera)
    gallery_cameras.pop(JUNK_IDENTITY, None)
    for record in query:
        # An unknown camera equals no other, not even another unknown one.
        ignored = {record.camera} - {None} if camera_filter == "same_identity" else set()
        if gallery_cameras.get(record.identity, set()) - ignored:
            return
    if camera_filter == "none":
        raise UserError(
            "no query has a right answer: expected gallery images of a query's identity. Received: "
            f"{len(query)} queries, {len(gallery)} gallery images. Check the identities"
        )
    cameras = {record.camera for record in (*query, *gallery)}
    raise UserError(
        "no query has a right answer from another camera: expected gallery images of a query's identity under a "
        f"camera of their own. Received: {len(query)} queries, {len(gallery)} gallery images, {len(cameras)} "
        "camera(s). Check the identities; give each camera its own id, or none where it is unknown; or count answers "
        "from the same camera: --camera_filter=none"
    )


def integer_keys(query, gallery, camera_filter):
    """Returns identities and cameras as integers, for `ignored_and_relevant`.

    Args:
        query: sequence of records with `.identity` and `.camera`.
        gallery: the same.
        camera_filter: str. As `evaluate_ranking` takes it.

    Returns:
        int64 arrays `(num_query, 2)` and `(num_gallery, 2)`: identity and camera. Junk has the identity -1; cameras
        are numbered only if they are filtered by.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.ranking import integer_keys
        >>> gallery = [ImageRecord("g.jpg", "bob"), ImageRecord("h.jpg", "ann", 7)]
        >>> integer_keys([ImageRecord("q.jpg", "ann", 7)], gallery, "same_identity")
        (array([[1, 0]]), array([[ 2, -2],
               [ 1,  0]]))
    """
    identity_keys = {JUNK_IDENTITY: -1}
    camera_keys = {}

    def columns(records, unknown_camera):
        keys = np.empty((len(records), 2), np.int64)
        for row, record in enumerate(records):
            keys[row, 0] = identity_keys.setdefault(record.identity, len(identity_keys))
            camera = record.camera if camera_filter == "same_identity" else None
            keys[row, 1] = unknown_camera if camera is None else camera_keys.setdefault(camera, len(camera_keys))
        return keys

    # Two different keys for "unknown", so that an unknown camera never equals another unknown one.
    return columns(query, unknown_camera=-1), columns(gallery, unknown_camera=-2)


def _row_blocks(scores, num_query, num_gallery):
    """Yields (first row, float32 block), each block small enough to sort; checks that they make the whole."""
    rows_per_block = max(1, SCORES_PER_BLOCK // num_gallery)
    done = 0
    for block in [scores] if hasattr(scores, "shape") else scores:
        shape = tuple(np.shape(block))
        if len(shape) != 2 or shape[1] != num_gallery or done + shape[0] > num_query:
            raise ValueError(
                f"Expected scores of shape (num_query, num_gallery) = ({num_query}, {num_gallery}), whole or in blocks "
                f"of rows. Received: shape {shape}" + (f" after {done} rows" if done else "")
            )
        for start in range(0, shape[0], rows_per_block):
            yield done + start, np.asarray(block[start : start + rows_per_block], np.float32)
        done += shape[0]
    if done != num_query:
        raise ValueError(f"Expected a row of scores for each of {num_query} queries. Received: {done} rows")


def _check_no_nan(block, query, start):
    bad_rows = np.isnan(block).any(axis=1)
    if bad_rows.any():
        number = start + int(np.argmax(bad_rows))
        raise UserError(
            f"Expected scores that are numbers. Received: NaN for query {number} (identity "
            f"{query[number].identity!r}, camera {query[number].camera!r}) first. Check the model's weights and images"
        )


def ignored_and_relevant(query_key, gallery_keys):
    """Returns which gallery images a query ignores, and which are right answers.

    Args:
        query_key: int array `(2,)`. A row of what `integer_keys` returns first.
        gallery_keys: int array `(num_gallery, 2)`. What it returns second.

    Returns:
        Two bool arrays `(num_gallery,)`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.ranking import ignored_and_relevant
        >>> ignored_and_relevant(np.array([1, 0]), np.array([[2, -2], [1, 0], [1, 1]]))
        (array([False,  True, False]), array([False, False,  True]))
    """
    same_identity, same_camera = (query_key == gallery_keys).T
    ignored = (same_identity & same_camera) | (gallery_keys[:, 0] == -1)
    return ignored, same_identity & ~ignored


def _measure_query(scores, ignored, relevant, ties):
    """Returns both average precisions, inverse negative penalty and first rank of a query with an answer."""
    falling = -scores  # the best is the lowest
    kept = np.sort(falling[~ignored])  # sorting the values alone is many times faster than sorting the images
    columns = np.flatnonzero(relevant)
    columns = columns[np.argsort(falling[columns], kind="stable")]
    answers = falling[columns]
    # Each answer's step of the curve, if equal scores are one step: the images before it and down to its end.
    begin_rank, end_rank = (np.searchsorted(kept, answers, side=side) for side in ("left", "right"))
    answer_rank = end_rank.copy()
    for place in np.flatnonzero(end_rank - begin_rank > 1):  # of equal scores, the gallery's order decides
        equal = (falling == answers[place]) & ~ignored
        answer_rank[place] = begin_rank[place] + np.count_nonzero(equal[: columns[place] + 1])
    if ties == "merged":
        begin_number, end_number = (np.searchsorted(answers, answers, side=side) for side in ("left", "right"))
    else:
        end_rank, begin_rank = answer_rank, answer_rank - 1
        begin_number = np.arange(len(answers))
        end_number = begin_number + 1

    precision = end_number / end_rank
    # Precision before the step; 1 before the first, where the official code starts its curve.
    earlier = np.where(begin_rank == 0, 1.0, begin_number / np.maximum(begin_rank, 1))
    return precision.mean(), ((precision + earlier) / 2).mean(), len(answers) / answer_rank[-1], answer_rank[0]


def _single_shot_ranks(scores, ignored, relevant, identities, seed):
    """Ranks of the right answer in galleries of one random image of each identity."""
    order = np.argsort(-scores, kind="stable")
    order = order[~ignored[order]]
    generator = np.random.default_rng(seed)
    ranks = []
    for _ in range(SINGLE_SHOT_REPEATS):
        shuffled = generator.permutation(order.size)
        _, first_of_identity = np.unique(identities[order[shuffled]], return_index=True)
        drawn = np.sort(shuffled[first_of_identity])
        ranks.append(1 + int(np.argmax(relevant[order[drawn]])))
    return ranks
