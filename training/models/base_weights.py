"""Base weights: float16 weights by layer, a start for trainings with any labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from training.disk import replacing
from training.errors import TrainingError

Array = np.ndarray[Any, Any]

HEAD = "logits"
MIN_SHARE = 0.5
"""Smallest share of layers that must match. Different networks may share a few layer names and shapes."""


@dataclass(frozen=True)
class LoadedWeights:
    """The weights that a network received from a file.

    Attributes:
        layers: names of the filled layers below the head.
        labels: labels whose head weights were copied.
    """

    layers: tuple[str, ...]
    labels: tuple[str, ...]


def save(net: keras.Model, path: Path, labels: Sequence[str]) -> None:
    """Writes the weights of a network as float16, under `layer/number`, and the labels of its head."""
    with replacing(path, net.count_params()) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["labels"] = list(labels)
        for layer in net.layers:
            for number, weight in enumerate(layer.get_weights()):
                file.create_dataset(f"{layer.name}/{number}", data=weight.astype(np.float16))


def load(net: keras.Model, path: Path, labels: Sequence[str]) -> LoadedWeights:
    """Copies the weights of layers with equal names and shapes. Other layers keep their weights.

    Head weights are copied for matching labels in any position. Other labels keep their weights.

    Args:
        net: the same kind of network as the saved one.
        path: a file that `save` wrote.
        labels: the labels of this network.

    Raises:
        TrainingError: the file cannot be read, or belongs to another network.
    """
    try:
        with h5py.File(path, "r") as file:
            stored = {name: [group[str(n)][()] for n in range(len(group))] for name, group in file.items()}
            known = [str(label) for label in file.attrs.get("labels", ())]
    except (OSError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{path}: not a file of base weights ({error}). Use a base.weights.h5 file that `export` wrote."
        ) from error
    body = [layer for layer in net.layers if layer.weights and layer.name != HEAD]
    fitting = [layer for layer in body if _shapes(stored.get(layer.name, [])) == _shapes(layer.weights)]
    if len(fitting) < MIN_SHARE * len(body):
        raise TrainingError(
            f"{path}: fits {len(fitting)} of {len(body)} layers of {net.name}, so it is of another network. "
            "Use the --config that the file was trained with."
        )
    for layer in fitting:
        layer.set_weights([weight.astype(np.float32) for weight in stored[layer.name]])
    copied = _fill_head(net.get_layer(HEAD), labels, stored.get(HEAD, []), known)
    return LoadedWeights(tuple(layer.name for layer in fitting), tuple(copied))


def _fill_head(layer: keras.Layer, labels: Sequence[str], given: list[Array], known: list[str]) -> list[str]:
    """Copies the columns of the labels that the file has too, and returns these labels."""
    own = layer.get_weights()
    shapes = [weight.shape[:-1] for weight in own]
    if [weight.shape[:-1] for weight in given] != shapes or any(w.shape[-1] != len(known) for w in given):
        return []
    shared = [label for label in labels if label in known]
    for label in shared:
        for weight, source in zip(own, given, strict=True):
            weight[..., labels.index(label)] = source[..., known.index(label)]
    layer.set_weights(own)
    return shared


def _shapes(weights: Sequence[Any]) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in weights]
