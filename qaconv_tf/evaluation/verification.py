"""Scores of pairs -> how well they tell same from different: ROC, TAR at FAR, equal error rate, ten-fold accuracy."""

import dataclasses

import numpy as np

from qaconv_tf.errors import UserError

NUM_FOLDS = 10


@dataclasses.dataclass(frozen=True, eq=False)
class VerificationResult:
    """How well a threshold on the scores tells pairs of one identity from pairs of two.

    A pair is accepted where its score is the threshold or higher. Every rate is in 0..1.

    Args:
        thresholds: float array `(n,)`, falling: infinity, at which nothing is accepted, then every score that occurs.
        false_accept_rate: float array `(n,)`, rising. FAR: share of the different pairs that are accepted.
        true_accept_rate: float array `(n,)`, rising. TAR: share of the same pairs that are accepted.
        fold_accuracy: float array `(folds,)`. Share of right decisions in each fold, at the threshold that makes most
            right decisions in all other folds.
        num_same: int. Pairs of one identity.
        num_different: int. Pairs of two.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.verification import VerificationResult
        >>> far, tar = np.array([0.0, 0.0, 0.5, 1.0]), np.array([0.0, 0.6, 0.8, 1.0])
        >>> thresholds = np.array([np.inf, 3.0, 2.0, 1.0])
        >>> result = VerificationResult(thresholds, far, tar, np.array([0.75, 0.85]), num_same=10, num_different=2)
        >>> result.tar_at_far(0.5), round(result.equal_error_rate, 3), round(result.accuracy, 2)
        (0.8, 0.286, 0.8)
        >>> result.tar_at_far(0.1)  # one of two pairs is as fine as it gets
        nan
    """

    thresholds: np.ndarray
    false_accept_rate: np.ndarray
    true_accept_rate: np.ndarray
    fold_accuracy: np.ndarray
    num_same: int
    num_different: int

    @property
    def accuracy(self):
        """Mean of `fold_accuracy`."""
        return float(np.mean(self.fold_accuracy))

    @property
    def accuracy_deviation(self):
        """Standard deviation of `fold_accuracy`."""
        return float(np.std(self.fold_accuracy))

    @property
    def equal_error_rate(self):
        """Where as many different pairs are accepted as same pairs refused, on the lines between the curve's points."""
        excess = self.false_accept_rate - (1 - self.true_accept_rate)  # rises from -1 to 1
        after = int(np.argmax(excess >= 0))
        share = -excess[after - 1] / (excess[after] - excess[after - 1])
        before, after = self.false_accept_rate[after - 1], self.false_accept_rate[after]
        return float(before + share * (after - before))

    def tar_at_far(self, far):
        """TAR at a FAR, on the lines between the curve's points.

        Args:
            far: float. In 0..1.

        Returns:
            float; NaN where `far` is less than one of the different pairs. So few say nothing of it: an estimate to
            some ten per cent takes `100 / far` of them.

        Raises:
            ValueError: if `far` is not in 0..1.
        """
        if not 0 <= far <= 1:
            raise ValueError(f"Expected a rate in 0..1. Received: far={far!r}")
        if far * self.num_different < 1 - 1e-9:
            return float("nan")
        # Of several points at one rate, the last and highest counts.
        return float(np.interp(far, self.false_accept_rate, self.true_accept_rate))

    def to_results(self):
        """Returns the numbers as a plain dict for JSON; None for a TAR that so few pairs cannot tell."""
        rates = {f"tar_at_far_{far:g}": self.tar_at_far(far) for far in (0.1, 0.01, 0.001, 0.0001)}
        return {
            "accuracy": self.accuracy,
            "accuracy_deviation": self.accuracy_deviation,
            "num_folds": len(self.fold_accuracy),
            "equal_error_rate": self.equal_error_rate,
            **{name: None if np.isnan(rate) else rate for name, rate in rates.items()},
            "num_same": self.num_same,
            "num_different": self.num_different,
        }


