"""Keras to SavedModel."""

from pathlib import Path

import keras

from training.errors import TrainingError


def export_saved_model(net: keras.Model, folder: Path, batch: int | None = None) -> None:
    """Writes a SavedModel with the one signature `serving_default`.

    Args:
        net: from `image` (B, S, S, 3) float32 to a dict of `logits` and `embedding`.
        folder: to be made.
        batch: pictures a call. None for any: what TensorFlow.js and servers take. 1 for TensorFlow Lite: any
            other leaves tensors of unknown size in the file, which an Edge TPU refuses.

    Raises:
        TrainingError: the folder exists, Keras runs on another backend, or the input's size is not fixed.
    """
    if folder.exists():
        raise TrainingError(f"{folder}: exists; remove it or name another folder")
    if keras.backend.backend() != "tensorflow":
        raise TrainingError(f"Keras runs on {keras.backend.backend()}; export with KERAS_BACKEND=tensorflow")
    size = net.input_shape[1:]
    if None in size:
        raise TrainingError(
            f"{net.name}: its input is {size}; build it with a fixed size, as in (224, 224, 3)"
        )
    spec = keras.InputSpec(shape=(batch, *size), dtype="float32", name="image")
    net.export(folder, input_signature=[spec], verbose=False)
