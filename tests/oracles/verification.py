"""Verification measures in plain loops, from their definitions."""


def rates(scores, same, threshold):
    """(FAR, TAR) at a threshold."""
    accepted = [score >= threshold for score in scores]
    false_accepts = sum(yes and not right for yes, right in zip(accepted, same, strict=True))
    true_accepts = sum(yes and right for yes, right in zip(accepted, same, strict=True))
    return false_accepts / sum(not right for right in same), true_accepts / sum(same)


def curve(scores, same):
    """Points (FAR, TAR) of all thresholds, the highest first."""
    return [(0.0, 0.0)] + [rates(scores, same, threshold) for threshold in sorted(set(scores), reverse=True)]


def tar_at_far(points, far):
    """Along the lines between the points; at a FAR that occurs, its highest TAR."""
    exact = [tar for point_far, tar in points if point_far == far]
    if exact:
        return max(exact)
    for (left, low), (right, high) in zip(points, points[1:], strict=False):
        if left < far < right:
            return low + (high - low) * (far - left) / (right - left)


def equal_error_rate(points):
    """The FAR at which the lines between the points cross 1 - TAR, found by halving."""
    for (left, low), (right, high) in zip(points, points[1:], strict=False):
        if right >= 1 - high:
            first, last = 0.0, 1.0
            for _ in range(60):
                middle = (first + last) / 2
                if left + middle * (right - left) >= 1 - (low + middle * (high - low)):
                    last = middle
                else:
                    first = middle
            return left + last * (right - left)


def accuracy(scores, same, threshold):
    return sum((score >= threshold) == right for score, right in zip(scores, same, strict=True)) / len(scores)


def fold_accuracies(scores, same, folds):
    values = []
    for fold in sorted(set(folds)):
        held_out = [(score, right) for score, right, of in zip(scores, same, folds, strict=True) if of == fold]
        others = [(score, right) for score, right, of in zip(scores, same, folds, strict=True) if of != fold]
        best, best_threshold = -1.0, None
        for threshold in [float("inf"), *sorted({score for score, _ in others}, reverse=True)]:
            value = accuracy(*zip(*others, strict=True), threshold)
            if value > best:
                best, best_threshold = value, threshold
        values.append(accuracy(*zip(*held_out, strict=True), best_threshold))
    return values


def consecutive_folds(count, num_folds=10):
    """Fold of each pair: the first ones have one more where the pairs do not divide."""
    sizes = [count // num_folds + (fold < count % num_folds) for fold in range(num_folds)]
    return [fold for fold, size in enumerate(sizes) for _ in range(size)]
