"""Whether a run's formats agree on its golden samples, before these become the truth for the bin."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.bundle import INT8_TOLERANCE, TFJS_TOLERANCE, Tolerance
from training.errors import TrainingError
from training.evaluate.judge.metrics import Floats
from training.export.golden import INPUTS, Bytes, noise_picture
from training.export.runners import Runner

FLOAT16_TOLERANCE = replace(TFJS_TOLERANCE, max_logit_difference=0.1, min_embedding_cosine=0.999)
"""Rounded to float16, weights move answers more than other kernels do; a wrong conversion moves them far."""
CURE = "export the network again, and look at what export says"


def check_golden(
    folder: Path,
    prepare: Callable[[Path], Bytes],
    reference: Runner,
    labels: Sequence[str],
    *,
    tfjs_tolerance: Tolerance = FLOAT16_TOLERANCE,
    int8_tolerance: Tolerance = INT8_TOLERANCE,
) -> str:
    """Holds what was written of TensorFlow.js and int8 against the float model.

    The bin compares each runtime with the answers of its own format, so a conversion that went wrong would
    pass there.

    Args:
        folder: what `write_golden` wrote.
        prepare: as there.
        reference: the float model.
        labels: in the outputs' order.
        tfjs_tolerance: of TensorFlow.js' answers, by its float16 weights.
        int8_tolerance: above its clear margin int8 has to have the float model's top label.

    Returns:
        A line on how well they agree.

    Raises:
        TrainingError: they do not; names the sample.
    """
    head = json.loads((folder / INPUTS).read_text(encoding="utf-8"))
    height, width = head["size"][:2]
    images = np.stack(
        [
            prepare(folder / entry["file"])
            if "file" in entry
            else noise_picture(entry["seed"], entry["block"], height, width)
            for entry in head["inputs"]
        ]
    )
    logits, embedding = reference.predict(images)
    tfjs, int8 = _answers(folder / "tfjs.json"), _answers(folder / "tflite.json")
    differences, cosines, same = [], [], 0
    for row, sample in enumerate(entry["id"] for entry in head["inputs"]):
        off = float(np.abs(logits[row] - tfjs[sample]["logits"]).max())
        cosine = _cosine(embedding[row], tfjs[sample]["embedding"])
        if not (off <= tfjs_tolerance.max_logit_difference and cosine >= tfjs_tolerance.min_embedding_cosine):
            raise TrainingError(
                f"golden sample {sample}: a logit of TensorFlow.js is {off:.4f} off the float model's "
                f"({tfjs_tolerance.max_logit_difference} allowed), the embedding's cosine is {cosine:.5f} "
                f"(at least {tfjs_tolerance.min_embedding_cosine}); {CURE}"
            )
        top, called = labels[int(logits[row].argmax())], int8[sample]["top"]
        margin = float(np.diff(np.sort(logits[row])[-2:])[0])
        if called != top and margin > int8_tolerance.clear_margin:
            raise TrainingError(
                f"golden sample {sample}: int8 calls it {called}, the float model {top} by a margin of "
                f"{margin:.2f} (a clear one is above {int8_tolerance.clear_margin}); {CURE}"
            )
        differences.append(off)
        cosines.append(cosine)
        same += called == top
    return (
        f"golden samples: TensorFlow.js is off the float model by {max(differences):.4f} in a logit at most, "
        f"embedding cosine {min(cosines):.5f} at least; int8 has its top label in {same} of {len(images)}"
    )


def _answers(path: Path) -> Mapping[str, Any]:
    return {answer["id"]: answer for answer in json.loads(path.read_text(encoding="utf-8"))["expected"]}


def _cosine(one: Floats, other: Sequence[float]) -> float:
    """NaN where one is all zero: that passes no bound."""
    a, b = one.astype(np.float64), np.asarray(other, np.float64)
    with np.errstate(invalid="ignore"):
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))
