"""Surroundings of an image that does not fill the frame."""

import cv2
import numpy as np

from training.augment.geometry import Placement, warp
from training.augment.grain import draw_grain
from training.config import AugmentConfig

Array = np.ndarray


def draw_surroundings(
    picture: Array,
    placement: Placement,
    size: int,
    *,
    config: AugmentConfig,
    rng: np.random.Generator,
    background: Array | None,
) -> Array:
    """Draws surroundings, uint8 (size, size, 3): a part of another image, or a generated background.

    Args:
        picture: uint8 (H, W, 3), the image in the frame.
        placement: position of the image.
        size: side of the frame in pixels.
        config: `background` is the share of other images.
        rng: source of randomness.
        background: uint8 (H, W, 3), the other image. None: always a generated background.
    """
    if background is not None and rng.random() < config.background:
        return cut_surface(background, size, rng)
    kind = rng.random()
    if kind < 0.4:
        return stretch_border(picture, placement, size, rng)
    if kind < 0.6:
        return draw_plain(picture, size, rng)
    if kind < 0.8:
        return draw_gradient(picture, size, rng)
    return draw_texture(picture, size, rng)


def draw_any_colour(rng: np.random.Generator) -> Array:
    """Draws any brightness with little colour, like floors, tables and walls: float (3,)."""
    return np.clip(rng.uniform(0, 255) + rng.normal(0, 22, 3), 0, 255)


def draw_border_colour(picture: Array, rng: np.random.Generator) -> Array:
    """Draws a colour near the mean of one edge of the image: float (3,)."""
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    result: Array = np.clip(edges[rng.integers(4)].mean(axis=0) + rng.normal(0, 6, 3), 0, 255)
    return result


def draw_background_colour(picture: Array, rng: np.random.Generator) -> Array:
    """Draws the colour of the image border in half of the draws, else any colour: float (3,)."""
    return draw_border_colour(picture, rng) if rng.random() < 0.5 else draw_any_colour(rng)


def draw_plain(picture: Array, size: int, rng: np.random.Generator) -> Array:
    """Draws a background of one colour."""
    return fill(size, draw_background_colour(picture, rng))


def fill(size: int, colour: Array) -> Array:
    """Returns uint8 (size, size, 3) of one colour (3,). This is six times as fast as `numpy.full`."""
    result: Array = cv2.resize(
        colour.round().astype(np.uint8)[None, None], (size, size), interpolation=cv2.INTER_NEAREST
    )
    return result


def draw_gradient(picture: Array, size: int, rng: np.random.Generator) -> Array:
    """Draws a background that changes from a colour to a lighter, darker or different one."""
    first = draw_background_colour(picture, rng)
    second = draw_any_colour(rng) if rng.random() < 0.4 else np.clip(first * rng.uniform(0.5, 1.5), 0, 255)
    near, far = rng.permutation(np.array([0.0, rng.random(), rng.random(), 1.0])).reshape(2, 2)
    along = np.linspace(0, 1, size, dtype=np.float32)
    level = np.outer(1 - along, near[0] + (near[1] - near[0]) * along)
    level += np.outer(along, far[0] + (far[1] - far[0]) * along)
    table = first + (second - first) * np.linspace(0, 1, 256)[:, None]
    index = (level * 255).astype(np.uint8)
    result: Array = cv2.LUT(cv2.merge((index, index, index)), table[None].astype(np.uint8))
    return result


def draw_texture(picture: Array, size: int, rng: np.random.Generator) -> Array:
    """Draws grain around a colour, from fine sand to a coarse pattern."""
    cells = int(rng.choice([size, size // 2, size // 6, size // 16, size // 32]))
    spread = rng.uniform(5, 40)
    coloured = rng.random() < 0.3
    noise = spread * draw_grain((max(cells, 2), max(cells, 2), 3 if coloured else 1), rng)
    noise = noise if coloured else cv2.cvtColor(noise, cv2.COLOR_GRAY2RGB)
    noise = noise if cells == size else cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR)
    result: Array = cv2.add(fill(size, draw_background_colour(picture, rng)), noise, dtype=cv2.CV_8U)
    return result


def stretch_border(picture: Array, placement: Placement, size: int, rng: np.random.Generator) -> Array:
    """Stretches the image border outwards and blurs it, so that the image's own background continues."""
    small = max(size // 8, 4)
    down = np.diag([small / size, small / size, 1.0])
    side = max(min(picture.shape[:2]) // 8, 4)
    thumb = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    x, y = picture.shape[1] / side, picture.shape[0] / side
    up = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
    drawn = warp(thumb, down @ placement.matrix @ up, small, cv2.BORDER_REPLICATE)
    drawn = cv2.GaussianBlur(drawn, (0, 0), rng.uniform(0.8, 3.0))
    result: Array = cv2.resize(drawn, (size, size), interpolation=cv2.INTER_LINEAR)
    return result


def cut_surface(background: Array, size: int, rng: np.random.Generator) -> Array:
    """Enlarges a corner or an edge of another image. It rarely contains the item of that image."""
    height, width = background.shape[:2]
    share = rng.uniform(0.2, 0.45)
    rows, columns = max(int(height * share), 2), max(int(width * share), 2)
    along, end = rng.random(), rng.integers(2)
    if rng.random() < 0.5:
        top, left = int((height - rows) * along), int((width - columns) * end)
    else:
        top, left = int((height - rows) * end), int((width - columns) * along)
    cut = background[top : top + rows, left : left + columns]
    cut = np.rot90(cut, int(rng.integers(4)))
    result: Array = cv2.resize(np.ascontiguousarray(cut), (size, size), interpolation=cv2.INTER_LINEAR)
    return result
