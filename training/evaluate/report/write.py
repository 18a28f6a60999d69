"""Writes the report of a model: metrics as JSON, model card and plots."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from training.disk import write_text
from training.evaluate.judge import metrics
from training.evaluate.judge.evaluation import Evaluation
from training.evaluate.judge.figures import all_figures, split_outcomes
from training.evaluate.judge.outcomes import Outcomes
from training.evaluate.judge.purity import purity_curve, purity_of
from training.evaluate.report.card import model_card
from training.evaluate.report.plots import (
    MIN_SORTED,
    plot_confusion,
    plot_curves,
    plot_purity,
    plot_reliability,
)
from training.evaluate.report.weaknesses import weaknesses

MAX_SOURCES = 7
"""Maximum held-out sources in the purity plot. More lines are hard to read."""


def write_report(folder: Path, evaluation: Evaluation) -> dict[str, Any]:
    """Writes `report.json`, `README.md` (the model card) and the plots.

    Args:
        folder: created if it does not exist. Files of an earlier report are overwritten.
        evaluation: the evaluated model.

    Returns:
        The content of `report.json`.

    Raises:
        TrainingError: logits, labels and images do not match.
    """
    figures = all_figures(evaluation)
    folder.mkdir(parents=True, exist_ok=True)
    figures["plots"] = _draw_plots(folder, evaluation)
    figures["weaknesses"] = weaknesses(figures)
    text = json.dumps(figures, indent=1, allow_nan=False, default=str) + "\n"
    write_text(folder / "report.json", text)
    written: dict[str, Any] = json.loads(text)
    write_text(folder / "README.md", model_card(written))
    return written


def _draw_plots(folder: Path, evaluation: Evaluation) -> list[str]:
    logits, temperature = evaluation.shipped_format().logits, evaluation.calibration.temperature
    truth = metrics.label_indices(evaluation.of_split("test"), evaluation.labels)
    matrix = metrics.confusion_matrix(logits, truth)
    plot_confusion(folder / "confusion.png", matrix, evaluation.labels)
    plot_reliability(folder / "reliability.png", logits, truth, temperature)
    _draw_purity_plot(folder / "purity.png", evaluation)
    names = ["confusion.png", "reliability.png", "purity.png"]
    if evaluation.history:
        plot_curves(folder / "curves.png", evaluation.history)
        names.append("curves.png")
    return names


def _draw_purity_plot(path: Path, evaluation: Evaluation) -> None:
    shown: dict[str, Outcomes] = {
        "test": split_outcomes(evaluation, "test", evaluation.shipped_format().logits)
    }
    if evaluation.held_out_logits is not None:
        held = split_outcomes(evaluation, "held-out", evaluation.held_out_logits)
        largest = Counter(held.sources).most_common(MAX_SOURCES)
        shown |= {name: held.of_source(name) for name, count in largest if count >= MIN_SORTED}
    thresholds = evaluation.calibration.thresholds
    points = {name: purity_of(outcomes, thresholds) for name, outcomes in shown.items()}
    plot_purity(
        path,
        {name: purity_curve(outcomes) for name, outcomes in shown.items()},
        {name: len(outcomes.right) for name, outcomes in shown.items()},
        {name: (point.coverage, point.purity) for name, point in points.items() if np.isfinite(point.purity)},
        thresholds.target,
    )
