"""Pictures of a batch that are blended with, or get a box of, another one of it."""

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
    """Mixup and cutmix on shares of a batch; the other picture has at most half of each.

    Args:
        images: uint8 (B, S, S, 3); they stay as they are.
        targets: float32 (B, C), each summing to 1; they stay as they are.
        config: `mixup` and `cutmix` are the shares.
        rng: decides.

    Returns:
        New images uint8 (B, S, S, 3) and targets float32 (B, C), mixed alike.
    """
    mixed, wanted = images.copy(), targets.copy()
    count = len(images)
    if count < 2:
        return mixed, wanted
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
        wanted[index] = (1 - share) * targets[index] + share * targets[other]
    return mixed, wanted


def draw_box(height: int, width: int, share: float, rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a box within (height, width) of about `share` of its area."""
    ratio = math.exp(rng.uniform(-math.log(RATIO), math.log(RATIO)))
    rows = min(int(height * math.sqrt(share / ratio)), height)
    columns = min(int(width * math.sqrt(share * ratio)), width)
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    return slice(int(top), int(top) + rows), slice(int(left), int(left) + columns)
