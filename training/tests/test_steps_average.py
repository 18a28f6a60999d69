"""The mean of several runs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from training import cli
from training.config import Config, Phase
from training.models.registry import build
from training.steps import export, train
from training.steps.smoke import make_pictures

TINY = Config(
    name="test",
    model="tiny",
    phases=(Phase("all", epochs=1, size=32, learning_rate=1e-2),),
    batch=8,
    input_size=32,
    steps_per_epoch=2,
    ema=0.0,
)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two runs, a and b, of one split of made pictures with three labels."""
    for module in (train, export):
        monkeypatch.setattr(module, "load_config", lambda _: TINY)
    make_pictures(tmp_path / "data", seed=1)
    data = ["--data", str(tmp_path / "data")]
    a, b = tmp_path / "a", tmp_path / "b"
    assert cli.main(["split", "--run", str(a), *data, "--group-by", "hash", "--validation", "0.2"]) == 0
    shutil.copytree(a, b)
    for seed, run in enumerate((a, b)):
        assert cli.main(["train", "--run", str(run), *data, "--seed", str(seed)]) == 0
    return tmp_path


def average(folder: Path, *names: str) -> int:
    runs = [str(folder / name) for name in names]
    return cli.main(
        ["average", "--run", str(folder / "mean"), "--data", str(folder / "data"), "--runs", *runs]
    )


def weights(run: Path) -> list[np.ndarray]:
    net = build("tiny", 3, 32, 0.0)
    net.load_weights(run / "final.weights.h5")
    return list(net.get_weights())


def test_a_run_of_its_own_holds_the_mean_of_every_weight(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert average(runs, "a", "b") == 0
    assert "average: validation accuracy" in capsys.readouterr().out
    a, b = weights(runs / "a"), weights(runs / "b")
    assert any(np.abs(one - other).max() > 1e-3 for one, other in zip(a, b, strict=True))
    for found, one, other in zip(weights(runs / "mean"), a, b, strict=True):
        np.testing.assert_allclose(found, (one + other) / 2, rtol=1e-5, atol=1e-7)

    record = json.loads((runs / "mean" / "run.json").read_text())
    assert record["averaged"] == ["a", "b"]
    assert [entry["phase"] for entry in record["history"]] == ["a: all", "b: all"]
    assert (runs / "mean" / "pictures.csv").read_bytes() == (runs / "a" / "pictures.csv").read_bytes()


def test_runs_of_two_splits_are_refused(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = runs / "b" / "pictures.csv"
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text("".join([lines[0], *reversed(lines[1:])]))
    assert average(runs, "a", "b") == 1
    assert f"{listed} differs from {runs / 'a' / 'pictures.csv'}" in capsys.readouterr().err
    assert not (runs / "mean").exists()


def test_one_run_is_no_average(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert average(runs, "a") == 1
    assert "name two or more" in capsys.readouterr().err


def test_runs_with_other_labels_are_refused(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = runs / "b" / "run.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "labels": ["x", "y", "z"]}))
    assert average(runs, "a", "b") == 1
    assert "labels is ['x', 'y', 'z']" in capsys.readouterr().err


def test_a_folder_that_holds_a_run_is_kept(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (runs / "a" / "final.weights.h5").read_bytes()
    data = ["--data", str(runs / "data")]
    mixed = [str(runs / "a"), str(runs / "b")]
    assert cli.main(["average", "--run", str(runs / "a"), *data, "--runs", *mixed]) == 1
    assert "holds a run already" in capsys.readouterr().err
    assert (runs / "a" / "final.weights.h5").read_bytes() == before
