import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from training.data import pixels as module
from training.data.decode import load_input
from training.data.find import find_pictures
from training.data.pictures import Picture
from training.data.pixels import cache_pixels
from training.errors import TrainingError
from training.tests.support.pictures_made import draw, folder, save


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder(tmp_path / "data", {"paper": 6, "metal": 5})
    return tmp_path / "data"


def counted(monkeypatch: pytest.MonkeyPatch, stop_at: int = 10**9) -> list[Path]:
    """Records decoded files. After `stop_at` images the work is interrupted."""
    seen: list[Path] = []

    def load(path: Path, side: int, view: float) -> object:
        if len(seen) == stop_at:
            raise KeyboardInterrupt
        seen.append(path)
        return load_input(path, side, view)

    monkeypatch.setattr(module, "load_input", load)
    return seen


def test_caches_each_image(data: Path, tmp_path: Path) -> None:
    pictures = find_pictures(data)
    cache = cache_pixels(data, pictures[::-1], tmp_path / "cache", 24)
    assert cache.pixels.shape == (11, 24, 24, 3) and cache.pixels.dtype == np.uint8
    assert list(cache.files) == [p.file for p in pictures]
    for row, picture in enumerate(pictures):
        assert np.array_equal(cache.pixels[row], load_input(data / picture.file, 24))
    with pytest.raises(ValueError, match="read-only"):
        cache.pixels[0] = 0


def test_a_second_call_decodes_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = find_pictures(data)
    first = cache_pixels(data, pictures, tmp_path / "cache", 24)
    seen = counted(monkeypatch)
    again = cache_pixels(data, pictures[::-1], tmp_path / "cache", 24)
    assert seen == [] and np.array_equal(first.pixels, again.pixels)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_changed_image_or_side_gets_a_new_cache(data: Path, tmp_path: Path) -> None:
    pictures = find_pictures(data)
    cache_pixels(data, pictures, tmp_path / "cache", 24)
    path = data / pictures[0].file
    os.utime(path, (1, 1))
    assert cache_pixels(data, pictures, tmp_path / "cache", 24).files[0] == pictures[0].file
    assert len(list((tmp_path / "cache").iterdir())) == 2, "equal bytes, but another modification time"
    save(path, draw(99))
    changed = cache_pixels(data, pictures, tmp_path / "cache", 24)
    assert np.array_equal(changed.pixels[0], load_input(path, 24))
    assert cache_pixels(data, pictures, tmp_path / "cache", 16).pixels.shape[1] == 16
    assert cache_pixels(data, pictures[1:], tmp_path / "cache", 24).pixels.shape[0] == 10


def test_each_view_has_a_separate_cache(data: Path, tmp_path: Path) -> None:
    pictures = find_pictures(data)
    whole = cache_pixels(data, pictures, tmp_path / "cache", 24)
    middle = cache_pixels(data, pictures, tmp_path / "cache", 24, 0.75)
    assert whole.path.name.endswith("-24.npy") and middle.path.name.endswith("-24-0.75.npy")
    assert cache_pixels(data, pictures, tmp_path / "cache", 24, 1.0).path == whole.path
    assert np.array_equal(middle.pixels[0], load_input(data / pictures[0].file, 24, 0.75))
    assert not np.array_equal(middle.pixels, whole.pixels)


def test_continues_after_an_interruption(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = find_pictures(data)
    whole = np.array(cache_pixels(data, pictures, tmp_path / "whole", 24).pixels)
    monkeypatch.setattr(module, "CHUNK", 3)
    counted(monkeypatch, stop_at=7)
    with pytest.raises(KeyboardInterrupt):
        cache_pixels(data, pictures, tmp_path / "cache", 24)
    seen = counted(monkeypatch)
    cache = cache_pixels(data, pictures, tmp_path / "cache", 24)
    assert len(seen) == 11 - 6, "two chunks of three are in the cache"
    assert np.array_equal(cache.pixels, whole)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_of_two_calls_at_the_same_time_one_decodes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = find_pictures(data)
    seen = counted(monkeypatch)
    with ThreadPoolExecutor(2) as both:
        made = list(both.map(lambda _: cache_pixels(data, pictures, tmp_path / "cache", 24), range(2)))
    assert len(seen) == 11
    assert np.array_equal(made[0].pixels, made[1].pixels)


def test_starts_again_without_a_progress_counter(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(monkeypatch, stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        cache_pixels(data, find_pictures(data), tmp_path / "cache", 24)
    seen = counted(monkeypatch)
    cache = cache_pixels(data, find_pictures(data), tmp_path / "cache", 24)
    assert len(seen) == 11 and cache.pixels.any(axis=(1, 2, 3)).all()


def test_names_a_missing_image(data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"gone\.jpg: cannot be read"):
        cache_pixels(data, [Picture("gone.jpg", "paper", "", "x")], tmp_path / "cache")
    with pytest.raises(TrainingError, match="no images"):
        cache_pixels(data, [], tmp_path / "cache")