def evaluate_verification(scores, same, folds=None):
    """Measures how well scores tell pairs of one identity from pairs of two.

    Accuracy is that of the LFW protocol: for each fold, the threshold that makes most right decisions in the other
    folds decides this one. The thresholds tried are the scores of those folds and infinity; the highest of equally good
    ones is taken. So nothing here changes when all scores pass through one rising function.

    Args:
        scores: array `(num_pairs,)`. Higher is more alike.
        same: bool array `(num_pairs,)`. Whether the pair shows one identity.
        folds: array `(num_pairs,)` of any labels, the pairs of each fold. Defaults to `None`: ten folds of consecutive
            pairs, unshuffled, as in LFW's list, which has as many same as different pairs in each.

    Returns:
        A `VerificationResult`.

    Raises:
        ValueError: if the arrays' shapes do not fit.
        UserError: if there are no same or no different pairs, a score is not finite, or there is but one fold.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> generator = np.random.default_rng(0)
        >>> same = np.arange(600) % 2 == 0
        >>> scores = generator.normal(size=600) + 2 * same
        >>> result = qt.evaluate_verification(scores, same)
        >>> round(result.accuracy, 2), round(result.equal_error_rate, 2), round(result.tar_at_far(0.01), 2)
        (0.82, 0.18, 0.36)

    Reference:
        [Huang et al., Labeled Faces in the Wild](https://vis-www.cs.umass.edu/lfw/), image-restricted protocol.
    """
    scores, same = np.asarray(scores, np.float64), np.asarray(same, bool)
    folds = _consecutive_folds(len(scores)) if folds is None else np.asarray(folds)
    _check(scores, same, folds)
    thresholds, false_accepts, true_accepts = _curve(scores, same)
    num_same, num_different = int(same.sum()), int((~same).sum())
    accuracy = [_fold_accuracy(scores, same, folds == fold) for fold in dict.fromkeys(folds.tolist())]
    return VerificationResult(
        thresholds, false_accepts / num_different, true_accepts / num_same, np.array(accuracy), num_same, num_different
    )


def _consecutive_folds(num_pairs):
    return np.concatenate(
        [np.full(len(part), fold) for fold, part in enumerate(np.array_split(np.arange(num_pairs), NUM_FOLDS))]
    )


def _check(scores, same, folds):
    if scores.ndim != 1 or scores.shape != same.shape or scores.shape != folds.shape:
        raise ValueError(
            "Expected scores, same and folds of one length. Received: shapes "
            f"{scores.shape}, {same.shape} and {folds.shape}"
        )
    if same.all() or not same.any():
        raise UserError(
            f"Expected pairs of one identity and pairs of two. Received: {same.sum()} of one, {(~same).sum()} of two. "
            "Add what is missing to the pairs"
        )
    if not np.isfinite(scores).all():
        first = int(np.isfinite(scores).argmin())
        raise UserError(
            f"Expected finite scores. Received: {scores[first]} for pair {first} first. Check the model's weights"
        )
    if len(np.unique(folds)) == 1:
        raise UserError(f"Expected pairs in two folds or more. Received: all in fold {str(folds[0])!r}. Name others")


def _curve(scores, same):
    """Thresholds, and how many different and same pairs each accepts."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last_of_equals = np.append(falling[1:] != falling[:-1], True)
    accepted = np.cumsum(same[order])[last_of_equals]
    wrongly = np.cumsum(~same[order])[last_of_equals]
    return (np.insert(falling[last_of_equals], 0, np.inf), np.insert(wrongly, 0, 0), np.insert(accepted, 0, 0))


def _fold_accuracy(scores, same, held_out):
    thresholds, false_accepts, true_accepts = _curve(scores[~held_out], same[~held_out])
    # Right decisions but for the number of different pairs, which no threshold changes.
    threshold = thresholds[np.argmax(true_accepts - false_accepts)]
    return np.mean((scores[held_out] >= threshold) == same[held_out])
