"""The training loop on generated images, with a tiny network."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from training.config import AugmentConfig, Config, Phase, Sampling
from training.data.pictures import Picture
from training.errors import TrainingError
from training.models.registry import build
from training.predict import predict
from training.state import RunState, SavedState, save_state
from training.train import STATE, Training, set_trainable

SIDE, CLASSES, EACH = 32, 3, 16
CONFIG = Config(
    name="test",
    model="tiny",
    phases=(
        Phase("warm", epochs=2, size=SIDE, learning_rate=1e-2, trainable="head"),
        Phase("all", epochs=3, size=SIDE, learning_rate=1e-2),
    ),
    batch=8,
    steps_per_epoch=4,
    ema=0.9,
    dropout=0.0,
)


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of three colours that are easy to distinguish."""
    rng = np.random.default_rng(0)
    tints = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])
    made = np.repeat(tints, EACH, 0)[:, None, None] + rng.integers(-40, 40, (CLASSES * EACH, SIDE, SIDE, 3))
    path = tmp_path_factory.mktemp("pixels") / "pixels.npy"
    np.save(path, made.astype(np.uint8))
    return path


def training(run: Path, pixels: Path, config: Config = CONFIG) -> Training:
    run.mkdir(exist_ok=True)
    labels = ["blue", "green", "red"]
    pictures = [
        Picture(f"{i}.jpg", labels[i // EACH], f"g{i}", "made", "validation" if i % 4 == 0 else "train")
        for i in range(CLASSES * EACH)
    ]
    validation = np.load(pixels)[::4]
    return Training(config, run, pictures, labels, pixels, validation, SIDE)


def test_learns_and_returns_the_averaged_weights(tmp_path: Path, pixels: Path) -> None:
    keras.utils.set_random_seed(1)
    config = replace(CONFIG, phases=(Phase("all", epochs=6, size=SIDE, learning_rate=2e-2),))
    made = training(tmp_path / "run", pixels, config)
    net = made.fit(made.start(None), None)
    assert made.state.best >= 0.9
    assert [line["epoch"] for line in made.state.history] == [1, 2, 3, 4, 5, 6]
    logits, _ = predict(net, made.validation_pixels, np.arange(len(made.validation_targets)))
    accuracy = float((logits.argmax(1) == made.validation_targets).mean())
    assert accuracy == pytest.approx(made.state.history[-1]["val_accuracy"], abs=1e-6)


def test_averages_of_a_short_phase_cover_only_its_end(tmp_path: Path, pixels: Path) -> None:
    keras.utils.set_random_seed(1)
    config = replace(CONFIG, ema=0.998, phases=(Phase("all", epochs=6, size=SIDE, learning_rate=2e-2),))
    made = training(tmp_path / "run", pixels, config)
    made.fit(made.start(None), None)
    # The averaged weights start at 1.0986: the loss for equal probabilities of three labels.
    assert made.state.history[-1]["val_loss"] < 0.8


def test_an_epoch_passes_a_small_set_several_times(tmp_path: Path, pixels: Path) -> None:
    steps = [
        training(tmp_path / str(least), pixels, replace(CONFIG, steps_per_epoch=0, least_steps=least)).steps
        for least in (0, 5, 7)
    ]
    assert steps == [5, 5, 7]  # 36 pictures in batches of 8
    assert training(tmp_path / "asked", pixels, replace(CONFIG, least_steps=7)).steps == 4


@pytest.mark.parametrize("epochs", [1, 3, 4])  # in the first phase, and in the second
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, pixels: Path, epochs: int) -> None:
    keras.utils.set_random_seed(1)
    whole = training(tmp_path / "whole", pixels)
    start = whole.start(None)
    initial = start.get_weights()
    expected = whole.fit(start, None)

    cut = training(tmp_path / "cut", pixels)
    net = cut.start(None)
    net.set_weights(initial)
    kill_after(cut, epochs)
    with pytest.raises(KeyboardInterrupt):
        cut.fit(net, None)

    resumed = training(tmp_path / "cut", pixels)
    found = resumed.fit(resumed.start(None), SavedState(tmp_path / "cut" / STATE))
    curves = [[(line["phase"], line["epoch"]) for line in run.state.history] for run in (whole, resumed)]
    assert curves[0] == curves[1]
    losses = [[line["loss"] for line in run.state.history] for run in (whole, resumed)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    for one, other in zip(expected.get_weights(), found.get_weights(), strict=True):
        assert np.abs(one - other).max() < 1e-4
    assert resumed.state.wall_s >= sum(line["train_s"] for line in resumed.state.history) - 0.5


def kill_after(run: Training, epochs: int) -> None:
    """Interrupts the run as by a signal after the given number of epochs."""

    class Watched(list[dict[str, object]]):
        def append(self, line: dict[str, object]) -> None:
            if len(self) == epochs:
                raise KeyboardInterrupt
            super().append(line)

    run.state.history = Watched()


def test_stops_at_the_target_accuracy(tmp_path: Path, pixels: Path) -> None:
    keras.utils.set_random_seed(1)
    phases = (
        Phase("all", epochs=30, size=SIDE, learning_rate=2e-2),
        Phase("more", epochs=1, size=SIDE, learning_rate=1e-3),
    )
    made = training(tmp_path / "run", pixels, replace(CONFIG, phases=phases, target_accuracy=0.6))
    made.fit(made.start(None), None)
    accuracies = [line["val_accuracy"] for line in made.state.history]
    assert accuracies[-1] >= 0.6
    assert all(accuracy < 0.6 for accuracy in accuracies[:-1])
    assert {line["phase"] for line in made.state.history} == {"all"}


TO_TARGET = replace(
    CONFIG,
    phases=(
        Phase("all", epochs=30, size=SIDE, learning_rate=2e-2),
        Phase("more", epochs=2, size=SIDE, learning_rate=1e-2),
    ),
    average=("all", "more"),
    target_accuracy=0.6,
)
# The rate is so high that the accuracy soon drops.
EARLY = replace(
    CONFIG,
    phases=(
        Phase("good", epochs=4, size=SIDE, learning_rate=2e-2),
        Phase("bad", epochs=9, size=SIDE, learning_rate=1e3, patience=2),
    ),
    ema=0.0,
)


@pytest.mark.parametrize("config", [TO_TARGET, EARLY], ids=["target accuracy", "patience"])
@pytest.mark.parametrize("killed", [True, False], ids=["killed before the phase ended", "ended"])
def test_a_run_that_stopped_early_trains_no_more_when_resumed(
    tmp_path: Path, pixels: Path, monkeypatch: pytest.MonkeyPatch, config: Config, killed: bool
) -> None:
    keras.utils.set_random_seed(1)
    whole = training(tmp_path / "whole", pixels, config)
    start = whole.start(None)
    initial = start.get_weights()
    expected = whole.fit(start, None).get_weights()

    cut = training(tmp_path / "cut", pixels, config)
    net = cut.start(None)
    net.set_weights(initial)
    if killed:
        last = whole.state.history[-1]["phase"]

        def kill(path: Path, state: RunState, *rest: Any) -> None:
            if state.history[-1]["phase"] == last:
                raise KeyboardInterrupt
            save_state(path, state, *rest)

        monkeypatch.setattr("training.train.save_state", kill)
        with pytest.raises(KeyboardInterrupt):
            cut.fit(net, None)
        monkeypatch.undo()
    else:
        cut.fit(net, None)

    resumed = training(tmp_path / "cut", pixels, config)
    found = resumed.fit(resumed.start(None), SavedState(tmp_path / "cut" / STATE)).get_weights()
    curves = [[(line["phase"], line["epoch"]) for line in run.state.history] for run in (whole, resumed)]
    assert curves[0] == curves[1]
    for one, other in zip(expected, found, strict=True):
        assert np.abs(one - other).max() < 1e-4


def test_a_phase_that_stops_early_keeps_the_best_weights(tmp_path: Path, pixels: Path) -> None:
    keras.utils.set_random_seed(1)
    made = training(tmp_path / "run", pixels, EARLY)
    net = made.fit(made.start(None), None)
    accuracies = [line["val_accuracy"] for line in made.state.history]
    assert len(accuracies) < 13
    assert accuracies[-1] < max(accuracies)
    logits, _ = predict(net, made.validation_pixels, np.arange(len(made.validation_targets)))
    assert float((logits.argmax(1) == made.validation_targets).mean()) == pytest.approx(max(accuracies))


# One phase continues the first one, another starts from it again. They see different batches.
FORKED = replace(
    CONFIG,
    phases=(
        Phase("trunk", epochs=1, size=SIDE, learning_rate=1e-2),
        Phase("one", epochs=1, size=SIDE, learning_rate=1e-2),
        Phase("two", epochs=2, size=SIDE, learning_rate=1e-2, begins_at="trunk"),
    ),
    average=("one", "two"),
)


@pytest.mark.parametrize("epochs", [2, 3])  # Killed after phase one, and within phase two.
def test_phases_can_fork_and_their_checkpoints_are_averaged(
    tmp_path: Path, pixels: Path, epochs: int
) -> None:
    keras.utils.set_random_seed(1)
    made = training(tmp_path / "run", pixels, FORKED)
    net = made.start(None)
    initial = net.get_weights()
    kill_after(made, epochs)
    with pytest.raises(KeyboardInterrupt):
        made.fit(net, None)
    resumed = training(tmp_path / "run", pixels, FORKED)
    averaged = resumed.fit(resumed.start(None), SavedState(tmp_path / "run" / STATE)).get_weights()

    def end(phases: tuple[Phase, ...]) -> Any:
        alone = training(tmp_path / "alone", pixels, replace(FORKED, phases=phases, average=()))
        net = alone.start(None)
        net.set_weights(initial)
        return alone.fit(net, None).get_weights()

    trunk, one, two = FORKED.phases
    # Batches depend on the number of the phase, so an empty phase replaces the other branch.
    nothing = replace(one, epochs=0)
    ends = zip(averaged, end((trunk, one)), end((trunk, nothing, replace(two, begins_at=""))), strict=True)
    for found, first, second in ends:
        assert np.abs(found - (first + second) / 2).max() < 1e-4
    assert max(np.abs(a - b).max() for a, b in zip(averaged, end((trunk, one)), strict=True)) > 1e-3


def test_refuses_a_recipe_that_names_a_missing_or_later_phase(tmp_path: Path, pixels: Path) -> None:
    with pytest.raises(TrainingError, match=r"average: last is not an allowed phase\. Allowed: warm, all"):
        training(tmp_path, pixels, replace(CONFIG, average=("last",)))
    phases = (replace(CONFIG.phases[0], begins_at="all"), CONFIG.phases[1])
    with pytest.raises(TrainingError, match=r"warm, begins_at: all is not an allowed phase\. Allowed: none"):
        training(tmp_path, pixels, replace(CONFIG, phases=phases))


def test_phases_train_the_configured_layers() -> None:
    def trained(model: str, which: str) -> set[str]:
        net = build(model, 3, 128, 0.2)
        set_trainable(net, which, top_layers=4)
        return {weight.path.split("/")[0] for weight in net.trainable_weights}

    assert trained("tiny", "head") == {"logits"}
    assert trained("tiny", "all") == {"conv_stem", "depthwise", "conv_head", "logits"}
    hybrid = trained("mobilenet_v2_hybrid", "top")
    assert {"hybrid_conv", "hybrid_bn", "logits"} < hybrid
    assert "Conv1" not in hybrid
    assert not any("BN" in name or name.startswith("bn") for name in trained("mobilenet_v2_hybrid", "all"))


def test_refuses_a_damaged_state(tmp_path: Path) -> None:
    state = tmp_path / STATE
    save_state(state, RunState(), build("tiny", 3, SIDE, 0.2), None)
    whole = state.read_bytes()
    other = io.BytesIO()
    np.savez(other, weight=np.zeros(3))
    for damaged in (b"", b"cut short", whole[: len(whole) // 2], whole[:-10], other.getvalue()):
        state.write_bytes(damaged)
        with pytest.raises(TrainingError, match=r"last\.npz: the state is damaged .* Delete the file"):
            SavedState(state)


def test_a_phase_can_override_the_augmentation(tmp_path: Path, pixels: Path) -> None:
    still = AugmentConfig(
        mild=0, scale=(1, 1), aspect=(1, 1), rotation=0, exposure=(0, 0), cast=0, blur=0, noise=0, jpeg=0,
        occlusion=0, background=0, mixup=0, cutmix=0,
    )  # fmt: skip
    first, second = Phase("a", 1, SIDE, 1e-3), Phase("b", 1, SIDE, 1e-3, augment=still)
    made = training(tmp_path / "run", pixels, replace(CONFIG, phases=(first, second)))
    as_recipe = training(tmp_path / "run", pixels, replace(CONFIG, augment=still))
    with made._make_feeder(0, second, 1) as own, made._make_feeder(0, first, 1) as usual:
        images = next(own.batches(0))[0]
        assert not np.array_equal(images, next(usual.batches(0))[0])
    with as_recipe._make_feeder(0, first, 1) as expected:
        assert np.array_equal(images, next(expected.batches(0))[0])


def test_a_phase_can_override_the_sampling(tmp_path: Path, pixels: Path) -> None:
    labels = ["blue", "green", "red"]
    splits = ["validation", "train", "train", "train"]
    # Training uses one image of the first label, and twelve of each other label.
    pictures = [
        Picture(
            f"{i}.jpg", labels[i // EACH], f"g{i}", "made", splits[i % 4] if i > EACH or i < 2 else "test"
        )
        for i in range(CLASSES * EACH)
    ]
    config = replace(CONFIG, sampling=Sampling(class_power=0.0))
    made = Training(config, tmp_path, pictures, labels, pixels, np.load(pixels)[::4], SIDE)

    def of_first_label(phase: Phase) -> int:
        with made._make_feeder(0, phase, 1) as feeder:
            drawn = feeder._job.order(0)
        return int(np.count_nonzero(made.targets[drawn] == 0))

    even = of_first_label(Phase("even", 1, SIDE, 1e-3))
    as_they_are = of_first_label(Phase("own", 1, SIDE, 1e-3, sampling=Sampling(class_power=1.0)))
    assert even == pytest.approx(made.steps * config.batch / 3, abs=1)
    assert as_they_are == pytest.approx(made.steps * config.batch / 25, abs=1)
