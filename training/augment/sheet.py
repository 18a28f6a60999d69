"""A contact sheet of images and their augmented variants."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from training.augment.transform import augment
from training.config import AugmentConfig
from training.errors import TrainingError

Array = np.ndarray

SIDE = 160
GAP = 4
HEAD = 18
PAPER = 245


def write_sheet(
    path: Path,
    pixels: Array,
    labels: Array,
    names: Sequence[str],
    config: AugmentConfig,
    *,
    rows: int,
    cols: int,
    seed: int,
) -> None:
    """Writes a PNG. Each row has a label, an unchanged image and `cols - 1` augmented variants of it.

    Args:
        path: file of the sheet. Its folder must exist.
        pixels: uint8 RGB (N, H, W, 3).
        labels: (N,), indices into `names`.
        names: names of the labels.
        config: the augmentation. Mixup and cutmix are not applied.
        rows: number of images. Each label is shown once before any is repeated.
        cols: number of cells per row.
        seed: determines the images and the changes.

    Raises:
        TrainingError: there is no image, no row or no column, or the sheet cannot be written.
    """
    if rows < 1 or cols < 1 or len(pixels) == 0:
        raise TrainingError(
            f"sheet: {rows} rows, {cols} columns and {len(pixels)} images. Each number must be at least 1."
        )
    rng = np.random.default_rng(seed)
    height, width = HEAD + SIDE + GAP, SIDE + GAP
    sheet = np.full((rows * height + GAP, cols * width + GAP, 3), PAPER, np.uint8)
    for row, index in enumerate(choose_images(labels, rows, rng)):
        top = row * height + HEAD
        first = cv2.resize(pixels[index], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        others = rng.integers(0, len(pixels), cols - 1)
        cells = [first, *(augment(pixels[index], SIDE, config, rng, pixels[other]) for other in others)]
        for col, cell in enumerate(cells):
            left = GAP + col * width
            sheet[top : top + SIDE, left : left + SIDE] = cell
        text = f"{names[labels[index]]} ({index})"
        cv2.putText(sheet, text, (GAP, top - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)
    _, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise TrainingError(f"{path}: cannot write the sheet ({error}). Use a folder that exists.") from error


def choose_images(labels: Array, count: int, rng: np.random.Generator) -> Array:
    """Returns indices of `count` images. Each label comes once before any is repeated. Images may repeat."""
    shuffled = rng.permutation(len(labels))
    rounds = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        of_label = shuffled[labels[shuffled] == label]
        rounds[of_label] = np.arange(len(of_label))
    ordered = shuffled[np.argsort(rounds[shuffled], kind="stable")]
    return ordered[np.arange(count) % len(ordered)]
