"""Temperature, unfamiliarity and thresholds have their documented properties."""

import math

import numpy as np
import pytest

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge import calibrate
from training.evaluate.judge.outcomes import Outcomes, hazard_figures, outcomes_of
from training.evaluate.judge.purity import leave_one_source_out, purity_by_source, purity_curve, purity_of
from training.evaluate.judge.thresholds import GRID, RULES, choose_thresholds
from training.tests.support.evaluate_data import NAMES, chosen, logits_of, outcomes, pictures_of, sampled


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_temperature_recovers_a_known_scaling(scale: float) -> None:
    logits, labels = sampled(20_000, 4)
    assert calibrate.fit_temperature(logits * scale, labels) == pytest.approx(scale, rel=0.03)


def test_temperature_has_the_lowest_loss() -> None:
    logits, labels = sampled(800, 5)
    best = calibrate.fit_temperature(logits, labels)
    # The labels have a weight below 1, which moves the temperature by less than these factors.
    loss = calibrate.negative_log_likelihood(logits, labels, best)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert loss < calibrate.negative_log_likelihood(logits, labels, best * factor)


@pytest.mark.parametrize("count", [4, 40, 400])
def test_few_correct_images_do_not_give_a_confidence_of_1(count: int) -> None:
    labels = np.arange(count) % 4
    logits = np.eye(4)[labels] * 3
    scaled = logits / calibrate.fit_temperature(logits, labels)
    confidence = np.exp(scaled).max(axis=1) / np.exp(scaled).sum(axis=1)
    assert confidence == pytest.approx((count + 1) / (count + 2), abs=1e-3)


def test_temperature_stays_in_range() -> None:
    low, high = calibrate.TEMPERATURES
    assert calibrate.fit_temperature(np.eye(4), (np.arange(4) + 1) % 4) == pytest.approx(high, rel=0.01)
    logits = np.eye(4)[np.arange(10_000) % 4] / 100
    assert calibrate.fit_temperature(logits, np.arange(10_000) % 4) == pytest.approx(low, rel=0.01)


def test_unfamiliarity_matches_a_hand_calculation_without_overflow() -> None:
    logits = np.array([[math.log(2), math.log(3)], [1000, 1000]])
    assert calibrate.unfamiliarity(logits) == pytest.approx([-math.log(5), -1000 - math.log(2)])
    assert calibrate.unfamiliarity(logits, "max-logit") == pytest.approx([-math.log(3), -1000])


@pytest.mark.parametrize("score", calibrate.SCORES)
@pytest.mark.parametrize(("count", "kept"), [(100, 0.97), (37, 0.97), (100, 1.0), (3, 0.5)])
def test_unfamiliar_threshold_keeps_the_share_and_at_most_one_image_more(
    score: str, count: int, kept: float
) -> None:
    logits, _ = sampled(count, 6)
    rule = calibrate.fit_unfamiliar(logits, score, kept)
    share = 1 - calibrate.is_unfamiliar(logits, rule).mean()
    assert share == pytest.approx(rule.kept)
    assert kept - 1e-9 <= share < kept + 1 / count


