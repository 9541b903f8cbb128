import io
import json
import os
import pathlib
import subprocess
import sysconfig

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from qaconv_tf import __version__, export
from qaconv_tf.backbones import build_backbone
from qaconv_tf.errors import UserError
from qaconv_tf.export import export_saved_model
from qaconv_tf.model import MatchingModel, build_model
from qaconv_tf.pipeline import read_image
from qaconv_tf.training import Trainer
from tests.matching.matchers import random_matcher

HEIGHT, WIDTH = 64, 32
MAP_SHAPE = (4, 2, 12)
PETS = pathlib.Path(__file__).parent / "data" / "pets2009"
FILES = sorted(PETS.glob("*/*.jpg"))
SOME = FILES[::30]  # 7 images
# Three query maps against two gallery maps: the seven images need four tiles.
TILE_BYTES = 3 * 2 * (MAP_SHAPE[0] * MAP_SHAPE[1]) ** 2 * 4


@pytest.fixture(scope="module")
def model():
    backbone = build_backbone("mobilenet_v2", image_height=HEIGHT, image_width=WIDTH, neck_channels=MAP_SHAPE[-1])
    return MatchingModel(backbone, random_matcher("split", MAP_SHAPE, tile_bytes=TILE_BYTES))


@pytest.fixture(scope="module")
def version(model, tmp_path_factory):
    return export_saved_model(model, tmp_path_factory.mktemp("saved_model"))


@pytest.fixture(scope="module")
def signatures(version):
    return tf.saved_model.load(version).signatures


@pytest.fixture(scope="module")
def inputs(model):
    """Signature -> inputs by name, of images that need no resizing, so that pixels are the same everywhere."""
    images = images_of(SOME)
    encoded = np.array([encode(image, "PNG") for image in images])
    maps = model.extract(images).numpy()
    return {
        "serving_default": {"image_bytes": encoded},
        "extract": {"images": images},
        "match": {"query_maps": maps[:3], "gallery_maps": maps},
        "match_images": {"query_bytes": encoded[:3], "gallery_bytes": encoded},
    }


@pytest.fixture(scope="module")
def expected(model, inputs):
    maps = inputs["match"]["gallery_maps"]
    scores = model.match(maps[:3], maps).numpy()
    return {"serving_default": maps, "extract": maps, "match": scores, "match_images": scores}


def images_of(paths, height=HEIGHT, width=WIDTH):
    return np.stack([read_image(path, height, width) for path in paths])


def encode(pixels, file_format, mode="RGB"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, file_format)
    return buffer.getvalue()


def assert_same(output, wanted):
    assert output.shape == wanted.shape
    np.testing.assert_allclose(output, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max(initial=1.0))


def run(signature, inputs):
    (output,) = signature(**{name: tf.constant(value) for name, value in inputs.items()}).values()
    return output.numpy()


@pytest.mark.parametrize("name", ["serving_default", "extract", "match", "match_images"])
def test_signature_equals_the_model(signatures, inputs, expected, name):
    output = run(signatures[name], inputs[name])
    assert np.std(expected[name]) > 0.01
    assert_same(output, expected[name])


def test_signatures_are_named_and_sized(signatures):
    described = {
        name: [{key: tuple(spec.shape) for key, spec in specs.items()} for specs in (inputs, outputs)]
        for name in signatures
        for inputs, outputs in [(signatures[name].structured_input_signature[1], signatures[name].structured_outputs)]
    }
    maps, scores = (None, *MAP_SHAPE), (None, None)
    assert described == {
        "serving_default": [{"image_bytes": (None,)}, {"feature_maps": maps}],
        "extract": [{"images": (None, HEIGHT, WIDTH, 3)}, {"feature_maps": maps}],
        "match": [{"query_maps": maps, "gallery_maps": maps}, {"scores": scores}],
        "match_images": [{"query_bytes": (None,), "gallery_bytes": (None,)}, {"scores": scores}],
    }


@pytest.mark.parametrize("num_query, num_gallery", [(0, 0), (0, 3), (3, 0), (1, 1), (2, 7)])
def test_any_number_of_images(signatures, inputs, expected, num_query, num_gallery):
    for name in ("match", "match_images"):
        query, gallery = inputs[name].items()
        some = dict([(query[0], query[1][:num_query]), (gallery[0], gallery[1][:num_gallery])])
        output = run(signatures[name], some)
        assert_same(output, expected[name][:num_query, :num_gallery])


