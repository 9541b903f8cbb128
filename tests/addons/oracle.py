"""What TensorFlow Addons 0.23 and TensorFlow 2.15 make of the inputs of test_addons.py.

    .venv-addons/bin/python tests/addons/oracle.py losses|optimizers|saved_model INPUTS.npz OUTPUTS.npz

It runs in an environment of its own, so it can import neither this package nor Keras 3.
"""

import sys

import numpy as np
import tensorflow as tf


def losses(inputs):
    """Values and gradients of Addons' focal loss (of each image) and hard triplet loss, by their parameter."""
    import tensorflow_addons as tfa

    right = tf.one_hot(inputs["classes"], inputs["class_scores"].shape[1])
    outputs = {}
    for gamma in inputs["gammas"].tolist():
        # Without alpha, which weighs right against wrong answers.
        loss = tfa.losses.SigmoidFocalCrossEntropy(from_logits=True, alpha=0.0, gamma=gamma)
        outputs |= _with_gradient(f"focal/{gamma}", loss, right, inputs["class_scores"])
    for margin in inputs["margins"].tolist():
        # Any function may measure distances: here the "embeddings" are the scores themselves.
        loss = tfa.losses.TripletHardLoss(margin=margin, distance_metric=tf.negative)
        outputs |= _with_gradient(f"triplet/{margin}", loss, inputs["labels"], inputs["pair_scores"])
    return outputs


def _with_gradient(name, loss, truth, scores):
    scores = tf.constant(scores)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        value = loss(truth, scores)
    return {f"{name}/value": value, f"{name}/gradient": tape.gradient(value, scores)}


def optimizers(inputs):
    """A weight after each step of Addons' SGDW, for each row (rate, momentum, Nesterov, decay) of the settings."""
    import tensorflow_addons as tfa

    outputs = {}
    for number, (rate, momentum, nesterov, decay) in enumerate(inputs["settings"].tolist()):
        options = {"learning_rate": rate, "momentum": momentum, "nesterov": bool(nesterov)}
        optimizer = tfa.optimizers.SGDW(weight_decay=decay, **options)
        weight, path = tf.Variable(inputs["weight"]), []
        for gradient in inputs["gradients"]:
            optimizer.apply_gradients([(tf.constant(gradient), weight)])
            path.append(weight.numpy())
        outputs[f"{number}"] = np.stack(path)
    return outputs


def saved_model(inputs):
    """What each signature returns; inputs are named `signature/input`."""
    signatures = tf.saved_model.load(str(inputs.pop("directory"))).signatures
    arguments = {name: {} for name in signatures}
    for key, value in inputs.items():
        name, argument = key.split("/")
        arguments[name][argument] = tf.constant(value)
    return {name: next(iter(signatures[name](**own).values())) for name, own in arguments.items()}


def main(task, inputs, outputs):
    tasks = {"losses": losses, "optimizers": optimizers, "saved_model": saved_model}
    with np.load(inputs) as arrays:
        results = tasks[task](dict(arrays))
    np.savez(outputs, **{name: np.asarray(value) for name, value in results.items()}, version=tf.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
