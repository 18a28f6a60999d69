"""Converts a SavedModel to TensorFlow Lite, as float or fully as int8."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.disk import replacing
from training.errors import TrainingError
from training.export.flatbuffer import check_input, read_tflite

Bytes = npt.NDArray[np.uint8]


def convert_float(saved_model: Path, path: Path) -> None:
    """Writes a float32 file.

    Args:
        saved_model: SavedModel with batch 1.
        path: the .tflite file.
    """
    _write(path, _converter(saved_model).convert())


def convert_int8(saved_model: Path, path: Path, pictures: Bytes) -> None:
    """Writes a file with only int8 operations. The input is uint8, the logits and the embedding are int8.

    Convolutions are quantised per channel. The dense layer is quantised per tensor, because Edge TPUs and
    older kernels need this.

    Args:
        saved_model: SavedModel with batch 1.
        path: the .tflite file.
        pictures: training images (N, S, S, 3) uint8 for the range of each tensor. About 200 are enough.

    Raises:
        TrainingError: there are no images, or the daemon or an Edge TPU cannot use the result.
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or len(pictures) == 0:
        raise TrainingError(
            f"calibration images: {pictures.dtype} {pictures.shape}. They must be uint8 (N, S, S, 3), N > 0."
        )
    converter = _converter(saved_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _representative(pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    with warnings.catch_warnings():
        # TensorFlow's converter itself uses the deprecated class.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
        _write(path, converter.convert(), _check_int8)


def make_range_image(side_y: int, side_x: int) -> Bytes:
    """Makes an image (H, W, 3) that is half 0 and half 255, which fixes the input's range to -127/128..1.

    The quantised input then has the scale 1/128 and the zero point 127. It takes the bytes of an image
    unchanged.
    """
    picture = np.zeros((side_y, side_x, 3), np.uint8)
    picture[:, side_x // 2 :] = 255
    return picture


def _representative(pictures: Bytes) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    for picture in (make_range_image(*pictures.shape[1:3]), *pictures):
        yield {"image": (picture[None].astype(np.float32) - 127) / 128}


def _converter(saved_model: Path) -> Any:
    # From the model in memory, the converter writes a file without weights and reports no error.
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter


def _check_int8(path: Path) -> None:
    file = read_tflite(path)
    check_input(path, file)
    unknown = [tensor.name for tensor in file.tensors if min(tensor.shape, default=1) < 0]
    if unknown:
        raise TrainingError(
            f"{path}: {len(unknown)} tensors of unknown size, for example {unknown[0]}. Export with batch 1."
        )
    for name in ("logits", "embedding"):
        if file.output(name).type != "INT8":
            raise TrainingError(
                f"{path}: {name} is {file.output(name).type}, but must be INT8. The network has a layer that "
                "cannot be int8."
            )


def _write(path: Path, content: bytes, check: Callable[[Path], None] = lambda _: None) -> None:
    """Writes a complete file, or no file if the check fails."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        check(temporary)
