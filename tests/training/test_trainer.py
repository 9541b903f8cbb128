import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf import losses
from qaconv_tf.model import load_model
from qaconv_tf.training import LOSSES, CoupledSGD, Trainer
from tests.matching.matchers import needs_native_engine
from tests.training.tiny import batch, tiny_model

NEED_CLASSES = ("class_memory", "pooled_softmax")


def make_trainer(loss="triplet", rate=0.01, **options):
    model = tiny_model(seed=3)
    trainer = Trainer(model, loss=loss, num_classes=6 if loss in NEED_CLASSES else 0, seed=4, **options)
    slow = model.backbone.body.trainable_variables
    trainer.compile(CoupledSGD(rate, slow_variables=slow, slow_factor=0.1))
    return trainer


def values(variables):
    return [variable.numpy() for variable in variables]


def run(trainer, steps=3):
    return [trainer.train_on_batch(*batch(seed), return_dict=True) for seed in range(steps)]


ENGINES = ["xla", pytest.param("native", marks=needs_native_engine)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", LOSSES)
def test_two_runs_give_identical_losses_and_weights(loss, engine):
    first, second = make_trainer(loss, engine=engine), make_trainer(loss, engine=engine)
    logs = run(first), run(second)
    assert logs[0] == logs[1]
    for one, other in zip(values(first.variables), values(second.variables), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_repeated_batch_is_learned(loss):
    trainer = make_trainer(loss, rate=0.5 if loss == "pooled_triplet" else 0.02)  # cosines move little
    images, labels = batch(0)
    history = [trainer.train_on_batch(images, labels, return_dict=True)["loss"] for _ in range(25)]
    # The first class-memory step sees an empty memory, so its loss is zero.
    assert history[-1] < 0.9 * history[1]


@pytest.mark.parametrize("loss", ["triplet", "pairwise"])
def test_a_step_reports_the_loss_of_its_batch_and_follows_its_gradient(loss):
    trainer = make_trainer(loss, clip_norm=0.0)
    images, labels = batch(1)
    variables = trainer.model.trainable_variables
    before = values(variables)
    with tf.GradientTape() as tape:
        maps = trainer.model.extract(images)
        scores = trainer.model.matcher(maps, maps, training=True)
        if loss == "triplet":
            expected = losses.hard_triplet_loss(scores, labels, 16.0)
        else:
            expected = losses.pairwise_matching_loss(scores, labels)
    gradients = tape.gradient(expected, variables)
    logs = trainer.train_on_batch(images, labels, return_dict=True)
    assert logs["loss"] == pytest.approx(float(expected), rel=1e-5)
    assert logs["gradient_norm"] == pytest.approx(float(tf.linalg.global_norm(gradients)), rel=1e-4)
    slow = {id(variable) for variable in trainer.model.backbone.body.trainable_variables}
    for variable, old, gradient in zip(variables, before, gradients, strict=True):
        rate = 0.01 * (0.1 if id(variable) in slow else 1.0)
        decayed = gradient.numpy() + 5e-4 * old
        # First step from rest: the momentum is the gradient, Nesterov adds it once more.
        np.testing.assert_allclose(variable.numpy(), old - rate * 1.9 * decayed, rtol=1e-4, atol=1e-7)


def test_gradients_are_clipped_to_the_norm_and_the_unclipped_norm_is_reported():
    free, clipped = make_trainer(clip_norm=0.0), make_trainer(clip_norm=0.01)
    norms = [run(trainer, 1)[0]["gradient_norm"] for trainer in (free, clipped)]
    assert norms[0] == pytest.approx(norms[1]) and norms[0] > 0.01
    momentums = [np.concatenate([m.numpy().ravel() for m in t.optimizer.momentums]) for t in (free, clipped)]
    assert np.linalg.norm(momentums[1]) < np.linalg.norm(momentums[0])
    # Backbone and matcher are each clipped to 0.01; some weight decay comes on top.
    assert np.linalg.norm(momentums[1]) == pytest.approx(0.01 * 2**0.5, rel=0.2)


def test_backbone_and_matcher_are_clipped_each_by_its_own_norm():
    model = tiny_model(seed=3, head="split", trainable_scales=True)
    trainer = Trainer(model, clip_norm=0.01)
    trainer.compile(CoupledSGD(0.01, coupled_decay=0.0))
    trainer.train_on_batch(*batch(0))
    momentums = [momentum.numpy().ravel() for momentum in trainer.optimizer.momentums]
    count = len(model.backbone.trainable_variables)
    for part in (momentums[:count], momentums[count:]):
        assert np.linalg.norm(np.concatenate(part)) == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("floor", [0.0, 1.0])
def test_a_floor_keeps_a_margin_loss_from_shrinking_the_scale(floor, tmp_path):
    path = tmp_path / "model.keras"
    tiny_model("uniform", scale_floor=floor).save(path)
    model = load_model(path)
    trainer = Trainer(model, loss="triplet")
    trainer.compile(CoupledSGD(0.05, slow_variables=model.backbone.trainable_variables, slow_factor=0.0))
    scales = []
    for seed in range(20):  # images of noise, so that the hardest wrong answer always scores higher
        assert trainer.train_on_batch(*batch(seed), return_dict=True)["loss"] >= 16.0
        scales.append(float(model.matcher.score_normalization.scale))
    assert min(scales) == 1.0 if floor else abs(scales[-1]) < 0.5


@pytest.mark.parametrize("freeze", [True, False])
def test_frozen_batch_norm_keeps_its_statistics_and_trains_its_scale(freeze):
    trainer = make_trainer(freeze_batch_norm=freeze)
    norm = trainer.model.backbone.body.get_layer("norm")
    statistics, scale = values([norm.moving_mean, norm.moving_variance]), norm.gamma.numpy()
    run(trainer, 2)
    unchanged = all(map(np.array_equal, statistics, values([norm.moving_mean, norm.moving_variance])))
    assert unchanged == freeze
    assert not np.array_equal(scale, norm.gamma.numpy())


def test_frozen_statistics_are_those_of_the_matcher_too_and_are_used():
    trainer = make_trainer(freeze_batch_norm=False)
    run(trainer, 2)
    trainer.freeze_statistics()
    moving = [variable for variable in trainer.model.non_trainable_variables if "moving" in variable.name]
    before, images_and_labels = values(moving), batch(5)
    maps = trainer.model.extract(images_and_labels[0])
    expected = float(losses.hard_triplet_loss(trainer.model.match(maps, maps), images_and_labels[1], 16.0))
    assert trainer.train_on_batch(*images_and_labels, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)
    assert len(moving) == 6
    np.testing.assert_equal(values(moving), before)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_that_is_not_finite_changes_nothing_but_the_count_of_steps(loss):
    trainer = make_trainer(loss, skip_nonfinite=True, freeze_batch_norm=False)
    run(trainer, 2)
    state = [v for v in trainer.variables + trainer.optimizer.variables if v is not trainer.optimizer.iterations]
    before = values(state)
    images, labels = batch(2)
    bad = np.where(np.arange(len(images))[:, None, None, None] == 3, np.nan, images).astype(np.float32)
    logs = trainer.train_on_batch(bad, labels, return_dict=True)
    assert not np.isfinite([logs["loss"], logs["gradient_norm"]]).all()
    np.testing.assert_equal(values(state), before)
    assert int(trainer.optimizer.iterations) == 3
    logs = trainer.train_on_batch(images, labels, return_dict=True)
    assert np.isfinite([logs["loss"], logs["gradient_norm"]]).all()
    assert not any(map(np.array_equal, values(trainer.model.backbone.trainable_variables), before))


def test_skipping_changes_no_finite_step():
    skipping, plain = make_trainer(skip_nonfinite=True), make_trainer()
    assert run(skipping) == run(plain)


def test_accuracy_counts_classes_that_the_loss_leaves_out():
    trainer = make_trainer("class_memory", rate=0.0, freeze_batch_norm=False)
    norm = trainer.model.matcher.score_normalization
    norm.scale.assign(-1.0)  # now the maps of zeros, the least alike, have the highest scores
    images, labels = batch(2, identities=1, instances=4)  # so of the classes with a sample any answer is right
    trainer.train_on_batch(images, labels)
    assert trainer.train_on_batch(images, labels, return_dict=True)["accuracy"] == 0.0


def test_frozen_stride_keeps_the_first_layers():
    trainer = make_trainer(frozen_stride=2)
    body, neck = trainer.model.backbone.body.variables, trainer.model.backbone.neck.variables
    before = values(body), values(neck)
    run(trainer, 2)
    assert all(map(np.array_equal, before[0], values(body)))
    assert not any(map(np.array_equal, before[1], values(neck)))


def test_the_memory_is_scored_before_it_is_written():
    trainer = make_trainer("class_memory", rate=0.0)
    images, labels = batch(2)
    first = trainer.train_on_batch(images, labels, return_dict=True)
    assert first["loss"] == 0.0  # no class had been seen
    assert first["memory_fill"] == pytest.approx(4 / 6)
    maps = trainer.model.extract(images)
    last = {label: index for index, label in enumerate(labels)}
    for label, index in last.items():
        np.testing.assert_allclose(trainer.memory.memory[label], maps[index], atol=1e-6)
    second = trainer.train_on_batch(images[:2], labels[:2], return_dict=True)
    assert second["loss"] > 0.0
    assert second["memory_age"] == pytest.approx(3 / 4)  # three classes are one update old, one was written now


def test_a_step_matches_the_nearest_classes_alone():
    trainer = make_trainer("class_memory", rate=0.0, nearest_classes=4)
    memory = trainer.memory
    images, labels = batch(0, identities=6)
    memory.update(trainer.model.extract(images), labels)
    images, labels = batch(1, identities=2)
    maps = trainer.model.extract(images)
    classes = memory.nearest_classes(maps, labels).numpy()
    own = [list(classes).index(label) for label in labels]
    scores = trainer.model.matcher(maps, memory.memory.numpy()[classes], training=True)
    expected = losses.class_memory_loss(scores, own, np.full(4, True))
    logs = trainer.train_on_batch(images, labels, return_dict=True)
    assert logs["loss"] == pytest.approx(float(expected), rel=1e-5)
    assert logs["accuracy"] == pytest.approx(np.mean(np.argmax(scores, axis=1) == own))


@pytest.mark.parametrize("loss", ["pooled_softmax", "pooled_triplet"])
def test_the_baselines_are_of_pooled_vectors_and_leave_the_matcher_alone(loss):
    trainer = make_trainer(loss)
    images, labels = batch(1)
    vectors = trainer.model.extract(images).numpy().mean(axis=(1, 2))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    if loss == "pooled_triplet":
        cosines = vectors @ vectors.T
        same = labels[:, None] == labels
        hardest = [
            (min(row[own & (np.arange(8) != place)]), max(row[~own]))
            for place, (row, own) in enumerate(zip(cosines, same, strict=True))
        ]
        expected = np.mean([max(0, 0.3 - lowest + highest) for lowest, highest in hardest])
        accuracy = np.mean([lowest > highest for lowest, highest in hardest])
    else:
        centers = trainer.classifier.centers.numpy()
        logits = 16 * vectors @ (centers / np.linalg.norm(centers, axis=1, keepdims=True)).T
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        expected = np.mean(-np.log((odds / odds.sum(axis=1, keepdims=True))[np.arange(8), labels]))
        accuracy = np.mean(logits.argmax(axis=1) == labels)
    matcher = values(trainer.model.matcher.variables)
    logs = trainer.train_on_batch(images, labels, return_dict=True)
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    assert logs["accuracy"] == pytest.approx(accuracy)
    np.testing.assert_equal(values(trainer.model.matcher.variables), matcher)


@needs_native_engine
@pytest.mark.parametrize("loss", LOSSES)
def test_engines_train_alike(loss):
    native, xla = make_trainer(loss, engine="native"), make_trainer(loss)
    for one, other in zip(run(native), run(xla), strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    for one, other in zip(values(native.variables), values(xla.variables), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_only_the_trainer_has_the_memory():
    trainer = make_trainer("class_memory")
    assert any(variable is trainer.memory.memory for variable in trainer.variables)
    assert not any(variable is trainer.memory.memory for variable in trainer.model.variables)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="loss='softmax'"):
        Trainer(tiny_model(), loss="softmax")
    with pytest.raises(ValueError, match="num_classes=0"):
        Trainer(tiny_model(), loss="class_memory")
    with pytest.raises(ValueError, match="pooled_softmax. Received: num_classes=0"):
        Trainer(tiny_model(), loss="pooled_softmax")
    with pytest.raises(ValueError, match="a step that XLA compiles. Received: engine='native'"):
        Trainer(tiny_model(), engine="native").compile(CoupledSGD(0.1), jit_compile=True)
