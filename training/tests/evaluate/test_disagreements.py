"""Doubtful labels are found, ranked and drawn on contact sheets."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.metrics import label_indices, probabilities
from training.evaluate.labels.disagreements import Disagreement, rank_disagreements, write_sheets
from training.tests.support.evaluate_data import NAMES, logits_of, pictures_of


def test_ranks_by_margin_and_marks_confident_predictions() -> None:
    pictures = [Picture(f"{i}.jpg", label, str(i), "s") for i, label in enumerate("aaabb")]
    shares = np.array([[0.9, 0.1], [0.1, 0.9], [0.45, 0.55], [0.2, 0.8], [0.3, 0.7]])
    found = rank_disagreements(shares, label_indices(pictures, list("ab")), pictures, list("ab"))
    assert [entry.picture.file for entry in found] == ["1.jpg", "2.jpg"]
    assert [entry.margin for entry in found] == pytest.approx([-0.8, -0.1])
    # Images labelled b have a mean probability of 0.75 for b.
    assert [(entry.predicted, entry.confident) for entry in found] == [("b", True), ("b", False)]


def test_ranks_swapped_labels_first() -> None:
    clean = pictures_of(400)
    scores = probabilities(logits_of(clean, 6))
    swapped = set(range(0, 400, 40))
    noisy = [
        Picture(p.file, NAMES[(NAMES.index(p.label) + 5) % 12], p.group, p.source) if i in swapped else p
        for i, p in enumerate(clean)
    ]
    found = rank_disagreements(scores, label_indices(noisy, NAMES), noisy, NAMES)
    assert {entry.picture.file for entry in found[:10]} == {clean[i].file for i in swapped}
    assert [entry.predicted for entry in found[:10]] == [
        entry.picture.file.split("/")[1] for entry in found[:10]
    ]


def test_refuses_logits() -> None:
    pictures = pictures_of(5)
    with pytest.raises(TrainingError, match="softmax"):
        rank_disagreements(logits_of(pictures), label_indices(pictures, NAMES), pictures, NAMES)


def make_disagreements(data: Path, count: int) -> list[Disagreement]:
    (data / "x").mkdir(parents=True)
    found = []
    for i in range(count):
        Image.new("RGB", (40 + i % 3 * 20, 60), (i % 256, 100, 200)).save(
            data / "x" / f"a_rather_long_name_{i}.png"
        )
        picture = Picture(f"x/a_rather_long_name_{i}.png", "paper", str(i), "s", "train")
        found.append(Disagreement(picture, "cardboard", 0.9, -0.8, i % 2 == 0))
    return found


def test_writes_sheets_of_sixty_and_a_list(tmp_path: Path) -> None:
    pages = write_sheets(tmp_path / "out", make_disagreements(tmp_path / "data", 62), tmp_path / "data")
    assert [page.name for page in pages] == ["disagreements-01.png", "disagreements-02.png"]
    sizes = []
    for page in pages:
        with Image.open(page) as image:
            sizes.append(image.size)
            assert len(image.convert("RGB").getcolors(1 << 16) or []) > 3
    assert sizes[0][0] > 4 * sizes[1][0]
    with (tmp_path / "out" / "disagreements.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 62
    assert rows[61]["number"] == "62"
    assert list(rows[0].values())[2:] == ["train", "paper", "cardboard", "0.900", "-0.800", "1"]


def test_names_a_missing_image(tmp_path: Path) -> None:
    found = make_disagreements(tmp_path / "data", 1)
    with pytest.raises(TrainingError, match=r"a_rather_long_name_0\.png: cannot be read as an image"):
        write_sheets(tmp_path / "out", found, tmp_path / "elsewhere")
