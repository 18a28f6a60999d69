"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excite and with ReLU6, designed for int8.

Source: tensorflow/tpu, models/official/efficientnet/lite (Apache-2.0).
"""

from typing import Any

import keras
from keras import layers

from training.models.layers import NormedConv2D

# Columns: kernel, stride, expansion, output channels, repeats.
STAGES = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
]


def build(classes: int, size: int | None, dropout: float) -> keras.Model:
    """Builds the network with a new head.

    Args:
        classes: number of labels.
        size: side of the input in pixels. None: any size.
        dropout: rate before the head.

    Returns:
        A model from `image` (B, size, size, 3) float32, (byte - 127) / 128, to `logits` (B, classes) and
        `embedding` (B, 1280). The head starts at zero, so the first loss is ln(classes).
    """
    image = keras.Input((size, size, 3), name="image")
    x = NormedConv2D(32, 3, 2, name="conv_stem")(image)
    channels, number = 32, 0
    for kernel, stride, expansion, filters, repeats in STAGES:
        for repeat in range(repeats):
            strides = stride if repeat == 0 else 1
            x = _block(x, channels, kernel, strides, expansion, filters, f"blocks_{number}")
            channels, number = filters, number + 1
    x = NormedConv2D(1280, 1, name="conv_head")(x)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dropout(dropout, name="dropout")(embedding)
    logits = layers.Dense(classes, kernel_initializer="zeros", name="logits")(x)
    return keras.Model(image, {"logits": logits, "embedding": embedding}, name="efficientnet_lite0")


def _block(x: Any, channels: int, kernel: int, strides: int, expansion: int, filters: int, name: str) -> Any:
    inner = channels * expansion
    y = NormedConv2D(inner, 1, name=f"{name}_expand_conv")(x) if expansion > 1 else x
    y = NormedConv2D(inner, kernel, strides, depthwise=True, name=f"{name}_depthwise_conv")(y)
    y = NormedConv2D(filters, 1, relu6=False, name=f"{name}_project_conv")(y)
    return layers.Add(name=f"{name}_add")([x, y]) if strides == 1 and channels == filters else y
