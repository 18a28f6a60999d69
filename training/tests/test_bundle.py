import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from training.bundle import INT8_TOLERANCE
from training.errors import TrainingError
from training.identity import Identity
from training.tests.support.daemon import CLASSIFIER_OPTIONS
from training.tests.support.export_chain import LABELS, chain
from training.tests.support.tiny_bundle import write

ROOT = Path(__file__).parents[2]

OPEN = f"""
        import {{ SimulatedClock }} from './dist/device/kit/simulated-clock.js';
        import {{ Classifier }} from './dist/device/perception/vision/classifier.js';
        {CLASSIFIER_OPTIONS}
"""


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def daemon(script: str, *arguments: str) -> str:
    """Runs a JavaScript module with the code of the daemon and returns its output."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on PATH")
    if not (ROOT / "dist/device/perception/vision/classifier.js").exists():
        pytest.fail("dist/ is missing. Run `npm run build`.")
    command = [node, "--input-type=module", "--eval", script, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_manifest_has_the_same_keys_as_the_factory_bundle(tmp_path: Path) -> None:
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


def test_the_daemon_loads_the_bundle(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle", views=(1, 0.75))
    script = """
        import { loadBundle } from './dist/device/perception/inference/bundle/bundle.js';
        const { manifest } = await loadBundle(process.argv[1]);
        console.log(JSON.stringify([manifest.labels, manifest.views, manifest.calibration]));
    """
    assert json.loads(daemon(script, str(bundle))) == [
        list(LABELS),
        [1, 0.75],
        {"temperature": 0.8, "unfamiliar": {"score": "energy", "threshold": -4.5}},
    ]


def test_the_daemon_gives_bit_identical_golden_answers(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle")
    picture = chain().root / "golden/paper2.png"
    script = """
        import { readFile } from 'node:fs/promises';
        const classifier = await Classifier.open(options, new SimulatedClock());
        const { value } = await classifier.classify(await readFile(process.argv[2]));
        console.log(JSON.stringify([classifier.info.runtime.backend, value.label]));
        await classifier.close();
    """
    # Bit-identical answers are required only if the backend is that of the manifest.
    backend = manifest_of(bundle)["runtimes"]["tflite"]["golden"]["kernels"]
    expected = json.loads((bundle / "golden/tflite.json").read_text())["expected"][2]
    assert json.loads(daemon(OPEN + script, str(bundle), str(picture))) == [backend, expected["top"]]


def test_the_daemon_refuses_one_wrong_bit(tmp_path: Path) -> None:
    golden = tmp_path / "golden"
    shutil.copytree(chain().root / "golden", golden)
    answers = json.loads((golden / "tflite.json").read_text())
    answers["expected"][0]["embedding"][0] += 1
    (golden / "tflite.json").write_text(json.dumps(answers))
    bundle = write(tmp_path / "bundle", golden=golden)
    script = """
        await Classifier.open(options, new SimulatedClock()).then(
          () => console.log('accepted'),
          (error) => console.log(error.message),
        );
    """
    assert "golden sample glass0: embedding value 0 is" in daemon(OPEN + script, str(bundle))


def test_an_edge_tpu_file_uses_the_int8_answers(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle", edgetpu=chain().int8)
    manifest = manifest_of(bundle)
    edgetpu = manifest["runtimes"]["edgetpu"]
    assert edgetpu["file"] == "model_int8_edgetpu.tflite"
    assert edgetpu["golden"]["file"] == "golden/tflite.json"
    assert edgetpu["golden"]["clearMargin"] == INT8_TOLERANCE.clear_margin
    assert edgetpu["golden"] == manifest["runtimes"]["tflite"]["golden"]
    assert manifest["outputs"]["logits"]["edgetpu"] == manifest["outputs"]["logits"]["tflite"]


def test_each_digest_matches_its_file(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle")
    manifest = manifest_of(bundle)
    runtimes = manifest["runtimes"]
    digests = [manifest["golden"], *runtimes["tfjs"]["weights"]]
    digests += [part for runtime in runtimes.values() for part in (runtime, runtime["golden"])]
    assert len(digests) == 6
    for digest in digests:
        content = (bundle / digest["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (digest["bytes"], digest["sha256"])


def test_refuses_an_existing_folder_and_leaves_it_unchanged(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    with pytest.raises(TrainingError, match="bundles are never changed"):
        write(target)
    assert list(tmp_path.iterdir()) == [target]
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": LABELS[:3]}, "the model, which has 4 logits"),
        ({"labels": (*LABELS[:3], "two words")}, "without spaces"),
        ({"labels": (*LABELS[:3], "pa\u202eper")}, "without spaces and control characters"),
        ({"temperature": float("nan")}, r"temperature: \[nan\] is not allowed"),
        ({"temperature": 1e308}, r"temperature: \[1e\+308\] is not allowed"),
        ({"views": (1, 1e-9)}, "views: .* from 0.1 to 1.0"),
        ({"unfamiliar": ("energy", float("inf"))}, "threshold of unfamiliar items: .* is not allowed"),
        ({"created": datetime(2026, 1, 1)}, "time zone"),
    ],
)
def test_refuses_arguments_that_do_not_match_and_leaves_no_files(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        write(tmp_path / "bundle", **changed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("Tiny", "1.0.0", "--name 'Tiny': not a valid name. Use 1 to 64 of a-z"),
        ("x" * 65, "1.0.0", "1 to 64"),
        ("tiny", "1.0", r"--version '1\.0': not a semantic version"),
    ],
)
def test_refuses_names_and_versions_that_the_daemon_does_not_accept(
    name: str, version: str, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        Identity(name, version, "for tests")


def test_refuses_a_float_model(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="its input is FLOAT32"):
        write(tmp_path / "bundle", int8=chain().root / "float.tflite")


def test_the_creation_time_is_written_in_utc(tmp_path: Path) -> None:
    assert manifest_of(write(tmp_path / "bundle", created=datetime.now(UTC)))["created"].endswith("Z")
