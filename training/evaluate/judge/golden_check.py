"""Checks that the formats of a run agree on its golden samples, before the bin uses them as reference."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.bundle import INT8_TOLERANCE, TFJS_TOLERANCE, Tolerance
from training.errors import TrainingError
from training.evaluate.judge.metrics import Floats
from training.export.golden import INPUTS, Bytes, make_noise_image
from training.export.runners import Runner

FLOAT16_TOLERANCE = replace(TFJS_TOLERANCE, max_logit_difference=0.1, min_embedding_cosine=0.999)
"""Tolerance for float16 weights. Their rounding changes logits more than other kernels do.

An incorrect conversion changes them much more.
"""
FIX = "Run the export again and check its output."


def check_golden(
    folder: Path,
    prepare: Callable[[Path], Bytes],
    reference: Runner,
    labels: Sequence[str],
    *,
    tfjs_tolerance: Tolerance = FLOAT16_TOLERANCE,
    int8_tolerance: Tolerance = INT8_TOLERANCE,
) -> str:
    """Compares the golden answers of TensorFlow.js and int8 with the float model.

    The bin compares each runtime only with the answers of the same format. An incorrect conversion would
    therefore pass there.

    Args:
        folder: folder that `write_golden` wrote.
        prepare: function that was given to `write_golden`.
        reference: the float model.
        labels: in the order of the logits.
        tfjs_tolerance: tolerance for the answers of TensorFlow.js, which has float16 weights.
        int8_tolerance: if the margin of the float model is above its `clear_margin`, int8 must have the same
            top label.

    Returns:
        A line that states how well they agree.

    Raises:
        TrainingError: they do not agree. The message names the sample.
    """
    head = json.loads((folder / INPUTS).read_text(encoding="utf-8"))
    height, width = head["size"][:2]
    images = np.stack(
        [
            prepare(folder / entry["file"])
            if "file" in entry
            else make_noise_image(entry["seed"], entry["block"], height, width)
            for entry in head["inputs"]
        ]
    )
    logits, embedding = reference.predict(images)
    tfjs, int8 = _answers(folder / "tfjs.json"), _answers(folder / "tflite.json")
    differences, cosines, same = [], [], 0
    for row, sample in enumerate(entry["id"] for entry in head["inputs"]):
        difference = float(np.abs(logits[row] - tfjs[sample]["logits"]).max())
        cosine = _cosine(embedding[row], tfjs[sample]["embedding"])
        if not (
            difference <= tfjs_tolerance.max_logit_difference
            and cosine >= tfjs_tolerance.min_embedding_cosine
        ):
            raise TrainingError(
                f"golden sample {sample}: TensorFlow.js differs from the float model by {difference:.4f} in "
                f"a logit (at most {tfjs_tolerance.max_logit_difference}). The cosine of the embeddings is "
                f"{cosine:.5f} (at least {tfjs_tolerance.min_embedding_cosine}). {FIX}"
            )
        top, int8_top = labels[int(logits[row].argmax())], int8[sample]["top"]
        margin = float(np.diff(np.sort(logits[row])[-2:])[0])
        if int8_top != top and margin > int8_tolerance.clear_margin:
            raise TrainingError(
                f"golden sample {sample}: int8 predicts {int8_top}, the float model {top} with a margin of "
                f"{margin:.2f}. Above {int8_tolerance.clear_margin} they must agree. {FIX}"
            )
        differences.append(difference)
        cosines.append(cosine)
        same += int8_top == top
    return (
        f"golden samples: TensorFlow.js is off the float model by {max(differences):.4f} or less in each "
        f"logit. The cosine of the embeddings is at least {min(cosines):.5f}. int8 has the same top label in "
        f"{same} of {len(images)}."
    )


def _answers(path: Path) -> Mapping[str, Any]:
    return {answer["id"]: answer for answer in json.loads(path.read_text(encoding="utf-8"))["expected"]}


def _cosine(one: Floats, other: Sequence[float]) -> float:
    """Returns the cosine, or NaN if a vector is all zero. NaN fails every tolerance."""
    a, b = one.astype(np.float64), np.asarray(other, np.float64)
    with np.errstate(invalid="ignore"):
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))
