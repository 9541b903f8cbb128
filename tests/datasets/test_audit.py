import collections
import io
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from qaconv_tf.datasets import DATASETS, ImageRecord, ReidDataset
from qaconv_tf.datasets.audit import audit_dataset
from qaconv_tf.datasets.audit_copies import check_copies, check_near_copies
from qaconv_tf.datasets.audit_files import data_folder, list_tree
from qaconv_tf.datasets.audit_images import examine_images
from qaconv_tf.datasets.audit_records import audit_records, compare_counts, counts_of
from qaconv_tf.datasets.records import SPLITS
from qaconv_tf.errors import UserError

PETS = pathlib.Path(__file__).parents[1] / "data" / "pets2009"
HEADER = "path,identity,camera,timestamp,split"
TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"
_RNG = np.random.default_rng(11)


def picture(suffix=".jpg", mode="RGB", size=(12, 24)):
    """The bytes of an image file; no two pictures are alike."""
    pixels = _RNG.integers(0, 256, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((48, 96), Image.Resampling.BICUBIC).convert(mode).save(
        file, {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF"}[suffix]
    )
    return file.getvalue()


def write(path, content=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture() if content is None else content)
    return path


def name_of(identity, camera, frame, suffix=".jpg"):
    person = f"{identity:04d}" if identity >= 0 else "-1"
    return f"{person}_c{camera}s1_{frame:06d}_00{suffix}"


@pytest.fixture
def clean(tmp_path):
    """Market-1501's layout: three people to train on, two to search for, two distractors and two junk images."""
    root = tmp_path / "my market"
    for identity in (1, 2, 3):
        for camera in (1, 2):
            write(root / TRAIN / name_of(identity, camera, 10 * identity + camera))
    for identity in (4, 5):
        write(root / QUERY / name_of(identity, 1, 10 * identity))
        write(root / GALLERY / name_of(identity, 2, 10 * identity))
    for identity, frame in ((0, 91), (0, 92), (-1, 93), (-1, 94)):
        write(root / GALLERY / name_of(identity, 2, frame))
    return root


def audit(root, name="market1501", **options):
    return audit_dataset(name, root, **{"identities_per_batch": 3, "text": f"{name}:DIR"} | options)[1]


def found(findings):
    return {finding.title: finding.count for finding in findings}


def only(findings):
    (finding,) = findings
    return finding


def mend(finding):
    """Does what the finding says; `python` is the one that runs the tests."""
    environment = os.environ | {"PATH": os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))}
    for command in (*finding.commands, *(shlex.join(("rm", "--", path)) for path in finding.unwanted)):
        subprocess.run(["sh", "-c", command], check=True, env=environment)


# A clean set


def test_a_clean_set_gives_no_finding(clean):
    dataset, findings = audit_dataset("market1501", clean, identities_per_batch=3)
    assert findings == []
    assert [len(dataset.train), len(dataset.query), len(dataset.gallery)] == [6, 2, 4]
    assert dataset.dropped == {"junk in gallery": 2}


def test_the_real_pedestrians_are_clean():
    assert audit_dataset("market1501", PETS)[1] == []


def test_nothing_on_disk_is_changed(clean):
    write(clean / "._x.jpg", b"")
    write(clean / TRAIN / "holiday.jpg")
    before = {path: path.read_bytes() for path in clean.rglob("*") if path.is_file()}
    assert len(audit(clean)) == 2
    assert {path: path.read_bytes() for path in clean.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["marketplace", "market1501"])
def test_what_cannot_be_checked_at_all_is_the_users_error(tmp_path, name):
    with pytest.raises(UserError):
        audit_dataset(name, tmp_path / "nowhere")
    with pytest.raises(UserError, match="an option of 'market1501'"):
        audit_dataset("market1501", tmp_path, {"colour": "red"})


# Layout and files


