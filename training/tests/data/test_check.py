import shutil
from pathlib import Path

import pytest

from training.data.check import check_data, usable
from training.data.find import find_pictures, labels_without_images, other_files
from training.tests.support.pictures_made import draw, folder, save


def test_reports_nothing_for_a_clean_folder(tmp_path: Path) -> None:
    folder(tmp_path, {"paper": 5, "metal": 6})
    pictures = find_pictures(tmp_path)
    report = check_data(tmp_path, pictures)
    assert not (report.broken or report.tiny or report.duplicates or report.conflicts)
    assert usable(pictures, report) == pictures


def test_reports_broken_tiny_and_repeated_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path, {"paper": 8, "metal": 8})
    whole = (tmp_path / "paper/000.jpg").read_bytes()
    (tmp_path / "paper/000.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "paper/001.jpg").write_text("<svg/>")
    save(tmp_path / "paper/002.jpg", draw(0)[:20, :40])
    shutil.copy(tmp_path / "paper/003.jpg", tmp_path / "paper/copy.jpg")
    shutil.copy(tmp_path / "paper/004.jpg", tmp_path / "metal/copy.jpg")
    pictures = find_pictures(tmp_path)
    report = check_data(tmp_path, pictures)

    assert list(report.broken) == ["paper/000.jpg", "paper/001.jpg"]
    assert (
        "JPEG" in report.broken["paper/000.jpg"]
        and "not a JPEG, PNG or WebP" in report.broken["paper/001.jpg"]
    )
    assert report.tiny == {"paper/002.jpg": (40, 20)}
    assert report.duplicates == (("paper/003.jpg", "paper/copy.jpg"),)
    assert report.conflicts == (("metal/copy.jpg", "paper/004.jpg"),)
    assert {p.file for p in pictures} - {p.file for p in usable(pictures, report)} == set(report.broken)
    assert "18/18" in capsys.readouterr().err

    text = report.render()
    assert "paper/001.jpg: not a JPEG" in text and "metal/copy.jpg = paper/004.jpg" in text
    assert [line.split() for line in text.splitlines()[:4]] == [
        ["label", "images", "groups", "broken"],
        ["metal", "9", "9", "0"],
        ["paper", "9", "9", "2"],
        ["all", "18", "18", "2"],
    ]


def test_shortens_long_lists_of_findings(tmp_path: Path) -> None:
    folder(tmp_path, {"paper": 5})
    for number in range(25):
        (tmp_path / f"metal/{number}.jpg").parent.mkdir(exist_ok=True)
        (tmp_path / f"metal/{number}.jpg").write_bytes(b"\xff\xd8\xff" + bytes([number]))
    text = check_data(tmp_path, find_pictures(tmp_path)).render()
    assert "broken, ignored: 25" in text and "and 5 more" in text


def test_reports_files_that_are_not_images(tmp_path: Path) -> None:
    folder(tmp_path, {"paper": 5, "metal": 5, "old/metal": 5})
    for name in ("notes.txt", ".DS_Store", "paper/phone.HEIC", "metal/scan.tiff", "old/metal/scan.tiff"):
        (tmp_path / name).write_text("ignored")
    others = other_files(tmp_path, frozenset({"old"}))
    assert others == ["metal/scan.tiff", "paper/phone.HEIC"]
    text = check_data(tmp_path, find_pictures(tmp_path), others).render()
    assert "other files, ignored (only JPEG, PNG and WebP are used): 2" in text
    assert "  paper/phone.HEIC\n" in text

    (tmp_path / "groups.csv").touch()
    assert other_files(tmp_path) == []


def test_names_each_label_without_a_usable_image(tmp_path: Path) -> None:
    folder(tmp_path, {"paper": 5, "metal": 5, "glass": 5, "old/shoes": 5})
    for number in range(5):
        (tmp_path / f"glass/{number:03}.jpg").write_text("no image")
    for name in ("battery/a.HEIC", "battery/b.heic", "old/trash/a.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "clothes").mkdir()
    old = frozenset({"old"})
    report = check_data(tmp_path, find_pictures(tmp_path, old), (), labels_without_images(tmp_path, old))
    assert report.unusable == {
        "battery": "only other files (2 .heic). Convert them to JPEG, PNG or WebP",
        "clothes": "the folder is empty",
        "glass": "all images are broken (5)",
    }
    assert "labels without a usable image, left out: 3\n  battery: only other files" in report.render()
