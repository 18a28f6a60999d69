"""Weights that other trainings start from: by layer, float16, whatever the number of classes."""

from pathlib import Path

import h5py
import keras
import numpy as np

from training.errors import TrainingError

LEAST_SHARE = 0.5
"""A file of another network may have a few layers of the same name and shape."""


def save(net: keras.Model, path: Path) -> None:
    """Writes the weights of a network as float16, under `layer/number`."""
    with h5py.File(path, "w") as file:
        for layer in net.layers:
            for number, weight in enumerate(layer.get_weights()):
                file.create_dataset(f"{layer.name}/{number}", data=weight.astype(np.float16))


def load(net: keras.Model, path: Path) -> list[str]:
    """Fills the layers that the file has with the same shapes; the others keep what they have.

    A head for other classes is such a layer.

    Args:
        net: of the same kind as the one that was saved.
        path: what `save` wrote.

    Returns:
        The names of the layers that were filled.

    Raises:
        TrainingError: the file cannot be read, or is of another network.
    """
    try:
        with h5py.File(path, "r") as file:
            stored = {name: [group[str(n)][()] for n in range(len(group))] for name, group in file.items()}
    except (OSError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{path}: no weights that can be read ({error}); name a file that `export` wrote, base.weights.h5"
        ) from error
    wanted = [layer for layer in net.layers if layer.weights]
    filled = []
    for layer in wanted:
        given = stored.get(layer.name)
        if given and [w.shape for w in given] == [tuple(w.shape) for w in layer.weights]:
            layer.set_weights([w.astype(np.float32) for w in given])
            filled.append(layer.name)
    if len(filled) < LEAST_SHARE * len(wanted):
        raise TrainingError(
            f"{path}: fits {len(filled)} of {len(wanted)} layers of {net.name}; it is of another network: "
            "name the --config that it was trained with"
        )
    return filled
