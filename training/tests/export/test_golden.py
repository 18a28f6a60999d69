"""Golden samples have the inputs and the answers of the exported models."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.errors import TrainingError
from training.export.golden import GoldenPicture, make_noise_image, write_golden
from training.export.runners import TfjsRunner, TfliteRunner
from training.tests.support.export_chain import LABELS, SIDE, chain, load_square

DEPLOYED = Path(__file__).parents[3] / "deploy/model"


def read(name: str) -> Any:
    return json.loads((chain().root / "golden" / name).read_text())


def test_noise_equals_the_noise_of_the_daemon() -> None:
    # From deploy/model/golden/inputs.json.
    known = {
        (1, 1): "9d9b2a418bbfcbea58a34d88a72a4f9df82af336a736065ca3dd66311d0012f9",
        (3, 32): "d9a8dc833896780d69cda11bc8b1d182e0a01d15955ee27a071c5d52fc5819cc",
    }
    for (seed, block), expected in known.items():
        assert hashlib.sha256(make_noise_image(seed, block, 224, 224).tobytes()).hexdigest() == expected


def test_runners_give_the_recorded_answers_of_the_factory_bundle() -> None:
    """The answers of XNNPACK are bit-identical. The answers of wasm are close."""
    manifest = json.loads((DEPLOYED / "manifest.json").read_text())
    size = manifest["input"]["height"], manifest["input"]["width"]
    inputs = json.loads((DEPLOYED / "golden/inputs.json").read_text())["inputs"]
    noise = [entry for entry in inputs if "generator" in entry]
    images = np.stack([make_noise_image(entry["seed"], entry["block"], *size) for entry in noise])

    def recorded(runtime: str, output: str) -> Any:
        expected = json.loads((DEPLOYED / f"golden/{runtime}.json").read_text())["expected"]
        return [answer[output] for entry in noise for answer in expected if answer["id"] == entry["id"]]

    raw = TfliteRunner(DEPLOYED / "model_int8.tflite").predict_raw(images)
    assert raw["logits"].tolist() == recorded("tflite", "logits")
    assert raw["embedding"].tolist() == recorded("tflite", "embedding")
    logits, embedding = TfjsRunner(DEPLOYED / "tfjs").predict(images)
    np.testing.assert_allclose(logits, recorded("tfjs", "logits"), atol=1e-3)
    np.testing.assert_allclose(embedding, recorded("tfjs", "embedding"), atol=1e-3)


def test_blocks_at_the_edge_of_a_noise_image_are_cut() -> None:
    picture = make_noise_image(5, 7, 20, 10)
    assert picture.shape == (20, 10, 3)
    assert (picture[14:20, 7:10] == picture[14, 7]).all()


def test_images_are_copied_with_their_labels_and_digests() -> None:
    inputs = read("inputs.json")
    assert inputs["schema"] == 1
    assert [entry["id"] for entry in inputs["inputs"]] == [
        "glass0",
        "metal1",
        "paper2",
        "trash3",
        "noise-1",
        "noise-3",
    ]
    first = inputs["inputs"][0]
    copied = chain().root / "golden" / first["file"]
    assert first["label"] == "glass"
    assert first["fileSha256"] == hashlib.sha256(copied.read_bytes()).hexdigest()
    assert first["inputSha256"] == hashlib.sha256(load_square(copied).tobytes()).hexdigest()


def test_int8_answers_are_the_values_of_the_tensors() -> None:
    answers = read("tflite.json")
    assert answers["kernels"] == "xnnpack-2.9"
    assert answers["labels"] == list(LABELS)
    assert answers["logits"]["type"] == "int8"
    logits, embedding = TfliteRunner(chain().int8).predict(chain().pictures[4:8])
    for row, answer in enumerate(answers["expected"][:4]):
        real = answers["logits"]["scale"] * (np.array(answer["logits"]) - answers["logits"]["zeroPoint"])
        np.testing.assert_allclose(real, logits[row], rtol=1e-6)
        assert len(answer["embedding"]) == embedding.shape[1]
        assert answer["top"] == LABELS[int(real.argmax())]
        assert answer["margin"] == pytest.approx(np.diff(np.sort(real))[-1], abs=5e-4)


def test_tfjs_answers_name_the_kernels() -> None:
    answers = read("tfjs.json")
    assert answers["kernels"].startswith("tensorflow-2.")
    logits, _ = TfjsRunner(chain().root / "tfjs").predict(chain().pictures[4:8])
    np.testing.assert_allclose([answer["logits"] for answer in answers["expected"][:4]], logits, atol=1e-4)


def write(folder: Path, pictures: list[GoldenPicture], size: int = SIDE) -> None:
    runner = TfliteRunner(chain().int8)
    write_golden(folder, pictures, load_square, labels=LABELS, size=(size, size), int8=runner, tfjs=runner)


def test_refuses_labels_names_and_sizes_that_do_not_match(tmp_path: Path) -> None:
    paper = chain().root / "paper2.png"
    with pytest.raises(TrainingError, match=r"the model has no label wood\. Allowed: glass, metal"):
        write(tmp_path / "a", [GoldenPicture(paper, "wood")])
    with pytest.raises(TrainingError, match=r"paper2\.png already exists"):
        write(tmp_path / "b", [GoldenPicture(paper, "paper")] * 2)
    with pytest.raises(TrainingError, match=r"The model takes uint8 \(64, 64, 3\)"):
        write(tmp_path / "c", [GoldenPicture(paper, "paper")], size=64)
    with pytest.raises(TrainingError, match="already exists"):
        write(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
