"""Metrics match examples that are calculated by hand."""

from functools import partial

import numpy as np
import pytest

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge import metrics
from training.evaluate.judge.bootstrap import group_bootstrap, share_range
from training.evaluate.judge.compartments import FOUR_WAY, by_compartment
from training.tests.support.evaluate_data import NAMES, sampled

# Five images of the classes 0 0 1 1 2 with the predictions 0 1 1 1 0.
LOGITS = np.array([[3, 1, 0], [0, 2, 1], [0, 1, 0], [1, 2, 0], [5, 0, 4]], np.float32)
LABELS = np.array([0, 0, 1, 1, 2])
PICTURES = [
    Picture(str(i), "abc"[label], g, s)
    for i, (label, g, s) in enumerate(zip(LABELS, "ppqrs", "xxxyy", strict=True))
]


def test_metrics_match_a_hand_calculation() -> None:
    assert metrics.top1(LOGITS, LABELS) == pytest.approx(3 / 5)
    assert metrics.macro_recall(LOGITS, LABELS) == pytest.approx((0.5 + 1 + 0) / 3)
    assert metrics.confusion_matrix(LOGITS, LABELS).tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    a, b, c = metrics.per_class(LOGITS, LABELS, list("abc"))
    assert (a.count, a.precision, a.recall) == (2, 0.5, 0.5)
    assert [b.count, b.precision, b.recall] == pytest.approx([2, 2 / 3, 1])
    assert (c.count, c.recall) == (1, 0.0)
    assert np.isnan(c.precision)


def test_macro_recall_leaves_out_classes_without_images() -> None:
    assert metrics.macro_recall(LOGITS[:4], LABELS[:4]) == pytest.approx(0.75)


def test_by_source_counts_images_and_groups() -> None:
    figures = metrics.by_source(LOGITS, LABELS, PICTURES)
    assert figures["x"] == metrics.SourceFigures(3, 2, 2 / 3)
    assert figures["y"] == metrics.SourceFigures(2, 2, 0.5)


def test_agreement_compares_predictions() -> None:
    other = LOGITS.copy()
    other[0] = [0, 9, 0]
    assert metrics.agreement(LOGITS, LOGITS * 3) == 1
    assert metrics.agreement(LOGITS, other) == pytest.approx(4 / 5)


def test_by_compartment_accepts_errors_within_a_compartment() -> None:
    predictions = {"paper": "cardboard", "plastic": "metal", "metal": "white-glass", "battery": "battery"}
    logits = np.zeros((4, 12), np.float32)
    logits[range(4), [NAMES.index(name) for name in predictions.values()]] = 5
    figures = by_compartment(logits, np.array([NAMES.index(name) for name in predictions]), NAMES)
    assert figures.accuracy == 0.75
    by_name = {entry.label: entry for entry in figures.compartments}
    assert by_name["packaging"].recall == 0.5
    assert by_name["glass"].precision == 0
    assert by_name["refuse"].recall == 1


def test_every_label_needs_a_compartment() -> None:
    with pytest.raises(TrainingError, match="compartments: no entry for shoes"):
        by_compartment(np.eye(12), np.arange(12), NAMES, {k: v for k, v in FOUR_WAY.items() if k != "shoes"})


def test_ece_matches_a_hand_calculation() -> None:
    # Confidence 0.9 twice, one correct. Confidence 0.6 twice, both correct. ECE: 0.4 / 2 + 0.4 / 2.
    logits = np.log(np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]]))
    assert metrics.expected_calibration_error(logits, np.array([0, 1, 0, 1])) == pytest.approx(0.4)


def test_a_confidence_on_an_edge_is_in_the_lower_bin_and_1_in_the_last() -> None:
    logits = np.array([[0.0, 0.0], [0.0, 900.0]])
    assert metrics.reliability(logits, np.array([0, 1]), bins=2).count.tolist() == [1, 1]


def test_ece_is_small_for_calibrated_logits_and_grows_if_they_are_scaled() -> None:
    logits, labels = sampled(20_000, 1)
    assert metrics.expected_calibration_error(logits, labels) < 0.015
    assert metrics.expected_calibration_error(logits * 2, labels) > 0.05
    assert metrics.expected_calibration_error(logits * 2, labels, temperature=2) < 0.015


def test_top1_does_not_depend_on_the_order_of_the_classes() -> None:
    logits, labels = sampled(500, 2)
    order = np.random.default_rng(3).permutation(5)
    assert metrics.top1(logits[:, order], np.argsort(order)[labels]) == metrics.top1(logits, labels)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "1 or more images, 2 or more classes"),
        (np.full((1, 3), np.nan), np.zeros(1, int), "diverged"),
        (np.zeros((1, 3)), np.array([3]), "0 to 2"),
        (np.zeros((2, 3)), np.array([1]), "2 integers"),
    ],
)
def test_refuses_invalid_logits_and_labels(
    logits: metrics.Floats, labels: metrics.Ints, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        metrics.top1(logits, labels)


def test_an_unknown_label_names_the_image() -> None:
    with pytest.raises(TrainingError, match=r"7\.jpg: unknown label wood\. Allowed: paper"):
        metrics.label_indices([Picture("7.jpg", "wood", "", "")], ["paper"])


def mean_of(values: metrics.Bools, rows: metrics.Ints) -> float:
    return float(values[rows].mean())


def test_group_bootstrap_covers_the_true_mean() -> None:
    covered = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        # 60 groups of 1 to 8 images. A whole group is right (probability 0.7) or wrong.
        sizes = generator.integers(1, 9, 60)
        right = np.repeat(generator.random(60) < 0.7, sizes)
        groups = [str(g) for g in np.repeat(np.arange(60), sizes)]
        low, high = group_bootstrap(partial(mean_of, right), groups, seed, 200)
        covered += low <= 0.7 <= high
    assert covered >= 52  # the expected 57, minus three standard deviations


def test_the_range_has_a_lower_end_if_no_row_is_wrong() -> None:
    right, groups = np.array([True, True, True, False]), ["a", "b", "b", "c"]
    counted = np.array([True, True, True, False])
    low, high = share_range(right, counted, groups, 1)
    assert low == pytest.approx(0.2236, abs=1e-4)  # its square is 0.05
    assert high == 1
    assert share_range(right, ~counted, groups, 1) == (0.0, 0.0)
    nothing = share_range(right, np.zeros(4, bool), groups, 1)
    assert all(np.isnan(end) for end in nothing)


def test_group_bootstrap_is_wider_than_a_bootstrap_of_images_and_seeded() -> None:
    right = np.repeat(np.random.default_rng(1).random(40) < 0.7, 10)
    groups = [str(i // 10) for i in range(400)]

    mean = partial(mean_of, right)
    low, high = group_bootstrap(mean, groups, 1, 300)
    one_low, one_high = group_bootstrap(mean, [str(i) for i in range(400)], 1, 300)
    assert high - low > 2 * (one_high - one_low)
    assert group_bootstrap(mean, groups, 1, 300) == (low, high)
    assert group_bootstrap(mean, groups, 2, 30) != group_bootstrap(mean, groups, 3, 30)
