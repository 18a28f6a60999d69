"""`sortbin bench` returns the same answers for image files as the model of the runtime."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.data.decode import load_input
from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.calibrate import negative_log_likelihood
from training.evaluate.judge.daemon_bench import daemon_problem, run_daemon_bench
from training.export.runners import TfjsRunner
from training.tests.support.export_chain import SIDE, chain
from training.tests.support.pictures_made import draw, save
from training.tests.support.tiny_bundle import write


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert daemon_problem() is None
    folder = tmp_path_factory.mktemp("data")
    for seed, file in enumerate(("metal/a.jpg", "paper/a.png", "paper/b.jpg")):
        save(folder / file, draw(seed))
    save(folder / "trash/blank.png", np.full((64, 64, 3), 90, np.uint8))
    return folder


def list_pictures(data: Path) -> list[Picture]:
    files = sorted(str(path.relative_to(data)) for path in data.rglob("*.*"))
    return [Picture(file, file.split("/")[0], file, "made", "test") for file in files]


def test_returns_the_answers_of_the_runtime(data: Path, tmp_path: Path) -> None:
    pictures = list_pictures(data)
    found = run_daemon_bench(write(tmp_path / "bundle"), data, pictures, "tfjs-wasm")
    assert [picture.file for picture in found.skipped] == ["trash/blank.png"]
    assert found.backend.startswith("wasm-")
    assert found.ms > 0
    inputs = np.stack([load_input(data / picture.file, SIDE) for picture in pictures[:3]])
    expected, _ = TfjsRunner(chain().root / "tfjs").predict(inputs)
    # Each row differs from the logits by a constant, so the probabilities are compared.
    for label in range(expected.shape[1]):
        truth = np.full(3, label)
        assert negative_log_likelihood(found.logits[:3], truth) == pytest.approx(
            negative_log_likelihood(expected, truth), abs=1e-3
        )
    assert not found.logits[3].any()


def test_refuses_another_active_runtime(data: Path, tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["runtimes"].pop("tfjs")
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TrainingError, match="sortbin bench: exit code"):
        run_daemon_bench(bundle, data, list_pictures(data), "tfjs-wasm")
