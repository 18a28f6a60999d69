"""Runs another bundle, the baseline, on the images of the evaluation."""

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

FIX = "Name the folder of a bundle with a manifest.json and an int8 TFLite model."

Inputs = Callable[[str, int, Sequence[float]], SplitInputs]
"""Returns the inputs of a split, for a side in pixels and a list of views."""


@dataclass(frozen=True)
class BaselineBundle:
    """A bundle to compare with.

    Attributes:
        name: name in its manifest.
        version: version in its manifest.
        labels: in the order of its logits.
        side: side of its input in pixels.
        views: views in its manifest.
        int8: runner of its int8 model.
    """

    name: str
    version: str
    labels: Sequence[str]
    side: int
    views: Sequence[float]
    int8: TfliteRunner


def read_bundle(folder: Path, names: Sequence[str]) -> BaselineBundle:
    """Opens a bundle's int8 model.

    Args:
        folder: folder of the bundle.
        names: labels of this run.

    Raises:
        TrainingError: the bundle cannot be read or run, or it has none of the labels of this run.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        found = BaselineBundle(
            str(manifest["name"]),
            str(manifest["version"]),
            [str(label) for label in manifest["labels"]],
            int(manifest["input"]["width"]),
            [float(view) for view in manifest["views"]],
            TfliteRunner(folder / manifest["runtimes"]["tflite"]["file"]),
        )
    except KeyError as error:
        raise TrainingError(f"{folder}: not a usable bundle ({error} is missing). {FIX}") from error
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise TrainingError(f"{folder}: not a usable bundle ({error}). {FIX}") from error
    _check_bundle(folder, found, manifest["input"], names)
    return found


def run_baseline(
    bundle: BaselineBundle, splits: Sequence[str], inputs: Inputs, names: Sequence[str]
) -> Baseline:
    """Runs the int8 model of a bundle on each split, with the bundle's views. Labels are matched by name.

    Args:
        bundle: the bundle, from `read_bundle`.
        splits: splits that have images.
        inputs: returns the inputs of a split.
        names: labels of this run.
    """
    logits = {}
    for split in splits:
        given = inputs(split, bundle.side, bundle.views)
        logits[split] = match_labels(mean_logits(logits_by_view(bundle.int8, given)), bundle.labels, names)
    return Baseline(bundle.name, bundle.version, bundle.views, logits)


def match_labels(logits: Floats, theirs: Sequence[str], names: Sequence[str]) -> Floats:
    """Reorders logits (N, T) of the labels `theirs` to (N, C + 1), see `Baseline.logits`."""
    found = np.full((len(logits), len(names) + 1), -np.inf, np.float32)
    for column, label in enumerate(theirs):
        at = names.index(label) if label in names else len(names)
        found[:, at] = np.maximum(found[:, at], logits[:, column])
    return found


def _check_bundle(folder: Path, found: BaselineBundle, given: dict[str, Any], names: Sequence[str]) -> None:
    shape = found.int8.outputs["logits"].shape
    if len(found.labels) != shape[-1]:
        raise TrainingError(f"{folder}: {len(found.labels)} labels for {shape[-1]} logits. {FIX}")
    if given.get("height") != found.side:
        raise TrainingError(f"{folder}: its input is {found.side}x{given.get('height')}. It must be square.")
    check_views(str(folder), found.views)
    if not set(found.labels) & set(names):
        raise TrainingError(
            f"{folder}: its labels {', '.join(found.labels)} have none in common with {', '.join(names)}. "
            "Use a bundle with common labels."
        )
