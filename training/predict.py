"""Runs a network on images."""

from typing import Any

import keras
import numpy as np

from training.progress import Progress

Array = np.ndarray[Any, Any]


def normalise(images: Any) -> Any:
    """Converts bytes to the input of the networks: (byte - 127) / 128, float32."""
    return (keras.ops.cast(images, "float32") - 127.0) / 128.0


def predict(
    net: keras.Model, pixels: Array, indices: Array, batch: int = 64, what: str = ""
) -> tuple[Array, Array]:
    """Returns logits and embeddings of images.

    Args:
        net: a network of `training.models`.
        pixels: (N, S, S, 3) uint8. S is the input size of the network.
        indices: (M,), rows of `pixels`.
        batch: images per batch. The last batch is padded, so that the graph is traced only once.
        what: name of the work, printed with its progress. Empty: no progress is printed.

    Returns:
        logits (M, C) and embeddings (M, E), float32.
    """
    progress = Progress(what, len(indices)) if what else None
    logits, embeddings = [], []
    for start in range(0, len(indices), batch):
        chosen = indices[start : start + batch]
        filled = np.resize(chosen, batch) if len(chosen) < batch else chosen
        outputs = net.predict_on_batch(normalise(pixels[filled]))
        logits.append(np.asarray(outputs["logits"])[: len(chosen)])
        embeddings.append(np.asarray(outputs["embedding"])[: len(chosen)])
        if progress:
            progress.add(len(chosen))
    return np.concatenate(logits), np.concatenate(embeddings)
