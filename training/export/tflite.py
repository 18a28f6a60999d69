"""SavedModel to TensorFlow Lite: float, and int8 from end to end."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.errors import TrainingError
from training.export.flatbuffer import check_input, read_tflite

Bytes = npt.NDArray[np.uint8]


def convert_float(saved_model: Path, path: Path) -> None:
    """Writes a float32 file.

    Args:
        saved_model: with batch 1.
        path: the .tflite file.
    """
    _write(path, _converter(saved_model).convert())


def convert_int8(saved_model: Path, path: Path, pictures: Bytes) -> None:
    """Writes a file that holds int8 alone: uint8 in, int8 logits and embedding out.

    Convolutions are quantised per channel, the dense layer per tensor, as Edge TPUs and older kernels want.

    Args:
        saved_model: with batch 1.
        path: the .tflite file.
        pictures: (N, S, S, 3) uint8, training pictures that show which range each tensor needs; some 200 do.

    Raises:
        TrainingError: there are no pictures, or the result is not what the daemon and an Edge TPU take.
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or len(pictures) == 0:
        raise TrainingError(
            f"calibration pictures: {pictures.dtype} {pictures.shape}; give uint8 (N, S, S, 3), N > 0"
        )
    converter = _converter(saved_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _representative(pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    with warnings.catch_warnings():
        # TensorFlow's own converter still uses what it warns of.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
        _write(path, converter.convert(), _check_int8)


def half_black_half_white(side_y: int, side_x: int) -> Bytes:
    """A picture (H, W, 3) of bytes 0 and 255, which fixes the input's range to -127/128..1.

    With it the quantised input is scale 1/128, zero point 127: a picture's bytes as they are.
    """
    picture = np.zeros((side_y, side_x, 3), np.uint8)
    picture[:, side_x // 2 :] = 255
    return picture


def _representative(pictures: Bytes) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    for picture in (half_black_half_white(*pictures.shape[1:3]), *pictures):
        yield {"image": (picture[None].astype(np.float32) - 127) / 128}


def _converter(saved_model: Path) -> Any:
    # From the model in memory it would write a file without weights, and say nothing.
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter


def _check_int8(path: Path) -> None:
    file = read_tflite(path)
    check_input(path, file)
    unknown = [tensor.name for tensor in file.tensors if min(tensor.shape, default=1) < 0]
    if unknown:
        raise TrainingError(
            f"{path}: {len(unknown)} tensors of unknown size, as {unknown[0]}; export with batch 1"
        )
    for name in ("logits", "embedding"):
        if file.output(name).type != "INT8":
            raise TrainingError(
                f"{path}: {name} is {file.output(name).type}, INT8 is needed; it has a layer without int8"
            )


def _write(path: Path, content: bytes, check: Callable[[Path], None] = lambda _: None) -> None:
    """Writes a file whole or not at all; not where it is refused."""
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_bytes(content)
        check(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
