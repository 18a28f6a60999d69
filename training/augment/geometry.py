"""Placement of an image in the frame: one warp for scale, aspect, shift, rotation, shear and perspective."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from training.config import AugmentConfig

Array = np.ndarray

SHEAR = 0.12
PERSPECTIVE = 0.25
PERSPECTIVE_SHARE = 0.3
MILD_ZOOM = 1.2
ROUNDING = 1e-6


@dataclass(frozen=True)
class Placement:
    """The placement of an image in a square frame.

    Attributes:
        matrix: (3, 3), maps image pixels (x, y, 1) to frame pixels.
        shrink: frame pixels per image pixel, along x and y.
        side: side of the image relative to the frame.
    """

    matrix: Array
    shrink: tuple[float, float]
    side: float

    def covers(self, height: int, width: int, size: int) -> bool:
        """Whether an image of (height, width) fills the frame of (size, size)."""
        edge = size - 0.5
        corners = np.array([[-0.5, edge, -0.5, edge], [-0.5, -0.5, edge, edge], [1.0] * 4])
        x, y, w = np.linalg.solve(self.matrix, corners)
        x, y = x / w, y / w
        lowest = -0.5 - ROUNDING
        inside = (
            (w > 0) & (x >= lowest) & (y >= lowest) & (x + lowest <= width - 1) & (y + lowest <= height - 1)
        )
        return bool(inside.all())


def draw_placement(
    height: int, width: int, size: int, config: AugmentConfig, rng: np.random.Generator
) -> Placement:
    """Draws a placement of an image of (height, width) in a frame of (size, size), within `config`.

    The centre of the image stays in the frame. An image smaller than the frame crosses its edge by at most a
    tenth of the image side, before rotation.
    """
    side = draw_log_uniform(config.scale, rng)
    root = math.sqrt(draw_log_uniform(config.aspect, rng))
    stretch = np.diag([root, 1 / root])
    angle = math.radians(rng.uniform(-config.rotation, config.rotation))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shear = np.array([[1.0, rng.uniform(-SHEAR, SHEAR)], [0.0, 1.0]])
    # A stretch before the rotation undoes that of the image. One after it imitates that of the bin's region.
    linear = turn @ shear @ stretch if rng.random() < 0.5 else stretch @ turn @ shear
    reach = (1 - side) / 2 + 0.1 * side if side < 1 else 0.1 + (side - 1) / 8
    tilt = (0.0, 0.0)
    if rng.random() < PERSPECTIVE_SHARE:
        tilt = (rng.uniform(-PERSPECTIVE, PERSPECTIVE), rng.uniform(-PERSPECTIVE, PERSPECTIVE))
    shift = rng.uniform(-reach, reach, 2)
    return compose(
        height, width, size, side=side, linear=draw_flip(linear, rng), shift=(shift[0], shift[1]), tilt=tilt
    )


def draw_mild_placement(height: int, width: int, size: int, rng: np.random.Generator) -> Placement:
    """Draws a placement that flips and crops slightly, and always fills the frame."""
    side = rng.uniform(1.0, MILD_ZOOM)
    reach = (side - 1) / 2
    shift = rng.uniform(-reach, reach, 2)
    linear = draw_flip(np.eye(2), rng)
    return compose(height, width, size, side=side, linear=linear, shift=(shift[0], shift[1]), tilt=(0.0, 0.0))


def draw_flip(linear: Array, rng: np.random.Generator) -> Array:
    """Mirrors x of the (2, 2) map in half of the draws. Together with rotation this covers a mirrored y."""
    return linear * (np.array([-1.0, 1.0]) if rng.random() < 0.5 else 1.0)


def compose(
    height: int,
    width: int,
    size: int,
    *,
    side: float,
    linear: Array,
    shift: tuple[float, float],
    tilt: tuple[float, float],
) -> Placement:
    """Returns the placement for given parameters.

    Args:
        height: height of the image in pixels.
        width: width of the image in pixels.
        size: side of the frame in pixels.
        side: side of the image relative to the frame.
        linear: (2, 2), rotation, stretch and shear.
        shift: offset of the image centre from the frame centre, in sides of the frame.
        tilt: perspective along x and y. 0.25 makes the near edge a quarter longer than the far edge.
    """
    scaled = linear @ np.diag([side * size / width, side * size / height])
    to_origin = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1.0]])
    middle = np.eye(3)
    middle[:2, :2] = scaled
    lens = np.eye(3)
    lens[2, :2] = np.array(tilt) / (size * max(side, 1.0))
    centre = (size - 1) / 2
    back = np.array([[1, 0, centre + shift[0] * size], [0, 1, centre + shift[1] * size], [0, 0, 1.0]])
    shrink = np.linalg.norm(scaled, axis=0)
    return Placement(back @ lens @ middle @ to_origin, (float(shrink[0]), float(shrink[1])), side)


def shrink_by_area(picture: Array, placement: Placement) -> tuple[Array, Array]:
    """Shrinks the image by area averaging if the warp would skip pixels. Returns it with its matrix.

    Args:
        picture: uint8 (H, W, 3).
        placement: the warp.
    """
    height, width = picture.shape[:2]
    across, down = placement.shrink
    if min(across, down) >= 0.5:
        return picture, placement.matrix
    new_width = max(1, round(width * across)) if across < 0.5 else width
    new_height = max(1, round(height * down)) if down < 0.5 else height
    x, y = width / new_width, height / new_height
    up = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
    small = cv2.resize(picture, (new_width, new_height), interpolation=cv2.INTER_AREA)
    return small, placement.matrix @ up


def place(
    picture: Array, placement: Placement, around: Array | None, size: int, feather: float = 0.0
) -> Array:
    """Returns the frame with the image in it.

    Args:
        picture: uint8 (H, W, 3).
        placement: position of the image.
        around: uint8 (size, size, 3), visible where the image does not reach. It is changed in place. None:
            the image covers the frame.
        size: side of the frame in pixels.
        feather: width of the soft edge as a share of the image side. 0: a hard edge.

    Returns:
        uint8 (size, size, 3).
    """
    small, matrix = shrink_by_area(picture, placement)
    if around is None or feather > 0:
        frame = warp(small, matrix, size, cv2.BORDER_REPLICATE)
        if around is None:
            return frame
        cover = warp(
            make_edge_ramp(small.shape[0], small.shape[1], feather), matrix, size, cv2.BORDER_CONSTANT
        )
        result: Array = cv2.blendLinear(frame, around, cover, 1 - cover)
        return result
    return warp(small, matrix, size, cv2.BORDER_TRANSPARENT, around)


def warp(picture: Array, matrix: Array, size: int, border: int, onto: Array | None = None) -> Array:
    """Warps the image with the (3, 3) matrix to (size, size, ...), bilinearly."""
    flat = matrix[2, 0] == 0 and matrix[2, 1] == 0
    function, matrix = (cv2.warpAffine, matrix[:2]) if flat else (cv2.warpPerspective, matrix)
    result: Array = function(
        picture, matrix, (size, size), dst=onto, flags=cv2.INTER_LINEAR, borderMode=border
    )
    return result


def make_edge_ramp(height: int, width: int, share: float) -> Array:
    """Returns float32 (height, width): 0 at the edge, rising to 1 at `share` of the side."""
    rows, columns = (
        np.minimum(np.arange(n), np.arange(n)[::-1]).astype(np.float32) / max(share * n, 1.0)
        for n in (height, width)
    )
    result: Array = np.minimum(np.minimum.outer(rows, columns), np.float32(1))
    return result


def draw_log_uniform(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """Draws a number between two positive limits. Halving is as likely as doubling."""
    return math.exp(rng.uniform(math.log(limits[0]), math.log(limits[1])))
