"""The figures of each epoch as a CSV file, which spreadsheets and plotting tools read."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.disk import replacing
from training.errors import TrainingError

METRICS = "metrics.csv"
COLUMNS = (
    "step",
    "phase",
    "epoch",
    "learning_rate",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "train_s",
)
"""`step` counts the epochs of all phases from 1. `train_s`: seconds of an epoch, without validation."""


def write_metrics(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Writes one row an epoch. Replaces the file, so that a resumed run repeats no row."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for step, entry in enumerate(history, 1):
            writer.writerow({"step": step, **entry})


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Reads the rows as a history for `plots.plot_curves`.

    Raises:
        TrainingError: the file is missing, or is not of a training.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        numbers = [name for name in COLUMNS if name != "phase"]
        return [{"phase": row["phase"]} | {name: float(row[name]) for name in numbers} for row in rows]
    except FileNotFoundError as error:
        raise TrainingError(
            f"{path}: missing. It is written after the first epoch. Run the step train, or name another run."
        ) from error
    except (KeyError, ValueError, TypeError) as error:
        raise TrainingError(f"{path}: not a metrics file of a training ({error}).") from error
