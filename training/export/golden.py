"""Golden samples: inputs with the answers that each runtime must give. The daemon checks itself with them."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.export.runners import Runner, TfliteRunner, dequantise

Bytes = npt.NDArray[np.uint8]

INPUTS = "inputs.json"
NOISE = ((1, 1), (3, 32))
"""Seed and block size in pixels of each noise image."""
MAX_BYTES = 4 << 20
# All tested builds of XNNPACK, from TensorFlow Lite 2.9 to LiteRT 2.3, are bit-identical for int8.
INT8_KERNELS = "xnnpack-2.9"
GENERATOR = (
    "x = seed (uint32); for each value: x ^= x << 13; x ^= x >>> 17; x ^= x << 5; value = x >>> 24. "
    "Values fill a (height/block) x (width/block) x 3 picture, rounded up, in row, column, channel order; "
    "each pixel is then repeated block x block times."
)


@dataclass(frozen=True)
class GoldenPicture:
    """An image that becomes a sample. The id of the sample is the name of its file without the suffix."""

    file: Path
    label: str


def write_golden(
    folder: Path,
    pictures: Sequence[GoldenPicture],
    prepare: Callable[[Path], Bytes],
    *,
    labels: Sequence[str],
    size: tuple[int, int],
    int8: TfliteRunner,
    tfjs: Runner,
    notice: str = "",
) -> None:
    """Writes the images, `inputs.json`, `tflite.json` and `tfjs.json`.

    Args:
        folder: output folder. It must not exist.
        pictures: images that are copied without a change. Their licence must allow this.
        prepare: converts an image file to the model's input (H, W, 3) uint8. It must decode and resize like
            the daemon.
        labels: in the order of the logits.
        size: height and width of the input in pixels.
        int8: runner of the int8 file in the bundle.
        tfjs: runner of the TensorFlow.js model in the bundle.
        notice: licence of the images, written to the file NOTICE.

    Raises:
        TrainingError: the folder exists, two samples have the same name, or a label or size does not match
            the model.
    """
    if folder.exists():
        raise TrainingError(f"{folder}: already exists. Remove it or name another folder.")
    folder.mkdir(parents=True)
    try:
        samples, images = _make_samples(folder, pictures, labels, size, prepare=prepare)
        head = {"schema": 1, "size": [*size, 3], "generators": {"xorshift32": GENERATOR}}
        _write_json(folder / INPUTS, head, "inputs", samples)
        ids = [str(sample["id"]) for sample in samples]
        _write_int8_answers(folder / "tflite.json", int8, ids, labels, images)
        _write_tfjs_answers(folder / "tfjs.json", tfjs, ids, labels, images)
        if notice:
            (folder / "NOTICE").write_text(notice, encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def make_noise_image(seed: int, block: int, height: int, width: int) -> Bytes:
    """Makes a noise image (height, width, 3) with Marsaglia's xorshift32, as the daemon does.

    Args:
        seed: 1 to 2**32 - 1.
        block: side of the squares of one colour in pixels.
        height: in pixels.
        width: in pixels.
    """
    rows, columns = -(-height // block), -(-width // block)
    values = np.empty(rows * columns * 3, np.uint8)
    state = seed
    for index in range(len(values)):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        values[index] = state >> 24
    blocks = values.reshape(rows, columns, 3)
    return np.ascontiguousarray(blocks.repeat(block, 0).repeat(block, 1)[:height, :width])


def _make_samples(
    folder: Path,
    pictures: Sequence[GoldenPicture],
    labels: Sequence[str],
    size: tuple[int, int],
    *,
    prepare: Callable[[Path], Bytes],
) -> tuple[list[dict[str, Any]], Bytes]:
    samples, inputs = [], []
    for picture in pictures:
        samples.append(_copy_image(folder, picture, labels))
        inputs.append(_check_input(prepare(picture.file), size, picture.file))
    for seed, block in NOISE:
        inputs.append(make_noise_image(seed, block, *size))
        samples.append({"id": f"noise-{seed}", "generator": "xorshift32", "seed": seed, "block": block})
    ids = [str(sample["id"]) for sample in samples]
    if len(set(ids)) != len(ids) or not ids:
        raise TrainingError(
            f"golden samples: the names are {ids}. At least one is needed, and all must be different."
        )
    for sample, image in zip(samples, inputs, strict=True):
        sample["inputSha256"] = hashlib.sha256(image.tobytes()).hexdigest()
    return samples, np.stack(inputs)


def _write_int8_answers(
    path: Path, int8: TfliteRunner, ids: list[str], labels: Sequence[str], images: Bytes
) -> None:
    raw = int8.predict_raw(images)
    real = dequantise(raw["logits"], int8.outputs["logits"])
    quantised = {
        name: {"type": tensor.type.lower(), "scale": tensor.scales[0], "zeroPoint": tensor.zero_points[0]}
        for name, tensor in int8.outputs.items()
    }
    expected = _make_answers(ids, labels, real, raw["logits"].tolist(), raw["embedding"].tolist())
    head = {"schema": 1, "kernels": INT8_KERNELS, "labels": list(labels), **quantised}
    _write_json(path, head, "expected", expected)


def _write_tfjs_answers(
    path: Path, tfjs: Runner, ids: list[str], labels: Sequence[str], images: Bytes
) -> None:
    logits, embedding = (np.round(values.astype(np.float64), 4) for values in tfjs.predict(images))
    floats = {"logits": {"type": "float32"}, "embedding": {"type": "float32"}}
    expected = _make_answers(ids, labels, logits, logits.tolist(), embedding.tolist())
    head = {"schema": 1, "kernels": tfjs.kernels, "labels": list(labels), **floats}
    _write_json(path, head, "expected", expected)


def _copy_image(folder: Path, picture: GoldenPicture, labels: Sequence[str]) -> dict[str, Any]:
    if picture.label not in labels:
        raise TrainingError(
            f"{picture.file}: the model has no label {picture.label}. Allowed: {', '.join(labels)}."
        )
    target = folder / picture.file.name
    if target.exists() or target.name in (INPUTS, "tflite.json", "tfjs.json", "NOTICE"):
        raise TrainingError(
            f"{picture.file}: a golden file {target.name} already exists. Rename one of the two files."
        )
    shutil.copyfile(picture.file, target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return {"id": picture.file.stem, "file": target.name, "fileSha256": digest, "label": picture.label}


def _check_input(image: Bytes, size: tuple[int, int], file: Path) -> Bytes:
    if image.dtype != np.uint8 or image.shape != (*size, 3):
        raise TrainingError(
            f"{file}: prepared as {image.dtype} {image.shape}. The model takes uint8 {(*size, 3)}."
        )
    return image


def _make_answers(
    ids: list[str], labels: Sequence[str], real: npt.NDArray[Any], logits: list[Any], embedding: list[Any]
) -> list[dict[str, Any]]:
    if real.shape[1] != len(labels):
        raise TrainingError(
            f"the model has {real.shape[1]} logits for {len(labels)} labels. Use the labels of its training."
        )
    answers = []
    for row, identity in enumerate(ids):
        second, first = np.sort(real[row].astype(np.float64))[-2:]
        answers.append(
            {
                "id": identity,
                "top": labels[int(np.argmax(real[row]))],
                "margin": round(float(first - second), 3),
                "logits": logits[row],
                "embedding": embedding[row],
            }
        )
    return answers


def _write_json(path: Path, head: dict[str, Any], name: str, rows: list[dict[str, Any]]) -> None:
    """Writes JSON with one line for each row. One line for each value would be hard to read."""
    lines = [f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}," for key, value in head.items()]
    body = ",\n".join("  " + json.dumps(row, allow_nan=False, separators=(",", ":")) for row in rows)
    text = "\n".join(["{", *lines, f' "{name}": [', body, " ]", "}", ""])
    if len(text) > MAX_BYTES:
        raise TrainingError(
            f"{path}: {len(text)} bytes, but the daemon accepts {MAX_BYTES}. Use fewer golden images."
        )
    path.write_text(text, encoding="utf-8")
