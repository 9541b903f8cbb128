"""Ranking measures in plain loops, from their definitions: one walk down each query's ranked list."""

import math
import struct


def to_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def ranked_answers(row, query, gallery, camera_filter="same_identity"):
    """(score, True for right or False for wrong, identity), best first, without what the rules ignore."""
    kept = []
    for position, record in enumerate(gallery):
        if record.identity == -1:
            continue
        same_camera = query.camera is not None and record.camera is not None and query.camera == record.camera
        if camera_filter == "same_identity" and record.identity == query.identity and same_camera:
            continue
        kept.append((-to_float32(row[position]), position, record.identity == query.identity, record.identity))
    return [(-negative, right, identity) for negative, _, right, identity in sorted(kept, key=lambda one: one[:2])]


def measure_query(ranked, ties="stable"):
    """Walks down the list as the official evaluation code does; None without a right answer."""
    answers = [right for _, right, _ in ranked]
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
        if ties == "merged" and rank < len(ranked) and ranked[rank][0] == ranked[rank - 1][0]:
            continue  # the curve has no point among equal scores
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


def evaluate_ranking(scores, query, gallery, max_rank=50, camera_filter="same_identity", ties="stable"):
    """Returns a dict with the names of RankingResult; per-query values are lists with NaN for skipped queries."""
    measured = [
        measure_query(ranked_answers(row, record, gallery, camera_filter), ties)
        for row, record in zip(scores, query, strict=True)
    ]
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


def single_shot_curve(scores, query, gallery, max_rank=50):
    """The CMC curve that drawings of one image an identity have in the mean, without drawing.

    Given the drawn right image, each other identity stands before it with the share of its images that do, whatever is
    drawn of the rest: a sum of independent chances.
    """
    total, num_valid = [0.0] * max_rank, 0
    for row, record in zip(scores, query, strict=True):
        ranked = ranked_answers(row, record, gallery)
        rights = [place for place, (_, right, _) in enumerate(ranked) if right]
        num_valid += bool(rights)
        for place in rights:
            chances = [1.0]  # of so many identities before the right image
            for identity in {identity for _, right, identity in ranked if not right}:
                places = [at for at, (_, _, other) in enumerate(ranked) if other == identity]
                before = sum(at < place for at in places) / len(places)
                shifted = [0.0, *(chance * before for chance in chances)]
                chances = [
                    stays * (1 - before) + moves for stays, moves in zip([*chances, 0.0], shifted, strict=True)
                ]
            for k in range(max_rank):
                total[k] += sum(chances[: k + 1]) / len(rights)
    return [value / num_valid for value in total]
