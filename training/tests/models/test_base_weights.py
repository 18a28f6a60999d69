from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from training.errors import TrainingError
from training.models import base_weights
from training.models.registry import build

LABELS = ["a", "b", "c"]


def trained(model: str, classes: int) -> keras.Model:
    keras.utils.set_random_seed(3)
    net = build(model, classes, 32, 0.0)
    rng = np.random.default_rng(3)
    net.set_weights([rng.normal(size=weight.shape) for weight in net.get_weights()])
    return net


def columns(net: keras.Model, number: int) -> list[Any]:
    return [weight[..., number] for weight in net.get_layer("logits").get_weights()]


def test_copies_matching_labels_by_name_and_keeps_the_weights_of_others(tmp_path: Path) -> None:
    source, net = trained("tiny", 3), build("tiny", 4, 32, 0.0)
    new = columns(net, 1)
    base_weights.save(source, tmp_path / "base.weights.h5", ["glass", "metal", "paper"])
    labels = ["paper", "cups", "cans", "glass"]
    loaded = base_weights.load(net, tmp_path / "base.weights.h5", labels)
    assert loaded.labels == ("paper", "glass")
    assert set(loaded.layers) == {layer.name for layer in net.layers if layer.weights} - {"logits"}
    for name in loaded.layers:
        pairs = zip(net.get_layer(name).get_weights(), source.get_layer(name).get_weights(), strict=True)
        for found, wanted in pairs:
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-6)
    for number, wanted in ((0, columns(source, 2)), (1, new), (3, columns(source, 0))):
        for found, expected in zip(columns(net, number), wanted, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_keeps_the_head_if_no_label_matches(tmp_path: Path) -> None:
    net = build("tiny", 3, 32, 0.0)
    head = net.get_layer("logits").get_weights()
    base_weights.save(trained("tiny", 3), tmp_path / "base.weights.h5", LABELS)
    assert base_weights.load(net, tmp_path / "base.weights.h5", ["x", "y", "z"]).labels == ()
    for found, wanted in zip(net.get_layer("logits").get_weights(), head, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_the_same_labels_receive_all_weights_from_a_file_of_half_the_size(tmp_path: Path) -> None:
    source, net = trained("efficientnet_lite0", 3), build("efficientnet_lite0", 3, 32, 0.0)
    base_weights.save(source, tmp_path / "base.weights.h5", LABELS)
    loaded = base_weights.load(net, tmp_path / "base.weights.h5", LABELS)
    assert {*loaded.layers, "logits"} == {layer.name for layer in net.layers if layer.weights}
    assert list(loaded.labels) == LABELS
    assert (tmp_path / "base.weights.h5").stat().st_size < 2.5 * net.count_params()


def test_refuses_files_of_other_networks_and_damaged_files(tmp_path: Path) -> None:
    base_weights.save(trained("tiny", 3), tmp_path / "tiny.weights.h5", LABELS)
    with pytest.raises(TrainingError, match=r"tiny\.weights\.h5: fits \d+ of \d+ layers .*another network"):
        base_weights.load(build("efficientnet_lite0", 3, 32, 0.0), tmp_path / "tiny.weights.h5", LABELS)
    (tmp_path / "cut.weights.h5").write_bytes(b"cut short")
    with pytest.raises(TrainingError, match="not a file of base weights"):
        base_weights.load(build("tiny", 3, 32, 0.0), tmp_path / "cut.weights.h5", LABELS)
    with pytest.raises(TrainingError, match="not a file of base weights"):
        base_weights.load(build("tiny", 3, 32, 0.0), tmp_path / "gone.weights.h5", LABELS)
    with h5py.File(tmp_path / "other.weights.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(3))
    with pytest.raises(TrainingError, match="not a file of base weights"):
        base_weights.load(build("tiny", 3, 32, 0.0), tmp_path / "other.weights.h5", LABELS)
    trained("tiny", 3).save_weights(tmp_path / "final.weights.h5")
    with pytest.raises(TrainingError, match=r"final\.weights\.h5: .*file that `export` wrote"):
        base_weights.load(build("tiny", 3, 32, 0.0), tmp_path / "final.weights.h5", LABELS)
