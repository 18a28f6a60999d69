from pathlib import Path

import pytest

from training.data.find import find_pictures
from training.errors import TrainingError
from training.tests.support.pictures_made import folder

ROWS = [f"own/paper/{i}.jpg,paper,p{i}" for i in range(5)] + [
    f"more/metal/sd_{i}.jpg,metal,m" for i in range(5)
]


def write_list(root: Path, rows: list[str]) -> None:
    for row in rows:
        path = root / row.split(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "groups.csv").write_text("\n".join(["file,class,group", *rows]))


def test_folders_are_labels(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    folder(root, {"paper": 5, "glass/green": 5})
    (root / "paper" / "notes.txt").touch()
    (root / ".cache").mkdir()
    (root / ".cache" / "thumb.jpg").touch()
    found = find_pictures(root)
    assert {(p.label, p.group, p.source) for p in found} == {("paper", "", "mine"), ("green", "", "mine")}
    assert [p.file for p in found] == sorted(p.file for p in found)
    assert found[0].file == "glass/green/000.jpg" and len(found) == 10


def test_groups_csv_gives_label_group_and_source(tmp_path: Path) -> None:
    write_list(tmp_path, [*ROWS, "extra/metal/s_a.jpg,metal,m", "more/metal/plain.jpg,metal,m"])
    found = {p.file: p for p in find_pictures(tmp_path)}
    assert (found["own/paper/3.jpg"].label, found["own/paper/3.jpg"].group) == ("paper", "p3")
    sources = {file: p.source for file, p in found.items()}
    assert sources["own/paper/3.jpg"] == "own"
    assert sources["more/metal/sd_1.jpg"] == "more/sd"
    assert sources["more/metal/plain.jpg"] == "more"
    assert sources["extra/metal/s_a.jpg"] == "extra"


def test_exclude_ignores_first_level_folders_of_groups_csv(tmp_path: Path) -> None:
    write_list(tmp_path, [*ROWS, "frames/paper/1.jpg,paper,p1"])
    (tmp_path / "frames/paper/1.jpg").unlink()
    assert len(find_pictures(tmp_path, frozenset({"frames"}))) == len(ROWS)
    with pytest.raises(TrainingError, match=r"1 of 11 listed files are missing, first frames/paper/1.jpg"):
        find_pictures(tmp_path)


def test_exclude_ignores_first_level_folders(tmp_path: Path) -> None:
    folder(tmp_path, {"paper": 5, "metal": 5, "old/metal": 5})
    assert len(find_pictures(tmp_path, frozenset({"old"}))) == 10


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "no images"),
        ({"paper": 5}, "only one label, paper"),
        ({"paper": 5, "metal": 4}, r"fewer than 5 images of metal \(4\)"),
        ({"paper": 5, "white glass": 5}, "labels 'white glass'. .*Rename the folders, as white-glass"),
        ({"paper": 5, "x" * 65: 5}, "1 to 64 characters"),
        (
            {"paper": 5, "metal": 5, "metal/cans/old": 5},
            "metal contains images and so does its sub-folder metal/cans/old, which would be the label old",
        ),
        ({"paper": 5, "metal": 5, ".": 2}, "2 images lie outside the label folders, first 000.jpg"),
    ],
)
def test_reports_the_problem_of_a_folder(tmp_path: Path, labels: dict[str, int], message: str) -> None:
    folder(tmp_path, labels)
    with pytest.raises(TrainingError, match=message):
        find_pictures(tmp_path)


def test_refuses_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere: folder not found"):
        find_pictures(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label,group\na.jpg,paper,1", "no column class"),
        ("file,class,group\na/a.jpg,,1", "row 2 has no file or no class"),
        ("file,class,group\na/a.jpg,paper,1\na/a.jpg,metal,1", "1 files are listed twice, first a/a.jpg"),
    ],
)
def test_reports_the_problem_of_a_groups_csv(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(TrainingError, match=message):
        find_pictures(tmp_path)
