import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.errors import UserError
from qaconv_tf.pipeline import (
    Augmentation,
    IdentitySampler,
    RandomSampler,
    evaluation_batches,
    read_image,
    training_batches,
    user_error_from,
)

HEIGHT, WIDTH = 24, 12
AUGMENTATION = Augmentation(pad=2, rotation_degrees=5.0, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images é")
    rng = np.random.default_rng(21)
    records = []
    for index in range(13):
        path = folder / f"{index}.jpg"
        Image.fromarray(rng.integers(0, 256, (32, 16, 3), np.uint8)).save(path)
        records.append(ImageRecord(str(path), identity=100 + index % 4, camera=index % 3))
    return records


@pytest.fixture(scope="module")
def labels(records):
    return [record.identity - 100 for record in records]


@pytest.fixture(params=["random", "identity"])
def sampler(request, records, labels):
    if request.param == "random":
        return RandomSampler(len(records), batch_size=6, seed=8)
    return IdentitySampler(labels, [record.camera for record in records], 3, 2, seed=8)


def read_as_float(records):
    return np.stack([read_image(record.path, HEIGHT, WIDTH) for record in records]).astype(np.float32) / 255


def take(dataset, count):
    return list(dataset.take(count).as_numpy_iterator())


def assert_same_batches(batches, others):
    for batch, other in zip(batches, others, strict=True):
        for array, other_array in zip(batch, other, strict=True):
            np.testing.assert_array_equal(array, other_array)


def test_training_batches_are_what_sampler_and_augmentation_say(records, labels, sampler):
    images_of = read_as_float(records)
    batches = training_batches(records, labels, sampler, AUGMENTATION, HEIGHT, WIDTH, seed=8)
    for step, (images, batch_labels) in enumerate(take(batches, 5)):
        indices = sampler(step)
        sample_index = step * len(indices) + np.arange(len(indices))
        np.testing.assert_array_equal(batch_labels, np.take(labels, indices))
        np.testing.assert_array_equal(images, AUGMENTATION.augment(images_of[indices], 8, sample_index))


def test_training_batches_have_static_shapes_and_no_end(records, labels, sampler):
    batches = training_batches(records, labels, sampler, AUGMENTATION, HEIGHT, WIDTH, seed=8)
    assert batches.element_spec == (
        tf.TensorSpec((6, HEIGHT, WIDTH, 3), tf.float32),
        tf.TensorSpec((6,), tf.int32),
    )
    assert batches.cardinality() > 10**15


@pytest.mark.parametrize("start_step", [1, 4])
def test_resumed_training_batches_go_on_bit_by_bit(records, labels, sampler, start_step):
    arguments = (records, labels, sampler, AUGMENTATION, HEIGHT, WIDTH, 8)
    from_start = take(training_batches(*arguments), start_step + 3)
    resumed = take(training_batches(*arguments, start_step=start_step), 3)
    assert_same_batches(resumed, from_start[start_step:])


def test_training_batches_repeat_under_one_seed_and_differ_under_another(records, labels, sampler):
    arguments = (records, labels, sampler, AUGMENTATION, HEIGHT, WIDTH)
    batches = take(training_batches(*arguments, seed=8), 4)
    assert_same_batches(batches, take(training_batches(*arguments, seed=8), 4))
    assert not np.array_equal(batches[0][0], take(training_batches(*arguments, seed=9), 1)[0][0])


def test_training_batches_need_one_label_a_record(records, labels, sampler):
    with pytest.raises(ValueError, match="12 labels, 13 records"):
        training_batches(records, labels[1:], sampler, AUGMENTATION, HEIGHT, WIDTH, seed=8)


@pytest.mark.parametrize("batch_size, sizes", [(5, [5, 5, 3]), (13, [13]), (20, [13])])
def test_evaluation_batches_hold_every_image_once_in_order(records, batch_size, sizes):
    batches = list(evaluation_batches(records, HEIGHT, WIDTH, batch_size).as_numpy_iterator())
    assert [len(batch) for batch in batches] == sizes
    np.testing.assert_array_equal(np.concatenate(batches), read_as_float(records))


def test_evaluation_batches_keep_the_image_size_static(records):
    batches = evaluation_batches(records, HEIGHT, WIDTH, 5)
    assert batches.element_spec == tf.TensorSpec((None, HEIGHT, WIDTH, 3), tf.float32)


def test_evaluation_batches_of_nothing():
    assert list(evaluation_batches([], HEIGHT, WIDTH, 5)) == []


def expected_message(path):
    with pytest.raises(UserError) as caught:
        read_image(path, HEIGHT, WIDTH)
    return str(caught.value)


@pytest.mark.parametrize("content", [None, b"no image", "truncated"])
def test_users_error_of_a_bad_file_arrives_whole(records, labels, tmp_path, content):
    bad_path = tmp_path / "bad: é\nname.jpg"
    if content == "truncated":
        with open(records[0].path, "rb") as file:
            content = file.read()[:-200]
    if content is not None:
        bad_path.write_bytes(content)
    bad = [*records[:5], ImageRecord(str(bad_path), identity=103)]
    for batches in (
        evaluation_batches(bad, HEIGHT, WIDTH, 2),
        training_batches(bad, labels[:6], RandomSampler(6, 2, seed=0), AUGMENTATION, HEIGHT, WIDTH, seed=0).take(3),
    ):
        with pytest.raises(tf.errors.OpError) as caught:
            list(batches)
        error = user_error_from(caught.value)
        assert isinstance(error, UserError)
        assert str(error) == expected_message(bad_path)


def test_other_errors_are_not_the_users():
    def fail(_):
        raise KeyError("a slip of the programmer")

    dataset = tf.data.Dataset.range(1).map(lambda index: tf.numpy_function(fail, [index], tf.int64))
    with pytest.raises(tf.errors.OpError) as caught:
        list(dataset)
    assert user_error_from(caught.value) is None
