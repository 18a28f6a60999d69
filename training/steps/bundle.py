"""Step `bundle`: writes the bundle that the daemon loads."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any, cast

from training.data.pictures import Picture
from training.errors import TrainingError
from training.export.golden import INPUTS, GoldenPicture
from training.identity import Identity
from training.steps.assemble import ModelInfo, assemble_bundle, first_of_each_label
from training.steps.common import REPORT, read_run, read_split, sources_of
from training.steps.evaluate import CALIBRATION


def run(options: Namespace) -> None:
    """Writes the bundle from the exports, the calibration and the report of the run."""
    identity = Identity(options.name, options.version, options.licence)
    labels = read_run(options.run)["labels"]
    calibration = _read_json(options.run / CALIBRATION)
    figures = _read_json(options.run / REPORT / "report.json")
    pictures = read_split(options.run)
    agreement = assemble_bundle(
        options.run,
        options.out,
        find_golden_pictures(options, pictures, labels),
        identity,
        ModelInfo(calibration, figures.get("validation", {}), sources_of(options, pictures)),
        options.golden_notice.read_text(encoding="utf-8") if options.golden_notice else "",
    )
    print(agreement)
    print(f"{options.out}: {identity.name} {identity.version}")


def find_golden_pictures(
    options: Namespace, pictures: list[Picture], labels: list[str]
) -> list[GoldenPicture]:
    """Returns the images of --golden, else the first test image of each label.

    --golden names the golden folder of a bundle, or a folder with one sub-folder for each label.

    Raises:
        TrainingError: --golden has no images.
    """
    if options.golden and (options.golden / INPUTS).exists():
        inputs = _read_json(options.golden / INPUTS)["inputs"]
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
                f"--golden {options.golden}: no images found. Name the sub-folders after labels: "
                f"{', '.join(labels)}."
            )
        return found
    return first_of_each_label(options.data, [picture for picture in pictures if picture.split == "test"])


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: file not found. Run the steps export and evaluate first.") from error
