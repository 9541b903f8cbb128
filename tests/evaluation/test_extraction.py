import gc
import weakref

import numpy as np
import pytest

from qaconv_tf.datasets import load_dataset
from qaconv_tf.evaluation import extraction
from qaconv_tf.evaluation.extraction import extract_feature_maps
from qaconv_tf.model import build_model
from qaconv_tf.pipeline import read_image


@pytest.fixture(scope="module")
def records():
    return load_dataset("market1501", "tests/data/pets2009").query[:6]


def small_model():
    return build_model(image_height=64, image_width=32, neck_channels=16)


@pytest.fixture(scope="module")
def model():
    return small_model()


def traces(model, precision="fp32"):
    return extraction._EXTRACTORS[model][precision].extract.experimental_get_tracing_count()


def test_maps_are_the_models_own(model, records):
    images = np.stack([read_image(record.path, 64, 32) for record in records])
    expected = model.extract(images).numpy()
    maps = extract_feature_maps(model, records, batch_size=4)
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    rounded = extract_feature_maps(model, records, batch_size=4, precision="bf16")
    cosines = (rounded * expected).sum(axis=-1)
    assert 0.95 < cosines.mean() < 1 - 1e-5


def test_a_model_is_traced_once_and_its_new_weights_are_taken(records):
    model = small_model()
    before = extract_feature_maps(model, records, batch_size=3)
    for variable in model.backbone.body.trainable_variables:
        variable.assign(1.05 * variable)
    after = extract_feature_maps(model, records, batch_size=3)
    assert traces(model) == 1
    images = np.stack([read_image(record.path, 64, 32) for record in records])
    np.testing.assert_allclose(after, model.extract(images), atol=1e-5)
    assert np.abs(after - before).max() > 1e-3


def test_a_model_that_is_gone_leaves_nothing(records):
    model = small_model()
    extract_feature_maps(model, records)
    left = weakref.ref(model)
    assert model in extraction._EXTRACTORS
    del model
    gc.collect()
    assert left() is None


def test_maps_are_written_where_they_are_wanted(model, records, tmp_path):
    output = np.memmap(tmp_path / "maps", np.float32, "w+", shape=(6, 4, 2, 16))
    assert extract_feature_maps(model, records, batch_size=4, output=output) is output
    np.testing.assert_array_equal(output, extract_feature_maps(model, records, batch_size=4))
    assert np.abs(output).max(axis=(1, 2, 3)).min() > 0
