"""Calibration from the validation split: temperature, unfamiliarity, thresholds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.compartments import FOUR_WAY
from training.evaluate.judge.metrics import Bools, Floats, Ints, check
from training.evaluate.judge.outcomes import outcomes_of
from training.evaluate.judge.thresholds import Thresholds, choose_thresholds

SCORES = ("energy", "max-logit")
TEMPERATURES = (0.05, 20.0)
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Unfamiliar:
    """When an item is unlike the training data.

    Attributes:
        score: one of SCORES, of the logits before the temperature.
        threshold: unfamiliar above it.
        kept: share of the validation pictures that is not above it.
    """

    score: str
    threshold: float
    kept: float


@dataclass(frozen=True)
class Calibration:
    """What a bundle's manifest says under `calibration`, `policy` and `views`.

    Attributes:
        views: centre crops of a picture whose mean logits all of it is of; with others it does not hold.
    """

    temperature: float
    unfamiliar: Unfamiliar
    thresholds: Thresholds
    views: Sequence[float]


def negative_log_likelihood(
    logits: Floats, labels: Ints, temperature: float = 1.0, certainty: float = 1.0
) -> float:
    """Mean of -ln(softmax(logits / temperature)[label]), in nats.

    The label counts for `certainty`, the other classes share the rest.
    """
    scaled = logits.astype(np.float64) / temperature
    right = scaled[np.arange(len(labels)), labels]
    others = (scaled.sum(axis=1) - right) / (scaled.shape[1] - 1)
    return float(np.mean(_log_sum_exp(scaled) - certainty * right - (1 - certainty) * others))


def fit_temperature(logits: Floats, labels: Ints, tolerance: float = 1e-4) -> float:
    """The temperature with the lowest negative log likelihood, within TEMPERATURES.

    A label counts for (N + 1) / (N + 2), the others share the rest: where all of a few pictures are right,
    the likeliest temperature is else the lowest, and each answer a certainty.
    Source: Platt, Probabilistic outputs for support vector machines, 1999, section 2.2.

    A golden section search over ln T: there is one minimum, since the loss is convex in 1/T.

    Args:
        logits: (N, C), of pictures that the model was not trained on.
        labels: (N,).
        tolerance: of ln T.
    """
    check(logits, labels)
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
    """How unlike the training data each item looks, (N,), from the logits before the temperature.

    `energy` is -ln(sum(exp(logits))), `max-logit` is -max(logits).
    """
    if score not in SCORES:
        raise TrainingError(f"score {score}; allowed are {', '.join(SCORES)}")
    wide = logits.astype(np.float64)
    return -_log_sum_exp(wide) if score == "energy" else -wide.max(axis=1)


def fit_unfamiliar(logits: Floats, score: str = "energy", kept: float = 0.97) -> Unfamiliar:
    """The lowest threshold that keeps at least the share `kept` of these pictures."""
    if not 0 < kept <= 1:
        raise TrainingError(f"a share of {kept} to keep; allowed is above 0, up to 1")
    values = np.sort(unfamiliarity(logits, score))
    # Less a hair: 0.97 * 100 is 97.00000000000001.
    threshold = values[math.ceil(kept * len(values) - 1e-9) - 1]
    return Unfamiliar(score, float(threshold), float((values <= threshold).mean()))


def flagged(logits: Floats, rule: Unfamiliar) -> Bools:
    """Which items are unfamiliar, (N,)."""
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
    """All of it from the validation pictures; for `target` and `rule` see `choose_thresholds`.

    Take the logits of the format that is shipped: its int8 steps move confidences and the energy.
    """
    check(logits, labels, pictures)
    temperature = fit_temperature(logits, labels)
    unfamiliar = fit_unfamiliar(logits, score, kept)
    flags = flagged(logits, unfamiliar)
    outcomes = outcomes_of(
        logits, labels, pictures, names, temperature=temperature, unfamiliar=flags, compartments=compartments
    )
    thresholds = choose_thresholds(outcomes, target, rule, seed=seed)
    return Calibration(temperature, unfamiliar, thresholds, views)


def _log_sum_exp(values: Floats) -> Floats:
    highest = values.max(axis=1)
    return np.asarray(highest + np.log(np.exp(values - highest[:, None]).sum(axis=1)))
