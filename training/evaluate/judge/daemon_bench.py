"""A model as the daemon runs it, from a picture's file to its scores: `sortbin bench` over the pictures."""

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
    """What the daemon said of pictures.

    Attributes:
        logits: (N, C), as far as scores tell: each row is right but for what is the same in all of it.
        backend: the kernels, with their version.
        ms: milliseconds of a picture's inferences, median; one a view.
        skipped: pictures that it did not take; their logits are all 0.
    """

    logits: Floats
    backend: str
    ms: float
    skipped: Sequence[Picture]


def missing_daemon() -> str | None:
    """Why the daemon cannot be asked; None where it can."""
    if shutil.which("node") is None:
        return "node is not on PATH"
    return None if PROGRAM.exists() else "the daemon is not built; npm run build does that"


def run_daemon_bench(bundle: Path, data: Path, pictures: Sequence[Picture], runtime: str) -> DaemonBench:
    """Has the daemon's bench classify pictures, by one of its runtimes.

    Args:
        bundle: that it serves.
        data: the data folder.
        pictures: at least one.
        runtime: a name of `vision.runtime`, as in `tfjs-wasm`.

    Raises:
        TrainingError: the bench failed, or that runtime did not serve.
    """
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    labels: list[str] = manifest["labels"]
    with tempfile.TemporaryDirectory(prefix="sortbin-bench-") as made:
        folder = Path(made) / "pictures"
        folder.mkdir()
        for index, picture in enumerate(pictures):
            shutil.copyfile(data / picture.file, folder / f"{index:06}{Path(picture.file).suffix}")
        report = _bench(Path(made), folder, _config(bundle, labels, runtime))
    if report["runtime"]["name"] != runtime or not report["items"]:
        raise TrainingError(
            f"{bundle}: {runtime} did not serve, but {report['runtime']}; see `sortbin doctor`"
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
        # Any labels have a place in it: what is decided is of no interest here.
        "policy": {"compartments": {"all": list(labels)}, "fallback": "all"},
    }


def _bench(folder: Path, pictures: Path, config: dict[str, Any]) -> dict[str, Any]:
    """The report of one run; its progress goes to standard error."""
    (folder / "sortbin.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    report = folder / "report.json"
    command = ["node", str(PROGRAM), "bench", str(pictures), "--config", str(folder / "sortbin.yaml")]
    done = subprocess.run(
        [*command, "--json", str(report)], cwd=folder, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise TrainingError(f"the daemon's bench ended with code {done.returncode}; its reason stands above")
    return cast(dict[str, Any], json.loads(report.read_text(encoding="utf-8")))
