"""A neck that starts as the principal components of what it is given."""

import numpy as np

from qaconv_tf.errors import UserError

_BATCH_SIZE = 32


def initialize_neck_with_pca(backbone, images):
    """Sets the neck to the leading principal components of the raw maps' locations over some images.

    The centre of the kernel gets the components, the rest of it zeros; the bias, where the neck has one, takes the
    mean away. No labels are used, and the same images give the same neck (each component's largest weight is positive).

    Args:
        backbone: `Backbone` with a neck.
        images: array `(n, image_height, image_width, 3)`, as the backbone takes them.

    Raises:
        UserError: if the backbone has no neck, or the neck more channels than the raw maps.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.backbones import Backbone, initialize_neck_with_pca
        >>> backbone = Backbone(image_height=64, image_width=32, levels=(8,), neck_channels=4)
        >>> initialize_neck_with_pca(backbone, np.random.default_rng(0).uniform(size=(2, 64, 32, 3)))
        >>> kernel = backbone.neck.kernel.numpy()[0, 0]
        >>> np.allclose(kernel.T @ kernel, np.eye(4), atol=1e-5)
        True
    """
    if backbone.neck is None:
        raise UserError("Expected a backbone with a neck. Received: neck_channels=None")
    mean, covariance = _moments(backbone, images)
    if backbone.neck_channels > len(mean):
        raise UserError(
            f"Expected at most as many neck channels as the raw maps have, {len(mean)}. "
            f"Received: neck_channels={backbone.neck_channels}"
        )
    components = _principal_components(covariance, backbone.neck_channels)
    kernel = np.zeros(backbone.neck.kernel.shape, np.float32)
    centre = backbone.neck_kernel_size // 2
    kernel[centre, centre] = components
    backbone.neck.kernel.assign(kernel)
    if backbone.neck.use_bias:
        backbone.neck.bias.assign(-mean @ components)


def _moments(backbone, images):
    """Mean and covariance of the raw maps' vectors over all locations, in batches and in float64."""
    total, products, count = 0.0, 0.0, 0
    for start in range(0, len(images), _BATCH_SIZE):
        maps = np.asarray(backbone.raw_maps(images[start : start + _BATCH_SIZE]), np.float64)
        vectors = maps.reshape(-1, maps.shape[-1])
        total = total + vectors.sum(axis=0)
        products = products + vectors.T @ vectors
        count += len(vectors)
    mean = total / count
    return mean, products / count - np.outer(mean, mean)


def _principal_components(covariance, num_components):
    """Columns of unit length, the one of most variance first."""
    _, vectors = np.linalg.eigh(covariance)
    components = vectors[:, ::-1][:, :num_components]
    largest = np.abs(components).argmax(axis=0)
    return components * np.sign(components[largest, np.arange(num_components)])
