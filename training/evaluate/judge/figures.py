"""All figures of a report, as what JSON can hold."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from training.data.pictures import Picture
from training.evaluate.judge import comparisons, metrics
from training.evaluate.judge.bootstrap import share_range
from training.evaluate.judge.calibrate import flagged, unfamiliarity
from training.evaluate.judge.compartments import by_compartment
from training.evaluate.judge.evaluation import Evaluation, FormatResult
from training.evaluate.judge.metrics import Floats, Ints
from training.evaluate.judge.outcomes import Outcomes, hazard_figures, outcomes_of
from training.evaluate.judge.purity import (
    leave_one_source_out,
    purity_by_compartment,
    purity_by_source,
    purity_of,
)
from training.evaluate.judge.purity import sorted_by as sorted_by_thresholds
from training.evaluate.judge.thresholds import pool_sources

LEAST_SOURCE = 50
"""Sources of fewer validation pictures count as one when thresholds are tried on a source left out."""


def all_figures(evaluation: Evaluation) -> dict[str, Any]:
    """Every figure; NaN (a share of nothing) becomes null.

    Returns:
        What `report.json` holds, `weaknesses` and `plots` aside.
    """
    evaluation.check()
    test = evaluation.of_split("test")
    truth = metrics.indices(test, evaluation.labels)
    logits = evaluation.shipped_format().logits
    names, compartments = evaluation.labels, evaluation.compartments
    temperature = evaluation.calibration.temperature
    figures = {
        "schema": 1,
        "name": evaluation.name,
        "version": evaluation.version,
        "created": evaluation.created,
        "licence": evaluation.licence,
        "labels": list(names),
        "compartments": dict(compartments),
        "data": [asdict(source) for source in evaluation.data],
        "splits": {split: split_figures(evaluation.of_split(split)) for split in split_names(evaluation)},
        "training": {
            "config": dict(evaluation.config),
            "history": [dict(entry) for entry in evaluation.history],
            "wall_s": evaluation.wall_s,
            "hardware": evaluation.hardware,
        },
        "formats": [format_figures(evaluation, result, truth) for result in evaluation.formats],
        "shipped": evaluation.shipped,
        "confusion": metrics.confusion_matrix(logits, truth).tolist(),
        "classes": [asdict(entry) for entry in metrics.per_class(logits, truth, names)],
        "compartment_classes": [
            asdict(entry) for entry in by_compartment(logits, truth, names, compartments).compartments
        ],
        "hazards": asdict(hazard_figures(logits, truth, names, temperature, compartments)),
        "calibration": asdict(evaluation.calibration),
        "test": policy_figures(evaluation, "test", logits),
        "held_out": None,
        "transfer": transfer_figures(evaluation),
        "views": list(evaluation.calibration.views),
        "home": {"sources": list(evaluation.home)} if evaluation.home else None,
        "corrected": comparisons.correction_counts(test, evaluation.corrections)
        if evaluation.corrections
        else None,
        **beside(evaluation),
    }
    if evaluation.held_out_logits is not None:
        figures["held_out"] = policy_figures(evaluation, "held-out", evaluation.held_out_logits)
    cleaned: dict[str, Any] = plain(figures)
    return cleaned


def split_names(evaluation: Evaluation) -> list[str]:
    """The splits that occur, the usual ones first."""
    found = {picture.split for picture in evaluation.pictures} - {""}
    usual = [split for split in ("train", "validation", "test", "held-out") if split in found]
    return usual + sorted(found - set(usual))


def split_figures(pictures: Sequence[Picture]) -> dict[str, Any]:
    """How many pictures and groups, by label and by source."""
    return {
        "pictures": len(pictures),
        "groups": len({picture.group for picture in pictures}),
        "labels": dict(sorted(Counter(picture.label for picture in pictures).items())),
        "sources": dict(sorted(Counter(picture.source for picture in pictures).items())),
    }


def format_figures(evaluation: Evaluation, result: FormatResult, truth: Ints) -> dict[str, Any]:
    """One row of the card's table."""
    logits, temperature = result.logits, evaluation.calibration.temperature
    compartments = by_compartment(logits, truth, evaluation.labels, evaluation.compartments)
    return {
        "name": result.name,
        "top1": metrics.top1(logits, truth),
        "top1_range": accuracy_range(evaluation, "test", logits),
        "macro_recall": metrics.macro_recall(logits, truth),
        "compartment_accuracy": compartments.accuracy,
        "agreement": metrics.agreement(logits, evaluation.formats[0].logits),
        "ece_before": metrics.expected_calibration_error(logits, truth),
        "ece": metrics.expected_calibration_error(logits, truth, temperature),
        "bytes": result.bytes,
        "ms": result.ms,
        "by": result.by,
        "home": comparisons.home_figures(
            logits, evaluation.of_split("test"), evaluation.labels, evaluation.home, temperature
        ),
        "top1_corrected": corrected_top1(evaluation, logits),
    }


