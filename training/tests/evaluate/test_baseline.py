"""A baseline bundle is read and run with its own views and size, or refused if it does not match."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.baseline import read_bundle, run_baseline
from training.evaluate.judge.views import SplitInputs
from training.export.runners import TfliteRunner
from training.tests.support.export_chain import LABELS, SIDE, chain

NAMES = ["paper", "glass", "shoes"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    shutil.copyfile(chain().int8, tmp_path / "model_int8.tflite")
    write_manifest(tmp_path)
    return tmp_path


def write_manifest(folder: Path, **changed: Any) -> None:
    manifest = {
        "name": "tiny",
        "version": "1.0.0",
        "labels": LABELS,
        "input": {"width": SIDE, "height": SIDE},
        "views": [1, 0.75],
        "runtimes": {"tflite": {"file": "model_int8.tflite"}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changed))


def test_runs_with_its_own_views_and_size(bundle: Path) -> None:
    calls = []

    def inputs(split: str, side: int, views: Sequence[float]) -> SplitInputs:
        calls.append((split, side, list(views)))
        pictures = [Picture(f"{row}.png", "paper", "", "a", split) for row in range(3)]
        return SplitInputs(pictures, [chain().pictures[:3], chain().pictures[3:6]])

    found = run_baseline(read_bundle(bundle, NAMES), ["test", "held-out"], inputs, NAMES)
    assert calls == [("test", SIDE, [1, 0.75]), ("held-out", SIDE, [1, 0.75])]
    runner = TfliteRunner(chain().int8)
    mean = (runner.predict(chain().pictures[:3])[0] + runner.predict(chain().pictures[3:6])[0]) / 2
    np.testing.assert_allclose(
        found.logits["test"][:, :2], mean[:, [LABELS.index("paper"), LABELS.index("glass")]], rtol=1e-6
    )
    assert np.isneginf(found.logits["test"][:, 2]).all(), "the bundle has no label shoes"
    others = mean[:, [LABELS.index("metal"), LABELS.index("trash")]].max(axis=1)
    np.testing.assert_allclose(found.logits["test"][:, 3], others, rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"labels": ["a", "b", "c", "d"]},
            "its labels a, b, c, d have none in common with paper, glass, shoes",
        ),
        ({"labels": ["paper"]}, "1 labels for 4 logits"),
        ({"runtimes": {}}, "'tflite' is missing"),
        ({"runtimes": {"tflite": {"file": "gone.tflite"}}}, r"cannot|No such file"),
        ({"runtimes": {"tflite": {"file": "manifest.json"}}}, "not a TensorFlow Lite file"),
        ({"input": {"width": SIDE, "height": 7}}, r"32x7\. It must be square"),
        ({"views": [1.5]}, r"views \[1\.5\]"),
        ({"views": None}, "not a usable bundle"),
    ],
)
def test_refuses_a_bundle_that_cannot_be_compared(
    bundle: Path, changed: dict[str, Any], message: str
) -> None:
    write_manifest(bundle, **changed)
    with pytest.raises(TrainingError, match=message):
        read_bundle(bundle, NAMES)


@pytest.mark.parametrize("text", [None, "", "[]", "{}"])
def test_refuses_a_folder_that_is_not_a_bundle(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(TrainingError, match=r"not a usable bundle.*\. Name the folder of a bundle"):
        read_bundle(tmp_path, NAMES)
