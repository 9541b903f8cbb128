"""Rules that every layer and model of the package keeps; cases.py lists them."""

import importlib
import inspect
import json
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import qaconv_tf
from tests.conformance.cases import CASES, randomize

ALL = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
CONFIGURABLE = pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in CASES.items() if case.configurable]
)


def layers_of_the_package():
    modules = [module.name for module in pkgutil.walk_packages(qaconv_tf.__path__, "qaconv_tf.")]
    for name in modules:
        for member in vars(importlib.import_module(name)).values():
            if inspect.isclass(member) and issubclass(member, keras.Layer) and member.__module__ == name:
                yield member


def test_every_layer_of_the_package_is_listed():
    listed = {type(case.make()) for case in CASES.values()}
    assert set(layers_of_the_package()) == listed


@CONFIGURABLE
def test_config_makes_the_same_layer(case):
    layer = case.make()
    text = json.dumps(keras.saving.serialize_keras_object(layer))
    loaded = keras.saving.deserialize_keras_object(json.loads(text))
    for copy in (loaded, type(layer).from_config(layer.get_config())):
        assert type(copy) is type(layer)
        assert json.dumps(copy.get_config()) == json.dumps(layer.get_config())
    assert [variable.shape for variable in loaded.variables] == [variable.shape for variable in layer.variables]


@CONFIGURABLE
def test_config_holds_every_argument(case):
    layer = case.make()
    config = layer.get_config()
    for name, parameter in inspect.signature(type(layer).__init__).parameters.items():
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
            assert name in config
            # Else a forgotten argument would come back as its default unseen; a backbone's name and image size vary.
            assert config[name] != parameter.default or name in ("body_name", "ibn", "head")


@ALL
def test_loaded_weights_compute_the_same(case, tmp_path):
    layer, loaded = randomize(case.make()), case.make()
    file = tmp_path / "layer.weights.h5"
    holder(layer).save_weights(file)
    holder(loaded).load_weights(file)
    for variable, other in zip(layer.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(other, variable, err_msg=variable.path)
    for result, other in zip(results(case, layer), results(case, loaded), strict=True):
        np.testing.assert_array_equal(other, result)
    fresh = results(case, case.make())
    assert any(np.abs(one - other).max() > 1e-3 for one, other in zip(fresh, results(case, loaded), strict=True))


def holder(layer):
    model = keras.Model()
    model.layer, model.built = layer, True
    return model


def results(case, layer):
    return [np.asarray(result) for result in tf.nest.flatten(case.call(layer, *case.inputs))]


@ALL
def test_eager_equals_graph(case):
    layer = randomize(case.make())
    graph = tf.nest.flatten(tf.function(lambda *inputs: case.call(layer, *inputs))(*map(tf.constant, case.inputs)))
    for one, other in zip(results(case, layer), graph, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=case.tolerance * np.std(one))


@ALL
def test_mixed_precision_computes_finite_float32(case):
    layer = randomize(case.make(dtype="mixed_bfloat16"))
    assert all(variable.dtype in ("float32", "int32") for variable in layer.variables)
    reference = results(case, randomize(case.make()))
    for result, wanted in zip(results(case, layer), reference, strict=True):
        assert result.dtype == np.float32 and np.isfinite(result).all()
        assert result.shape == wanted.shape
