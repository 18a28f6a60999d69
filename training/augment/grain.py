"""Fast normal random numbers for whole images."""

from statistics import NormalDist

import cv2
import numpy as np

Array = np.ndarray

QUANTILES = np.array([NormalDist().inv_cdf((level + 0.5) / 256) for level in range(256)], np.float32)
QUANTILES /= QUANTILES.std()


def draw_grain(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draws float32 of `shape`, mean 0, deviation 1: random bytes as indices of 256 normal quantiles.

    This takes a tenth of the time of `rng.standard_normal`. No value is beyond 2.9.
    """
    count = int(np.prod(shape))
    words = np.asarray(rng.bit_generator.random_raw(count // 8 + 1))
    result: Array = cv2.LUT(words.view(np.uint8)[None, :count], QUANTILES)
    return result.reshape(shape)
