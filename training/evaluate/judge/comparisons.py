"""Additional metrics: in-domain test, corrected labels, one view, baseline bundle, validation images."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge import metrics
from training.evaluate.judge.metrics import Floats, Ints
from training.evaluate.labels.corrections import DROP, Correction


@dataclass(frozen=True)
class Baseline:
    """Another model, run on the same images.

    Attributes:
        name: name in the manifest of the other bundle.
        version: version in the manifest of the other bundle.
        views: views in the manifest of the other bundle.
        logits: by split, (N, C + 1). The first C columns are in the order of this run's labels. A column is
            -inf if the other model does not have the label. The last column is the highest logit of the
            labels that only the other model has.
    """

    name: str
    version: str
    views: Sequence[float]
    logits: Mapping[str, Floats]


def in_domain_sources(named: Sequence[str], pictures: Sequence[Picture]) -> list[str]:
    """Returns the named sources. If none is named, returns all sources of the test split.

    Raises:
        TrainingError: the test split does not have a named source.
    """
    known = sorted({picture.source for picture in pictures if picture.split == "test"})
    for name in named:
        if name not in known:
            raise TrainingError(
                f"--home {name}: no such source in the test split. Allowed: {', '.join(known)}."
            )
    return list(named) or known


def in_domain_figures(
    logits: Floats,
    pictures: Sequence[Picture],
    names: Sequence[str],
    sources: Sequence[str],
    temperature: float,
) -> dict[str, Any] | None:
    """Returns the metrics on the test images of some sources, or None if there are no such images."""
    rows = np.array([index for index, picture in enumerate(pictures) if picture.source in set(sources)])
    if len(rows) == 0:
        return None
    truth = metrics.label_indices(pictures, names)[rows]
    return {
        "pictures": len(rows),
        "top1": metrics.top1(logits[rows], truth),
        "macro_recall": metrics.macro_recall(logits[rows], truth),
        "ece": metrics.expected_calibration_error(logits[rows], truth, temperature),
    }


def corrected_test(
    pictures: Sequence[Picture], names: Sequence[str], corrections: Sequence[Correction]
) -> tuple[Ints, Ints]:
    """Applies a reviewed list of corrections to the test images.

    The accuracy on corrected labels is reported in addition to the accuracy on the original labels. It must
    not replace it, because the list was made with the help of a model.

    Returns:
        The rows of the images that are not dropped, (M,), and their corrected labels, (M,).

    Raises:
        TrainingError: the current label of an image differs from the label in the list.
    """
    corrected = {correction.file: correction.corrected for correction in corrections}
    expected = {correction.file: correction.label for correction in corrections}
    for picture in pictures:
        if expected.get(picture.file, picture.label) != picture.label:
            raise TrainingError(
                f"{picture.file}: its label is {picture.label}, but the correction expects "
                f"{expected[picture.file]}. Check that --corrections is for this data."
            )
    rows = [index for index, picture in enumerate(pictures) if corrected.get(picture.file) != DROP]
    position = {name: index for index, name in enumerate(names)}
    labels = [position[corrected.get(pictures[index].file, pictures[index].label)] for index in rows]
    return np.array(rows, np.int64), np.array(labels, np.int64)


def correction_counts(pictures: Sequence[Picture], corrections: Sequence[Correction]) -> dict[str, int]:
    """Counts the images that a list changes and drops."""
    files = {picture.file for picture in pictures}
    of_these = [correction for correction in corrections if correction.file in files]
    dropped = sum(correction.corrected == DROP for correction in of_these)
    return {"changed": len(of_these) - dropped, "dropped": dropped}


def split_accuracy(logits: Floats, pictures: Sequence[Picture], names: Sequence[str]) -> dict[str, Any]:
    """Returns the accuracy of a split, of each of its sources, and the unweighted mean of the sources."""
    truth = metrics.label_indices(pictures, names)
    right = np.asarray(logits.argmax(axis=1) == truth)
    sources = {
        source: {
            "pictures": int(of_source.sum()),
            "top1": float(right[of_source].mean()),
        }
        for source in sorted({picture.source for picture in pictures})
        for of_source in [np.array([picture.source == source for picture in pictures])]
    }
    return {
        "pictures": len(pictures),
        "top1": float(right.mean()),
        "mean_of_sources": float(np.mean([entry["top1"] for entry in sources.values()])),
        "sources": sources,
    }


def baseline_figures(
    baseline: Baseline,
    logits: Mapping[str, Floats],
    pictures: Mapping[str, Sequence[Picture]],
    names: Sequence[str],
    in_domain: Sequence[str],
) -> dict[str, Any]:
    """Returns the accuracies of both models on the same splits.

    Args:
        baseline: the other model.
        logits: logits of this model, by split.
        pictures: images by split.
        names: the labels.
        in_domain: test sources that are also evaluated separately.
    """
    splits: dict[str, Any] = {}
    for split, of_this in logits.items():
        of_split = pictures[split]
        sets = {split: np.arange(len(of_split))}
        if split == "test" and in_domain and set(in_domain) != {picture.source for picture in of_split}:
            sets["home"] = np.flatnonzero([picture.source in set(in_domain) for picture in of_split])
        for name, rows in sets.items():
            if len(rows) == 0:
                continue
            chosen = [of_split[row] for row in rows.tolist()]
            splits[name] = {
                "this": split_accuracy(of_this[rows], chosen, names),
                "baseline": split_accuracy(baseline.logits[split][rows], chosen, names),
            }
    return {
        "name": baseline.name,
        "version": baseline.version,
        "views": list(baseline.views),
        "splits": splits,
    }


def one_view_figures(
    logits: Mapping[str, Floats], pictures: Mapping[str, Sequence[Picture]], names: Sequence[str]
) -> dict[str, Any]:
    """Returns the accuracies with the whole image as the only view, by split."""
    return {split: split_accuracy(values, pictures[split], names) for split, values in logits.items()}


def validation_figures(
    logits: Floats,
    pictures: Sequence[Picture],
    names: Sequence[str],
    *,
    temperature: float,
    views: Sequence[float],
    unfamiliar: Floats,
    unfamiliar_share: float,
    policy: Mapping[str, float],
    ms: float | None,
    hardware: str,
) -> dict[str, Any]:
    """Returns the entry `validation` of a bundle's manifest. A later probation compares a new model with it.

    Args:
        logits: of the shipped format, for the validation images.
        pictures: the validation images.
        names: the labels.
        temperature: temperature of the calibration.
        views: views of the bundle.
        unfamiliar: unfamiliarity scores of the images (N,).
        unfamiliar_share: share of the images that are unfamiliar.
        policy: coverage and purity of the thresholds.
        ms: median time of an inference in milliseconds. None if it was not measured.
        hardware: machine that the inference was timed on.
    """
    truth = metrics.label_indices(pictures, names)
    confidence = metrics.probabilities(logits, temperature).max(axis=1)
    figures = {
        "pictures": len(pictures),
        "groups": len({picture.group for picture in pictures}),
        "runtime": "tflite",
        "views": [int(view) if view == 1 else view for view in views],
        "accuracy": metrics.top1(logits, truth),
        "balancedAccuracy": metrics.macro_recall(logits, truth),
        "ece": metrics.expected_calibration_error(logits, truth, temperature),
        "perLabel": {
            entry.pop("label"): {"pictures": entry.pop("count"), **entry}
            for entry in (asdict(found) for found in metrics.per_class(logits, truth, names))
        },
        "confidence": _quantiles(confidence),
        "energy": _quantiles(unfamiliar),
        "unfamiliarShare": unfamiliar_share,
        "policy": dict(policy),
    }
    if ms is not None:
        figures["latency"] = {"machine": hardware, "threads": 1, "p50Ms": ms}
    rounded: dict[str, Any] = _round(figures)
    return rounded


def _quantiles(values: Floats) -> dict[str, float]:
    points = {f"p{q:02}": float(np.quantile(values, q / 100)) for q in (5, 25, 50, 75, 95)}
    return {"mean": float(values.mean()), **points}


def _round(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _round(entry) for key, entry in value.items()}
    return round(value, 4) if isinstance(value, float) else value
