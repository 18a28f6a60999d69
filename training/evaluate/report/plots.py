"""Draws the plots of a report as small PNG files."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from training.errors import TrainingError
from training.evaluate.judge.metrics import Floats, Ints, expected_calibration_error, reliability, share

INK, MUTED, GRID = "#1a1a1a", "#6b6b6b", "#e3e3e3"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f5539", "#8a8a8a")
MIN_SORTED = 20
"""Minimum number of sorted items for a drawn point. With fewer items, the purity is mostly noise."""


def plot_curves(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Draws loss, accuracy and learning rate over the epochs of all phases.

    Args:
        path: the PNG file.
        history: one entry an epoch, in order, with epoch, phase, loss, accuracy, val_loss, val_accuracy and
            learning_rate.

    Raises:
        TrainingError: the history is empty.
    """
    if not history:
        raise TrainingError("history: empty. The curves need at least one epoch.")
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    x = np.arange(1, len(history) + 1)
    phases = [str(entry.get("phase", "")) for entry in history]
    starts = [i for i in range(len(phases)) if i == 0 or phases[i] != phases[i - 1]]
    for place, (title, keys) in enumerate(
        {
            "loss": ("loss", "val_loss"),
            "accuracy": ("accuracy", "val_accuracy"),
            "learning rate": ("learning_rate",),
        }.items()
    ):
        axes = _axes(figure, (1, 3, place + 1), title)
        for key, colour in zip(keys, COLOURS, strict=False):
            values = [float(entry.get(key, np.nan)) for entry in history]
            name = "validation" if key.startswith("val_") else "training"
            axes.plot(x, values, color=colour, linewidth=1.8, marker=".", label=name)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.margins(y=0.2)
        for number, start in enumerate(starts):
            if start:
                axes.axvline(start + 0.5, color=MUTED, linewidth=0.8, linestyle=":")
            axes.annotate(
                phases[start],
                (start + 1, 0.99 - number % 3 * 0.06),
                xycoords=("data", "axes fraction"),
                fontsize=8,
                color=MUTED,
                va="top",
            )
        if len(keys) > 1:
            axes.legend(frameon=False, fontsize=8, loc="lower left" if title == "loss" else "lower right")
    _save(figure, path)


def plot_confusion(path: Path, matrix: Ints, names: Sequence[str]) -> None:
    """Draws a confusion matrix (C, C), rows are labels. The colour is the share of the row."""
    shares = np.nan_to_num(share(matrix, matrix.sum(axis=1, keepdims=True).repeat(len(names), 1)))
    side = 2.4 + 0.55 * len(names)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(matrix > 0):
        colour = "white" if shares[row, column] > 0.55 else INK
        text = f"{matrix[row, column]}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=9)
    axes.set_yticks(
        range(len(names)), [f"{n} ({c})" for n, c in zip(names, matrix.sum(axis=1), strict=True)], fontsize=9
    )
    axes.set_xlabel("prediction", color=MUTED)
    axes.set_ylabel("label (images)", color=MUTED)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    _save(figure, path)


def plot_reliability(path: Path, logits: Floats, labels: Ints, temperature: float) -> None:
    """Draws accuracy and image count by confidence, before and after the temperature is applied."""
    figure = Figure(figsize=(7.5, 4.4), layout="constrained")
    for place, (title, value) in enumerate(
        {"T = 1 (before)": 1.0, f"T = {temperature:.2f} (after)": temperature}.items()
    ):
        found = reliability(logits, labels, value)
        bins = len(found.count)
        edges = (np.arange(bins) + 0.5) / bins
        error = expected_calibration_error(logits, labels, value)
        axes = _axes(figure, (4, 2, (place + 1, place + 5)), f"{title}: ECE {error:.3f}")
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", zorder=3)
        axes.bar(edges, np.nan_to_num(found.accuracy), width=0.9 / bins, color=COLOURS[5], label="accuracy")
        axes.plot(
            found.confidence,
            found.confidence,
            "_",
            color=COLOURS[1],
            markersize=9,
            markeredgewidth=2,
            zorder=4,
            label="mean confidence",
        )
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        below = _axes(figure, (4, 2, place + 7), "")
        below.bar(edges, found.count, width=0.9 / bins, color=MUTED)
        below.set(xlim=(0, 1), xlabel="confidence", ylabel="images")
    _save(figure, path)


def plot_purity(
    path: Path,
    curves: Mapping[str, tuple[Floats, Floats]],
    counts: Mapping[str, int],
    points: Mapping[str, tuple[float, float]],
    target: float,
) -> None:
    """Draws purity against coverage for falling confidence thresholds. Dots are the chosen thresholds.

    Args:
        path: the PNG file.
        curves: by name, coverage (K,) and purity (K,). The first curve, the test split, is bold. At most 8.
        counts: by name, number of items of the curve.
        points: by name, coverage and purity of the chosen thresholds.
        target: target purity.

    Raises:
        TrainingError: there are no curves or more than 8.
    """
    if not 1 <= len(curves) <= len(COLOURS):
        raise TrainingError(f"purity plot: {len(curves)} curves. Draw 1 to {len(COLOURS)} curves.")
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = _axes(figure, (1, 1, 1), "purity against coverage")
    lowest = target
    for place, (name, (coverage, purity)) in enumerate(curves.items()):
        colour = INK if place == 0 else COLOURS[place - 1]
        drawn = coverage * counts[name] >= MIN_SORTED - 0.5
        lowest = min(lowest, *purity[drawn], 1.0)
        width = 2.4 if place == 0 else 1.4
        axes.plot(
            coverage[drawn], purity[drawn], color=colour, linewidth=width, label=f"{name} ({counts[name]})"
        )
        if name in points and np.isfinite(points[name]).all():
            lowest = min(lowest, points[name][1])
            axes.plot(*points[name], "o", color=colour, markersize=7, markeredgecolor="white")
    axes.axhline(target, color=MUTED, linewidth=1, linestyle="--")
    axes.annotate(
        f"target {target:g}",
        (0.01, target),
        (0, -3),
        textcoords="offset points",
        fontsize=8,
        color=MUTED,
        va="top",
    )
    axes.set(xlim=(0, 1.01), ylim=(lowest - 0.01, 1.005), xlabel="coverage", ylabel="purity")
    axes.plot([], [], "o", color=MUTED, label="chosen thresholds")
    figure.legend(frameon=False, fontsize=8, loc="outside right upper")
    _save(figure, path)


def _axes(figure: Figure, place: tuple[Any, ...], title: str) -> Any:
    axes = figure.add_subplot(*place)
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=MUTED)
    return axes


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor="white")
    # 64 colours are enough for lines and text. The file then has a third of the size.
    with Image.open(buffer) as image:
        image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
