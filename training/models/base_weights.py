"""Weights that other trainings start from: by layer, float16, whatever the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from training.errors import TrainingError

Array = np.ndarray[Any, Any]

HEAD = "logits"
LEAST_SHARE = 0.5
"""A file of another network may have a few layers of the same name and shape."""


@dataclass(frozen=True)
class Taken:
    """What a network got from a file.

    Attributes:
        layers: names of those below the head that were filled.
        labels: those whose weights in the head were taken.
    """

    layers: tuple[str, ...]
    labels: tuple[str, ...]


def save(net: keras.Model, path: Path, labels: Sequence[str]) -> None:
    """Writes the weights of a network as float16, under `layer/number`, and the labels of its head."""
    with h5py.File(path, "w") as file:
        file.attrs["labels"] = list(labels)
        for layer in net.layers:
            for number, weight in enumerate(layer.get_weights()):
                file.create_dataset(f"{layer.name}/{number}", data=weight.astype(np.float16))


def load(net: keras.Model, path: Path, labels: Sequence[str]) -> Taken:
    """Fills the layers that the file has with the same shapes; the others keep what they have.

    The head is filled label by label, wherever the label stood in the other network.

    Args:
        net: of the same kind as the one that was saved.
        path: what `save` wrote.
        labels: of this network.

    Raises:
        TrainingError: the file cannot be read, or is of another network.
    """
    try:
        with h5py.File(path, "r") as file:
            stored = {name: [group[str(n)][()] for n in range(len(group))] for name, group in file.items()}
            known = [str(label) for label in file.attrs.get("labels", ())]
    except (OSError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{path}: no weights that can be read ({error}); name a file that `export` wrote, base.weights.h5"
        ) from error
    body = [layer for layer in net.layers if layer.weights and layer.name != HEAD]
    fitting = [layer for layer in body if _shapes(stored.get(layer.name, [])) == _shapes(layer.weights)]
    if len(fitting) < LEAST_SHARE * len(body):
        raise TrainingError(
            f"{path}: fits {len(fitting)} of {len(body)} layers of {net.name}; it is of another network: "
            "name the --config that it was trained with"
        )
    for layer in fitting:
        layer.set_weights([weight.astype(np.float32) for weight in stored[layer.name]])
    taken = _fill_head(net.get_layer(HEAD), labels, stored.get(HEAD, []), known)
    return Taken(tuple(layer.name for layer in fitting), tuple(taken))


def _fill_head(layer: keras.Layer, labels: Sequence[str], given: list[Array], known: list[str]) -> list[str]:
    """Gives the labels that are known the columns that they had; returns these labels."""
    own = layer.get_weights()
    of_each = [weight.shape[:-1] for weight in own]
    if [weight.shape[:-1] for weight in given] != of_each or any(w.shape[-1] != len(known) for w in given):
        return []
    shared = [label for label in labels if label in known]
    for label in shared:
        for weight, source in zip(own, given, strict=True):
            weight[..., labels.index(label)] = source[..., known.index(label)]
    layer.set_weights(own)
    return shared


def _shapes(weights: Sequence[Any]) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in weights]
