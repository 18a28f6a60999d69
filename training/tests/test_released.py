"""The factory bundle matches its report and its base weights."""

import json
from pathlib import Path

import numpy as np

from training.data.decode import load_input
from training.export.ties import tied_means
from training.models import base_weights, registry
from training.predict import predict

DEPLOY = Path(__file__).parents[2] / "deploy"
REPORT = DEPLOY.parent / "training" / "reports" / "waste12"
GOLDEN = DEPLOY / "model" / "golden"


def test_the_bundle_has_the_views_and_version_of_its_report() -> None:
    manifest = json.loads((DEPLOY / "model" / "manifest.json").read_text())
    assert manifest["views"] == manifest["validation"]["views"]
    report = json.loads((REPORT / "report.json").read_text())
    assert manifest["views"] == report["views"]
    assert manifest["version"] == report["version"]


def test_the_bundle_requires_bit_identical_answers() -> None:
    manifest = json.loads((DEPLOY / "model" / "manifest.json").read_text())
    assert manifest["runtimes"]["tflite"]["golden"]["exact"] is True
    assert tied_means(DEPLOY / "model" / "model_int8.tflite") == []


def test_the_base_weights_give_the_golden_answers_of_the_bundle() -> None:
    labels = (DEPLOY / "model" / "labels.txt").read_text().split()
    size = json.loads((DEPLOY / "model" / "manifest.json").read_text())["input"]["width"]
    net = registry.build("efficientnet_lite0", len(labels), size, 0.0)
    loaded = base_weights.load(net, DEPLOY / "waste12.base.weights.h5", labels)
    assert [*loaded.layers, "logits"] == [layer.name for layer in net.layers if layer.weights]
    assert list(loaded.labels) == labels
    inputs = json.loads((GOLDEN / "inputs.json").read_text())["inputs"]
    files = {entry["id"]: entry["file"] for entry in inputs if "file" in entry}
    expected = {e["id"]: e for e in json.loads((GOLDEN / "tfjs.json").read_text())["expected"]}
    assert len(files) == 6
    pixels = np.stack([load_input(GOLDEN / file, size) for file in files.values()])
    logits, _ = predict(net, pixels, np.arange(len(pixels)))
    for found, name in zip(logits, files, strict=True):
        # Both files hold float16 weights. Those of TensorFlow.js were folded before rounding.
        assert np.abs(found - np.array(expected[name]["logits"])).max() < 0.1, name
        assert labels[int(found.argmax())] == expected[name]["top"], name
