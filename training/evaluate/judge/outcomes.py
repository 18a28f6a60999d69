"""What the device would do with each picture, before the thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.compartments import FOUR_WAY, REFUSE, compartment_indices
from training.evaluate.judge.metrics import Bools, Floats, Ints, check, probabilities

HAZARD_CONFIDENCE = 0.3
"""The device's default: an item is refused when the refused labels together have this score."""


@dataclass(frozen=True)
class Outcomes:
    """The pictures that thresholds decide on, (M,): all but those that the device refuses as a hazard.

    Attributes:
        confidence: highest softmax(logits / T); -1 (under any threshold) where the item is unfamiliar.
        margin: difference of the two highest; -1 where the item is unfamiliar.
        right: whether the top label's compartment is the true label's.
        compartment: the top label's.
        groups: the pictures' groups.
        sources: the pictures' sources.
    """

    confidence: Floats
    margin: Floats
    right: Bools
    compartment: tuple[str, ...]
    groups: tuple[str, ...]
    sources: tuple[str, ...]

    def take(self, rows: Ints) -> "Outcomes":
        """The outcomes of these row numbers, in this order."""
        texts = [tuple(t[i] for i in rows) for t in (self.compartment, self.groups, self.sources)]
        return Outcomes(self.confidence[rows], self.margin[rows], self.right[rows], *texts)

    def of_source(self, source: str) -> "Outcomes":
        """Those of one source."""
        return self.take(np.flatnonzero(np.array(self.sources) == source))


@dataclass(frozen=True)
class HazardFigures:
    """How many hazards there are, how many of them are refused; the same of all others."""

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
    """Applies the device's policy up to the thresholds.

    Args:
        logits: (N, C).
        labels: (N,), positions in `names`.
        pictures: N of them.
        names: the C labels.
        temperature: the logits are divided by it.
        unfamiliar: (N,), which items are flagged; none where left out.
        compartments: label to compartment.
        hazard_confidence: see HAZARD_CONFIDENCE.
    """
    check(logits, labels, pictures)
    place = compartment_indices(names, compartments)
    scores = probabilities(logits, temperature)
    top = logits.argmax(axis=1)
    rows = np.flatnonzero(~refused(scores, names, compartments, hazard_confidence)).tolist()
    if not rows:
        raise TrainingError("all pictures are refused as hazards; there is nothing to choose thresholds on")
    ordered = np.sort(scores, axis=1)
    flag = np.zeros(len(logits), bool) if unfamiliar is None else unfamiliar
    return Outcomes(
        np.where(flag, -1.0, ordered[:, -1])[rows],
        np.where(flag, -1.0, ordered[:, -1] - ordered[:, -2])[rows],
        (place[top] == place[labels])[rows],
        tuple(compartments[names[top[row]]] for row in rows),
        tuple(pictures[row].group for row in rows),
        tuple(pictures[row].source for row in rows),
    )


def refused(
    scores: Floats,
    names: Sequence[str],
    compartments: Mapping[str, str] = FOUR_WAY,
    hazard_confidence: float = HAZARD_CONFIDENCE,
) -> Bools:
    """Which items the device does not take, (N,), from the softmax scores (N, C)."""
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
    """How well hazards are kept out, at the device's default."""
    check(logits, labels)
    out = refused(probabilities(logits, temperature), names, compartments)
    hazard = np.array([compartments[name] == REFUSE for name in names])[labels]
    counts = (hazard, out & hazard, ~hazard, out & ~hazard)
    return HazardFigures(*(int(mask.sum()) for mask in counts))
