from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from training.data.groups import Features, group_pictures
from training.features import imagenet_features
from training.tests.support.pictures_made import draw, draw_key, listed, save

KEYS = 25


def equal_features(total: int, cosine: float) -> Features:
    """Each image has the same cosine to each other image."""
    rows = np.linalg.cholesky(np.full((total, total), cosine) + np.eye(total) * (1 - cosine))
    return lambda _: rows.astype(np.float32)


def drawn(folder: Path) -> list[str]:
    for seed in range(KEYS):
        save(folder / f"{seed:02}.jpg", draw_key(seed))
    return [f"{seed:02}.jpg" for seed in range(KEYS)]


def test_divides_different_drawn_items(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = group_pictures(tmp_path, listed(drawn(tmp_path)), equal_features(KEYS, 0.88))
    assert len({p.group for p in found}) >= KEYS - 3
    assert "the second look divided 1 group" in capsys.readouterr().out


def test_the_features_of_the_network_do_not_swallow_drawn_items(tmp_path: Path) -> None:
    files = drawn(tmp_path)
    for file in files[:6]:
        pixels = draw_key(int(file[:2]))
        copies = {
            "recompressed": pixels,
            "small": pixels[::2, ::2],
            "cropped": pixels[8:-8, 10:-10],
            "dark": (pixels * 0.85).astype(np.uint8),
        }
        for name, copy in copies.items():
            save(tmp_path / f"{file[:2]}-{name}.jpg", copy, quality=60)
            files.append(f"{file[:2]}-{name}.jpg")
    pictures = listed(files)
    found = group_pictures(tmp_path, pictures, lambda some: imagenet_features(tmp_path, some))
    groups = [{p.group for p in found if p.file[:2] == f"{seed:02}"} for seed in range(KEYS)]
    assert all(len(names) == 1 for names in groups), "copies stay together"
    assert len(set[str]().union(*groups)) >= 15, "one group without the second look"


def test_copies_stay_together_by_their_shape(tmp_path: Path) -> None:
    pixels = draw_key(1)
    for number, factor in enumerate([1, 0.95, 0.9, 0.85, 0.8, 0.75]):
        save(tmp_path / f"{number}.jpg", (pixels * factor).astype(np.uint8))
    found = group_pictures(tmp_path, listed([f"{n}.jpg" for n in range(6)]), equal_features(6, 0.85))
    assert len({p.group for p in found}) == 1


@pytest.mark.parametrize(("cosine", "textured"), [(0.95, False), (0.85, True)])
def test_keeps_similar_images_and_photographs(tmp_path: Path, cosine: float, textured: bool) -> None:
    for seed in range(8):
        pixels: npt.NDArray[np.uint8] = draw(seed, 128) if textured else draw_key(seed)
        save(tmp_path / f"{seed}.jpg", pixels)
    found = group_pictures(tmp_path, listed([f"{n}.jpg" for n in range(8)]), equal_features(8, cosine))
    assert len({p.group for p in found}) == 1


def test_keeps_a_group_that_is_a_small_part_of_its_label(tmp_path: Path) -> None:
    for seed in range(6):
        save(tmp_path / f"{seed}.jpg", draw_key(seed))
    for seed in range(6, 30):
        save(tmp_path / f"{seed}.jpg", draw(seed))
    rows = np.eye(36, dtype=np.float32)
    rows[:6] = 0
    rows[:6, 0], rows[np.arange(6), 30 + np.arange(6)] = 0.92, (1 - 0.92**2) ** 0.5
    found = group_pictures(tmp_path, listed([f"{n}.jpg" for n in range(30)]), lambda _: rows[:30])
    assert len({p.group for p in found}) == 25
