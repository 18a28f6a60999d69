"""Cache of decoded images: one file on disk, which is mapped into memory."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.decode import VERSION, load_input
from training.data.pictures import Picture
from training.disk import reserve, write_text
from training.errors import TrainingError
from training.progress import Progress

CHUNK = 256
"""Number of images between two writes of the progress counter."""


@dataclass(frozen=True)
class PixelCache:
    """Decoded images.

    Attributes:
        pixels: (N, side, side, 3) uint8, sRGB, read-only, mapped from disk.
        files: the N files, in the order of `pixels`.
    """

    pixels: np.memmap[tuple[int, ...], np.dtype[np.uint8]]
    files: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The .npy file that `pixels` is mapped from."""
        assert isinstance(self.pixels, np.memmap)
        return Path(str(self.pixels.filename))


def cache_pixels(
    root: Path, pictures: Sequence[Picture], folder: Path, side: int = 255, view: float = 1.0
) -> PixelCache:
    """Decodes and resizes all images, or reads them from the cache.

    The name of the cache file contains a digest of the file names, sizes and times. Another list or a
    changed image therefore gets another cache file. An interrupted call is continued by the next one. If
    two calls run at the same time, one waits.

    Args:
        root: the data folder.
        pictures: the images. Rows are in the order of the sorted files.
        folder: folder of the cache. An image takes side * side * 3 bytes.
        side: width and height in pixels.
        view: the centre crop, as a fraction of the image sides.

    Raises:
        TrainingError: there are no images, or one cannot be decoded.
    """
    files = tuple(sorted({p.file for p in pictures}))
    if not files:
        raise TrainingError(f"{root}: no images to decode. Check pictures.csv of the run.")
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{digest_of(root, files)}-{side}{f'-{view:g}' if view != 1 else ''}"
    whole, part, counter = (folder / f"{name}{end}" for end in (".npy", ".part.npy", ".json"))
    shape = (len(files), side, side, 3)
    with _locked(folder):
        if read_whole(whole, shape) is None:
            _fill(root, files, part, counter, shape, view)
            part.replace(whole)
            counter.unlink(missing_ok=True)
    return PixelCache(np.load(whole, mmap_mode="r"), files)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _fill(
    root: Path, files: Sequence[str], part: Path, counter: Path, shape: tuple[int, ...], view: float
) -> None:
    done = 0
    if counter.is_file() and read_whole(part, shape) is not None:
        done = json.loads(counter.read_text())["done"]
    mode = "r+" if done else "w+"
    pixels = np.lib.format.open_memmap(part, mode=mode, dtype=np.uint8, shape=None if done else shape)
    if not done:
        reserve(part)
    progress = Progress("decoding the remaining images" if done else "decoding", len(files) - done)
    for start in range(done, len(files), CHUNK):
        end = min(start + CHUNK, len(files))
        for row in range(start, end):
            pixels[row] = load_input(root / files[row], shape[1], view)
            progress.add()
        pixels.flush()
        write_text(counter, json.dumps({"done": end}))


def read_whole(path: Path, shape: tuple[int, ...] | None) -> npt.NDArray[Any] | None:
    """Maps a .npy file. Returns None if it is missing, cut, or has another shape than `shape`."""
    try:
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r")
    except (FileNotFoundError, EOFError, ValueError):
        return None
    return found if shape in (None, found.shape) else None


def digest_of(root: Path, files: Sequence[str]) -> str:
    """Returns a digest that differs for other lists of files and for changed files.

    Raises:
        TrainingError: a file is missing.
    """
    digest = hashlib.sha256(f"decoder {VERSION}\n".encode())
    for file in files:
        try:
            status = (root / file).stat()
        except OSError as error:
            raise TrainingError(
                f"{root / file}: cannot be read ({error.strerror}). Run `split` again."
            ) from error
        digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
