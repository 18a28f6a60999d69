"""A tiny network in every format, created once for all tests."""

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers
from PIL import Image

from training.export.golden import GoldenPicture, make_noise_image, write_golden
from training.export.runners import TfjsRunner, TfliteRunner
from training.export.saved_model import export_saved_model
from training.export.tfjs import convert_tfjs
from training.export.tflite import convert_float, convert_int8

SIDE = 32
LABELS = ("glass", "metal", "paper", "trash")


@dataclass(frozen=True)
class Chain:
    """The network and its exports. `pictures` are not used for the calibration."""

    net: keras.Model
    root: Path
    pictures: npt.NDArray[np.uint8]
    _folder: Any

    @property
    def int8(self) -> Path:
        return self.root / "int8.tflite"


def tiny_net(activation: str = "relu6") -> keras.Model:
    """Returns two convolutions, one of them depthwise, and a head, with fixed random weights."""

    def uniform(seed: int, limit: float) -> keras.initializers.Initializer:
        return keras.initializers.RandomUniform(-limit, limit, seed=seed)

    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = layers.Conv2D(
        8,
        3,
        2,
        "same",
        activation=activation,
        kernel_initializer=uniform(1, 0.4),
        bias_initializer=uniform(2, 0.5),
    )(image)
    x = layers.DepthwiseConv2D(
        3,
        1,
        "same",
        activation=activation,
        depthwise_initializer=uniform(3, 0.6),
        bias_initializer=uniform(4, 0.5),
    )(x)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    logits = layers.Dense(4, kernel_initializer=uniform(5, 4), bias_initializer=uniform(6, 1), name="logits")(
        embedding
    )
    return keras.Model(image, {"logits": logits, "embedding": embedding}, name="tiny")


def make_pictures(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Returns images of coloured squares, with different brightness."""
    return np.stack(
        [make_noise_image(seed + i, (1, 4, 8, 16)[i % 4], SIDE, SIDE) // (1 + i % 3) for i in range(count)]
    )


def load_square(path: Path) -> npt.NDArray[np.uint8]:
    """Loads an image that has the size of the model's input."""
    return np.asarray(Image.open(path).convert("RGB"))


@functools.cache
def chain() -> Chain:
    """Exports the network in every format, with golden samples."""
    folder = tempfile.TemporaryDirectory(prefix="export-chain-")
    root = Path(folder.name)
    net, pictures = tiny_net(), make_pictures(40, 100)
    export_saved_model(net, root / "sm")
    export_saved_model(net, root / "sm1", batch=1)
    convert_float(root / "sm1", root / "float.tflite")
    convert_int8(root / "sm1", root / "int8.tflite", pictures[:16])
    convert_tfjs(root / "sm", root / "tfjs")
    golden = []
    for number, label in enumerate(LABELS):
        file = root / f"{label}{number}.png"
        Image.fromarray(pictures[20 + number]).save(file)
        golden.append(GoldenPicture(file, label))
    write_golden(
        root / "golden",
        golden,
        load_square,
        labels=LABELS,
        size=(SIDE, SIDE),
        int8=TfliteRunner(root / "int8.tflite"),
        tfjs=TfjsRunner(root / "tfjs"),
        notice="Synthetic images, no licence needed.\n",
    )
    return Chain(net, root, pictures[16:], folder)
