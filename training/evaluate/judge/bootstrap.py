"""How sure a figure is when pictures come in groups."""

from collections.abc import Callable, Sequence

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.metrics import Bools, Ints


def group_indices(groups: Sequence[str]) -> Ints:
    """Each row's group as a number from 0, (N,)."""
    _, index = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return np.asarray(index, np.int64)


def draw_groups(index: Ints, generator: np.random.Generator) -> Ints:
    """How often each row counts when as many groups as there are get drawn with replacement, (N,)."""
    total = int(index.max()) + 1
    drawn = np.bincount(generator.integers(0, total, total), minlength=total)
    return np.asarray(drawn[index])


def group_bootstrap(
    figure: Callable[[Ints], float],
    groups: Sequence[str],
    seed: int,
    rounds: int = 1000,
    share: float = 0.95,
) -> tuple[float, float]:
    """The middle `share` of a figure over resamples of whole groups.

    Shots of one thing are no independent tests, so resampling pictures would give too small a range.
    With few groups (under some 20) the range is still too small.

    Args:
        figure: takes row numbers (M,), with repetitions, and gives the figure of these rows; NaN is left out.
        groups: the group of each row, (N,).
        seed: of the resampling.
        rounds: how many resamples.
        share: of the resamples that lie between the two ends.

    Returns:
        The lower and the upper end.
    """
    if len(groups) == 0:
        raise TrainingError("no pictures to take a range of")
    generator = np.random.default_rng(seed)
    index = group_indices(groups)
    rows = np.arange(len(index))
    values = np.array([figure(np.repeat(rows, draw_groups(index, generator))) for _ in range(rounds)])
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def share_range(right: Bools, counted: Bools, groups: Sequence[str], seed: int) -> tuple[float, float]:
    """The 95 % range of the share that is right of the rows that count; NaN where none counts.

    Where none is wrong no resample holds a wrong one either: then the lower end is the share at which so many
    groups without a fault are as rare as 1 in 20.
    Source: Clopper and Pearson, The use of confidence or fiducial limits, 1934 (one-sided).

    Args:
        right: (N,).
        counted: (N,).
        groups: the group of each row, (N,).
        seed: of the resampling.
    """
    if counted.any() and right[counted].all():
        faultless = len(set(np.asarray(groups, dtype=str)[counted]))
        return 0.05 ** (1 / faultless), 1.0

    def figure(rows: Ints) -> float:
        kept = right[rows][counted[rows]]
        return float(kept.mean()) if len(kept) else float("nan")

    return group_bootstrap(figure, groups, seed)
