"""The contact sheet of augmented images."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.augment.sheet import GAP, HEAD, SIDE, choose_images, write_sheet
from training.config import AugmentConfig
from training.errors import TrainingError

LABELS = np.array([0, 0, 0, 0, 1, 2])
NAMES = ["paper", "metal", "glass"]


def pixels() -> np.ndarray:
    picture = np.zeros((6, 40, 40, 3), np.uint8)
    picture[..., 0] = 250
    return picture


def test_a_row_starts_with_the_unchanged_image(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_sheet(tmp_path / name, pixels(), LABELS, NAMES, AugmentConfig(), rows=2, cols=3, seed=1)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    sheet = cv2.imread(str(tmp_path / "a.png"))
    assert sheet is not None
    assert sheet.shape == (2 * (HEAD + SIDE + GAP) + GAP, 3 * (SIDE + GAP) + GAP, 3)
    assert tuple(sheet[HEAD + SIDE // 2, GAP + SIDE // 2]) == (0, 0, 250)


def test_each_label_comes_once_before_any_is_repeated() -> None:
    for seed in range(10):
        chosen = choose_images(LABELS, 14, np.random.default_rng(seed))
        assert sorted(LABELS[chosen[:3]]) == [0, 1, 2]
        assert sorted(chosen[:6]) == list(range(6))
        assert len(chosen) == 14


def test_refuses_an_empty_sheet_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="0 rows"):
        write_sheet(tmp_path / "a.png", pixels(), LABELS, NAMES, AugmentConfig(), rows=0, cols=3, seed=1)
    with pytest.raises(TrainingError, match="cannot write"):
        write_sheet(
            tmp_path / "no" / "a.png", pixels(), LABELS, NAMES, AugmentConfig(), rows=1, cols=1, seed=1
        )
