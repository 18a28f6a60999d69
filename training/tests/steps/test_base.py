"""Base weights of a training, and their name in its record."""

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


def make_training(config: Config, classes: int = 4, size: int = 32) -> Training:
    labels = [f"label{number}" for number in range(classes)]
    pictures = [Picture(f"{label}.jpg", label, label, "made", "train") for label in labels]
    return Training(config, Path("run"), pictures, labels, Path("none.npy"), np.zeros((0, 32, 32, 3)), size)


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns options of a trained run with three labels. Its export skips the converters."""
    monkeypatch.setattr(train, "load_config", lambda _: TINY)
    for name in ("export_saved_model", "convert_float", "convert_int8", "convert_tfjs"):
        monkeypatch.setattr(export, name, lambda *_, **__: None)
    monkeypatch.setattr(export, "edge_tpu_report", lambda _: [])
    monkeypatch.setattr(export, "tied_means", lambda _: [])
    monkeypatch.setattr(export, "compile_for_edge_tpu", lambda *_: "not tried")
    make_pictures(tmp_path / "data", seed=1)
    options = ["--run", str(tmp_path / "run"), "--data", str(tmp_path / "data")]
    assert cli.main(["split", *options, "--group-by", "hash", "--validation", "0.2", "--test", "0.2"]) == 0
    assert cli.main(["train", *options]) == 0
    return options


def test_exported_weights_start_a_training_for_other_labels(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", *options]) == 0
    base = tmp_path / "run" / "exports" / "base.weights.h5"
    assert f"exports/base.weights.h5  {base.stat().st_size} bytes" in capsys.readouterr().out

    source = build("tiny", 3, 32, 0.0)
    source.load_weights(tmp_path / "run" / "final.weights.h5")
    net = make_training(TINY, classes=4).start(str(base))
    assert (
        "base base.weights.h5: copied 3 layers and 0 of 4 labels. New labels: label0, label1"
        in capsys.readouterr().out
    )
    for layer in (layer for layer in net.layers if layer.weights and layer.name != "logits"):
        expected = source.get_layer(layer.name).get_weights()
        for found, exported in zip(layer.get_weights(), expected, strict=True):
            np.testing.assert_allclose(found, exported, rtol=1e-3, atol=1e-6)
    assert net.get_layer("logits").kernel.shape == (32, 4)


def test_the_record_names_the_base_without_its_folder_and_keeps_it_on_resume(
    options: list[str], tmp_path: Path
) -> None:
    assert json.loads((tmp_path / "run" / "run.json").read_text())["base"] == "none"
    base = tmp_path / "somewhere.weights.h5"
    base_weights.save(build("tiny", 3, 32, 0.0), base, ["a", "b", "c"])
    second = tmp_path / "second"
    second.mkdir()
    (second / "pictures.csv").write_bytes((tmp_path / "run" / "pictures.csv").read_bytes())
    again = ["train", "--run", str(second), *options[2:]]
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
def test_names_the_base(config: Config, base: str | None, name: str) -> None:
    assert make_training(config).base_name(base) == name


@pytest.mark.parametrize(
    ("config", "base", "message"),
    [
        (LITE0, "base.h5", r"base\.h5: not a base for efficientnet_lite0\. .*, or imagenet"),
        (TINY, "imagenet", r"imagenet: not a base for tiny\. Use a \.weights\.h5"),
    ],
)
def test_refuses_a_base_that_does_not_match_the_network(config: Config, base: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        make_training(config).start(base)


def test_the_hybrid_loads_imagenet_weights_and_reports_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    make_net: Callable[..., keras.Model] = keras.applications.MobileNetV2
    sources: list[keras.Model] = []

    def fetch(*arguments: object, weights: str | None, **named: object) -> keras.Model:
        net = make_net(*arguments, weights=None, **named)
        if weights == "imagenet":
            sources.append(net)
        return net

    monkeypatch.setattr(keras.applications, "MobileNetV2", fetch)
    training = make_training(HYBRID, size=128)
    net = training.start("imagenet")
    for name in ("Conv1", "block_16_project"):
        expected = sources[0].get_layer(name).get_weights()
        np.testing.assert_array_equal(net.get_layer(name).get_weights()[0], expected[0])

    def offline(*_: object, weights: str | None, **named: object) -> keras.Model:
        if weights == "imagenet":
            raise Exception("URL fetch failure")  # as Keras raises it
        return make_net(weights=None, **named)

    monkeypatch.setattr(keras.applications, "MobileNetV2", offline)
    with pytest.raises(TrainingError, match=r"--base imagenet: cannot be loaded \(URL fetch failure\)"):
        training.start("imagenet")
    with pytest.raises(TrainingError, match=r"--base gone\.tflite: cannot be loaded"):
        training.start("gone.tflite")


def test_resuming_a_run_without_a_finished_epoch_starts_it_again(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run" / "last.npz").unlink()
    capsys.readouterr()
    assert cli.main(["train", *options, "--resume"]) == 0
    assert "The training starts from the beginning" in capsys.readouterr().out
    assert [line["epoch"] for line in json.loads((tmp_path / "run" / "run.json").read_text())["history"]] == [
        1
    ]
