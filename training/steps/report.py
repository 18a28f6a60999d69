"""Step `report`: shows the learning curves of a run, also while it trains."""

import os
import sys
import webbrowser
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from training.errors import TrainingError
from training.evaluate.report.plots import plot_curves
from training.metrics_file import METRICS, read_metrics

CURVES = "curves.png"


def run(options: Namespace) -> None:
    """Prints the figures of each epoch, writes curves.png into the run's folder and opens it."""
    folder = options.folder or options.run
    history = read_metrics(folder / METRICS)
    if not history:
        raise TrainingError(f"{folder / METRICS}: no epoch yet. Wait for the first one.")
    print(_format_table(history))
    path = folder / CURVES
    plot_curves(path, history)
    print(f"report: wrote {path}")
    if options.open and _has_display():
        webbrowser.open(path.resolve().as_uri())


def _has_display() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _format_table(history: Sequence[dict[str, Any]]) -> str:
    """Returns one line an epoch. A star marks the best validation accuracy."""
    best = max(entry["val_accuracy"] for entry in history)
    width = max(len("phase"), *(len(entry["phase"]) for entry in history))
    lines = [f"{'phase':<{width}}  epoch    loss  accuracy  val. loss  val. accuracy"]
    lines += [
        f"{entry['phase']:<{width}}  {entry['epoch']:5.0f}  {entry['loss']:6.3f}  {entry['accuracy']:8.3f}"
        f"  {entry['val_loss']:9.3f}  {entry['val_accuracy']:13.3f}"
        + (" *" if entry["val_accuracy"] == best else "")
        for entry in history
    ]
    return "\n".join([*lines, "*: the best validation accuracy"])
