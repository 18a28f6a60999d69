import csv
from pathlib import Path

import pytest
from PIL import Image

from training import cli
from training.metrics_file import METRICS, write_metrics

HISTORY = [
    {
        **{"phase": phase, "epoch": epoch, "learning_rate": 1e-3, "loss": 1.0, "accuracy": 0.5},
        **{"val_loss": 0.9, "val_accuracy": accuracy, "train_s": 3.5, "other": 1},
    }
    for phase, epoch, accuracy in (("head", 1, 0.5), ("all", 1, 0.75), ("all", 2, 0.625))
]


def test_shows_the_figures_and_the_curves_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    write_metrics(tmp_path / METRICS, HISTORY)
    assert cli.main(["report", str(tmp_path), "--no-open"]) == 0
    assert opened == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["all", "1", "1.000", "0.500", "0.900", "0.750", "*"]
    assert not lines[3].endswith("*")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 600
    assert cli.main(["report", "--run", str(tmp_path)]) == 0
    assert opened == [(tmp_path / "curves.png").as_uri()]


def test_the_metrics_file_has_one_row_an_epoch(tmp_path: Path) -> None:
    write_metrics(tmp_path / METRICS, HISTORY[:1])
    write_metrics(tmp_path / METRICS, HISTORY)
    with (tmp_path / METRICS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["phase"], row["epoch"], row["val_accuracy"]) for row in rows] == [
        ("1", "head", "1", "0.5"),
        ("2", "all", "1", "0.75"),
        ("3", "all", "2", "0.625"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "missing. It is written after the first epoch"),
        ("step,phase\n1,head\n", "not a metrics file"),
        ("some text\n", "no epoch yet"),
    ],
)
def test_names_a_run_without_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / METRICS).write_text(content)
    assert cli.main(["report", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err