def test_images_of_other_names_are_all_found_and_the_rest_is_still_checked(clean):
    names = ["holiday.jpg", "0001_c1.jpg", "it's me.PNG"]
    for name in names:
        write(clean / GALLERY / name)
    write(clean / TRAIN / name_of(9, 1, 900), b"no image")
    findings = audit(clean)
    assert found(findings) == {"Images with other names": 3, "Images that cannot be used": 1}
    assert findings[0].severity == "error" and "0002_c1s1_000451_03.jpg" in findings[0].expected
    assert {pathlib.Path(path).name for path in findings[0].examples} == set(names)
    mend(findings[0])
    mend(findings[1])
    assert audit(clean) == []
    assert {path.name for path in clean.with_name("my market-aside").iterdir()} == set(names)


def test_a_set_of_another_layout_is_called_by_its_name(clean):
    finding = only(audit(clean, "msmt17"))
    assert finding.title == "Not readable as msmt17" and finding.severity == "error"
    assert "list_train.txt" in finding.expected and str(clean) in finding.found
    assert finding.workarounds == (f"qaconv-check_dataset --dataset=market1501:{shlex.quote(str(clean))}",)


def test_a_set_of_no_known_layout_is_told_what_is_expected(tmp_path):
    write(tmp_path / "holidays" / "1.jpg")
    finding = only(audit(tmp_path))
    assert finding.workarounds == () and DATASETS["market1501"].LAYOUT in finding.remedy


def test_what_operating_systems_leave_behind(clean):
    leftovers = [
        GALLERY + "/._0004_c2s1_000040_00.jpg", TRAIN + "/Thumbs.db", ".DS_Store", "__MACOSX/query/0009_c1s1_1_00.jpg",
        "query/desktop.ini",
    ]  # fmt: skip
    for name in leftovers:
        write(clean / name, b"x")
    write(clean / ".git" / "1.jpg", b"x")  # not the doctor's business
    finding = only(audit(clean))
    assert (finding.severity, finding.count) == ("note", 5)
    assert set(finding.examples) == {str(clean / name) for name in leftovers}
    mend(finding)
    assert audit(clean) == []
    assert not any((clean / name).exists() for name in leftovers) and (clean / ".git" / "1.jpg").exists()


def test_files_of_another_kind_among_the_images(clean):
    write(clean / TRAIN / name_of(1, 3, 77, ".webp"), picture(".webp"))
    write(clean / TRAIN / name_of(1, 3, 78, ".tif"), picture(".tif"))
    write(clean / GALLERY / "0004_c2s1_000041_00.jpg.part", b"half")
    for name in ("readme.txt", "list.csv", "split.mat"):
        write(clean / TRAIN / name, b"text")
    finding = only(audit(clean))
    assert (finding.severity, finding.count) == ("warning", 3)
    assert "of .part, .tif, .webp" in finding.found
    assert len(finding.commands) == 2
    mend(finding)
    assert (clean / TRAIN / name_of(1, 3, 77, ".png")).exists() and (clean / TRAIN / name_of(1, 3, 78, ".png")).exists()
    assert len(audit_dataset("market1501", clean)[0].train) == 8


def test_images_in_folders_that_are_not_read(clean):
    for number in range(3):
        write(clean / "bounding_box_tset" / name_of(7, 2, number))
        write(clean / "gt_bbox" / name_of(7, 2, number))  # part of the archive, and no evaluation needs it
    finding = only(audit(clean))
    assert (finding.severity, finding.count) == ("note", 3)
    assert finding.examples == (f"{clean / 'bounding_box_tset'}: 3",)


def test_only_the_sets_own_folder_is_looked_through(clean):
    write(clean.parent / "other" / "1.jpg")
    shutil.move(clean, clean.parent / "market")
    assert audit(clean.parent) == []


def test_links_that_go_round_in_circles(clean):
    (clean / TRAIN / "again").symlink_to(clean)
    assert len(list_tree(clean)) == 14
    assert audit(clean) == []


