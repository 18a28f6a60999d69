"""Step `split`: assigns each image to a group and a split."""

import json
from argparse import Namespace
from collections import Counter
from functools import partial

from training.data.check import check_data, usable
from training.data.find import find_pictures, labels_without_images, other_files
from training.data.groups import group_pictures
from training.data.pictures import Picture, write_pictures
from training.data.split import split_pictures
from training.errors import TrainingError
from training.evaluate.labels.corrections import Correction, apply_corrections, read_corrections
from training.features import imagenet_features
from training.steps.common import LEFT_OUT, PICTURES


def run(options: Namespace) -> None:
    """Writes pictures.csv into the run's folder. Broken images are left out and reported."""
    exclude = frozenset(options.exclude)
    pictures = find_pictures(options.data, exclude)
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
    (options.run / LEFT_OUT).write_text(json.dumps(report.unusable, indent=2) + "\n", encoding="utf-8")
    print(_format_counts(split))


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
    splits = Counter(picture.split for picture in pictures)
    groups = Counter({picture.group: picture.split for picture in pictures}.values())
    return "\n".join(
        f"{name:<12}{count:>7} images {groups[name]:>7} groups" for name, count in sorted(splits.items())
    )
