"""Scores of known pairs -> the temperature that makes a matcher's scores probabilities."""

import numpy as np

from qaconv_tf.matching.score_matrix import score_matrix

MAX_STEPS = 100


def fit_temperature(scores, same):
    """Fits `probability = sigmoid((score + offset) / temperature)` to pairs by maximum likelihood.

    The temperature alone is not enough where a matcher's scale and offset are frozen: the mean score of all pairs is
    then 0, so whatever the temperature an average wrong pair would have the probability 0.5.

    The targets are not 0 and 1 but Platt's `1 / (num_different + 2)` and `(num_same + 1) / (num_same + 2)`: pairs that
    a threshold separates wholly still have a finite best temperature.

    Args:
        scores: array of any shape. Scores of pairs.
        same: bool array of the same shape. Whether the pair shows one identity. The probabilities are those of pairs
            with as large a share of these.

    Returns:
        `(temperature, offset)`, two floats.

    Raises:
        ValueError: if the shapes differ, a score is not finite, one of the two kinds is missing, or higher scores do
            not mean same.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.matching.calibration import fit_temperature
        >>> generator = np.random.default_rng(0)
        >>> scores = generator.uniform(-5, 15, size=100_000)
        >>> same = generator.uniform(size=scores.shape) < 1 / (1 + np.exp(-(scores - 6) / 2))
        >>> temperature, offset = fit_temperature(scores, same)
        >>> round(temperature, 1), round(offset, 1)
        (2.0, -6.0)

    Reference:
        - Platt, Probabilistic Outputs for Support Vector Machines, 1999
        - [Lin, Lin and Weng, A Note on Platt's Probabilistic Outputs, 2007](https://doi.org/10.1007/s10994-007-5018-6)
    """
    scores, same = np.asarray(scores, np.float64), np.asarray(same, bool)
    if scores.shape != same.shape:
        raise ValueError(f"Expected one truth a score. Received: scores of {scores.shape}, same of {same.shape}")
    if not np.isfinite(scores).all() or same.all() or not same.any():
        raise ValueError(
            f"Expected finite scores, some of one identity and some of two. Received: {int(same.sum())} of one, "
            f"{int((~same).sum())} of two, {int((~np.isfinite(scores)).sum())} not finite"
        )
    num_same = int(same.sum())
    targets = np.where(same, (num_same + 1) / (num_same + 2), 1 / (same.size - num_same + 2)).ravel()
    # Standardised, so that both parameters of the logistic regression are of one size.
    mean, deviation = scores.mean(), scores.std() or 1.0
    slope, shift = _logistic_fit((scores.ravel() - mean) / deviation, targets)
    if slope <= 0:
        raise ValueError("Expected scores that are higher for pairs of one identity. Received: they are lower or equal")
    temperature = deviation / slope
    return float(temperature), float(shift * temperature - mean)


def calibrate(matcher, maps, labels):
    """Sets a matcher's temperature, and the offset of its scores, by all pairs of some labelled feature maps.

    For matchers whose scale is frozen, at the end of training: their scores are as large as their initial scale makes
    them, and `sigmoid(score / 10)` of them is near one value for all pairs. All scores change by one number, rankings
    by nothing.

    Args:
        matcher: a built `QAConv`.
        maps: array `(n, height, width, channels)`, of training images.
        labels: array `(n,)`. Some equal, some not.

    Raises:
        ValueError: as `fit_temperature`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching.calibration import calibrate
        >>> generator = np.random.default_rng(0)
        >>> labels = np.arange(40) // 4
        >>> maps = generator.normal(size=(10, 4, 2, 8))[labels] + generator.normal(size=(40, 4, 2, 8))
        >>> maps /= np.linalg.norm(maps, axis=-1, keepdims=True)
        >>> matcher = qt.QAConv(trainable_scales=False)
        >>> before = matcher.probabilities(matcher(maps, maps)).numpy()
        >>> calibrate(matcher, maps, labels)
        >>> after = matcher.probabilities(matcher(maps, maps)).numpy()
        >>> same = labels == labels[:, None]
        >>> [bool(values[same].mean() > 5 * values[~same].mean()) for values in (before, after)]
        [False, True]
    """
    labels = np.asarray(labels)
    pairs = ~np.eye(len(labels), dtype=bool)  # an image always matches itself
    scores = score_matrix(matcher, maps, maps)[pairs]
    temperature, offset = fit_temperature(scores, (labels == labels[:, None])[pairs])
    matcher.temperature.assign(temperature)
    matcher.score_normalization.offset.assign_add(offset)


def _logistic_fit(x, targets):
    """Slope and shift of the logistic regression of targets in 0..1, by Newton's method with halved steps."""
    design = np.stack([x, np.ones_like(x)])
    parameters = np.array([0.0, np.log(targets.mean() / (1 - targets.mean()))])
    loss = _negative_log_likelihood(parameters @ design, targets)
    for _ in range(MAX_STEPS):
        probabilities = 1 / (1 + np.exp(-(parameters @ design)))
        gradient = design @ (probabilities - targets)
        # The small diagonal keeps equal scores from making it singular.
        curvature = (design * (probabilities * (1 - probabilities))) @ design.T + 1e-12 * x.size * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while (new_loss := _negative_log_likelihood((parameters - step) @ design, targets)) > loss:
            step /= 2
            if np.abs(step).max() < 1e-12:
                return parameters
        parameters = parameters - step
        if loss - new_loss <= 1e-12 * loss:
            return parameters
        loss = new_loss
    return parameters


def _negative_log_likelihood(logits, targets):
    return float(np.sum(np.logaddexp(0, logits) - targets * logits))
