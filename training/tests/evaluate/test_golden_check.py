"""Golden answers of TensorFlow.js and int8 are compared with the float model."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.bundle import INT8_TOLERANCE
from training.errors import TrainingError
from training.evaluate.judge.golden_check import check_golden
from training.export.runners import TfliteRunner
from training.tests.support.export_chain import LABELS, chain, load_square


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return Path(shutil.copytree(chain().root / "golden", tmp_path / "golden"))


def check(golden: Path, **changed: Any) -> str:
    return check_golden(golden, load_square, TfliteRunner(chain().root / "float.tflite"), LABELS, **changed)


def change_answer(path: Path, change: Callable[[Any], None]) -> None:
    answers = json.loads(path.read_text())
    change(answers["expected"][2])
    path.write_text(json.dumps(answers))


def test_formats_that_agree_give_one_line(golden: Path) -> None:
    line = check(golden)
    assert "\n" not in line and line.endswith("of 6.")
    assert 0 <= float(line.split("model by ")[1].split()[0]) < 0.05


def test_a_different_logit_names_the_sample(golden: Path) -> None:
    def change(answer: Any) -> None:
        answer["logits"][1] += 0.2

    change_answer(golden / "tfjs.json", change)
    with pytest.raises(
        TrainingError, match=r"golden sample paper2: TensorFlow\.js differs from the float model by 0\.[12]"
    ):
        check(golden)


def test_a_different_embedding_names_the_sample(golden: Path) -> None:
    def change(answer: Any) -> None:
        answer["embedding"] = answer["embedding"][::-1]

    change_answer(golden / "tfjs.json", change)
    with pytest.raises(TrainingError, match=r"golden sample paper2: .* The cosine of the embeddings is"):
        check(golden)


@pytest.mark.parametrize(("share", "allowed"), [(0.02, True), (0.1, False)])
def test_an_embedding_may_differ_as_much_as_rounded_weights_cause(
    golden: Path, share: float, allowed: bool
) -> None:
    def change(answer: Any) -> None:
        values = np.array(answer["embedding"])
        across = np.roll(values, 1) - values * (np.roll(values, 1) @ values) / (values @ values)
        moved = values + share * across * np.linalg.norm(values) / np.linalg.norm(across)
        answer["embedding"] = moved.tolist()

    change_answer(golden / "tfjs.json", change)
    if allowed:
        check(golden)
    else:
        with pytest.raises(TrainingError, match=r"The cosine of the embeddings is 0\.99[45]"):
            check(golden)


def test_int8_may_differ_only_below_the_clear_margin(golden: Path) -> None:
    def change(answer: Any) -> None:
        answer["top"] = next(label for label in LABELS if label != answer["top"])

    change_answer(golden / "tflite.json", change)
    with pytest.raises(TrainingError, match=r"golden sample paper2: int8 predicts .* with a margin of"):
        check(golden, int8_tolerance=replace(INT8_TOLERANCE, clear_margin=0.0))
    check(golden, int8_tolerance=replace(INT8_TOLERANCE, clear_margin=100.0))
