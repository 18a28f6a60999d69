"""All networks by name."""

from collections.abc import Callable

import keras
from keras import layers

from training.errors import TrainingError
from training.models import efficientnet_lite0, mobilenet_v2_hybrid
from training.models.layers import NormedConv2D


def _build_tiny(classes: int, size: int | None, dropout: float) -> keras.Model:
    """Builds a network of four layers for tests of the pipeline, not for sorting.

    Returns:
        A model from `image` (B, size, size, 3) float32 to `logits` (B, classes) and `embedding` (B, 32).
    """
    image = keras.Input((size, size, 3), name="image")
    x = NormedConv2D(16, 3, 2, name="conv_stem")(image)
    x = NormedConv2D(16, 3, 2, depthwise=True, name="depthwise")(x)
    x = NormedConv2D(32, 1, name="conv_head")(x)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dropout(dropout, name="dropout")(embedding)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, {"logits": logits, "embedding": embedding}, name="tiny")


_BUILDERS: dict[str, Callable[[int, int | None, float], keras.Model]] = {
    "efficientnet_lite0": efficientnet_lite0.build,
    "mobilenet_v2_hybrid": mobilenet_v2_hybrid.build,
    "tiny": _build_tiny,
}


def build(model: str, classes: int, size: int | None, dropout: float) -> keras.Model:
    """Builds a network. Its module describes the inputs and outputs.

    Raises:
        TrainingError: no network has this name.
    """
    if model not in _BUILDERS:
        raise TrainingError(f"model {model}: unknown network. Allowed: {', '.join(_BUILDERS)}.")
    return _BUILDERS[model](classes, size, dropout)
