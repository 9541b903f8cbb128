import numpy as np
import pytest

from qaconv_tf.matching.calibration import calibrate, fit_temperature
from qaconv_tf.matching.qaconv import QAConv


def random_pairs(seed, count=500):
    generator = np.random.default_rng([60, seed])
    same = generator.permutation(count) < count // 10
    return generator.normal(-3, 2, count) + 5 * same, same


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gradient(scores, same, temperature, offset):
    """Of the likelihood with Platt's targets, per pair, by 1 / temperature and by offset / temperature."""
    high, low = (same.sum() + 1) / (same.sum() + 2), 1 / ((~same).sum() + 2)
    error = sigmoid((scores + offset) / temperature) - np.where(same, high, low)
    return np.mean(error * scores), np.mean(error)


@pytest.mark.parametrize("seed", range(5))
def test_the_likelihood_is_at_its_top(seed):
    scores, same = random_pairs(seed)
    fitted = fit_temperature(scores, same)
    np.testing.assert_allclose(gradient(scores, same, *fitted), 0, atol=1e-6)
    for other in ((fitted[0] * 1.05, fitted[1]), (fitted[0], fitted[1] + 0.2)):
        assert np.abs(gradient(scores, same, *other)).max() > 1e-4


def test_finds_the_temperature_that_made_the_truths():
    generator = np.random.default_rng(61)
    scores = generator.normal(-4, 6, (400, 500))
    same = generator.uniform(size=scores.shape) < sigmoid((scores - 3) / 2.5)
    assert fit_temperature(scores, same) == pytest.approx((2.5, -3.0), rel=0.02)


@pytest.mark.parametrize(("factor", "shift"), [(0.01, 0.0), (300.0, -7000.0), (1.0, 1e5)])
def test_scaled_and_shifted_scores_have_the_same_probabilities(factor, shift):
    scores, same = random_pairs(0)
    temperature, offset = fit_temperature(scores, same)
    scaled = fit_temperature(factor * scores + shift, same)
    assert scaled == pytest.approx((factor * temperature, factor * offset - shift), rel=1e-4)


def test_separated_pairs_have_a_finite_temperature():
    scores, same = random_pairs(1)
    scores = scores + 50 * same
    temperature, offset = fit_temperature(scores, same)
    assert 0 < temperature < 50
    probabilities = sigmoid((scores + offset) / temperature)
    assert probabilities[same].min() > 0.9 and probabilities[~same].max() < 0.1


def test_errors():
    scores, same = random_pairs(2)
    with pytest.raises(ValueError, match=r"scores of \(500,\), same of \(499,\)"):
        fit_temperature(scores, same[1:])
    with pytest.raises(ValueError, match="Received: 0 of one, 500 of two, 0 not finite"):
        fit_temperature(scores, np.zeros_like(same))
    with pytest.raises(ValueError, match="higher for pairs of one identity"):
        fit_temperature(-scores, same)
    with pytest.raises(ValueError, match="higher for pairs of one identity"):
        fit_temperature(np.full(500, 2.0), same)
    scores[3] = np.inf
    with pytest.raises(ValueError, match="1 not finite"):
        fit_temperature(scores, same)


def test_a_calibrated_matcher_tells_how_many_pairs_are_of_one_identity():
    generator = np.random.default_rng(62)
    labels = generator.permutation(60) // 4
    maps = generator.normal(size=(15, 4, 3, 16))[labels] + 1.2 * generator.normal(size=(60, 4, 3, 16))
    maps = (maps / np.linalg.norm(maps, axis=-1, keepdims=True)).astype(np.float32)
    matcher = QAConv(head="uniform", trainable_scales=False)
    before = matcher(maps, maps).numpy()
    calibrate(matcher, maps, labels)
    after = matcher(maps, maps).numpy()
    # One number is added to every score, so every ranking stays.
    np.testing.assert_allclose(after - before, np.mean(after - before), rtol=1e-4)
    others = ~np.eye(60, dtype=bool)
    same = (labels == labels[:, None])[others]
    probabilities = matcher.probabilities(after).numpy()[others]
    assert probabilities.mean() == pytest.approx(same.mean(), abs=0.01)
    assert probabilities[same].mean() > 0.5 > 10 * probabilities[~same].mean()
    # Ten, the published temperature, leaves all near one half, whatever the pair.
    assert np.ptp(sigmoid(before[others] / 10)) < 0.2
