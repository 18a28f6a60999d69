"""Small generated images for tests."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from training.data.pictures import Picture


def draw(seed: int, side: int = 64) -> npt.NDArray[np.uint8]:
    """Draws soft blobs of colour, different for each seed: (side, side, 3)."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    image = pyvips.Image.new_from_memory(small.data, 5, 5, 3, "uchar").copy(interpretation="srgb")
    image = image.resize(side / 5, kernel="cubic")
    return np.frombuffer(image.write_to_memory(), np.uint8).reshape(side, side, 3)


def save(path: Path, pixels: npt.NDArray[np.uint8], quality: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, _ = pixels.shape
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(pixels).data, width, height, 3, "uchar")
    image = image.copy(interpretation="srgb")
    if path.suffix == ".png":
        image.pngsave(str(path))
    else:
        image.jpegsave(str(path), Q=quality)


def folder(root: Path, labels: dict[str, int]) -> None:
    """Writes the given number of images for each label, all different."""
    seed = 0
    for label, count in labels.items():
        for number in range(count):
            save(root / label / f"{number:03}.jpg", draw(seed))
            seed += 1


def listed(files: list[str], label: str = "paper") -> list[Picture]:
    return [Picture(file, label, "", "own") for file in files]


def draw_key(seed: int) -> npt.NDArray[np.uint8]:
    """Draws a key of one colour on a plain background, different for each seed: (150, 200, 3)."""
    random = np.random.default_rng(seed)
    turn, reach, ring, width = random.uniform(-0.7, 0.7), *random.uniform((45, 14, 4), (95, 30, 11))
    colour = random.integers(20, 160, 3)
    y, x = np.mgrid[0:150, 0:200] - np.array([random.uniform(60, 90), random.uniform(50, 75)])[:, None, None]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    distance = np.hypot(along, across)
    inside = (distance < ring) & (distance > ring * random.uniform(0.3, 0.6))
    inside |= (along > ring - 2) & (along < ring + reach) & (abs(across) < width / 2)
    for tooth in range(random.integers(2, 6)):
        start = ring + reach - 8 - tooth * 9
        inside |= (abs(along - start) < 2.5) & (across > 0) & (across < random.uniform(8, 20))
    return np.where(inside[..., None], colour, 235).astype(np.uint8)
