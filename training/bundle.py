"""Writes a bundle: the folder that the daemon loads a model from."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.data.pictures import LABEL
from training.errors import TrainingError
from training.export.flatbuffer import TfliteFile, check_input, read_tflite
from training.export.golden import INPUTS
from training.export.tfjs import MODEL, tfjs_output_names, tfjs_weight_files
from training.export.ties import tied_means
from training.identity import Identity

INT8, EDGE_TPU, LABELS, MANIFEST = (
    "model_int8.tflite",
    "model_int8_edgetpu.tflite",
    "labels.txt",
    "manifest.json",
)


@dataclass(frozen=True)
class Source:
    """The origin of data or weights. `what` is for example `pictures` or `base weights`."""

    what: str
    name: str
    licence: str


@dataclass(frozen=True)
class Tolerance:
    """Allowed differences from the golden answers, in dequantised logits.

    Attributes:
        exact: the kernels that made the golden answers must give bit-identical answers.
        clear_margin: if the margin of the top label is above it, the top label must be the same.
        max_logit_difference: largest difference of a logit.
        min_embedding_cosine: smallest cosine between the embeddings.
    """

    exact: bool
    clear_margin: float
    max_logit_difference: float
    min_embedding_cosine: float


TEMPERATURE, VIEW, THRESHOLD = (0.01, 100.0), (0.1, 1.0), (-1000.0, 1000.0)
"""Minimum and maximum values that the daemon accepts (`device/perception/inference/bundle/manifest.ts`)."""

INT8_TOLERANCE = Tolerance(True, 1.2, 0.6, 0.99)
TFJS_TOLERANCE = Tolerance(False, 0.1, 0.05, 0.9999)


def write_bundle(
    folder: Path,
    *,
    identity: Identity,
    labels: Sequence[str],
    int8: Path,
    tfjs: Path,
    golden: Path,
    temperature: float,
    unfamiliar: tuple[str, float],
    confidence: float,
    margin: float,
    validation: Mapping[str, Any],
    sources: Sequence[Source],
    created: datetime,
    views: Sequence[float] = (1,),
    edgetpu: Path | None = None,
) -> None:
    """Writes a bundle atomically.

    Args:
        folder: is created. It must not exist.
        identity: name, version and licence.
        labels: in the order of the logits.
        int8: the file that `convert_int8` wrote.
        tfjs: the folder that `convert_tfjs` wrote.
        golden: the folder that `write_golden` wrote.
        temperature: confidence is softmax(logits / temperature).
        unfamiliar: score (`energy` or `max-logit`), and the threshold above which an item is unfamiliar, that
            is out of distribution.
        confidence: smallest confidence that the default policy accepts, 0 to 1.
        margin: smallest accepted difference of the two highest confidences, 0 to 1.
        validation: figures of the validation split, which probation compares with. Plain JSON.
        sources: origins of images and weights.
        created: time of creation, with a time zone.
        views: centre crops that the bin averages, as fractions of the region.
        edgetpu: the compiled int8 file. None: no Edge TPU model.

    Raises:
        TrainingError: the folder exists, or the parts do not match.
    """
    if folder.exists() or folder.is_symlink():
        raise TrainingError(f"{folder}: already exists, and bundles are never changed. Use another folder.")
    if created.tzinfo is None:
        raise TrainingError(
            f"bundle {identity.name}: the creation time {created} has no time zone. Add one, for example UTC."
        )
    # x64 and arm64 round tied means differently, so bit-identical answers cannot be required.
    int8_tolerance = replace(INT8_TOLERANCE, exact=not tied_means(int8))
    files = {"tflite": read_tflite(int8), **({"edgetpu": read_tflite(edgetpu)} if edgetpu else {})}
    height, width = check_input(int8, files["tflite"])
    _check_labels(labels, files["tflite"])
    _check_range("temperature", [temperature], TEMPERATURE)
    _check_range("views", views, VIEW)
    _check_range("threshold of unfamiliar items", [unfamiliar[1]], THRESHOLD)
    _check_range("confidence and margin", [confidence, margin], (0, 1))

    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        staging.chmod(0o755)
        shutil.copyfile(int8, staging / INT8)
        if edgetpu:
            shutil.copyfile(edgetpu, staging / EDGE_TPU)
        shutil.copytree(tfjs, staging / "tfjs")
        shutil.copytree(golden, staging / "golden")
        (staging / LABELS).write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        runtimes = {"tflite": _runtime(staging, INT8, "tflite", int8_tolerance)}
        if edgetpu:
            runtimes["edgetpu"] = _runtime(staging, EDGE_TPU, "tflite", int8_tolerance)
        runtimes["tfjs"] = _runtime(staging, f"tfjs/{MODEL}", "tfjs", TFJS_TOLERANCE)
        manifest = {
            "schema": 1,
            "name": identity.name,
            "version": identity.version,
            "created": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "licence": identity.licence,
            "sources": [asdict(source) for source in sources],
            "labels": list(labels),
            "input": {
                "width": width,
                "height": height,
                "colour": "rgb",
                "fit": "fill",
                "kernel": "linear",
                "mean": 127,
                "scale": 128,
            },
            "views": list(views),
            "outputs": _outputs(files, staging / "tfjs"),
            "golden": _digest(staging, f"golden/{INPUTS}"),
            "runtimes": runtimes,
            "calibration": {
                "temperature": temperature,
                "unfamiliar": {"score": unfamiliar[0], "threshold": unfamiliar[1]},
            },
            "policy": {"confidence": confidence, "margin": margin},
            "validation": dict(validation),
        }
        (staging / MANIFEST).write_text(_to_json(manifest, identity.name), encoding="utf-8")
        for path in (*staging.rglob("*"), staging):
            _sync(path)
        staging.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _check_labels(labels: Sequence[str], file: TfliteFile) -> None:
    count = file.output("logits").shape[-1]
    if len(labels) != count or len(set(labels)) != count or not all(map(LABEL.fullmatch, labels)):
        raise TrainingError(
            f"labels: {list(labels)} do not fit the model, which has {count} logits. Give {count} different "
            "labels of 1 to 64 characters, without spaces and control characters."
        )


def _check_range(what: str, values: Sequence[float], limits: tuple[float, float]) -> None:
    low, high = limits
    if not all(low <= value <= high for value in values):
        raise TrainingError(f"{what}: {list(values)} is not allowed. Use numbers from {low} to {high}.")


def _outputs(files: Mapping[str, TfliteFile], tfjs: Path) -> dict[str, dict[str, str]]:
    names = tfjs_output_names(tfjs)
    return {
        output: {
            **{runtime: file.output(output).name for runtime, file in files.items()},
            "tfjs": names[output],
        }
        for output in ("logits", "embedding")
    }


def _runtime(staging: Path, file: str, answers: str, tolerance: Tolerance) -> dict[str, Any]:
    golden = f"golden/{answers}.json"
    weights = [_digest(staging, f"tfjs/{path}") for path in tfjs_weight_files(staging / "tfjs")]
    return {
        **_digest(staging, file),
        **({"weights": weights} if answers == "tfjs" else {}),
        "golden": {
            **_digest(staging, golden),
            "kernels": json.loads((staging / golden).read_text(encoding="utf-8"))["kernels"],
            "exact": tolerance.exact,
            "clearMargin": tolerance.clear_margin,
            "maxLogitDifference": tolerance.max_logit_difference,
            "minEmbeddingCosine": tolerance.min_embedding_cosine,
        },
    }


def _digest(staging: Path, file: str) -> dict[str, Any]:
    content = (staging / file).read_bytes()
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _to_json(manifest: dict[str, Any], name: str) -> str:
    try:
        return json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise TrainingError(
            f"bundle {name}: the manifest is not valid JSON ({error}). "
            "All figures must be finite plain numbers."
        ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
