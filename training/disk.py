"""Files on a disk that may be full: whole or absent, and an error that names the folder."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import TrainingError

FULL = (errno.ENOSPC, errno.EDQUOT)
# TensorFlow and HDF5 raise their own errors, which contain the text of the system.
FULL_TEXTS = tuple(os.strerror(code) for code in FULL)


@contextmanager
def replacing(path: Path, parameters: int = 0) -> Iterator[Path]:
    """Yields a temporary path, which becomes `path` at the end. After an exception, `path` is unchanged.

    Args:
        path: the file.
        parameters: number of float32 weights. Their space is checked first: HDF5 crashes on a full disk.
    """
    if parameters and shutil.disk_usage(path.parent).free < parameters * 5 + 2_000_000:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    temporary = path.with_name(f"part-{path.name}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yields a new folder, which becomes `path` at the end. After an exception, `path` is absent."""
    temporary = path.with_name(f"part-{path.name}")
    for folder in (temporary, path):
        shutil.rmtree(folder, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text: a killed process or a full disk leaves the old or the new text."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def reserve(path: Path) -> None:
    """Allocates the blocks of a sparse file. A full disk would end a process that writes to its mapping.

    Raises:
        TrainingError: the disk has too little space. The file is removed.
    """
    size = path.stat().st_size
    free = shutil.disk_usage(path.parent).free
    try:
        if free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if hasattr(os, "posix_fallocate"):  # macOS lacks it.
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        path.unlink()
        if error.errno not in FULL:
            raise
        raise TrainingError(
            f"{path.parent}: the disk is full, or your quota is used up. {_megabytes(size)} are needed, "
            f"{_megabytes(free)} are free. Free some space, or name a folder on another disk."
        ) from None


def full_disk(error: BaseException, folder: Path) -> TrainingError | None:
    """Returns the error for the user if `error` comes from a full disk, else None.

    Args:
        error: an exception. Its causes are searched too.
        folder: the folder to name if the error names no file.
    """
    seen: BaseException | None = error
    while seen is not None:
        if getattr(seen, "errno", None) in FULL or any(text in str(seen) for text in FULL_TEXTS):
            return TrainingError(_describe(seen, folder))
        seen = seen.__cause__ or seen.__context__
    return None


def _describe(error: BaseException, folder: Path) -> str:
    name = getattr(error, "filename", None)
    where = Path(os.fsdecode(name)).parent if isinstance(name, str | bytes) else folder
    while not where.is_dir():
        where = where.parent
    free = _megabytes(shutil.disk_usage(where).free)
    return (
        f"{where}: the disk is full, or your quota is used up. {free} are free. "
        "Free some space, and run the step again, or name a folder on another disk."
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
