import h5py
import keras
import numpy as np
import pytest

from qaconv_tf.errors import UserError
from qaconv_tf.matching import QAConv
from qaconv_tf.model import MatchingModel, build_model, load_model
from qaconv_tf.training import CoupledSGD, Trainer

SIZE = {"image_height": 64, "image_width": 32, "levels": (8,)}
IMAGES = np.random.default_rng(90).integers(256, size=(5, 64, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    return build_model("mobilenet_v2", weights=None, head="split", neck_channels=12, **SIZE)


def test_extract_then_match_equals_call(model):
    query_maps, gallery_maps = model.extract(IMAGES[:2]), model.extract(IMAGES[2:])
    assert query_maps.shape == (2, 8, 4, 12)
    np.testing.assert_allclose(np.linalg.norm(query_maps, axis=-1), 1, rtol=1e-5)
    scores = model.match(query_maps, gallery_maps)
    assert scores.shape == (2, 3)
    np.testing.assert_array_equal(scores, model.matcher(query_maps, gallery_maps))
    np.testing.assert_array_equal(model(IMAGES[:2], IMAGES[2:]), scores)
    assert np.std(scores) > 1e-4


def test_images_may_be_floats(model):
    np.testing.assert_allclose(model.extract(IMAGES), model.extract(IMAGES / np.float32(255)), atol=1e-5)


def test_training_reaches_both_parts(model):
    model = MatchingModel.from_config(model.get_config())
    normalizations = [model.backbone.body.get_layer("features.0.1"), model.matcher.score_normalization]
    model(IMAGES[:2], IMAGES[2:])
    assert not any(np.any(normalization.moving_mean) for normalization in normalizations)
    model(IMAGES[:2], IMAGES[2:], training=True)
    means = [np.array(normalization.moving_mean) for normalization in normalizations]
    assert all(mean.any() for mean in means)
    # By itself, as the Trainer calls it: Keras would hand `training` on from one call to those within it only.
    model.extract(IMAGES, training=True)
    assert not np.array_equal(normalizations[0].moving_mean, means[0])


def test_matcher_of_another_shape_is_refused(model):
    matcher = QAConv()
    matcher.build((None, 4, 2, 12), (None, 4, 2, 12))
    other = MatchingModel(model.backbone, matcher)
    with pytest.raises(ValueError, match=r"\(4, 2, 12\). Received: query_maps.shape=\(2, 8, 4, 12\)"):
        other(IMAGES[:2], IMAGES[2:])


@pytest.fixture(scope="module")
def trained(model, tmp_path_factory):
    """A model two steps into class-memory training, its Trainer and its file."""
    model = MatchingModel.from_config(model.get_config())
    trainer = Trainer(model, loss="class_memory", num_classes=3, freeze_batch_norm=False)
    trainer.compile(CoupledSGD(0.05, coupled_decay=0.0))
    for _ in range(2):
        trainer.train_on_batch(np.float32(IMAGES / 255), np.array([0, 1, 2, 1, 0]))
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    model.save(path)
    return model, trainer, path


def test_loaded_model_scores_as_the_saved(trained, model):
    saved, _, path = trained
    loaded = load_model(path)
    assert loaded is not saved
    scores = loaded(IMAGES[:2], IMAGES[2:])
    np.testing.assert_array_equal(scores, saved(IMAGES[:2], IMAGES[2:]))
    assert np.abs(scores - model(IMAGES[:2], IMAGES[2:])).min() > 1e-3
    assert loaded.matcher.head == "split" and loaded.backbone.feature_shape == (8, 4, 12)
    assert [variable.path for variable in loaded.variables] == [variable.path for variable in saved.variables]


def test_class_memory_stays_with_the_trainer(trained, tmp_path):
    model, trainer, path = trained
    assert trainer.memory.filled.numpy().all()
    memory = {id(variable) for variable in trainer.memory.variables}
    assert memory <= {id(variable) for variable in trainer.variables}
    assert not memory & {id(variable) for variable in model.variables}
    model.save_weights(tmp_path / "model.weights.h5")
    shapes = []
    with h5py.File(tmp_path / "model.weights.h5") as file:
        file.visititems(lambda _, item: shapes.append(item.shape) if isinstance(item, h5py.Dataset) else None)
    assert len(shapes) == len(model.variables)
    assert tuple(trainer.memory.memory.shape) == (3, 8, 4, 12) not in shapes


def test_load_model_errors_are_one_line(tmp_path, model):
    text, truncated, other = (tmp_path / name for name in ("notes.keras", "short.keras", "dense.keras"))
    text.write_text("not a model\n" * 3)
    model.save(truncated)
    truncated.write_bytes(truncated.read_bytes()[:5000])
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(other)
    for path, message in (
        (tmp_path / "none.keras", r"none.keras', which is no file"),
        (tmp_path, "which is no file"),
        (text, r"saved by qaconv_tf. Received: path='.*notes.keras'"),
        (truncated, r"saved by qaconv_tf. Received: path='.*short.keras'"),
        (other, r"Expected a MatchingModel. Received: path='.*dense.keras' with a Sequential"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            load_model(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="which is no file"):
        load_model(str(tmp_path / "none.keras"))


@pytest.mark.parametrize(
    ("options", "head", "num_learned"),
    [({}, "uniform", 0), ({"head": "shared", "trainable_scales": True}, "shared", 6)],
)
def test_build_model_from_names(options, head, num_learned):
    model = build_model("resnet18", weights=None, neck_channels=None, **SIZE, **options)
    assert model.backbone.body_name == "resnet18" and model.matcher.head == head
    assert len(model.matcher.trainable_variables) == num_learned
    assert model.backbone.feature_shape == (8, 4, 128)
    assert model.built and model.matcher.built


def test_build_model_loads_the_shipped_weights():
    kernels = [
        build_model(weights=weights, **SIZE).backbone.body.layers[2].kernel.numpy() for weights in ("imagenet", None)
    ]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "vgg16"}, "'vgg16'"),
        ({"backbone": "resnet50"}, "resnet50"),  # its ImageNet weights are not shipped
        ({"weights": "/nowhere/weights.pth"}, "/nowhere/weights.pth"),
        ({"levels": (4,)}, r"levels=\(4,\)"),
    ],
)
def test_build_model_errors(arguments, message):
    with pytest.raises(UserError, match=f"xpected .*Received: .*{message}"):
        build_model(**{"image_height": 64, "image_width": 32} | arguments)
