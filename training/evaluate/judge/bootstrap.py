"""Confidence ranges of a metric for images in groups."""

from collections.abc import Callable, Sequence

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.metrics import Bools, Ints


def group_indices(groups: Sequence[str]) -> Ints:
    """Returns the group of each row as an integer from 0, (N,)."""
    _, index = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return np.asarray(index, np.int64)


def draw_groups(index: Ints, generator: np.random.Generator) -> Ints:
    """Draws as many groups as exist, with replacement.

    Returns:
        How often each row is drawn, (N,).
    """
    total = int(index.max()) + 1
    drawn = np.bincount(generator.integers(0, total, total), minlength=total)
    return np.asarray(drawn[index])


def group_bootstrap(
    metric: Callable[[Ints], float],
    groups: Sequence[str],
    seed: int,
    rounds: int = 1000,
    share: float = 0.95,
) -> tuple[float, float]:
    """Returns the range of a metric over resamples of whole groups.

    Images of the same object are not independent, so resampling single images gives a range that is too
    small. With few groups (below about 20), the range is still too small.

    Args:
        metric: returns the metric of the given rows (M,). A row may occur several times. NaN is left out.
        groups: the group of each row, (N,).
        seed: seed of the resampling.
        rounds: number of resamples.
        share: share of the resamples that lie inside the range, around the middle.

    Returns:
        The lower and the upper end.

    Raises:
        TrainingError: there are no rows.
    """
    if len(groups) == 0:
        raise TrainingError("range: no images. At least one is needed.")
    generator = np.random.default_rng(seed)
    index = group_indices(groups)
    rows = np.arange(len(index))
    values = np.array([metric(np.repeat(rows, draw_groups(index, generator))) for _ in range(rounds)])
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def share_range(right: Bools, counted: Bools, groups: Sequence[str], seed: int) -> tuple[float, float]:
    """Returns the 95 % range of the share of counted rows that are right. It is NaN if no row counts.

    If no counted row is wrong, resampling cannot find a lower end. The lower end is then the share at which
    this number of groups is all right with a probability of 5 %.
    Source: Clopper and Pearson, The use of confidence or fiducial limits, 1934 (one-sided).

    Args:
        right: whether a row is right, (N,).
        counted: whether a row counts, (N,).
        groups: the group of each row, (N,).
        seed: seed of the resampling.
    """
    if counted.any() and right[counted].all():
        group_count = len(set(np.asarray(groups, dtype=str)[counted]))
        return 0.05 ** (1 / group_count), 1.0

    def share_right(rows: Ints) -> float:
        kept = right[rows][counted[rows]]
        return float(kept.mean()) if len(kept) else float("nan")

    return group_bootstrap(share_right, groups, seed)
