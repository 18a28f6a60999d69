"""Assembles a bundle from the exports of a run."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.bundle import Source, write_bundle
from training.data.decode import load_input
from training.data.pictures import Picture
from training.data.sources import DataSource
from training.evaluate.judge.golden_check import check_golden
from training.export.golden import Bytes, GoldenPicture, write_golden
from training.export.runners import TfjsRunner, TfliteRunner
from training.identity import Identity
from training.steps.common import EXPORTS, read_run

GOLDEN_PICTURES = 6


@dataclass(frozen=True)
class ModelInfo:
    """Information on the model for the bundle's manifest.

    Attributes:
        calibration: content of calibration.json.
        validation: metrics of the validation images.
        data: origins of images and weights.
    """

    calibration: Mapping[str, Any]
    validation: Mapping[str, Any]
    data: Sequence[DataSource]


def assemble_bundle(
    run: Path,
    out: Path,
    pictures: Sequence[GoldenPicture],
    identity: Identity,
    info: ModelInfo,
    notice: str = "",
) -> str:
    """Writes a bundle, with golden samples, from the exports of a run.

    Args:
        run: folder of the run, with exports.
        out: folder of the bundle. It must not exist.
        pictures: the golden images.
        identity: name, version and licence of the model.
        info: information on the model for the manifest.
        notice: licence of the golden images.

    Returns:
        A line that states how well the formats agree on the golden samples.

    Raises:
        TrainingError: the formats do not agree, the folder exists, or the parts of the bundle do not match.
    """
    record, exports = read_run(run), run / EXPORTS
    labels, size = record["labels"], record["input_size"]

    def prepare(path: Path) -> Bytes:
        return load_input(path, size)

    calibration, edgetpu = info.calibration, exports / "model_int8_edgetpu.tflite"
    with tempfile.TemporaryDirectory(prefix="sortbin-golden-") as work:
        golden = Path(work) / "golden"
        write_golden(
            golden,
            pictures,
            prepare,
            labels=labels,
            size=(size, size),
            int8=TfliteRunner(exports / "model_int8.tflite"),
            tfjs=TfjsRunner(exports / "tfjs"),
            notice=notice,
        )
        agreement = check_golden(golden, prepare, TfliteRunner(exports / "model_float.tflite"), labels)
        write_bundle(
            out,
            identity=identity,
            labels=labels,
            int8=exports / "model_int8.tflite",
            tfjs=exports / "tfjs",
            golden=golden,
            temperature=calibration["temperature"],
            unfamiliar=(calibration["unfamiliar"]["score"], calibration["unfamiliar"]["threshold"]),
            confidence=calibration["thresholds"]["confidence"],
            margin=calibration["thresholds"]["margin"],
            validation=info.validation,
            sources=[Source(s.what, s.name, s.licence or "none") for s in info.data],
            created=datetime.now(UTC),
            views=[int(view) if view == 1 else view for view in calibration["views"]],
            edgetpu=edgetpu if edgetpu.exists() else None,
        )
    return agreement


def first_of_each_label(data: Path, pictures: Sequence[Picture]) -> list[GoldenPicture]:
    """Returns the first image of each label as golden images, at most 6, sorted by file."""
    firsts = {picture.label: picture for picture in reversed(pictures)}
    return [
        GoldenPicture(data / picture.file, picture.label)
        for picture in sorted(firsts.values(), key=lambda picture: picture.file)[:GOLDEN_PICTURES]
    ]
