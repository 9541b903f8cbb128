import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.errors import UserError
from qaconv_tf.pipeline import Augmentation, image_operations
from tests.oracles import image_operations as oracle

HEIGHT, WIDTH = 20, 12
EVERYTHING = Augmentation(
    pad=3, rotation_degrees=5.0, brightness=(0.5, 2.0), contrast=0.4, saturation=0.9, hue=0.1, shuffle_colors=True,
    occlusion_probability=0.7,
)
NOTHING_BUT = {"flip": False, "pad": 0, "occlusion_probability": 0.0}


def only(**options):
    return Augmentation(**{**NOTHING_BUT, **options})


@pytest.fixture(scope="module")
def images():
    # Below 0.9, so that white can only come from the occlusion; above 0.1, so that black can only come from padding.
    return 0.1 + 0.8 * np.random.default_rng(11).random((200, HEIGHT, WIDTH, 3), np.float32)


def augment(augmentation, images, seed=4, start=0):
    indices = np.arange(start, start + len(images))
    return tf.function(augmentation.augment)(tf.constant(images), seed, tf.constant(indices)).numpy()


def test_none_keeps_every_image(images):
    np.testing.assert_array_equal(augment(Augmentation.none(), images), images)


def test_everything_at_once_keeps_shape_and_range(images):
    result = augment(EVERYTHING, images)
    assert result.dtype == np.float32
    assert result.shape == images.shape
    assert result.min() >= 0 and result.max() <= 1


@pytest.mark.parametrize(
    "augmentation",
    [EVERYTHING, only(rotation_degrees=5.0), only(brightness=(0.5, 2.0), contrast=0.4, saturation=0.9)],
    ids=["everything", "rotation", "colours"],
)
def test_same_bits_eagerly_in_a_function_and_in_a_dataset(images, augmentation):
    indices = np.arange(50, 58)
    eager = augmentation.augment(images[:8], 4, indices).numpy()
    in_function = augment(augmentation, images[:8], start=50)
    dataset = tf.data.Dataset.from_tensor_slices((images[:8], indices)).batch(4)
    dataset = dataset.map(lambda batch, index: augmentation.augment(batch, 4, index), num_parallel_calls=2)
    np.testing.assert_array_equal(eager, in_function)
    np.testing.assert_array_equal(eager, np.concatenate(list(dataset.as_numpy_iterator())))


def test_order_and_batch_do_not_matter(images):
    whole = augment(EVERYTHING, images[:40])
    order = np.random.default_rng(0).permutation(40)[:17]
    shuffled = tf.data.Dataset.from_tensor_slices((images[order], order)).batch(5)
    shuffled = shuffled.map(lambda batch, index: EVERYTHING.augment(batch, 4, index), num_parallel_calls=2)
    np.testing.assert_array_equal(np.concatenate(list(shuffled.as_numpy_iterator())), whole[order])
    np.testing.assert_array_equal(augment(EVERYTHING, images[7:8], start=7), whole[7:8])


def test_seed_and_sample_index_each_change_the_result(images):
    one_image = np.repeat(images[:1], 20, axis=0)
    result = augment(EVERYTHING, one_image)
    assert len(np.unique(result, axis=0)) == 20
    assert not np.array_equal(augment(EVERYTHING, one_image, seed=5), result)


def test_large_sample_index_is_not_cut_to_32_bits(images):
    assert not np.array_equal(augment(EVERYTHING, images[:4]), augment(EVERYTHING, images[:4], start=2**32))


def test_flip_mirrors_about_half_of_the_images(images):
    result = augment(only(flip=True), images)
    mirrored = [np.array_equal(after, before[:, ::-1]) for after, before in zip(result, images, strict=True)]
    kept = [np.array_equal(after, before) for after, before in zip(result, images, strict=True)]
    assert sum(mirrored) + sum(kept) == len(images)
    assert 70 < sum(mirrored) < 130


def test_crop_is_at_every_place_the_padding_allows(images):
    result = augment(only(pad=1), images)
    places = [find_place(before, after, pad=1) for before, after in zip(images, result, strict=True)]
    assert set(places) == {(row, column) for row in range(3) for column in range(3)}


def noting(calls, name, image, amount):
    calls[name] = float(amount)
    return image


def find_place(before, after, pad):
    sizes = range(2 * pad + 1)
    found = [
        (row, column)
        for row in sizes
        for column in sizes
        if np.array_equal(oracle.pad_and_crop(before, pad, row, column), after)
    ]
    assert len(found) == 1
    return found[0]


