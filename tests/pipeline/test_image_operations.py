import functools

import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.pipeline import image_operations
from tests.oracles import image_operations as oracle

# Name, arguments; those in a tuple are handed over as tensors, as the augmentation does.
CASES = [
    ("pad_and_crop", 3, (0, 6)),
    ("pad_and_crop", 20, (1, 35)),
    ("rotate", (5.0,)),
    ("rotate", (-170.0,)),
    ("rotate_to_nearest", (5.0,)),
    ("adjust_brightness", (0.4,)),
    ("adjust_brightness", (1.9,)),
    ("adjust_contrast", (0.3,)),
    ("adjust_contrast", (1.8,)),
    ("adjust_saturation", (0.2,)),
    ("adjust_saturation", (2.0,)),
    ("adjust_hue", (0.1,)),
    ("adjust_hue", (-0.45,)),
    ("occlude", (4, 14, 0)),
    ("occlude", (1, 3, 11)),
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}{case[1:]}")
def case(request):
    name, *fixed, tensors = request.param
    return name, fixed, tensors


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(5).random((18, 12, 3), np.float32)


def run(name, fixed, tensors, image):
    if name == "rotate_to_nearest":
        function = functools.partial(image_operations.rotate, interpolation="nearest")
    else:
        function = getattr(image_operations, name)
    return lambda factor: function(image * factor, *fixed, *(tf.constant(value) for value in tensors))


def test_operation_agrees_with_plain_loops(case, image):
    name, fixed, tensors = case
    expected = getattr(oracle, name)(image.astype(np.float64), *fixed, *tensors)
    result = run(*case, image)(1.0).numpy()
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-5)
    assert result.min() >= 0 and result.max() <= 1


def test_operation_gives_the_same_bits_in_a_dataset(case):
    image = np.random.default_rng(6).random((384, 128, 3), np.float32)
    operation = run(*case, image)
    dataset = tf.data.Dataset.from_tensors(1.0).map(operation, num_parallel_calls=2)
    np.testing.assert_array_equal(operation(1.0), next(iter(dataset)))


def test_rotation_by_a_quarter_turn_moves_whole_pixels():
    image = np.random.default_rng(7).random((9, 9, 3), np.float32)
    np.testing.assert_allclose(image_operations.rotate(tf.constant(image), 90.0), np.rot90(image), atol=1e-5)


@pytest.mark.parametrize("name", ["adjust_brightness", "adjust_contrast", "adjust_saturation"])
def test_factor_one_keeps_the_image(name, image):
    np.testing.assert_allclose(getattr(image_operations, name)(image, 1.0), image, atol=1e-6)
