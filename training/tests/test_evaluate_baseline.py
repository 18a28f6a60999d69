"""Another bundle is read, run by its own views and size, and refused where it does not fit."""

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
from training.tests.export_chain import LABELS, SIDE, chain

NAMES = ["paper", "glass", "shoes"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    shutil.copyfile(chain().int8, tmp_path / "model_int8.tflite")
    change(tmp_path)
    return tmp_path


def change(folder: Path, **changed: Any) -> None:
    manifest = {
        "name": "tiny",
        "version": "1.0.0",
        "labels": LABELS,
        "input": {"width": SIDE, "height": SIDE},
        "views": [1, 0.75],
        "runtimes": {"tflite": {"file": "model_int8.tflite"}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changed))


def test_runs_by_its_own_views_and_size(bundle: Path) -> None:
    asked = []

    def inputs(split: str, side: int, views: Sequence[float]) -> SplitInputs:
        asked.append((split, side, list(views)))
        pictures = [Picture(f"{row}.png", "paper", "", "a", split) for row in range(3)]
        return SplitInputs(pictures, [chain().pictures[:3], chain().pictures[3:6]])

    found = run_baseline(read_bundle(bundle, NAMES), ["test", "held-out"], inputs, NAMES)
    assert asked == [("test", SIDE, [1, 0.75]), ("held-out", SIDE, [1, 0.75])]
    runner = TfliteRunner(chain().int8)
    mean = (runner.predict(chain().pictures[:3])[0] + runner.predict(chain().pictures[3:6])[0]) / 2
    np.testing.assert_allclose(
        found.logits["test"][:, :2], mean[:, [LABELS.index("paper"), LABELS.index("glass")]], rtol=1e-6
    )
    assert np.isneginf(found.logits["test"][:, 2]).all(), "it has no shoes"
    others = mean[:, [LABELS.index("metal"), LABELS.index("trash")]].max(axis=1)
    np.testing.assert_allclose(found.logits["test"][:, 3], others, rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": ["a", "b", "c", "d"]}, "its labels a, b, c, d are none of paper, glass, shoes"),
        ({"labels": ["paper"]}, "1 labels for 4 logits"),
        ({"runtimes": {}}, "no 'tflite'"),
        ({"runtimes": {"tflite": {"file": "gone.tflite"}}}, r"cannot|No such file"),
        ({"runtimes": {"tflite": {"file": "manifest.json"}}}, "no TensorFlow Lite file"),
        ({"input": {"width": SIDE, "height": 7}}, "32x7; only a square"),
        ({"views": [1.5]}, r"views \[1\.5\]"),
        ({"views": None}, "no bundle that can be run"),
    ],
)
def test_what_cannot_be_compared_is_refused(bundle: Path, changed: dict[str, Any], message: str) -> None:
    change(bundle, **changed)
    with pytest.raises(TrainingError, match=message):
        read_bundle(bundle, NAMES)


@pytest.mark.parametrize("text", [None, "", "[]", "{}"])
def test_a_folder_that_is_no_bundle(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(TrainingError, match=r"no bundle that can be run .*; name the folder of a bundle"):
        read_bundle(tmp_path, NAMES)
