import json
import subprocess
import sys
from pathlib import Path

from training.steps.smoke import make_pictures
from training.tests.support.daemon import CLASSIFIER_OPTIONS

ROOT = Path(__file__).parents[2]

LOAD = f"""
import {{ Classifier }} from './dist/device/perception/vision/classifier.js';
import {{ SystemClock }} from './dist/device/kit/clock.js';
{CLASSIFIER_OPTIONS}
const classifier = await Classifier.open(options, new SystemClock());
const {{ model, runtime, golden }} = classifier.info;
console.log(model.name, runtime.backend, golden.exact);
await classifier.close();
"""


def training(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_smoke_step_writes_a_bundle_that_the_daemon_runs(tmp_path: Path) -> None:
    assert (ROOT / "dist").is_dir(), "the daemon is not built. Run `npm run build`."
    run = tmp_path / "run"
    done = training("smoke", "--run", str(run))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "oneDNN" not in done.stderr
    for file in (
        "pictures.csv",
        "sheet.png",
        "run.json",
        "report/README.md",
        "report/curves.png",
        "exports/tfjs/model.json",
    ):
        assert (run / file).is_file(), file
    manifest = json.loads((run / "bundle/manifest.json").read_text())
    assert manifest["views"] == manifest["validation"]["views"] == [1, 0.75]
    assert 0 <= manifest["validation"]["accuracy"] <= 1
    assert "golden samples: TensorFlow.js is off the float model by" in done.stdout
    card = (run / "report/README.md").read_text()
    assert "one view" in card
    assert "`tfjs` ran by the daemon's own bench, wasm-" in card
    load = ["node", "--input-type=module", "-e", LOAD, str(run / "bundle")]
    served = subprocess.run(load, cwd=ROOT, capture_output=True, text=True, check=False)
    assert served.stdout.strip() == "my-model xnnpack-2.9 true", served.stderr

    where = ("--run", str(run), "--data", str(run / "data"))
    other = run / "other-views"
    assert training("evaluate", *where, "--views", "1", "0.5", "0.25").returncode == 0
    identity = ("--name", "other", "--version", "0.0.2")
    assert training("bundle", *where, *identity, "--out", str(other)).returncode == 0
    again = training("bundle", *where, *identity, "--out", str(run / "again"))
    assert again.returncode == 0, again.stderr
    manifest = json.loads((other / "manifest.json").read_text())
    assert manifest["views"] == manifest["validation"]["views"] == [1, 0.5, 0.25]
    assert (manifest["name"], manifest["version"]) == ("other", "0.0.2")
    refused = training("evaluate", *where, "--views", "90")
    assert "--views: views [90.0] are not allowed. Use fractions from 0.1 to 1." in refused.stderr

    again = training("train", *where, "--config", "smoke")
    assert again.returncode == 1
    assert "already contains a run. Add --resume" in again.stderr


def test_a_wrong_folder_gives_an_error_without_a_traceback(tmp_path: Path) -> None:
    done = training("check-data", "--data", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_step_out_of_order_names_the_missing_step(tmp_path: Path) -> None:
    make_pictures(tmp_path / "data", seed=1)
    where = ("--run", str(tmp_path / "run"), "--data", str(tmp_path / "data"))
    out = ("--out", str(tmp_path / "bundle"))
    for step, first, more in (
        ("train", "split", ()),
        ("export", "train", ()),
        ("evaluate", "train", ()),
        ("bundle", "train", out),
    ):
        done = training(step, *where, *more)
        assert done.returncode == 1, step
        assert first in done.stderr, step
        assert "Traceback" not in done.stderr
