import datetime
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from qaconv_tf.datasets import ImageRecord, ReidDataset, load_dataset, set_clock
from qaconv_tf.datasets.clocks import exif_seconds
from qaconv_tf.errors import UserError


def dataset_of(*paths, **fields):
    return ReidDataset("image_folder", [ImageRecord(path, "rex", **fields) for path in paths], [], [])


def read_path(path, pattern, frames_per_second=25.0):
    (record,) = set_clock(dataset_of(path, camera=7, timestamp=3.5), "pattern", pattern, frames_per_second).train
    return record.camera, record.timestamp


@pytest.fixture
def write_image(tmp_path):
    """Writes a random image with these EXIF tags and returns its path."""

    def write(name, **tags):
        exif = Image.Exif()
        part = exif.get_ifd(ExifTags.IFD.Exif)
        for tag, value in tags.items():
            (part if tag != "DateTime" else exif)[ExifTags.Base[tag]] = value
        pixels = np.random.default_rng(1).integers(0, 256, (8, 4, 3), np.uint8)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path, exif=exif)
        return str(path)

    return write


@given(
    when=st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2100, 1, 1)),
    camera=st.integers(0, 99),
    frame=st.integers(0, 10**7),
    rate=st.sampled_from([1.0, 24.0, 25.0, 59.94]),
)
def test_what_a_path_says_is_summed(when, camera, frame, rate):
    path = f"2009/photos/{when:%Y-%m-%d}/cam{camera}/{when:%H%M%S}.{when.microsecond:06d}_f{frame:06d}.jpg"
    pattern = (
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)/cam(?P<camera>\d+)/"
        r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d\.\d+)_f(?P<frame>\d+)"
    )
    _, timestamp = read_path(path, pattern, rate)
    assert timestamp == pytest.approx(when.replace(tzinfo=datetime.UTC).timestamp() + frame / rate, abs=1e-5)


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a/000050.jpg", r"(?P<frame>\d+)", (7, 2.0)),
        ("a/-12.5.jpg", r"(?P<seconds>-?\d+\.\d+)", (7, -12.5)),
        ("a/12-05.jpg", r"(?P<hour>\d+)-(?P<minute>\d+)", (7, 43_500.0)),
        ("a/gate/1.jpg", r"(?P<camera>[^/]+)/[^/]+$", (0, 3.5)),
        ("a/x.jpg", r"a/(f(?P<frame>\d+)|x)", (7, None)),
        ("a/x.jpg", r"a/(c(?P<camera>\d+)|x)", (None, 3.5)),
        # The folders above the data set's hold numbers too.
        ("disk7/run3/a/cam2_000050.jpg", r"(?P<camera>\d+)_(?P<frame>\d+)", (0, 2.0)),
        ("disk7_3/a/cam2_000050.jpg", r"(?P<camera>\d+)_(?P<frame>\d+)", (0, 2.0)),
        ("000075/a/000050.jpg", r"(?P<frame>\d{6})", (7, 2.0)),
    ],
)
def test_parts_of_a_time_and_of_a_path(path, pattern, expected):
    assert read_path(path, pattern) == expected


def test_cameras_are_numbered_over_all_parts():
    records = {
        part: [ImageRecord(f"{part}/cam{n}.jpg", "rex") for n in (10, 9)] for part in ("train", "query", "gallery")
    }
    records["query"].append(ImageRecord("query/cam2.jpg", "tom"))
    dataset = set_clock(
        ReidDataset("set", **records, dropped={"junk": 1}, version="V1"), "pattern", r"cam(?P<camera>\d+)"
    )
    assert [record.camera for record in dataset.query] == [2, 1, 0]
    assert [record.camera for record in dataset.train] == [record.camera for record in dataset.gallery] == [2, 1]
    assert (dataset.name, dataset.dropped, dataset.version) == ("set", {"junk": 1}, "V1")


def test_an_image_folder_gets_cameras_and_times(make_files):
    root = make_files("rex/gate_000100.jpg", "rex/yard_000050.jpg", "tom/gate_000001.jpg")
    dataset = set_clock(load_dataset("image_folder", root), "pattern", r"(?P<camera>\w+)_(?P<frame>\d+)\.jpg$", 50)
    rows = [(pathlib.Path(r.path).name, r.camera, r.timestamp) for r in dataset.train]
    assert rows == [("gate_000100.jpg", 0, 2.0), ("yard_000050.jpg", 1, 1.0), ("gate_000001.jpg", 0, 0.02)]
    assert [record.camera for record in (*dataset.query, *dataset.gallery)] == [0, 1, 0]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?P<frame>", "regular expression. Received: .*missing \\)|unterminated"),
        ("", "with the groups none"),
        (r"(\d+)", "with the groups none"),
        (r"(?P<time>\d+)", r"with the groups time. Give .*camera, seconds, frame, year"),
        (r"(?P<month>\d+)-(?P<day>\d+)", "with the groups month, day.*only together"),
        (r"x(?P<frame>\d+)", "pattern 'x.*' is found. Received: 'a/12ab_99-99.jpg'"),
        (r"(?P<frame>\w+)", "numbers.*Received: 'a/12ab_99-99.jpg': {'frame': 'jpg'}"),
        (r"(?P<seconds>an?)", "numbers.*Received: .*'seconds': 'a'"),
        (r"(?P<year>\d)(?P<month>\d)ab_(?P<day>\d\d)", "numbers.*'day': '99'"),
    ],
)
def test_a_pattern_that_does_not_do_is_an_error(pattern, message):
    with pytest.raises(UserError, match=message) as caught:
        read_path("a/12ab_99-99.jpg", pattern)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_a_time_is_finite(text):
    with pytest.raises(UserError, match=f"numbers.*{text}"):
        read_path(f"{text}.jpg", r"(?P<seconds>.*)\.jpg")


