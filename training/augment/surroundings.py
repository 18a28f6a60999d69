"""What is seen around a picture that does not fill the frame."""

import cv2
import numpy as np

from training.augment.geometry import Placement, warp
from training.augment.grain import grain
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
    """Surroundings of (size, size, 3), uint8: another picture's surface, or something made.

    Args:
        picture: uint8 (H, W, 3), whose surroundings these are.
        placement: where it lies.
        size: side of the frame in pixels.
        config: `background` is the share of other pictures.
        rng: decides.
        background: uint8 (H, W, 3), the other picture; None: something made in its place.
    """
    if background is not None and rng.random() < config.background:
        return surface(background, size, rng)
    kind = rng.random()
    if kind < 0.4:
        return stretched_border(picture, placement, size, rng)
    if kind < 0.6:
        return plain(picture, size, rng)
    if kind < 0.8:
        return gradient(picture, size, rng)
    return texture(picture, size, rng)


def any_colour(rng: np.random.Generator) -> Array:
    """Float (3,): any brightness, mostly pale, as floors, tables and walls are."""
    return np.clip(rng.uniform(0, 255) + rng.normal(0, 22, 3), 0, 255)


def border_colour(picture: Array, rng: np.random.Generator) -> Array:
    """Float (3,): about the mean of one of the picture's edges."""
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    answer: Array = np.clip(edges[rng.integers(4)].mean(axis=0) + rng.normal(0, 6, 3), 0, 255)
    return answer


def ground_colour(picture: Array, rng: np.random.Generator) -> Array:
    """Float (3,): the picture's own ground for half of the draws, else any."""
    return border_colour(picture, rng) if rng.random() < 0.5 else any_colour(rng)


def plain(picture: Array, size: int, rng: np.random.Generator) -> Array:
    """One colour."""
    return filled(size, ground_colour(picture, rng))


def filled(size: int, colour: Array) -> Array:
    """Uint8 (size, size, 3) of one colour (3,); six times as fast as `numpy.full`."""
    answer: Array = cv2.resize(
        colour.round().astype(np.uint8)[None, None], (size, size), interpolation=cv2.INTER_NEAREST
    )
    return answer


def gradient(picture: Array, size: int, rng: np.random.Generator) -> Array:
    """A colour that gets lighter or darker towards a side, or goes over into another one."""
    first = ground_colour(picture, rng)
    second = any_colour(rng) if rng.random() < 0.4 else np.clip(first * rng.uniform(0.5, 1.5), 0, 255)
    near, far = rng.permutation(np.array([0.0, rng.random(), rng.random(), 1.0])).reshape(2, 2)
    along = np.linspace(0, 1, size, dtype=np.float32)
    level = np.outer(1 - along, near[0] + (near[1] - near[0]) * along)
    level += np.outer(along, far[0] + (far[1] - far[0]) * along)
    table = first + (second - first) * np.linspace(0, 1, 256)[:, None]
    index = (level * 255).astype(np.uint8)
    answer: Array = cv2.LUT(cv2.merge((index, index, index)), table[None].astype(np.uint8))
    return answer


def texture(picture: Array, size: int, rng: np.random.Generator) -> Array:
    """Grain around a colour, from fine as sand to as coarse as a pattern."""
    cells = int(rng.choice([size, size // 2, size // 6, size // 16, size // 32]))
    spread = rng.uniform(5, 40)
    coloured = rng.random() < 0.3
    noise = spread * grain((max(cells, 2), max(cells, 2), 3 if coloured else 1), rng)
    noise = noise if coloured else cv2.cvtColor(noise, cv2.COLOR_GRAY2RGB)
    noise = noise if cells == size else cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR)
    answer: Array = cv2.add(filled(size, ground_colour(picture, rng)), noise, dtype=cv2.CV_8U)
    return answer


def stretched_border(picture: Array, placement: Placement, size: int, rng: np.random.Generator) -> Array:
    """The picture's edge drawn outwards and blurred, so that its own ground goes on."""
    small = max(size // 8, 4)
    down = np.diag([small / size, small / size, 1.0])
    side = max(min(picture.shape[:2]) // 8, 4)
    thumb = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    x, y = picture.shape[1] / side, picture.shape[0] / side
    up = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
    drawn = warp(thumb, down @ placement.matrix @ up, small, cv2.BORDER_REPLICATE)
    drawn = cv2.GaussianBlur(drawn, (0, 0), rng.uniform(0.8, 3.0))
    answer: Array = cv2.resize(drawn, (size, size), interpolation=cv2.INTER_LINEAR)
    return answer


def surface(background: Array, size: int, rng: np.random.Generator) -> Array:
    """A corner or an edge of another picture, larger: mostly what lies around its item, seldom the item."""
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
    answer: Array = cv2.resize(np.ascontiguousarray(cut), (size, size), interpolation=cv2.INTER_LINEAR)
    return answer
