"""The QAConv layer: scores of image pairs by query-adaptive convolution."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from qaconv_tf.matching.chunks import Chunks
from qaconv_tf.matching.pair_statistics import DEFAULT_TILE_BYTES, pair_statistics
from qaconv_tf.matching.scalar_normalization import ScalarNormalization

HEADS = ("shared", "split", "positive", "uniform")
WEIGHT_INITS = ("mean", "random")


class EvaluationForm(NamedTuple):
    """What a matcher computes in evaluation, both normalisations folded into two numbers.

    `score = slope * sum of weight * (maximum - center) + intercept`, over all locations of both maps; so a location's
    share of a score is exactly `slope * weight * (maximum - center)`.

    Args:
        query_weights: float64 `(locations,)`.
        gallery_weights: float64 `(locations,)`.
        center: float. Mean of the location maxima in training.
        slope: float. Negative where one of the two learned scales is.
        intercept: float.
    """

    query_weights: np.ndarray
    gallery_weights: np.ndarray
    center: float
    slope: float
    intercept: float


@keras.saving.register_keras_serializable(package="qaconv_tf")
class QAConv(keras.layers.Layer):
    """Scores image pairs by query-adaptive convolution.

    Every location of a query's feature map is used as a 1x1 convolution kernel over the gallery's maps, built on the
    fly by one einsum. Of the responses the best for each query location and the best for each gallery location are
    kept (2 x locations maxima), normalised, weighted by location, summed and normalised again. In evaluation a score
    is thus an affine function of its location maxima.

    Computed tile by tile with a custom gradient (see `pair_statistics`), in float32 whatever the dtype policy: a
    score's differences are small against the maxima it is made of, and XLA's bfloat16 product is slower on a CPU.

    Args:
        head: `"shared"`: one set of location weights for both directions (QAConv 2.x). `"split"`: one set a direction
            (1.x). `"positive"`: shared, and the softmax of what is learned, so positive with a sum of 1: no location
            can speak against a match, and weights move slowly. `"uniform"`: all fixed at 1 / locations. Free weights
            learn the framing of the training images, and fail on images framed otherwise. Defaults to `"shared"`.
        weight_init: `"mean"`: location weights start at 1 / locations, so that a score starts as the mean of the maxima
            of both directions (2.x). `"random"`: as PyTorch's linear layer, uniform within 1 / sqrt(weights) (1.x). Not
            used by a `"positive"` or `"uniform"` head, whose weights start equal. Defaults to `"mean"`.
        trainable_scales: bool. Whether scale and offset of both normalisations are learned. Defaults to `True`.
        scale_floor: float. Learned scales never fall below this. Where the hardest wrong answer scores higher than the
            hardest right one, as early in training it does, a margin loss falls with the scale, until all scores are
            equal; at a floor of 1, where scales start, it must separate the maps instead. Defaults to `0.0`: none, as
            published.
        momentum: float. Of both normalisations. Defaults to `0.9`, PyTorch's 0.1 (Keras counts the other way).
        epsilon: float. Of both normalisations. Defaults to `1e-5`.
        tile_bytes: int. Largest tile of responses held at a time. Defaults to 8 MiB. Does not change the result.
        jit_compile: bool. Compile the matching with XLA. Defaults to `True`; export uses `False`.
        seed: int. Of random location weights. Defaults to `0`.

    Call arguments:
        query_maps: L2-normalised feature maps, `(num_query, height, width, channels)`.
        gallery_maps: the same, `(num_gallery, height, width, channels)`.
        training: bool. Normalise by the statistics of all pairs of this call, and record them. Defaults to `False`.
        gallery_gradient: bool. Whether gradients reach `gallery_maps`. Defaults to `True`.
        chunk: int. In training, so many gallery images are normalised at a time, each chunk by its own statistics and
            recorded in turn, as if the layer were called for each. Defaults to `0`: all together.
        engine: `"xla"`, or `"native"` for steps of training on a CPU: see `pair_statistics`. Defaults to `"xla"`.

    Returns:
        Scores, `(num_query, num_gallery)`, float32. Higher is more alike; unbounded.

    Raises:
        ValueError: if the maps are not of rank 4, or differ in height, width or channels from each other or from those
            the layer was built with.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> maps /= np.linalg.norm(maps, axis=-1, keepdims=True)
        >>> scores = qt.QAConv(head="uniform")(maps, maps)
        >>> scores.shape, int(scores[0].numpy().argmax())
        (TensorShape([3, 3]), 0)

    Reference:
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424), section 3.
    """

    def __init__(
        self, head="shared", weight_init="mean", trainable_scales=True, momentum=0.9, epsilon=1e-5,
        tile_bytes=DEFAULT_TILE_BYTES, jit_compile=True, seed=0, scale_floor=0.0, **kwargs,
    ):
        super().__init__(**kwargs, autocast=False)
        if head not in HEADS:
            raise ValueError(f"Expected head to be one of {HEADS}. Received: head={head!r}")
        if weight_init not in WEIGHT_INITS:
            raise ValueError(f"Expected weight_init to be one of {WEIGHT_INITS}. Received: weight_init={weight_init!r}")
        self.head = head
        self.weight_init = weight_init
        self.trainable_scales = trainable_scales
        self.scale_floor = scale_floor
        self.momentum = momentum
        self.epsilon = epsilon
        self.tile_bytes = tile_bytes
        self.jit_compile = jit_compile
        self.seed = seed
        options = {
            "trainable_scale": trainable_scales, "momentum": momentum, "epsilon": epsilon, "scale_floor": scale_floor,
        }  # fmt: skip
        self.location_normalization = ScalarNormalization(**options, name="location_normalization")
        self.score_normalization = ScalarNormalization(**options, name="score_normalization")

    def build(self, query_maps_shape, gallery_maps_shape):
        """Creates the location weights for these maps' height and width."""
        self._validate_shapes(query_maps_shape, gallery_maps_shape)
        self.feature_shape = tuple(query_maps_shape[1:])
        locations = self.feature_shape[0] * self.feature_shape[1]
        options = {"dtype": "float32", "autocast": False}
        if self.head == "positive":
            self.location_logits = self.add_weight(
                name="location_logits", shape=(locations,), initializer="zeros", **options
            )
        elif self.head != "uniform":
            shape = (1 if self.head == "shared" else 2, locations)
            self.location_weights = self.add_weight(
                name="location_weights", shape=shape, initializer=self._weight_initializer(shape), **options
            )
            self.bias = self.add_weight(name="bias", shape=(), initializer="zeros", **options)
        self.temperature = self.add_weight(
            name="temperature", shape=(), initializer=keras.initializers.Constant(10.0), trainable=False, **options
        )

    def call(self, query_maps, gallery_maps, training=False, gallery_gradient=True, chunk=0, engine="xla"):
        """Returns the scores; see the class."""
        self._validate_shapes(query_maps.shape, gallery_maps.shape)
        query, gallery = self._flatten(query_maps), self._flatten(gallery_maps)
        query_weights, gallery_weights, bias = self._weights()
        total_weight = tf.reduce_sum(query_weights) + tf.reduce_sum(gallery_weights)
        chunks = Chunks(gallery_maps.shape[0], chunk if training else 0)
        center = self._center(query, gallery, chunks) if training else self.location_normalization.moving_mean.value
        weighted_sum, mean, variance = pair_statistics(
            query, gallery, query_weights, gallery_weights, chunks.spread(center), self.tile_bytes, self.jit_compile,
            gallery_gradient, keep_maxima=training, engine=engine,
        )
        # BatchNorm over all maxima of all pairs: their mean and variance from each pair's own.
        pairs = tf.shape(query)[0] * chunks.sizes(gallery)
        mean_of_all = chunks.mean(mean)
        variance_of_all = chunks.mean(variance + tf.square(mean - chunks.spread(mean_of_all)))
        count = pairs * 2 * query.shape[1]
        factor, shift = self.location_normalization(mean_of_all + center, variance_of_all, count, training=training)
        # weighted_sum is of (maximum - center), so the center's part of the affine map is added to its shift.
        shift = (factor * center + shift) * total_weight + bias
        logits = chunks.spread(factor) * weighted_sum + chunks.spread(shift)
        mean = chunks.mean(logits)
        variance = chunks.mean(tf.square(logits - chunks.spread(mean)))
        factor, shift = self.score_normalization(mean, variance, pairs, training=training)
        scores = chunks.spread(factor) * logits + chunks.spread(shift)
        # Tiles of a number known only at run time hide how many gallery images there are.
        scores.set_shape((query_maps.shape[0], gallery_maps.shape[0]))
        return scores

    def probabilities(self, scores):
        """Returns the probability that a pair shows the same identity, `sigmoid(scores / temperature)`.

        Args:
            scores: scores of this matcher, any shape.

        Returns:
            Values in (0, 1), the same shape. `temperature` is 10, as in the published recipes, unless it was set.
        """
        return tf.sigmoid(scores / self.temperature)

    def evaluation_form(self):
        """Returns the layer, as it is in evaluation, as an `EvaluationForm`, computed in double precision.

        Example:
            >>> import numpy as np
            >>> import qaconv_tf as qt
            >>> maps = np.random.default_rng(0).normal(size=(2, 4, 2, 8))
            >>> matcher = qt.QAConv()
            >>> score = matcher(maps[:1], maps[1:])
            >>> responses = maps[0].reshape(8, 8) @ maps[1].reshape(8, 8).T
            >>> form = matcher.evaluation_form()
            >>> weighted_sum = form.query_weights @ (responses.max(axis=1) - form.center)
            >>> weighted_sum += form.gallery_weights @ (responses.max(axis=0) - form.center)
            >>> np.allclose(form.slope * weighted_sum + form.intercept, score)
            True
        """
        query_weights, gallery_weights, bias = (np.asarray(one, np.float64) for one in self._weights())
        if self.head == "uniform":  # exactly, and not to seven digits
            query_weights = gallery_weights = np.full(len(query_weights), 1 / len(query_weights))
        elif self.head == "positive":
            odds = np.exp(np.asarray(self.location_logits, np.float64))
            query_weights = gallery_weights = odds / odds.sum()
        factor, center, offset = self.location_normalization.evaluation_form()
        slope, mean, intercept = self.score_normalization.evaluation_form()
        logit_of_center = offset * (query_weights.sum() + gallery_weights.sum()) + bias
        return EvaluationForm(
            query_weights, gallery_weights, center, slope * factor, float(slope * (logit_of_center - mean) + intercept)
        )

    def _weight_initializer(self, shape):
        if self.weight_init == "mean":
            return keras.initializers.Constant(1.0 / shape[1])
        bound = (shape[0] * shape[1]) ** -0.5
        return keras.initializers.RandomUniform(-bound, bound, seed=self.seed)

    def _weights(self):
        """Location weights of both directions, and the bias; a shared head adds its bias once a direction."""
        if self.head == "uniform":
            locations = self.feature_shape[0] * self.feature_shape[1]
            weights = tf.fill([locations], 1.0 / locations)
            return weights, weights, 0.0
        if self.head == "positive":
            weights = tf.nn.softmax(self.location_logits.value)
            return weights, weights, 0.0
        weights = self.location_weights.value
        directions = weights.shape[0]
        return weights[0], weights[-1], self.bias * (2.0 / directions)

    def _center(self, query, gallery, chunks):
        """A typical maximum of each chunk, to subtract before summing; any is right, a near one keeps more digits.

        The first query against the last gallery map: where a batch is matched with itself, first against first would
        be the one untypical pair.
        """
        responses = tf.matmul(query[0], chunks.last(gallery), transpose_b=True)
        return tf.stop_gradient(tf.reduce_mean(tf.reduce_max(responses, axis=-2), axis=-1))

    def _flatten(self, maps):
        height, width, channels = self.feature_shape
        batch = maps.shape[0] if maps.shape[0] is not None else -1
        return tf.reshape(tf.cast(maps, tf.float32), [batch, height * width, channels])

    def _validate_shapes(self, query_shape, gallery_shape):
        received = f"Received: query_maps.shape={tuple(query_shape)}, gallery_maps.shape={tuple(gallery_shape)}"
        if len(query_shape) != 4 or len(gallery_shape) != 4:
            raise ValueError(f"Expected feature maps (batch, height, width, channels). {received}")
        if tuple(query_shape[1:]) != tuple(gallery_shape[1:]) or None in tuple(query_shape[1:]):
            raise ValueError(f"Expected maps of equal, known height, width and channels. {received}")
        if self.built and tuple(query_shape[1:]) != self.feature_shape:
            raise ValueError(f"Expected maps of (height, width, channels)={self.feature_shape}. {received}")

    def compute_output_shape(self, query_maps_shape, gallery_maps_shape):
        """Returns `(num_query, num_gallery)`."""
        return query_maps_shape[0], gallery_maps_shape[0]

    def get_config(self):
        """Returns what `from_config` needs."""
        names = (
            "head", "weight_init", "trainable_scales", "momentum", "epsilon", "tile_bytes", "jit_compile", "seed",
            "scale_floor",
        )
        return super().get_config() | {name: getattr(self, name) for name in names}
