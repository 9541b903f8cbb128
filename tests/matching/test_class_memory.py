import keras
import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.matching import ClassMemory
from tests.matching.matchers import SHAPE, feature_maps, needs_native_engine, random_matcher
from tests.oracles.class_memory import DictMemory

NUM_CLASSES = 7
# Six samples of ever fewer classes, so some come several times in a batch; classes 3 and 6 never.
BATCHES = [
    (feature_maps(seed, 6), np.random.default_rng([60, seed]).choice([0, 1, 2, 4, 5][: 5 - seed], size=6))
    for seed in range(4)
]


def updated_memory(batches=BATCHES, **options):
    memory = ClassMemory(NUM_CLASSES, SHAPE, **options)
    for maps, labels in batches:
        memory.update(maps, labels)
    return memory


@pytest.mark.parametrize("wrapped", ["eager", "graph", "compiled"])
def test_equals_a_dict_of_last_samples(wrapped):
    memory, oracle = ClassMemory(NUM_CLASSES, SHAPE), DictMemory(NUM_CLASSES, SHAPE)
    update = memory.update if wrapped == "eager" else tf.function(memory.update, jit_compile=wrapped == "compiled")
    assert not memory.filled.numpy().any()
    for maps, labels in BATCHES:
        assert len(set(labels)) < len(labels)
        update(tf.constant(maps), tf.constant(labels))
        oracle.update(maps, labels)
        np.testing.assert_array_equal(memory.memory, oracle.maps())
        assert memory.filled.numpy().tolist() == oracle.filled()
        ages = memory.ages.numpy()
        assert {label: ages[label] for label in oracle.written} == oracle.ages()
    assert oracle.filled() == [True, True, True, False, True, True, False] and max(oracle.ages().values()) > 0


def test_one_class_many_times_keeps_the_last():
    memory, maps = ClassMemory(2, SHAPE), feature_maps(9, 300)
    memory.update(maps, np.zeros(300, int))
    np.testing.assert_array_equal(memory.memory[0], maps[-1])
    memory.update(maps[::-1], np.zeros(300, int))
    np.testing.assert_array_equal(memory.memory[0], maps[0])


def test_scores_are_of_the_memory_before_the_batch_is_written():
    memory, matcher = updated_memory(), random_matcher("split")
    maps, labels = feature_maps(20, 4), [3, 3, 6, 0]
    before = memory.memory.numpy()
    scores = memory.scores(matcher, maps)
    np.testing.assert_array_equal(memory.memory, before)
    np.testing.assert_allclose(scores, matcher(maps, before), rtol=1e-6)
    memory.update(maps, labels)
    assert np.abs(memory.scores(matcher, maps) - scores)[:, [0, 3, 6]].min() > 1e-3
    np.testing.assert_allclose(memory.scores(matcher, maps).numpy()[:, [1, 2, 4, 5]], scores.numpy()[:, [1, 2, 4, 5]])


def test_unseen_classes_enter_the_statistics_as_maps_of_zeros():
    maps, halves = feature_maps(21, 4), []
    for unseen in ("mask", "zeros"):
        memory, matcher = updated_memory(BATCHES[:1], unseen=unseen), random_matcher("shared")
        scores = memory.scores(matcher, maps, training=True)
        reference = random_matcher("shared")
        np.testing.assert_allclose(scores, reference(maps, memory.memory.numpy(), training=True), rtol=1e-5)
        assert float(matcher.score_normalization.moving_mean) == float(reference.score_normalization.moving_mean)
        halves.append(memory.counted.numpy())
    assert halves[0].tolist() == memory.filled.numpy().tolist() and not halves[0].all()
    assert halves[1].tolist() == [True] * NUM_CLASSES


