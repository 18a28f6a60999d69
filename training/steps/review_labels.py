"""Step `review-labels`: finds images whose label may be wrong, for a person to check."""

from argparse import Namespace

import numpy as np

from training.errors import TrainingError
from training.evaluate.judge.metrics import label_indices
from training.evaluate.labels.crossvalidate import predict_out_of_fold
from training.evaluate.labels.disagreements import rank_disagreements, write_sheets
from training.evaluate.labels.folds import group_folds
from training.features import cached_features
from training.steps.common import read_split

FOLDER = "label-review"
NEXT = """Check the sheets. List each wrong label in a CSV file, one line an image, below this header:
  file,label,corrected,reason      (corrected: the correct label, or drop)
Apply the list with `split --corrections FILE`. It does not change the test split."""


def run(options: Namespace) -> None:
    """Writes contact sheets and disagreements.csv into label-review/, the most doubtful labels first."""
    pictures = read_split(options.run)
    labels = sorted({picture.label for picture in pictures})
    sources = {picture.source for picture in pictures}
    if unknown := sorted(set(options.only) - sources):
        raise TrainingError(f"--only {unknown[0]}: no such source. Allowed: {', '.join(sorted(sources))}.")
    if options.most < 1:
        raise TrainingError(f"--most {options.most}: out of range. Use 1 or more.")
    # Called here only to refuse an invalid --folds before the long work.
    group_folds(pictures, options.folds, options.seed)
    features = cached_features(options.data, pictures, options.run.parent / "cache")
    truth = label_indices(pictures, labels)
    probabilities = predict_out_of_fold(features, pictures, truth, options.folds, options.seed)
    right = float(np.mean(probabilities.argmax(axis=1) == truth))
    selected = set(options.only) or sources
    found = [
        entry
        for entry in rank_disagreements(probabilities, truth, pictures, labels)
        if entry.confident and entry.picture.source in selected
    ]
    pages = write_sheets(options.run / FOLDER, found[: options.most], options.data)
    print(
        f"{right:.1%} of {len(pictures)} images are predicted as labelled. {len(found)} are confidently "
        f"predicted as another label. {min(len(found), options.most)} of these are on {len(pages)} sheets "
        f"in {options.run / FOLDER}.\n{NEXT}"
    )
