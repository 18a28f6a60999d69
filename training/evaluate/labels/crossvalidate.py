"""Cross-validation: a prediction for every image, from a model that was not trained on it."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from training.data.pictures import Picture
from training.data.sampling import weights
from training.evaluate.judge.metrics import Floats, Ints
from training.evaluate.labels.folds import group_folds

STEPS, BATCH, RATE, DECAY = 425, 1024, 2e-2, 1e-3
SCALE = 10.0
"""Factor for the features. With features of length 1, the softmax is too flat to learn in so few steps."""
CLASS_POWER, GROUP_CAP, SOURCE_POWER = 0.3, 12, 0.6


def predict_out_of_fold(
    features: Floats, pictures: Sequence[Picture], labels: Ints, folds: int, seed: int
) -> Floats:
    """Predicts each image by a softmax regression that was trained without the image and its group.

    Args:
        features: (N, F), each row of length 1.
        pictures: N images, with their groups.
        labels: (N,), integers from 0 to C - 1. Each of them must occur.
        folds: number of folds. The images of a fold are predicted by a model trained on the other folds.
        seed: for the folds and the training.

    Returns:
        Probabilities (N, C) float64. Each row adds up to 1.

    Raises:
        TrainingError: see `group_folds`.
    """
    classes = int(labels.max()) + 1
    found = np.zeros((len(pictures), classes))
    scaled = (features * SCALE).astype(np.float32)
    for number, fold in enumerate(group_folds(pictures, folds, seed)):
        keras.utils.set_random_seed(seed)
        net = _regression(features.shape[1], classes)
        draw = weights([pictures[row] for row in fold.train.tolist()], CLASS_POWER, GROUP_CAP, SOURCE_POWER)
        rng = np.random.default_rng([seed, number])
        batches = _batches(scaled, labels, rng.choice(fold.train, (STEPS, BATCH), p=draw))
        net.fit(batches, steps_per_epoch=STEPS, epochs=1, shuffle=False, verbose=0)
        answers = np.asarray(net.predict(scaled[fold.held], verbose=0), np.float64)
        found[fold.held] = answers / answers.sum(axis=1, keepdims=True)
        right = (answers.argmax(axis=1) == labels[fold.held]).mean()
        print(f"{fold.name}: {len(fold.held)} images, {right:.1%} predicted as labelled", flush=True)
    return found


def _batches(features: Floats, labels: Ints, order: Ints) -> Iterator[tuple[Floats, Ints]]:
    """Yields features (B, F) and labels (B,) for each row of `order` (steps, B)."""
    for rows in order:
        yield features[rows], labels[rows]


def _regression(features: int, classes: int) -> Any:
    net = keras.Sequential([keras.Input((features,)), keras.layers.Dense(classes, activation="softmax")])
    net.compile(keras.optimizers.AdamW(RATE, weight_decay=DECAY), "sparse_categorical_crossentropy")
    return net
