"""A bundle from what a run holds and what is known of it."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.bundle import Source, write_bundle
from training.data.decode import load_input
from training.data.pictures import Picture
from training.evaluate.judge.evaluation import DataSource
from training.evaluate.judge.golden_check import check_golden
from training.export.golden import Bytes, GoldenPicture, write_golden
from training.export.runners import TfjsRunner, TfliteRunner
from training.identity import Identity
from training.steps.common import EXPORTS, read_run

GOLDEN_PICTURES = 6


@dataclass(frozen=True)
class Knowledge:
    """What a bundle says of its model.

    Attributes:
        calibration: as calibration.json holds it.
        validation: figures of the validation pictures.
        data: where pictures and weights come from.
    """

    calibration: Mapping[str, Any]
    validation: Mapping[str, Any]
    data: Sequence[DataSource]


def assemble(
    run: Path,
    out: Path,
    pictures: Sequence[GoldenPicture],
    identity: Identity,
    known: Knowledge,
    notice: str = "",
) -> str:
    """Writes a bundle of a run's exports, and its golden samples.

    Args:
        run: the run's folder, exported.
        out: the bundle's folder, to be made.
        pictures: the golden ones.
        identity: what it says that it is.
        known: what it says of its model.
        notice: the licence of those pictures.

    Returns:
        A line on how well the formats agree on the golden samples.

    Raises:
        TrainingError: they do not, or the folder exists, or something does not fit together.
    """
    record, exports = read_run(run), run / EXPORTS
    labels, size = record["labels"], record["input_size"]

    def prepare(path: Path) -> Bytes:
        return load_input(path, size)

    calibration, edgetpu = known.calibration, exports / "model_int8_edgetpu.tflite"
    with tempfile.TemporaryDirectory(prefix="sortbin-golden-") as made:
        golden = Path(made) / "golden"
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
            validation=known.validation,
            sources=[Source(s.what, s.name, s.licence or "none") for s in known.data],
            created=datetime.now(UTC),
            views=[int(view) if view == 1 else view for view in calibration["views"]],
            edgetpu=edgetpu if edgetpu.exists() else None,
        )
    return agreement


def first_of_each(data: Path, pictures: Sequence[Picture]) -> list[GoldenPicture]:
    """The first picture of each label, of the first few labels, as golden ones."""
    firsts = {picture.label: picture for picture in reversed(pictures)}
    return [
        GoldenPicture(data / picture.file, picture.label)
        for picture in sorted(firsts.values(), key=lambda picture: picture.file)[:GOLDEN_PICTURES]
    ]
