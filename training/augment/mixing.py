"""Mixup and cutmix: images of a batch are blended, or receive a box of another image."""

import math

import cv2
import numpy as np

from training.config import AugmentConfig

Array = np.ndarray

BETA = 0.4
RATIO = 2.0


def mix_batch(
    images: Array, targets: Array, config: AugmentConfig, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Applies mixup and cutmix to shares of a batch. The other image has at most half of each result.

    Args:
        images: uint8 (B, S, S, 3). They are not changed.
        targets: float32 (B, C), each row with the sum 1. They are not changed.
        config: `mixup` and `cutmix` are the shares.
        rng: source of randomness.

    Returns:
        New images uint8 (B, S, S, 3) and targets float32 (B, C), mixed in the same proportions.
    """
    mixed, mixed_targets = images.copy(), targets.copy()
    count = len(images)
    if count < 2:
        return mixed, mixed_targets
    others = (np.arange(count) + rng.integers(1, count)) % count
    kinds = rng.random(count)
    for index in np.flatnonzero(kinds < config.mixup + config.cutmix):
        other = others[index]
        share = rng.beta(BETA, BETA)
        share = min(share, 1 - share)
        if kinds[index] < config.mixup:
            mixed[index] = cv2.addWeighted(images[index], 1 - share, images[other], share, 0)
        else:
            rows, columns = draw_box(images.shape[1], images.shape[2], share, rng)
            mixed[index, rows, columns] = images[other, rows, columns]
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            share = area / (images.shape[1] * images.shape[2])
        mixed_targets[index] = (1 - share) * targets[index] + share * targets[other]
    return mixed, mixed_targets


def draw_box(height: int, width: int, share: float, rng: np.random.Generator) -> tuple[slice, slice]:
    """Draws a box within (height, width) with about `share` of its area. Returns its rows and columns."""
    ratio = math.exp(rng.uniform(-math.log(RATIO), math.log(RATIO)))
    rows = min(int(height * math.sqrt(share / ratio)), height)
    columns = min(int(width * math.sqrt(share * ratio)), width)
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    return slice(int(top), int(top) + rows), slice(int(left), int(left) + columns)
