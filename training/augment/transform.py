"""Augments one stored image."""

import numpy as np

from training.augment.colour import recolour, recolour_mildly
from training.augment.degrade import degrade, occlude
from training.augment.geometry import draw_mild_placement, draw_placement, place
from training.augment.surroundings import draw_surroundings
from training.config import AugmentConfig

Array = np.ndarray

FEATHERED = 0.3


def augment(
    picture: Array, size: int, config: AugmentConfig, rng: np.random.Generator, background: Array | None
) -> Array:
    """Returns the image as another camera might see its item.

    Args:
        picture: uint8 RGB (H, W, 3). It is not changed.
        size: side of the result in pixels.
        config: strength of the changes.
        rng: the only source of randomness: the same state gives the same result.
        background: uint8 RGB (H, W, 3), another image that may be used as surroundings. None: not used.

    Returns:
        uint8 RGB (size, size, 3).
    """
    if rng.random() < config.mild:
        return augment_mildly(picture, size, config, rng)
    height, width = picture.shape[:2]
    placement = draw_placement(height, width, size, config, rng)
    around, feather = None, 0.0
    if not placement.covers(height, width, size):
        around = draw_surroundings(picture, placement, size, config=config, rng=rng, background=background)
        feather = rng.uniform(0.02, 0.12) if rng.random() < FEATHERED else 0.0
    frame = place(picture, placement, around, size, feather)
    if rng.random() < config.occlusion:
        frame = occlude(frame, placement.side, rng)
    return degrade(recolour(frame, config, rng), config, rng)


def augment_mildly(picture: Array, size: int, config: AugmentConfig, rng: np.random.Generator) -> Array:
    """Applies a flip, a small crop and a small change of colour. Arguments and result: see `augment`."""
    placement = draw_mild_placement(picture.shape[0], picture.shape[1], size, rng)
    return recolour_mildly(place(picture, placement, None, size), config, rng)
