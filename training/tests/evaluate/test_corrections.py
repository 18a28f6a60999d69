"""Label corrections are read, checked and applied outside of the test split."""

from pathlib import Path

import numpy as np
import pytest

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.labels.corrections import Correction, apply_corrections, read_corrections
from training.tests.support.evaluate_data import NAMES, pictures_of, write_corrections


def test_reads_a_list(tmp_path: Path) -> None:
    corrections = [
        Correction("a.jpg", "paper", "trash", "a tissue, used"),
        Correction("b.jpg", "metal", "drop", "a collage"),
    ]
    write_corrections(tmp_path / "c.csv", corrections)
    assert read_corrections(tmp_path / "c.csv", NAMES) == corrections


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("file,label\n", "the first line is file,label. It must be file,label,corrected,reason"),
        ("a.jpg,paper,trash,x\n", "It must be"),
        (
            "file,label,corrected,reason\na.jpg,paper,wood,x\n",
            "csv:2: a.jpg: corrected label wood does not exist",
        ),
        ("file,label,corrected,reason\na.jpg,drop,paper,x\n", "label drop does not exist"),
        ("file,label,corrected,reason\na.jpg,paper,paper,x\n", "Remove the line"),
        ("file,label,corrected,reason\na.jpg,paper,trash,\n", "the reason is empty"),
        ("file,label,corrected,reason\na.jpg,paper,trash,x,y\n", "instead of 4. Quote"),
        (
            "file,label,corrected,reason\na.jpg,paper,trash,x\n\na.jpg,paper,drop,x\n",
            "csv:4: a.jpg: listed twice",
        ),
    ],
)
def test_refuses_an_invalid_list_and_names_the_line(tmp_path: Path, lines: str, message: str) -> None:
    (tmp_path / "c.csv").write_text(lines)
    with pytest.raises(TrainingError, match=message):
        read_corrections(tmp_path / "c.csv", NAMES)


def test_reads_a_list_with_a_byte_order_mark(tmp_path: Path) -> None:
    lines = "file,label,corrected,reason\na.jpg,paper,trash,a tissue\n"
    (tmp_path / "c.csv").write_text(lines, encoding="utf-8-sig")
    assert read_corrections(tmp_path / "c.csv", NAMES) == [Correction("a.jpg", "paper", "trash", "a tissue")]


def test_names_a_missing_list(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"none\.csv: file not found"):
        read_corrections(tmp_path / "none.csv", NAMES)


@pytest.mark.parametrize("seed", range(3))
def test_corrects_only_training_and_validation(seed: int) -> None:
    generator = np.random.default_rng(seed)
    pictures = [
        Picture(
            p.file,
            p.label,
            p.group,
            p.source,
            str(generator.choice(["train", "validation", "test", "held-out", ""])),
        )
        for p in pictures_of(200, seed)
    ]
    corrections = [
        Correction(
            p.file, p.label, "drop" if i % 3 else "trash" if p.label != "trash" else "paper", "checked"
        )
        for i, p in enumerate(pictures)
    ]
    result = apply_corrections(pictures, corrections)
    untouched = [p for p in pictures if p.split not in ("train", "validation")]
    assert [p for p in result.pictures if p.split not in ("train", "validation")] == untouched
    assert len(result.other_splits) == len(untouched)
    assert result.changed + result.dropped + len(untouched) == 200
    assert len(result.pictures) == 200 - result.dropped


def test_refuses_a_list_for_other_data() -> None:
    pictures = [Picture("a.jpg", "paper", "g", "s", "train")]
    with pytest.raises(TrainingError, match=r"a\.jpg: its label is paper, but the correction expects metal"):
        apply_corrections(pictures, [Correction("a.jpg", "metal", "trash", "x")])
    absent = Correction("b.jpg", "metal", "trash", "x")
    assert apply_corrections(pictures, [absent]).absent == [absent]
