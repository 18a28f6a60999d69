from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from training.data.pictures import Picture
from training.data.split import HELD_OUT, SPLITS, check_disjoint, group_key, split_pictures, split_warnings
from training.errors import TrainingError

LABELS = ("paper", "metal", "glass")


def made(seed: int) -> list[Picture]:
    """Makes random groups. Some have two labels, two sources or many images."""
    generator = np.random.default_rng(seed)
    groups = generator.integers(9, 60)
    pictures: list[Picture] = []
    for number in range(groups):
        for _ in range(int(generator.geometric(0.4))):
            label = LABELS[number % 3] if generator.random() < 0.95 else str(generator.choice(LABELS))
            source = str(generator.choice(["own", "shop"], p=[0.9, 0.1]))
            group = f"g{number}" if number % 5 else ""
            pictures.append(Picture(f"{seed}/{len(pictures)}", label, group, source))
    for label in LABELS:
        pictures += [Picture(f"{label}{i}", label, f"{label}{i}", "own") for i in range(4)]
    return pictures


def split(pictures: list[Picture], **changes: Any) -> list[Picture]:
    settings: dict[str, Any] = {"seed": 1, "validation": 0.15, "test": 0.2}
    return split_pictures(pictures, **(settings | changes))


@pytest.mark.parametrize("seed", range(60))
def test_no_group_is_in_two_splits_and_held_out_sources_stay_out(seed: int) -> None:
    pictures = made(seed)
    held = frozenset({"shop"} & {p.source for p in pictures})
    free = sorted({p.group for p in pictures if p.group} - {p.group for p in pictures if p.source == "shop"})
    found = split(pictures, seed=seed, held_out_sources=held, test_groups=frozenset(free[:1]))
    assert [replace(p, split="") for p in found] == pictures

    splits: dict[str, set[str]] = {}
    for picture in found:
        splits.setdefault(group_key(picture), set()).add(picture.split)
    assert all(len(names) == 1 for names in splits.values())
    assert all(p.split == HELD_OUT for p in found if p.source == "shop")
    touched = {group_key(p) for p in pictures if p.source == "shop"}
    assert {group_key(p) for p in found if p.split == HELD_OUT} == touched
    assert all(p.split == "test" for p in found if p.group == free[0])
    for name in SPLITS:
        assert {p.label for p in found if p.split == name} == set(LABELS)


def many(count: int = 2000) -> list[Picture]:
    return [Picture(str(i), LABELS[i % 2], f"g{i // 2}", "own") for i in range(count)]


def test_the_splits_have_about_the_requested_shares() -> None:
    counts = Counter(p.split for p in split(many()))
    assert abs(counts["validation"] / 2000 - 0.15) < 0.04 and abs(counts["test"] / 2000 - 0.2) < 0.04


def test_the_named_groups_can_be_the_whole_test_split() -> None:
    pictures = made(1)
    named = {f"{label}0" for label in LABELS}
    result = split(pictures, test=0.0, test_groups=frozenset(named))
    assert {group_key(p) for p in result if p.split == "test"} == named


def test_order_and_additional_images_do_not_move_groups() -> None:
    splits = {p.file: p.split for p in split(many())}
    assert {p.file: p.split for p in split(many()[::-1])} == splits
    assert all(splits[p.file] == p.split for p in split(many(1000)))


def test_the_seed_determines_the_split() -> None:
    assert split(many()) == split(many())
    assert split(many()) != split(many(), seed=2)


@pytest.mark.parametrize("groups", range(3, 14))
def test_small_labels_are_in_each_split(groups: int) -> None:
    pictures = [
        Picture(f"{label}/{i}", label, f"{label}{i}", "own") for label in LABELS for i in range(groups)
    ]
    for seed in range(20):
        counts = Counter((p.label, p.split) for p in split(pictures, seed=seed, validation=0.4, test=0.4))
        assert all(counts[label, name] for label in LABELS for name in SPLITS)


def shares_of(pictures: list[Picture], label: str) -> dict[str, float]:
    of_label = Counter(p.split for p in pictures if p.label == label)
    return {name: of_label[name] / of_label.total() for name in SPLITS}


@pytest.mark.parametrize("seed", range(20))
def test_each_label_has_about_the_requested_shares_of_its_images(seed: int) -> None:
    """Some groups are large, as those of drawn images or of a video."""
    generator = np.random.default_rng(seed)
    pictures = []
    for label, groups in (("paper", 12), ("metal", 40), ("glass", 400)):
        for group in range(groups):
            count = int(generator.integers(1, 4)) if generator.random() < 0.9 else 12
            pictures += [Picture(f"{label}/{group}/{i}", label, f"{label}{group}", "") for i in range(count)]
    found = split(pictures, seed=seed)
    for label in LABELS:
        shares = shares_of(found, label)
        assert 0.1 <= shares["test"] <= 0.3 and 0.075 <= shares["validation"] <= 0.225, shares


def test_a_group_that_is_larger_than_the_shares_is_for_training() -> None:
    for seed in range(20):
        pictures = [Picture(f"a/{i}", "paper", "large" if i < 60 else f"p{i}", "") for i in range(100)]
        pictures += [Picture(f"b/{i}", "metal", f"m{i}", "") for i in range(100)]
        found = split(pictures, seed=seed)
        assert {p.split for p in found if p.group == "large"} == {"train"}
        assert 0.13 <= shares_of(found, "paper")["test"] <= 0.27


def test_warns_of_a_label_with_few_groups_in_a_split() -> None:
    pictures = [*many(), *(Picture(f"x{i}", "rare", f"r{i}", "") for i in range(14))]
    found = split(pictures)
    assert split_warnings(split(many())) == []
    assert split_warnings(found) == [
        "rare: only 2 groups in validation",
        "rare: only 3 groups in test",
    ]


def test_names_a_label_that_is_missing_in_a_split() -> None:
    pictures = [*many(), Picture("x", "rare", "r1", "own"), Picture("y", "rare", "r2", "own")]
    with pytest.raises(TrainingError, match=r"label rare: no image in .* 2 groups .* at least 3"):
        split(pictures)
    held = [replace(p, source="shop") if p.label == "metal" else replace(p, group=p.file) for p in many()]
    with pytest.raises(TrainingError, match=r"label metal: no image in train\. .* reduce --hold-out"):
        split([replace(p, group=p.file) for p in held], held_out_sources=frozenset({"shop"}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": 0.0}, "--validation 0.0"),
        ({"test": 0.0}, "With --test-groups, --test may be 0"),
        ({"validation": 0.5, "test": 0.5}, "their sum below 1"),
        (
            {"held_out_sources": frozenset({"shopp"})},
            r"--hold-out: no image has the source shopp\. Known sources \(1\): own",
        ),
        ({"test_groups": frozenset({"g"})}, r"--test-groups: no image has the group g\."),
        ({"test_groups": frozenset({"g1"}), "held_out_sources": frozenset({"own"})}, "group g1 is"),
    ],
)
def test_refuses_invalid_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        split(many(), **changes)


def test_check_disjoint_names_the_group() -> None:
    pictures = [Picture("a", "paper", "g7", "x", "train"), Picture("b", "paper", "g7", "x", "test")]
    with pytest.raises(TrainingError, match=r"group g7 is in train \(a\) and in test \(b\)"):
        check_disjoint(pictures)
    check_disjoint(pictures[:1])
