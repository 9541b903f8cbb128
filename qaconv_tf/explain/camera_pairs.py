"""Scores -> how well the queries of each camera find the images of each other camera."""

import numpy as np

from qaconv_tf.evaluation.ranking import evaluate_ranking, ignored_and_relevant, integer_keys


def camera_pairs(scores, query, gallery, camera_filter="same_identity"):
    """Evaluates each camera's queries in each camera's part of the gallery.

    Args:
        scores: array or memory map `(num_query, num_gallery)`.
        query: sequence of records with `.identity` and `.camera`.
        gallery: the same.
        camera_filter: str. As `evaluate_ranking` takes it. Defaults to `"same_identity"`.

    Returns:
        dict: `"gallery_cameras"`, a list; and `"rows"`, a list of `(query camera, cells)`, a cell being a dict of
        `"rank1"`, `"mAP"` and `"num_query"`, the queries with a right answer there, or `None` where there is none.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.camera_pairs import camera_pairs
        >>> gallery = [ImageRecord("a.jpg", 7, camera=1), ImageRecord("b.jpg", 3, 2), ImageRecord("c.jpg", 7, 2)]
        >>> camera_pairs(np.array([[0.9, 0.8, 0.7]]), [ImageRecord("q.jpg", 7, camera=0)], gallery)["rows"]
        [(0, [{'rank1': 1.0, 'mAP': 1.0, 'num_query': 1}, {'rank1': 0.0, 'mAP': 0.5, 'num_query': 1}])]
    """
    query_cameras, gallery_cameras = _by_camera(query), _by_camera(gallery)
    keys = integer_keys(query, gallery, camera_filter)
    rows = []
    for camera, queries in query_cameras.items():
        parts = gallery_cameras.values()
        cells = [_cell(scores, query, gallery, queries, columns, keys, camera_filter) for columns in parts]
        rows.append((camera, cells))
    return {"gallery_cameras": list(gallery_cameras), "rows": rows}


def _by_camera(records):
    """Camera -> its records' positions; cameras in order, the unknown one last."""
    positions = {}
    for position, record in enumerate(records):
        positions.setdefault(record.camera, []).append(position)
    cameras = sorted(positions, key=lambda camera: (camera is None, camera or 0))
    return {camera: np.array(positions[camera]) for camera in cameras}


def _cell(scores, query, gallery, queries, columns, keys, camera_filter):
    query_keys, gallery_keys = keys
    answered = [row for row in queries if ignored_and_relevant(query_keys[row], gallery_keys[columns])[1].any()]
    if not answered:
        return None
    rows = (np.asarray(scores[row])[columns][None] for row in answered)  # a copy of all might not fit into memory
    chosen = [query[row] for row in answered], [gallery[column] for column in columns]
    ranking = evaluate_ranking(rows, *chosen, camera_filter=camera_filter)
    return {"rank1": ranking.rank1, "mAP": ranking.mAP, "num_query": len(answered)}
