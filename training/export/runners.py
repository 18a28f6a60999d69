"""Runners: one interface for a network in any format."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from training.errors import TrainingError
from training.export.flatbuffer import Tensor, read_tflite
from training.export.tfjs_graph import load_tfjs_graph

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
OUTPUTS = ("logits", "embedding")
BATCH = 32


class Runner(Protocol):
    """A network in one format.

    Attributes:
        kernels: library that computes, for example `xnnpack` or `tensorflow-2.21.0`.
    """

    kernels: str

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """Runs images.

        Args:
            images: (N, S, S, 3) uint8, RGB. N may be 0.

        Returns:
            Logits (N, C) and embedding (N, E), float32, without softmax and temperature.

        Raises:
            TrainingError: the images have another shape or type.
        """
        ...


class KerasRunner:
    """A Keras network in memory."""

    def __init__(self, net: keras.Model) -> None:
        self.net, self.kernels = net, f"keras-{keras.__version__}-{keras.backend.backend()}"

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """See Runner."""
        return _in_batches(self.net.predict_on_batch, images)


class SavedModelRunner:
    """A SavedModel with any batch size, run by its signature `serving_default`."""

    def __init__(self, folder: Path) -> None:
        self.kernels = f"tensorflow-{_version()}"
        # The object is kept, because its variables are freed with it.
        self._loaded = tf.saved_model.load(str(folder))
        self._serve = self._loaded.signatures["serving_default"]

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """See Runner."""
        return _in_batches(lambda batch: self._serve(image=tf.constant(batch)), images)


class TfjsRunner:
    """A TensorFlow.js graph model, run by TensorFlow's kernels with the weights of its files."""

    def __init__(self, folder: Path) -> None:
        self.kernels = f"tensorflow-{_version()}"
        self._graph = load_tfjs_graph(folder)

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """See Runner."""
        return _in_batches(lambda batch: self._graph(tf.constant(batch)), images)


class TfliteRunner:
    """A .tflite file, float or int8, run by LiteRT with XNNPACK, one image at a time.

    Attributes:
        outputs: tensors of `logits` and `embedding`, with their quantisation.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.kernels = "xnnpack"
        file = read_tflite(path)
        self.outputs: dict[str, Tensor] = {name: file.output(name) for name in OUTPUTS}
        self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        input_tensor = file.tensors[file.inputs[0]]
        if input_tensor.shape[::3] != (1, 3) or input_tensor.type not in ("UINT8", "FLOAT32"):
            raise TrainingError(
                f"{path}: its input is {input_tensor.type} {input_tensor.shape}. "
                "It must be UINT8 or FLOAT32 (1, H, W, 3)."
            )
        self._path, self._size = path, input_tensor.shape[1:]
        # Outputs are found by name, because their order is not guaranteed.
        indices = {output["name"]: output["index"] for output in self._interpreter.get_output_details()}
        self._indices = {name: indices[tensor.name] for name, tensor in self.outputs.items()}

    def predict_raw(self, images: Bytes) -> dict[str, npt.NDArray[Any]]:
        """Returns the values of the output tensors, (N, C) and (N, E). They are int8 for an int8 file."""
        _check_images(images)
        if images.shape[1:] != self._size:
            raise TrainingError(f"images: shape {images.shape[1:]}. {self._path} takes {self._size}.")
        answers: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in OUTPUTS}
        for image in images:
            batch = image[None] if self._input["dtype"] == np.uint8 else _normalise(image[None])
            self._interpreter.set_tensor(self._input["index"], batch)
            self._interpreter.invoke()
            for name, index in self._indices.items():
                answers[name].append(self._interpreter.get_tensor(index)[0])
        return {
            name: np.array(rows) if rows else np.zeros((0, *self.outputs[name].shape[1:]), np.float32)
            for name, rows in answers.items()
        }

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """See Runner."""
        answers = self.predict_raw(images)
        logits, embedding = (dequantise(answers[name], self.outputs[name]) for name in OUTPUTS)
        return logits, embedding


def dequantise(values: npt.NDArray[Any], tensor: Tensor) -> Floats:
    """Converts the values of a tensor to real numbers. Values of a float tensor do not change."""
    if not tensor.scales:
        return values.astype(np.float32)
    return ((values.astype(np.float64) - tensor.zero_points[0]) * tensor.scales[0]).astype(np.float32)


def _in_batches(run: Callable[[Floats], Any], images: Bytes) -> tuple[Floats, Floats]:
    _check_images(images)
    answers = [run(batch) for batch in _batches(images)]
    logits, embedding = (np.concatenate([np.asarray(answer[name]) for answer in answers]) for name in OUTPUTS)
    return logits[: len(images)], embedding[: len(images)]


def _batches(images: Bytes) -> Iterator[Floats]:
    """Yields batches of equal size, so that TensorFlow traces once. The last batch is padded with zeros."""
    size = min(BATCH, max(len(images), 1))
    for start in range(0, max(len(images), 1), size):
        part = _normalise(images[start : start + size])
        yield np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.float32)])


def _normalise(images: Bytes) -> Floats:
    return (images.astype(np.float32) - np.float32(127)) / np.float32(128)


def _check_images(images: Bytes) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise TrainingError(f"images: {images.dtype} {images.shape}. They must be uint8 (N, S, S, 3).")


def _version() -> str:
    return str(tf.__version__)