def corrected_top1(evaluation: Evaluation, logits: Floats) -> float | None:
    """Top-1 on the corrected test labels; None without corrections."""
    if not evaluation.corrections:
        return None
    rows, labels = comparisons.corrected_test(
        evaluation.of_split("test"), evaluation.labels, evaluation.corrections
    )
    return metrics.top1(logits[rows], labels)


def beside(evaluation: Evaluation) -> dict[str, Any]:
    """One view alone, the other model, and what the manifest says of the validation pictures."""
    logits = {"test": evaluation.shipped_format().logits}
    if evaluation.held_out_logits is not None:
        logits["held-out"] = evaluation.held_out_logits
    pictures = {split: evaluation.of_split(split) for split in logits}
    names, validation = evaluation.labels, None
    if evaluation.validation_logits is not None:
        calibration, found = evaluation.calibration, evaluation.validation_logits
        policy = purity_of(split_outcomes(evaluation, "validation", found), calibration.thresholds)
        validation = comparisons.validation_figures(
            found,
            evaluation.of_split("validation"),
            names,
            temperature=calibration.temperature,
            views=calibration.views,
            unfamiliar=unfamiliarity(found, calibration.unfamiliar.score),
            flagged=float(flagged(found, calibration.unfamiliar).mean()),
            policy={"coverage": policy.coverage, "purity": policy.purity},
            ms=evaluation.shipped_format().ms,
            hardware=evaluation.hardware,
        )
    return {
        "one_view": comparisons.one_view_figures(evaluation.one_view, pictures, names)
        if evaluation.one_view
        else None,
        "baselines": [
            comparisons.baseline_figures(baseline, logits, pictures, names, evaluation.home)
            for baseline in evaluation.baselines
        ],
        "validation": validation,
    }


def accuracy_range(evaluation: Evaluation, split: str, logits: Floats) -> tuple[float, float]:
    """95 % range of the top-1 by group."""
    pictures = evaluation.of_split(split)
    right = metrics.correct(logits, metrics.indices(pictures, evaluation.labels))
    groups = [picture.group for picture in pictures]
    return share_range(right, np.ones(len(right), bool), groups, evaluation.seed)


def split_outcomes(evaluation: Evaluation, split: str, logits: Floats) -> Outcomes:
    """What the device would do with a split's pictures, before the thresholds."""
    pictures = evaluation.of_split(split)
    return outcomes_of(
        logits,
        metrics.indices(pictures, evaluation.labels),
        pictures,
        evaluation.labels,
        temperature=evaluation.calibration.temperature,
        unfamiliar=flagged(logits, evaluation.calibration.unfamiliar),
        compartments=evaluation.compartments,
    )


def policy_figures(evaluation: Evaluation, split: str, logits: Floats) -> dict[str, Any]:
    """Accuracy of the shipped format on a split, and what the chosen thresholds do there."""
    pictures = evaluation.of_split(split)
    outcomes = split_outcomes(evaluation, split, logits)
    thresholds = evaluation.calibration.thresholds
    truth = metrics.indices(pictures, evaluation.labels)
    accuracies = metrics.by_source(logits, truth, pictures)
    purities = purity_by_source(outcomes, thresholds)
    through = sorted_by_thresholds(outcomes, thresholds)
    sources = {
        name: {
            **asdict(entry),
            "coverage": purities[name].coverage if name in purities else None,
            "purity": purities[name].purity if name in purities else None,
        }
        for name, entry in accuracies.items()
    }
    by_place = purity_by_compartment(outcomes, thresholds)
    return {
        "top1": metrics.top1(logits, truth),
        "top1_range": accuracy_range(evaluation, split, logits),
        "unfamiliar": float(flagged(logits, evaluation.calibration.unfamiliar).mean()),
        "policy": asdict(purity_of(outcomes, thresholds)),
        "purity_range": share_range(outcomes.right, through, outcomes.groups, evaluation.seed),
        "sources": sources,
        "compartments": {name: asdict(entry) for name, entry in by_place.items()},
    }


def transfer_figures(evaluation: Evaluation) -> dict[str, Any] | None:
    """Thresholds chosen without a source, tried on it; null without validation logits or a second source."""
    if evaluation.validation_logits is None:
        return None
    outcomes = split_outcomes(evaluation, "validation", evaluation.validation_logits)
    if len(set(pool_sources(outcomes, LEAST_SOURCE))) < 2:
        return None
    target = evaluation.calibration.thresholds.target
    left_out = leave_one_source_out(outcomes, target, seed=evaluation.seed, least_items=LEAST_SOURCE)
    return {
        name: {"confidence": chosen.confidence, "margin": chosen.margin, **asdict(result)}
        for name, (chosen, result) in left_out.items()
    }


def plain(value: Any) -> Any:
    """The same with NumPy's numbers, tuples and NaN turned into what JSON has."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
