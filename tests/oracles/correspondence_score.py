"""Scores of correspondences in plain loops, from their definitions. Nothing here is fast."""

import math


def location_of(row, column, shape, feature_shape):
    """The location of the feature map that the centre of a pixel is in."""
    r = math.floor((row + 0.5) * feature_shape[0] / shape[0])
    c = math.floor((column + 0.5) * feature_shape[1] / shape[1])
    return r * feature_shape[1] + c


def truth_of_location(parts, surface, feature_shape, location):
    """(part, place) of a location; (0, None) where the body is less than half of its pixels."""
    height, width = len(parts), len(parts[0])
    pixels, body = 0, []
    for row in range(height):
        for column in range(width):
            if location_of(row, column, (height, width), feature_shape) == location:
                pixels += 1
                place = [float(x) for x in surface[row][column]]
                if parts[row][column] > 0 and not any(math.isnan(x) for x in place):
                    body.append((int(parts[row][column]), place))
    if not body or 2 * len(body) < pixels:
        return 0, None
    counts = {part: sum(other == part for other, _ in body) for part, _ in body}
    winner = min(part for part in counts if counts[part] == max(counts.values()))
    places = [place for part, place in body if part == winner]
    mean = [sum(axis) / len(places) for axis in zip(*places, strict=True)]
    return winner, min(places, key=lambda place: math.dist(place, mean))


def viewpoint_bin(one, other):
    change = abs(one - other) % 360
    change = min(change, 360 - change)
    return next(bin for bin, high in enumerate((45, 90, 135, 180.0001)) if change < high)


def right_by_part(one, other, location, matched):
    return one.parts[location] == other.parts[matched]


def right_by_place(one, other, location, matched):
    return other.parts[matched] > 0 and math.dist(one.places[location], other.places[matched]) <= 0.10


def scores(best, query, gallery):
    """(pairs, locations, {measure: {rate: sum}}) of each bin of viewpoint change."""
    found = []
    for wanted in range(4):
        pairs = locations = 0
        sums = {measure: dict.fromkeys(("matched", "achievable", "chance", "chance_anywhere"), 0.0)
                for measure in ("same_part", "within_10_cm")}  # fmt: skip
        for matched, one, other in zip(best, query, gallery, strict=True):
            if viewpoint_bin(one.viewpoint, other.viewpoint) != wanted:
                continue
            pairs += 1
            everywhere = range(len(other.parts))
            of_body = [place for place in everywhere if other.parts[place] > 0]
            for location in range(len(one.parts)):
                if one.parts[location] == 0:
                    continue
                locations += 1
                for measure, rule in (("same_part", right_by_part), ("within_10_cm", right_by_place)):
                    right = [bool(rule(one, other, location, place)) for place in everywhere]
                    sums[measure]["matched"] += right[matched[location]]
                    sums[measure]["achievable"] += any(right)
                    if of_body:
                        sums[measure]["chance"] += sum(right[place] for place in of_body) / len(of_body)
                    sums[measure]["chance_anywhere"] += sum(right) / len(right)
        found.append((pairs, locations, sums))
    return found
