"""The factory policy: which compartment a label goes into, and accuracy by compartment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.metrics import ClassFigures, Floats, Ints, check, class_figures, count_pairs

REFUSE = "refuse"
"""The compartment of labels that are not taken: the gate does not move."""

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


def compartments_of(names: Sequence[str]) -> Mapping[str, str]:
    """The factory policy where it knows every label, else a compartment of its own for each."""
    return FOUR_WAY if set(names) <= set(FOUR_WAY) else {name: name for name in names}


@dataclass(frozen=True)
class CompartmentFigures:
    """Share of the pictures whose top label is of the right compartment, and the same per compartment."""

    accuracy: float
    compartments: list[ClassFigures]


def compartment_names(compartments: Mapping[str, str]) -> list[str]:
    """Each compartment once, sorted."""
    return sorted(set(compartments.values()))


def compartment_indices(names: Sequence[str], compartments: Mapping[str, str]) -> Ints:
    """The compartment of each label (C,), as a position in `compartment_names`.

    Raises:
        TrainingError: a label has no compartment.
    """
    homeless = [name for name in names if name not in compartments]
    if homeless:
        raise TrainingError(f"no compartment for {', '.join(homeless)}; give each label one, or `{REFUSE}`")
    known = compartment_names(compartments)
    return np.array([known.index(compartments[name]) for name in names], np.int64)


def by_compartment(
    logits: Floats, labels: Ints, names: Sequence[str], compartments: Mapping[str, str] = FOUR_WAY
) -> CompartmentFigures:
    """Accuracy by compartment where each picture goes where its top label goes, no threshold applied."""
    check(logits, labels)
    place = compartment_indices(names, compartments)
    known = compartment_names(compartments)
    matrix = count_pairs(place[labels], place[logits.argmax(axis=1)], len(known))
    return CompartmentFigures(float(np.diag(matrix).sum() / matrix.sum()), class_figures(matrix, known))
