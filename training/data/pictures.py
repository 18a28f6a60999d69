"""Which pictures there are, with label, group and source."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from training.errors import TrainingError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
GROUPS_FILE = "groups.csv"
LABEL = re.compile(r"\S{1,64}")
"""What a label may be, as the daemon takes it."""


@dataclass(frozen=True)
class Picture:
    """One picture of a data set.

    Attributes:
        file: path under the data folder, with `/`.
        label: what it shows.
        group: pictures of one group (shots of one thing, near-duplicates) stay on one side of a split.
        source: where it comes from, as accuracy is reported by source.
        split: `train`, `validation`, `test`, `held-out`, or empty where it has none yet.
    """

    file: str
    label: str
    group: str
    source: str
    split: str = ""


def write_pictures(path: Path, pictures: Iterable[Picture]) -> None:
    """Writes a list as CSV with a header; `read_pictures` reads it back."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "label", "group", "source", "split"])
        writer.writerows([p.file, p.label, p.group, p.source, p.split] for p in pictures)
    temporary.replace(path)


def read_pictures(path: Path) -> list[Picture]:
    """Reads what `write_pictures` wrote, in the order of the files' names.

    Raises:
        TrainingError: there is no such file, or it is no such list.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: no such list; make it with `python -m training split`") from error
    try:
        pictures = [Picture(r["file"], r["label"], r["group"], r["source"], r["split"]) for r in rows]
    except KeyError as error:
        raise TrainingError(
            f"{path}: no column {error}; it needs file, label, group, source, split"
        ) from error
    return sorted(pictures, key=lambda picture: picture.file)