@pytest.mark.parametrize("name", ["serving_default", "extract"])
def test_no_images_have_no_maps(signatures, inputs, name):
    ((key, value),) = inputs[name].items()
    assert run(signatures[name], {key: value[:0]}).shape == (0, *MAP_SHAPE)


def test_images_of_another_size_are_refused(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[2,48,32,3\] is not .* expected shape \[\?,64,32,3\]"):
        run(signatures["extract"], {"images": np.zeros((2, 48, 32, 3), np.uint8)})


@pytest.mark.parametrize("wrong", ["query_maps", "gallery_maps"])
def test_maps_of_another_size_are_refused(signatures, inputs, wrong):
    # As many numbers as four maps of the right size.
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[2,8,2,12\] is not .* expected shape \[\?,4,2,12\]"):
        run(signatures["match"], inputs["match"] | {wrong: np.zeros((2, 8, 2, 12), np.float32)})


def test_pedestrians_score_as_in_evaluation(model, signatures):
    queries, gallery = (sorted((PETS / part).glob("*.jpg")) for part in ("query", "bounding_box_test"))
    encoded = {"query_bytes": queries, "gallery_bytes": gallery}
    encoded = {name: np.array([path.read_bytes() for path in paths]) for name, paths in encoded.items()}
    scores = run(signatures["match_images"], encoded)
    wanted = model.match(*(model.extract(images_of(paths)) for paths in (queries, gallery))).numpy()
    assert scores.shape == (36, 172)
    assert np.corrcoef(scores.ravel(), wanted.ravel())[0, 1] > 0.99999
    assert np.abs(scores - wanted).max() < 0.02 * np.std(wanted)


def assert_pixels(decoded, wanted):
    """Equal but for few that come close to a half, where Pillow's integers and our floats may round differently."""
    difference = np.abs(np.asarray(decoded, int) - wanted)
    assert difference.max() <= 2
    assert np.mean(difference > 0) < 0.01


# The pedestrians are about 100 x 42. Pillow begins with the height for the last of these.
@pytest.mark.parametrize("size", [(256, 128), (100, 30), (48, 40)])
def test_pixels_of_jpegs_are_pillows(size):
    decoded = export._decode_images(tf.constant([path.read_bytes() for path in SOME]), *size)
    assert decoded.dtype == tf.uint8
    assert_pixels(decoded, images_of(SOME, *size))


@pytest.mark.parametrize(
    "file_format, mode",
    [("PNG", "L"), ("PNG", "P"), ("PNG", "RGBA"), ("BMP", "RGB"), ("GIF", "P"), ("JPEG", "L"), ("JPEG", "CMYK")],
)
def test_formats_and_modes_are_decoded_as_pillow_does(tmp_path, file_format, mode):
    path = tmp_path / "image"
    path.write_bytes(encode(np.random.default_rng(5).integers(0, 256, (90, 51, 3), np.uint8), file_format, mode))
    assert_pixels(export._decode_images(tf.constant([path.read_bytes()]), 40, 30), images_of([path], 40, 30))


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda image: b"", "empty"),
        (lambda image: b"path,identity\nquery/1.jpg,1\n", "Unknown image file format. One of JPEG"),
        (lambda image: encode(image, "JPEG")[:900], "Invalid JPEG data"),
        (lambda image: encode(image, "PNG")[:900], "Invalid PNG data"),
        (lambda image: encode(image, "BMP", "P"), "Expected a BMP image of 24 or 32 bits"),
    ],
)
def test_damaged_image_in_a_batch_is_an_error(signatures, inputs, damage, message):
    image = inputs["extract"]["images"][0]
    batch = np.array([encode(image, "PNG"), damage(image)], object)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        run(signatures["serving_default"], {"image_bytes": batch})


def test_no_operation_needs_xla(version):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((pathlib.Path(version) / "saved_model.pb").read_bytes())
    (graph,) = (meta_graph.graph_def for meta_graph in saved.meta_graphs)
    functions = graph.library.function
    nodes = [*graph.node, *(node for function in functions for node in function.node_def)]
    assert {"Conv2D", "Einsum", "DecodeJpeg"} <= {node.op for node in nodes}
    assert not [node.op for node in nodes if "xla" in node.op.lower()]
    assert not [thing for thing in (*nodes, *functions) if thing.attr["_XlaMustCompile"].b]


