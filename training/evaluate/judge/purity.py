"""What thresholds do: how much is sorted (coverage), and how much of it lands where it belongs (purity)."""

from dataclasses import dataclass, replace

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.metrics import Bools, Floats
from training.evaluate.judge.outcomes import Outcomes
from training.evaluate.judge.thresholds import Thresholds, choose_thresholds, pool_sources


@dataclass(frozen=True)
class Purity:
    """What thresholds do to `count` pictures: the share sorted, and of it the share right (NaN if none)."""

    count: int
    coverage: float
    purity: float


def sorted_by(outcomes: Outcomes, thresholds: Thresholds) -> Bools:
    """Which items the thresholds let through, (M,)."""
    return (outcomes.confidence >= thresholds.confidence) & (outcomes.margin >= thresholds.margin)


def purity_of(outcomes: Outcomes, thresholds: Thresholds) -> Purity:
    """What the thresholds do to these pictures."""
    through = sorted_by(outcomes, thresholds)
    if not through.any():
        return Purity(len(through), 0.0, float("nan"))
    return Purity(len(through), float(through.mean()), float(outcomes.right[through].mean()))


def purity_by_source(outcomes: Outcomes, thresholds: Thresholds) -> dict[str, Purity]:
    """The same per source, sorted by name."""
    names = sorted(set(outcomes.sources))
    return {name: purity_of(outcomes.of_source(name), thresholds) for name in names}


def purity_by_compartment(outcomes: Outcomes, thresholds: Thresholds) -> dict[str, Purity]:
    """The same per compartment that the top label means: how clean each bag is."""
    place = np.array(outcomes.compartment)
    names = sorted(set(outcomes.compartment))
    return {name: purity_of(outcomes.take(np.flatnonzero(place == name)), thresholds) for name in names}


def leave_one_source_out(
    outcomes: Outcomes, target: float = 0.99, rule: str = "home", *, seed: int, least_items: int = 50
) -> dict[str, tuple[Thresholds, Purity]]:
    """For each source: the thresholds that the other sources would have chosen, and what they do to it.

    Says how far the choice transfers. Sources under `least_items` pictures are one together.
    """
    pooled = replace(outcomes, sources=pool_sources(outcomes, least_items))
    names = sorted(set(pooled.sources))
    if len(names) < 2:
        raise TrainingError(f"fewer than two sources of {least_items} pictures; none can be left out")
    results = {}
    for name in names:
        rest = pooled.take(np.flatnonzero(np.array(pooled.sources) != name))
        chosen = choose_thresholds(rest, target, rule, seed=seed, least_items=least_items)
        results[name] = (chosen, purity_of(pooled.of_source(name), chosen))
    return results


def purity_curve(outcomes: Outcomes) -> tuple[Floats, Floats]:
    """Coverage (K,), rising, and the purity (K,) there, as the least confidence falls (no margin)."""
    order = np.argsort(-outcomes.confidence, kind="stable")
    confidence, right = outcomes.confidence[order], outcomes.right[order]
    counts = np.arange(1, len(order) + 1)
    # Of equal confidences only the last is a point: a threshold cannot part them.
    ends = np.append(confidence[1:] != confidence[:-1], True) & (confidence >= 0)
    return (counts / len(order))[ends], (np.cumsum(right) / counts)[ends]
