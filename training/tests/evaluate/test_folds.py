"""Folds for cross-validation keep groups together and classes balanced."""

from collections import Counter

import pytest

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.labels.folds import group_folds
from training.tests.support.evaluate_data import pictures_of


@pytest.mark.parametrize("seed", range(4))
def test_each_image_is_held_out_once_and_groups_stay_together(seed: int) -> None:
    pictures = pictures_of(301, seed)
    folds = group_folds(pictures, 5, seed)
    assert sorted(row for fold in folds for row in fold.held) == list(range(301))
    for fold in folds:
        assert sorted([*fold.train, *fold.held]) == list(range(301))
        assert not {pictures[i].group for i in fold.train} & {pictures[i].group for i in fold.held}
        assert abs(len(fold.held) - 60) < 15


def test_folds_balance_the_classes() -> None:
    pictures = [Picture(str(i), "rare" if i % 10 == 0 else "common", str(i), "s") for i in range(200)]
    for fold in group_folds(pictures, 4, 1):
        assert Counter(pictures[i].label for i in fold.held) == {"rare": 5, "common": 45}


def test_the_seed_decides_the_folds() -> None:
    pictures = pictures_of(90)
    held = [[fold.held.tolist() for fold in group_folds(pictures, 3, seed)] for seed in (1, 1, 2)]
    assert held[0] == held[1] != held[2]


def test_refuses_more_folds_than_groups() -> None:
    with pytest.raises(TrainingError, match=r"3 folds of 2 groups: not possible\. Use 2 to 2 folds"):
        group_folds(pictures_of(6), 3, 1)
