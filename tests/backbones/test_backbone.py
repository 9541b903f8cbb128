"""Images to feature maps: shapes, normalisation, sizes refused, saving, precision."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.backbones import Backbone
from qaconv_tf.backbones.torch_layers import l2_normalize
from qaconv_tf.errors import UserError

HEIGHT, WIDTH = 64, 32
RAW_CHANNELS = {"mobilenet_v2": {8: 32, 16: 96, 32: 320}, "resnet18": {8: 128, 16: 256, 32: 512}}
COMBINATIONS = [levels for count in (1, 2, 3) for levels in itertools.combinations((8, 16, 32), count)]


def make_backbone(**options):
    return Backbone(**({"image_height": HEIGHT, "image_width": WIDTH, "levels": (8, 16)} | options))


def random_images(count=2, seed=0):
    return np.random.default_rng(seed).uniform(size=(count, HEIGHT, WIDTH, 3)).astype(np.float32)


def shaken(backbone, seed=1):
    """The backbone with every variable moved, so that no initial value hides a mistake."""
    random = np.random.default_rng(seed)
    for variable in backbone.variables:
        variable.assign(variable.numpy() * random.uniform(0.8, 1.2, size=variable.shape))
    return backbone


@pytest.fixture(scope="module", name="default")
def make_default():
    """For the tests that change nothing."""
    return shaken(make_backbone())


@pytest.mark.parametrize("body_name", list(RAW_CHANNELS))
@pytest.mark.parametrize("levels", COMBINATIONS)
def test_shapes_at_every_combination_of_levels(body_name, levels):
    backbone = make_backbone(body_name=body_name, levels=levels, neck_channels=12)
    raw = sum(RAW_CHANNELS[body_name][level] for level in levels)
    size = (HEIGHT // levels[0], WIDTH // levels[0])
    assert backbone.feature_shape == (*size, 12)
    images = random_images()
    assert backbone.raw_maps(images).shape == (2, *size, raw)
    assert backbone(images).shape == (2, *size, 12)


def test_levels_are_sorted_and_without_a_neck_all_channels_stay():
    backbone = make_backbone(levels=[32, 8], neck_channels=None)
    assert backbone.levels == (8, 32)
    assert backbone.feature_shape == (8, 4, 352)
    np.testing.assert_allclose(backbone(random_images()), l2_normalize(backbone.raw_maps(random_images())), atol=1e-6)


def test_raw_maps_against_a_loop(default):
    images = random_images()
    normalized = (images - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    fine, coarse = (level.numpy() for level in default.body(normalized.astype(np.float32)))
    fine, coarse = (level / np.linalg.norm(level, axis=-1, keepdims=True) for level in (fine, coarse))
    raw = default.raw_maps(images).numpy()
    np.testing.assert_allclose(raw[..., :32], fine, atol=1e-5)
    for row, column in itertools.product(range(8), range(4)):
        # A fine location's centre in coarse units, held inside the outermost centres.
        y, x = np.clip((row + 0.5) / 2 - 0.5, 0, 3), np.clip((column + 0.5) / 2 - 0.5, 0, 1)
        top, left = min(int(y), 2), min(int(x), 0)
        down, right = y - top, x - left
        upper = (1 - right) * coarse[:, top, left] + right * coarse[:, top, left + 1]
        lower = (1 - right) * coarse[:, top + 1, left] + right * coarse[:, top + 1, left + 1]
        np.testing.assert_allclose(raw[:, row, column, 32:], (1 - down) * upper + down * lower, atol=1e-5)


def test_maps_are_unit_vectors_of_the_neck():
    backbone = shaken(make_backbone(neck_channels=12))
    maps = backbone(random_images()).numpy()
    assert maps.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(maps, axis=-1), 1.0, atol=1e-5)
    raw = backbone.raw_maps(random_images()).numpy()
    expected = raw @ backbone.neck.kernel.numpy()[0, 0] + backbone.neck.bias.numpy()
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_the_neck_has_a_bias_unless_batch_norm_follows():
    assert make_backbone(neck_kernel_size=3).neck.use_bias
    with_norm = make_backbone(neck_kernel_size=3, neck_batch_norm=True)
    assert not with_norm.neck.use_bias
    assert with_norm.neck_norm.epsilon == 1e-5
    assert with_norm(random_images()).shape == (2, *with_norm.feature_shape)


def test_uint8_images_are_divided_by_255(default):
    images = np.random.default_rng(2).integers(256, size=(2, HEIGHT, WIDTH, 3), dtype=np.uint8)
    np.testing.assert_allclose(default(images), default(images / 255.0), atol=1e-5)


def test_input_normalisation_can_be_left_out(default):
    without = shaken(make_backbone(normalize_input=False))
    images = random_images()
    normalized = (images - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(default(images), without(normalized), atol=1e-5)
    assert not np.allclose(default(images), without(images), atol=1e-2)


def test_levels_can_reach_the_neck_as_they_are(default):
    as_they_are = shaken(make_backbone(normalize_levels=False, levels=(8,))).raw_maps(random_images()).numpy()
    lengths = np.linalg.norm(as_they_are, axis=-1, keepdims=True)
    assert np.abs(lengths - 1).min() > 1e-2
    np.testing.assert_allclose(default.raw_maps(random_images())[..., :32], as_they_are / lengths, atol=1e-5)


def test_a_random_neck_starts_as_in_torch():
    neck = make_backbone(neck_kernel_size=3, neck_channels=40, levels=(8,)).neck
    bound = (3 * 3 * 32) ** -0.5  # one over the root of a channel's inputs
    for values in (neck.kernel.numpy(), neck.bias.numpy()):
        assert 0.8 * bound < np.abs(values).max() <= bound and abs(values.mean()) < 0.4 * bound


def test_l2_normalize_at_zero():
    maps = tf.constant(np.stack([np.zeros(5), np.random.default_rng(0).normal(size=5), np.full(5, 1e-14)]), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        unit = l2_normalize(maps)
    np.testing.assert_allclose(unit[0], 0.0)
    np.testing.assert_allclose(unit[1], maps[1] / np.linalg.norm(maps[1]), atol=1e-6)
    np.testing.assert_allclose(unit[2], 1e-2, rtol=1e-5)  # divided by 1e-12, as torch does
    assert np.isfinite(tape.gradient(unit, maps).numpy()).all()


@pytest.mark.parametrize("shape", [(2, 32, 64, 3), (2, 64, 32, 1), (64, 32, 3), (2, 65, 32, 3)])
def test_other_sizes_are_refused(default, shape):
    message = f"height x width 64 x 32 with 3 channels. Received: images.shape={shape}"
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        default.raw_maps(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="height x width 64 x 32"):
        default(np.zeros(shape, np.float32))


def test_sizes_unknown_until_the_call(default):
    traced = tf.function(default, input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    np.testing.assert_allclose(traced(random_images()), default(random_images()), atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError):
        traced(random_images()[:, :32])


def test_training_reaches_the_batch_norms_and_false_still_trains_their_scales():
    backbone = make_backbone(neck_batch_norm=True)
    images = random_images(4)
    statistics = [variable for variable in backbone.variables if "moving" in variable.path]
    assert len(statistics) > 20
    before = [variable.numpy() for variable in statistics]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(backbone(images, training=False) ** 3)
    gradients = tape.gradient(loss, backbone.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
    assert any("gamma" in variable.path for variable in backbone.trainable_variables)
    for old, variable in zip(before, statistics, strict=True):
        np.testing.assert_array_equal(old, variable)
    backbone(images, training=True)
    for old, variable in zip(before, statistics, strict=True):
        assert not np.array_equal(old, variable.numpy()), variable.path


def test_the_body_is_told_from_the_new_layers():
    backbone = make_backbone(neck_batch_norm=True)
    body = {id(variable) for variable in backbone.body.trainable_variables}
    others = [variable.path for variable in backbone.trainable_variables if id(variable) not in body]
    assert sorted(path.split("/")[-2:] for path in others) == [
        ["neck", "kernel"],
        ["neck_norm", "beta"],
        ["neck_norm", "gamma"],
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"levels": (8, 32), "neck_kernel_size": 3, "neck_batch_norm": True, "seed": 3},
        {"body_name": "resnet18", "ibn": "a", "levels": (16,), "neck_channels": None, "normalize_input": False},
        {"body_name": "resnet18", "ibn": "b", "levels": (8,)},
    ],
)
def test_saved_and_loaded(tmp_path, options):
    backbone = shaken(make_backbone(**options))
    backbone.save(tmp_path / "backbone.keras")
    loaded = keras.saving.load_model(tmp_path / "backbone.keras")
    assert type(loaded) is Backbone
    assert loaded.get_config() == backbone.get_config()
    assert loaded.feature_shape == backbone.feature_shape
    np.testing.assert_array_equal(loaded(random_images()), backbone(random_images()))


@pytest.mark.parametrize("body_name", ["mobilenet_v2", "resnet18"])
def test_mixed_bfloat16(tmp_path, body_name):
    options = {"body_name": body_name, "ibn": "none" if body_name == "mobilenet_v2" else "a"}
    exact = make_backbone(**options)
    mixed = make_backbone(**options, dtype="mixed_bfloat16")
    assert mixed.body.outputs[0].dtype == "bfloat16"
    assert mixed.neck.kernel.dtype == "float32"
    maps = mixed(random_images())
    assert maps.dtype == tf.float32
    np.testing.assert_allclose(np.linalg.norm(maps, axis=-1), 1.0, atol=1e-5)
    assert np.sum(maps * exact(random_images()), axis=-1).min() > 0.98
    mixed.save(tmp_path / "mixed.keras")
    loaded = keras.saving.load_model(tmp_path / "mixed.keras")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    np.testing.assert_array_equal(loaded(random_images()), maps)


def test_bfloat16_does_not_round_the_images():
    mixed = make_backbone(dtype="mixed_bfloat16")
    images = np.random.default_rng(2).integers(256, size=(2, HEIGHT, WIDTH, 3), dtype=np.uint8)
    np.testing.assert_array_equal(mixed(images), mixed(images.astype(np.float32) / np.float32(255)))


def test_global_dtype_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        backbone = make_backbone()
    finally:
        keras.config.set_dtype_policy(before)
    assert backbone.body.outputs[0].dtype == "bfloat16"
    assert backbone(random_images()).dtype == tf.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"body_name": "vgg16"}, "mobilenet_v2, resnet18, .*resnet152. Received: 'vgg16'"),
        ({"levels": ()}, r"levels=\(\)"),
        ({"levels": (4, 8)}, r"levels=\(4, 8\)"),
        ({"levels": (8, 8)}, r"levels=\(8, 8\)"),
        ({"neck_kernel_size": 2}, "odd.*neck_kernel_size=2"),
        ({"ibn": "a"}, "only a ResNet.*ibn='a'"),
        ({"body_name": "resnet18", "ibn": "c"}, "ibn='c'"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(UserError, match=message):
        make_backbone(**options)
