"""Folds for cross-validation. All images of a group are in the same fold."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.metrics import Ints


@dataclass(frozen=True)
class Fold:
    """Row numbers of one fold.

    Attributes:
        name: `fold-1` and so on.
        train: rows to train on.
        held: rows to predict.
    """

    name: str
    train: Ints
    held: Ints


def group_folds(pictures: Sequence[Picture], count: int, seed: int) -> list[Fold]:
    """Splits images into `count` folds by group. Each image is held out in exactly one fold.

    The largest groups are placed first. Each group goes to the fold with the fewest images of the group's
    most common label. Of equal folds, the smallest one is chosen. This balances classes and fold sizes.
    The seed decides the order of groups of equal size.

    Raises:
        TrainingError: `count` is below 2 or above the number of groups.
    """
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for index, picture in enumerate(pictures):
        rows[picture.group].append(index)
    if not 2 <= count <= len(rows):
        raise TrainingError(f"{count} folds of {len(rows)} groups: not possible. Use 2 to {len(rows)} folds.")
    names = sorted(rows)
    order = np.random.default_rng(seed).permutation(len(names))
    by_label = [Counter[str]() for _ in range(count)]
    held: list[list[int]] = [[] for _ in range(count)]
    for name in sorted((names[i] for i in order), key=lambda name: -len(rows[name])):
        labels = Counter(pictures[index].label for index in rows[name])
        label = labels.most_common(1)[0][0]
        fold = min(range(count), key=lambda f: (by_label[f][label], len(held[f])))
        by_label[fold] += labels
        held[fold] += rows[name]
    every = np.arange(len(pictures))
    return [
        Fold(f"fold-{number}", np.setdiff1d(every, rows_held), np.array(sorted(rows_held), np.int64))
        for number, rows_held in enumerate(held, start=1)
    ]
