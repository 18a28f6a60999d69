"""The project's first network: MobileNetV2 with an additional convolution block on top."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from training.errors import TrainingError


def build(classes: int, size: int | None, dropout: float) -> keras.Model:
    """Builds MobileNetV2 1.0 with a block and a head on top.

    The block is Conv2D 64 3x3 ReLU, MaxPooling2D 2x2 and BatchNormalization. The head is pooling, dropout and
    a dense layer.

    Returns:
        A model from `image` (B, size, size, 3) float32, (byte - 127) / 128, to `logits` (B, classes) and
        `embedding` (B, 64).
    """
    image = keras.Input((size, size, 3), name="image")
    base = keras.applications.MobileNetV2(input_tensor=image, include_top=False, weights=None)
    x = layers.Conv2D(64, 3, activation="relu", name="hybrid_conv")(base.output)
    x = layers.MaxPooling2D(2, name="hybrid_pool")(x)
    x = layers.BatchNormalization(name="hybrid_bn")(x)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dropout(dropout, name="dropout")(embedding)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, {"logits": logits, "embedding": embedding}, name="mobilenet_v2_hybrid")


def load_base(net: keras.Model, weights: str) -> None:
    """Loads ImageNet weights into the base.

    Args:
        net: a network of `build`.
        weights: `imagenet`, which Keras downloads, or an int8 `.tflite` file of MobileNetV2 1.0 with folded
            batch norms.

    Raises:
        TrainingError: `weights` is neither.
    """
    if weights == "imagenet":
        size = net.input_shape[1] or 224
        source = keras.applications.MobileNetV2((size, size, 3), include_top=False, weights="imagenet")
        for layer in source.layers:
            if layer.weights:
                net.get_layer(layer.name).set_weights(layer.get_weights())
    elif weights.endswith(".tflite"):
        _load_tflite(net, Path(weights))
    else:
        raise TrainingError(
            f"--base {weights}: not supported. Use imagenet, or a .tflite file of MobileNetV2 1.0."
        )


def _load_tflite(net: keras.Model, path: Path) -> None:
    """Loads kernels that contain the batch norms. The batch norm layers then only add the bias."""
    convolutions = iter(_folded_convolutions(path))
    pending: Any = None
    for layer in net.layers:
        if layer.name.startswith("hybrid"):
            break
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            kernel, pending = next(convolutions)
            axes = (1, 2, 3, 0)
            layer.set_weights([kernel.transpose(axes).reshape(layer.kernel.shape)])
        elif isinstance(layer, layers.BatchNormalization):
            ones = np.ones_like(pending)
            layer.set_weights([ones, pending, 0 * ones, ones * (1 - layer.epsilon)])


def _folded_convolutions(path: Path) -> list[tuple[Any, Any]]:
    """Returns dequantised kernels (out, h, w, in) or (1, h, w, channels) and biases, in graph order."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  # needed only for a .tflite file

    interpreter = Interpreter(str(path))
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    found = []
    for operation in interpreter._get_ops_details():
        if operation["op_name"] not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            continue
        _, kernel, bias = (int(index) for index in operation["inputs"][:3])
        found.append((_dequantise(interpreter, details[kernel]), _dequantise(interpreter, details[bias])))
    return found


def _dequantise(interpreter: Any, tensor: Any) -> Any:
    parameters = tensor["quantization_parameters"]
    values = interpreter.get_tensor(tensor["index"]).astype(np.float32)
    shape = [1] * values.ndim
    shape[parameters["quantized_dimension"]] = -1
    scales, zeros = (np.reshape(parameters[key], shape) for key in ("scales", "zero_points"))
    return (values - zeros) * scales
