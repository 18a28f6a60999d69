"""`bundle`: what the daemon loads."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any, cast

from training.data.pictures import Picture, read_pictures
from training.errors import TrainingError
from training.export.golden import INPUTS, GoldenPicture
from training.identity import Identity
from training.steps.assemble import Knowledge, assemble, first_of_each
from training.steps.common import PICTURES, REPORT, read_run
from training.steps.evaluate import CALIBRATION, sources


def run(options: Namespace) -> None:
    """Writes the bundle's folder from what `export` and `evaluate` left in the run's."""
    identity = Identity(options.name, options.version, options.licence)
    labels = read_run(options.run)["labels"]
    calibration = _json(options.run / CALIBRATION)
    figures = _json(options.run / REPORT / "report.json")
    pictures = read_pictures(options.run / PICTURES)
    agreement = assemble(
        options.run,
        options.out,
        golden_pictures(options, pictures, labels),
        identity,
        Knowledge(calibration, figures.get("validation", {}), sources(options, pictures)),
        options.golden_notice.read_text(encoding="utf-8") if options.golden_notice else "",
    )
    print(agreement)
    print(f"{options.out}: {identity.name} {identity.version}")


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
    return first_of_each(options.data, [picture for picture in pictures if picture.split == "test"])


def _json(path: Path) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: not there; run export and evaluate first") from error
