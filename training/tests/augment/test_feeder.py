"""The feeder makes reproducible batches, and leaves no process or memory when it is closed."""

import os
import signal
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing import active_children
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest

from training.augment.feeder import Feeder
from training.config import AugmentConfig
from training.errors import TrainingError

COUNT, CLASSES, BATCH, SIZE, STEPS = 30, 5, 4, 24, 3
PLAIN = AugmentConfig(mixup=0.0, cutmix=0.0)


def order(count: int, epoch: int) -> np.ndarray:
    return np.random.default_rng(epoch).permutation(count)


def failing(epoch: int) -> np.ndarray:
    raise ValueError(f"no order for epoch {epoch}")


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    path = tmp_path / "pixels.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (COUNT, 40, 40, 3), np.uint8))
    return path


def feeder(path: Path, **changes: object) -> Feeder:
    given = {
        "labels": np.arange(COUNT) % CLASSES,
        "order": partial(order, COUNT),
        "classes": CLASSES,
        "batch": BATCH,
        "size": SIZE,
        "steps_per_epoch": STEPS,
        "config": AugmentConfig(mixup=0.4),
        "seed": 1,
        "smoothing": 0.1,
    }
    return Feeder(path, **(given | changes))  # type: ignore[arg-type]


def same(one: tuple[np.ndarray, np.ndarray], two: tuple[np.ndarray, np.ndarray]) -> bool:
    return all((a == b).all() for a, b in zip(one, two, strict=True))


def test_batches_depend_on_seed_epoch_and_step_alone(pixels: Path) -> None:
    with feeder(pixels) as alone:
        made = list(islice(alone.batches(0), 3 * STEPS))
        resumed = list(islice(alone.batches(1), 4))
        again = next(alone.batches(0))
    with feeder(pixels, workers=2) as pair:
        both = list(islice(pair.batches(0), 3 * STEPS))
        other_seed = next(islice(pair.batches(2), 1))
    for images, targets in made:
        assert images.shape == (BATCH, SIZE, SIZE, 3)
        assert images.dtype == np.uint8
        assert targets.shape == (BATCH, CLASSES)
        assert targets.dtype == np.float32
    assert all(same(a, b) for a, b in zip(made, both, strict=True))
    assert all(same(a, b) for a, b in zip(made[STEPS:], resumed, strict=False))
    assert same(made[0], again)
    assert same(made[2 * STEPS], other_seed)
    assert len({images.tobytes() for images, _ in made}) == 3 * STEPS


def test_targets_follow_the_order_and_another_seed_changes_the_images(pixels: Path) -> None:
    with feeder(pixels, config=PLAIN) as one, feeder(pixels, config=PLAIN, seed=2) as two:
        first, second = (list(islice(f.batches(0), STEPS)) for f in (one, two))
    for step, (_, targets) in enumerate(first):
        chosen = order(COUNT, 0)[step * BATCH : (step + 1) * BATCH]
        assert (targets.argmax(axis=1) == chosen % CLASSES).all()
        np.testing.assert_allclose(targets.max(axis=1), 0.9 + 0.1 / CLASSES, rtol=1e-6)
        np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    assert (first[0][0] != second[0][0]).any()


def test_surroundings_use_only_images_of_the_order(tmp_path: Path) -> None:
    pixels = np.full((COUNT, 40, 40, 3), 20, np.uint8)
    pixels[12:] = 250
    np.save(tmp_path / "pixels.npy", pixels)
    around = AugmentConfig(
        mild=0, scale=(0.4, 0.5), exposure=(0, 0), cast=0, blur=0, noise=0, jpeg=0, occlusion=0, background=1
    )
    around = replace(around, mixup=0, cutmix=0)
    with feeder(tmp_path / "pixels.npy", order=partial(order, 12), config=around) as fed:
        brightest = [images.max() for images, _ in islice(fed.batches(0), 10 * STEPS)]
    assert max(brightest) < 150, "an image that is not in the order is visible"


def test_later_batches_do_not_change_an_earlier_one(pixels: Path) -> None:
    with feeder(pixels) as fed:
        batches = fed.batches(0)
        images, _ = next(batches)
        before = images.copy()
        list(islice(batches, 12))
    assert (images == before).all()


def test_reports_the_exit_code_of_a_killed_worker(pixels: Path) -> None:
    with feeder(pixels, workers=2) as fed:
        batches = fed.batches(0)
        next(batches)
        pid = fed._processes[1].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(TrainingError, match="exited with code -9"):
            list(islice(batches, 100))
        assert len(fed._processes) == 2
    assert active_children() == []


def test_reports_an_error_in_a_worker(pixels: Path) -> None:
    with (
        feeder(pixels, order=failing) as fed,
        pytest.raises(TrainingError, match=r"code 1 \(.*no order for epoch 4"),
    ):
        next(fed.batches(4))
    with (
        feeder(pixels, steps_per_epoch=9) as fed,
        pytest.raises(TrainingError, match=r"30 images.*need 36"),
    ):
        next(fed.batches(0))


def test_closing_leaves_no_process_and_no_memory(pixels: Path) -> None:
    with feeder(pixels, workers=2) as fed:
        batches = fed.batches(0)
        next(batches)
        pids, memory = [process.pid for process in fed._processes], fed._memory
        assert memory is not None
        assert len(pids) == 2
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(FileNotFoundError):
        SharedMemory(memory.name)
    assert list(batches) == []
    with pytest.raises(TrainingError, match="not open"):
        next(fed.batches(0))
    fed.close()


def test_a_new_generator_ends_the_previous_one(pixels: Path) -> None:
    with feeder(pixels) as fed:
        old = fed.batches(0)
        next(old)
        new = fed.batches(0)
        next(new)
        assert list(old) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.zeros(3, int)}, "30 images, but 3 labels"),
        ({"labels": np.full(COUNT, 5)}, "must be integers from 0 to 4"),
        ({"workers": 0}, "--workers 0: too few"),
    ],
)
def test_refuses_labels_and_settings_that_do_not_match(
    pixels: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        feeder(pixels, **changes)


def test_refuses_missing_and_wrong_pixel_files(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a file of pixels"):
        feeder(tmp_path / "none.npy")
    np.save(tmp_path / "floats.npy", np.zeros((COUNT, 8, 8, 3), np.float32))
    with pytest.raises(TrainingError, match="float32"):
        feeder(tmp_path / "floats.npy")
