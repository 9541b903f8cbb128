import collections
import dataclasses

import numpy as np
import pytest

from qaconv_tf.datasets import ImageRecord, ReidDataset, combine_training_parts, load_dataset
from qaconv_tf.datasets.combined import train_on_all_parts
from qaconv_tf.errors import UserError


def random_dataset(random, name, identities, cameras):
    records = [
        ImageRecord(f"{name}/{number}.jpg", identities[random.integers(len(identities))], camera, float(number))
        for number, camera in enumerate(random.choice(np.array([*cameras, None], object), 40))
    ]
    return ReidDataset(name, records[:25], records[25:30], records[30:])


def test_no_identity_and_no_camera_of_two_sources_is_one():
    random = np.random.default_rng(4)
    sources = [
        random_dataset(random, "a", [3, 7, 100], [0, 5]),
        random_dataset(random, "b", ["3", "7", "rex", 0], [0, 1, 2]),
        random_dataset(random, "c", [0, 1, 2, 3, 7], []),
        random_dataset(random, "d", [0, 1, 2, 3, 7], [0, 5]),
    ]
    combined = combine_training_parts(sources)
    assert (combined.name, combined.query, combined.gallery) == ("a,b,c,d", (), ())
    sources_of, own = collections.defaultdict(set), collections.defaultdict(set)
    records = [(source.name, record) for source in sources for record in source.train]
    for (source, record), ours in zip(records, combined.train, strict=True):
        assert (ours.path, ours.timestamp) == (record.path, record.timestamp)
        assert (ours.camera is None) == (record.camera is None)
        for kind, new, old in (("identity", ours.identity, record.identity), ("camera", ours.camera, record.camera)):
            if old is not None:
                sources_of[kind, new].add((source, old))
                own[kind, source, old].add(new)
    # One to one: no two become one, and none becomes two.
    assert max(map(len, sources_of.values())) == 1 and max(map(len, own.values())) == 1
    identities = {record.identity for record in combined.train}
    assert identities == set(range(len(identities)))


def test_one_source_is_what_it_was():
    dataset = random_dataset(np.random.default_rng(5), "a", [3, 7, 100], [0, 5])
    assert combine_training_parts([dataset]) is dataset


def test_an_image_in_two_sources_is_an_error():
    dataset = random_dataset(np.random.default_rng(6), "a", [3, 7], [0])
    other = ReidDataset("b", [ImageRecord("b/../a/0.jpg", 1)], [], [])
    with pytest.raises(UserError, match="without common images. Received: 'b/../a/0.jpg' in two of a, b"):
        combine_training_parts([dataset, other])


def test_all_parts_without_distractors_each_image_once():
    train, again, wrong = ImageRecord("a.jpg", 5, 1), ImageRecord("b.jpg", 6, 2), ImageRecord("c.jpg", 0, 3)
    copies = [dataclasses.replace(record) for record in (again, train)]
    dataset = ReidDataset("any", [train], [again], [wrong, *copies], version="V3")
    combined = train_on_all_parts(dataset, distractor=0)
    assert combined.train == (train, again) and (combined.query, combined.gallery) == ((), ())
    assert combined.version == "V3 combine_all"
    assert train_on_all_parts(dataset).train == (train, wrong, again)


def test_identities_that_start_again_are_raised():
    parts = [[ImageRecord(f"{part}{n}.jpg", n) for n in (0, 4)] for part in ("train", "query", "gallery")]
    combined = train_on_all_parts(ReidDataset("any", *parts), identities_restart=True)
    assert [record.identity for record in combined.train] == [0, 4, 5, 9, 5, 9]
    no_training = ReidDataset("any", (), *parts[1:])
    assert [r.identity for r in train_on_all_parts(no_training, identities_restart=True).train] == [0, 4, 0, 4]


def test_every_data_set_can_be_combined(make_files):
    root = make_files("rex/1.jpg", "rex/2.jpg", "tom/1.jpg")
    combined = load_dataset("image_folder", root, combine_all="true")
    assert [record.identity for record in combined.train] == ["rex", "rex", "tom"]
    assert (combined.query, combined.gallery) == ((), ())
