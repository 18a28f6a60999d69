"""Assigns images to the splits train, validation, test and held-out, by whole groups."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from training.data.pictures import Picture
from training.errors import TrainingError

SPLITS = ("train", "validation", "test")
HELD_OUT = "held-out"
TOLERANCE = 1.5
"""A drawn share of a label's images may be this many times too large or too small."""
SURPLUS = 0.3
"""A share of a label's images that is assigned group by group may be too large by this factor."""
ENOUGH_GROUPS = 5
"""With fewer groups of a label in a split, its figures are not reliable."""


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
    Labels that would miss the shares by far are the exception, for example those with few or with large
    groups. Their groups are assigned in the order of the hash until the shares are right, and each split
    gets one. An image without a group is a separate group.

    Args:
        pictures: the images. Existing splits are replaced.
        seed: another seed gives another split.
        validation: share of a label's images for validation, 0 to 1.
        test: share of a label's images for test, 0 to 1. Some groups must remain for training. 0: only
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
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    for picture in pictures:
        if fixed.get(group_key(picture)) != HELD_OUT:
            sizes[picture.label][group_key(picture)] += 1
    splits = dict(fixed)
    shares = {"test": test, "validation": validation}
    # Labels with the fewest groups come first. Their result is fixed for labels that share a group with them.
    for images in (sizes[name] for name in sorted(sizes, key=lambda name: (len(sizes[name]), name))):
        drawn = {
            group: splits.get(group) or _split_at(_fraction(seed, group), validation, test)
            for group in images
        }
        if _has_shares(drawn, images, shares):
            splits.update(drawn)
        else:
            _fill(images, splits, seed, shares)
    return splits


def _split_at(at: float, validation: float, test: float) -> str:
    return "test" if at < test else "validation" if at < test + validation else "train"


def _has_shares(drawn: dict[str, str], images: Counter[str], shares: dict[str, float]) -> bool:
    """Returns whether a label is in each split, and its shares of images are about the requested ones."""
    found: Counter[str] = Counter()
    for group, split in drawn.items():
        found[split] += images[group]
    wanted = {split: share * images.total() for split, share in shares.items() if share}
    return all(found[split] for split in SPLITS) and all(
        count / TOLERANCE <= found[split] <= count * TOLERANCE for split, count in wanted.items()
    )


def _fill(images: Counter[str], splits: dict[str, str], seed: int, shares: dict[str, float]) -> None:
    """Assigns groups of a label in the order of their hashes, until test and validation have their shares.

    A group that is too large for that goes to training. Each split gets a group if possible.
    """
    free = sorted(images.keys() - splits.keys(), key=lambda group: _fraction(seed, group))
    have: Counter[str] = Counter()
    for group in images.keys() & splits.keys():
        have[splits[group]] += images[group]
    for split, later in (("test", ("validation", "train")), ("validation", ("train",))):
        wanted = shares[split] * images.total()
        missing = wanted - have[split]
        spare = len(free) - sum(not have[name] for name in later)
        chosen: list[str] = []
        for group in free:
            if len(chosen) < spare and images[group] <= missing + SURPLUS * wanted:
                chosen.append(group)
                missing -= images[group]
        if not chosen and not have[split] and spare > 0:
            chosen = [min(free, key=lambda group: images[group])]
        splits.update(dict.fromkeys(chosen, split))
        free = [group for group in free if group not in set(chosen)]
    splits.update(dict.fromkeys(free, "train"))


def split_warnings(pictures: Sequence[Picture]) -> list[str]:
    """Returns a warning for each label and split with too few groups for reliable figures."""
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for picture in pictures:
        groups[picture.label, picture.split].add(group_key(picture))
    return [
        f"{label}: only {count} group{'' if count == 1 else 's'} in {split}"
        for label in sorted({picture.label for picture in pictures})
        for split in SPLITS
        if (count := len(groups[label, split])) < ENOUGH_GROUPS
    ]


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
