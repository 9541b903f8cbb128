"""The top of a ranking in a plain loop, and the choice of queries by sorting pairs."""

import math

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


def queries_to_show(average_precision):
    ranked = sorted((value, number) for number, value in enumerate(average_precision) if not math.isnan(value))
    numbers = [number for _, number in ranked]
    if len(numbers) < 8:
        half = min(3, len(numbers) // 2)
        worst, median, best = numbers[:half], numbers[half : len(numbers) - half], numbers[len(numbers) - half :]
    else:
        middle = (len(numbers) - 1) // 2
        if len(numbers) % 2:
            middle -= 1  # of three in the middle, the two lower
        worst, median, best = numbers[:3], numbers[middle : middle + 2], numbers[-3:]
    return {"worst": worst, "median": median, "best": best[::-1]}
