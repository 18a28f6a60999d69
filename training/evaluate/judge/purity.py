"""Effect of thresholds on outcomes: coverage and purity.

Coverage is the share of the items that are sorted. Purity is the share of the sorted items that are in the
right compartment.
"""

from dataclasses import dataclass, replace

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.metrics import Bools, Floats
from training.evaluate.judge.outcomes import Outcomes
from training.evaluate.judge.thresholds import Thresholds, choose_thresholds, pool_sources


@dataclass(frozen=True)
class Purity:
    """Coverage and purity of `count` images. The purity is NaN if no item is sorted."""

    count: int
    coverage: float
    purity: float


def is_sorted(outcomes: Outcomes, thresholds: Thresholds) -> Bools:
    """Returns whether the thresholds let each item be sorted, (M,)."""
    return (outcomes.confidence >= thresholds.confidence) & (outcomes.margin >= thresholds.margin)


def purity_of(outcomes: Outcomes, thresholds: Thresholds) -> Purity:
    """Returns coverage and purity of all items."""
    chosen = is_sorted(outcomes, thresholds)
    if not chosen.any():
        return Purity(len(chosen), 0.0, float("nan"))
    return Purity(len(chosen), float(chosen.mean()), float(outcomes.right[chosen].mean()))


def purity_by_source(outcomes: Outcomes, thresholds: Thresholds) -> dict[str, Purity]:
    """Returns coverage and purity of each source, sorted by name."""
    names = sorted(set(outcomes.sources))
    return {name: purity_of(outcomes.of_source(name), thresholds) for name in names}


def purity_by_compartment(outcomes: Outcomes, thresholds: Thresholds) -> dict[str, Purity]:
    """Returns coverage and purity by the compartment of the top label."""
    place = np.array(outcomes.compartment)
    names = sorted(set(outcomes.compartment))
    return {name: purity_of(outcomes.take(np.flatnonzero(place == name)), thresholds) for name in names}


def leave_one_source_out(
    outcomes: Outcomes, target: float = 0.99, *, seed: int, min_items: int = 50
) -> dict[str, tuple[Thresholds, Purity]]:
    """For each source, chooses thresholds on the other sources and applies them to this source.

    The results show how well chosen thresholds transfer. Sources with fewer than `min_items` images count
    together as one source. The rule is `home`.

    Raises:
        TrainingError: there are fewer than two sources.
    """
    pooled = replace(outcomes, sources=pool_sources(outcomes, min_items))
    names = sorted(set(pooled.sources))
    if len(names) < 2:
        raise TrainingError(f"sources: fewer than two have {min_items} images. Add images of another source.")
    results = {}
    for name in names:
        rest = pooled.take(np.flatnonzero(np.array(pooled.sources) != name))
        chosen = choose_thresholds(rest, target, "home", seed=seed, min_items=min_items)
        results[name] = (chosen, purity_of(pooled.of_source(name), chosen))
    return results


def purity_curve(outcomes: Outcomes) -> tuple[Floats, Floats]:
    """Returns rising coverage (K,) and its purity (K,) for falling confidence thresholds, without margin."""
    order = np.argsort(-outcomes.confidence, kind="stable")
    confidence, right = outcomes.confidence[order], outcomes.right[order]
    counts = np.arange(1, len(order) + 1)
    # A threshold cannot separate equal confidences, so only the last of them is a point.
    ends = np.append(confidence[1:] != confidence[:-1], True) & (confidence >= 0)
    return (counts / len(order))[ends], (np.cumsum(right) / counts)[ends]
