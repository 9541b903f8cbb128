import keras
import numpy as np
import pytest

from qaconv_tf.training.optimizers import CoupledSGD

SHAPES = [(3,), (2, 2), ()]
STEPS = 6


def rate_drop(rate, first_step):
    """A tenth of the rate from `first_step` on; Keras keeps a value up to and including its boundary."""
    return keras.optimizers.schedules.PiecewiseConstantDecay([first_step - 1], [rate, rate / 10])


def torch_sgd(weights, gradients, rate_of, momentum, decay, factors):
    """torch.optim.SGD(nesterov=True), number by number, as its documentation's algorithm box says."""
    weights = [weight.astype(np.float64).ravel().tolist() for weight in weights]
    buffers = [[0.0] * len(weight) for weight in weights]
    for step, of_step in enumerate(gradients):
        for weight, buffer, gradient, factor in zip(weights, buffers, of_step, factors, strict=True):
            for index, g in enumerate(gradient.ravel().tolist()):
                g = g + decay * weight[index]
                buffer[index] = momentum * buffer[index] + g
                weight[index] -= rate_of(step) * factor * (g + momentum * buffer[index])
    return weights


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("slow", [(), (1,), (0, 2)])
def test_equals_the_formula_of_pytorch(momentum, decay, slow):
    generator = np.random.default_rng(80)
    weights = [generator.normal(size=shape).astype(np.float32) for shape in SHAPES]
    gradients = [[generator.normal(size=shape).astype(np.float32) for shape in SHAPES] for _ in range(STEPS)]
    variables = [keras.Variable(weight) for weight in weights]
    optimizer = CoupledSGD(
        rate_drop(0.1, 3), momentum, decay, slow_variables=[variables[index] for index in slow], slow_factor=0.2
    )
    for of_step in gradients:
        optimizer.apply(of_step, variables)
    factors = [0.2 if index in slow else 1.0 for index in range(len(SHAPES))]
    wanted = torch_sgd(weights, gradients, lambda step: 0.1 if step < 3 else 0.01, momentum, decay, factors)
    for variable, weight in zip(variables, wanted, strict=True):
        np.testing.assert_allclose(np.ravel(variable), weight, rtol=1e-5, atol=1e-6)
    assert int(optimizer.iterations) == STEPS


def test_two_variables_of_one_name_are_told_apart():
    fast, slow = keras.Variable([1.0], name="kernel"), keras.Variable([1.0], name="kernel")
    CoupledSGD(0.1, momentum=0.0, coupled_decay=0.0, slow_variables=[slow]).apply([[1.0], [1.0]], [fast, slow])
    np.testing.assert_allclose([float(fast[0]), float(slow[0])], [0.9, 0.99], rtol=1e-6)


def test_learning_rate_can_be_read_for_the_curves():
    variable = keras.Variable([1.0])
    optimizer = CoupledSGD(rate_drop(0.5, 1), coupled_decay=0.0)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.apply([[1.0]], [variable])
    assert float(optimizer.learning_rate) == pytest.approx(0.05)
