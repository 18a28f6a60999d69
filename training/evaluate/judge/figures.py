"""All metrics of a report, as values for JSON."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from training.data.pictures import Picture
from training.evaluate.judge import comparisons, metrics
from training.evaluate.judge.bootstrap import share_range
from training.evaluate.judge.calibrate import is_unfamiliar, unfamiliarity
from training.evaluate.judge.compartments import by_compartment
from training.evaluate.judge.evaluation import Evaluation, FormatResult
from training.evaluate.judge.metrics import Floats, Ints
from training.evaluate.judge.outcomes import Outcomes, hazard_figures, outcomes_of
from training.evaluate.judge.purity import (
    is_sorted,
    leave_one_source_out,
    purity_by_compartment,
    purity_by_source,
    purity_of,
)
from training.evaluate.judge.thresholds import pool_sources

MIN_SOURCE_IMAGES = 50
"""Sources with fewer validation images count together as one source in the transfer test of thresholds."""


def all_figures(evaluation: Evaluation) -> dict[str, Any]:
    """Computes all metrics. NaN becomes null.

    Returns:
        The content of `report.json`, without `weaknesses` and `plots`.

    Raises:
        TrainingError: logits, labels and images do not match.
    """
    evaluation.check()
    test = evaluation.of_split("test")
    truth = metrics.label_indices(test, evaluation.labels)
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
        "home": {"sources": list(evaluation.in_domain)} if evaluation.in_domain else None,
        "corrected": comparisons.correction_counts(test, evaluation.corrections)
        if evaluation.corrections
        else None,
        **comparison_figures(evaluation),
    }
    if evaluation.held_out_logits is not None:
        figures["held_out"] = policy_figures(evaluation, "held-out", evaluation.held_out_logits)
    values: dict[str, Any] = to_json_values(figures)
    return values


def split_names(evaluation: Evaluation) -> list[str]:
    """Returns the splits that occur, the usual ones first."""
    found = {picture.split for picture in evaluation.pictures} - {""}
    usual = [split for split in ("train", "validation", "test", "held-out") if split in found]
    return usual + sorted(found - set(usual))


def split_figures(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Counts images and groups, and images by label and by source."""
    return {
        "pictures": len(pictures),
        "groups": len({picture.group for picture in pictures}),
        "labels": dict(sorted(Counter(picture.label for picture in pictures).items())),
        "sources": dict(sorted(Counter(picture.source for picture in pictures).items())),
    }


def format_figures(evaluation: Evaluation, result: FormatResult, truth: Ints) -> dict[str, Any]:
    """Returns the metrics of one format."""
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
        "by": result.run_by,
        "home": comparisons.in_domain_figures(
            logits, evaluation.of_split("test"), evaluation.labels, evaluation.in_domain, temperature
        ),
        "top1_corrected": corrected_top1(evaluation, logits),
    }


def corrected_top1(evaluation: Evaluation, logits: Floats) -> float | None:
    """Returns the accuracy on the corrected test labels, or None if there are no corrections."""
    if not evaluation.corrections:
        return None
    rows, labels = comparisons.corrected_test(
        evaluation.of_split("test"), evaluation.labels, evaluation.corrections
    )
    return metrics.top1(logits[rows], labels)


def comparison_figures(evaluation: Evaluation) -> dict[str, Any]:
    """Returns the metrics of one view, of the baselines, and of the validation images for the manifest."""
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
            unfamiliar_share=float(is_unfamiliar(found, calibration.unfamiliar).mean()),
            policy={"coverage": policy.coverage, "purity": policy.purity},
            ms=evaluation.shipped_format().ms,
            hardware=evaluation.hardware,
        )
    return {
        "one_view": comparisons.one_view_figures(evaluation.one_view, pictures, names)
        if evaluation.one_view
        else None,
        "baselines": [
            comparisons.baseline_figures(baseline, logits, pictures, names, evaluation.in_domain)
            for baseline in evaluation.baselines
        ],
        "validation": validation,
    }


def accuracy_range(evaluation: Evaluation, split: str, logits: Floats) -> tuple[float, float]:
    """Returns the 95 % range of the accuracy, over resamples of whole groups."""
    pictures = evaluation.of_split(split)
    right = metrics.is_correct(logits, metrics.label_indices(pictures, evaluation.labels))
    groups = [picture.group for picture in pictures]
    return share_range(right, np.ones(len(right), bool), groups, evaluation.seed)


def split_outcomes(evaluation: Evaluation, split: str, logits: Floats) -> Outcomes:
    """Returns the outcomes of a split's images, before the thresholds are applied."""
    pictures = evaluation.of_split(split)
    return outcomes_of(
        logits,
        metrics.label_indices(pictures, evaluation.labels),
        pictures,
        evaluation.labels,
        temperature=evaluation.calibration.temperature,
        unfamiliar=is_unfamiliar(logits, evaluation.calibration.unfamiliar),
        compartments=evaluation.compartments,
    )


def policy_figures(evaluation: Evaluation, split: str, logits: Floats) -> dict[str, Any]:
    """Returns accuracy, coverage and purity of the shipped format on a split."""
    pictures = evaluation.of_split(split)
    outcomes = split_outcomes(evaluation, split, logits)
    thresholds = evaluation.calibration.thresholds
    truth = metrics.label_indices(pictures, evaluation.labels)
    accuracies = metrics.by_source(logits, truth, pictures)
    purities = purity_by_source(outcomes, thresholds)
    sources = {
        name: {
            **asdict(entry),
            "coverage": purities[name].coverage if name in purities else None,
            "purity": purities[name].purity if name in purities else None,
        }
        for name, entry in accuracies.items()
    }
    by_compartments = purity_by_compartment(outcomes, thresholds)
    return {
        "top1": metrics.top1(logits, truth),
        "top1_range": accuracy_range(evaluation, split, logits),
        "unfamiliar": float(is_unfamiliar(logits, evaluation.calibration.unfamiliar).mean()),
        "policy": asdict(purity_of(outcomes, thresholds)),
        "purity_range": share_range(
            outcomes.right, is_sorted(outcomes, thresholds), outcomes.groups, evaluation.seed
        ),
        "sources": sources,
        "compartments": {name: asdict(entry) for name, entry in by_compartments.items()},
    }


def transfer_figures(evaluation: Evaluation) -> dict[str, Any] | None:
    """Returns, for each source, thresholds chosen on the other sources and their effect on this source.

    None if there are no validation logits or fewer than two sources.
    """
    if evaluation.validation_logits is None:
        return None
    outcomes = split_outcomes(evaluation, "validation", evaluation.validation_logits)
    if len(set(pool_sources(outcomes, MIN_SOURCE_IMAGES))) < 2:
        return None
    target = evaluation.calibration.thresholds.target
    left_out = leave_one_source_out(outcomes, target, seed=evaluation.seed, min_items=MIN_SOURCE_IMAGES)
    return {
        name: {"confidence": chosen.confidence, "margin": chosen.margin, **asdict(result)}
        for name, (chosen, result) in left_out.items()
    }


def to_json_values(value: Any) -> Any:
    """Converts NumPy numbers, tuples and NaN to values that JSON has."""
    if isinstance(value, dict):
        return {str(key): to_json_values(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_values(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
