"""What the golden tests share: our matcher with official tensors, our gradients in the official order, deviations."""

import pathlib

import numpy as np

from qaconv_tf.matching import QAConv

HERE = pathlib.Path(__file__).parent
# Of the reference's standard deviation.
TOLERANCE = 1e-5


def golden(name):
    """The arrays of a golden file, nested by the parts of their names."""
    nested = {}
    with np.load(HERE / f"{name}.npz", allow_pickle=False) as arrays:
        for key, value in arrays.items():
            part, _, rest = key.partition("/")
            nested.setdefault(part, {})[rest] = value
    return nested


def make_matcher(tag, shape, **options):
    """A built matcher of the tag's head."""
    head = "shared" if tag == "v2.1" else "split"
    matcher = QAConv(head=head, **options)
    matcher.build((None, *shape), (None, *shape))
    return matcher


def fill(matcher, tensors):
    """Gives a matcher the tensors of an official one."""
    # The first half of a split layer is for the gallery's locations, the second for the query's.
    matcher.location_weights.assign(tensors["fc.weight"].reshape(matcher.location_weights.shape)[::-1])
    for name, variable in _scalars(matcher).items():
        variable.assign(tensors[name][0])


def matcher_tensors(matcher):
    """The tensors of an official matcher that is as ours."""
    scalars = {name: np.reshape(variable, 1) for name, variable in _scalars(matcher).items()}
    return {"fc.weight": matcher.location_weights.numpy()[::-1].reshape(1, -1)} | scalars


def _scalars(matcher):
    named = {"fc.bias": matcher.bias}
    for name, norm in (("bn", matcher.location_normalization), ("logit_bn", matcher.score_normalization)):
        named |= {f"{name}.weight": norm.scale, f"{name}.bias": norm.offset}
        named |= {f"{name}.running_mean": norm.moving_mean, f"{name}.running_var": norm.moving_variance}
    return named


def variables(matcher):
    """What is trained, in the order of `gradients`."""
    norms = (matcher.location_normalization, matcher.score_normalization)
    scalars = [variable.value for norm in norms for variable in (norm.scale, norm.offset)]
    return [matcher.location_weights.value, matcher.bias.value, *scalars]


def gradients(by_variable):
    """The gradients of `variables`, as the golden files have them."""
    by_weights, *by_scalars = by_variable
    return {"by_fc_weight": np.ravel(by_weights[::-1]), "by_scalars": np.stack(by_scalars)}


def statistics(matcher):
    """The moving statistics of a matcher, as the golden files have them."""
    norms = (matcher.location_normalization, matcher.score_normalization)
    return np.array([float(value) for norm in norms for value in (norm.moving_mean, norm.moving_variance)])


def deviations(values, reference):
    """The largest deviation of each value, in the reference's standard deviations; of statistics, in themselves."""
    return {key: _deviation(key, np.asarray(values[key], np.float64), array) for key, array in reference.items()}


def _deviation(key, value, reference):
    reference = reference.astype(np.float64)
    if value.shape != reference.shape:
        raise ValueError(f"{key}: shapes {value.shape} and {reference.shape}")
    scale = np.abs(reference) if key == "statistics" or not reference.shape else reference.std()
    difference = np.abs(value - reference)
    return float(np.max(np.where(difference == 0, 0.0, difference / np.where(scale == 0, 1e-300, scale))))
