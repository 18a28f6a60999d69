"""The origins of images and weights, with their licences."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.pictures import Picture
from training.errors import TrainingError

SOURCES_FILE = "sources.json"


@dataclass(frozen=True)
class DataSource:
    """Origin of images or weights that the model was made from.

    Attributes:
        name: the author, with address and version.
        licence: as stated by the author. Empty if none is stated.
        what: `pictures` or `base weights`.
        source: the `source` of the images. Empty for base weights.
    """

    name: str
    licence: str
    what: str = "pictures"
    source: str = ""


def read_sources(path: Path) -> list[DataSource]:
    """Reads a list of sources.

    Raises:
        TrainingError: the file cannot be read, or an entry is invalid.
    """
    try:
        return [DataSource(**entry) for entry in json.loads(path.read_text(encoding="utf-8-sig"))]
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"{path}: not a list of sources ({error}). Each entry needs name, licence, what and source."
        ) from error


@dataclass(frozen=True)
class Licensed:
    """The images that an owner may use.

    Attributes:
        pictures: the images of sources with an allowed licence.
        left_out: maps each other source to its number of images and its licence.
    """

    pictures: list[Picture]
    left_out: dict[str, tuple[int, str]]

    def render(self) -> str:
        """Returns the sources that were left out, one on each line, with the reason."""
        lines = [
            f"  {source}: {count} images, licence: {licence}"
            for source, (count, licence) in self.left_out.items()
        ]
        return "\n".join([f"sources left out for their licence: {len(lines)}", *lines])


def with_licence(
    pictures: Sequence[Picture], sources: Sequence[DataSource], allowed: Iterable[str]
) -> Licensed:
    """Keeps only images of sources whose licences are all allowed.

    The licence of a source is one SPDX identifier, or several with AND between them. Upper and lower case
    are equal, and so are a space and a hyphen: `CC BY 4.0` is CC-BY-4.0. A text that is anything else is not
    allowed, and neither is a source without an entry. A source with several entries needs all of them.

    Raises:
        TrainingError: no image is left.
    """
    wanted = {_normal(licence) for licence in allowed}
    licences: dict[str, list[str]] = {}
    for entry in sources:
        if entry.what == "pictures":
            licences.setdefault(entry.source, []).append(entry.licence)
    good = {
        source
        for source, stated in licences.items()
        if all(_normal(part) in wanted for licence in stated for part in re.split(r"\s+AND\s+", licence))
    }
    kept = [picture for picture in pictures if picture.source in good]
    counts = Counter(picture.source for picture in pictures if picture.source not in good)
    left_out = {
        source: (count, "; ".join(licences.get(source, ["no entry"])) or "none stated")
        for source, count in sorted(counts.items())
    }
    if not kept:
        raise TrainingError(
            f"--licences {' '.join(allowed)}: no source has such a licence. State the licence of each source "
            f"in {SOURCES_FILE}.\n{Licensed([], left_out).render()}"
        )
    return Licensed(kept, left_out)


def _normal(licence: str) -> str:
    return re.sub(r"[\s-]+", "-", licence.strip()).upper()
