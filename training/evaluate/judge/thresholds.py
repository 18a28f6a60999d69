"""Thresholds of the policy: the minimum confidence and margin for an item to be sorted by its label.

Purity is the share of the sorted items that are in the right compartment. Coverage is the share of the items
that are sorted. The other items go to the fallback compartment. Refused hazards count in neither.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.bootstrap import draw_groups, group_indices
from training.evaluate.judge.metrics import Floats, share
from training.evaluate.judge.outcomes import Outcomes

RULES = ("home", "bootstrap", "mean-source", "worst-source")
GRID: Floats = np.round(np.concatenate([np.arange(0, 0.99, 0.01), np.arange(0.99, 0.9995, 0.001)]), 3)


@dataclass(frozen=True)
class Thresholds:
    """A chosen pair of thresholds.

    Attributes:
        confidence: minimum confidence of a sorted item.
        margin: minimum difference of the two highest scores of a sorted item.
        target: the requested purity.
        rule: one of RULES.
        reached: whether the purity by the rule reaches the target.
        value: purity by the rule.
        purity: purity of all images that the pair was chosen on.
        coverage: coverage of all images that the pair was chosen on.
    """

    confidence: float
    margin: float
    target: float
    rule: str
    reached: bool
    value: float
    purity: float
    coverage: float


def choose_thresholds(
    outcomes: Outcomes,
    target: float = 0.99,
    rule: str = "home",
    *,
    seed: int,
    rounds: int = 200,
    min_coverage: float = 0.05,
    min_items: int = 50,
) -> Thresholds:
    """Returns the pair of GRID with the highest coverage whose purity reaches the target.

    Of pairs with equal coverage, the strictest pair is chosen. The rule defines which purity must reach the
    target:

    - `home`: the purity of all images together. Such thresholds did not transfer to new cameras: a purity of
      0.97 in the in-domain test was 0.75 with a new camera.
    - `bootstrap`: the lower end of its 95 % range over resamples of whole groups. This protects against
      chance, but not against new cameras.
    - `mean-source`: the unweighted mean of the purities of the sources. A large source then does not hide
      small sources.
    - `worst-source`: the lowest purity of a source.

    `mean-source` and `worst-source` describe new cameras only under one condition. The logits of each source
    must come from a model that was trained without that source, or the source must be held out. Sources with
    fewer than `min_items` images count together as one source. A source without sorted items does not count.

    If no pair reaches the target, the pair with the highest purity by the rule is chosen and `reached` is
    False. Pairs with a coverage below `min_coverage` are never chosen, because their purity is random.

    Args:
        outcomes: outcomes of the validation images.
        target: minimum purity, above 0, up to 1.
        rule: one of RULES.
        seed: seed of the resampling.
        rounds: number of resamples.
        min_coverage: 0 to 1.
        min_items: minimum images of a source that counts separately.

    Raises:
        TrainingError: the rule or target is invalid, there are too few sources, or no pair reaches
            `min_coverage`.
    """
    if rule not in RULES or not 0 < target <= 1:
        raise TrainingError(
            f"rule {rule}, purity {target}: not allowed. Rules: {', '.join(RULES)}. Purity: above 0, up to 1."
        )
    sorted_, right = _count_sorted(outcomes, np.ones(len(outcomes.right)))
    purity, coverage = share(right, sorted_), sorted_ / len(outcomes.right)
    value = {
        "home": lambda: purity,
        "bootstrap": lambda: _bootstrap_lower_end(outcomes, seed, rounds),
        "mean-source": lambda: _purity_over_sources(outcomes, min_items, worst=False),
        "worst-source": lambda: _purity_over_sources(outcomes, min_items, worst=True),
    }[rule]()
    value = np.where(coverage >= min_coverage, np.nan_to_num(value, nan=-1.0), -1.0)
    if (value < 0).all():
        raise TrainingError(
            f"thresholds: no pair sorts {min_coverage:.0%} of the items. Nearly all items are unfamiliar."
        )
    reached = bool((value >= target).any())
    strict = GRID[:, None] + GRID[None, :]
    first = np.where(value >= target, coverage, -1.0) if reached else value
    keys = [k.ravel() for k in (strict, value, coverage, first)]
    at = np.unravel_index(np.lexsort(keys)[-1], value.shape)
    return Thresholds(
        confidence=float(GRID[at[0]]),
        margin=float(GRID[at[1]]),
        target=target,
        rule=rule,
        reached=reached,
        value=float(value[at]),
        purity=float(purity[at]),
        coverage=float(coverage[at]),
    )


def _count_sorted(outcomes: Outcomes, weights: Floats) -> tuple[Floats, Floats]:
    """Returns the weights of sorted and of correctly sorted items, each (confidence, margin) over GRID."""
    size = len(GRID)
    confidence = np.searchsorted(GRID, outcomes.confidence, side="right") - 1
    margin = np.searchsorted(GRID, outcomes.margin, side="right") - 1
    familiar = confidence >= 0
    index = (confidence * size + margin)[familiar]
    counts = [
        np.bincount(index, values[familiar], minlength=size**2).reshape(size, size).astype(np.float64)
        for values in (weights, weights * outcomes.right)
    ]
    # Sums start at the strictest pair, because a pair sorts all items at or above its two thresholds.
    sums = [np.cumsum(np.cumsum(c[::-1, ::-1], axis=0), axis=1)[::-1, ::-1] for c in counts]
    return sums[0], sums[1]


def _bootstrap_lower_end(outcomes: Outcomes, seed: int, rounds: int) -> Floats:
    generator = np.random.default_rng(seed)
    groups = group_indices(outcomes.groups)
    surfaces = []
    for _ in range(rounds):
        sorted_, right = _count_sorted(outcomes, draw_groups(groups, generator).astype(np.float64))
        # A resample without sorted items is not evidence against the pair.
        surfaces.append(np.nan_to_num(share(right, sorted_), nan=1.0))
    return np.asarray(np.quantile(np.stack(surfaces), 0.025, axis=0))


def _purity_over_sources(outcomes: Outcomes, min_items: int, worst: bool) -> Floats:
    sources = np.array(pool_sources(outcomes, min_items))
    names = sorted(set(sources))
    if len(names) < 2:
        raise TrainingError(
            f"rule: fewer than two sources have {min_items} images. Use the rule home or bootstrap."
        )
    surfaces = []
    for name in names:
        sorted_, right = _count_sorted(outcomes, (sources == name).astype(np.float64))
        surfaces.append(share(right, sorted_))
    purities = np.stack(surfaces)
    counts = (~np.isnan(purities)).sum(axis=0)
    if worst:
        return np.where(counts > 0, np.nan_to_num(purities, nan=2.0).min(axis=0), np.nan)
    return share(np.nansum(purities, axis=0), counts)


def pool_sources(outcomes: Outcomes, min_items: int) -> tuple[str, ...]:
    """Returns the sources (M,). Sources with fewer than `min_items` images get one common name."""
    counts = Counter(outcomes.sources)
    return tuple(name if counts[name] >= min_items else "small sources" for name in outcomes.sources)
