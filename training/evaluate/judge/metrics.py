"""Figures of a classifier, from its logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.pictures import Picture
from training.errors import TrainingError

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ClassFigures:
    """One class: its pictures, the share of them that is called so (recall), and of its calls that is right.

    A share of nothing is NaN.
    """

    label: str
    count: int
    precision: float
    recall: float


@dataclass(frozen=True)
class SourceFigures:
    """One source: its pictures, their groups (shots of one thing are one), the share that is right."""

    count: int
    groups: int
    accuracy: float


@dataclass(frozen=True)
class Reliability:
    """Pictures by confidence, per bin (B,): how many, mean confidence, share that is right (NaN if none)."""

    count: Ints
    confidence: Floats
    accuracy: Floats


def indices(pictures: Sequence[Picture], names: Sequence[str]) -> Ints:
    """The pictures' labels as positions in `names`, (N,)."""
    position = {name: index for index, name in enumerate(names)}
    for picture in pictures:
        if picture.label not in position:
            raise TrainingError(f"{picture.file}: label {picture.label} is none of {', '.join(names)}")
    return np.array([position[picture.label] for picture in pictures], np.int64)


def check(logits: Floats, labels: Ints, pictures: Sequence[Picture] | None = None) -> None:
    """Refuses logits that are not finite or not (N, C), and labels or pictures that do not fit them."""
    if logits.ndim != 2 or len(logits) == 0 or logits.shape[1] < 2:
        raise TrainingError(f"logits of the shape {logits.shape}; needed is (pictures, classes), none empty")
    if not np.isfinite(logits).all():
        raise TrainingError("the logits hold NaN or infinity: the training diverged; lower the learning rate")
    if labels.shape != (len(logits),) or labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise TrainingError(f"labels must be {len(logits)} numbers from 0 to {logits.shape[1] - 1}")
    if pictures is not None and len(pictures) != len(logits):
        raise TrainingError(
            f"{len(pictures)} pictures, but {len(logits)} rows of logits; both must be one list"
        )


def probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Softmax of logits / temperature, (N, C) float64."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def correct(logits: Floats, labels: Ints) -> Bools:
    """Whether the highest logit is the label's, (N,); of equals the first one counts, as in the device."""
    check(logits, labels)
    return np.asarray(logits.argmax(axis=1) == labels)


def top1(logits: Floats, labels: Ints) -> float:
    """Share of the pictures that is right, 0 to 1."""
    return float(correct(logits, labels).mean())


def count_pairs(truth: Ints, predicted: Ints, classes: int) -> Ints:
    """How often each pair occurs, (classes, classes): rows are the truth."""
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def confusion_matrix(logits: Floats, labels: Ints) -> Ints:
    """Counts (C, C): rows are the labels, columns what was called."""
    check(logits, labels)
    return count_pairs(labels, logits.argmax(axis=1), logits.shape[1])


def class_figures(matrix: Ints, names: Sequence[str]) -> list[ClassFigures]:
    """Per class, from a confusion matrix (C, C)."""
    hits = np.diag(matrix)
    recall = share(hits, matrix.sum(axis=1))
    precision = share(hits, matrix.sum(axis=0))
    counts = matrix.sum(axis=1)
    rows = zip(names, counts, precision, recall, strict=True)
    return [ClassFigures(name, int(count), float(p), float(r)) for name, count, p, r in rows]


def per_class(logits: Floats, labels: Ints, names: Sequence[str]) -> list[ClassFigures]:
    """Precision, recall and count per class, in the order of `names`."""
    return class_figures(confusion_matrix(logits, labels), names)


def macro_recall(logits: Floats, labels: Ints) -> float:
    """Mean recall of the classes that occur (balanced accuracy), 0 to 1."""
    matrix = confusion_matrix(logits, labels)
    return float(np.nanmean(share(np.diag(matrix), matrix.sum(axis=1))))


def by_source(logits: Floats, labels: Ints, pictures: Sequence[Picture]) -> dict[str, SourceFigures]:
    """Top-1 per source, sorted by name."""
    check(logits, labels, pictures)
    right = correct(logits, labels)
    figures = {}
    for source in sorted({picture.source for picture in pictures}):
        rows = [index for index, picture in enumerate(pictures) if picture.source == source]
        groups = {pictures[index].group for index in rows}
        figures[source] = SourceFigures(len(rows), len(groups), float(right[rows].mean()))
    return figures


def agreement(logits: Floats, others: Floats) -> float:
    """Share of the pictures for which two sets of logits (N, C) name the same class."""
    if logits.shape != others.shape:
        raise TrainingError(f"logits of the shapes {logits.shape} and {others.shape} cannot be compared")
    return float((logits.argmax(axis=1) == others.argmax(axis=1)).mean())


def reliability(logits: Floats, labels: Ints, temperature: float = 1.0, bins: int = 15) -> Reliability:
    """Accuracy against confidence in bins of equal width over 0 to 1; a bin holds its upper edge."""
    right = correct(logits, labels)
    confidence = probabilities(logits, temperature).max(axis=1)
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    sums = [np.bincount(index, values, minlength=bins) for values in (confidence, right)]
    return Reliability(count, share(sums[0], count), share(sums[1], count))


def expected_calibration_error(
    logits: Floats, labels: Ints, temperature: float = 1.0, bins: int = 15
) -> float:
    """Mean distance of confidence and accuracy over the bins, each weighted by its pictures, 0 to 1."""
    found = reliability(logits, labels, temperature, bins)
    gaps = np.abs(found.accuracy - found.confidence)
    return float(np.nansum(gaps * found.count) / found.count.sum())


def share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """Part / whole, element by element; NaN where the whole is 0."""
    parts: Floats = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=parts, where=np.asarray(whole) > 0)
    return parts
