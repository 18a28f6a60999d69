"""Metrics of a classifier, computed from its logits."""

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
    """Metrics of one class.

    Attributes:
        label: the class.
        count: number of images with this label.
        precision: share of the images predicted as this class that have its label. NaN if there are none.
        recall: share of the images with this label that are predicted as such. NaN if there are none.
    """

    label: str
    count: int
    precision: float
    recall: float


@dataclass(frozen=True)
class SourceFigures:
    """Metrics of one source.

    Attributes:
        count: number of images.
        groups: number of groups. All images of one object are one group.
        accuracy: share of the images whose prediction is correct.
    """

    count: int
    groups: int
    accuracy: float


@dataclass(frozen=True)
class Reliability:
    """Images grouped by confidence into B bins.

    Attributes:
        count: number of images (B,).
        confidence: mean confidence (B,). NaN if the bin is empty.
        accuracy: share of correct predictions (B,). NaN if the bin is empty.
    """

    count: Ints
    confidence: Floats
    accuracy: Floats


def label_indices(pictures: Sequence[Picture], names: Sequence[str]) -> Ints:
    """Returns the label of each image as a position in `names`, (N,)."""
    position = {name: index for index, name in enumerate(names)}
    for picture in pictures:
        if picture.label not in position:
            raise TrainingError(
                f"{picture.file}: unknown label {picture.label}. Allowed: {', '.join(names)}."
            )
    return np.array([position[picture.label] for picture in pictures], np.int64)


def check_logits(logits: Floats, labels: Ints, pictures: Sequence[Picture] | None = None) -> None:
    """Checks logits (N, C), their labels (N,) and their N images.

    Raises:
        TrainingError: the logits are not finite, a shape is invalid, or a label is out of range.
    """
    if logits.ndim != 2 or len(logits) == 0 or logits.shape[1] < 2:
        raise TrainingError(
            f"logits: shape {logits.shape}. It must be (images, classes), "
            "with 1 or more images, 2 or more classes."
        )
    if not np.isfinite(logits).all():
        raise TrainingError("logits: NaN or infinity. The training diverged. Use a lower learning rate.")
    if labels.shape != (len(logits),) or labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise TrainingError(
            f"labels: invalid. They must be {len(logits)} integers from 0 to {logits.shape[1] - 1}."
        )
    if pictures is not None and len(pictures) != len(logits):
        raise TrainingError(f"{len(pictures)} images, but {len(logits)} rows of logits. Both must be equal.")


def probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Returns softmax(logits / temperature), (N, C) float64."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def is_correct(logits: Floats, labels: Ints) -> Bools:
    """Returns whether the prediction is correct, (N,). Of equal logits the first counts, as on the bin."""
    check_logits(logits, labels)
    return np.asarray(logits.argmax(axis=1) == labels)


def top1(logits: Floats, labels: Ints) -> float:
    """Returns the share of correct predictions, 0 to 1."""
    return float(is_correct(logits, labels).mean())


def count_pairs(truth: Ints, predicted: Ints, classes: int) -> Ints:
    """Counts each pair of true and predicted class, (classes, classes). Rows are the truth."""
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def confusion_matrix(logits: Floats, labels: Ints) -> Ints:
    """Returns counts (C, C). Rows are the labels, columns the predictions."""
    check_logits(logits, labels)
    return count_pairs(labels, logits.argmax(axis=1), logits.shape[1])


def class_figures(matrix: Ints, names: Sequence[str]) -> list[ClassFigures]:
    """Returns the metrics of each class from a confusion matrix (C, C)."""
    hits = np.diag(matrix)
    recall = share(hits, matrix.sum(axis=1))
    precision = share(hits, matrix.sum(axis=0))
    counts = matrix.sum(axis=1)
    rows = zip(names, counts, precision, recall, strict=True)
    return [ClassFigures(name, int(count), float(p), float(r)) for name, count, p, r in rows]


def per_class(logits: Floats, labels: Ints, names: Sequence[str]) -> list[ClassFigures]:
    """Returns precision, recall and count of each class, in the order of `names`."""
    return class_figures(confusion_matrix(logits, labels), names)


def macro_recall(logits: Floats, labels: Ints) -> float:
    """Returns the mean recall of the classes that occur (balanced accuracy), 0 to 1."""
    matrix = confusion_matrix(logits, labels)
    return float(np.nanmean(share(np.diag(matrix), matrix.sum(axis=1))))


def by_source(logits: Floats, labels: Ints, pictures: Sequence[Picture]) -> dict[str, SourceFigures]:
    """Returns the accuracy of each source, sorted by name."""
    check_logits(logits, labels, pictures)
    right = is_correct(logits, labels)
    figures = {}
    for source in sorted({picture.source for picture in pictures}):
        rows = [index for index, picture in enumerate(pictures) if picture.source == source]
        groups = {pictures[index].group for index in rows}
        figures[source] = SourceFigures(len(rows), len(groups), float(right[rows].mean()))
    return figures


def agreement(logits: Floats, others: Floats) -> float:
    """Returns the share of images for which two sets of logits (N, C) predict the same class."""
    if logits.shape != others.shape:
        raise TrainingError(f"logits: shapes {logits.shape} and {others.shape}. They must be equal.")
    return float((logits.argmax(axis=1) == others.argmax(axis=1)).mean())


def reliability(logits: Floats, labels: Ints, temperature: float = 1.0, bins: int = 15) -> Reliability:
    """Groups images by confidence, in bins of equal width from 0 to 1. A bin includes its upper edge."""
    right = is_correct(logits, labels)
    confidence = probabilities(logits, temperature).max(axis=1)
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    sums = [np.bincount(index, values, minlength=bins) for values in (confidence, right)]
    return Reliability(count, share(sums[0], count), share(sums[1], count))


def expected_calibration_error(
    logits: Floats, labels: Ints, temperature: float = 1.0, bins: int = 15
) -> float:
    """Returns the mean distance between confidence and accuracy of the bins, weighted by images, 0 to 1."""
    found = reliability(logits, labels, temperature, bins)
    gaps = np.abs(found.accuracy - found.confidence)
    return float(np.nansum(gaps * found.count) / found.count.sum())


def share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """Returns part / whole for each element. It is NaN if the whole is 0."""
    parts: Floats = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=parts, where=np.asarray(whole) > 0)
    return parts
