"""Ranking measures in plain loops, from their definitions: one walk down each query's ranked list."""

import math
import struct


def to_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def ranked_answers(row, query, gallery):
    """True for right, False for wrong, best first, without what the Market-1501 rules ignore."""
    kept = []
    for position, record in enumerate(gallery):
        if record.identity == -1:
            continue
        same_camera = query.camera is not None and record.camera is not None and query.camera == record.camera
        if record.identity == query.identity and same_camera:
            continue
        kept.append((-to_float32(row[position]), position, record.identity == query.identity))
    return [right for _, _, right in sorted(kept)]


def measure_query(answers):
    """Walks down the list as the official evaluation code does; None without a right answer."""
    total = sum(answers)
    if total == 0:
        return None
    step = trapezoid = 0.0
    found = first = last = 0
    old_recall, old_precision = 0.0, 1.0
    for rank, right in enumerate(answers, start=1):
        if right:
            found += 1
            first = first or rank
            last = rank
        recall, precision = found / total, found / rank
        step += (recall - old_recall) * precision
        trapezoid += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return {
        "average_precision": step,
        "average_precision_trapezoid": trapezoid,
        "inverse_negative_penalty": total / last,
        "first_relevant_rank": float(first),
    }


def evaluate_ranking(scores, query, gallery, max_rank=50):
    """Returns a dict with the names of RankingResult; per-query values are lists with NaN for skipped queries."""
    measured = [measure_query(ranked_answers(row, record, gallery)) for row, record in zip(scores, query, strict=True)]
    valid = [one for one in measured if one is not None]
    result = {"num_query": len(query), "num_skipped": len(query) - len(valid)}
    for name in valid[0]:
        result[name] = [math.nan if one is None else one[name] for one in measured]
    for mean_name, name in (
        ("mAP", "average_precision"),
        ("mAP_trapezoid", "average_precision_trapezoid"),
        ("mINP", "inverse_negative_penalty"),
    ):
        result[mean_name] = sum(one[name] for one in valid) / len(valid)
    result["cmc"] = [
        sum(one["first_relevant_rank"] <= k for one in valid) / len(valid)
        for k in range(1, min(max_rank, len(gallery)) + 1)
    ]
    result["rank1"] = result["cmc"][0]
    return result
