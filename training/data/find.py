"""Finds the pictures of a data folder."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from training.data.pictures import GROUPS_FILE, LABEL, SUFFIXES, Picture
from training.errors import TrainingError

LEAST_PER_LABEL = 5
COLLECTION = "more"
"""A folder that holds several sources, told apart by the two letters before `_` in a file's name."""

_PREFIX = re.compile(r"^([a-z]{2})_")


def find_pictures(root: Path, exclude: frozenset[str] = frozenset()) -> list[Picture]:
    """Lists the pictures of a folder, sorted by file.

    With a `groups.csv` (columns file, class, group) these are the pictures that it lists, and the source is
    the first folder of the file (`more/sd` for `more/paper/sd_0001.jpg`). Without one each picture's own
    folder is its label, the group is empty, and the source is the name of `root`.

    Args:
        root: the data folder.
        exclude: first folders under `root` that are left out.

    Raises:
        TrainingError: the folder is missing, lists missing files, or holds too few pictures or labels.
    """
    if not root.is_dir():
        raise TrainingError(
            f"{root}: no such folder; name the folder that holds a sub-folder of pictures per label"
        )
    listed = root / GROUPS_FILE
    pictures = _from_list(root, listed, exclude) if listed.is_file() else _from_folders(root, exclude)
    _check_labels(root, pictures)
    return sorted(pictures, key=lambda p: p.file)


def _from_list(root: Path, listed: Path, exclude: frozenset[str]) -> list[Picture]:
    with listed.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        lacking = {"file", "class", "group"} - set(reader.fieldnames or ())
        if lacking:
            raise TrainingError(
                f"{listed}: no column {', '.join(sorted(lacking))}; it needs file, class, group"
            )
        rows = list(reader)
    pictures = []
    for number, row in enumerate(rows, start=2):
        name, label = row["file"], row["class"]
        if not name or not label:
            raise TrainingError(f"{listed}: row {number} has no file or no class; each picture needs both")
        if PurePosixPath(name).parts[0] not in exclude:
            pictures.append(Picture(name, label, row["group"] or "", _source(name)))
    repeated = [name for name, count in Counter(p.file for p in pictures).items() if count > 1]
    if repeated:
        raise TrainingError(
            f"{listed}: lists {len(repeated)} files twice, first {repeated[0]}; list each file once"
        )
    missing = [p.file for p in pictures if not (root / p.file).is_file()]
    if missing:
        raise TrainingError(
            f"{listed}: {len(missing)} of {len(pictures)} listed files are missing, first {missing[0]}; "
            "bring them back or take their rows out"
        )
    return pictures


def _source(file: str) -> str:
    path = PurePosixPath(file)
    prefix = _PREFIX.match(path.name)
    return f"{COLLECTION}/{prefix[1]}" if path.parts[0] == COLLECTION and prefix else path.parts[0]


def other_files(root: Path, exclude: frozenset[str] = frozenset()) -> list[str]:
    """Lists what lies in the label folders and is no picture by its name: a phone's `.heic`, say.

    Sorted paths under `root`. Empty where a `groups.csv` says which files count.
    """
    if (root / GROUPS_FILE).is_file():
        return []
    others = [path for path in _files(root, exclude) if path.suffix.lower() not in SUFFIXES]
    return sorted(path.as_posix() for path in others if len(path.parts) > 1)


def _files(root: Path, exclude: frozenset[str]) -> Iterator[Path]:
    """Files under `root`, by their paths under it; hidden ones and excluded folders left out."""
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
            f"{root}: {len(loose)} pictures lie outside the label folders, first {min(loose)}; "
            "move each into the folder of its label"
        )
    return pictures


def _check_labels(root: Path, pictures: list[Picture]) -> None:
    if not pictures:
        kinds = ", ".join(sorted(SUFFIXES))
        raise TrainingError(
            f"{root}: no pictures ({kinds}); it needs a sub-folder of pictures for each label"
        )
    counts = Counter(p.label for p in pictures)
    spaced = [label for label in sorted(counts) if not LABEL.fullmatch(label)]
    if spaced:
        raise TrainingError(
            f"{root}: labels {', '.join(map(repr, spaced))}; a label has 1 to 64 characters, none a space; "
            f"rename them, as {'-'.join(spaced[0].split())[:64]}"
        )
    if len(counts) == 1:
        raise TrainingError(
            f"{root}: only one label, {next(iter(counts))}; there is nothing to tell it from, add a second"
        )
    few = [f"{label} ({count})" for label, count in sorted(counts.items()) if count < LEAST_PER_LABEL]
    if few:
        raise TrainingError(
            f"{root}: fewer than {LEAST_PER_LABEL} pictures of {', '.join(few)}; add some or take it out"
        )