@pytest.mark.parametrize("rate", [0.0, -25.0, "25 fps", float("nan"), float("inf")])
def test_a_frame_rate_is_above_zero(rate):
    with pytest.raises(UserError, match=f"above 0. Received: frames_per_second={rate}"):
        read_path("1.jpg", r"(?P<frame>\d)", rate)


def test_an_unknown_clock_lists_the_known():
    with pytest.raises(UserError, match="exif, pattern. Received: clock='sundial'"):
        set_clock(dataset_of("1.jpg"), "sundial")


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_exif_says_when_to_the_fraction(write_image, name):
    # DateTime is when the file was changed last.
    path = write_image(
        name, DateTimeOriginal="2024:05:31 12:00:07", SubsecTimeOriginal="25", DateTime="2025:01:01 00:00:00"
    )
    expected = datetime.datetime(2024, 5, 31, 12, 0, 7, 250_000, tzinfo=datetime.UTC).timestamp()
    assert exif_seconds(path) == expected
    (record,) = set_clock(dataset_of(path, camera=2), "exif").train
    assert record == ImageRecord(path, "rex", 2, expected)


@pytest.mark.parametrize(("fraction", "expected"), [("007", 0.007), ("5  ", 0.5), ("", 0.0), ("x", 0.0), (None, 0.0)])
def test_fractions_of_a_second(write_image, fraction, expected):
    tags = {} if fraction is None else {"SubsecTimeOriginal": fraction}
    path = write_image("a.jpg", DateTimeOriginal="1970:01:02 00:00:00", **tags)
    assert exif_seconds(path) == 86_400 + expected


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"DateTime": "2025:01:01 00:00:00"},
        {"DateTimeOriginal": "0000:00:00 00:00:00"},
        {"DateTimeOriginal": "    :  :     :  :  "},
        {"DateTimeOriginal": "yesterday"},
        {"DateTimeOriginal": ""},
    ],
)
def test_an_image_without_a_time_is_named(write_image, tags):
    good = write_image("a.jpg", DateTimeOriginal="2024:05:31 12:00:07")
    path = write_image("b.jpg", **tags)
    with pytest.raises(UserError, match="DateTimeOriginal.*Received: .*b.jpg.*CSV") as caught:
        set_clock(dataset_of(good, path), "exif")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_what_is_no_image_has_no_time(tmp_path, content):
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match="DateTimeOriginal.*Received: .*a.jpg"):
        exif_seconds(tmp_path / "a.jpg")


@pytest.mark.parametrize("payload", [b"E", b"Exif\x00\x00MM\x00*"])
def test_damaged_exif_is_no_time(tmp_path, payload):
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path, exif=payload)
    with pytest.raises(UserError, match="DateTimeOriginal.*Received: .*a.png"):
        exif_seconds(path)


def test_every_data_set_can_be_asked_for_a_clock(make_files, write_image):
    path = write_image("rex/gate_000100.jpg", DateTimeOriginal="1970:01:02 00:00:00")
    root = pathlib.Path(path).parents[1]
    (record,) = load_dataset("image_folder", root, clock="exif").train
    assert (record.camera, record.timestamp) == (None, 86_400)
    pattern = {"clock": "pattern", "clock_pattern": r"(?P<camera>\w+)_(?P<frame>\d+)"}
    (record,) = load_dataset("image_folder", root, **pattern, frames_per_second="50").train
    assert (record.camera, record.timestamp) == (0, 2.0)
    (record,) = load_dataset("image_folder", root, **pattern, combine_all=True).train
    assert record.timestamp == 4.0
    (record,) = load_dataset("image_folder", root, clock="own", clock_pattern="(").train
    assert record.timestamp is None


def test_a_clock_of_the_readers_own_is_still_the_readers(make_files):
    root = make_files("query/0002_c1s1_000100_00.jpg", "query/0002_c1s2_000100_00.jpg", "query/0002_c1s3_000000_00.jpg")
    for clock, expected in (("fixed", 8.0), ("official", 12.0)):
        assert load_dataset("market1501", root, clock=clock).query[2].timestamp == expected
    pattern = {"clock": "pattern", "clock_pattern": r"s\d_(?P<frame>\d+)"}
    assert load_dataset("market1501", root, **pattern).query[1].timestamp == 4.0
    with pytest.raises(UserError, match="clock of 'market1501' to be one of fixed, official, exif, pattern"):
        load_dataset("market1501", root, clock="sundial")
    with pytest.raises(UserError, match="clock of 'image_folder' to be one of own, exif, pattern"):
        load_dataset("image_folder", root, clock="fixed")
