"""A body for inference only: batch normalisations folded into convolutions, in a precision of choice."""

import collections
import pathlib

import keras
import numpy as np

PRECISIONS = ("fp32", "bf16")
_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
# As /proc/cpuinfo names them: of Intel and AMD, and of ARM.
_BFLOAT16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}


class FoldedBody:
    """A copy of a backbone's body that makes the same maps in less time; its weights come with `refresh`.

    A normalisation by moving statistics multiplies and shifts each channel, which the convolution before it can do on
    its way: scale * (w * x) + shift = (scale * w) * x + shift. Maps differ by rounding.

    Args:
        body: functional `keras.Model`, as `Backbone.body`. Not kept.
        precision: `"fp32"`; or `"bf16"`: convolutions, and what lies between them, are done in bfloat16, other
            normalisations in float32. Defaults to `"fp32"`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.backbones import Backbone
        >>> from qaconv_tf.backbones.folding import FoldedBody
        >>> backbone = Backbone(image_height=64, image_width=32)
        >>> folded = FoldedBody(backbone.body)
        >>> folded.refresh(backbone.body)
        >>> images = np.random.default_rng(0).uniform(size=(2, 64, 32, 3)).astype("float32")
        >>> np.allclose(backbone(images), backbone.call(images, body=folded.body), atol=1e-5)
        True
    """

    def __init__(self, body, precision="fp32"):
        # Convolution -> its normalisation, by name.
        self._norm_of = _foldable(body)
        norms = set(self._norm_of.values())

        def clone(operation):
            config = operation.get_config()
            if isinstance(operation, keras.Layer):
                in_float32 = isinstance(operation, (keras.layers.GroupNormalization, keras.layers.BatchNormalization))
                config["dtype"] = "float32" if in_float32 else _DTYPES[precision]
            if operation.name in self._norm_of:
                config["use_bias"] = True
            return operation.__class__.from_config(config)

        def call(operation, maps, *others, **options):
            return maps if operation.name in norms else operation(maps, *others, **options)

        self.body = keras.models.clone_model(body, clone_function=clone, call_function=call)
        self.body.trainable = False

    def refresh(self, body):
        """Takes over the weights that a body of the same network has now.

        Args:
            body: functional `keras.Model`, of which this is a copy.
        """
        for layer in self.body.layers:
            original = body.get_layer(layer.name)
            if layer.name in self._norm_of:
                layer.set_weights(_folded_weights(original, body.get_layer(self._norm_of[layer.name])))
            elif layer.weights:
                layer.set_weights(original.get_weights())


def why_no_bfloat16(cpuinfo="/proc/cpuinfo"):
    """Returns why bfloat16 would gain nothing on this processor, or None where it computes in it.

    Args:
        cpuinfo: str or path. Defaults to `"/proc/cpuinfo"`.

    Example:
        >>> from qaconv_tf.backbones.folding import why_no_bfloat16
        >>> why_no_bfloat16("/dev/null")
        'the processor has none of amx_bf16, avx512_bf16, bf16'
    """
    try:
        features = set(pathlib.Path(cpuinfo).read_text().split())
    except OSError as error:
        return f"the processor's features cannot be read: {error}"
    if features & _BFLOAT16_FEATURES:
        return None
    return f"the processor has none of {', '.join(sorted(_BFLOAT16_FEATURES))}"


def _foldable(body):
    """Names of the convolutions whose maps only a batch normalisation takes, and of these normalisations."""
    producers = {id(maps): one for one in body.operations for maps in keras.tree.flatten(one.output)}
    taken = collections.Counter(id(maps) for one in body.operations for maps in keras.tree.flatten(one.input))
    taken.update(map(id, body.outputs))
    pairs = {}
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and taken[id(layer.input)] == 1:
            producer = producers[id(layer.input)]
            if isinstance(producer, _CONVOLUTIONS):
                pairs[producer.name] = layer.name
    return pairs


def _folded_weights(convolution, norm):
    """Kernel and bias that do the normalisation too."""
    (kernel,) = convolution.get_weights()
    scale = norm.gamma.numpy() / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    # A depthwise kernel has its channels before its last axis, of length 1.
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    return [kernel * (scale[:, None] if depthwise else scale), norm.beta.numpy() - norm.moving_mean.numpy() * scale]
