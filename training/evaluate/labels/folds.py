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
    return [_fold(f"fold-{f + 1}", held[f], range(len(pictures))) for f in range(count)]


def source_folds(pictures: Sequence[Picture], least: int = 50) -> list[Fold]:
    """Leave one source out: a fold for each source of `least` pictures or more.

    Training rows of a group that the held source has too are left out.
    """
    counts = Counter(picture.source for picture in pictures)
    folds = []
    for source in sorted(name for name, count in counts.items() if count >= least):
        held = [index for index, picture in enumerate(pictures) if picture.source == source]
        groups = {pictures[index].group for index in held}
        rest = [index for index, picture in enumerate(pictures) if picture.group not in groups]
        folds.append(_fold(source, held, rest))
    if len(folds) < 2:
        raise TrainingError(
            f"fewer than two sources have {least} pictures; lower the limit or use group_folds"
        )
    return folds


def _fold(name: str, held: Sequence[int], rest: Sequence[int]) -> Fold:
    held_rows = np.sort(np.array(held, np.int64))
    return Fold(name, np.setdiff1d(np.array(rest, np.int64), held_rows), held_rows)
