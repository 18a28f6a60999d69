"""File names and loaders that several steps use."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from training.config import Config
from training.data.pictures import Picture, read_pictures
from training.data.sources import SOURCES_FILE, DataSource, read_sources
from training.errors import TrainingError

PICTURES, RUN, EXPORTS, REPORT = "pictures.csv", "run.json", "exports", "report"
LEFT_OUT = "labels-left-out.json"
"""Maps each label of the data folder that has no usable image to the reason. `split` writes it."""


def load_config(name: str) -> Config:
    """Loads a recipe of training/configs by its name.

    Raises:
        TrainingError: there is no recipe with this name.
    """
    folder = Path(__file__).parent.parent / "configs"
    allowed = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    if name not in allowed:
        raise TrainingError(f"config {name}: unknown recipe. Allowed: {', '.join(allowed)}.")
    return cast(Config, import_module(f"training.configs.{name}").CONFIG)


def read_split(run: Path) -> list[Picture]:
    """Reads the images that `split` listed. Names the labels that it left out, on standard error.

    Raises:
        TrainingError: `split` has not run, or its list is invalid.
    """
    pictures = read_pictures(run / PICTURES)
    left_out = run / LEFT_OUT
    if left_out.is_file():
        for label, reason in json.loads(left_out.read_text(encoding="utf-8")).items():
            print(f"label {label} is left out: {reason}", file=sys.stderr)
    return pictures


def read_run(run: Path) -> dict[str, Any]:
    """Reads the record that `train` wrote for a run.

    Raises:
        TrainingError: the folder has no finished training.
    """
    try:
        return cast(dict[str, Any], json.loads((run / RUN).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise TrainingError(
            f"--run {run}: no finished training. Run the step train first, or name another folder."
        ) from error


def sources_of(options: Namespace, pictures: Sequence[Picture]) -> list[DataSource]:
    """Reads the origins of images and weights from the file --sources, else from sources.json of the data.

    Without --sources and sources.json, each source of the images is listed without a licence.

    Raises:
        TrainingError: the file cannot be read, or an entry is invalid.
    """
    path = options.sources or options.data / SOURCES_FILE
    if options.sources or path.exists():
        return read_sources(path)
    return [DataSource(name=name, licence="", source=name) for name in sorted({p.source for p in pictures})]
