"""Degradation: occlusion, blur, sensor noise and JPEG."""

import math

import cv2
import numpy as np

from training.augment.grain import draw_grain
from training.config import AugmentConfig

Array = np.ndarray

OCCLUDED = 1 / 3
QUALITY = (30, 95)
LONGEST = 10  # OpenCV uses a Fourier transform for kernels above 11 pixels, which takes 30 times as long.


def occlude(picture: Array, side: float, rng: np.random.Generator) -> Array:
    """Covers a part of the uint8 (S, S, 3) image with boxes or strips, in place.

    Args:
        picture: the frame, which is changed.
        side: side of the image relative to the frame. A small image is covered by small boxes.
        rng: source of randomness.
    """
    size = picture.shape[0]
    extent = size * min(side, 1.0)
    pieces = int(rng.integers(1, 4))
    for _ in range(pieces):
        area = rng.uniform(0.02, OCCLUDED) / pieces * extent**2
        ratio = math.exp(rng.uniform(-1.2, 1.2) if rng.random() < 0.6 else rng.choice([-3.0, 3.0]))
        width = min(math.sqrt(area * ratio), extent)
        height = min(area / width, extent)
        left, top = rng.integers(0, size, 2) - np.array([width, height]).astype(int) // 2
        box = picture[max(top, 0) : top + int(height), max(left, 0) : left + int(width)]
        colour = rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(0, 255))
        if rng.random() < 0.7:
            box[:] = colour.astype(np.uint8)
        else:
            box[:] = np.clip(colour + rng.normal(0, 40, box.shape), 0, 255).astype(np.uint8)
    return picture


def make_disc(radius: float) -> Array:
    """Returns the kernel of a lens out of focus: float32, sum 1, smooth edge. `radius` is in pixels."""
    half = math.ceil(radius)
    axis = np.arange(-half, half + 1)
    kernel = np.clip(radius + 0.5 - np.hypot(axis[:, None], axis), 0, 1)
    result: Array = (kernel / kernel.sum()).astype(np.float32)
    return result


def make_line(length: float, angle: float) -> Array:
    """Returns the kernel of a moving item: float32, sum 1. `length` is in pixels, `angle` in radians."""
    half = math.ceil(length / 2)
    across, down = math.cos(angle) * length / 2, math.sin(angle) * length / 2
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    bits = 4
    ends = [(round((half + s * across) * 2**bits), round((half + s * down) * 2**bits)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_8, bits)
    result: Array = kernel / kernel.sum()
    return result


def blur(picture: Array, rng: np.random.Generator) -> Array:
    """Blurs a uint8 (S, S, 3) image in proportion to its size: out of focus, or by motion."""
    unit = picture.shape[0] / 224
    if rng.random() < 0.5:
        kernel = make_disc(min(rng.uniform(0.6, 3.0) * unit, LONGEST / 2))
    else:
        kernel = make_line(min(rng.uniform(3, 10) * unit, LONGEST), rng.uniform(0, math.pi))
    result: Array = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return result


def noise_spread(read: float, shot: float) -> Array:
    """Returns the standard deviation of each level, on the scale 0 to 255: float32 (256,).

    Args:
        read: deviation of the sensor in the dark.
        shot: deviation of the light alone at level 255. It grows with the square root of the light.
    """
    return np.sqrt(read**2 + shot**2 * np.arange(256) / 255).astype(np.float32)


def sensor_noise(picture: Array, strength: float, rng: np.random.Generator) -> Array:
    """Adds read and shot noise to a uint8 (S, S, 3) image.

    `strength` is the standard deviation of a bright pixel.
    """
    part = rng.uniform(0.2, 0.8)
    spread = cv2.LUT(picture, noise_spread(strength * math.sqrt(part), strength * math.sqrt(1 - part)))
    noise = draw_grain(picture.shape, rng)
    if rng.random() < 0.4:
        # Cameras that interpolate colours, or sharpen little, have coarser grain.
        noise = cv2.GaussianBlur(noise, (3, 3), 0.6) * np.float32(1.99)
    result: Array = cv2.add(picture, cv2.multiply(noise, spread), dtype=cv2.CV_8U)
    return result


def recompress(picture: Array, quality: int) -> Array:
    """Encodes a uint8 RGB image as JPEG and decodes it. `quality` is 0 to 100."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    result: Array = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return result


def degrade(picture: Array, config: AugmentConfig, rng: np.random.Generator) -> Array:
    """Applies blur, noise and JPEG in the order of a camera, each to its share of the images."""
    if rng.random() < config.blur:
        picture = blur(picture, rng)
    if config.noise > 0 and rng.random() < 0.5:
        picture = sensor_noise(picture, config.noise * rng.random() ** 2, rng)
    if rng.random() < config.jpeg:
        picture = recompress(picture, int(rng.integers(QUALITY[0], QUALITY[1] + 1)))
    return picture
