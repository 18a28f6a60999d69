"""Corrected labels, as a list that people write: `file,label,corrected,reason`."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.data.pictures import Picture
from training.errors import TrainingError

HEADER = ["file", "label", "corrected", "reason"]
DROP = "drop"
CORRECTABLE = ("train", "validation")


@dataclass(frozen=True)
class Correction:
    """One line of the list.

    Attributes:
        file: as in the list of pictures.
        label: the given label, so that a list made for other data is noticed.
        corrected: the right label, or `drop` for a picture that shows none or several.
        reason: why, in a few words.
    """

    file: str
    label: str
    corrected: str
    reason: str


@dataclass(frozen=True)
class Applied:
    """What `apply` made: the pictures, how many it changed and dropped, the corrections it did not use."""

    pictures: list[Picture]
    changed: int
    dropped: int
    other_splits: list[Correction]
    absent: list[Correction]


def read_corrections(path: Path, names: Sequence[str]) -> list[Correction]:
    """Reads a list and checks each line.

    Args:
        path: the CSV file.
        names: the labels that there are.

    Raises:
        TrainingError: names the line and what is wrong with it.
    """
    try:
        # Spreadsheets put a byte order mark first.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            lines = [(reader.line_num, row) for row in reader if row]
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: no such list of corrections") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(
            f"{path}: cannot be read ({error}); it must be CSV in UTF-8 with the columns {','.join(HEADER)}"
        ) from error
    if header != HEADER:
        raise TrainingError(f"{path}: the first line is {','.join(header)}; needed is {','.join(HEADER)}")
    corrections: dict[str, Correction] = {}
    for number, row in lines:
        if len(row) != len(HEADER):
            raise TrainingError(
                f"{path}:{number}: {len(row)} columns, not 4; quote a reason that has a comma"
            )
        correction = Correction(*(cell.strip() for cell in row))
        if problem := _problem(correction, names):
            raise TrainingError(f"{path}:{number}: {correction.file}: {problem}")
        if correction.file in corrections:
            raise TrainingError(f"{path}:{number}: {correction.file}: in the list twice; keep one line")
        corrections[correction.file] = correction
    return list(corrections.values())


def apply(pictures: Sequence[Picture], corrections: Sequence[Correction]) -> Applied:
    """Changes labels and drops pictures in the training and validation splits, and in no other.

    A test set that the model itself helped to correct would flatter it.

    Args:
        pictures: with their splits.
        corrections: of their files; those of other splits, and of files that are not among the pictures, are
            handed back unused.

    Raises:
        TrainingError: a given label is not the picture's.
    """
    wanted: Mapping[str, Correction] = {correction.file: correction for correction in corrections}
    kept: list[Picture] = []
    counts = {"changed": 0, "dropped": 0}
    other_splits = []
    for picture in pictures:
        correction = wanted.get(picture.file)
        if correction is None:
            kept.append(picture)
        elif picture.split not in CORRECTABLE:
            other_splits.append(correction)
            kept.append(picture)
        elif picture.label != correction.label:
            raise TrainingError(
                f"{picture.file}: its label is {picture.label}, the correction is of {correction.label}; "
                "was the list made for other data, or applied already?"
            )
        elif correction.corrected == DROP:
            counts["dropped"] += 1
        else:
            kept.append(replace(picture, label=correction.corrected))
            counts["changed"] += 1
    files = {picture.file for picture in pictures}
    absent = [correction for correction in corrections if correction.file not in files]
    return Applied(kept, counts["changed"], counts["dropped"], other_splits, absent)


def _problem(correction: Correction, names: Sequence[str]) -> str:
    allowed = ", ".join([*names, DROP])
    if correction.label not in names:
        return f"label {correction.label or 'empty'}; allowed are {', '.join(names)}"
    if correction.corrected not in (*names, DROP):
        return f"corrected {correction.corrected or 'empty'}; allowed are {allowed}"
    if correction.corrected == correction.label:
        return "corrected to the label it has; remove the line"
    return "" if correction.reason else "no reason; say in a few words what the picture shows"
