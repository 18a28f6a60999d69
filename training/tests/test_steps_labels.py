"""`split --corrections` and `review-labels`, as a user calls them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from training import cli, features
from training.data.pictures import Picture, read_pictures
from training.evaluate.corrections import Correction, write_corrections
from training.steps.smoke import make_pictures


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    make_pictures(tmp_path / "data", seed=1)
    return ["--run", str(tmp_path / "run"), "--data", str(tmp_path / "data")]


def split(where: list[str], *more: str) -> dict[str, Picture]:
    shares = ["--group-by", "hash", "--validation", "0.2", "--test", "0.2"]
    assert cli.main(["split", *where, *shares, *more]) == 0
    return {picture.file: picture for picture in read_pictures(Path(where[1]) / "pictures.csv")}


def test_corrections_mend_and_drop_outside_of_test(
    where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = split(where)
    train, other, test = (
        next(p for p in before.values() if p.split == name and p.label == "disc" and p.file not in taken)
        for name, taken in (("train", ()), ("validation", ()), ("test", ()))
    )
    write_corrections(
        tmp_path / "c.csv",
        [
            Correction(train.file, "disc", "ring", "it has a hole"),
            Correction(other.file, "disc", "drop", "nothing there"),
            Correction(test.file, "disc", "ring", "it has a hole"),
        ],
    )
    after = split(where, "--corrections", str(tmp_path / "c.csv"))
    assert after[train.file].label == "ring" and after[train.file].split == "train"
    assert other.file not in after
    assert after[test.file] == test
    said = capsys.readouterr().out
    assert "1 labels changed, 1 pictures dropped, 1 of other splits" in said


def test_a_missing_list_is_one_clear_line(where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["split", *where, "--group-by", "hash", "--corrections", "gone.csv"]) == 1
    assert "gone.csv: no such list of corrections" in capsys.readouterr().err


def test_review_shows_what_is_called_otherwise(
    where: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = split(where)
    odd = "ring/ring05.jpg"

    def by_label(_root: Path, given: list[Picture]) -> np.ndarray:
        rng = np.random.default_rng(0)
        looks = ["disc" if picture.file == odd else picture.label for picture in given]
        made = np.eye(3)[[["disc", "ring", "stripes"].index(look) for look in looks]]
        made = np.hstack([made, np.zeros((len(given), 5))]) + rng.normal(size=(len(given), 8)) * 0.05
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)

    monkeypatch.setattr(features, "imagenet_features", by_label)
    assert cli.main(["review-labels", *where, "--folds", "3", "--most", "5"]) == 0
    folder = Path(where[1]) / "label-review"
    with (folder / "disagreements.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["label"], row["predicted"], row["split"]) for row in rows] == [
        (odd, "ring", "disc", pictures[odd].split)
    ]
    assert (folder / "disagreements-01.png").is_file()
    assert "split --corrections FILE" in capsys.readouterr().out
    assert cli.main(["review-labels", *where, "--only", "nowhere"]) == 1