@pytest.mark.parametrize(
    ("root", "paths", "folder"),
    [
        ("data/", ["data/market/query/1.jpg", "data/market/train/2.jpg"], "data/market"),
        ("data/market", ["data/market/query/1.jpg", "data/market/train/2.jpg"], "data/market"),
        ("data", ["data/market/query/1.jpg"], "data/market"),
        ("data/market/query", ["data/market/query/1.jpg"], "data/market/query"),
        ("data", ["elsewhere/1.jpg", "data/2.jpg"], "data"),
        ("data", [], "data"),
    ],
)
def test_the_sets_own_folder(root, paths, folder):
    assert data_folder(root, paths) == folder


# Counts and versions


def dataset_of(train=(), query=(), gallery=(), **more):
    """A data set of `(identity, camera)` pairs, each image with a path and a time of its own."""
    parts = {
        split: [ImageRecord(f"{split}/{i}.jpg", *pair, start + i) for i, pair in enumerate(pairs)]
        for split, pairs, start in (("train", train, 0.0), ("query", query, 0.5), ("gallery", gallery, 1.25))
    }
    return ReidDataset("set:DIR", **parts, **more)


class Reader:
    FINGERPRINTS = {
        "V1": {"train images": 300, "train identities": 150, "gallery images": 120, "junk in gallery": 40},
        "V2": {"train images": 320, "train identities": 160, "gallery images": 120, "junk in gallery": 40},
    }


