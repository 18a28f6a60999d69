"""Generates images that training and the daemon must decode to the same bytes, and their expected digests.

After an intended change of decoding or resizing, run
`training/.venv/bin/python -m training.tests.make_expectations`. It replaces the folder
`test/perception/vision/expectations/`. Two tests read that folder: `test_equal_bytes.py` here (pyvips), and
`test/perception/vision/equal-bytes.test.ts` of the daemon (sharp).

At some sizes libvips rounds a few bytes differently on arm64 than on x64, by a level or two. 199x1601 in
the view 0.75 is an example. The sizes below give equal bytes on both, so that the tests pass on both.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyvips

from training.data.decode import load_input

FOLDER = Path(__file__).parents[2] / "test" / "perception" / "vision" / "expectations"
EXPECTATIONS = FOLDER / "expectations.json"
SIDE = 224
VIEWS = (1, 0.75)
MAX_BYTES = 1_500_000


@dataclass(frozen=True)
class Case:
    """An image: file name and encoding (`kind`), sides in pixels, noise in levels, and encoder options."""

    kind: str
    suffix: str
    width: int
    height: int
    noise: float = 0
    options: dict[str, object] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return f"{self.kind}-{self.width}x{self.height}.{self.suffix}"


def jpeg(kind: str, width: int, height: int, quality: int, noise: float = 4, **options: object) -> Case:
    """Uses 4:2:0 subsampling unless the kind contains 444."""
    halves = {"subsample_mode": "off" if "444" in kind else "on"}
    return Case(f"{kind}-q{quality}", "jpg", width, height, noise, {"Q": quality, **halves, **options})


def png(kind: str, width: int, height: int, noise: float = 0, **options: object) -> Case:
    return Case(kind, "png", width, height, noise, options)


def webp(kind: str, width: int, height: int, noise: float = 4, **options: object) -> Case:
    return Case(kind, "webp", width, height, noise, options)


CASES = [
    jpeg("420", 640, 480, 75),
    jpeg("420", 641, 479, 85),
    jpeg("420", 320, 240, 30),
    jpeg("420", 512, 384, 10),
    jpeg("420-noisy", 299, 299, 80, 40),
    jpeg("420", 33, 47, 92),
    jpeg("420", 16, 16, 85),
    jpeg("420", 1, 1, 85),
    jpeg("420", 3, 700, 85),
    jpeg("420", 1600, 200, 60, 2),
    jpeg("420", 201, 1600, 60, 2),
    jpeg("420", 2304, 1296, 35, 0),
    jpeg("420-progressive", 640, 480, 80, interlace=True),
    jpeg("420-progressive", 1640, 1232, 30, 0, interlace=True),
    jpeg("420-restarts", 640, 481, 80, restart_interval=4),
    jpeg("420-optimised", 800, 600, 70, optimize_coding=True),
    jpeg("420-turned", 320, 200, 85),
    jpeg("444", 640, 480, 90, 2),
    jpeg("444", 321, 243, 50),
    jpeg("444", 33, 47, 92),
    jpeg("444", 227, 225, 100, 2),
    jpeg("444", 224, 224, 90),
    jpeg("444", 448, 448, 60),
    jpeg("444", 1920, 1080, 40, 0),
    jpeg("444-progressive", 479, 641, 80, interlace=True),
    jpeg("grey", 640, 480, 80, 2),
    jpeg("grey", 2028, 1520, 30, 0),
    jpeg("grey-progressive", 301, 200, 85, interlace=True),
    jpeg("p3", 400, 300, 85, profile="p3"),
    jpeg("cmyk", 300, 225, 70),
    png("rgb", 97, 61, 8),
    png("rgb-interlaced", 120, 90, interlace=True),
    png("rgb-alpha", 90, 120),
    png("grey", 131, 77, 8),
    png("grey-1bit", 240, 160, 30, bitdepth=1),
    png("grey-alpha", 64, 65),
    png("palette-16", 200, 150, 4, palette=True, bitdepth=4),
    png("palette-256", 101, 103, 4, palette=True),
    png("palette-alpha", 88, 66, palette=True),
    png("16bit-rgb", 80, 60),
    png("16bit-rgb-alpha", 50, 40),
    png("16bit-grey", 70, 52),
    png("16bit-p3", 52, 39, profile="p3"),
    png("p3", 60, 80, profile="p3"),
    webp("lossy-q75", 640, 480, Q=75),
    webp("lossy-q30", 1280, 720, 0, Q=30),
    webp("lossy-q80", 33, 47, Q=80),
    webp("lossy-alpha", 161, 120, Q=80),
    webp("lossless", 111, 83, 2, lossless=True),
    webp("lossless-alpha", 60, 61, 2, lossless=True),
]


def digests(path: Path) -> dict[str, str]:
    """Returns the sha256 of the model input, by view."""
    inputs = {str(view): load_input(path, SIDE, view) for view in VIEWS}
    return {view: hashlib.sha256(pixels.tobytes()).hexdigest() for view, pixels in inputs.items()}


def draw(seed: int, width: int, height: int, noise: float) -> pyvips.Image:
    """Draws a gradient, waves, hard-edged ellipses and boxes, and noise: sRGB, 8 bits."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x + 0.5) / width, (y + 0.5) / height
    pixels = random.uniform(0, 255, 3) * (1 - x[..., None]) + random.uniform(0, 255, 3) * x[..., None]
    for _ in range(3):
        across, down, phase = random.uniform(-30, 30, 3)
        pixels += 25 * np.sin(across * x + down * y + phase)[..., None] * random.uniform(-1, 1, 3)
    for index in range(8):
        left, top = random.uniform(0, 1, 2)
        wide, high = random.uniform(0.03, 0.3, 2)
        across, down = np.abs(x - left) / wide, np.abs(y - top) / high
        inside = np.hypot(across, down) < 1 if index % 2 else np.maximum(across, down) < 1
        pixels[inside] = random.uniform(0, 255, 3)
    pixels += random.normal(0, noise, pixels.shape)
    levels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    image = pyvips.Image.new_from_memory(levels.tobytes(), width, height, 3, "uchar")
    return image.copy(interpretation="srgb")


