"""A bundle: a model with all that belongs to it, as the daemon loads it."""

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
    """Where data or weights come from; `what` as in `pictures` or `base weights`."""

    what: str
    name: str
    licence: str


@dataclass(frozen=True)
class Tolerance:
    """How far other kernels than those that made the golden answers may be off, in logits as real numbers.

    Attributes:
        exact: the same kernels must give equal bits.
        clear_margin: above it the top label must be the same.
    """

    exact: bool
    clear_margin: float
    max_logit_difference: float
    min_embedding_cosine: float


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
    int8_tolerance: Tolerance = INT8_TOLERANCE,
    tfjs_tolerance: Tolerance = TFJS_TOLERANCE,
) -> None:
    """Writes a bundle, whole or not at all.

    Args:
        folder: to be made.
        identity: what it says that it is.
        labels: in the outputs' order.
        int8: the file of `convert_int8`.
        tfjs: the folder of `convert_tfjs`.
        golden: the folder of `write_golden`.
        temperature: confidence is softmax(logits / temperature).
        unfamiliar: score (`energy` or `max-logit`) and the threshold above which an item is unfamiliar.
        confidence: least confidence of the default policy, 0 to 1.
        margin: least difference of the two highest confidences, 0 to 1.
        validation: figures that probation compares with; plain JSON.
        sources: of pictures and weights.
        created: with its time zone.
        views: centre crops that are run, as fractions of the region.
        edgetpu: the compiled int8 file, where there is one.
        int8_tolerance: of the int8 answers, on the Edge TPU too; never `exact` where `tied_means` finds any.
        tfjs_tolerance: of TensorFlow.js' answers.

    Raises:
        TrainingError: the folder exists, or something does not fit together.
    """
    if folder.exists() or folder.is_symlink():
        raise TrainingError(f"{folder}: exists, and a bundle never changes; name another folder or version")
    if created.tzinfo is None:
        raise TrainingError(f"bundle {identity.name}: created is {created}; give it a time zone, as UTC")
    if tied_means(int8):
        int8_tolerance = replace(int8_tolerance, exact=False)
    files = {"tflite": read_tflite(int8), **({"edgetpu": read_tflite(edgetpu)} if edgetpu else {})}
    height, width = check_input(int8, files["tflite"])
    _check_labels(labels, files["tflite"])

    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        made.chmod(0o755)
        shutil.copyfile(int8, made / INT8)
        if edgetpu:
            shutil.copyfile(edgetpu, made / EDGE_TPU)
        shutil.copytree(tfjs, made / "tfjs")
        shutil.copytree(golden, made / "golden")
        (made / LABELS).write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        runtimes = {"tflite": _runtime(made, INT8, "tflite", int8_tolerance)}
        if edgetpu:
            runtimes["edgetpu"] = _runtime(made, EDGE_TPU, "tflite", int8_tolerance)
        runtimes["tfjs"] = _runtime(made, f"tfjs/{MODEL}", "tfjs", tfjs_tolerance)
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
            "outputs": _outputs(files, made / "tfjs"),
            "golden": _digest(made, f"golden/{INPUTS}"),
            "runtimes": runtimes,
            "calibration": {
                "temperature": temperature,
                "unfamiliar": {"score": unfamiliar[0], "threshold": unfamiliar[1]},
            },
            "policy": {"confidence": confidence, "margin": margin},
            "validation": dict(validation),
        }
        (made / MANIFEST).write_text(_json(manifest, identity.name), encoding="utf-8")
        for path in (*made.rglob("*"), made):
            _sync(path)
        made.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _check_labels(labels: Sequence[str], file: TfliteFile) -> None:
    count = file.output("logits").shape[-1]
    if len(labels) != count or len(set(labels)) != count or not all(map(LABEL.fullmatch, labels)):
        raise TrainingError(
            f"labels: {list(labels)}; the model has {count} logits: as many different ones, without spaces"
        )


def _outputs(files: Mapping[str, TfliteFile], tfjs: Path) -> dict[str, dict[str, str]]:
    names = tfjs_output_names(tfjs)
    return {
        output: {
            **{runtime: file.output(output).name for runtime, file in files.items()},
            "tfjs": names[output],
        }
        for output in ("logits", "embedding")
    }


def _runtime(made: Path, file: str, answers: str, tolerance: Tolerance) -> dict[str, Any]:
    golden = f"golden/{answers}.json"
    weights = [_digest(made, f"tfjs/{path}") for path in tfjs_weight_files(made / "tfjs")]
    return {
        **_digest(made, file),
        **({"weights": weights} if answers == "tfjs" else {}),
        "golden": {
            **_digest(made, golden),
            "kernels": json.loads((made / golden).read_text(encoding="utf-8"))["kernels"],
            "exact": tolerance.exact,
            "clearMargin": tolerance.clear_margin,
            "maxLogitDifference": tolerance.max_logit_difference,
            "minEmbeddingCosine": tolerance.min_embedding_cosine,
        },
    }


def _digest(made: Path, file: str) -> dict[str, Any]:
    content = (made / file).read_bytes()
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _json(manifest: dict[str, Any], name: str) -> str:
    try:
        return json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise TrainingError(
            f"bundle {name}: the manifest cannot be written ({error}); give finite plain numbers"
        ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
