"""Golden samples: inputs and what each runtime must answer, by which the daemon judges itself."""

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
MAX_BYTES = 4 << 20
# All builds of XNNPACK that were looked at, from TensorFlow Lite 2.9 to LiteRT 2.3, give equal bits for int8.
INT8_KERNELS = "xnnpack-2.9"
GENERATOR = (
    "x = seed (uint32); for each value: x ^= x << 13; x ^= x >>> 17; x ^= x << 5; value = x >>> 24. "
    "Values fill a (height/block) x (width/block) x 3 picture, rounded up, in row, column, channel order; "
    "each pixel is then repeated block x block times."
)


@dataclass(frozen=True)
class GoldenPicture:
    """A picture that becomes a sample; its file's name without the suffix is the sample's id."""

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
    noise: Sequence[tuple[int, int]] = NOISE,
    notice: str = "",
) -> None:
    """Writes the pictures, `inputs.json`, `tflite.json` and `tfjs.json`.

    Args:
        folder: to be made.
        pictures: copied as they are, so their licence must allow it.
        prepare: a picture's file to the model's input (H, W, 3) uint8, as the daemon decodes and resizes it.
        labels: in the outputs' order.
        size: height and width of the input in pixels.
        int8: the int8 file that is bundled.
        tfjs: the TensorFlow.js model that is bundled.
        noise: seed and block size in pixels of each noise picture.
        notice: licence of the pictures, written as NOTICE.

    Raises:
        TrainingError: the folder exists, two samples have one name, or a label or size is not the model's.
    """
    if folder.exists():
        raise TrainingError(f"{folder}: exists; remove it or name another folder")
    folder.mkdir(parents=True)
    try:
        samples, images = _samples(folder, pictures, labels, noise, size, prepare=prepare)
        head = {"schema": 1, "size": [*size, 3], "generators": {"xorshift32": GENERATOR}}
        _write(folder / INPUTS, head, "inputs", samples)
        ids = [str(sample["id"]) for sample in samples]
        _write_int8_answers(folder / "tflite.json", int8, ids, labels, images)
        _write_tfjs_answers(folder / "tfjs.json", tfjs, ids, labels, images)
        if notice:
            (folder / "NOTICE").write_text(notice, encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def noise_picture(seed: int, block: int, height: int, width: int) -> Bytes:
    """Noise (height, width, 3) from Marsaglia's xorshift32, as the daemon makes it.

    Args:
        seed: 1 to 2**32 - 1.
        block: side in pixels of the squares of one colour.
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


def _samples(
    folder: Path,
    pictures: Sequence[GoldenPicture],
    labels: Sequence[str],
    noise: Sequence[tuple[int, int]],
    size: tuple[int, int],
    *,
    prepare: Callable[[Path], Bytes],
) -> tuple[list[dict[str, Any]], Bytes]:
    samples, inputs = [], []
    for picture in pictures:
        samples.append(_picture_sample(folder, picture, labels))
        inputs.append(_checked(prepare(picture.file), size, picture.file))
    for seed, block in noise:
        inputs.append(noise_picture(seed, block, *size))
        samples.append({"id": f"noise-{seed}", "generator": "xorshift32", "seed": seed, "block": block})
    ids = [str(sample["id"]) for sample in samples]
    if len(set(ids)) != len(ids) or not ids:
        raise TrainingError(
            f"golden samples: their names are {ids}; give at least one, each with another name"
        )
    for sample, given in zip(samples, inputs, strict=True):
        sample["inputSha256"] = hashlib.sha256(given.tobytes()).hexdigest()
    return samples, np.stack(inputs)


def _write_int8_answers(
    path: Path, int8: TfliteRunner, ids: list[str], labels: Sequence[str], images: Bytes
) -> None:
    raw = int8.raw(images)
    real = dequantise(raw["logits"], int8.outputs["logits"])
    quantised = {
        name: {"type": tensor.type.lower(), "scale": tensor.scales[0], "zeroPoint": tensor.zero_points[0]}
        for name, tensor in int8.outputs.items()
    }
    expected = _expected(ids, labels, real, raw["logits"].tolist(), raw["embedding"].tolist())
    _write(path, {"schema": 1, "kernels": INT8_KERNELS, **quantised}, "expected", expected)


def _write_tfjs_answers(
    path: Path, tfjs: Runner, ids: list[str], labels: Sequence[str], images: Bytes
) -> None:
    logits, embedding = (np.round(values.astype(np.float64), 4) for values in tfjs.predict(images))
    floats = {"logits": {"type": "float32"}, "embedding": {"type": "float32"}}
    expected = _expected(ids, labels, logits, logits.tolist(), embedding.tolist())
    _write(path, {"schema": 1, "kernels": tfjs.kernels, **floats}, "expected", expected)


def _picture_sample(folder: Path, picture: GoldenPicture, labels: Sequence[str]) -> dict[str, Any]:
    if picture.label not in labels:
        raise TrainingError(
            f"{picture.file}: label {picture.label} is not the model's; allowed: {', '.join(labels)}"
        )
    target = folder / picture.file.name
    if target.exists() or target.name in (INPUTS, "tflite.json", "tfjs.json", "NOTICE"):
        raise TrainingError(f"{picture.file}: a golden file {target.name} is there already; rename one")
    shutil.copyfile(picture.file, target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return {"id": picture.file.stem, "file": target.name, "fileSha256": digest, "label": picture.label}


def _checked(given: Bytes, size: tuple[int, int], file: Path) -> Bytes:
    if given.dtype != np.uint8 or given.shape != (*size, 3):
        raise TrainingError(
            f"{file}: prepared to {given.dtype} {given.shape}; the model takes uint8 {(*size, 3)}"
        )
    return given


def _expected(
    ids: list[str], labels: Sequence[str], real: npt.NDArray[Any], logits: list[Any], embedding: list[Any]
) -> list[dict[str, Any]]:
    if real.shape[1] != len(labels):
        raise TrainingError(
            f"the model has {real.shape[1]} logits for {len(labels)} labels; give those it was trained on"
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


def _write(path: Path, head: dict[str, Any], name: str, rows: list[dict[str, Any]]) -> None:
    """JSON with a line for each row: a line for each value would be long to look at."""
    lines = [f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}," for key, value in head.items()]
    body = ",\n".join("  " + json.dumps(row, allow_nan=False, separators=(",", ":")) for row in rows)
    text = "\n".join(["{", *lines, f' "{name}": [', body, " ]", "}", ""])
    if len(text) > MAX_BYTES:
        raise TrainingError(
            f"{path}: has {len(text)} bytes, the daemon takes {MAX_BYTES}; give fewer golden pictures"
        )
    path.write_text(text, encoding="utf-8")
