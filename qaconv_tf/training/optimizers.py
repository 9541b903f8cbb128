"""Stochastic gradient descent as PyTorch does it, with a slower rate for the backbone."""

import keras


class CoupledSGD(keras.optimizers.Optimizer):
    """SGD with Nesterov momentum, coupled weight decay and a slower learning rate for some variables.

    With gradient `g` and weight `w`: `g += weight decay x w`, `m = momentum x m + g`, `w -= rate x (g + momentum x m)`.
    Keras's own SGD differs twice: its weight decay does not pass through the momentum, and its momentum holds
    rate x gradient, which keeps the old rate for a while after the rate has dropped.

    Args:
        learning_rate: float or schedule. Defaults to `0.01`.
        momentum: float. Defaults to `0.9`.
        coupled_decay: float. The weight decay, on every variable. Defaults to `5e-4`.
        slow_variables: variables with the slower rate, such as `backbone.body.trainable_variables`. Defaults to none.
        slow_factor: float. Their rate's factor. Defaults to `0.1`.

    Example:
        >>> import keras
        >>> from qaconv_tf.training.optimizers import CoupledSGD
        >>> weight = keras.Variable(1.0)
        >>> optimizer = CoupledSGD(learning_rate=0.1, momentum=0.5, coupled_decay=0.0)
        >>> optimizer.apply([2.0], [weight])  # 1 - 0.1 x (2 + 0.5 x 2)
        >>> round(float(weight), 4)
        0.7

    Reference:
        [PyTorch's SGD](https://pytorch.org/docs/stable/generated/torch.optim.SGD.html).
    """

    def __init__(
        self, learning_rate=0.01, momentum=0.9, coupled_decay=5e-4, slow_variables=(), slow_factor=0.1, **kwargs
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.coupled_decay = coupled_decay
        self.slow_factor = slow_factor
        self._slow_variables = {id(variable) for variable in slow_variables}

    def build(self, variables):
        """Creates one momentum for each variable, and notes its factor."""
        if not self.built:
            super().build(variables)
            self.momentums = [self.add_variable_from_reference(variable, name="momentum") for variable in variables]
            # By place: `update_step` gets TensorFlow's variables inside the Keras ones given here.
            is_slow = [id(variable) in self._slow_variables for variable in variables]
            self._factors = [self.slow_factor if slow else 1.0 for slow in is_slow]

    def update_step(self, gradient, variable, learning_rate):
        """Moves one variable."""
        place = self._get_variable_index(variable)
        momentum = self.momentums[place]
        gradient = gradient + self.coupled_decay * variable
        self.assign(momentum, self.momentum * momentum + gradient)
        self.assign_sub(variable, learning_rate * self._factors[place] * (gradient + self.momentum * momentum))

    def get_config(self):
        """Returns what `from_config` needs; which variables are slow is not part of it."""
        names = ("momentum", "coupled_decay", "slow_factor")
        return super().get_config() | {name: getattr(self, name) for name in names}