def encode(case: Case, image: pyvips.Image) -> bytes:
    """Converts an sRGB image to the colours, depth and channels of the kind, and encodes it."""
    words = case.kind.split("-")
    columns, rows = pyvips.Image.xyz(case.width, case.height).bandsplit()
    if "p3" in words:
        image = image.icc_transform("p3", input_profile="srgb", depth=16 if "16bit" in words else 8)
    elif "cmyk" in words:
        image = image.icc_transform("cmyk", input_profile="srgb").copy()
        image.remove("icc-profile-data")  # 1 MB. Without it a reader uses the CMYK profile of libvips.
    elif "grey" in words:
        image = image.colourspace("grey16" if "16bit" in words else "b-w")
    elif "16bit" in words:
        image = image.colourspace("rgb16")
    space = image.interpretation
    if "16bit" in words:  # Two equal bytes would not show how the low one is dropped.
        image = (image + columns * 7 % 251 - 125).cast("ushort").copy(interpretation=space)
    if "1bit" in words:
        image = (image > image.avg()).copy(interpretation=space)
    if "alpha" in words:
        highest = 65535 if "16bit" in words else 255
        image = image.bandjoin((rows * highest / case.height).cast(image.format))
    if "turned" in words:
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    return bytes(image.write_to_buffer(f".{case.suffix}", **case.options))


def main() -> None:
    """Writes the images and their expected digests."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    pictures = []
    for seed, case in enumerate(CASES):
        path = FOLDER / case.file
        path.write_bytes(encode(case, draw(seed, case.width, case.height, case.noise)))
        pictures.append({"file": case.file, "inputSha256": digests(path)})
    written = json.dumps({"side": SIDE, "pictures": pictures}, indent=2)
    EXPECTATIONS.write_text(written + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{FOLDER}: {len(pictures)} images, {size} bytes")
    if size > MAX_BYTES:
        raise SystemExit(f"{FOLDER}: too large, the limit is {MAX_BYTES} bytes")


if __name__ == "__main__":
    main()
