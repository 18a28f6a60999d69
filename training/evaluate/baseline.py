"""Runs another bundle on the pictures that a model is judged by."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import TrainingError
from training.evaluate.comparisons import Baseline
from training.evaluate.metrics import Floats
from training.evaluate.views import SplitInputs, logits_by_view, mean_logits
from training.export.runners import TfliteRunner


def read_manifest(bundle: Path) -> dict[str, Any]:
    """The parts of a bundle's manifest that are needed here: name, version, labels, input, views.

    Raises:
        TrainingError: the folder is no bundle.
    """
    try:
        manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
        return {key: manifest[key] for key in ("name", "version", "labels", "input", "views", "runtimes")}
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            f"{bundle}: no bundle that can be read ({error}); name a folder with a manifest.json"
        ) from error


def run_baseline(
    bundle: Path, manifest: Mapping[str, Any], inputs: Mapping[str, SplitInputs], names: Sequence[str]
) -> Baseline:
    """Its int8 model on each split, its labels matched by name.

    Args:
        bundle: its folder.
        manifest: what `read_manifest` gave.
        inputs: by split, made with its views and its input size.
        names: this run's labels.

    Raises:
        TrainingError: it has no int8 model, or none of these labels.
    """
    theirs: list[str] = manifest["labels"]
    if not set(theirs) & set(names):
        raise TrainingError(f"{bundle}: its labels {', '.join(theirs)} are none of {', '.join(names)}")
    if "tflite" not in manifest["runtimes"]:
        raise TrainingError(f"{bundle}: has no int8 TFLite model; name another bundle")
    runner = TfliteRunner(bundle / manifest["runtimes"]["tflite"]["file"])
    logits = {
        split: matched(mean_logits(logits_by_view(runner, given)), theirs, names)
        for split, given in inputs.items()
    }
    return Baseline(manifest["name"], manifest["version"], manifest["views"], logits)


def matched(logits: Floats, theirs: Sequence[str], names: Sequence[str]) -> Floats:
    """Logits (N, T) in the order of `names`, (N, C + 1); see `Baseline`."""
    found = np.full((len(logits), len(names) + 1), -np.inf, np.float32)
    for column, label in enumerate(theirs):
        at = names.index(label) if label in names else len(names)
        found[:, at] = np.maximum(found[:, at], logits[:, column])
    return found