def test_weights_and_nothing_else_are_saved(model, version):
    saved = tf.train.list_variables(os.path.join(version, "variables", "variables"))
    shapes = sorted(tuple(shape) for name, shape in saved if name != "_CHECKPOINTABLE_OBJECT_GRAPH")
    used = [weight for weight in model.weights if weight is not model.matcher.temperature]
    assert shapes == sorted(tuple(weight.shape) for weight in used)


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
def test_lite_runtime_computes_extract_and_match(version, inputs, expected):
    converter = tf.lite.TFLiteConverter.from_saved_model(version, signature_keys=["extract", "match"])
    interpreter = tf.lite.Interpreter(model_content=converter.convert())  # which has the built-in operations only
    for name, output in (("extract", "feature_maps"), ("match", "scores")):
        computed = interpreter.get_signature_runner(name)(**inputs[name])[output]
        assert_same(computed, expected[name])


def test_description_says_what_was_exported(model, version):
    with open(os.path.join(version, "assets.extra", "qaconv_tf.json"), encoding="utf-8") as file:
        description = json.load(file)
    assert len(description.pop("weights_sha256")) == 64
    assert description == {
        "qaconv_tf": __version__,
        "image_height": HEIGHT,
        "image_width": WIDTH,
        "feature_shape": list(MAP_SHAPE),
        "head": "split",
        "temperature": 10.0,
    }


def test_digest_is_of_the_weights_and_not_of_their_names():
    first, second = (random_matcher("split") for _ in range(2))
    assert first.bias.path != second.bias.path
    assert export._weights_digest(first) == export._weights_digest(second)
    second.bias.assign_add(1e-3)
    assert export._weights_digest(first) != export._weights_digest(second)


@pytest.fixture
def small_model():
    return build_model(weights=None, image_height=32, image_width=32, levels=(8,), neck_channels=4)


def test_next_version_leaves_the_others_alone(small_model, tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "saved_model.pb").write_text("mine")
    (tmp_path / "models.config").write_text("mine too")
    assert export_saved_model(small_model, tmp_path) == str(tmp_path / "8")
    assert sorted(os.listdir(tmp_path)) == ["7", "8", "models.config"]
    assert (tmp_path / "7" / "saved_model.pb").read_text() == "mine"
    assert (tmp_path / "8").stat().st_mode & 0o777 == (tmp_path / "7").stat().st_mode & 0o777


def test_failed_export_leaves_nothing(small_model, tmp_path, monkeypatch):
    def fail(archive, folder, **_):
        os.makedirs(folder)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(keras.export.ExportArchive()), "write_out", fail)
    with pytest.raises(UserError, match="No space left on device"):
        export_saved_model(small_model, tmp_path)
    assert os.listdir(tmp_path) == []


def test_file_in_the_place_of_the_folder(small_model, tmp_path):
    (tmp_path / "saved_model").write_text("")
    with pytest.raises(UserError, match="can be written.*File exists"):
        export_saved_model(small_model, tmp_path / "saved_model")


def test_only_a_matching_model_is_exported(small_model, tmp_path):
    with pytest.raises(TypeError, match="Expected a MatchingModel.*Trainer"):
        export_saved_model(Trainer(small_model), tmp_path)


def saved_model_cli(*arguments):
    program = os.path.join(sysconfig.get_path("scripts"), "saved_model_cli")
    return subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_saved_model_cli_shows_and_runs_every_signature(version, inputs, expected, tmp_path):
    processes = {"show": saved_model_cli("show", "--dir", version, "--all")}
    for name, values in inputs.items():
        arguments = []
        for key, value in values.items():
            np.save(tmp_path / f"{name}_{key}.npy", value)
            arguments.append(f"{key}={tmp_path}/{name}_{key}.npy")
        processes[name] = saved_model_cli(
            "run", "--dir", version, "--tag_set", "serve", "--signature_def", name, "--inputs", ";".join(arguments),
            "--outdir", tmp_path / name,
        )
    outputs = {name: (*process.communicate(), process.returncode) for name, process in processes.items()}
    assert {name: status for name, (_, _, status) in outputs.items()} == dict.fromkeys(processes, 0), outputs
    for name, wanted in expected.items():
        assert f"signature_def['{name}']" in outputs["show"][0]
        (file,) = (tmp_path / name).iterdir()
        assert_same(np.load(file), wanted)
