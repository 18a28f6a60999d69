"""Splits pictures into training, validation and test, whole groups at a time."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from training.data.pictures import Picture
from training.errors import TrainingError

SIDES = ("train", "validation", "test")
HELD_OUT = "held-out"
FEW_GROUPS = 10
"""With fewer groups than this a label is split by rank, since the draw would be far from the shares."""


def split_pictures(
    pictures: Sequence[Picture],
    *,
    seed: int,
    validation: float,
    test: float,
    test_groups: frozenset[str] = frozenset(),
    held_out_sources: frozenset[str] = frozenset(),
) -> list[Picture]:
    """Gives each picture its split; the hash of seed and group decides, so more pictures move no old group.

    Labels with few groups are the exception: their groups are ranked by the hash, so that each side gets one.
    A picture without a group is a group of its own.

    Args:
        pictures: what to split; splits that they have are replaced.
        seed: another seed is another split.
        validation: share of the groups for validation, 0 to 1.
        test: share of the groups for test, 0 to 1; some must be left for training. 0: `test_groups` alone.
        test_groups: groups that go to `test` whatever the draw says.
        held_out_sources: sources that go to `held-out`, with all groups that they have a part in.

    Returns:
        The same pictures, in the same order, with their splits.

    Raises:
        TrainingError: a share, group or source is wrong, or a label is missing on a side.
    """
    if validation <= 0 or test < 0 or validation + test >= 1 or not (test or test_groups):
        raise TrainingError(
            f"validation {validation} and test {test}: both must be above 0, their sum below 1 (0.12, 0.15); "
            "test may be 0 where its groups are named"
        )
    _check_known("source", held_out_sources, {p.source for p in pictures})
    _check_known("group", test_groups, {p.group for p in pictures if p.group})
    held = {group_key(p) for p in pictures if p.source in held_out_sources}
    clash = sorted(held & test_groups)
    if clash:
        raise TrainingError(
            f"group {clash[0]} is in a held-out source and is to be a test group; take one of them out"
        )
    fixed = dict.fromkeys(held, HELD_OUT) | dict.fromkeys(test_groups, "test")
    sides = _draw(pictures, fixed, seed, validation, test)
    result = [replace(p, split=sides[group_key(p)]) for p in pictures]
    assert_disjoint(result)
    _check_labels(result)
    return result


def group_key(picture: Picture) -> str:
    """The picture's group, or its file where it has none."""
    return picture.group or picture.file


def assert_disjoint(pictures: Iterable[Picture]) -> None:
    """Checks that no group is on two sides.

    Raises:
        TrainingError: names a group that is.
    """
    seen: dict[str, Picture] = {}
    for picture in pictures:
        first = seen.setdefault(group_key(picture), picture)
        if first.split != picture.split:
            raise TrainingError(
                f"group {group_key(picture)} is in {first.split or 'no split'} ({first.file}) and in "
                f"{picture.split or 'no split'} ({picture.file}); split again, whole groups at a time"
            )


def _draw(
    pictures: Sequence[Picture], fixed: dict[str, str], seed: int, validation: float, test: float
) -> dict[str, str]:
    labels: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        if fixed.get(group_key(picture)) != HELD_OUT:
            labels[picture.label].add(group_key(picture))
    sides = dict(fixed)
    # Labels with the fewest groups first: what they settle is fixed for labels that share a group with them.
    for groups in (labels[name] for name in sorted(labels, key=lambda name: (len(labels[name]), name))):
        drawn = {group: _side(_fraction(seed, group), validation, test) for group in groups} | {
            group: sides[group] for group in groups & sides.keys()
        }
        if len(groups) < FEW_GROUPS or len(set(drawn.values())) < len(SIDES):
            _rank(groups, sides, seed, validation, test)
        else:
            sides.update(drawn)
    return sides


def _side(at: float, validation: float, test: float) -> str:
    return "test" if at < test else "validation" if at < test + validation else "train"


def _rank(groups: set[str], sides: dict[str, str], seed: int, validation: float, test: float) -> None:
    """Fills test, then validation, with a label's lowest hashes; each side gets one group where it can."""
    free = sorted(groups - sides.keys(), key=lambda group: _fraction(seed, group))
    have = Counter(sides[group] for group in groups & sides.keys())
    for side, share, later in (
        ("test", test, ("validation", "train")),
        ("validation", validation, ("train",)),
    ):
        wanted = max(1, round(share * len(groups))) - have[side]
        count = max(0, min(wanted, len(free) - sum(not have[name] for name in later)))
        sides.update(dict.fromkeys(free[:count], side))
        free = free[count:]
    sides.update(dict.fromkeys(free, "train"))


def _fraction(seed: int, group: str) -> float:
    """A number in [0, 1) from seed and group alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{group}".encode()).digest()[:6], "big") / 2**48


def _check_known(what: str, named: frozenset[str], known: set[str]) -> None:
    unknown = sorted(named - known)
    if unknown:
        some = ", ".join(sorted(known)[:20])
        raise TrainingError(f"no picture has the {what} {unknown[0]}; there are {len(known)}: {some}")


def _check_labels(pictures: Sequence[Picture]) -> None:
    present: dict[str, set[str]] = {side: set() for side in SIDES}
    for picture in pictures:
        present.setdefault(picture.split, set()).add(picture.label)
    wanted = set().union(*present.values())
    for side in SIDES:
        missing = sorted(wanted - present[side])
        if missing:
            groups = len({group_key(p) for p in pictures if p.label == missing[0] and p.split != HELD_OUT})
            raise TrainingError(
                f"label {', '.join(missing)}: no picture in {side}; {missing[0]} has {groups} groups to "
                "share out and needs at least 3 (one a side): add pictures of other things, hold out fewer "
                "sources or force fewer groups into test"
            )
