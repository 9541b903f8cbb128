import numpy as np

from qaconv_tf.datasets.records import ImageRecord, split_by_first_image, training_labels


def test_first_image_of_each_repeated_identity_is_the_query():
    rng = np.random.default_rng(11)
    identities = rng.integers(0, 12, size=40)
    records = [ImageRecord(f"{number:04d}.jpg", int(identity)) for number, identity in enumerate(identities)]
    shuffled = [records[index] for index in rng.permutation(len(records))]
    dataset = split_by_first_image("any", shuffled)

    queries = []
    for identity in range(12):
        own = [record for record in records if record.identity == identity]
        if len(own) > 1:
            queries.append(own[0])
    assert dataset.name == "any"
    assert list(dataset.train) == records
    assert sorted(dataset.query, key=lambda record: record.identity) == queries
    assert list(dataset.gallery) == [record for record in records if record not in queries]


def test_single_images_stay_in_the_gallery():
    records = [ImageRecord("b.jpg", "tom"), ImageRecord("a.jpg", "rex")]
    dataset = split_by_first_image("any", records)
    assert dataset.query == ()
    assert [record.path for record in dataset.gallery] == ["a.jpg", "b.jpg"]


def test_labels_name_the_sorted_identities():
    rng = np.random.default_rng(5)
    values = [3, 20, 100, "20", "3", "rex"]
    records = [ImageRecord(f"{i}.jpg", values[choice]) for i, choice in enumerate(rng.integers(0, 6, size=60))]
    labels, identities = training_labels(records)
    assert identities == [3, 20, 100, "20", "3", "rex"]
    assert labels.dtype == np.int32 and labels.shape == (60,)
    assert [identities[label] for label in labels] == [record.identity for record in records]


def test_labels_do_not_depend_on_the_order_of_records():
    rng = np.random.default_rng(6)
    records = [ImageRecord(f"{i}.jpg", f"id{choice}") for i, choice in enumerate(rng.integers(0, 9, size=30))]
    order = rng.permutation(30)
    labels, identities = training_labels(records)
    shuffled_labels, shuffled_identities = training_labels([records[index] for index in order])
    assert shuffled_identities == identities
    np.testing.assert_array_equal(shuffled_labels, labels[order])


def test_no_records_give_no_labels():
    labels, identities = training_labels([])
    assert labels.shape == (0,) and labels.dtype == np.int32 and identities == []
