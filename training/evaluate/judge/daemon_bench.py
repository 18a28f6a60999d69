"""Runs a bundle in the daemon with `sortbin bench`, from image files to scores."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.metrics import Floats

PROGRAM = Path(__file__).parents[3] / "dist/device/tools/cli/main.js"


@dataclass(frozen=True)
class DaemonBench:
    """Result of `sortbin bench`.

    Attributes:
        logits: (N, C), computed from scores. Each row therefore differs from the logits by a constant.
        backend: kernels of the runtime, with their version.
        ms: median time of all inferences of an image in milliseconds. There is one inference for each view.
        skipped: images that the daemon skipped. Their logits are all 0.
    """

    logits: Floats
    backend: str
    ms: float
    skipped: Sequence[Picture]


def daemon_problem() -> str | None:
    """Returns why the daemon cannot run, or None if it can."""
    if shutil.which("node") is None:
        return "node is not on PATH"
    return None if PROGRAM.exists() else "the daemon is not built. Run `npm run build`."


def run_daemon_bench(bundle: Path, data: Path, pictures: Sequence[Picture], runtime: str) -> DaemonBench:
    """Classifies images with `sortbin bench` and one of the daemon's runtimes.

    Args:
        bundle: folder of the bundle.
        data: the data folder.
        pictures: at least one image.
        runtime: a value of `vision.runtime`, for example `tfjs-wasm`.

    Raises:
        TrainingError: the bench failed, or the active runtime is another one.
    """
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    labels: list[str] = manifest["labels"]
    with tempfile.TemporaryDirectory(prefix="sortbin-bench-") as work:
        folder = Path(work) / "pictures"
        folder.mkdir()
        for index, picture in enumerate(pictures):
            shutil.copyfile(data / picture.file, folder / f"{index:06}{Path(picture.file).suffix}")
        report = _bench(Path(work), folder, _config(bundle, labels, runtime))
    if report["runtime"]["name"] != runtime or not report["items"]:
        raise TrainingError(
            f"{bundle}: the active runtime is {report['runtime']}, not {runtime}. Run `sortbin doctor`."
        )
    logits = np.zeros((len(pictures), len(labels)), np.float32)
    for item in report["items"]:
        scores = np.array([item["scores"][label] for label in labels])
        logits[int(Path(item["file"]).stem)] = manifest["calibration"]["temperature"] * np.log(
            np.maximum(scores, np.finfo(np.float64).tiny)
        )
    return DaemonBench(
        logits,
        report["runtime"]["backend"],
        round(float(np.median([item["latencyMs"]["invoke"] for item in report["items"]])), 2),
        [pictures[int(Path(item["file"]).stem)] for item in report["skipped"]],
    )


def _config(bundle: Path, labels: Sequence[str], runtime: str) -> dict[str, Any]:
    return {
        "model": {"bundle": str(bundle.resolve())},
        "vision": {"driver": "child", "runtime": runtime},
        # The bench needs a policy for any labels. Its decisions are not used.
        "policy": {"compartments": {"all": list(labels)}, "fallback": "all"},
    }


def _bench(folder: Path, pictures: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Runs the bench once and returns its report. Its progress goes to standard error."""
    (folder / "sortbin.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    report = folder / "report.json"
    command = ["node", str(PROGRAM), "bench", str(pictures), "--config", str(folder / "sortbin.yaml")]
    done = subprocess.run(
        [*command, "--json", str(report)], cwd=folder, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise TrainingError(f"sortbin bench: exit code {done.returncode}. The reason is printed above.")
    return cast(dict[str, Any], json.loads(report.read_text(encoding="utf-8")))
