"""Layers that train fast with frozen batch norm."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sortbin")
class NormedConv2D(keras.layers.Layer):
    """A convolution with frozen batch norm, which is folded into the kernel within each training step.

    The stored kernel is not scaled, so that the optimiser uses its original values. `scale` is
    gamma / sqrt(variance + epsilon) and is frozen. `bias` is beta - mean * scale and is trained. A step is
    faster than with a separate BatchNormalization layer.

    Args:
        filters: output channels. For a depthwise convolution, equal to the input channels.
        kernel_size: side of the kernel.
        strides: in both directions. The padding is `same` of TensorFlow.
        depthwise: one kernel per channel.
        relu6: apply ReLU6 to the output.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        depthwise: bool = False,
        relu6: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides
        self.depthwise, self.relu6 = depthwise, relu6

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates kernel (k, k, in, out) or (k, k, in, 1), scale and bias (out,)."""
        channels = input_shape[-1]
        out = 1 if self.depthwise else self.filters
        self.kernel = self.add_weight(
            name="kernel", shape=(self.kernel_size, self.kernel_size, channels, out), initializer="he_normal"
        )
        self.scale = self.add_weight(name="scale", shape=(self.filters,), initializer="ones", trainable=False)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def folded(self) -> tuple[Any, Any]:
        """Returns kernel and bias of the equivalent plain convolution."""
        scale = ops.reshape(self.scale, (1, 1, -1, 1) if self.depthwise else (1, 1, 1, -1))
        return self.kernel * scale, self.bias

    def call(self, inputs: Any) -> Any:
        """Maps (B, H, W, in) to (B, H / strides, W / strides, out)."""
        kernel, bias = self.folded()
        convolve = depthwise_conv if self.depthwise else conv
        outputs = convolve(inputs, kernel, self.strides) + bias
        return ops.relu6(outputs) if self.relu6 else outputs

    def get_config(self) -> dict[str, Any]:
        """Returns the settings that Keras saves."""
        own = ("filters", "kernel_size", "strides", "depthwise", "relu6")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def conv(inputs: Any, kernel: Any, strides: int) -> Any:
    """Computes a convolution with `same` padding."""
    return ops.conv(inputs, kernel, strides=strides, padding="same")


def depthwise_conv(inputs: Any, kernel: Any, strides: int) -> Any:
    """Computes a depthwise convolution with `same` padding.

    On JAX this is a sum of shifted slices, because the gradient of XLA's grouped convolution is slow.
    Source: https://github.com/jax-ml/jax/issues/13800.
    """
    if keras.backend.backend() != "jax":
        return ops.depthwise_conv(inputs, kernel, strides=strides, padding="same")
    size = kernel.shape[0]
    pads, spans = [], []
    for side in inputs.shape[1:3]:
        out = -(-side // strides)
        pad = max((out - 1) * strides + size - side, 0)
        pads.append((pad // 2, pad - pad // 2))
        spans.append((out - 1) * strides + 1)
    padded = ops.pad(inputs, ((0, 0), pads[0], pads[1], (0, 0)))
    total = 0.0
    for row in range(size):
        for column in range(size):
            window = padded[:, row : row + spans[0] : strides, column : column + spans[1] : strides]
            total = total + window * kernel[row, column, :, 0]
    return total
