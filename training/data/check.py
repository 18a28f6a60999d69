"""Opens every picture and reports what is wrong with a data folder."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.decode import decode
from training.data.pictures import Picture
from training.errors import TrainingError
from training.progress import Progress

TINY = 32
"""Sides in pixels below which a picture says too little."""
SHOWN = 20
"""Lines of a kind of finding that the report prints."""


@dataclass(frozen=True)
class Report:
    """What `check_data` found.

    Attributes:
        pictures: all that were looked at.
        broken: file to what is wrong with it.
        tiny: file to (width, height) in pixels; one of them is below 32.
        duplicates: sets of files with equal bytes and one label.
        conflicts: sets of files with equal bytes and more than one label.
        others: files in the label folders that are no pictures by their names.
    """

    pictures: tuple[Picture, ...]
    broken: dict[str, str]
    tiny: dict[str, tuple[int, int]]
    duplicates: tuple[tuple[str, ...], ...]
    conflicts: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]

    def render(self) -> str:
        """The report as text: counts by label and source, then the findings."""
        parts = [
            _table("label", self.pictures, self.broken, lambda p: p.label),
            _table("source", self.pictures, self.broken, lambda p: p.source),
            _findings("broken, left out", [f"{file} {why}" for file, why in self.broken.items()]),
            _findings(f"below {TINY} px", [f"{file} {w}x{h}" for file, (w, h) in self.tiny.items()]),
            _findings("same picture under several labels", [" = ".join(files) for files in self.conflicts]),
            _findings("same picture several times", [" = ".join(files) for files in self.duplicates]),
            _findings("no picture by its name, left out; JPEG, PNG and WebP count", list(self.others)),
        ]
        return "\n\n".join(parts) + "\n"


def check_data(root: Path, pictures: Sequence[Picture], others: Sequence[str] = ()) -> Report:
    """Decodes each picture whole and compares their bytes.

    Args:
        root: the data folder.
        pictures: those of `find_pictures`.
        others: those of `other_files`.
    """
    broken: dict[str, str] = {}
    tiny: dict[str, tuple[int, int]] = {}
    same: dict[bytes, list[Picture]] = defaultdict(list)
    progress = Progress("checking", len(pictures))
    for picture in pictures:
        try:
            data = (root / picture.file).read_bytes()
            same[hashlib.sha256(data).digest()].append(picture)
            height, width, _ = decode(data).shape
            if min(width, height) < TINY:
                tiny[picture.file] = (width, height)
        except TrainingError as error:
            broken[picture.file] = str(error)
        except OSError as error:
            broken[picture.file] = f"cannot be read ({error.strerror})"
        progress.add()
    repeated = [found for found in same.values() if len(found) > 1]
    conflicts = [found for found in repeated if len({p.label for p in found}) > 1]
    duplicates = [found for found in repeated if len({p.label for p in found}) == 1]
    return Report(tuple(pictures), broken, tiny, _names(duplicates), _names(conflicts), tuple(others))


def usable(pictures: Sequence[Picture], report: Report) -> list[Picture]:
    """The pictures that can be decoded."""
    return [p for p in pictures if p.file not in report.broken]


def _names(sets: list[list[Picture]]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted(tuple(sorted(p.file for p in found)) for found in sets))


def _table(
    title: str, pictures: Sequence[Picture], broken: dict[str, str], key: Callable[[Picture], str]
) -> str:
    counts = Counter(key(p) for p in pictures)
    bad = Counter(key(p) for p in pictures if p.file in broken)
    groups: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        groups[key(picture)].add(picture.group or picture.file)
    width = max(len(title), len("all"), *(len(name) for name in counts))
    lines = [f"{title:<{width}}  pictures  groups  broken"]
    lines += [
        f"{name:<{width}}  {counts[name]:8}  {len(groups[name]):6}  {bad[name]:6}" for name in sorted(counts)
    ]
    total = len(set().union(*groups.values()))
    lines.append(f"{'all':<{width}}  {len(pictures):8}  {total:6}  {len(broken):6}")
    return "\n".join(lines)


def _findings(title: str, lines: list[str]) -> str:
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([f"{title}: {len(lines)}", *(f"  {line}" for line in lines[:SHOWN]), *more])
