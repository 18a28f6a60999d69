import keras
import numpy as np
import pytest

from training.errors import TrainingError
from training.models import imagenet, registry
from training.models.efficientnet_lite0 import STAGES
from training.models.layers import NormedConv2D
from training.models.legacy_torch import read_legacy_torch
from training.models.plain import plain


def images(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, size, size, 3)).astype("float32")


def imagenet_head() -> list[np.ndarray]:
    """Returns kernel (1280, 1000) and bias (1000,) of the original head."""
    tensors = read_legacy_torch(imagenet.lite0_file())
    return [tensors["_fc.weight"].transpose(1, 0), tensors["_fc.bias"]]


def batch_norm_lite0(size: int) -> keras.Model:
    """Builds the original network from its published description, with batch norm layers."""
    tensors = read_legacy_torch(imagenet.lite0_file())

    def normed(x, name, kernel, strides, depthwise, act, conv, norm):
        weights = tensors[f"{conv}.weight"]
        if depthwise:
            layer = keras.layers.DepthwiseConv2D(kernel, strides, "same", use_bias=False)
            weights = weights.transpose(2, 3, 0, 1)
        else:
            layer = keras.layers.Conv2D(weights.shape[0], kernel, strides, "same", use_bias=False)
            weights = weights.transpose(2, 3, 1, 0)
        x = layer(x)
        layer.set_weights([weights])
        bn = keras.layers.BatchNormalization(epsilon=1e-3)
        x = bn(x)
        bn.set_weights([tensors[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var")])
        return keras.layers.ReLU(6.0)(x) if act else x

    image = x = keras.Input((size, size, 3))
    x = normed(x, "stem", 3, 2, False, True, "_conv_stem", "_bn0")
    channels, number = 32, 0
    for kernel, stride, expansion, filters, repeats in STAGES:
        for repeat in range(repeats):
            strides = stride if repeat == 0 else 1
            name, y = f"_blocks.{number}", x
            if expansion > 1:
                y = normed(y, name, 1, 1, False, True, f"{name}._expand_conv", f"{name}._bn0")
            y = normed(y, name, kernel, strides, True, True, f"{name}._depthwise_conv", f"{name}._bn1")
            y = normed(y, name, 1, 1, False, False, f"{name}._project_conv", f"{name}._bn2")
            x = keras.layers.Add()([x, y]) if strides == 1 and channels == filters else y
            channels, number = filters, number + 1
    x = normed(x, "head", 1, 1, False, True, "_conv_head", "_bn1")
    x = keras.layers.GlobalAveragePooling2D()(x)
    dense = keras.layers.Dense(1000)
    outputs = dense(x)
    dense.set_weights(imagenet_head())
    return keras.Model(image, [x, outputs])


def test_lite0_with_folded_norms_equals_the_original_network() -> None:
    net = registry.build("efficientnet_lite0", 1000, 64, 0.2)
    imagenet.load_lite0(net)
    net.get_layer("logits").set_weights(imagenet_head())
    expected_embedding, expected_logits = batch_norm_lite0(64)(images(2, 64), training=False)
    outputs = net(images(2, 64), training=False)
    assert np.abs(outputs["embedding"] - expected_embedding).max() < 1e-4
    assert np.abs(outputs["logits"] - expected_logits).max() < 1e-4


def test_a_new_head_starts_at_zero() -> None:
    net = registry.build("efficientnet_lite0", 12, 64, 0.2)
    imagenet.load_lite0(net)
    outputs = net(images(1, 64), training=False)
    assert outputs["embedding"].shape == (1, 1280)
    assert np.allclose(outputs["logits"], 0)


@pytest.mark.parametrize("model", ["efficientnet_lite0", "mobilenet_v2_hybrid"])
def test_the_plain_network_has_the_same_outputs(model: str) -> None:
    net = registry.build(model, 5, 128, 0.2)
    rng = np.random.default_rng(1)
    for layer in net.layers:
        if isinstance(layer, NormedConv2D):
            layer.scale.assign(rng.uniform(0.5, 1.5, layer.scale.shape))
            layer.bias.assign(rng.uniform(-0.1, 0.1, layer.bias.shape))
    net.get_layer("logits").set_weights(
        [rng.normal(0, 0.1, w.shape) for w in net.get_layer("logits").get_weights()]
    )
    copy = plain(net)
    assert not any(isinstance(layer, NormedConv2D) for layer in copy.layers)
    expected, found = (each(images(2, 128), training=False) for each in (net, copy))
    for name in ("logits", "embedding"):
        assert np.abs(expected[name] - found[name]).max() < 1e-4


def test_the_frozen_norm_is_not_trained() -> None:
    net = registry.build("efficientnet_lite0", 5, 64, 0.2)
    assert not [w for w in net.trainable_weights if w.path.endswith("scale")]
    assert len([w for w in net.trainable_weights if w.path.endswith("kernel")]) == 50


def test_refuses_an_unknown_network() -> None:
    with pytest.raises(TrainingError, match=r"model resnet: unknown network\. Allowed: efficientnet_lite0"):
        registry.build("resnet", 5, 64, 0.2)
