"""Cross-validation predicts each image by a model trained without its group."""

import numpy as np
import pytest

from training.data.pictures import Picture
from training.evaluate.labels.crossvalidate import predict_out_of_fold
from training.evaluate.labels.disagreements import rank_disagreements

NAMES = ["glass", "metal", "paper"]
EACH, FEATURES = 40, 16


def make_clusters(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(NAMES), FEATURES))
    labels = np.repeat(np.arange(len(NAMES)), EACH)
    features = centres[labels] + rng.normal(size=(len(labels), FEATURES)) * 0.3
    return features / np.linalg.norm(features, axis=1, keepdims=True), labels


def pictures_of(labels: np.ndarray, group: int = 2) -> list[Picture]:
    return [
        Picture(f"{i}.jpg", NAMES[label], f"g{i // group}", "s", "train") for i, label in enumerate(labels)
    ]


def test_wrong_labels_rank_first() -> None:
    features, labels = make_clusters(1)
    flipped = [3, 50, 90]
    noisy = labels.copy()
    noisy[flipped] = (noisy[flipped] + 1) % len(NAMES)
    pictures = pictures_of(noisy)
    probabilities = predict_out_of_fold(features, pictures, noisy, 3, 1)
    found = rank_disagreements(probabilities, noisy, pictures, NAMES)
    assert {entry.picture.file for entry in found[:3]} == {f"{i}.jpg" for i in flipped}
    assert {entry.predicted for entry in found[:3]} <= {NAMES[label] for label in labels[flipped]}


def test_no_model_predicts_a_group_that_it_was_trained_on() -> None:
    # Each group has a separate feature and a random label. A model that was trained on one image of a
    # group would therefore predict the other image correctly.
    groups = 40
    labels = np.repeat(np.random.default_rng(2).permutation(np.arange(groups) % len(NAMES)), 2)
    features = np.repeat(np.eye(groups), 2, axis=0)
    probabilities = predict_out_of_fold(features, pictures_of(labels), labels, 3, 1)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(labels)))
    assert probabilities[np.arange(len(labels)), labels].mean() < 0.5