def published(images=320, identities=160, gallery=120, junk=40, version=""):
    train = [(i % identities, i // identities) for i in range(images)]
    searched = [(1000, 0)] * bool(gallery)
    gallery = [(1000, 1)] * gallery
    return dataset_of(train, searched, gallery, dropped={"junk in gallery": junk} if junk else {}, version=version)


def audited(dataset, reader=Reader, identities_per_batch=1, instances_per_identity=1):
    return audit_records(dataset, reader, identities_per_batch, instances_per_identity)


@pytest.mark.parametrize(("images", "identities", "version"), [(300, 150, "V1"), (320, 160, "V2")])
def test_the_published_counts_tell_the_version(images, identities, version):
    dataset = published(images, identities)
    assert compare_counts(dataset, Reader.FINGERPRINTS).version == version
    assert audited(dataset) == []


def test_a_version_that_the_reader_knows_is_the_one_that_counts():
    finding = only(audited(published(version="V1")))
    assert finding.severity == "error" and finding.count == 2
    assert finding.expected == "300 train images, 150 train identities"
    assert finding.found == "320 train images, 160 train identities"


@pytest.mark.parametrize(
    ("change", "severity", "expected", "told"),
    [
        ({"images": 319}, "error", "320 train images", "319 train images"),
        # No number is met, but nearly so.
        (
            {"images": 316, "identities": 158, "gallery": 118}, "error",
            "320 train images, 160 train identities, 120 gallery images", "158 train identities",
        ),
        ({"gallery": 117, "junk": 0}, "error", "120 gallery images, 40 junk in gallery", "0 junk in gallery"),
        ({"gallery": 0}, "warning", "120 gallery images", "0 gallery images"),
    ],
)
def test_an_incomplete_copy_of_a_published_set(change, severity, expected, told):
    finding = next(each for each in audited(published(**change)) if each.title.startswith("Numbers"))
    assert (finding.severity, finding.expected) == (severity, expected)
    assert told in finding.found and finding.count == expected.count(",") + 1


def test_another_set_in_the_layout_of_a_published_one_is_no_incomplete_copy():
    dataset = published(images=50, identities=25, gallery=120)
    assert audited(dataset) == []
    assert not compare_counts(dataset, Reader.FINGERPRINTS).is_meant
    assert compare_counts(dataset, {}) is None


def test_market_with_its_published_counts():
    """Junk 3,819; gallery 15,913, of which 13,115 are of people who are asked for."""
    train = [(1 + i % 751, 0) for i in range(12_936)]
    query = [(1_000 + i % 750, 0) for i in range(3_368)]
    gallery = [(1_000 + i % 750, 1) for i in range(13_115)] + [(0, 1)] * 2_798
    dataset = dataset_of(train, query, gallery, dropped={"junk in gallery": 3_819})
    market = DATASETS["market1501"]
    assert audited(dataset, market) == []
    assert compare_counts(dataset, market.FINGERPRINTS).differences == {}
    assert counts_of(dataset)["junk in gallery"] == 3_819
    kept = ReidDataset("", dataset.train, dataset.query, dataset.gallery[:-1], {"junk in gallery": 3_820})
    finding = only(audited(kept, market))
    assert "15,912 gallery images" in finding.found and "3,820 junk in gallery" in finding.found


@pytest.mark.parametrize("name", DATASETS)
def test_fingerprints_of_every_reader_count_what_is_counted(name):
    counted = set(counts_of(dataset_of()))
    for fingerprint in getattr(DATASETS[name], "FINGERPRINTS", {}).values():
        # All else is a reason for which the reader drops images.
        misspelt = [count for count in set(fingerprint) - counted if count.endswith(("images", "identities"))]
        assert misspelt == [] and min(fingerprint.values()) > 0


# Identities, cameras, clocks


def test_what_concerns_most_of_a_set_is_not_to_be_removed(clean):
    """The commands would remove the set: something else is wrong."""
    for path in (clean / QUERY).iterdir():
        path.rename(path.with_name(path.name.replace("000", "700")))
    for path in [*(clean / TRAIN).iterdir(), *(clean / GALLERY).glob("0000*")]:
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1")
    findings = audit(clean)
    assert found(findings) == {"Queries of identities that the gallery lacks": 2, "Images that cannot be used": 8}
    leaking = dataset_of([(1, 0), (1, 1), (2, 0), (3, 0)], [(1, 0), (2, 0)], [(1, 1), (2, 1)])
    findings.append(audited(leaking, None)[0])
    assert findings[2].title == "Identities in training and testing"
    for finding in findings:
        assert finding.severity == "error" and finding.unwanted == () and finding.examples


def test_a_part_that_is_missing():
    finding = only(audited(dataset_of(query=[(1, 0), (2, 0)])))
    assert finding.title == "No gallery" and finding.severity == "error" and "2 query images" in finding.found


def test_single_images_without_parts_are_not_a_gallery_whose_queries_are_lost(tmp_path):
    for name in ("rex/1.jpg", "tom/1.jpg"):
        write(tmp_path / name)
    titles = found(audit(tmp_path, "image_folder", identities_per_batch=2))
    assert titles["Training identities with a single image"] == 2 and "No query" not in titles


def test_a_folder_without_parts_is_trained_and_tested_on(tmp_path):
    for name in ("rex/1.jpg", "rex/2.jpg", "tom/1.jpg", "tom/2.jpg"):
        write(tmp_path / "pets" / name)
    findings = audit(tmp_path / "pets", "image_folder", identities_per_batch=2)
    assert found(findings) == {
        "One set of images for training and testing": 4,
        "Images without a camera": 4,
        "Images without a time": 4,
    }
    assert {finding.severity for finding in findings} == {"note"}


def test_junk_and_distractors_that_have_become_people(tmp_path):
    for identity, images in (("-1", 2), ("0000", 11), ("0001", 2), ("0002", 2)):
        for number in range(images):
            write(tmp_path / "train" / identity / f"{number}.jpg")
    findings = audit(tmp_path, "image_folder", identities_per_batch=2)
    assert found(findings) == {"Junk images (identity -1)": 2, "Distractors (identity 0) in training": 11}
    for finding in findings:
        assert finding.severity == "error"
        mend(finding)
    assert audit(tmp_path, "image_folder", identities_per_batch=2) == []


def test_identity_0_is_a_person_in_most_sets():
    assert audited(dataset_of([("0000", 0)] * 5 + [("0001", 0)] * 4), None) == []
    assert audited(dataset_of([(0, 0)] * 50 + [(1, 0)] * 4), None) == []


def test_identities_in_training_and_testing(clean):
    for camera in (3, 4):
        write(clean / TRAIN / name_of(4, camera, camera))
    finding = only(audit(clean))
    assert (finding.title, finding.severity, finding.count) == ("Identities in training and testing", "error", 1)
    assert finding.examples == (f"identity 4: {clean / TRAIN / name_of(4, 3, 3)}",)
    mend(finding)
    assert audit(clean) == []


def test_identities_that_a_set_numbers_from_0_in_both_parts_are_different_people():
    class Restarting:
        IDENTITIES_RESTART = True

    dataset = dataset_of([(0, 0), (0, 1)], [(0, 0)], [(0, 1)])
    assert audited(dataset, Restarting) == []
    assert found(audited(dataset, None)) == {"Identities in training and testing": 1}


def test_one_camera_id_for_all_images(clean):
    for path in [*(clean / QUERY).iterdir(), *(clean / GALLERY).iterdir()]:
        path.rename(path.with_name(path.name.replace("_c1", "_c2")))
    finding = only(audit(clean))
    assert (finding.severity, finding.count) == ("error", 2)
    assert finding.title == "Queries seen again by their own camera only"
    assert "2 of 2 queries" in finding.found and "all images have one camera id" in finding.found
    assert finding.workarounds == ("python evaluate.py --test_datasets=market1501:DIR --camera_filter=none",)


def test_a_query_without_an_answer_among_others(clean):
    write(clean / QUERY / name_of(6, 1, 60))
    write(clean / QUERY / name_of(4, 2, 61))
    findings = audit(clean)
    assert found(findings) == {
        "Queries of identities that the gallery lacks": 1,
        "Queries seen again by their own camera only": 1,
    }
    assert {finding.severity for finding in findings} == {"warning"}
    assert all("one camera id" not in finding.found for finding in findings)
    mend(findings[0])
    assert found(audit(clean)) == {"Queries seen again by their own camera only": 1}


def test_clocks_and_cameras_that_are_missing_here_and_there(tmp_path):
    rows = ["a.png,ann,1,0,query", "b.png,ann,2,,gallery", "c.png,bob,,7,gallery"]
    for name in "abc":
        write(tmp_path / f"{name}.png", picture(".png"))
    (tmp_path / "table.csv").write_text("\n".join([HEADER, *rows]))
    findings = audit(tmp_path, "csv_table")
    assert found(findings) == {"Images without a camera": 1, "Images without a time": 1}
    assert {finding.severity for finding in findings} == {"warning"}
    assert [pathlib.Path(*finding.examples).name for finding in findings] == ["c.png", "b.png"]
    assert ["column camera" in findings[0].remedy, "column timestamp" in findings[1].remedy] == [True, True]
    assert findings[0].workarounds == (
        r"python evaluate.py --test_datasets=csv_table+clock=pattern:DIR --clock_pattern='_(?P<camera>\d+)' ...",
    )


def test_a_clock_that_stands_still():
    records = [ImageRecord(f"{i}.jpg", 1, i, 5.0) for i in range(3)]
    finding = only(audited(ReidDataset("set", (), records[:1], records[1:]), None))
    assert (finding.title, finding.severity, finding.count) == ("A clock that stands still", "warning", 3)


def test_what_the_samplers_need():
    dataset = dataset_of([(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (4, 0)])
    findings = audited(dataset, None, identities_per_batch=5, instances_per_identity=4)
    assert found(findings) == {
        "Fewer training identities than a batch takes": 4,
        "Training identities with a single image": 2,
        "Training identities with fewer images than a batch shows": 2,
    }
    assert [finding.severity for finding in findings] == ["warning", "warning", "note"]
    assert [text for finding in findings for text in finding.workarounds] == [
        "python train.py --identities_per_batch=4 ...",
        "python train.py --instances_per_identity=2 ...",
    ]
    assert found(audited(dataset, None, 4, 2)) == {"Training identities with a single image": 2}


# Images


def test_every_kind_of_damage(clean):
    whole = picture()
    bad = {
        name_of(1, 3, 1): whole[: len(whole) // 2],
        name_of(1, 3, 2): b"",
        name_of(1, 3, 3): b"<html>404</html>",
        name_of(1, 3, 4, ".png"): picture(".png", "I;16"),
    }
    for name, content in bad.items():
        write(clean / TRAIN / name, content)
    finding = only(audit(clean))
    assert (finding.title, finding.severity, finding.count) == ("Images that cannot be used", "error", 4)
    reasons = dict(example.removeprefix(f"{clean / TRAIN}/").split(": ", 1) for example in finding.examples)
    assert "truncated" in reasons[name_of(1, 3, 1)]
    assert reasons[name_of(1, 3, 2)] == reasons[name_of(1, 3, 3)] == "no image, or empty"
    assert "8 bits" in reasons[name_of(1, 3, 4, ".png")]
    assert audit(clean, read_images=False) == []
    mend(finding)
    assert audit(clean) == []


def test_processes_find_what_one_finds_in_the_same_order(clean):
    paths = [str(path) for path in sorted(clean.rglob("*.jpg"))]
    write(pathlib.Path(paths[3]), b"no image")
    seen = []
    facts = examine_images(paths, processes=2, progress=lambda *numbers: seen.append(numbers))
    assert facts == examine_images(paths, processes=1)
    assert [each.path for each in facts] == paths
    assert [bool(each.trouble) for each in facts] == [number == 3 for number in range(14)]
    assert seen == [(number, 14) for number in range(1, 15)]
    assert len({each.digest for each in facts}) == 14


COPIES = {
    "Images with two identities": [(TRAIN, 1, 1), (TRAIN, 2, 3)],
    "Test images in training": [(TRAIN, 1, 3), (GALLERY, 0, 2)],
    "Queries that are their own answers": [(QUERY, 4, 1), (GALLERY, 4, 3)],
    "Images that are there more than once": [(GALLERY, 5, 2), (GALLERY, 5, 3)],
}


@pytest.mark.parametrize("title", COPIES)
def test_each_kind_of_copy(clean, title):
    content = picture()
    paths = [write(clean / folder / name_of(*person, 500), content) for folder, *person in COPIES[title]]
    finding = only(audit(clean))
    assert (finding.title, finding.count) == (title, 1)
    assert finding.severity == ("warning" if "more than once" in title else "error")
    assert all(str(path) in finding.examples[0] for path in paths)
    if title == "Images with two identities":
        assert finding.examples == (f"{paths[0]} (1) = {paths[1]} (2)",)
        assert not finding.unwanted and finding.candidates == tuple(map(str, paths))
        paths[1].unlink()
    mend(finding)
    assert audit(clean) == []


def test_a_query_that_is_in_the_gallery_under_its_own_camera_is_ignored_by_the_rules(clean):
    shutil.copy(clean / QUERY / name_of(4, 1, 40), clean / GALLERY / name_of(4, 1, 41))
    assert audit(clean) == []


def test_a_query_that_is_in_the_gallery_is_its_own_answer_where_cameras_are_unknown(tmp_path):
    for person in ("ann", "bob"):
        content = picture()
        for part, name in (("query", "1.jpg"), ("gallery", "2.jpg")):
            write(tmp_path / part / person / name, content)
        write(tmp_path / "gallery" / person / "3.jpg")
    finding = audit(tmp_path, "image_folder")[0]
    assert (finding.title, finding.count) == ("Queries that are their own answers", 2)
    mend(finding)
    assert {each.severity for each in audit(tmp_path, "image_folder")} == {"note"}


def test_a_row_that_is_there_twice_is_mended_in_the_table(tmp_path):
    for name in "abc":
        write(tmp_path / f"{name}.png", picture(".png"))
    rows = ["a.png,ann,1,0,query", *["b.png,ann,2,1,gallery"] * 2, "a.png,ann,1,5,train", "c.png,bob,1,2,train"]
    (tmp_path / "table.csv").write_text("\n".join([HEADER, *rows]))
    for read_images in (True, False):
        findings = audit(tmp_path / "table.csv", "csv_table", identities_per_batch=2, read_images=read_images)
        titles = found(findings)
        assert titles["Images that are there more than once"] == titles["Test images in training"] == 1
        # Removing the file would remove the image that stays as well.
        assert all(not finding.unwanted for finding in findings)
        commands = [command for finding in findings for command in finding.commands]
        assert commands and all(command.startswith("# remove from the list the line of ") for command in commands)


def saved_again(path, quality=80, scale=1.0):
    with Image.open(path) as image:
        file = io.BytesIO()
        size = (round(image.width * scale), round(image.height * scale))
        image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=quality)
    return file.getvalue()


def test_test_images_saved_again_are_found_in_training(tmp_path):
    """On real pedestrians, whose backgrounds are the same; consecutive frames and other people are no copies."""
    shutil.copytree(PETS / GALLERY, tmp_path / GALLERY)
    sources = sorted((tmp_path / GALLERY).iterdir())[::17]
    for number, source in enumerate(sources):
        again = saved_again(source, *((75, 1.0), (95, 1.5), (90, 1.25))[number % 3])
        write(tmp_path / TRAIN / name_of(20 + number, 1, number), again)
    blank = io.BytesIO()
    Image.new("RGB", (40, 80), (9, 9, 9)).save(blank, "PNG")
    for folder, identity in ((TRAIN, 90), (GALLERY, 91)):
        write(tmp_path / folder / name_of(identity, 1, identity, ".png"), blank.getvalue() + bytes([identity]))
    findings = {finding.title: finding for finding in audit(tmp_path)}
    finding = findings["Test images that look like training images"]
    assert finding.severity == "warning" and finding.count == len(sources) == 11
    assert {example.split(" ~ ")[0] for example in finding.examples} == set(map(str, sources))
    for path in finding.candidates:
        os.remove(path)
    assert "Test images that look like training images" not in found(audit(tmp_path))


def test_near_copies_report_their_progress(clean):
    dataset, _ = audit_dataset("market1501", clean)
    facts = examine_images([record.path for split in SPLITS for record in getattr(dataset, split)])
    seen = []
    assert check_near_copies(dataset, facts, lambda *numbers: seen.append(numbers)) == []
    assert seen == [(6, 6)]


# Counts equal what was planted


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_as_many_are_found_as_were_planted(tmp_path_factory, data):
    def number():
        return data.draw(st.integers(0, 3))

    root, frame = tmp_path_factory.mktemp("set"), iter(range(1000, 9000))
    damaged, repeated, conflicting, leaked, lacking = (number() for _ in range(5))
    own_camera, single, leftovers, shared = (number() for _ in range(4))

    def plant(folder, identity, camera, content=None):
        return write(root / folder / name_of(identity, camera, next(frame)), content)

    for identity in (1, 2):
        plant(TRAIN, identity, 1), plant(TRAIN, identity, 2)
    plant(QUERY, 500, 1), plant(GALLERY, 500, 2)
    for i in range(damaged):
        plant(TRAIN, 1, 3, picture()[: 100 + i])
    content = picture()
    for _ in range(repeated + 1):
        plant(TRAIN, 1, 4, content)
    for _ in range(conflicting):
        content = picture()
        plant(TRAIN, 1, 5, content), plant(TRAIN, 2, 5, content)
    for _ in range(shared):
        content = picture()
        plant(TRAIN, 2, 6, content), plant(GALLERY, 600, 6, content)
    for i in range(leaked):
        plant(TRAIN, 700 + i, 1), plant(TRAIN, 700 + i, 2), plant(GALLERY, 700 + i, 1)
    for i in range(lacking):
        plant(QUERY, 800 + i, 1)
    for i in range(own_camera):
        plant(QUERY, 900 + i, 2), plant(GALLERY, 900 + i, 2)
    for i in range(single):
        plant(TRAIN, 100 + i, 1)
    for i in range(leftovers):
        write(root / QUERY / f"._{i}.jpg", b"")
    planted = {
        "Images that cannot be used": damaged,
        "Images that are there more than once": repeated,
        "Images with two identities": conflicting,
        "Test images in training": shared,
        "Identities in training and testing": leaked,
        "Queries of identities that the gallery lacks": lacking,
        "Queries seen again by their own camera only": own_camera,
        "Training identities with a single image": single,
        "Leftovers of macOS or Windows": leftovers,
    }
    findings = audit(root, identities_per_batch=2)
    assert found(findings) == {title: count for title, count in planted.items() if count}
    for finding in findings:
        assert finding.expected and finding.found and finding.remedy and finding.examples


PAIRS = st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(0, 2))), max_size=8)


