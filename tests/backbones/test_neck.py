"""The neck's principal components against NumPy's singular values of the same vectors."""

import numpy as np
import pytest

from qaconv_tf.backbones import Backbone, initialize_neck_with_pca
from qaconv_tf.errors import UserError


def make_backbone(**options):
    return Backbone(**({"image_height": 64, "image_width": 32, "levels": (8, 16), "neck_channels": 6} | options))


def random_images(count):
    """Smooth random pictures, so that the maps differ more than by noise."""
    random = np.random.default_rng(4)
    coarse = random.uniform(size=(count, 8, 4, 3))
    return np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2).astype(np.float32)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_neck_is_the_principal_components(kernel_size):
    backbone = make_backbone(neck_kernel_size=kernel_size)
    images = random_images(40)  # more than one batch
    initialize_neck_with_pca(backbone, images)
    vectors = np.asarray(backbone.raw_maps(images), np.float64).reshape(-1, 128)
    mean = vectors.mean(axis=0)
    expected = np.linalg.svd(vectors - mean, full_matrices=False)[2][:6]
    kernel = backbone.neck.kernel.numpy()
    centre = kernel[kernel_size // 2, kernel_size // 2]
    np.testing.assert_allclose(np.abs(np.sum(centre.T * expected, axis=1)), 1.0, atol=1e-4)
    assert (centre[np.abs(centre).argmax(axis=0), np.arange(6)] > 0).all()
    assert np.count_nonzero(kernel) == centre.size
    projected = backbone.neck(backbone.raw_maps(images)).numpy().reshape(-1, 6)
    np.testing.assert_allclose(projected, (vectors - mean) @ centre, atol=1e-4)
    np.testing.assert_allclose(projected.mean(axis=0), 0.0, atol=1e-4)


def test_same_images_same_neck():
    kernels = []
    for _ in range(2):
        backbone = make_backbone(neck_batch_norm=True)
        initialize_neck_with_pca(backbone, random_images(8))
        kernels.append(backbone.neck.kernel.numpy())
    np.testing.assert_array_equal(*kernels)


def test_what_has_no_principal_components():
    with pytest.raises(UserError, match="with a neck"):
        initialize_neck_with_pca(make_backbone(neck_channels=None), random_images(2))
    with pytest.raises(UserError, match="raw maps have, 32. Received: neck_channels=33"):
        initialize_neck_with_pca(make_backbone(levels=(8,), neck_channels=33), random_images(2))
