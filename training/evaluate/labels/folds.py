"""Folds for cross-validation; no group is on two sides."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.metrics import Ints


@dataclass(frozen=True)
class Fold:
    """Row numbers of one fold: train on `train`, ask the model about `held`."""

    name: str
    train: Ints
    held: Ints


def group_folds(pictures: Sequence[Picture], count: int, seed: int) -> list[Fold]:
    """Splits pictures into `count` folds by group; each picture is held in exactly one.

    Large groups are placed first, each where its commonest label is rarest so far: classes and sizes come out
    about even. The seed decides among equals.
    """
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for index, picture in enumerate(pictures):
        rows[picture.group].append(index)
    if not 2 <= count <= len(rows):
        raise TrainingError(f"{count} folds of {len(rows)} groups; allowed are 2 to the number of groups")
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