@given(train=PAIRS, query=PAIRS, gallery=PAIRS, batch=st.tuples(st.integers(1, 5), st.integers(1, 4)))
def test_records_are_counted_as_a_plain_loop_counts_them(train, query, gallery, batch):
    titles = found(audit_records(dataset_of(train, query, gallery), None, *batch))
    expected = collections.Counter()
    for identity, camera in query if gallery else ():
        of_identity = [other for person, other in gallery if person == identity]
        if not of_identity:
            expected["Queries of identities that the gallery lacks"] += 1
        elif all(other is not None and other == camera for other in of_identity):
            expected["Queries seen again by their own camera only"] += 1
    for identity in range(5):
        images = sum(person == identity for person, _ in train)
        if images and any(person == identity for person, _ in (*query, *gallery)):
            expected["Identities in training and testing"] += 1
        if images == 1:
            expected["Training identities with a single image"] += 1
        if 1 < images < batch[1]:
            expected["Training identities with fewer images than a batch shows"] += 1
    for title in (
        "Queries of identities that the gallery lacks", "Queries seen again by their own camera only",
        "Identities in training and testing", "Training identities with a single image",
        "Training identities with fewer images than a batch shows",
    ):  # fmt: skip
        assert titles.get(title, 0) == expected[title]


@given(contents=st.lists(st.tuples(st.sampled_from(SPLITS), st.integers(0, 2), st.integers(0, 4)), max_size=10))
def test_every_copy_has_one_finding_unless_it_does_no_harm(contents):
    parts, digests = {split: [] for split in SPLITS}, {}
    for number, (split, identity, content) in enumerate(contents):
        parts[split].append(ImageRecord(f"{number}.jpg", identity, camera=number % 2))
        digests[f"{number}.jpg"] = bytes([content])
    findings = check_copies(ReidDataset("set", **parts), digests)
    told = collections.Counter()
    for finding in findings:
        for example in finding.examples:
            paths = [part.split(" ")[0] for part in example.split(" = ")]
            assert len({digests[path] for path in paths}) == 1
            told[digests[paths[0]]] += 1
    for content in range(5):
        copies = [(number, split) for number, (split, _, of) in enumerate(contents) if of == content]
        people = {contents[number][1] for number, _ in copies}
        cameras = {number % 2 for number, _ in copies}
        splits = sorted(split for _, split in copies)
        harmless = len(copies) < 2 or (splits == ["gallery", "query"] and len(people) == len(cameras) == 1)
        assert told[bytes([content])] == (not harmless)
