"""Exports a Keras network as a SavedModel."""

from pathlib import Path

import keras

from training.errors import TrainingError


def export_saved_model(net: keras.Model, folder: Path, batch: int | None = None) -> None:
    """Writes a SavedModel with the single signature `serving_default`.

    Args:
        net: network with the input `image` (B, S, S, 3) float32 and the outputs `logits` and `embedding`.
        folder: output folder. It must not exist.
        batch: images in a call. None means any number, for TensorFlow.js and servers. TensorFlow Lite needs
            1. With any other batch, the file has tensors of unknown size, which an Edge TPU refuses.

    Raises:
        TrainingError: the folder exists, Keras does not use TensorFlow, or the input size is not fixed.
    """
    if folder.exists():
        raise TrainingError(f"{folder}: already exists. Remove it or name another folder.")
    if keras.backend.backend() != "tensorflow":
        raise TrainingError(
            f"KERAS_BACKEND: is {keras.backend.backend()}. Set it to tensorflow for the export."
        )
    size = net.input_shape[1:]
    if None in size:
        raise TrainingError(
            f"{net.name}: its input is {size}. Build it with a fixed size, for example (224, 224, 3)."
        )
    spec = keras.InputSpec(shape=(batch, *size), dtype="float32", name="image")
    net.export(folder, input_signature=[spec], verbose=False)
