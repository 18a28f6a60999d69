"""Every picture decoded once, in one file on the disk that the training maps into memory."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from training.data.decode import load_input
from training.data.pictures import Picture
from training.errors import TrainingError
from training.progress import Progress

__all__ = ["PixelCache", "cache_pixels", "load_input"]

CHUNK = 256
"""Pictures between two notes of how far the work is."""


@dataclass(frozen=True)
class PixelCache:
    """Decoded pictures.

    Attributes:
        pixels: (N, side, side, 3) uint8, sRGB, read-only, mapped from the disk.
        files: the N files, in the order of `pixels`.
    """

    pixels: np.memmap[tuple[int, ...], np.dtype[np.uint8]]
    files: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The .npy file that `pixels` is mapped from."""
        assert isinstance(self.pixels, np.memmap)
        return Path(str(self.pixels.filename))

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {file: row for row, file in enumerate(self.files)}

    def index(self, file: str) -> int:
        """The row of a file.

        Raises:
            TrainingError: the file is not in the cache.
        """
        rows = self._rows
        if file not in rows:
            raise TrainingError(
                f"{file}: not among the {len(rows)} cached pictures; cache the list that you train on"
            )
        return rows[file]


def cache_pixels(
    root: Path, pictures: Sequence[Picture], folder: Path, side: int = 255, view: float = 1.0
) -> PixelCache:
    """Decodes and resizes all pictures, or takes them from an earlier run.

    The file's name holds a digest of the files, their sizes and times, so another list or a changed picture
    makes another file. An interrupted run goes on where it stopped; of two at once, one waits.

    Args:
        root: the data folder.
        pictures: what to decode; the rows are in the order of the sorted files.
        folder: where the cache lies; side * side * 3 bytes a picture.
        side: width and height in pixels.
        view: the centre crop, as a fraction of the picture's sides.

    Raises:
        TrainingError: there are no pictures, or one cannot be decoded.
    """
    files = tuple(sorted({p.file for p in pictures}))
    if not files:
        raise TrainingError(f"{root}: no pictures to decode")
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{digest_of(root, files)}-{side}{f'-{view:g}' if view != 1 else ''}"
    whole, part, counter = (folder / f"{name}{end}" for end in (".npy", ".part.npy", ".json"))
    with _alone_in(folder):
        if not whole.is_file():
            _fill(root, files, part, counter, side, view)
            part.replace(whole)
            counter.unlink(missing_ok=True)
    return PixelCache(np.load(whole, mmap_mode="r"), files)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _fill(root: Path, files: Sequence[str], part: Path, counter: Path, side: int, view: float) -> None:
    shape = (len(files), side, side, 3)
    done = json.loads(counter.read_text())["done"] if counter.is_file() and part.is_file() else 0
    mode = "r+" if done else "w+"
    pixels = np.lib.format.open_memmap(part, mode=mode, dtype=np.uint8, shape=None if done else shape)
    progress = Progress("decoding the rest" if done else "decoding", len(files) - done)
    for start in range(done, len(files), CHUNK):
        end = min(start + CHUNK, len(files))
        for row in range(start, end):
            pixels[row] = load_input(root / files[row], side, view)
            progress.add()
        pixels.flush()
        _write(counter, json.dumps({"done": end}))


def _write(path: Path, text: str) -> None:
    """Writes so that a kill leaves the old or the new text."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)


def digest_of(root: Path, files: Sequence[str]) -> str:
    """Tells lists of files apart, and the same files changed.

    Raises:
        TrainingError: a file is missing.
    """
    digest = hashlib.sha256()
    for file in files:
        try:
            status = (root / file).stat()
        except OSError as error:
            raise TrainingError(
                f"{root / file}: cannot be read ({error.strerror}); list the pictures anew"
            ) from error
        digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
