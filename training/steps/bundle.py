"""`bundle`: what the daemon loads."""

import json
import shutil
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from training.bundle import Source, write_bundle
from training.data.pictures import Picture, read_pictures
from training.data.pixels import load_input
from training.errors import TrainingError
from training.evaluate.golden_check import check_golden
from training.export.golden import INPUTS, Bytes, GoldenPicture, write_golden
from training.export.runners import TfjsRunner, TfliteRunner
from training.steps.common import EXPORTS, PICTURES, REPORT, load_config, read_run
from training.steps.evaluate import CALIBRATION, sources

GOLDEN_PICTURES = 6


def run(options: Namespace) -> None:
    """Writes the bundle's folder from what `export` and `evaluate` left in the run's."""
    record = read_run(options.run)
    out = options.run / EXPORTS
    calibration = _json(options.run / CALIBRATION)
    figures = _json(options.run / REPORT / "report.json")
    pictures = read_pictures(options.run / PICTURES)
    golden = options.run / "golden" / options.version
    size = record["input_size"]

    def prepare(path: Path) -> Bytes:
        return load_input(path, size)

    write_golden(
        golden,
        golden_pictures(options, pictures, record["labels"]),
        prepare,
        labels=record["labels"],
        size=(size, size),
        int8=TfliteRunner(out / "model_int8.tflite"),
        tfjs=TfjsRunner(out / "tfjs"),
        notice=options.golden_notice.read_text(encoding="utf-8") if options.golden_notice else "",
    )
    try:
        reference = TfliteRunner(out / "model_float.tflite")
        print(check_golden(golden, prepare, reference, record["labels"]))
    except TrainingError:
        shutil.rmtree(golden)
        raise
    edgetpu = out / "model_int8_edgetpu.tflite"
    write_bundle(
        options.out,
        name=load_config(options.config).name,
        version=options.version,
        labels=record["labels"],
        int8=out / "model_int8.tflite",
        tfjs=out / "tfjs",
        golden=golden,
        temperature=calibration["temperature"],
        unfamiliar=(calibration["unfamiliar"]["score"], calibration["unfamiliar"]["threshold"]),
        confidence=calibration["thresholds"]["confidence"],
        margin=calibration["thresholds"]["margin"],
        validation=figures.get("validation", {}),
        sources=[Source(s.what, s.name, s.licence or "none") for s in sources(options, pictures)],
        licence=options.licence,
        created=datetime.now(UTC),
        views=[int(view) if view == 1 else view for view in load_config(options.config).views],
        edgetpu=edgetpu if edgetpu.exists() else None,
    )
    print(f"{options.out}: {load_config(options.config).name} {options.version}")


def golden_pictures(options: Namespace, pictures: list[Picture], labels: list[str]) -> list[GoldenPicture]:
    """Pictures of --golden, a bundle's golden folder or one folder a label; else the first test pictures."""
    if options.golden and (options.golden / INPUTS).exists():
        inputs = _json(options.golden / INPUTS)["inputs"]
        return [GoldenPicture(options.golden / e["file"], e["label"]) for e in inputs if "file" in e]
    if options.golden:
        found = [
            GoldenPicture(path, label)
            for label in labels
            for path in sorted((options.golden / label).glob("*"))
            if path.suffix.lower() in (".jpg", ".jpeg", ".png")
        ]
        if not found:
            raise TrainingError(
                f"{options.golden}: no pictures in folders named as labels: {', '.join(labels)}"
            )
        return found
    firsts = {picture.label: picture for picture in reversed(pictures) if picture.split == "test"}
    return [
        GoldenPicture(options.data / picture.file, picture.label)
        for picture in sorted(firsts.values(), key=lambda picture: picture.file)[:GOLDEN_PICTURES]
    ]


def _json(path: Path) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: not there; run export and evaluate first") from error
