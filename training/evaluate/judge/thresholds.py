"""Thresholds of the policy: least confidence and least margin for an item to be sorted by its label."""

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
    """A chosen pair, and how it was chosen.

    Attributes:
        confidence: sorted from this confidence on.
        margin: and from this difference of the two highest on.
        target: the purity that was asked for.
        rule: one of RULES.
        reached: whether the rule's purity reaches the target.
        value: the rule's purity of the pair.
        purity: share of the sorted that is in the right compartment, on the pictures it was chosen on.
        coverage: share of the items that is sorted; the rest goes to the fallback. Refused hazards do
            not count, neither here nor there.
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
    least_coverage: float = 0.05,
    least_items: int = 50,
) -> Thresholds:
    """The pair of GRID with the greatest coverage whose purity reaches the target; of equals the strictest.

    Which purity has to reach it is the rule's:

    - `home`: that of all pictures together. Thresholds so chosen did not transfer to cameras that the model
      had not seen: 0.97 at home was 0.75 there.
    - `bootstrap`: the lower end of its 95 % range over resamples of whole groups. Guards against chance, not
      against new cameras.
    - `mean-source`: the plain mean of the sources' purities, so that a large source does not hide small ones.
    - `worst-source`: the lowest of the sources' purities.

    The last two say something about new cameras only when the logits of each source come from a model that
    was trained without that source (`folds.source_folds`), or when the source was held out altogether.
    Sources under `least_items` pictures are taken together as one; a source of which nothing is sorted does
    not count.

    Where no pair reaches the target, the pair with the highest purity by the rule is taken and `reached` is
    false. Pairs that sort less than `least_coverage` of the items are never taken: their purity is chance.

    Args:
        outcomes: of the validation pictures.
        target: least purity, 0 to 1, judged by compartment.
        rule: one of RULES.
        seed: of the resampling.
        rounds: how many resamples.
        least_coverage: 0 to 1.
        least_items: of a source that counts by itself.
    """
    if rule not in RULES or not 0 < target <= 1:
        raise TrainingError(f"rule {rule}, target {target}; allowed are {', '.join(RULES)}, and 0 to 1")
    sorted_, right = _surface(outcomes, np.ones(len(outcomes.right)))
    purity, coverage = share(right, sorted_), sorted_ / len(outcomes.right)
    value = {
        "home": lambda: purity,
        "bootstrap": lambda: _lower_end(outcomes, seed, rounds),
        "mean-source": lambda: _over_sources(outcomes, least_items, worst=False),
        "worst-source": lambda: _over_sources(outcomes, least_items, worst=True),
    }[rule]()
    value = np.where(coverage >= least_coverage, np.nan_to_num(value, nan=-1.0), -1.0)
    if (value < 0).all():
        raise TrainingError(
            f"no thresholds sort {least_coverage:.0%} of the items: nearly all are unfamiliar"
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


def _surface(outcomes: Outcomes, weights: Floats) -> tuple[Floats, Floats]:
    """How much is sorted, and of it right, for each pair of the grid: both (confidence, margin)."""
    size = len(GRID)
    confidence = np.searchsorted(GRID, outcomes.confidence, side="right") - 1
    margin = np.searchsorted(GRID, outcomes.margin, side="right") - 1
    familiar = confidence >= 0
    index = (confidence * size + margin)[familiar]
    counts = [
        np.bincount(index, values[familiar], minlength=size**2).reshape(size, size).astype(np.float64)
        for values in (weights, weights * outcomes.right)
    ]
    # Summed from the strict end: a pair sorts all that lies at or above it.
    sums = [np.cumsum(np.cumsum(c[::-1, ::-1], axis=0), axis=1)[::-1, ::-1] for c in counts]
    return sums[0], sums[1]


def _lower_end(outcomes: Outcomes, seed: int, rounds: int) -> Floats:
    generator = np.random.default_rng(seed)
    groups = group_indices(outcomes.groups)
    surfaces = []
    for _ in range(rounds):
        sorted_, right = _surface(outcomes, draw_groups(groups, generator).astype(np.float64))
        # A resample of which nothing is sorted says nothing against the pair.
        surfaces.append(np.nan_to_num(share(right, sorted_), nan=1.0))
    return np.asarray(np.quantile(np.stack(surfaces), 0.025, axis=0))


def _over_sources(outcomes: Outcomes, least_items: int, worst: bool) -> Floats:
    sources = np.array(pool_sources(outcomes, least_items))
    names = sorted(set(sources))
    if len(names) < 2:
        raise TrainingError(
            f"fewer than two sources of {least_items} pictures; choose the rule home or bootstrap"
        )
    surfaces = []
    for name in names:
        sorted_, right = _surface(outcomes, (sources == name).astype(np.float64))
        surfaces.append(share(right, sorted_))
    purities = np.stack(surfaces)
    counts = (~np.isnan(purities)).sum(axis=0)
    if worst:
        return np.where(counts > 0, np.nan_to_num(purities, nan=2.0).min(axis=0), np.nan)
    return share(np.nansum(purities, axis=0), counts)


def pool_sources(outcomes: Outcomes, least_items: int) -> tuple[str, ...]:
    """The sources (M,), those under `least_items` pictures under one name together."""
    counts = Counter(outcomes.sources)
    return tuple(name if counts[name] >= least_items else "small sources" for name in outcomes.sources)
