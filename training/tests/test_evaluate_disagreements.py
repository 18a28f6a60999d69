"""Label noise is found and shown; corrections keep away from the test split."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.metrics import indices, probabilities
from training.evaluate.labels.corrections import Correction, apply, read_corrections
from training.evaluate.labels.disagreements import Disagreement, rank_disagreements, write_sheet
from training.tests.evaluate_data import NAMES, logits_of, pictures_of, write_corrections


def test_ranks_by_margin_and_marks_the_confident_by_hand() -> None:
    pictures = [Picture(f"{i}.jpg", label, str(i), "s") for i, label in enumerate("aaabb")]
    shares = np.array([[0.9, 0.1], [0.1, 0.9], [0.45, 0.55], [0.2, 0.8], [0.3, 0.7]])
    found = rank_disagreements(shares, indices(pictures, list("ab")), pictures, list("ab"))
    assert [entry.picture.file for entry in found] == ["1.jpg", "2.jpg"]
    assert [entry.margin for entry in found] == pytest.approx([-0.8, -0.1])
    # Pictures that are called b have 0.75 of it on average.
    assert [(entry.predicted, entry.confident) for entry in found] == [("b", True), ("b", False)]


def test_swapped_labels_come_first() -> None:
    clean = pictures_of(400)
    scores = probabilities(logits_of(clean, 6))
    swapped = set(range(0, 400, 40))
    noisy = [
        Picture(p.file, NAMES[(NAMES.index(p.label) + 5) % 12], p.group, p.source) if i in swapped else p
        for i, p in enumerate(clean)
    ]
    found = rank_disagreements(scores, indices(noisy, NAMES), noisy, NAMES)
    assert {entry.picture.file for entry in found[:10]} == {clean[i].file for i in swapped}
    assert [entry.predicted for entry in found[:10]] == [
        entry.picture.file.split("/")[1] for entry in found[:10]
    ]


def test_logits_are_refused() -> None:
    pictures = pictures_of(5)
    with pytest.raises(TrainingError, match="softmax"):
        rank_disagreements(logits_of(pictures), indices(pictures, NAMES), pictures, NAMES)


def entries(data: Path, count: int) -> list[Disagreement]:
    (data / "x").mkdir(parents=True)
    found = []
    for i in range(count):
        Image.new("RGB", (40 + i % 3 * 20, 60), (i % 256, 100, 200)).save(
            data / "x" / f"a_rather_long_name_{i}.png"
        )
        picture = Picture(f"x/a_rather_long_name_{i}.png", "paper", str(i), "s", "train")
        found.append(Disagreement(picture, "cardboard", 0.9, -0.8, i % 2 == 0))
    return found


def test_sheet_has_pages_of_sixty_and_a_list(tmp_path: Path) -> None:
    pages = write_sheet(tmp_path / "out", entries(tmp_path / "data", 62), tmp_path / "data")
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


def test_sheet_names_a_missing_picture_and_refuses_larger_pages(tmp_path: Path) -> None:
    found = entries(tmp_path / "data", 1)
    with pytest.raises(TrainingError, match="a_rather_long_name_0"):
        write_sheet(tmp_path / "out", found, tmp_path / "elsewhere")
    with pytest.raises(TrainingError, match="1 to 60"):
        write_sheet(tmp_path / "out", found, tmp_path / "data", 61)


def test_corrections_are_read_back(tmp_path: Path) -> None:
    corrections = [
        Correction("a.jpg", "paper", "trash", "a tissue, used"),
        Correction("b.jpg", "metal", "drop", "a collage"),
    ]
    write_corrections(tmp_path / "c.csv", corrections)
    assert read_corrections(tmp_path / "c.csv", NAMES) == corrections


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("file,label\n", "needed is file,label,corrected,reason"),
        ("a.jpg,paper,trash,x\n", "needed is"),
        ("file,label,corrected,reason\na.jpg,paper,wood,x\n", "csv:2: a.jpg: corrected wood"),
        ("file,label,corrected,reason\na.jpg,drop,paper,x\n", "label drop"),
        ("file,label,corrected,reason\na.jpg,paper,paper,x\n", "remove the line"),
        ("file,label,corrected,reason\na.jpg,paper,trash,\n", "no reason"),
        ("file,label,corrected,reason\na.jpg,paper,trash,x,y\n", "quote"),
        (
            "file,label,corrected,reason\na.jpg,paper,trash,x\n\na.jpg,paper,drop,x\n",
            "csv:4: a.jpg: in the list twice",
        ),
    ],
)
def test_bad_lists_are_refused_with_the_line(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "c.csv").write_text(lines)
    with pytest.raises(TrainingError, match=said):
        read_corrections(tmp_path / "c.csv", NAMES)


def test_a_list_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    lines = "file,label,corrected,reason\na.jpg,paper,trash,a tissue\n"
    (tmp_path / "c.csv").write_text(lines, encoding="utf-8-sig")
    assert read_corrections(tmp_path / "c.csv", NAMES) == [Correction("a.jpg", "paper", "trash", "a tissue")]


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"none\.csv"):
        read_corrections(tmp_path / "none.csv", NAMES)


@pytest.mark.parametrize("seed", range(3))
def test_corrections_never_touch_the_test_split(seed: int) -> None:
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
        Correction(p.file, p.label, "drop" if i % 3 else "trash" if p.label != "trash" else "paper", "seen")
        for i, p in enumerate(pictures)
    ]
    result = apply(pictures, corrections)
    untouched = [p for p in pictures if p.split not in ("train", "validation")]
    assert [p for p in result.pictures if p.split not in ("train", "validation")] == untouched
    assert len(result.other_splits) == len(untouched)
    assert result.changed + result.dropped + len(untouched) == 200
    assert len(result.pictures) == 200 - result.dropped


def test_corrections_of_other_data_are_noticed() -> None:
    pictures = [Picture("a.jpg", "paper", "g", "s", "train")]
    with pytest.raises(TrainingError, match=r"a\.jpg: its label is paper"):
        apply(pictures, [Correction("a.jpg", "metal", "trash", "x")])
    absent = Correction("b.jpg", "metal", "trash", "x")
    assert apply(pictures, [absent]).absent == [absent]
