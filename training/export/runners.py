"""One network in every format, run in the same way."""

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
    """A network in some format.

    Attributes:
        kernels: what computes, as in `xnnpack` or `tensorflow-2.21.0`.
    """

    kernels: str

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """Runs pictures.

        Args:
            images: (N, S, S, 3) uint8, RGB; N may be 0.

        Returns:
            Logits (N, C) and embedding (N, E), float32; no softmax, no temperature.
        """
        ...


class KerasRunner:
    """The network in memory."""

    def __init__(self, net: keras.Model) -> None:
        self.net, self.kernels = net, f"keras-{keras.__version__}-{keras.backend.backend()}"

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """See Runner."""
        return _in_batches(self.net.predict_on_batch, images)


class SavedModelRunner:
    """A SavedModel's `serving_default` signature; any batch."""

    def __init__(self, folder: Path) -> None:
        self.kernels = f"tensorflow-{_version()}"
        self._loaded = tf.saved_model.load(str(folder))  # held: its variables go with it
        self._serve = self._loaded.signatures["serving_default"]

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """See Runner."""
        return _in_batches(lambda batch: self._serve(image=tf.constant(batch)), images)


class TfjsRunner:
    """A TensorFlow.js graph model, run by TensorFlow's kernels on the file's own weights."""

    def __init__(self, folder: Path) -> None:
        self.kernels = f"tensorflow-{_version()}"
        self._graph = load_tfjs_graph(folder)

    def predict(self, images: Bytes) -> tuple[Floats, Floats]:
        """See Runner."""
        return _in_batches(lambda batch: self._graph(tf.constant(batch)), images)


class TfliteRunner:
    """A .tflite file, float or int8, by LiteRT with XNNPACK, one picture a call.

    Attributes:
        outputs: the tensors of `logits` and `embedding`, with their quantisation.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.kernels = "xnnpack"
        file = read_tflite(path)
        self.outputs: dict[str, Tensor] = {name: file.output(name) for name in OUTPUTS}
        self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        given = file.tensors[file.inputs[0]]
        if given.shape[::3] != (1, 3) or given.type not in ("UINT8", "FLOAT32"):
            raise TrainingError(
                f"{path}: its input is {given.type} {given.shape}; allowed is UINT8 or FLOAT32 (1, H, W, 3)"
            )
        self._path, self._size = path, given.shape[1:]
        # By name, as their order is not promised.
        indices = {output["name"]: output["index"] for output in self._interpreter.get_output_details()}
        self._indices = {name: indices[tensor.name] for name, tensor in self.outputs.items()}

    def raw(self, images: Bytes) -> dict[str, npt.NDArray[Any]]:
        """The outputs as the tensors hold them: (N, C) and (N, E), int8 of an int8 file."""
        _check(images)
        if images.shape[1:] != self._size:
            raise TrainingError(f"pictures: {images.shape[1:]}; {self._path} takes {self._size}")
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
        answers = self.raw(images)
        logits, embedding = (dequantise(answers[name], self.outputs[name]) for name in OUTPUTS)
        return logits, embedding


def dequantise(values: npt.NDArray[Any], tensor: Tensor) -> Floats:
    """The real values of a tensor's; a float tensor's as they are."""
    if not tensor.scales:
        return values.astype(np.float32)
    return ((values.astype(np.float64) - tensor.zero_points[0]) * tensor.scales[0]).astype(np.float32)


def _in_batches(run: Callable[[Floats], Any], images: Bytes) -> tuple[Floats, Floats]:
    _check(images)
    answers = [run(batch) for batch in _batches(images)]
    logits, embedding = (np.concatenate([np.asarray(answer[name]) for answer in answers]) for name in OUTPUTS)
    return logits[: len(images)], embedding[: len(images)]


def _batches(images: Bytes) -> Iterator[Floats]:
    """Of one size each, so that nothing is traced twice: the last is filled up."""
    size = min(BATCH, max(len(images), 1))
    for start in range(0, max(len(images), 1), size):
        part = _normalise(images[start : start + size])
        yield np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.float32)])


def _normalise(images: Bytes) -> Floats:
    return (images.astype(np.float32) - np.float32(127)) / np.float32(128)


def _check(images: Bytes) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise TrainingError(f"pictures: {images.dtype} {images.shape}; give uint8 (N, S, S, 3)")


def _version() -> str:
    return str(tf.__version__)
