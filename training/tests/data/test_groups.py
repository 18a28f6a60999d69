from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from training.data import links
from training.data.groups import Features, difference_hash, group_by_hash, group_pictures
from training.data.pictures import Picture
from training.tests.support.pictures_made import draw, draw_key, listed, save


def fixed(rows: list[list[float]]) -> Features:
    array = np.array(rows, np.float32)
    array /= np.linalg.norm(array, axis=1, keepdims=True)

    def features(pictures: Sequence[Picture]) -> npt.NDArray[np.float32]:
        assert len(pictures) == len(array)
        return array

    return features


def test_groups_images_that_are_similar_through_others(tmp_path: Path) -> None:
    angles = np.deg2rad([60, 0, 200, 30])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).tolist()
    found = group_pictures(tmp_path, listed(["d", "a", "c", "b"]), fixed(rows))
    assert [p.group for p in found] == ["g000000", "g000000", "g000001", "g000000"]
    assert [p.file for p in found] == ["d", "a", "c", "b"]


def test_groups_images_from_the_threshold_on(tmp_path: Path) -> None:
    features = fixed([[1, 0], [0.9, (1 - 0.81) ** 0.5]])
    assert len({p.group for p in group_pictures(tmp_path, listed(["a", "b"]), features, 0.89)}) == 1
    assert len({p.group for p in group_pictures(tmp_path, listed(["a", "b"]), features, 0.91)}) == 2


def test_keeps_and_extends_existing_groups(tmp_path: Path) -> None:
    pictures = listed(["a", "b", "c", "d", "e"])
    for at, group in {0: "shoot", 1: "g000000", 2: "shoot"}.items():
        pictures[at] = replace(pictures[at], group=group)
    rows: list[list[float]] = [[1, 0, 0], [0.95, 0.3, 0], [0, 1, 0], [0.1, 1, 0], [0, 0, 1]]
    found = [p.group for p in group_pictures(tmp_path, pictures, fixed(rows))]
    assert found == ["shoot", "g000000", "shoot", "shoot", "g000001"]


def test_comparison_in_blocks_gives_the_same_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(5)
    centres = generator.normal(size=(12, 16))
    rows = (centres[generator.integers(0, 12, 90)] + generator.normal(size=(90, 16)) * 0.2).tolist()
    pictures = listed([f"{i:03}" for i in range(90)])
    whole = group_pictures(tmp_path, pictures, fixed(rows))
    monkeypatch.setattr(links, "BLOCK", 7)
    assert group_pictures(tmp_path, pictures, fixed(rows)) == whole
    assert 10 <= len({p.group for p in whole}) <= 14


@pytest.mark.parametrize("rows", [np.ones((2, 3)), np.eye(3)[:1], np.full((2, 3), np.nan)])
def test_refuses_invalid_features(tmp_path: Path, rows: npt.NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="features"):
        group_pictures(tmp_path, listed(["a", "b"]), lambda _: rows)


def test_the_hash_groups_copies_only(tmp_path: Path) -> None:
    for seed in range(12):
        pixels = draw(seed, 128)
        save(tmp_path / f"{seed:02}.png", pixels)
        save(tmp_path / f"{seed:02}-recompressed.jpg", pixels, quality=40)
        save(tmp_path / f"{seed:02}-shifted.jpg", pixels[2:, 2:])
        save(tmp_path / f"{seed:02}-small.jpg", pixels[::2, ::2])
    pictures = listed(sorted(p.name for p in tmp_path.iterdir()))
    found = group_pictures(tmp_path, pictures, None)
    assert all(p.group == f"g{int(p.file[:2]):06}" for p in found)


def test_the_hash_separates_colours_and_positions_on_a_plain_background(tmp_path: Path) -> None:
    for number, (colour, at) in enumerate([((200, 30, 30), 40), ((30, 30, 200), 40), ((200, 30, 30), 80)]):
        pixels = np.full((128, 128, 3), 235, np.uint8)
        pixels[at : at + 40, at : at + 40] = colour
        save(tmp_path / f"{number}.png", pixels)
    found = group_by_hash(tmp_path, listed(["0.png", "1.png", "2.png"]))
    assert len({p.group for p in found}) == 3


def test_the_hash_separates_images_of_low_contrast(tmp_path: Path) -> None:
    for seed in range(4):
        save(tmp_path / f"{seed}.png", (120 + draw(seed, 128) * 0.06).astype(np.uint8))
    found = group_by_hash(tmp_path, listed([f"{seed}.png" for seed in range(4)]))
    assert len({p.group for p in found}) == 4


def test_hash_bits_compare_neighbouring_cells(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 90).astype(np.uint8)[None, :, None], 80, axis=0).repeat(3, axis=2)
    save(tmp_path / "right.png", ramp)
    save(tmp_path / "left.png", ramp[:, ::-1])
    right, left = (difference_hash(tmp_path, p) for p in listed(["right.png", "left.png"]))
    assert right.bits == 2**64 - 1 and left.bits == 0
    assert right.cells.shape == (8, 9, 3)


def test_images_with_groups_are_not_read(tmp_path: Path) -> None:
    pictures = [replace(p, group="x") for p in listed(["missing.jpg"])]
    assert group_by_hash(tmp_path, pictures) == pictures


@pytest.mark.parametrize("factor", [1.15, 0.85])
def test_the_hash_finds_a_copy_of_another_brightness(tmp_path: Path, factor: float) -> None:
    for seed in range(12):
        pixels = draw(seed, 128)
        save(tmp_path / f"{seed:02}.jpg", pixels)
        save(tmp_path / f"{seed:02}-other.jpg", np.clip(pixels * factor, 0, 255).astype(np.uint8))
    found = group_by_hash(tmp_path, listed(sorted(p.name for p in tmp_path.iterdir())))
    assert all(p.group == f"g{int(p.file[:2]):06}" for p in found)


def test_the_hash_separates_small_items_on_a_plain_background(tmp_path: Path) -> None:
    for seed in range(25):
        save(tmp_path / f"{seed:02}.jpg", draw_key(seed))
    found = group_by_hash(tmp_path, listed([f"{seed:02}.jpg" for seed in range(25)]))
    assert len({p.group for p in found}) >= 24


def test_the_hash_separates_plain_grounds_of_different_brightness(tmp_path: Path) -> None:
    for grey in (60, 120, 240):
        save(tmp_path / f"{grey}.png", np.full((64, 64, 3), grey, np.uint8))
    found = group_by_hash(tmp_path, listed(["60.png", "120.png", "240.png"]))
    assert len({p.group for p in found}) == 3
