"""The policy of the bin up to the thresholds: refused hazards, confidence and margin of each image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.compartments import FOUR_WAY, REFUSE, compartment_indices
from training.evaluate.judge.metrics import Bools, Floats, Ints, check_logits, probabilities

HAZARD_CONFIDENCE = 0.3
"""Default of the bin. An item is refused if the scores of the refused labels add up to this or more."""


@dataclass(frozen=True)
class Outcomes:
    """The M images that thresholds decide on: all images except those that the bin refuses as a hazard.

    Attributes:
        confidence: highest value of softmax(logits / T), (M,). It is -1, below any threshold, if the item is
            unfamiliar.
        margin: difference of the two highest values, (M,). It is -1 if the item is unfamiliar.
        right: whether the top label and the true label have the same compartment, (M,).
        compartment: compartment of the top label.
        groups: groups of the images.
        sources: sources of the images.
    """

    confidence: Floats
    margin: Floats
    right: Bools
    compartment: tuple[str, ...]
    groups: tuple[str, ...]
    sources: tuple[str, ...]

    def take(self, rows: Ints) -> "Outcomes":
        """Returns the outcomes of these rows, in this order."""
        texts = [tuple(t[i] for i in rows) for t in (self.compartment, self.groups, self.sources)]
        return Outcomes(self.confidence[rows], self.margin[rows], self.right[rows], *texts)

    def of_source(self, source: str) -> "Outcomes":
        """Returns the outcomes of one source."""
        return self.take(np.flatnonzero(np.array(self.sources) == source))


@dataclass(frozen=True)
class HazardFigures:
    """Counts of refused items.

    Attributes:
        count: number of hazards.
        refused: number of hazards that are refused.
        others: number of other items.
        others_refused: number of other items that are refused.
    """

    count: int
    refused: int
    others: int
    others_refused: int


def outcomes_of(
    logits: Floats,
    labels: Ints,
    pictures: Sequence[Picture],
    names: Sequence[str],
    *,
    temperature: float,
    unfamiliar: Bools | None = None,
    compartments: Mapping[str, str] = FOUR_WAY,
    hazard_confidence: float = HAZARD_CONFIDENCE,
) -> Outcomes:
    """Applies the policy of the bin up to the thresholds.

    Args:
        logits: (N, C).
        labels: (N,), as positions in `names`.
        pictures: N images.
        names: the C labels.
        temperature: divisor of the logits.
        unfamiliar: whether an item is unfamiliar, (N,). None means that no item is.
        compartments: compartment of each label.
        hazard_confidence: see HAZARD_CONFIDENCE.

    Raises:
        TrainingError: all images are refused as hazards.
    """
    check_logits(logits, labels, pictures)
    place = compartment_indices(names, compartments)
    scores = probabilities(logits, temperature)
    top = logits.argmax(axis=1)
    rows = np.flatnonzero(~is_refused(scores, names, compartments, hazard_confidence)).tolist()
    if not rows:
        raise TrainingError(
            "thresholds: all images are refused as hazards. Add images of other labels, or train longer."
        )
    ordered = np.sort(scores, axis=1)
    is_unfamiliar = np.zeros(len(logits), bool) if unfamiliar is None else unfamiliar
    return Outcomes(
        np.where(is_unfamiliar, -1.0, ordered[:, -1])[rows],
        np.where(is_unfamiliar, -1.0, ordered[:, -1] - ordered[:, -2])[rows],
        (place[top] == place[labels])[rows],
        tuple(compartments[names[top[row]]] for row in rows),
        tuple(pictures[row].group for row in rows),
        tuple(pictures[row].source for row in rows),
    )


def is_refused(
    scores: Floats,
    names: Sequence[str],
    compartments: Mapping[str, str] = FOUR_WAY,
    hazard_confidence: float = HAZARD_CONFIDENCE,
) -> Bools:
    """Returns whether the bin refuses each item, (N,), from the softmax scores (N, C)."""
    hazard = np.array([compartments[name] == REFUSE for name in names])
    if not hazard.any():
        return np.zeros(len(scores), bool)
    return np.asarray(hazard[scores.argmax(axis=1)] | (scores[:, hazard].sum(axis=1) >= hazard_confidence))


def hazard_figures(
    logits: Floats,
    labels: Ints,
    names: Sequence[str],
    temperature: float,
    compartments: Mapping[str, str] = FOUR_WAY,
) -> HazardFigures:
    """Counts refused hazards and refused other items, with the default of the bin."""
    check_logits(logits, labels)
    refused = is_refused(probabilities(logits, temperature), names, compartments)
    hazard = np.array([compartments[name] == REFUSE for name in names])[labels]
    counts = (hazard, refused & hazard, ~hazard, refused & ~hazard)
    return HazardFigures(*(int(mask.sum()) for mask in counts))