def make_outcomes(seed: int, count: int = 1200, worse: float = 0.0) -> Outcomes:
    """Returns items whose probability to be right is their confidence, minus `worse` in source b."""
    generator = np.random.default_rng(seed)
    confidence = 1 - generator.random(count) ** 3 * 0.6
    sources = np.where(np.arange(count) // 6 % 3 == 0, "b", "a")
    right = generator.random(count) < confidence - worse * (sources == "b")
    return outcomes(
        confidence, right, confidence - 0.1, [str(i // 3) for i in range(count)], sources.tolist()
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_thresholds_reach_their_target_on_the_items_they_were_chosen_on(rule: str, seed: int) -> None:
    data = make_outcomes(seed, worse=0.05)
    found = choose_thresholds(data, 0.92, rule, seed=1)
    assert found.reached
    assert found.value >= 0.92
    result = purity_of(data, found)
    assert (result.purity, result.coverage) == pytest.approx((found.purity, found.coverage))
    purities = [entry.purity for entry in purity_by_source(data, found).values()]
    expected = {"home": result.purity, "mean-source": np.mean(purities), "worst-source": min(purities)}
    if rule in expected:
        assert found.value == pytest.approx(expected[rule])
    else:
        assert found.value < result.purity


@pytest.mark.parametrize("seed", range(3))
def test_no_other_pair_of_the_grid_has_a_higher_coverage(seed: int) -> None:
    data = make_outcomes(seed, 150)
    found = choose_thresholds(data, 0.93, seed=1)
    best = 0.0
    for confidence in GRID:
        for margin in GRID:
            chosen = (data.confidence >= confidence) & (data.margin >= margin)
            if chosen.mean() >= 0.05 and data.right[chosen].mean() >= 0.93:
                best = max(best, chosen.mean())
    assert found.coverage == pytest.approx(best)


def test_stricter_rules_have_a_lower_coverage() -> None:
    data = make_outcomes(1, worse=0.08)
    coverage = {rule: choose_thresholds(data, 0.92, rule, seed=1).coverage for rule in RULES}
    assert coverage["bootstrap"] < coverage["home"]
    assert coverage["worst-source"] < coverage["mean-source"] < coverage["home"]


def test_margin_is_used_if_it_separates_better() -> None:
    # All items have the same confidence. Items with a narrow margin are wrong.
    wide = np.arange(100) % 2 == 0
    found = choose_thresholds(outcomes([0.7] * 100, wide, np.where(wide, 0.6, 0.45)), seed=1)
    assert (found.coverage, found.purity) == (0.5, 1)
    assert found.margin > 0.45


def test_an_unreachable_target_gives_the_nearest_pair() -> None:
    right = np.arange(200) % 4 != 0
    found = choose_thresholds(outcomes(np.full(200, 0.8), right), seed=1)
    assert not found.reached
    assert found.value == found.purity == 0.75


def test_thresholds_that_sort_very_few_items_are_not_chosen() -> None:
    # One item in 100 has a high confidence and is right. Half of the other items are wrong.
    confidence = [0.999, *[0.5] * 99]
    found = choose_thresholds(outcomes(confidence, np.arange(100) % 2 == 0), seed=1)
    assert not found.reached
    assert found.coverage == 1


def test_source_rules_need_two_sources() -> None:
    with pytest.raises(TrainingError, match="home or bootstrap"):
        choose_thresholds(make_outcomes(1, 60), 0.9, "worst-source", seed=1)
    with pytest.raises(TrainingError, match="rule luck"):
        choose_thresholds(make_outcomes(1, 60), 0.9, "luck", seed=1)


def test_leave_one_source_out_shows_that_thresholds_do_not_transfer() -> None:
    results = leave_one_source_out(make_outcomes(2, 2400, worse=0.3), 0.95, seed=1)
    assert results["b"][1].purity < 0.8
    assert results["a"][1].purity > 0.95
    assert results["b"][1].count == 804


def test_purity_curve_matches_a_hand_calculation() -> None:
    coverage, purity = purity_curve(outcomes([0.9, 0.8, 0.8, 0.2, -1], [1, 1, 0, 0, 1]))
    assert coverage == pytest.approx([0.2, 0.6, 0.8])
    assert purity == pytest.approx([1, 2 / 3, 0.5])


def make_logits(**shares: float) -> list[float]:
    rest = (1 - sum(shares.values())) / (12 - len(shares))
    return [math.log(max(shares.get(name.replace("-", "_"), rest), 1e-9)) for name in NAMES]


def test_outcomes_follow_the_policy_of_the_bin() -> None:
    rows = {
        "refused, although plastic has the highest score": (
            "battery",
            make_logits(plastic=0.5, battery=0.35),
        ),
        "right compartment": ("paper", make_logits(cardboard=0.7, paper=0.3)),
        "wrong compartment": ("paper", make_logits(plastic=0.6, paper=0.4)),
        "unfamiliar": ("paper", make_logits(paper=0.99)),
    }
    pictures = [Picture(name, label, name, "s") for name, (label, _) in rows.items()]
    logits = np.array([row for _, row in rows.values()])
    labels = np.array([NAMES.index(picture.label) for picture in pictures])
    flags = np.array([False, False, False, True])
    found = outcomes_of(logits, labels, pictures, NAMES, temperature=1, unfamiliar=flags)
    assert found.groups == tuple(list(rows)[1:])
    assert found.confidence == pytest.approx([0.7, 0.6, -1])
    assert found.margin == pytest.approx([0.4, 0.2, -1])
    assert found.right.tolist() == [True, False, True]
    assert purity_of(found, chosen(0.0, 0.0)).coverage == pytest.approx(2 / 3)
    hazards = hazard_figures(logits, labels, NAMES, 1)
    assert (hazards.count, hazards.refused, hazards.others, hazards.others_refused) == (1, 1, 3, 0)


def test_calibrate_computes_temperature_unfamiliarity_and_thresholds() -> None:
    pictures = pictures_of(600)
    logits = logits_of(pictures) * 2
    labels = np.array([NAMES.index(picture.label) for picture in pictures])
    found = calibrate.calibrate(
        logits, labels, pictures, NAMES, seed=1, target=0.98, rule="bootstrap", views=(1, 0.9)
    )
    assert found.temperature == pytest.approx(2 * calibrate.fit_temperature(logits / 2, labels), rel=0.01)
    assert found.unfamiliar.kept == pytest.approx(0.97)
    assert found.thresholds.purity >= found.thresholds.value >= 0.98
    assert found.thresholds.coverage > 0.5
    assert found.views == (1, 0.9)
