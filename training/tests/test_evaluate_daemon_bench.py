"""The daemon's bench says of pictures what the runtime's model says of them, from the file on."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.data.decode import load_input
from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.calibrate import negative_log_likelihood
from training.evaluate.judge.daemon_bench import missing_daemon, run_daemon_bench
from training.export.runners import TfjsRunner
from training.tests.export_chain import SIDE, chain
from training.tests.pictures_made import draw, save
from training.tests.tiny_bundle import write


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert missing_daemon() is None
    folder = tmp_path_factory.mktemp("data")
    for seed, file in enumerate(("metal/a.jpg", "paper/a.png", "paper/b.jpg")):
        save(folder / file, draw(seed))
    save(folder / "trash/blank.png", np.full((64, 64, 3), 90, np.uint8))
    return folder


def listed(data: Path) -> list[Picture]:
    files = sorted(str(path.relative_to(data)) for path in data.rglob("*.*"))
    return [Picture(file, file.split("/")[0], file, "made", "test") for file in files]


def test_it_gives_the_runtimes_own_answers(data: Path, tmp_path: Path) -> None:
    pictures = listed(data)
    found = run_daemon_bench(write(tmp_path / "bundle"), data, pictures, "tfjs-wasm")
    assert [picture.file for picture in found.skipped] == ["trash/blank.png"]
    assert found.backend.startswith("wasm-")
    assert found.ms > 0
    inputs = np.stack([load_input(data / picture.file, SIDE) for picture in pictures[:3]])
    expected, _ = TfjsRunner(chain().root / "tfjs").predict(inputs)
    # Logits but for what is the same in a whole row: the probabilities say it.
    for label in range(expected.shape[1]):
        truth = np.full(3, label)
        assert negative_log_likelihood(found.logits[:3], truth) == pytest.approx(
            negative_log_likelihood(expected, truth), abs=1e-3
        )
    assert not found.logits[3].any()


def test_another_runtime_in_its_place_is_refused(data: Path, tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["runtimes"].pop("tfjs")
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TrainingError, match="bench ended with code"):
        run_daemon_bench(bundle, data, listed(data), "tfjs-wasm")
