"""Figures beside the main ones: at home, on corrected labels, by one view, and of another bundle."""

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
    """Another model, run on the same pictures.

    Attributes:
        name: of its bundle.
        version: of its bundle.
        views: its own.
        logits: by split, (N, C) in the order of this run's labels; -inf for a label that it lacks, and one
            column more, the highest of the labels that this run lacks.
    """

    name: str
    version: str
    views: Sequence[float]
    logits: Mapping[str, Floats]


def home_sources(named: Sequence[str], pictures: Sequence[Picture]) -> list[str]:
    """The sources that are named; all of the test split where none is.

    Raises:
        TrainingError: the test split has none of a name.
    """
    known = sorted({picture.source for picture in pictures if picture.split == "test"})
    for name in named:
        if name not in known:
            raise TrainingError(f"--home {name}: no such source in the test split; it has {', '.join(known)}")
    return list(named) or known


def home_figures(
    logits: Floats,
    pictures: Sequence[Picture],
    names: Sequence[str],
    sources: Sequence[str],
    temperature: float,
) -> dict[str, Any] | None:
    """Top-1 and calibration error on the test pictures of some sources; None where none is named."""
    rows = np.array([index for index, picture in enumerate(pictures) if picture.source in set(sources)])
    if len(rows) == 0:
        return None
    truth = metrics.indices(pictures, names)[rows]
    return {
        "pictures": len(rows),
        "top1": metrics.top1(logits[rows], truth),
        "macro_recall": metrics.macro_recall(logits[rows], truth),
        "ece": metrics.expected_calibration_error(logits[rows], truth, temperature),
    }


def corrected_test(
    pictures: Sequence[Picture], names: Sequence[str], corrections: Sequence[Correction]
) -> tuple[Ints, Ints]:
    """Rows of the test pictures that a reviewed list leaves, (M,), and their corrected labels, (M,).

    For a figure beside the one on the labels as they are, never in place of it: the list was made with the
    help of a model.

    Raises:
        TrainingError: a given label is not the picture's.
    """
    wanted = {correction.file: correction.corrected for correction in corrections}
    given = {correction.file: correction.label for correction in corrections}
    for picture in pictures:
        if given.get(picture.file, picture.label) != picture.label:
            raise TrainingError(
                f"{picture.file}: its label is {picture.label}, the list of corrections says "
                f"{given[picture.file]}; is the list of other data?"
            )
    rows = [index for index, picture in enumerate(pictures) if wanted.get(picture.file) != DROP]
    position = {name: index for index, name in enumerate(names)}
    labels = [position[wanted.get(pictures[index].file, pictures[index].label)] for index in rows]
    return np.array(rows, np.int64), np.array(labels, np.int64)


def correction_counts(pictures: Sequence[Picture], corrections: Sequence[Correction]) -> dict[str, int]:
    """How many of these pictures a list changes and drops."""
    files = {picture.file for picture in pictures}
    of_these = [correction for correction in corrections if correction.file in files]
    dropped = sum(correction.corrected == DROP for correction in of_these)
    return {"changed": len(of_these) - dropped, "dropped": dropped}


def split_accuracy(logits: Floats, pictures: Sequence[Picture], names: Sequence[str]) -> dict[str, Any]:
    """Top-1 of a split, of each of its sources, and the plain mean over the sources."""
    truth = metrics.indices(pictures, names)
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
    home: Sequence[str],
) -> dict[str, Any]:
    """Both models on the same splits.

    Args:
        baseline: the other one.
        logits: of this model, by split.
        pictures: of each split.
        names: the labels.
        home: sources that are also judged alone.
    """
    splits: dict[str, Any] = {}
    for split, ours in logits.items():
        of_split = pictures[split]
        sets = {split: np.arange(len(of_split))}
        if split == "test" and home and set(home) != {picture.source for picture in of_split}:
            sets["home"] = np.flatnonzero([picture.source in set(home) for picture in of_split])
        for name, rows in sets.items():
            if len(rows) == 0:
                continue
            chosen = [of_split[row] for row in rows.tolist()]
            splits[name] = {
                "this": split_accuracy(ours[rows], chosen, names),
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
    """What the whole picture alone gives, by split."""
    return {split: split_accuracy(values, pictures[split], names) for split, values in logits.items()}


def validation_figures(
    logits: Floats,
    pictures: Sequence[Picture],
    names: Sequence[str],
    *,
    temperature: float,
    views: Sequence[float],
    unfamiliar: Floats,
    flagged: float,
    policy: Mapping[str, float],
    ms: float | None,
    hardware: str,
) -> dict[str, Any]:
    """What a bundle's manifest says under `validation`: a later probation compares a new model with it.

    Args:
        logits: of the shipped format on the validation pictures.
        pictures: those.
        names: the labels.
        temperature: of the calibration.
        views: of the bundle.
        unfamiliar: the pictures' scores (N,).
        flagged: share of them that is unfamiliar.
        policy: coverage and purity of the thresholds.
        ms: median of an inference.
        hardware: that it was timed on.
    """
    truth = metrics.indices(pictures, names)
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
        "unfamiliarShare": flagged,
        "policy": dict(policy),
    }
    if ms is not None:
        figures["latency"] = {"machine": hardware, "threads": 1, "p50Ms": ms}
    rounded: dict[str, Any] = _rounded(figures)
    return rounded


def _quantiles(values: Floats) -> dict[str, float]:
    points = {f"p{q:02}": float(np.quantile(values, q / 100)) for q in (5, 25, 50, 75, 95)}
    return {"mean": float(values.mean()), **points}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return round(value, 4) if isinstance(value, float) else value
