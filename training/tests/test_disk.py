import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training import cli
from training.data import pixels
from training.data.decode import load_input
from training.data.find import find_pictures
from training.data.pixels import cache_pixels
from training.disk import full_disk, replacing, replacing_folder, reserve
from training.errors import TrainingError
from training.tests.support.pictures_made import folder

NO_SPACE = os.strerror(errno.ENOSPC)


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, NO_SPACE)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with replacing(path) as part:
        part.write_text("old")
    with pytest.raises(OSError, match=NO_SPACE), replacing(path) as part:
        part.write_text("ne")
        no_space()
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_failed_export_leaves_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "exports"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(OSError, match=NO_SPACE), replacing_folder(path) as part:
        (part / "half").touch()
        no_space()
    assert list(tmp_path.iterdir()) == []
    with replacing_folder(path) as part:
        (part / "whole").touch()
    assert [file.name for file in path.iterdir()] == ["whole"]


def test_reserves_the_blocks_of_a_sparse_file(tmp_path: Path) -> None:
    path = tmp_path / "pixels.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(3_000_000,))
    reserve(path)
    assert path.stat().st_blocks * 512 >= 3_000_000


@pytest.mark.parametrize("failing", ["free", "posix_fallocate"])
def test_names_the_needed_and_the_free_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    data, cache = tmp_path / "data", tmp_path / "cache"
    folder(data, {"paper": 5, "metal": 5})
    if failing == "free":
        monkeypatch.setattr("shutil.disk_usage", lambda _: Usage())
    else:
        monkeypatch.setattr("os.posix_fallocate", no_space)
    with pytest.raises(
        TrainingError, match=rf"{cache}: the disk is full.* 2.0 MB are needed, .* MB are free"
    ):
        cache_pixels(data, find_pictures(data), cache, 255)
    assert list(cache.iterdir()) == []


class Usage:
    free = 1_900_000


@pytest.mark.parametrize("cut", ["end", "header", "all"])
def test_a_cut_cache_is_made_again(tmp_path: Path, cut: str) -> None:
    folder(tmp_path / "data", {"paper": 5, "metal": 5})
    pictures = find_pictures(tmp_path / "data")
    whole = cache_pixels(tmp_path / "data", pictures, tmp_path / "cache", 24)
    expected = np.array(whole.pixels)
    os.truncate(whole.path, {"end": whole.path.stat().st_size - 1, "header": 20, "all": 0}[cut])
    assert np.array_equal(cache_pixels(tmp_path / "data", pictures, tmp_path / "cache", 24).pixels, expected)


def test_a_cut_part_is_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "data", {"paper": 5, "metal": 5})
    pictures = find_pictures(tmp_path / "data")
    expected = np.array(cache_pixels(tmp_path / "data", pictures, tmp_path / "whole", 24).pixels)
    monkeypatch.setattr(pixels, "CHUNK", 2)
    load = load_input
    seen: list[Path] = []

    def interrupted(path: Path, side: int, view: float) -> object:
        if len(seen) == 4:
            raise KeyboardInterrupt
        seen.append(path)
        return load(path, side, view)

    monkeypatch.setattr(pixels, "load_input", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache_pixels(tmp_path / "data", pictures, tmp_path / "cache", 24)
    monkeypatch.setattr(pixels, "load_input", load)
    part = next((tmp_path / "cache").glob("*.part.npy"))
    os.truncate(part, 2000)
    assert np.array_equal(cache_pixels(tmp_path / "data", pictures, tmp_path / "cache", 24).pixels, expected)


def wrapped() -> Exception:
    try:
        no_space()
    except OSError as cause:
        error = RuntimeError("cannot close")
        error.__cause__ = cause
        return error
    raise AssertionError


@pytest.mark.parametrize(
    "make",
    [
        lambda: OSError(errno.ENOSPC, NO_SPACE),
        lambda: OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        lambda: RuntimeError(f"; {NO_SPACE} [Op:SaveV2]"),
        wrapped,
    ],
    ids=["disk", "quota", "tensorflow", "cause"],
)
def test_a_step_ends_with_one_line_on_a_full_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[], Exception],
) -> None:
    folder(tmp_path / "data", {"paper": 5, "metal": 5})

    def fail(*_: object) -> None:
        raise make()

    monkeypatch.setattr("training.steps.check_data.check_data", fail)
    run = tmp_path / "run"
    assert cli.main(["check-data", "--data", str(tmp_path / "data"), "--run", str(run)]) == 1
    text = capsys.readouterr().err
    assert text.startswith(f"training: {tmp_path}: the disk is full") and text.count("\n") == 1


def test_the_file_in_the_error_names_the_folder(tmp_path: Path) -> None:
    error = full_disk(OSError(errno.ENOSPC, NO_SPACE, str(tmp_path / "new" / "file")), Path())
    assert str(error).startswith(f"{tmp_path}: the disk is full")
    assert full_disk(OSError(errno.EACCES, "Permission denied"), tmp_path) is None


def test_weights_are_not_begun_without_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage())
    with pytest.raises(OSError, match=NO_SPACE), replacing(tmp_path / "weights.h5", 1000):
        pytest.fail("HDF5 would crash")