def test_gradients_reach_the_maps_but_not_the_memory():
    memory, matcher = updated_memory(), random_matcher("shared")
    maps = tf.constant(feature_maps(22, 3))
    with tf.GradientTape() as tape:
        tape.watch([maps, memory.memory.value])
        loss = tf.reduce_sum(tf.square(memory.scores(matcher, maps)))
        memory.update(maps, [0, 1, 2])
        loss += tf.reduce_sum(memory.memory.value)
    by_maps, by_memory = tape.gradient(loss, [maps, memory.memory.value])
    with tf.GradientTape() as tape:
        tape.watch(maps)
        loss = tf.reduce_sum(tf.square(matcher(maps, updated_memory().memory.value)))
    np.testing.assert_allclose(by_maps, tape.gradient(loss, maps), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(by_memory, np.ones((NUM_CLASSES, *SHAPE)))  # of the last line alone
    assert memory.trainable_variables == []


def test_checkpoint_keeps_memory_fill_and_ages(tmp_path):
    memory, other = updated_memory(), ClassMemory(NUM_CLASSES, SHAPE)
    path = tf.train.Checkpoint(memory=memory).write(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(memory=other).read(path).assert_consumed()
    assert_same_memory(other, memory)


def test_weights_file_keeps_memory_fill_and_ages(tmp_path):
    memory, other = updated_memory(), ClassMemory(NUM_CLASSES, SHAPE)
    holder(memory).save_weights(tmp_path / "one.weights.h5")
    holder(other).load_weights(tmp_path / "one.weights.h5")
    assert_same_memory(other, memory)


def holder(layer):
    model = keras.Model()
    model.layer, model.built = layer, True
    return model


def assert_same_memory(other, memory):
    for name in ("memory", "filled", "ages", "counted"):
        np.testing.assert_array_equal(getattr(other, name), getattr(memory, name), err_msg=name)
    # And it goes on as the first would have.
    for one in (other, memory):
        one.update(*BATCHES[0])
    np.testing.assert_array_equal(other.ages, memory.ages)


def test_mixed_precision_keeps_float32():
    memory = ClassMemory(NUM_CLASSES, SHAPE, dtype="mixed_bfloat16")
    maps, labels = BATCHES[0]
    memory.update(maps, labels)
    assert memory.memory.dtype == "float32"
    np.testing.assert_array_equal(memory.memory, updated_memory(BATCHES[:1]).memory)
    memory.update(tf.cast(maps, tf.bfloat16), labels)
    np.testing.assert_array_equal(memory.memory[labels[-1]], tf.cast(tf.cast(maps[-1], tf.bfloat16), tf.float32))


def test_errors_say_what_was_received():
    memory = ClassMemory(NUM_CLASSES, SHAPE)
    with pytest.raises(ValueError, match=r"one of \('mask', 'zeros'\). Received: unseen='skip'"):
        ClassMemory(NUM_CLASSES, SHAPE, unseen="skip")
    with pytest.raises(ValueError, match=r"\(batch, 3, 2, 6\). Received: maps.shape=\(2, 3, 2, 5\)"):
        memory.update(np.zeros((2, 3, 2, 5), np.float32), [0, 1])
    with pytest.raises(ValueError, match=r"one label for each map. Received: maps.shape=\(2, 3, 2, 6\), labels.shape="):
        memory.update(feature_maps(0, 2), [0, 1, 2])
    with pytest.raises(ValueError, match=r"one label for each map. Received: maps.shape=\(2, 3, 2, 6\), labels.shape="):
        memory.update(feature_maps(0, 2), [[0], [1]])
    for labels in ([0, NUM_CLASSES], [-1, 0]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="does not index into shape"):
            memory.update(feature_maps(0, 2), labels)
    assert not memory.filled.numpy().any()


def test_a_chunk_normalises_by_its_own_statistics_in_training_only():
    whole, chunked = updated_memory(), updated_memory(chunk=3)
    maps = feature_maps(21, 4)
    evaluated = [memory.scores(random_matcher("split"), maps) for memory in (whole, chunked)]
    np.testing.assert_array_equal(*evaluated)
    matcher, alone = random_matcher("split"), random_matcher("split")
    scores = chunked.scores(matcher, maps, training=True).numpy()
    for classes in (slice(0, 3), slice(3, 6), slice(6, 7)):
        expected = alone(maps, chunked.memory.numpy()[classes], training=True, gallery_gradient=False)
        np.testing.assert_allclose(scores[:, classes], expected, rtol=0, atol=1e-5 * np.std(expected))
    for one, other in zip(matcher.variables, alone.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, err_msg=one.path)
    assert np.abs(scores - whole.scores(random_matcher("split"), maps, training=True)).max() > 1e-3


def test_nearest_classes_are_those_of_a_loop():
    maps, labels = feature_maps(30, 6), np.array([4, 1, 4, 0, 5, 2])  # classes 3 and 6 have no sample
    memory = ClassMemory(NUM_CLASSES, SHAPE, nearest=4)
    memory.update(maps, labels)
    query, own = feature_maps(31, 2), np.array([1, 3])

    def pooled(one):
        mean = one.mean(axis=(0, 1), dtype=np.float64)
        return mean / np.linalg.norm(mean)

    stored = dict(zip(labels, maps, strict=True))  # the last sample of a class
    likeness = {label: max(pooled(one) @ pooled(stored[label]) for one in query) for label in stored}
    others = sorted(set(likeness) - set(own), key=likeness.get)[-2:]
    assert memory.nearest_classes(query, own).numpy().tolist() == sorted([*own, *others])
    # With more places than classes with a sample, the others follow.
    wide = ClassMemory(NUM_CLASSES, SHAPE, nearest=6)
    wide.update(maps, labels)
    assert set(labels) <= set(wide.nearest_classes(query, labels[:2]).numpy())


@pytest.mark.parametrize("unseen", ["mask", "zeros"])
def test_compare_scores_the_nearest_classes_alone(unseen):
    memory, matcher, alone = updated_memory(nearest=5, unseen=unseen), random_matcher("split"), random_matcher("split")
    maps, labels = tf.constant(feature_maps(32, 4)), [3, 3, 5, 0]
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores, own, counted = memory.compare(matcher, maps, labels, training=True)
    classes = memory.nearest_classes(maps, labels).numpy()
    assert len(classes) == 5 and classes[own.numpy()].tolist() == labels
    assert counted.numpy().tolist() == memory.counted.numpy()[classes].tolist()
    wanted = alone(maps, memory.memory.numpy()[classes], training=True)
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-5 * np.std(wanted))
    assert tape.gradient(scores, maps) is not None


@needs_native_engine
@pytest.mark.parametrize(("chunk", "nearest"), [(0, 0), (3, 0), (2, 5)])
def test_native_steps_equal_those_of_xla(chunk, nearest):
    maps, labels = feature_maps(35, 4), [3, 3, 5, 0]
    found = []
    for engine in ("xla", "native"):
        memory, matcher = updated_memory(chunk=chunk, nearest=nearest), random_matcher("split")

        @tf.function
        def step(maps, memory=memory, matcher=matcher, engine=engine):
            with tf.GradientTape() as tape:
                tape.watch(maps)
                scores, _, _ = memory.compare(matcher, maps, labels, True, engine)
                loss = tf.reduce_sum(tf.square(scores))
            memory.update(maps, labels)
            return [scores, *tape.gradient(loss, [maps, *matcher.trainable_variables])]

        found.append([*step(tf.constant(maps)), *step(tf.constant(maps[::-1])), memory.memory.numpy()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * max(1.0, np.abs(other).max()))


@pytest.mark.parametrize("nearest", [0, NUM_CLASSES, 99])
def test_compare_scores_all_classes_where_none_is_left_out(nearest):
    memory, maps, labels = updated_memory(nearest=nearest), feature_maps(33, 3), [2, 0, 5]
    scores, own, counted = memory.compare(random_matcher("shared"), maps, labels)
    np.testing.assert_array_equal(scores, memory.scores(random_matcher("shared"), maps))
    assert own == labels and counted.numpy().tolist() == memory.filled.numpy().tolist()


def test_a_batch_larger_than_the_nearest_classes():
    with pytest.raises(ValueError, match="at most nearest=2 maps. Received: 3"):
        updated_memory(nearest=2).nearest_classes(feature_maps(34, 3), [0, 1, 2])
