"""Image matching by query-adaptive convolution, in TensorFlow and Keras."""

__version__ = "0.1.0"
