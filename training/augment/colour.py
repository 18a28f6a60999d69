"""Light and colour: exposure, cast, gamma, contrast, saturation and uneven light."""

import cv2
import numpy as np

from training.config import AugmentConfig

Array = np.ndarray

GAMMA = 2.2
MILD = 0.25
LEVELS = np.linspace(0, 1, 256)


def draw_curves(config: AugmentConfig, rng: np.random.Generator, strength: float = 1.0) -> Array:
    """One curve a channel for exposure, cast, gamma and contrast: uint8 (256, 3).

    Args:
        config: `exposure` in stops of linear light, `cast` as the largest gain of red and blue.
        rng: decides.
        strength: 1 for the whole ranges, less for a part of them.
    """
    stops = rng.uniform(*config.exposure) * strength
    gains = 1 + config.cast * strength * rng.triangular(-1, 0, 1, 3) * (1, 1 / 3, 1)
    gamma, contrast = np.exp(rng.uniform((-0.25, -0.35), (0.25, 0.3)) * strength)
    return curves(stops, gains, gamma, contrast)


def curves(stops: float, gains: Array, gamma: float, contrast: float) -> Array:
    """The curves, uint8 (256, 3), by their parameters.

    Args:
        stops: exposure in stops of linear light.
        gains: (3,) factor of each channel's encoded value.
        gamma: exponent; over 1 is darker in the middle.
        contrast: slope around the middle.
    """
    lit = LEVELS[:, None] * 2 ** (stops / GAMMA) * gains
    # A camera's shoulder: what gets brighter nears white rather than hitting it at once.
    lit = np.where(lit > 0.8, 0.8 + 0.2 * np.tanh((lit - 0.8) / 0.2), lit)
    bent = (lit**gamma - 0.5) * contrast + 0.5
    answer: Array = (np.clip(bent, 0, 1) * 255).round().astype(np.uint8)
    return answer


def apply_curves(picture: Array, table: Array) -> Array:
    """The uint8 (H, W, 3) picture through the curves (256, 3)."""
    answer: Array = cv2.LUT(picture, table[None])
    return answer


def saturate(picture: Array, factor: float) -> Array:
    """The uint8 picture with more (over 1) or less colour; 0 is grey."""
    grey = np.array([0.299, 0.587, 0.114])
    matrix = factor * np.eye(3) + (1 - factor) * grey
    answer: Array = cv2.transform(picture, matrix.astype(np.float32))
    return answer


def draw_light(size: int, rng: np.random.Generator) -> Array:
    """Uneven light: float32 (size, size), the factor of each pixel, 0.35 to 1.5.

    One of three: darker towards the corners, from one side, or in patches of shadow.
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
    answer: Array = np.clip(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC), 0.35, 1.5)
    return answer


def apply_light(picture: Array, light: Array) -> Array:
    """The uint8 (S, S, 3) picture under the light (S, S)."""
    answer: Array = cv2.multiply(picture, cv2.merge((light, light, light)), dtype=cv2.CV_8U)
    return answer


def recolour(picture: Array, config: AugmentConfig, rng: np.random.Generator) -> Array:
    """All of the above, as a poorly lit camera sees it; uint8 (S, S, 3)."""
    if rng.random() < 0.3:
        picture = apply_light(picture, draw_light(picture.shape[0], rng))
    if rng.random() < 0.6:
        picture = saturate(picture, rng.uniform(0.5, 1.4))
    return apply_curves(picture, draw_curves(config, rng))


def recolour_mildly(picture: Array, config: AugmentConfig, rng: np.random.Generator) -> Array:
    """A quarter of the ranges of exposure, cast, gamma and contrast."""
    return apply_curves(picture, draw_curves(config, rng, MILD))
