"""Assigns images to the splits train, validation, test and held-out, by whole groups."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from training.data.pictures import Picture
from training.errors import TrainingError

SPLITS = ("train", "validation", "test")
HELD_OUT = "held-out"
FEW_GROUPS = 10
"""A label with fewer groups is split by rank, because a random draw would miss the shares by far."""


def split_pictures(
    pictures: Sequence[Picture],
    *,
    seed: int,
    validation: float,
    test: float,
    test_groups: frozenset[str] = frozenset(),
    held_out_sources: frozenset[str] = frozenset(),
) -> list[Picture]:
    """Assigns a split to each image.

    The hash of seed and group determines the split, so more images do not move existing groups.
    Labels with few groups are the exception. Their groups are ranked by the hash, so that each split gets
    one. An image without a group is a separate group.

    Args:
        pictures: the images. Existing splits are replaced.
        seed: another seed gives another split.
        validation: share of the groups for validation, 0 to 1.
        test: share of the groups for test, 0 to 1. Some groups must remain for training. 0: only
            `test_groups`.
        test_groups: groups that are always in `test`.
        held_out_sources: sources that go to `held-out`. A group that has an image of them goes there as a
            whole.

    Returns:
        The same images, in the same order, with their splits.

    Raises:
        TrainingError: a share, group or source is invalid, or a label is missing in a split.
    """
    if validation <= 0 or test < 0 or validation + test >= 1 or not (test or test_groups):
        raise TrainingError(
            f"--validation {validation}, --test {test}: invalid shares. Both must be above 0, and their "
            "sum below 1, for example 0.12 and 0.15. With --test-groups, --test may be 0."
        )
    _check_known("--hold-out", "source", held_out_sources, {p.source for p in pictures})
    _check_known("--test-groups", "group", test_groups, {p.group for p in pictures if p.group})
    held = {group_key(p) for p in pictures if p.source in held_out_sources}
    clash = sorted(held & test_groups)
    if clash:
        raise TrainingError(
            f"--test-groups: group {clash[0]} is also in a source of --hold-out. Remove one of them."
        )
    fixed = dict.fromkeys(held, HELD_OUT) | dict.fromkeys(test_groups, "test")
    splits = _draw(pictures, fixed, seed, validation, test)
    result = [replace(p, split=splits[group_key(p)]) for p in pictures]
    check_disjoint(result)
    _check_labels(result)
    return result


def group_key(picture: Picture) -> str:
    """Returns the group of an image. Without a group, this is its file."""
    return picture.group or picture.file


def check_disjoint(pictures: Iterable[Picture]) -> None:
    """Checks that no group is in two splits.

    Raises:
        TrainingError: a group is in two splits. The text names it.
    """
    seen: dict[str, Picture] = {}
    for picture in pictures:
        first = seen.setdefault(group_key(picture), picture)
        if first.split != picture.split:
            raise TrainingError(
                f"group {group_key(picture)} is in {first.split or 'no split'} ({first.file}) and in "
                f"{picture.split or 'no split'} ({picture.file}). Run `split` again."
            )


def _draw(
    pictures: Sequence[Picture], fixed: dict[str, str], seed: int, validation: float, test: float
) -> dict[str, str]:
    labels: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        if fixed.get(group_key(picture)) != HELD_OUT:
            labels[picture.label].add(group_key(picture))
    splits = dict(fixed)
    # Labels with the fewest groups come first. Their result is fixed for labels that share a group with them.
    for groups in (labels[name] for name in sorted(labels, key=lambda name: (len(labels[name]), name))):
        drawn = {group: _split_at(_fraction(seed, group), validation, test) for group in groups} | {
            group: splits[group] for group in groups & splits.keys()
        }
        if len(groups) < FEW_GROUPS or len(set(drawn.values())) < len(SPLITS):
            _rank(groups, splits, seed, validation, test)
        else:
            splits.update(drawn)
    return splits


def _split_at(at: float, validation: float, test: float) -> str:
    return "test" if at < test else "validation" if at < test + validation else "train"


def _rank(groups: set[str], splits: dict[str, str], seed: int, validation: float, test: float) -> None:
    """Fills test, then validation, with the lowest hashes of a label. Each split gets a group if possible."""
    free = sorted(groups - splits.keys(), key=lambda group: _fraction(seed, group))
    have = Counter(splits[group] for group in groups & splits.keys())
    for split, share, later in (
        ("test", test, ("validation", "train")),
        ("validation", validation, ("train",)),
    ):
        wanted = max(1, round(share * len(groups))) - have[split]
        count = max(0, min(wanted, len(free) - sum(not have[name] for name in later)))
        splits.update(dict.fromkeys(free[:count], split))
        free = free[count:]
    splits.update(dict.fromkeys(free, "train"))


def _fraction(seed: int, group: str) -> float:
    """Returns a number in [0, 1) that depends on seed and group alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{group}".encode()).digest()[:6], "big") / 2**48


def _check_known(option: str, what: str, named: frozenset[str], known: set[str]) -> None:
    unknown = sorted(named - known)
    if unknown:
        some = ", ".join(sorted(known)[:20])
        raise TrainingError(
            f"{option}: no image has the {what} {unknown[0]}. Known {what}s ({len(known)}): {some}"
        )


def _check_labels(pictures: Sequence[Picture]) -> None:
    present: dict[str, set[str]] = {split: set() for split in SPLITS}
    for picture in pictures:
        present.setdefault(picture.split, set()).add(picture.label)
    wanted = set().union(*present.values())
    for split in SPLITS:
        missing = sorted(wanted - present[split])
        if missing:
            groups = len({group_key(p) for p in pictures if p.label == missing[0] and p.split != HELD_OUT})
            raise TrainingError(
                f"label {', '.join(missing)}: no image in {split}. {missing[0]} has {groups} groups and "
                "needs at least 3, one per split. Add images of other items, or reduce --hold-out or "
                "--test-groups."
            )
