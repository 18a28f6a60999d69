"""The steps `split --corrections` and `review-labels`, called from the command line."""

import csv
from pathlib import Path

import numpy as np
import pytest

from training import cli, features
from training.data.pictures import Picture, read_pictures
from training.evaluate.labels.corrections import Correction
from training.steps.smoke import make_pictures
from training.tests.support.evaluate_data import write_corrections


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    make_pictures(tmp_path / "data", seed=1)
    return ["--run", str(tmp_path / "run"), "--data", str(tmp_path / "data")]


def split(options: list[str], *more: str) -> dict[str, Picture]:
    shares = ["--group-by", "hash", "--validation", "0.2", "--test", "0.2"]
    assert cli.main(["split", *options, *shares, *more]) == 0
    return {picture.file: picture for picture in read_pictures(Path(options[1]) / "pictures.csv")}


def test_split_corrects_and_drops_images_outside_of_test(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = split(options)
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
            Correction("disc/gone.jpg", "disc", "ring", "it has a hole"),
        ],
    )
    after = split(options, "--corrections", str(tmp_path / "c.csv"))
    assert after[train.file].label == "ring" and after[train.file].split == "train"
    assert other.file not in after
    assert after[test.file] == test
    out = capsys.readouterr().out
    assert (
        "corrections: changed 1 labels, dropped 1 images, skipped 1 in other splits and 1 for absent files"
        in out
    )


def test_each_step_names_a_label_without_a_usable_image(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heic = tmp_path / "data/battery/a.heic"
    heic.parent.mkdir()
    heic.touch()
    reason = "only other files (1 .heic)"
    assert cli.main(["check-data", *options]) == 0
    assert f"battery: {reason}" in capsys.readouterr().out
    split(options)
    assert f"battery: {reason}" in capsys.readouterr().out
    assert cli.main(["sheet", *options, "--config", "smoke"]) == 0
    assert f"label battery is left out: {reason}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "list.csv: file not found"),
        (b"file,label,corrected,reason\ndisc/disc01.jpg,disc,square,x\n", "list.csv:2: disc/disc01.jpg"),
        (b"file,label,corrected,reason\ndisc/disc01.jpg,disc,ring,d\xe9j\xe0\n", "CSV in UTF-8"),
    ],
)
def test_split_refuses_an_invalid_list_before_the_work(
    options: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    message: str,
) -> None:
    path = tmp_path / "list.csv"
    if content:
        path.write_bytes(content)
    assert cli.main(["split", *options, "--group-by", "hash", "--corrections", str(path)]) == 1
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert not (Path(options[1]) / "pictures.csv").exists()


def test_review_lists_images_predicted_as_another_label(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = split(options)
    wrong = "ring/ring05.jpg"
    calls = []

    def make_features(_root: Path, given: list[Picture]) -> np.ndarray:
        calls.append(len(given))
        rng = np.random.default_rng(0)
        shapes = ["disc" if picture.file == wrong else picture.label for picture in given]
        made = np.eye(3)[[["disc", "ring", "stripes"].index(shape) for shape in shapes]]
        made = np.hstack([made, np.zeros((len(given), 5))]) + rng.normal(size=(len(given), 8)) * 0.05
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)

    monkeypatch.setattr(features, "imagenet_features", make_features)
    assert cli.main(["review-labels", *options, "--folds", "3", "--most", "5"]) == 0
    folder = Path(options[1]) / "label-review"
    with (folder / "disagreements.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["label"], row["predicted"], row["split"]) for row in rows] == [
        (wrong, "ring", "disc", pictures[wrong].split)
    ]
    assert (folder / "disagreements-01.png").is_file()
    assert "split --corrections FILE" in capsys.readouterr().out

    (folder / "disagreements-02.png").write_bytes(b"of an earlier call")
    assert cli.main(["review-labels", *options, "--folds", "2", "--only", "data"]) == 0
    assert [page.name for page in folder.glob("*.png")] == ["disagreements-01.png"]
    assert calls == [len(pictures)], "the second call must read the features from the cache"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--only", "nowhere", "--only nowhere: no such source. Allowed: data."),
        ("--folds", "1", "1 folds of 60 groups: not possible"),
        ("--most", "0", "--most 0: out of range"),
    ],
)
def test_review_refuses_invalid_options_before_the_work(
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    message: str,
) -> None:
    split(options)
    monkeypatch.setattr(
        features, "imagenet_features", lambda *_: pytest.fail("the features must not be computed")
    )
    assert cli.main(["review-labels", *options, option, value]) == 1
    assert message in capsys.readouterr().err
