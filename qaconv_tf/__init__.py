"""Image matching by query-adaptive convolution, in TensorFlow and Keras."""

from qaconv_tf.matching import ClassMemory, QAConv, score_matrix

__version__ = "0.1.0"

__all__ = ["ClassMemory", "QAConv", "score_matrix"]
