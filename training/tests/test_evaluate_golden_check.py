"""What is recorded of TensorFlow.js and int8 is held against the float model."""

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
from training.tests.export_chain import LABELS, chain, load_square


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return Path(shutil.copytree(chain().root / "golden", tmp_path / "golden"))


def check(golden: Path, **changed: Any) -> str:
    return check_golden(golden, load_square, TfliteRunner(chain().root / "float.tflite"), LABELS, **changed)


def spoil(path: Path, how: Callable[[Any], None]) -> None:
    answers = json.loads(path.read_text())
    how(answers["expected"][2])
    path.write_text(json.dumps(answers))


def test_formats_that_agree_are_one_line(golden: Path) -> None:
    line = check(golden)
    assert "\n" not in line and line.endswith("of 6")
    assert 0 <= float(line.split("model by ")[1].split()[0]) < 0.05


def test_a_logit_that_is_off_names_the_sample(golden: Path) -> None:
    def spoiled(answer: Any) -> None:
        answer["logits"][1] += 0.2

    spoil(golden / "tfjs.json", spoiled)
    with pytest.raises(TrainingError, match=r"golden sample paper2: a logit of TensorFlow\.js is 0\.[12]"):
        check(golden)


def test_an_embedding_that_is_off_names_the_sample(golden: Path) -> None:
    def spoiled(answer: Any) -> None:
        answer["embedding"] = answer["embedding"][::-1]

    spoil(golden / "tfjs.json", spoiled)
    with pytest.raises(TrainingError, match=r"golden sample paper2: .* the embedding's cosine is"):
        check(golden)


@pytest.mark.parametrize(("share", "allowed"), [(0.02, True), (0.1, False)])
def test_an_embedding_may_be_off_by_what_rounded_weights_make(
    golden: Path, share: float, allowed: bool
) -> None:
    def spoiled(answer: Any) -> None:
        values = np.array(answer["embedding"])
        across = np.roll(values, 1) - values * (np.roll(values, 1) @ values) / (values @ values)
        moved = values + share * across * np.linalg.norm(values) / np.linalg.norm(across)
        answer["embedding"] = moved.tolist()

    spoil(golden / "tfjs.json", spoiled)
    if allowed:
        check(golden)
    else:
        with pytest.raises(TrainingError, match=r"the embedding's cosine is 0\.99[45]"):
            check(golden)


def test_int8_may_call_only_what_is_not_clear_otherwise(golden: Path) -> None:
    def spoiled(answer: Any) -> None:
        answer["top"] = next(label for label in LABELS if label != answer["top"])

    spoil(golden / "tflite.json", spoiled)
    with pytest.raises(TrainingError, match=r"golden sample paper2: int8 calls it .* by a margin of"):
        check(golden, int8_tolerance=replace(INT8_TOLERANCE, clear_margin=0.0))
    check(golden, int8_tolerance=replace(INT8_TOLERANCE, clear_margin=100.0))
