"""The networks by name."""

from collections.abc import Callable

import keras

from training.errors import TrainingError
from training.models import efficientnet_lite0, mobilenet_v2_hybrid, tiny

_BUILDERS: dict[str, Callable[[int, int | None, float], keras.Model]] = {
    "efficientnet_lite0": efficientnet_lite0.build,
    "mobilenet_v2_hybrid": mobilenet_v2_hybrid.build,
    "tiny": tiny.build,
}


def build(model: str, classes: int, size: int | None, dropout: float) -> keras.Model:
    """Builds a network; see its module for inputs and outputs.

    Raises:
        TrainingError: no network has that name.
    """
    if model not in _BUILDERS:
        raise TrainingError(f"model {model}: not known; allowed: {', '.join(_BUILDERS)}")
    return _BUILDERS[model](classes, size, dropout)
