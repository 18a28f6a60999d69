"""Factory policy: the compartment of each label, and the accuracy by compartment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.metrics import (
    ClassFigures,
    Floats,
    Ints,
    check_logits,
    class_figures,
    count_pairs,
)

REFUSE = "refuse"
"""Compartment of refused labels. The gate does not move for them."""

FOUR_WAY: Mapping[str, str] = MappingProxyType(
    {
        "paper": "paper",
        "cardboard": "paper",
        "brown-glass": "glass",
        "green-glass": "glass",
        "white-glass": "glass",
        "plastic": "packaging",
        "metal": "packaging",
        "biological": "residual",
        "trash": "residual",
        "clothes": "residual",
        "shoes": "residual",
        "battery": REFUSE,
    }
)

HAZARDS = frozenset(name for name, compartment in FOUR_WAY.items() if compartment == REFUSE)
"""Labels that a bin refuses, unless its configuration gives them a compartment."""


def compartments_of(names: Sequence[str]) -> Mapping[str, str]:
    """Returns the compartment of each label on a bin that configures none.

    That is the preset `four-way` if it has every label. Otherwise it is the preset `twelve-way`: a separate
    compartment for each label, without the hazards. `makePolicy` in device/cycle/policy.ts is the same rule.
    """
    if set(names) <= set(FOUR_WAY):
        return {name: FOUR_WAY[name] for name in names}
    return {name: REFUSE if name in HAZARDS else name for name in names}


@dataclass(frozen=True)
class CompartmentFigures:
    """Metrics by compartment.

    Attributes:
        accuracy: share of the images whose top label belongs to the right compartment.
        compartments: metrics of each compartment.
    """

    accuracy: float
    compartments: list[ClassFigures]


def compartment_names(compartments: Mapping[str, str]) -> list[str]:
    """Returns each compartment once, sorted."""
    return sorted(set(compartments.values()))


def compartment_indices(names: Sequence[str], compartments: Mapping[str, str]) -> Ints:
    """Returns the compartment of each label (C,), as a position in `compartment_names`.

    Raises:
        TrainingError: a label has no compartment.
    """
    missing = [name for name in names if name not in compartments]
    if missing:
        raise TrainingError(
            f"compartments: no entry for {', '.join(missing)}. Add a compartment or `{REFUSE}` for each."
        )
    known = compartment_names(compartments)
    return np.array([known.index(compartments[name]) for name in names], np.int64)


def by_compartment(
    logits: Floats, labels: Ints, names: Sequence[str], compartments: Mapping[str, str] = FOUR_WAY
) -> CompartmentFigures:
    """Returns the metrics if each item goes to the compartment of its top label, without thresholds."""
    check_logits(logits, labels)
    place = compartment_indices(names, compartments)
    all_names = compartment_names(compartments)
    matrix = count_pairs(place[labels], place[logits.argmax(axis=1)], len(all_names))
    return CompartmentFigures(float(np.diag(matrix).sum() / matrix.sum()), class_figures(matrix, all_names))
