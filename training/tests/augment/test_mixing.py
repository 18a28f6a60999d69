"""In mixed batches the targets match the images."""

from dataclasses import replace

import numpy as np
import pytest

from training.augment.mixing import draw_box, mix_batch
from training.config import AugmentConfig

CLASSES = 12
NONE = replace(AugmentConfig(), mixup=0.0, cutmix=0.0)


def batch(count: int, size: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Image i has the level 20 * i everywhere and the target i."""
    levels = (20 * np.arange(count)).astype(np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (count, size, size, 3)).copy()
    return images, np.eye(CLASSES, dtype=np.float32)[np.arange(count)]


def test_mixup_blends_by_the_share_of_the_target() -> None:
    images, targets = batch(12)
    mixed, wanted = mix_batch(images, targets, replace(NONE, mixup=1.0), np.random.default_rng(1))
    assert mixed.dtype == np.uint8
    assert wanted.dtype == np.float32
    assert (mixed == mixed[:, :1, :1, :1]).all()
    levels = wanted.astype(float) @ (20.0 * np.arange(CLASSES))
    assert np.abs(mixed[:, 0, 0, 0] - levels).max() <= 0.501
    assert (wanted[np.arange(12), np.arange(12)] >= 0.5).all()
    assert ((wanted > 0).sum(axis=1) == 2).sum() > 6


def test_cutmix_targets_equal_the_areas() -> None:
    images, targets = batch(12)
    mixed, wanted = mix_batch(images, targets, replace(NONE, cutmix=1.0), np.random.default_rng(2))
    areas = np.stack([(mixed[..., 0] == 20 * label).mean(axis=(1, 2)) for label in range(12)], axis=1)
    np.testing.assert_allclose(wanted, areas, atol=1e-6)
    assert ((wanted > 0).sum(axis=1) == 2).sum() > 3


def test_targets_sum_to_one_and_the_given_batch_is_unchanged() -> None:
    images, targets = batch(12)
    targets = 0.9 * targets + np.float32(0.1 / CLASSES)
    before = images.copy(), targets.copy()
    for seed in range(20):
        _, wanted = mix_batch(images, targets, AugmentConfig(), np.random.default_rng(seed))
        np.testing.assert_allclose(wanted.sum(axis=1), 1, atol=1e-6)
    assert (images == before[0]).all()
    assert (targets == before[1]).all()


def test_the_number_of_mixed_images_matches_the_shares() -> None:
    images, targets = batch(12)
    rng = np.random.default_rng(3)
    config = replace(NONE, mixup=0.25, cutmix=0.25)
    touched = [(mix_batch(images, targets, config, rng)[1] != targets).any(axis=1).mean() for _ in range(200)]
    # A share near 0 gives an empty box.
    assert 0.38 < np.mean(touched) < 0.53


@pytest.mark.parametrize("count", [0, 1])
def test_a_batch_of_fewer_than_two_images_is_unchanged(count: int) -> None:
    images, targets = batch(count)
    mixed, wanted = mix_batch(images, targets, AugmentConfig(), np.random.default_rng(0))
    assert (mixed == images).all()
    assert (wanted == targets).all()


def test_boxes_lie_within_the_image() -> None:
    rng = np.random.default_rng(4)
    for share in (0.0, 0.1, 0.5, 1.0):
        for _ in range(50):
            for part, length in zip(draw_box(20, 30, share, rng), (20, 30), strict=True):
                assert 0 <= part.start <= part.stop <= length
