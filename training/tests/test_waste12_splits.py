"""The splits of the factory model: the released list, as `split` wrote it."""

import gzip
from pathlib import Path

import pytest

from training.data.pictures import Picture, read_pictures
from training.data.split import HELD_OUT, SPLITS, check_disjoint, group_key

WASTE12 = Path(__file__).parents[1] / "waste12"
HELD_OUT_SOURCES = {"more/sd", "more/sh", "more/ti"}
SAMPLES_GROUP = "g04018"
"""The group of the six paper images in test/samples. The other samples are in no list."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Picture]:
    listed = tmp_path_factory.mktemp("waste12") / "pictures.csv"
    listed.write_bytes(gzip.decompress((WASTE12 / "splits.csv.gz").read_bytes()))
    return read_pictures(listed)


def of(pictures: list[Picture], split: str) -> set[str]:
    return {group_key(p) for p in pictures if p.split == split}


def test_no_group_is_in_two_splits(pictures: list[Picture]) -> None:
    assert len(pictures) > 19_000
    check_disjoint(pictures)
    assert {p.split for p in pictures} == {*SPLITS, HELD_OUT}


def test_held_out_sources_are_in_no_other_split(pictures: list[Picture]) -> None:
    assert {p.source for p in pictures if p.split == HELD_OUT} == HELD_OUT_SOURCES
    assert not HELD_OUT_SOURCES & {p.source for p in pictures if p.split != HELD_OUT}


def test_the_named_groups_are_the_test_split(pictures: list[Picture]) -> None:
    named = set((WASTE12 / "test-groups.txt").read_text(encoding="utf-8").split())
    assert of(pictures, "test") == named
    assert SAMPLES_GROUP in named


def test_each_label_is_in_each_split(pictures: list[Picture]) -> None:
    labels = {p.label for p in pictures}
    assert len(labels) == 12
    for split in SPLITS:
        assert {p.label for p in pictures if p.split == split} == labels
