"""What a training starts from, and what its record says of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from training import cli
from training.config import Config, Phase
from training.data.pictures import Picture
from training.errors import TrainingError
from training.models import base_weights
from training.models.registry import build
from training.steps import export, train
from training.steps.smoke import make_pictures
from training.train import Training

TINY = Config(
    name="test",
    model="tiny",
    phases=(Phase("all", epochs=1, size=32, learning_rate=1e-2),),
    batch=8,
    input_size=32,
    steps_per_epoch=2,
    ema=0.0,
)
HYBRID = replace(TINY, model="mobilenet_v2_hybrid")
LITE0 = replace(TINY, model="efficientnet_lite0")


def starting(config: Config, classes: int = 4, size: int = 32) -> Training:
    labels = [f"label{number}" for number in range(classes)]
    pictures = [Picture(f"{label}.jpg", label, label, "made", "train") for label in labels]
    return Training(config, Path("run"), pictures, labels, Path("none.npy"), np.zeros((0, 32, 32, 3)), size)


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a run of three labels that was split and trained; its export skips the converters."""
    monkeypatch.setattr(train, "load_config", lambda _: TINY)
    for name in ("export_saved_model", "convert_float", "convert_int8", "convert_tfjs"):
        monkeypatch.setattr(export, name, lambda *_, **__: None)
    monkeypatch.setattr(export, "edge_tpu_report", lambda _: [])
    monkeypatch.setattr(export, "tied_means", lambda _: [])
    monkeypatch.setattr(export, "compile_for_edge_tpu", lambda *_: "not tried")
    make_pictures(tmp_path / "data", seed=1)
    where = ["--run", str(tmp_path / "run"), "--data", str(tmp_path / "data")]
    assert cli.main(["split", *where, "--group-by", "hash", "--validation", "0.2", "--test", "0.2"]) == 0
    assert cli.main(["train", *where]) == 0
    return where


def test_an_exports_weights_start_a_training_for_other_labels(
    where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", *where]) == 0
    base = tmp_path / "run" / "exports" / "base.weights.h5"
    assert f"exports/base.weights.h5  {base.stat().st_size} bytes" in capsys.readouterr().out

    source = build("tiny", 3, 32, 0.0)
    source.load_weights(tmp_path / "run" / "final.weights.h5")
    net = starting(TINY, classes=4).start(str(base))
    assert (
        "base base.weights.h5: 3 layers and 0 of 4 labels taken, new: label0, label1"
        in capsys.readouterr().out
    )
    for layer in (layer for layer in net.layers if layer.weights and layer.name != "logits"):
        expected = source.get_layer(layer.name).get_weights()
        for found, wanted in zip(layer.get_weights(), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-6)
    assert net.get_layer("logits").kernel.shape == (32, 4)


def test_the_record_names_the_base_without_its_folder_and_keeps_it(where: list[str], tmp_path: Path) -> None:
    assert json.loads((tmp_path / "run" / "run.json").read_text())["base"] == "none"
    base = tmp_path / "somewhere.weights.h5"
    base_weights.save(build("tiny", 3, 32, 0.0), base, ["a", "b", "c"])
    second = tmp_path / "second"
    second.mkdir()
    (second / "pictures.csv").write_bytes((tmp_path / "run" / "pictures.csv").read_bytes())
    again = ["train", "--run", str(second), *where[2:]]
    assert cli.main([*again, "--base", str(base)]) == 0
    assert json.loads((second / "run.json").read_text())["base"] == "somewhere.weights.h5"
    (second / "run.json").unlink()
    assert cli.main([*again, "--resume"]) == 0
    assert json.loads((second / "run.json").read_text())["base"] == "somewhere.weights.h5"


@pytest.mark.parametrize(
    ("config", "base", "name"),
    [
        (LITE0, None, "imagenet"),
        (HYBRID, None, "none"),
        (HYBRID, "imagenet", "imagenet"),
        (HYBRID, "elsewhere/mobilenet.tflite", "mobilenet.tflite"),
    ],
)
def test_bases_by_name(config: Config, base: str | None, name: str) -> None:
    assert starting(config).base_name(base) == name


@pytest.mark.parametrize(
    ("config", "base", "said"),
    [
        (LITE0, "base.h5", r"base\.h5: no base of efficientnet_lite0; .*, or imagenet"),
        (TINY, "imagenet", r"imagenet: no base of tiny; allowed is a \.weights\.h5"),
    ],
)
def test_what_a_network_does_not_take_is_refused(config: Config, base: str, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        starting(config).start(base)


def test_the_hybrid_takes_imagenet_and_says_what_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Callable[..., keras.Model] = keras.applications.MobileNetV2
    sources: list[keras.Model] = []

    def fetched(*arguments: object, weights: str | None, **named: object) -> keras.Model:
        net = made(*arguments, weights=None, **named)
        if weights == "imagenet":
            sources.append(net)
        return net

    monkeypatch.setattr(keras.applications, "MobileNetV2", fetched)
    training = starting(HYBRID, size=128)
    net = training.start("imagenet")
    for name in ("Conv1", "block_16_project"):
        wanted = sources[0].get_layer(name).get_weights()
        np.testing.assert_array_equal(net.get_layer(name).get_weights()[0], wanted[0])

    def offline(*_: object, weights: str | None, **named: object) -> keras.Model:
        if weights == "imagenet":
            raise Exception("URL fetch failure")  # As Keras does.
        return made(weights=None, **named)

    monkeypatch.setattr(keras.applications, "MobileNetV2", offline)
    with pytest.raises(TrainingError, match=r"--base imagenet: cannot be loaded \(URL fetch failure\)"):
        training.start("imagenet")
    with pytest.raises(TrainingError, match=r"--base gone\.tflite: cannot be loaded"):
        training.start("gone.tflite")
