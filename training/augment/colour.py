"""Light and colour: exposure, cast, gamma, contrast, saturation and uneven light."""

import cv2
import numpy as np

from training.config import AugmentConfig

Array = np.ndarray

GAMMA = 2.2
MILD = 0.25
LEVELS = np.linspace(0, 1, 256)


def draw_curves(config: AugmentConfig, rng: np.random.Generator, strength: float = 1.0) -> Array:
    """Draws curves for exposure, cast, gamma and contrast, one per channel: uint8 (256, 3).

    Args:
        config: `exposure` in stops of linear light, `cast` as the largest change of red and blue.
        rng: source of randomness.
        strength: share of the ranges that is used, 0 to 1.
    """
    stops = rng.uniform(*config.exposure) * strength
    gains = 1 + config.cast * strength * rng.triangular(-1, 0, 1, 3) * (1, 1 / 3, 1)
    gamma, contrast = np.exp(rng.uniform((-0.25, -0.35), (0.25, 0.3)) * strength)
    return make_curves(stops, gains, gamma, contrast)


def make_curves(stops: float, gains: Array, gamma: float, contrast: float) -> Array:
    """Returns curves for given parameters: uint8 (256, 3).

    Args:
        stops: exposure in stops of linear light.
        gains: (3,) factor of each channel's encoded value.
        gamma: exponent. Above 1 the middle is darker.
        contrast: slope around the middle.
    """
    lit = LEVELS[:, None] * 2 ** (stops / GAMMA) * gains
    # Like a camera, bright values approach white gradually.
    lit = np.where(lit > 0.8, 0.8 + 0.2 * np.tanh((lit - 0.8) / 0.2), lit)
    bent = (lit**gamma - 0.5) * contrast + 0.5
    result: Array = (np.clip(bent, 0, 1) * 255).round().astype(np.uint8)
    return result


def apply_curves(picture: Array, table: Array) -> Array:
    """Applies curves (256, 3) to a uint8 (H, W, 3) image."""
    result: Array = cv2.LUT(picture, table[None])
    return result


def saturate(picture: Array, factor: float) -> Array:
    """Returns the uint8 image with more (factor above 1) or less colour. 0 is grey."""
    grey = np.array([0.299, 0.587, 0.114])
    matrix = factor * np.eye(3) + (1 - factor) * grey
    result: Array = cv2.transform(picture, matrix.astype(np.float32))
    return result


def draw_light(size: int, rng: np.random.Generator) -> Array:
    """Draws uneven light: float32 (size, size), a factor of 0.35 to 1.5 per pixel.

    It is one of three kinds: darker corners, light from one side, or patches of shadow.
    """
    kind = rng.integers(3)
    if kind == 0:
        axis = np.linspace(-1, 1, 9)
        centre = rng.uniform(-0.3, 0.3, 2)
        distance = (axis[:, None] - centre[0]) ** 2 + (axis - centre[1]) ** 2
        small = 1.1 - rng.uniform(0.1, 0.35) * distance
    elif kind == 1:
        ends = np.array([rng.uniform(0.5, 0.9), rng.uniform(1.0, 1.35)])
        angle = rng.uniform(0, 2 * np.pi)
        axis = np.linspace(-0.7, 0.7, 5)
        slope = 0.5 + (np.cos(angle) * axis + np.sin(angle) * axis[:, None]) / 2
        small = ends[0] + (ends[1] - ends[0]) * slope
    else:
        small = rng.uniform(0.55, 1.25, (3, 3) if rng.random() < 0.5 else (5, 5))
    small = np.clip(small, 0.35, 1.5).astype(np.float32)
    result: Array = np.clip(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC), 0.35, 1.5)
    return result


def apply_light(picture: Array, light: Array) -> Array:
    """Applies light (S, S) to a uint8 (S, S, 3) image."""
    result: Array = cv2.multiply(picture, cv2.merge((light, light, light)), dtype=cv2.CV_8U)
    return result


def recolour(picture: Array, config: AugmentConfig, rng: np.random.Generator) -> Array:
    """Simulates poor lighting with the changes above: uint8 (S, S, 3)."""
    if rng.random() < 0.3:
        picture = apply_light(picture, draw_light(picture.shape[0], rng))
    if rng.random() < 0.6:
        picture = saturate(picture, rng.uniform(0.5, 1.4))
    return apply_curves(picture, draw_curves(config, rng))


def recolour_mildly(picture: Array, config: AugmentConfig, rng: np.random.Generator) -> Array:
    """Applies curves from a quarter of the ranges of exposure, cast, gamma and contrast."""
    return apply_curves(picture, draw_curves(config, rng, MILD))
