import io
import warnings
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from qaconv_tf.errors import UserError
from qaconv_tf.pipeline.images import read_image


@pytest.fixture
def pixels():
    return np.random.default_rng(3).integers(0, 256, (30, 14, 3), np.uint8)


def save(folder, pixels, name="image.png", mode="RGB", **options):
    path = folder / name
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def message_of(path):
    with pytest.raises(UserError) as caught:
        read_image(path, 8, 4)
    message = str(caught.value)
    assert "\n" not in message
    assert repr(str(path)) in message
    return message


def test_image_of_the_right_size_comes_back_as_it_is(tmp_path, pixels):
    image = read_image(save(tmp_path, pixels), 30, 14)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, pixels)


def test_resize_is_pillows_bicubic_in_both_directions(tmp_path, pixels):
    path = save(tmp_path, pixels)
    for height, width in [(60, 21), (9, 5)]:
        expected = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(read_image(str(path), height, width), expected)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "RGBA", "CMYK"])
def test_every_8_bit_mode_becomes_rgb(tmp_path, pixels, mode):
    path = save(tmp_path, pixels, name="image.tif" if mode == "CMYK" else "image.png", mode=mode)
    expected = np.asarray(Image.fromarray(pixels).convert(mode).convert("RGB"))
    np.testing.assert_array_equal(read_image(path, 30, 14), expected)


def test_exif_orientation_is_honoured(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the picture must be turned by 90 degrees clockwise
    path = save(tmp_path, pixels, exif=exif)
    np.testing.assert_array_equal(read_image(path, 14, 30), np.rot90(pixels, k=-1))


def test_missing_file(tmp_path):
    assert "found none" in message_of(tmp_path / "missing.jpg")


def test_line_break_in_a_file_name_stays_out_of_the_message(tmp_path):
    assert "found none" in message_of(tmp_path / "two\nlines.jpg")


def test_folder_instead_of_a_file(tmp_path):
    assert "can be opened" in message_of(tmp_path)


@pytest.mark.parametrize("content", [b"", b"path,identity\nquery/1.jpg,1\n"])
def test_file_that_is_no_image(tmp_path, content):
    path = tmp_path / "notes.jpg"
    path.write_bytes(content)
    assert "is no image" in message_of(path)


@pytest.mark.parametrize("name", ["image.jpg", "image.png", "image.webp", "image.bmp"])
def test_truncated_file(tmp_path, pixels, name):
    path = save(tmp_path, pixels, name=name)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert "truncated or damaged" in message_of(path)


def test_decompression_bomb(tmp_path, pixels, monkeypatch):
    path = save(tmp_path, pixels)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels.shape[0] * pixels.shape[1] // 2 - 1)
    assert "decompression bomb" in message_of(path)


@pytest.mark.parametrize("dtype, name", [(np.uint16, "deep.png"), (np.float32, "deep.tif"), (np.int32, "deep.tif")])
def test_more_than_8_bits_a_channel(tmp_path, dtype, name):
    path = tmp_path / name
    Image.fromarray(np.random.default_rng(0).integers(0, 60000, (30, 14)).astype(dtype)).save(path)
    assert "8 bits" in message_of(path)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_bytes_give_an_image_or_a_user_error(tmp_path_factory, file_format, data):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (8, 6, 3), np.uint8)).save(buffer, file_format)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged.{file_format}"
    path.write_bytes(content)
    # The limit keeps a damaged size from asking for gigabytes.
    with warnings.catch_warnings(), mock.patch.object(Image, "MAX_IMAGE_PIXELS", 10_000):
        warnings.simplefilter("ignore")
        try:
            assert read_image(path, 8, 4).shape == (8, 4, 3)
        except UserError as error:
            assert "\n" not in str(error)
