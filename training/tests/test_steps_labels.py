"""`split --corrections` and `review-labels`, as a user calls them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from training import cli, features
from training.data.pictures import Picture, read_pictures
from training.evaluate.labels.corrections import Correction
from training.steps.smoke import make_pictures
from training.tests.evaluate_data import write_corrections


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
            Correction("disc/gone.jpg", "disc", "ring", "it has a hole"),
        ],
    )
    after = split(where, "--corrections", str(tmp_path / "c.csv"))
    assert after[train.file].label == "ring" and after[train.file].split == "train"
    assert other.file not in after
    assert after[test.file] == test
    said = capsys.readouterr().out
    assert (
        "corrections: 1 labels changed, 1 pictures dropped, 1 in other splits left as they are, "
        "1 of files that are not here" in said
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "list.csv: no such list of corrections"),
        (b"file,label,corrected,reason\ndisc/disc01.jpg,disc,square,x\n", "list.csv:2: disc/disc01.jpg"),
        (b"file,label,corrected,reason\ndisc/disc01.jpg,disc,ring,d\xe9j\xe0\n", "CSV in UTF-8"),
    ],
)
def test_a_wrong_list_is_one_clear_line_before_the_work(
    where: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    written: bytes | None,
    said: str,
) -> None:
    path = tmp_path / "list.csv"
    if written:
        path.write_bytes(written)
    assert cli.main(["split", *where, "--group-by", "hash", "--corrections", str(path)]) == 1
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert not (Path(where[1]) / "pictures.csv").exists()


def test_review_shows_what_is_called_otherwise(
    where: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = split(where)
    odd = "ring/ring05.jpg"
    calls = []

    def by_label(_root: Path, given: list[Picture]) -> np.ndarray:
        calls.append(len(given))
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

    (folder / "disagreements-02.png").write_bytes(b"of an earlier call")
    assert cli.main(["review-labels", *where, "--folds", "2", "--only", "data"]) == 0
    assert [page.name for page in folder.glob("*.png")] == ["disagreements-01.png"]
    assert calls == [len(pictures)], "the second call takes the features from the cache"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--only", "nowhere", "--only nowhere: no such source; there are data"),
        ("--folds", "1", "1 folds of"),
        ("--most", "0", "--most 0"),
    ],
)
def test_a_wrong_review_is_refused_before_the_work(
    where: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    said: str,
) -> None:
    split(where)
    monkeypatch.setattr(features, "imagenet_features", lambda *_: pytest.fail("no features are needed"))
    assert cli.main(["review-labels", *where, option, value]) == 1
    assert said in capsys.readouterr().err
