"""`review-labels`: pictures whose label may be wrong, to be looked at."""

from argparse import Namespace

import numpy as np

from training.data.pictures import read_pictures
from training.errors import TrainingError
from training.evaluate.judge.metrics import indices
from training.evaluate.labels.crossvalidate import out_of_fold
from training.evaluate.labels.disagreements import rank_disagreements, write_sheet
from training.evaluate.labels.folds import group_folds
from training.features import cached_features
from training.steps.common import PICTURES

FOLDER = "label-review"
NEXT = """Look at the sheets. What is wrong goes into a file of your own, a line a picture:
  file,label,corrected,reason      (corrected: the right label, or drop)
and into the split by: split --corrections FILE; the test split's labels stay as they are."""


def run(options: Namespace) -> None:
    """Writes label-review/ into the run's folder: contact sheets and disagreements.csv, the oddest first."""
    pictures = read_pictures(options.run / PICTURES)
    labels = sorted({picture.label for picture in pictures})
    known = {picture.source for picture in pictures}
    if unknown := sorted(set(options.only) - known):
        raise TrainingError(f"--only {unknown[0]}: no such source; there are {', '.join(sorted(known))}")
    if options.most < 1:
        raise TrainingError(f"--most {options.most}: no picture to show; allowed is 1 or more")
    # Refuses a wrong --folds before the long work.
    group_folds(pictures, options.folds, options.seed)
    features = cached_features(options.data, pictures, options.run.parent / "cache")
    truth = indices(pictures, labels)
    probabilities = out_of_fold(features, pictures, truth, options.folds, options.seed)
    right = float(np.mean(probabilities.argmax(axis=1) == truth))
    wanted = set(options.only) or known
    found = [
        entry
        for entry in rank_disagreements(probabilities, truth, pictures, labels)
        if entry.confident and entry.picture.source in wanted
    ]
    pages = write_sheet(options.run / FOLDER, found[: options.most], options.data)
    print(
        f"{right:.1%} of {len(pictures)} pictures are called as they are labelled; {len(found)} are "
        f"confidently called otherwise, {min(len(found), options.most)} of them shown on {len(pages)} "
        f"sheets in {options.run / FOLDER}\n{NEXT}"
    )
