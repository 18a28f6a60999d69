"""Where a picture lies in the frame: one warp for scale, aspect, shift, rotation, shear and perspective."""

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
    """How a picture is put into a square frame.

    Attributes:
        matrix: (3, 3), from the picture's pixels (x, y, 1) to the frame's.
        shrink: the frame's pixels for one of the picture's, along x and y.
        side: side of the picture against the frame's.
    """

    matrix: Array
    shrink: tuple[float, float]
    side: float

    def covers(self, height: int, width: int, size: int) -> bool:
        """Whether the picture of (height, width) fills the frame of (size, size)."""
        edge = size - 0.5
        corners = np.array([[-0.5, edge, -0.5, edge], [-0.5, -0.5, edge, edge], [1.0] * 4])
        x, y, w = np.linalg.solve(self.matrix, corners)
        x, y = x / w, y / w
        least = -0.5 - ROUNDING
        inside = (w > 0) & (x >= least) & (y >= least) & (x + least <= width - 1) & (y + least <= height - 1)
        return bool(inside.all())


def draw_placement(
    height: int, width: int, size: int, config: AugmentConfig, rng: np.random.Generator
) -> Placement:
    """A placement of a picture of (height, width) in a frame of (size, size) as `config` allows.

    The picture's centre always stays in the frame, and a picture smaller than the frame leaves it by at most
    a tenth of its side (before rotation).
    """
    side = log_uniform(config.scale, rng)
    root = math.sqrt(log_uniform(config.aspect, rng))
    stretch = np.diag([root, 1 / root])
    angle = math.radians(rng.uniform(-config.rotation, config.rotation))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shear = np.array([[1.0, rng.uniform(-SHEAR, SHEAR)], [0.0, 1.0]])
    # A squeeze before the turn undoes that of the picture, one behind it is that of the bin's region.
    linear = turn @ shear @ stretch if rng.random() < 0.5 else stretch @ turn @ shear
    reach = (1 - side) / 2 + 0.1 * side if side < 1 else 0.1 + (side - 1) / 8
    tilt = (0.0, 0.0)
    if rng.random() < PERSPECTIVE_SHARE:
        tilt = (rng.uniform(-PERSPECTIVE, PERSPECTIVE), rng.uniform(-PERSPECTIVE, PERSPECTIVE))
    shift = rng.uniform(-reach, reach, 2)
    return compose(
        height, width, size, side=side, linear=flip(linear, rng), shift=(shift[0], shift[1]), tilt=tilt
    )


def draw_mild_placement(height: int, width: int, size: int, rng: np.random.Generator) -> Placement:
    """A placement that flips and crops a little, and always fills the frame."""
    side = rng.uniform(1.0, MILD_ZOOM)
    reach = (side - 1) / 2
    shift = rng.uniform(-reach, reach, 2)
    linear = flip(np.eye(2), rng)
    return compose(height, width, size, side=side, linear=linear, shift=(shift[0], shift[1]), tilt=(0.0, 0.0))


def flip(linear: Array, rng: np.random.Generator) -> Array:
    """The (2, 2) map, for half of the draws with a mirrored x; the mirrored y is a turn more."""
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
    """The placement of a picture by its parts.

    Args:
        height: of the picture in pixels.
        width: of the picture in pixels.
        size: side of the frame in pixels.
        side: side of the picture against the frame's.
        linear: (2, 2), the turn, stretch and shear.
        shift: of the picture's centre from the frame's, in sides of the frame.
        tilt: the perspective along x and y; 0.25 makes the near edge a quarter longer than the far one.
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


def shrunk(picture: Array, placement: Placement) -> tuple[Array, Array]:
    """The picture, made smaller by areas where the warp would skip pixels, and the matrix that goes with it.

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
    """The frame with the picture in it.

    Args:
        picture: uint8 (H, W, 3).
        placement: where it lies.
        around: uint8 (size, size, 3), seen where the picture does not reach; it is written into. None where
            the picture covers the frame.
        size: side of the frame in pixels.
        feather: width of the soft edge as a share of the picture's side; 0 is a hard edge.

    Returns:
        uint8 (size, size, 3).
    """
    small, matrix = shrunk(picture, placement)
    if around is None or feather > 0:
        frame = warp(small, matrix, size, cv2.BORDER_REPLICATE)
        if around is None:
            return frame
        cover = warp(edge_ramp(small.shape[0], small.shape[1], feather), matrix, size, cv2.BORDER_CONSTANT)
        answer: Array = cv2.blendLinear(frame, around, cover, 1 - cover)
        return answer
    return warp(small, matrix, size, cv2.BORDER_TRANSPARENT, around)


def warp(picture: Array, matrix: Array, size: int, border: int, onto: Array | None = None) -> Array:
    """The picture through the (3, 3) matrix, (size, size, ...), bilinear."""
    flat = matrix[2, 0] == 0 and matrix[2, 1] == 0
    function, matrix = (cv2.warpAffine, matrix[:2]) if flat else (cv2.warpPerspective, matrix)
    answer: Array = function(
        picture, matrix, (size, size), dst=onto, flags=cv2.INTER_LINEAR, borderMode=border
    )
    return answer


def edge_ramp(height: int, width: int, share: float) -> Array:
    """Float32 (height, width): 0 at the edge, 1 from `share` of the side inwards."""
    rows, columns = (
        np.minimum(np.arange(n), np.arange(n)[::-1]).astype(np.float32) / max(share * n, 1.0)
        for n in (height, width)
    )
    answer: Array = np.minimum(np.minimum.outer(rows, columns), np.float32(1))
    return answer


def log_uniform(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """A number between two positive limits, as likely to be halved as doubled."""
    return math.exp(rng.uniform(math.log(limits[0]), math.log(limits[1])))
