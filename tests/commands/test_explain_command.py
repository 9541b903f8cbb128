import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

import qaconv_tf as qt
from qaconv_tf.explain.drawing import draw_explanation
from qaconv_tf.pipeline import read_image
from tests.commands.running import run_command

REAL = pathlib.Path(__file__).parents[1] / "data" / "pets2009"


@pytest.fixture
def pair(tmp_path):
    """Two photographs of other sizes than the model's."""
    rng, paths = np.random.default_rng(5), []
    for name, (height, width) in {"one": (90, 40), "two": (61, 120)}.items():
        coarse = Image.fromarray(rng.integers(0, 256, (6, 4, 3), np.uint8))
        coarse.resize((width, height)).save(tmp_path / f"{name}.jpg")
        paths.append(str(tmp_path / f"{name}.jpg"))
    return paths


@pytest.fixture
def model(tmp_path):
    built = qt.build_model(image_height=64, image_width=32, levels=(8,), neck_channels=6)
    built.save(tmp_path / "model.keras")
    return built


def explain(capfd, tmp_path, *arguments):
    return run_command(capfd, "explain", *arguments, f"--model={tmp_path}/model.keras", f"--output_dir={tmp_path}/out")


def test_a_pair_is_explained_by_numbers_a_picture_and_json(capfd, tmp_path, model, pair):
    ended = explain(capfd, tmp_path, *pair)
    assert ended.status == 0, ended.err
    maps = model.extract(np.stack([read_image(path, 64, 32) for path in pair]))
    score = float(model.match(maps[:1], maps[1:]).numpy().item())
    listing = json.loads((tmp_path / "out" / "one_and_two.json").read_text())
    assert listing["score"] == pytest.approx(score, abs=1e-5)
    shares = [place["share"] for side in ("query", "gallery") for place in listing[side]]
    assert sum(shares) + listing["constant"] == pytest.approx(score, abs=1e-5)
    assert (listing["query"][0]["row"], len(shares)) == (0, 2 * 8 * 4)
    assert f"score: {score:.3f}" in ended.out
    with Image.open(tmp_path / "out" / "one_and_two.png") as picture:
        assert picture.format == "PNG" and picture.width > picture.height > 480


def test_the_picture_is_drawn_by_the_flags(capfd, tmp_path, model, pair):
    others = tmp_path / "others"
    others.mkdir()
    Image.open(pair[0]).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(others / "a.png")
    arguments = *pair, f"--references={others}", "--lines=7", "--mutual_only"
    assert explain(capfd, tmp_path, *arguments).status == 0
    small = np.stack([read_image(path, 64, 32) for path in (*pair, str(others / "a.png"))])
    maps = model.extract(small).numpy()
    found = qt.correspondences(model.matcher, *maps[:2], maps[2:])
    images = [read_image(path, *size) for path, size in zip(pair, ((90, 40), (61, 120)), strict=True)]
    expected = draw_explanation(*images, found, ("one.jpg", "two.jpg"), num_lines=7, mutual_only=True)
    with Image.open(tmp_path / "out" / "one_and_two.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), expected)


def test_a_photograph_on_its_side_is_drawn_upright(capfd, tmp_path, model, pair):
    """A phone's: stored lying, with a note (EXIF orientation 6) to turn it."""
    turned = Image.open(pair[1]).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, image, more in (("upright", Image.open(pair[1]), {}), ("phone", turned, {"exif": exif})):
        image.save(tmp_path / f"{name}.png", **more)
        assert explain(capfd, tmp_path, pair[0], str(tmp_path / f"{name}.png")).status == 0
    sizes = {Image.open(tmp_path / "out" / f"one_and_{name}.png").size for name in ("upright", "phone")}
    assert len(sizes) == 1


def test_what_cannot_be_drawn_leaves_nothing_behind(capfd, tmp_path, model, pair, monkeypatch):
    def draw(*_, **__):
        raise ValueError("cannot be drawn")

    monkeypatch.setattr("qaconv_tf.commands.explain.draw_explanation", draw)
    with pytest.raises(ValueError, match="cannot be drawn"):
        explain(capfd, tmp_path, *pair)
    assert not list(tmp_path.glob("out/*"))


def test_shares_are_counted_from_the_references_of_the_flag(capfd, tmp_path, model, pair):
    maps = model.extract(np.stack([read_image(path, 64, 32) for path in pair])).numpy()
    (tmp_path / "others").mkdir()
    Image.open(pair[0]).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(tmp_path / "others" / "a.png")
    reference = model.extract(read_image(str(tmp_path / "others" / "a.png"), 64, 32)[None]).numpy()
    assert explain(capfd, tmp_path, *pair, f"--references={tmp_path}/others").status == 0
    listing = json.loads((tmp_path / "out" / "one_and_two.json").read_text())
    expected = qt.correspondences(model.matcher, *maps, reference).query_shares
    np.testing.assert_allclose([place["share"] for place in listing["query"]], expected, rtol=1e-3, atol=1e-6)


def test_references_are_spread_over_the_folder_and_none_is_explained(capfd, tmp_path, model, pair):
    (tmp_path / "people").mkdir()
    inside = [shutil.copy(path, tmp_path / "people") for path in pair]
    for number in range(130):
        shutil.copy(pair[0], tmp_path / "people" / f"x{number:03}.jpg")
    assert explain(capfd, tmp_path, *inside, f"--references={tmp_path}/people").status == 0
    listing = json.loads((tmp_path / "out" / "one_and_two.json").read_text())
    names = [pathlib.Path(path).name for path in listing["references"]]
    assert names == [f"x{number:03}.jpg" for number in range(0, 130, 3)]


def test_a_folder_without_references_is_named(capfd, tmp_path, model, pair):
    ended = explain(capfd, tmp_path, *pair, f"--references={tmp_path}/nowhere")
    assert ended.status == 2 and "nowhere, which holds none" in ended.err


def test_nothing_is_overwritten(capfd, tmp_path, model, pair):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "one_and_two.json").write_text("mine")
    ended = explain(capfd, tmp_path, *pair)
    assert ended.status == 2 and "one_and_two.json, which exists" in ended.err
    assert (tmp_path / "out" / "one_and_two.json").read_text() == "mine"
    assert not (tmp_path / "out" / "one_and_two.png").exists()


@pytest.mark.parametrize(
    "images, message",
    [
        ([], "Expected two images. Received: nothing"),
        (["one.jpg"], "Expected two images. Received: 'one.jpg'"),
        (["one.jpg", "missing.jpg"], "Expected an image file, found none. Received: path='missing.jpg'"),
        (["one.jpg", "text.jpg"], "text.jpg"),
    ],
)
def test_what_is_no_pair_of_images_is_one_line(capfd, tmp_path, model, pair, images, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.jpg").write_text("no image")
    ended = explain(capfd, tmp_path, *images)
    assert ended.status == 2 and message in ended.err and ended.err.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.slow
def test_the_model_in_the_package_explains_at_once(capfd, tmp_path):
    images = sorted(map(str, (REAL / "query").glob("*.jpg")))[:2]
    ended = run_command(capfd, "explain", *images, f"--output_dir={tmp_path}")
    assert ended.status == 0, ended.err
    assert len(list(tmp_path.iterdir())) == 2
