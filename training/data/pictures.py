"""The list of images, with label, group, source and split."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from training.disk import replacing
from training.errors import TrainingError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
GROUPS_FILE = "groups.csv"
LABEL = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]{1,64}")
"""A valid label. The daemon has the same rule."""


@dataclass(frozen=True)
class Picture:
    """One image of a data set.

    Attributes:
        file: path relative to the data folder, with `/`.
        label: the kind of item in the image.
        group: images of one group (shots of one item, near-duplicates) stay in one split.
        source: origin of the image. Accuracy is reported by source.
        split: `train`, `validation`, `test` or `held-out`. Empty: not assigned yet.
    """

    file: str
    label: str
    group: str
    source: str
    split: str = ""


def write_pictures(path: Path, pictures: Iterable[Picture]) -> None:
    """Writes a list as CSV with a header, which `read_pictures` reads."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "label", "group", "source", "split"])
        writer.writerows([p.file, p.label, p.group, p.source, p.split] for p in pictures)


def read_pictures(path: Path) -> list[Picture]:
    """Reads a list that `write_pictures` wrote, sorted by file.

    Raises:
        TrainingError: the file is missing, or has other columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: not found. Create it with `python -m training split`.") from error
    try:
        pictures = [Picture(r["file"], r["label"], r["group"], r["source"], r["split"]) for r in rows]
    except KeyError as error:
        raise TrainingError(
            f"{path}: no column {error}. The columns file, label, group, source, split are required."
        ) from error
    return sorted(pictures, key=lambda picture: picture.file)
