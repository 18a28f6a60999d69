"""Opens every image and reports the problems of a data folder."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from training.data.decode import decode
from training.data.pictures import Picture
from training.errors import TrainingError
from training.progress import Progress

TINY = 32
"""Images with a shorter side, in pixels, are reported."""
UNUSABLE = "labels without a usable image, left out"
SHOWN = 20
"""Largest number of lines that the report prints per kind of finding."""


@dataclass(frozen=True)
class Report:
    """The findings of `check_data`.

    Attributes:
        pictures: all checked images.
        broken: maps a file to its problem.
        tiny: maps a file to (width, height) in pixels. One of them is below 32.
        duplicates: sets of files with equal bytes and one label.
        conflicts: sets of files with equal bytes and several labels.
        others: files in the label folders whose names are not those of images.
        unusable: maps a label without a usable image to the reason.
    """

    pictures: tuple[Picture, ...]
    broken: dict[str, str]
    tiny: dict[str, tuple[int, int]]
    duplicates: tuple[tuple[str, ...], ...]
    conflicts: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]
    unusable: dict[str, str]

    def render(self) -> str:
        """Returns the report as text: counts by label and source, then the findings."""
        parts = [
            _table("label", self.pictures, self.broken, lambda p: p.label),
            _table("source", self.pictures, self.broken, lambda p: p.source),
            _findings(UNUSABLE, [f"{label}: {why}" for label, why in self.unusable.items()]),
            _findings("broken, ignored", [f"{file}: {why}" for file, why in self.broken.items()]),
            _findings(f"below {TINY} px", [f"{file} {w}x{h}" for file, (w, h) in self.tiny.items()]),
            _findings("same image under several labels", [" = ".join(files) for files in self.conflicts]),
            _findings("same image several times", [" = ".join(files) for files in self.duplicates]),
            _findings("other files, ignored (only JPEG, PNG and WebP are used)", list(self.others)),
        ]
        return "\n\n".join(parts) + "\n"


def check_data(
    root: Path,
    pictures: Sequence[Picture],
    others: Sequence[str] = (),
    empty: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """Decodes each image completely, and compares the bytes of all files.

    Args:
        root: the data folder.
        pictures: the result of `find_pictures`.
        others: the result of `other_files`.
        empty: the result of `labels_without_images`.
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
    counts = Counter(p.label for p in pictures)
    bad = Counter(p.label for p in pictures if p.file in broken)
    all_broken = {
        label: f"all images are broken ({count})" for label, count in counts.items() if bad[label] == count
    }
    unusable = dict(sorted({**empty, **all_broken}.items()))
    return Report(
        tuple(pictures), broken, tiny, _names(duplicates), _names(conflicts), tuple(others), unusable
    )


def usable(pictures: Sequence[Picture], report: Report) -> list[Picture]:
    """Returns the images that can be decoded."""
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
    lines = [f"{title:<{width}}    images  groups  broken"]
    lines += [
        f"{name:<{width}}  {counts[name]:8}  {len(groups[name]):6}  {bad[name]:6}" for name in sorted(counts)
    ]
    total = len(set().union(*groups.values()))
    lines.append(f"{'all':<{width}}  {len(pictures):8}  {total:6}  {len(broken):6}")
    return "\n".join(lines)


def _findings(title: str, lines: list[str]) -> str:
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([f"{title}: {len(lines)}", *(f"  {line}" for line in lines[:SHOWN]), *more])
