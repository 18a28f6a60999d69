from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from training.errors import TrainingError
from training.models import base_weights
from training.models.registry import build


def trained(model: str, classes: int) -> keras.Model:
    keras.utils.set_random_seed(3)
    net = build(model, classes, 32, 0.0)
    rng = np.random.default_rng(3)
    net.set_weights([rng.normal(size=weight.shape) for weight in net.get_weights()])
    return net


def test_another_number_of_classes_keeps_the_base_and_starts_a_new_head(tmp_path: Path) -> None:
    source, net = trained("tiny", 3), build("tiny", 4, 32, 0.0)
    head = [weight.copy() for weight in net.get_layer("logits").get_weights()]
    base_weights.save(source, tmp_path / "base.weights.h5")
    filled = base_weights.load(net, tmp_path / "base.weights.h5")
    assert "logits" not in filled
    for layer in net.layers:
        expected = head if layer.name == "logits" else source.get_layer(layer.name).get_weights()
        for found, wanted in zip(layer.get_weights(), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-6)


def test_the_same_classes_take_all_of_it_in_half_the_bytes(tmp_path: Path) -> None:
    source, net = trained("efficientnet_lite0", 3), build("efficientnet_lite0", 3, 32, 0.0)
    base_weights.save(source, tmp_path / "base.weights.h5")
    filled = base_weights.load(net, tmp_path / "base.weights.h5")
    assert set(filled) == {layer.name for layer in net.layers if layer.weights}
    assert (tmp_path / "base.weights.h5").stat().st_size < 2.5 * net.count_params()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    base_weights.save(trained("tiny", 3), tmp_path / "tiny.weights.h5")
    with pytest.raises(TrainingError, match=r"tiny\.weights\.h5: fits \d+ of \d+ layers .*another network"):
        base_weights.load(build("efficientnet_lite0", 3, 32, 0.0), tmp_path / "tiny.weights.h5")
    (tmp_path / "cut.weights.h5").write_bytes(b"cut short")
    with pytest.raises(TrainingError, match="no weights that can be read"):
        base_weights.load(build("tiny", 3, 32, 0.0), tmp_path / "cut.weights.h5")
    with pytest.raises(TrainingError, match="no weights that can be read"):
        base_weights.load(build("tiny", 3, 32, 0.0), tmp_path / "gone.weights.h5")
    with h5py.File(tmp_path / "other.weights.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(3))
    with pytest.raises(TrainingError, match="no weights that can be read"):
        base_weights.load(build("tiny", 3, 32, 0.0), tmp_path / "other.weights.h5")
    trained("tiny", 3).save_weights(tmp_path / "final.weights.h5")
    with pytest.raises(TrainingError, match=r"final\.weights\.h5: .*name a file that `export` wrote"):
        base_weights.load(build("tiny", 3, 32, 0.0), tmp_path / "final.weights.h5")
