"""`split`: groups and splits."""

from argparse import Namespace
from collections import Counter
from functools import partial

from training.data.check import check_data, usable
from training.data.find import find_pictures, other_files
from training.data.groups import group_pictures
from training.data.pictures import Picture, write_pictures
from training.data.split import split_pictures
from training.errors import TrainingError
from training.evaluate.labels.corrections import Correction, apply, read_corrections
from training.features import imagenet_features
from training.steps.common import PICTURES


def run(options: Namespace) -> None:
    """Writes pictures.csv into the run's folder; broken pictures are left out, and said."""
    exclude = frozenset(options.exclude)
    pictures = find_pictures(options.data, exclude)
    # What the user wrote is read before the long work, so that a slip in it costs no wait.
    test_groups = _test_groups(options)
    labels = sorted({picture.label for picture in pictures})
    corrections = read_corrections(options.corrections, labels) if options.corrections else None
    report = check_data(options.data, pictures, other_files(options.data, exclude))
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
        split = _corrected(split, corrections)
    options.run.mkdir(parents=True, exist_ok=True)
    write_pictures(options.run / PICTURES, split)
    print(_counts(split))


def _corrected(pictures: list[Picture], corrections: list[Correction]) -> list[Picture]:
    applied = apply(pictures, corrections)
    print(
        f"corrections: {applied.changed} labels changed, {applied.dropped} pictures dropped, "
        f"{len(applied.other_splits)} in other splits left as they are, {len(applied.absent)} of files "
        "that are not here"
    )
    return applied.pictures


def _test_groups(options: Namespace) -> frozenset[str]:
    if not options.test_groups:
        return frozenset()
    try:
        return frozenset(options.test_groups.read_text(encoding="utf-8").split())
    except OSError as error:
        raise TrainingError(
            f"{options.test_groups}: {error.strerror}; name a file with one group a line"
        ) from error


def _counts(pictures: list[Picture]) -> str:
    splits = Counter(picture.split for picture in pictures)
    groups = Counter({picture.group: picture.split for picture in pictures}.values())
    return "\n".join(
        f"{name:<12}{count:>7} pictures {groups[name]:>7} groups" for name, count in sorted(splits.items())
    )
