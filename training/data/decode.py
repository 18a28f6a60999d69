"""Decodes and resizes images with the same bytes as the daemon.

The daemon uses sharp, which is based on libvips too (`device/perception/vision/preprocess.ts`). The whole
image is decoded first, and resized in a second call. In a single call libvips would shrink a large JPEG
while loading it, with another filter.
"""

import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyvips

from training.errors import TrainingError

VERSION = 2
"""Counts the changes of the decoded bytes, because decoded images are cached."""
HARMLESS = (
    re.compile("read gave 1 warnings.*Invalid SOS parameters"),
    re.compile(r": ([1-9]|1[0-6]) extraneous bytes before marker 0xd[0-9]"),
)
"""Warnings of libjpeg about whole images, as in the daemon (`device/perception/vision/decode.ts`)."""
END_OF_JPEG = b"\xff\xd9"
_LOCK = Lock()
pyvips.cache_set_max(0)  # An image is decoded once, and its reader must be closed at once.
FIX = "Remove or replace it. `python -m training check-data` lists all such files."


def decode(data: bytes) -> npt.NDArray[np.uint8]:
    """Decodes a whole JPEG, PNG or WebP image.

    Args:
        data: the bytes of the file.

    Returns:
        (height, width, 3) uint8, sRGB. Transparency is dropped, not blended. The image is upright: the
        orientation of its EXIF data is applied.

    Raises:
        TrainingError: the image is truncated, damaged or of another format.
    """
    if not _is_supported(data):
        raise TrainingError("not a JPEG, PNG or WebP image")
    try:
        with _warnings_of_vips() as warnings:
            image = pyvips.Image.new_from_buffer(_complete(data), "", fail_on="error", access="sequential")
            if image.get_typeof("orientation") and image.get("orientation") != 1:
                image = image.copy_memory().autorot()  # A sequential image cannot be rotated.
            image = _to_srgb(image)
            pixels = np.frombuffer(image.write_to_memory(), np.uint8)
            height, width, bands = image.height, image.width, image.bands
            del image  # The JPEG reader logs its warnings when it is closed.
    except pyvips.Error as error:
        raise TrainingError(f"cannot be decoded ({' '.join(str(error).split())})") from error
    damage = _damage_in(" ".join(" ".join(warnings).split()))
    if damage:
        raise TrainingError(f"is damaged ({damage})")
    if bands != 3:
        raise TrainingError(f"decoded to {bands} channels instead of 3")
    return pixels.reshape(height, width, 3)


def resize(pixels: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    """Resizes (h, w, 3) uint8 to (height, width, 3), linearly. The aspect ratio is not kept."""
    rows, columns, _ = pixels.shape
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(pixels).data, columns, rows, 3, "uchar")
    image = image.copy(interpretation="srgb")
    # Same arithmetic as sharp: one over the shrink factor. width / columns can differ in the last bit.
    image = image.resize(1 / (columns / width), vscale=1 / (rows / height), kernel="linear")
    return np.frombuffer(image.write_to_memory(), np.uint8).reshape(height, width, 3)


def load_picture(path: Path) -> npt.NDArray[np.uint8]:
    """Reads a file as (height, width, 3) uint8, sRGB.

    Raises:
        TrainingError: the image cannot be read. The text names the file.
    """
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}). {FIX}") from error
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}. {FIX}") from error


def centre_crop(pixels: npt.NDArray[np.uint8], fraction: float) -> npt.NDArray[np.uint8]:
    """Returns the middle of (h, w, 3) pixels: a fraction of each side, rounded like the daemon rounds."""
    height, width, _ = pixels.shape
    rows, columns = (max(1, math.floor(side * fraction + 0.5)) for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def load_input(path: Path, side: int, view: float = 1.0) -> npt.NDArray[np.uint8]:
    """Reads a file as model input: (side, side, 3) uint8, sRGB.

    Args:
        path: the image file.
        side: side of the input in pixels.
        view: the centre crop, as a fraction of the image sides.

    Raises:
        TrainingError: the image cannot be read. The text names the file.
    """
    return resize(centre_crop(load_picture(path), view), side, side)


def _is_supported(data: bytes) -> bool:
    return (
        data.startswith(b"\xff\xd8\xff")
        or data.startswith(b"\x89PNG\r\n\x1a\n")
        or (data.startswith(b"RIFF") and data[8:12] == b"WEBP")
    )


def _complete(data: bytes) -> bytes:
    """Adds a missing end marker to a JPEG, as the daemon does. All pixels may be there."""
    is_open = data.startswith(b"\xff\xd8") and not data.rstrip(b"\0").endswith(END_OF_JPEG)
    return data + END_OF_JPEG if is_open else data


@contextmanager
def _warnings_of_vips() -> Iterator[list[str]]:
    """Collects the warnings of libvips, which pyvips logs."""
    found: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("pyvips")
    with _LOCK:
        propagates, logger.propagate = logger.propagate, False
        logger.addHandler(handler)
        try:
            yield found
        finally:
            logger.removeHandler(handler)
            logger.propagate = propagates


def _damage_in(warnings: str) -> str | None:
    """Returns the first warning of the JPEG decoder, unless it is harmless."""
    found = re.search("VipsJpeg: .*", warnings)
    return found[0] if found and not any(harmless.search(warnings) for harmless in HARMLESS) else None


def _to_srgb(image: pyvips.Image) -> pyvips.Image:
    """Converts to 8-bit sRGB without alpha, with the steps of sharp."""
    wide = image.interpretation in {"rgb16", "grey16"}
    profile = "p3" if image.interpretation == "rgb16" else "srgb"
    if "icc-profile-data" in image.get_fields() and image.interpretation not in {"labs", "grey16"}:
        with suppress(pyvips.Error):  # sharp ignores an unusable profile too.
            image = image.icc_transform(profile, embedded=True, depth=16 if wide else 8, intent="perceptual")
    elif image.interpretation == "cmyk":
        image = image.icc_transform(profile, input_profile="cmyk", intent="perceptual")
    while image.bands > 1 and image.hasalpha():
        image = image.extract_band(0, n=image.bands - 1)
    if image.interpretation in {"rgb16", "grey16"}:
        image = image.cast("ushort")
    if image.interpretation != "srgb":
        image = image.colourspace("srgb", source_space=image.interpretation)
    return image if image.format == "uchar" else image.cast("uchar")
