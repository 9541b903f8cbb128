"""The top of a ranking in a plain loop."""

from tests.oracles.ranking import to_float32


def ranked_strip(row, query, gallery, length=10):
    """Returns [(gallery position, mark, rank or None)] and the number of ignored images left out."""
    order = sorted(range(len(gallery)), key=lambda position: (-to_float32(row[position]), position))
    shown, ignored, rank = [], 0, 0
    for position in order:
        record = gallery[position]
        same_camera = query.camera is not None and record.camera is not None and query.camera == record.camera
        if record.identity == -1 or (record.identity == query.identity and same_camera):
            ignored += 1
            if ignored <= length:
                shown.append((position, "ignored", None))
            continue
        rank += 1
        shown.append((position, "right" if record.identity == query.identity else "wrong", rank))
        if rank == length:
            break
    return shown, max(0, ignored - length)
