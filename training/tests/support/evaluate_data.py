"""Synthetic images and logits for the tests of training.evaluate."""

import csv
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from training.data.pictures import Picture
from training.data.sources import DataSource
from training.evaluate.judge.calibrate import Calibration, Unfamiliar
from training.evaluate.judge.compartments import FOUR_WAY
from training.evaluate.judge.evaluation import Evaluation, FormatResult
from training.evaluate.judge.metrics import Floats, Ints, label_indices, probabilities
from training.evaluate.judge.outcomes import Outcomes
from training.evaluate.judge.thresholds import Thresholds
from training.evaluate.labels.corrections import HEADER, Correction

NAMES = sorted(FOUR_WAY)


def pictures_of(
    count: int, seed: int = 0, split: str = "test", sources: tuple[str, ...] = ("a", "b")
) -> list[Picture]:
    """Returns images of all labels, three in each group. The groups have the sources in turn."""
    labels = np.random.default_rng(seed).integers(0, len(NAMES), count).tolist()
    return [
        Picture(
            f"{split}/{NAMES[label]}/{i:04}.jpg",
            NAMES[label],
            f"{split}-{i // 3}",
            sources[i // 3 % len(sources)],
            split,
        )
        for i, label in enumerate(labels)
    ]


def logits_of(pictures: list[Picture], strength: float = 4.0, seed: int = 0) -> Floats:
    """Returns noise of standard deviation 1, plus `strength` at the label, float32."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1, (len(pictures), len(NAMES))).astype(np.float32)
    logits[np.arange(len(pictures)), label_indices(pictures, NAMES)] += strength
    return logits


def sampled(count: int, seed: int, spread: float = 2.0, classes: int = 5) -> tuple[Floats, Ints]:
    """Returns logits and labels drawn from their softmax. They are calibrated by construction."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, spread, (count, classes))
    sums = np.cumsum(probabilities(logits), axis=1)
    labels = (generator.random((count, 1)) > sums).sum(axis=1).clip(0, classes - 1)
    return logits, labels


def outcomes(
    confidence: Any, right: Any, margin: Any = None, groups: Any = None, sources: Any = None
) -> Outcomes:
    """Returns outcomes of one compartment. Without `groups`, each item is a separate group."""
    values = np.asarray(confidence, np.float64)
    count = len(values)
    return Outcomes(
        values,
        values if margin is None else np.asarray(margin, np.float64),
        np.asarray(right, bool),
        ("paper",) * count,
        tuple(map(str, range(count))) if groups is None else tuple(groups),
        ("a",) * count if sources is None else tuple(sources),
    )


def chosen(confidence: float = 0.6, margin: float = 0.4) -> Thresholds:
    """Returns valid thresholds."""
    return Thresholds(confidence, margin, 0.99, "home", True, 0.992, 0.992, 0.8)


def evaluation(**changes: Any) -> Evaluation:
    """Returns an evaluation of three formats, with a held-out source."""
    test = pictures_of(240)
    validation = pictures_of(180, 1, "validation")
    held = pictures_of(60, 2, "held-out", ("bin-camera",))
    logits = logits_of(test)
    given: dict[str, Any] = {
        "name": "waste12",
        "version": "1.0.0",
        "created": "2026-01-02T03:04:05Z",
        "licence": "MIT",
        "labels": NAMES,
        "pictures": [*validation, *test, *held],
        "formats": [
            FormatResult("float", logits, 13_500_000, 9.0),
            FormatResult("int8", logits + logits_of(test, 0, 5) / 2, 3_900_000, 4.2),
            FormatResult("tfjs", logits, 6_700_000),
        ],
        "shipped": "int8",
        "calibration": Calibration(0.8, Unfamiliar("energy", -1.5, 0.97), chosen(), (1.0,)),
        "wall_s": 3725.0,
        "hardware": "x86_64, 2 cores",
        "validation_logits": logits_of(validation, seed=6),
        "held_out_logits": logits_of(held, 1.5, 7),
        "history": [
            {"epoch": epoch, "phase": phase, "loss": 2 / (n + 1), "accuracy": 1 - 0.5 / (n + 1),
             "val_loss": 2.2 / (n + 1), "val_accuracy": 0.95 - 0.5 / (n + 1), "learning_rate": 1e-3 / (n + 1)}
            for n, (epoch, phase) in enumerate([(0, "head"), (1, "head"), (0, "all"), (1, "all"), (2, "all")])
        ],
        "config": {"model": "efficientnet_lite0", "batch": 32},
        "data": [
            DataSource("Set A @ 123", "MIT", source="a"),
            DataSource("Base", "Apache-2.0", "base weights"),
        ],
    }  # fmt: skip
    return Evaluation(**(given | changes))


def write_corrections(path: Path, corrections: Sequence[Correction]) -> None:
    """Writes a list of corrections as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *map(astuple, corrections)])
