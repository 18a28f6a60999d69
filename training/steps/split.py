"""Step `split`: assigns each image to a group and a split."""

import json
from argparse import Namespace
from collections import Counter
from functools import partial

from training.data.check import check_data, usable
from training.data.find import check_labels, find_pictures, labels_without_images, other_files
from training.data.groups import group_pictures
from training.data.pictures import Picture, write_pictures
from training.data.sources import with_licence
from training.data.split import ENOUGH_GROUPS, HELD_OUT, SPLITS, group_key, split_pictures, split_warnings
from training.disk import write_text
from training.errors import TrainingError
from training.evaluate.labels.corrections import Correction, apply_corrections, read_corrections
from training.features import imagenet_features
from training.steps.common import LEFT_OUT, PICTURES, sources_of

FEW_GROUPS = (
    f"With fewer than {ENOUGH_GROUPS} groups, the figures of a label depend on chance. "
    "Photograph more different items."
)
NOT_LICENSED = "no source with an allowed licence has it"


def run(options: Namespace) -> None:
    """Writes pictures.csv into the run's folder. Broken images are left out and reported."""
    exclude = frozenset(options.exclude)
    pictures = _with_licence(options, find_pictures(options.data, exclude))
    # Files of the user are read before the long work, so that an error in them is reported at once.
    test_groups = _read_test_groups(options)
    labels = sorted({picture.label for picture in pictures})
    corrections = read_corrections(options.corrections, labels) if options.corrections else None
    report = check_data(
        options.data,
        pictures,
        other_files(options.data, exclude),
        labels_without_images(options.data, exclude),
    )
    print(report.render())
    pictures = usable(pictures, report)
    if not all(picture.group for picture in pictures):
        features = partial(imagenet_features, options.data) if options.group_by == "features" else None
        pictures = group_pictures(options.data, pictures, features)
    split = split_pictures(
        pictures,
        seed=options.seed,
        validation=options.validation,
        test=options.test,
        test_groups=test_groups,
        held_out_sources=frozenset(options.hold_out),
    )
    if corrections is not None:
        split = _correct(split, corrections)
    options.run.mkdir(parents=True, exist_ok=True)
    write_pictures(options.run / PICTURES, split)
    write_text(options.run / LEFT_OUT, json.dumps(report.unusable, indent=2) + "\n")
    print(_format_counts(split))


def _with_licence(options: Namespace, pictures: list[Picture]) -> list[Picture]:
    if options.licences is None:
        return pictures
    licensed = with_licence(pictures, sources_of(options, pictures), options.licences)
    if licensed.left_out:
        print(f"{licensed.render()}\n")
    absent = {p.label for p in pictures} - {p.label for p in licensed.pictures}
    check_labels(options.data, licensed.pictures, dict.fromkeys(sorted(absent), NOT_LICENSED))
    for label in sorted(absent):
        print(f"label {label} is left out: {NOT_LICENSED}")
    return licensed.pictures


def _correct(pictures: list[Picture], corrections: list[Correction]) -> list[Picture]:
    result = apply_corrections(pictures, corrections)
    print(
        f"corrections: changed {result.changed} labels, dropped {result.dropped} images, "
        f"skipped {len(result.other_splits)} in other splits and {len(result.absent)} for absent files"
    )
    return result.pictures


def _read_test_groups(options: Namespace) -> frozenset[str]:
    if not options.test_groups:
        return frozenset()
    try:
        return frozenset(options.test_groups.read_text(encoding="utf-8-sig").split())
    except OSError as error:
        raise TrainingError(
            f"--test-groups {options.test_groups}: {error.strerror}. Name a file with one group on each line."
        ) from error


def _format_counts(pictures: list[Picture]) -> str:
    """Returns images and groups by label and split, then a warning for each small number of groups."""
    splits = [name for name in (*SPLITS, HELD_OUT) if any(picture.split == name for picture in pictures)]
    labels = sorted({picture.label for picture in pictures})
    images = Counter((picture.label, picture.split) for picture in pictures)
    pairs = {(picture.label, picture.split, group_key(picture)) for picture in pictures}
    groups = Counter((label, split) for label, split, _ in pairs)
    all_groups = Counter(split for split, _ in {(split, group) for _, split, group in pairs})
    width = max(len("label"), *(len(label) for label in labels))

    def line(title: str, cells: list[str]) -> str:
        return f"{title:<{width}}" + "".join(f"{cell:>16}" for cell in cells)

    rows = [
        line("", splits),
        line("label", ["images groups"] * len(splits)),
        *(
            line(label, [f"{images[label, split]} {groups[label, split]:>6}" for split in splits])
            for label in labels
        ),
        line(
            "all",
            [
                f"{sum(picture.split == split for picture in pictures)} {all_groups[split]:>6}"
                for split in splits
            ],
        ),
    ]
    warnings = split_warnings(pictures)
    if warnings:
        rows += ["", *(f"warning: {warning}" for warning in warnings), FEW_GROUPS]
    return "\n".join(rows)
