"""Runs another bundle on the pictures that a model is judged by."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.comparisons import Baseline
from training.evaluate.judge.metrics import Floats
from training.evaluate.judge.views import SplitInputs, check_views, logits_by_view, mean_logits
from training.export.runners import TfliteRunner

CURE = "name the folder of a bundle with a manifest.json and an int8 TFLite model"

Inputs = Callable[[str, int, Sequence[float]], SplitInputs]
"""A split's pictures, at a side in pixels, by views."""


@dataclass(frozen=True)
class OtherBundle:
    """A bundle that can be run here.

    Attributes:
        name: of its manifest, as the next ones.
        version: of the model.
        labels: in the order of its logits.
        side: of its input in pixels.
        views: its own.
        int8: runs its int8 model.
    """

    name: str
    version: str
    labels: Sequence[str]
    side: int
    views: Sequence[float]
    int8: TfliteRunner


def read_bundle(folder: Path, names: Sequence[str]) -> OtherBundle:
    """Opens a bundle's int8 model.

    Args:
        folder: the bundle's.
        names: this run's labels.

    Raises:
        TrainingError: it cannot be read, or has none of this run's labels.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        found = OtherBundle(
            str(manifest["name"]),
            str(manifest["version"]),
            [str(label) for label in manifest["labels"]],
            int(manifest["input"]["width"]),
            [float(view) for view in manifest["views"]],
            TfliteRunner(folder / manifest["runtimes"]["tflite"]["file"]),
        )
    except KeyError as error:
        raise TrainingError(f"{folder}: no bundle that can be run (no {error}); {CURE}") from error
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise TrainingError(f"{folder}: no bundle that can be run ({error}); {CURE}") from error
    _check(folder, found, manifest["input"], names)
    return found


def run_baseline(
    bundle: OtherBundle, splits: Sequence[str], inputs: Inputs, names: Sequence[str]
) -> Baseline:
    """Its int8 model on each split, with its views, its labels matched by name.

    Args:
        bundle: what `read_bundle` gave.
        splits: of which there are pictures.
        inputs: makes a split's pictures.
        names: this run's labels.
    """
    logits = {}
    for split in splits:
        given = inputs(split, bundle.side, bundle.views)
        logits[split] = matched(mean_logits(logits_by_view(bundle.int8, given)), bundle.labels, names)
    return Baseline(bundle.name, bundle.version, bundle.views, logits)


def matched(logits: Floats, theirs: Sequence[str], names: Sequence[str]) -> Floats:
    """Logits (N, T) in the order of `names`, (N, C + 1); see `Baseline`."""
    found = np.full((len(logits), len(names) + 1), -np.inf, np.float32)
    for column, label in enumerate(theirs):
        at = names.index(label) if label in names else len(names)
        found[:, at] = np.maximum(found[:, at], logits[:, column])
    return found


def _check(folder: Path, found: OtherBundle, given: dict[str, Any], names: Sequence[str]) -> None:
    shape = found.int8.outputs["logits"].shape
    if len(found.labels) != shape[-1]:
        raise TrainingError(f"{folder}: {len(found.labels)} labels for {shape[-1]} logits; {CURE}")
    if given.get("height") != found.side:
        raise TrainingError(f"{folder}: takes {found.side}x{given.get('height')}; only a square will do")
    check_views(str(folder), found.views)
    if not set(found.labels) & set(names):
        raise TrainingError(f"{folder}: its labels {', '.join(found.labels)} are none of {', '.join(names)}")
