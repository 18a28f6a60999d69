"""A network of four layers: for trying the pipeline, not for sorting."""

import keras
from keras import layers

from training.models.layers import NormedConv2D


def build(classes: int, size: int | None, dropout: float) -> keras.Model:
    """From `image` (B, size, size, 3) float32 to `logits` (B, classes) and `embedding` (B, 32)."""
    image = keras.Input((size, size, 3), name="image")
    x = NormedConv2D(16, 3, 2, name="conv_stem")(image)
    x = NormedConv2D(16, 3, 2, depthwise=True, name="depthwise")(x)
    x = NormedConv2D(32, 1, name="conv_head")(x)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dropout(dropout, name="dropout")(embedding)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, {"logits": logits, "embedding": embedding}, name="tiny")
