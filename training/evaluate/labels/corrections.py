"""Label corrections: a CSV file that people write, with the columns `file,label,corrected,reason`."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.data.pictures import Picture
from training.errors import TrainingError

HEADER = ["file", "label", "corrected", "reason"]
DROP = "drop"
CORRECTABLE = ("train", "validation")
"""Splits whose labels may change. A test set that the model helped to correct would favour the model."""


@dataclass(frozen=True)
class Correction:
    """One line of the list.

    Attributes:
        file: the image, as in pictures.csv.
        label: the current label. It reveals a list that was made for other data.
        corrected: the correct label, or `drop` for an image that shows no item or several items.
        reason: why the label is wrong, in a few words.
    """

    file: str
    label: str
    corrected: str
    reason: str


@dataclass(frozen=True)
class CorrectionResult:
    """The result of `apply_corrections`.

    Attributes:
        pictures: the images, with corrected labels and without the dropped images.
        changed: number of changed labels.
        dropped: number of dropped images.
        other_splits: unused corrections, because their images are in splits that are not corrected.
        absent: unused corrections, because their images do not exist.
    """

    pictures: list[Picture]
    changed: int
    dropped: int
    other_splits: list[Correction]
    absent: list[Correction]


def read_corrections(path: Path, names: Sequence[str]) -> list[Correction]:
    """Reads a list and checks each line.

    Args:
        path: the CSV file.
        names: all labels of the data set.

    Raises:
        TrainingError: the file cannot be read, or a line is invalid. The message names the line.
    """
    try:
        # Spreadsheet programs write a byte order mark at the start.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            lines = [(reader.line_num, row) for row in reader if row]
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: file not found. Name an existing list of corrections.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(
            f"{path}: cannot be read ({error}). Use CSV in UTF-8 with the columns {','.join(HEADER)}."
        ) from error
    if header != HEADER:
        raise TrainingError(f"{path}: the first line is {','.join(header)}. It must be {','.join(HEADER)}.")
    corrections: dict[str, Correction] = {}
    for number, row in lines:
        if len(row) != len(HEADER):
            raise TrainingError(
                f"{path}:{number}: {len(row)} columns instead of 4. Quote a reason that has a comma."
            )
        correction = Correction(*(cell.strip() for cell in row))
        if problem := _problem(correction, names):
            raise TrainingError(f"{path}:{number}: {correction.file}: {problem}")
        if correction.file in corrections:
            raise TrainingError(f"{path}:{number}: {correction.file}: listed twice. Keep one line.")
        corrections[correction.file] = correction
    return list(corrections.values())


def apply_corrections(pictures: Sequence[Picture], corrections: Sequence[Correction]) -> CorrectionResult:
    """Changes labels and drops images, in the training and validation splits only.

    Args:
        pictures: images with their splits.
        corrections: the reviewed list. Corrections for other splits or for absent files are returned unused.

    Raises:
        TrainingError: the current label of an image differs from the label in the list.
    """
    by_file: Mapping[str, Correction] = {correction.file: correction for correction in corrections}
    kept: list[Picture] = []
    counts = {"changed": 0, "dropped": 0}
    other_splits = []
    for picture in pictures:
        correction = by_file.get(picture.file)
        if correction is None:
            kept.append(picture)
        elif picture.split not in CORRECTABLE:
            other_splits.append(correction)
            kept.append(picture)
        elif picture.label != correction.label:
            raise TrainingError(
                f"{picture.file}: its label is {picture.label}, but the correction expects "
                f"{correction.label}. The list is for other data, or it was applied before."
            )
        elif correction.corrected == DROP:
            counts["dropped"] += 1
        else:
            kept.append(replace(picture, label=correction.corrected))
            counts["changed"] += 1
    files = {picture.file for picture in pictures}
    absent = [correction for correction in corrections if correction.file not in files]
    return CorrectionResult(kept, counts["changed"], counts["dropped"], other_splits, absent)


def _problem(correction: Correction, names: Sequence[str]) -> str:
    allowed = ", ".join([*names, DROP])
    if correction.label not in names:
        return f"label {correction.label or 'empty'} does not exist. Allowed: {', '.join(names)}."
    if correction.corrected not in (*names, DROP):
        return f"corrected label {correction.corrected or 'empty'} does not exist. Allowed: {allowed}."
    if correction.corrected == correction.label:
        return "the corrected label equals the current label. Remove the line."
    return "" if correction.reason else "the reason is empty. Describe in a few words what the image shows."