def test_switching_the_flip_off_leaves_the_crop_as_it_was(images):
    with_flip = augment(only(pad=3, flip=True), images[:40])
    without_flip = augment(only(pad=3), images[:40])
    for flipped, plain in zip(with_flip, without_flip, strict=True):
        assert np.array_equal(flipped, plain) or np.array_equal(flipped, plain[:, ::-1])


def test_occlusion_is_one_white_square_of_an_allowed_size_anywhere(images):
    result = augment(only(occlusion_probability=1.0, occlusion_min_size=0.3, occlusion_max_size=0.7), images)
    squares = [white_square(before, after) for before, after in zip(images, result, strict=True)]
    sides, rows, columns = np.transpose(squares)
    # The shorter side is 12: int(3.6) = 3 up to, not including, int(8.4) = 8.
    assert set(sides) == {3, 4, 5, 6, 7}
    assert rows.min() == 0 and (rows + sides).max() == HEIGHT
    assert columns.min() == 0 and (columns + sides).max() == WIDTH


def white_square(before, after):
    white = np.all(after == 1.0, axis=-1)
    rows, columns = np.nonzero(white)
    side = rows.max() - rows.min() + 1
    np.testing.assert_array_equal(oracle.occlude(before, side, rows.min(), columns.min()), after)
    return side, rows.min(), columns.min()


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_occlusion_probability_is_the_share_of_occluded_images(images, probability):
    result = augment(only(occlusion_probability=probability), images)
    share = np.mean([not np.array_equal(after, before) for after, before in zip(result, images, strict=True)])
    assert abs(share - probability) < (0.1 if 0 < probability < 1 else 1e-9)


def test_occlusion_of_an_image_too_small_for_the_largest_size(images):
    tiny = images[:5, :2, :1]
    assert np.all(np.sum(augment(only(occlusion_probability=1.0), tiny) == 1.0, axis=(1, 2)) == 1)


@pytest.mark.parametrize(
    "options, operation, low, high",
    [
        ({"rotation_degrees": 5.0}, "rotate", -5, 5),
        ({"brightness": 0.25}, "adjust_brightness", 0.75, 1.25),
        ({"contrast": (0.5, 2.0)}, "adjust_contrast", 0.5, 2),
        ({"saturation": 1.5}, "adjust_saturation", 0, 2.5),
        ({"hue": 0.1}, "adjust_hue", -0.1, 0.1),
    ],
)
def test_amounts_fill_their_range(images, monkeypatch, options, operation, low, high):
    amounts = []
    monkeypatch.setattr(image_operations, operation, lambda image, amount, *_: amounts.append(float(amount)) or image)
    # Eagerly, so that the amounts are numbers.
    only(**options).augment(images[:60], 4, np.arange(60))
    margin = 0.1 * (high - low)
    assert len(amounts) == 60
    assert low <= min(amounts) < low + margin
    assert high - margin < max(amounts) <= high


def test_shuffled_colours_come_in_every_order_with_the_amounts_of_the_fixed_one(images, monkeypatch):
    calls, orders = {}, set()
    for name in ("brightness", "saturation", "hue"):
        note = functools.partial(noting, calls, name)
        monkeypatch.setattr(image_operations, f"adjust_{name}", note)
    options = {"brightness": 0.5, "saturation": 0.5, "hue": 0.1}
    for index in range(60):
        amounts = []
        for shuffle_colors in (False, True):
            calls.clear()
            only(**options, shuffle_colors=shuffle_colors).augment(images[:1], 4, [index])
            amounts.append(dict(calls))
        assert amounts[0] == amounts[1]
        orders.add(tuple(calls))
    assert orders == set(itertools.permutations(options))


def test_the_nearest_pixel_is_taken_where_asked_for(images):
    smooth, nearest = (
        augment(only(rotation_degrees=5.0, rotation_interpolation=name), images[:3]) for name in ("bilinear", "nearest")
    )
    assert np.isin(nearest, np.append(images[:3], 0)).all() and not np.isin(smooth, np.append(images[:3], 0)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"pad": -1},
        {"rotation_interpolation": "bicubic"},
        {"pad": 2.5},
        {"rotation_degrees": -5.0},
        {"rotation_degrees": 181.0},
        {"brightness": -0.1},
        {"contrast": (2.0, 0.5)},
        {"contrast": (-0.5, 0.5)},
        {"saturation": float("nan")},
        {"hue": 0.6},
        {"occlusion_probability": 1.1},
        {"occlusion_min_size": 0.8},
        {"occlusion_max_size": 1.2},
    ],
)
def test_value_out_of_range_is_named(options):
    with pytest.raises(UserError) as caught:
        Augmentation(**options)
    (name,) = options
    assert f"{name}={options[name]!r}" in str(caught.value)
    assert "\n" not in str(caught.value)
