"""Finds the images in a data folder."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from training.data.pictures import GROUPS_FILE, LABEL, SUFFIXES, Picture
from training.errors import TrainingError

MIN_PER_LABEL = 5
COLLECTION = "more"
"""A folder with several sources. The two letters before `_` in a file name identify the source."""

_PREFIX = re.compile(r"^([a-z]{2})_")


def find_pictures(root: Path, exclude: frozenset[str] = frozenset()) -> list[Picture]:
    """Returns the images in a folder, sorted by file.

    If the folder has a `groups.csv` (columns file, class, group), it lists the images. The source is then
    the first folder of the file (`more/sd` for `more/paper/sd_0001.jpg`). Without a `groups.csv` the
    folder of an image is its label, the group is empty, and the source is the name of `root`.

    Args:
        root: the data folder.
        exclude: first-level folders in `root` to ignore.

    Raises:
        TrainingError: the folder is missing, lists missing files, or has too few images or labels.
    """
    if not root.is_dir():
        raise TrainingError(
            f"{root}: folder not found. Use a folder that has a sub-folder of images for each label."
        )
    listed = root / GROUPS_FILE
    pictures = _from_list(root, listed, exclude) if listed.is_file() else _from_folders(root, exclude)
    check_labels(root, pictures, labels_without_images(root, exclude))
    return sorted(pictures, key=lambda p: p.file)


def _from_list(root: Path, listed: Path, exclude: frozenset[str]) -> list[Picture]:
    with listed.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing_columns = {"file", "class", "group"} - set(reader.fieldnames or ())
        if missing_columns:
            raise TrainingError(
                f"{listed}: no column {', '.join(sorted(missing_columns))}. The columns file, class, group "
                "are required."
            )
        rows = list(reader)
    pictures = []
    for number, row in enumerate(rows, start=2):
        name, label = row["file"], row["class"]
        if not name or not label:
            raise TrainingError(f"{listed}: row {number} has no file or no class. Each image needs both.")
        if PurePosixPath(name).parts[0] not in exclude:
            pictures.append(Picture(name, label, row["group"] or "", _source(name)))
    repeated = [name for name, count in Counter(p.file for p in pictures).items() if count > 1]
    if repeated:
        raise TrainingError(
            f"{listed}: {len(repeated)} files are listed twice, first {repeated[0]}. List each file once."
        )
    missing = [p.file for p in pictures if not (root / p.file).is_file()]
    if missing:
        raise TrainingError(
            f"{listed}: {len(missing)} of {len(pictures)} listed files are missing, first {missing[0]}. "
            "Restore them, or remove their rows."
        )
    return pictures


def _source(file: str) -> str:
    path = PurePosixPath(file)
    prefix = _PREFIX.match(path.name)
    return f"{COLLECTION}/{prefix[1]}" if path.parts[0] == COLLECTION and prefix else path.parts[0]


def labels_without_images(root: Path, exclude: frozenset[str] = frozenset()) -> dict[str, str]:
    """Returns folders without an image, with the reason. Empty if a `groups.csv` lists the images."""
    if (root / GROUPS_FILE).is_file():
        return {}
    suffixes: dict[str, list[str]] = {}
    for folder, folders, _ in os.walk(root):
        under = Path(folder).relative_to(root)
        hidden = any(part.startswith(".") for part in under.parts)
        if under.parts and under.parts[0] not in exclude and not hidden and not folders:
            suffixes.setdefault(under.name, [])
    for path in _files(root, exclude):
        if len(path.parts) > 1:
            suffixes.setdefault(path.parent.name, []).append(path.suffix.lower() or "no suffix")
    return {
        label: _reason(found) for label, found in sorted(suffixes.items()) if not SUFFIXES.intersection(found)
    }


def _reason(suffixes: list[str]) -> str:
    if not suffixes:
        return "the folder is empty"
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(suffixes).items()))
    return f"only other files ({kinds}). Convert them to JPEG, PNG or WebP"


def other_files(root: Path, exclude: frozenset[str] = frozenset()) -> list[str]:
    """Returns files in the label folders that are not images by name, for example `.heic` of a phone.

    The paths are relative to `root` and sorted. The list is empty if a `groups.csv` lists the images.
    """
    if (root / GROUPS_FILE).is_file():
        return []
    others = [path for path in _files(root, exclude) if path.suffix.lower() not in SUFFIXES]
    return sorted(path.as_posix() for path in others if len(path.parts) > 1)


def _files(root: Path, exclude: frozenset[str]) -> Iterator[Path]:
    """Yields the files in `root` as relative paths, without hidden files and excluded folders."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        under = Path(folder).relative_to(root)
        if under.parts and under.parts[0] in exclude:
            folders.clear()
            continue
        yield from (under / name for name in names if not name.startswith("."))


def _from_folders(root: Path, exclude: frozenset[str]) -> list[Picture]:
    source = root.resolve().name
    found = [path for path in _files(root, exclude) if path.suffix.lower() in SUFFIXES]
    pictures = [Picture(path.as_posix(), path.parent.name, "", source) for path in found if path.parent.name]
    loose = [path.name for path in found if not path.parent.name]
    if loose:
        raise TrainingError(
            f"{root}: {len(loose)} images lie outside the label folders, first {min(loose)}. "
            "Move each image into the folder of its label."
        )
    folders = {path.parent for path in found}
    nested = sorted(folder for folder in folders if folders.intersection(folder.parents))
    if nested:
        outer = next(folder for folder in nested[0].parents if folder in folders)
        raise TrainingError(
            f"{root}: {outer.as_posix()} contains images and so does its sub-folder {nested[0].as_posix()}, "
            f"which would be the label {nested[0].name}. Move the images into {outer.as_posix()}, or move "
            "the sub-folder beside it."
        )
    return pictures


def check_labels(root: Path, pictures: list[Picture], empty: Mapping[str, str]) -> None:
    """Checks the names and the numbers of the labels.

    Args:
        root: the data folder.
        pictures: the images that are used.
        empty: the result of `labels_without_images`, for the message.

    Raises:
        TrainingError: there are fewer than two labels, or one with an invalid name or too few images.
    """
    besides = "".join(f" {label}: {reason}." for label, reason in empty.items())
    if not pictures:
        kinds = ", ".join(sorted(SUFFIXES))
        raise TrainingError(
            f"{root}: no images ({kinds}). Add a sub-folder of images for each label.{besides}"
        )
    counts = Counter(p.label for p in pictures)
    invalid = [label for label in sorted(counts) if not LABEL.fullmatch(label)]
    if invalid:
        name = re.sub(r"[^\w.-]+", "-", invalid[0])[:64]
        raise TrainingError(
            f"{root}: invalid labels {', '.join(map(repr, invalid))}. A label has 1 to 64 characters "
            "and no spaces or control characters. "
            f"Rename the folders, as {name}."
        )
    if len(counts) == 1:
        raise TrainingError(f"{root}: only one label, {next(iter(counts))}. Add a second one.{besides}")
    few = [f"{label} ({count})" for label, count in sorted(counts.items()) if count < MIN_PER_LABEL]
    if few:
        raise TrainingError(
            f"{root}: fewer than {MIN_PER_LABEL} images of {', '.join(few)}. Add images, or remove the label."
        )
