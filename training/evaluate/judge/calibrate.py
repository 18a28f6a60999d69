"""Calibration from the validation split: temperature, unfamiliarity and thresholds.

An item is unfamiliar if it is unlike the training images (out of distribution).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.compartments import FOUR_WAY
from training.evaluate.judge.metrics import Bools, Floats, Ints, check_logits
from training.evaluate.judge.outcomes import outcomes_of
from training.evaluate.judge.thresholds import Thresholds, choose_thresholds

SCORES = ("energy", "max-logit")
TEMPERATURES = (0.05, 20.0)
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Unfamiliar:
    """Rule for unfamiliar items.

    Attributes:
        score: one of SCORES, computed from the logits before the temperature is applied.
        threshold: items with a score above it are unfamiliar.
        kept: share of the validation images whose score is not above the threshold.
    """

    score: str
    threshold: float
    kept: float


@dataclass(frozen=True)
class Calibration:
    """Values for the entries `calibration`, `policy` and `views` of a bundle's manifest.

    Attributes:
        temperature: divisor of the logits, before the softmax.
        unfamiliar: rule for unfamiliar items.
        thresholds: thresholds of the policy.
        views: centre crops of an image, as fractions of its sides. The calibration is valid only for the mean
            logits of these views.
    """

    temperature: float
    unfamiliar: Unfamiliar
    thresholds: Thresholds
    views: Sequence[float]


def negative_log_likelihood(
    logits: Floats, labels: Ints, temperature: float = 1.0, certainty: float = 1.0
) -> float:
    """Returns the mean of -ln(softmax(logits / temperature)[label]), in nats.

    The label has the weight `certainty`. The other classes share the remaining weight equally.
    """
    scaled = logits.astype(np.float64) / temperature
    right = scaled[np.arange(len(labels)), labels]
    others = (scaled.sum(axis=1) - right) / (scaled.shape[1] - 1)
    return float(np.mean(_log_sum_exp(scaled) - certainty * right - (1 - certainty) * others))


def fit_temperature(logits: Floats, labels: Ints, tolerance: float = 1e-4) -> float:
    """Returns the temperature with the lowest negative log likelihood, within TEMPERATURES.

    The label has the weight (N + 1) / (N + 2). The other classes share the remaining weight. With a weight
    of 1, a few images that are all correct would give the lowest temperature and a confidence of 1 each.
    Source: Platt, Probabilistic outputs for support vector machines, 1999, section 2.2.

    Golden-section search over ln T finds the only minimum, because the loss is convex in 1/T.

    Args:
        logits: (N, C), for images that the model was not trained on.
        labels: (N,).
        tolerance: tolerance of ln T.
    """
    check_logits(logits, labels)
    low, high = (math.log(end) for end in TEMPERATURES)

    certainty = (len(labels) + 1) / (len(labels) + 2)

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(logits, labels, math.exp(log_temperature), certainty)

    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > tolerance:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return math.exp((low + high) / 2)


def unfamiliarity(logits: Floats, score: str = "energy") -> Floats:
    """Returns the unfamiliarity score of each item, (N,), from the logits before the temperature is applied.

    `energy` is -ln(sum(exp(logits))). `max-logit` is -max(logits). Unfamiliar items have high scores.
    """
    if score not in SCORES:
        raise TrainingError(f"score {score}: not known. Allowed: {', '.join(SCORES)}.")
    wide = logits.astype(np.float64)
    return -_log_sum_exp(wide) if score == "energy" else -wide.max(axis=1)


def fit_unfamiliar(logits: Floats, score: str = "energy", kept: float = 0.97) -> Unfamiliar:
    """Returns the lowest threshold that leaves at least the share `kept` of these images familiar."""
    if not 0 < kept <= 1:
        raise TrainingError(f"kept {kept}: out of range. Use a share above 0, up to 1.")
    values = np.sort(unfamiliarity(logits, score))
    # Subtract 1e-9, because 0.97 * 100 is 97.00000000000001.
    threshold = values[math.ceil(kept * len(values) - 1e-9) - 1]
    return Unfamiliar(score, float(threshold), float((values <= threshold).mean()))


def is_unfamiliar(logits: Floats, rule: Unfamiliar) -> Bools:
    """Returns whether each item is unfamiliar, (N,)."""
    return np.asarray(unfamiliarity(logits, rule.score) > rule.threshold)


def calibrate(
    logits: Floats,
    labels: Ints,
    pictures: Sequence[Picture],
    names: Sequence[str],
    *,
    seed: int,
    score: str = "energy",
    kept: float = 0.97,
    target: float = 0.99,
    rule: str = "home",
    compartments: Mapping[str, str] = FOUR_WAY,
    views: Sequence[float] = (1.0,),
) -> Calibration:
    """Computes the calibration from the validation images.

    The logits must come from the shipped format, because int8 rounding changes confidences and energy.

    Args:
        logits: (N, C), for the validation images.
        labels: (N,), as positions in `names`.
        pictures: N validation images.
        names: the C labels.
        seed: seed of the resampling.
        score: see `fit_unfamiliar`.
        kept: see `fit_unfamiliar`.
        target: see `choose_thresholds`.
        rule: see `choose_thresholds`.
        compartments: compartment of each label.
        views: views whose mean logits are given.
    """
    check_logits(logits, labels, pictures)
    temperature = fit_temperature(logits, labels)
    unfamiliar = fit_unfamiliar(logits, score, kept)
    outcomes = outcomes_of(
        logits,
        labels,
        pictures,
        names,
        temperature=temperature,
        unfamiliar=is_unfamiliar(logits, unfamiliar),
        compartments=compartments,
    )
    thresholds = choose_thresholds(outcomes, target, rule, seed=seed)
    return Calibration(temperature, unfamiliar, thresholds, views)


def _log_sum_exp(values: Floats) -> Floats:
    highest = values.max(axis=1)
    return np.asarray(highest + np.log(np.exp(values - highest[:, None]).sum(axis=1)))
