"""Converts a trained network for export."""

from typing import Any

import keras
from keras import layers

from training.models.layers import NormedConv2D


def plain(net: keras.Model) -> keras.Model:
    """Returns a copy in which each NormedConv2D is a plain convolution with bias, which converters support.

    Args:
        net: a functional model.

    Returns:
        A model with the same inputs and outputs.
    """

    def replace(layer: Any) -> Any:
        if not isinstance(layer, NormedConv2D):
            return layer.__class__.from_config(layer.get_config())
        shared = {
            "kernel_size": layer.kernel_size,
            "strides": layer.strides,
            "padding": "same",
            "activation": "relu6" if layer.relu6 else None,
            "name": layer.name,
        }
        return layers.DepthwiseConv2D(**shared) if layer.depthwise else layers.Conv2D(layer.filters, **shared)

    copy = keras.models.clone_model(net, clone_function=replace)
    for old, new in zip(net.layers, copy.layers, strict=True):
        if isinstance(old, NormedConv2D):
            new.set_weights([keras.ops.convert_to_numpy(weight) for weight in old.folded()])
        else:
            new.set_weights(old.get_weights())
    return copy
