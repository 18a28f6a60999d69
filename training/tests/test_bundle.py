import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from training.bundle import INT8_TOLERANCE
from training.errors import TrainingError
from training.identity import Identity
from training.tests.daemon import SERVE
from training.tests.export_chain import LABELS, chain
from training.tests.tiny_bundle import write

ROOT = Path(__file__).parents[2]

OPEN = f"""
        import {{ SimulatedClock }} from './dist/device/kit/simulated-clock.js';
        import {{ Classifier }} from './dist/device/perception/vision/classifier.js';
        {SERVE}
"""


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def daemon(script: str, *arguments: str) -> str:
    """Runs a module with the daemon's own code and returns what it prints."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on PATH")
    if not (ROOT / "dist/device/perception/vision/classifier.js").exists():
        pytest.fail("dist/ is missing: run `npm run build`")
    command = [node, "--input-type=module", "--eval", script, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_manifest_has_the_form_of_the_bundle_in_deploy(tmp_path: Path) -> None:
    manifest = manifest_of(write(tmp_path / "out/bundle"))
    example = json.loads((ROOT / "deploy/model/manifest.json").read_text())
    assert list(manifest) == list(example)
    for runtime in ("tflite", "tfjs"):
        assert list(manifest["runtimes"][runtime]) == list(example["runtimes"][runtime])
        assert list(manifest["runtimes"][runtime]["golden"]) == list(example["runtimes"][runtime]["golden"])
    assert list(manifest["input"].items())[2:] == list(example["input"].items())[2:]
    assert (manifest["input"]["width"], manifest["input"]["height"]) == (32, 32)
    assert manifest["created"] == "2026-01-02T03:00:00Z"
    assert manifest["runtimes"]["tflite"]["golden"]["exact"] is True
    assert manifest["runtimes"]["tfjs"]["golden"]["exact"] is False
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_daemon_loads_it(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle", views=(1, 0.75))
    script = """
        import { loadBundle } from './dist/device/perception/inference/bundle.js';
        const { manifest } = await loadBundle(process.argv[1]);
        console.log(JSON.stringify([manifest.labels, manifest.views, manifest.calibration]));
    """
    assert json.loads(daemon(script, str(bundle))) == [
        list(LABELS),
        [1, 0.75],
        {"temperature": 0.8, "unfamiliar": {"score": "energy", "threshold": -4.5}},
    ]


def test_the_daemons_library_gives_the_golden_answers_bit_by_bit(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle")
    picture = chain().root / "golden/paper2.png"
    script = """
        import { readFile } from 'node:fs/promises';
        const classifier = await Classifier.open(options, new SimulatedClock());
        const { value } = await classifier.classify(await readFile(process.argv[2]));
        console.log(JSON.stringify([classifier.info.runtime.backend, value.label]));
        await classifier.close();
    """
    # Exact is asked for where the backend is the one of the manifest.
    backend = manifest_of(bundle)["runtimes"]["tflite"]["golden"]["kernels"]
    expected = json.loads((bundle / "golden/tflite.json").read_text())["expected"][2]
    assert json.loads(daemon(OPEN + script, str(bundle), str(picture))) == [backend, expected["top"]]


def test_one_wrong_bit_is_refused_by_the_daemon(tmp_path: Path) -> None:
    golden = tmp_path / "golden"
    shutil.copytree(chain().root / "golden", golden)
    answers = json.loads((golden / "tflite.json").read_text())
    answers["expected"][0]["embedding"][0] += 1
    (golden / "tflite.json").write_text(json.dumps(answers))
    bundle = write(tmp_path / "bundle", golden=golden)
    script = """
        await Classifier.open(options, new SimulatedClock()).then(
          () => console.log('taken'),
          (error) => console.log(error.message),
        );
    """
    assert "golden sample glass0: embedding value 0 is" in daemon(OPEN + script, str(bundle))


def test_an_edge_tpu_file_gets_the_int8_answers(tmp_path: Path) -> None:
    bundle = write(
        tmp_path / "bundle", edgetpu=chain().int8, int8_tolerance=replace(INT8_TOLERANCE, clear_margin=2.0)
    )
    manifest = manifest_of(bundle)
    edgetpu = manifest["runtimes"]["edgetpu"]
    assert edgetpu["file"] == "model_int8_edgetpu.tflite"
    assert edgetpu["golden"]["file"] == "golden/tflite.json"
    assert edgetpu["golden"]["clearMargin"] == 2.0
    assert manifest["outputs"]["logits"]["edgetpu"] == manifest["outputs"]["logits"]["tflite"]


def test_each_digest_is_the_files(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle")
    manifest = manifest_of(bundle)
    runtimes = manifest["runtimes"]
    digests = [manifest["golden"], *runtimes["tfjs"]["weights"]]
    digests += [part for runtime in runtimes.values() for part in (runtime, runtime["golden"])]
    assert len(digests) == 6
    for digest in digests:
        content = (bundle / digest["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (digest["bytes"], digest["sha256"])


def test_what_exists_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    with pytest.raises(TrainingError, match="a bundle never changes"):
        write(target)
    assert list(tmp_path.iterdir()) == [target]
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": LABELS[:3]}, "the model has 4 logits"),
        ({"labels": (*LABELS[:3], "two words")}, "without spaces"),
        ({"temperature": float("nan")}, "finite"),
        ({"created": datetime(2026, 1, 1)}, "time zone"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        write(tmp_path / "bundle", **changed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("Tiny", "1.0.0", "name 'Tiny'; allowed are 1 to 64 of a-z"),
        ("x" * 65, "1.0.0", "1 to 64"),
        ("tiny", "1.0", r"version '1\.0'; allowed is a semantic version"),
    ],
)
def test_what_the_daemon_would_not_take_is_no_identity(name: str, version: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        Identity(name, version, "for tests")


def test_a_float_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="its input is FLOAT32"):
        write(tmp_path / "bundle", int8=chain().root / "float.tflite")


def test_now_is_a_time(tmp_path: Path) -> None:
    assert manifest_of(write(tmp_path / "bundle", created=datetime.now(UTC)))["created"].endswith("Z")
