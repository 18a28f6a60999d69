"""Additional metrics: in-domain test, corrections, one view, baselines and validation images."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.errors import TrainingError
from training.evaluate.judge import metrics
from training.evaluate.judge.baseline import match_labels
from training.evaluate.judge.comparisons import Baseline, corrected_test, in_domain_sources
from training.evaluate.judge.views import SplitInputs, logits_by_view, mean_logits, whole_image_logits
from training.evaluate.labels.corrections import Correction
from training.evaluate.report.write import write_report
from training.tests.support.evaluate_data import NAMES, evaluation, logits_of

GIVEN = evaluation()
TEST = GIVEN.of_split("test")
HELD = GIVEN.of_split("held-out")


def report_of(folder: Path, **changes: Any) -> tuple[Any, str]:
    write_report(folder, evaluation(**changes))
    return json.loads((folder / "report.json").read_text()), (folder / "README.md").read_text()


def make_baseline_logits(strength: float) -> dict[str, Any]:
    return {"test": logits_of(TEST, strength, 1), "held-out": logits_of(HELD, 0.2, 3)}


def test_in_domain_test_has_only_the_named_sources(tmp_path: Path) -> None:
    report, card = report_of(tmp_path, in_domain=["a"])
    rows = [index for index, picture in enumerate(TEST) if picture.source == "a"]
    truth = metrics.label_indices(TEST, NAMES)[rows]
    for entry, result in zip(report["formats"], GIVEN.formats, strict=True):
        assert entry["home"]["top1"] == metrics.top1(result.logits[rows], truth)
        assert entry["home"]["pictures"] == len(rows) < len(TEST)
    assert f"In-domain: the {len(rows)} test images of a." in card


def test_in_domain_test_is_the_whole_test_split_if_no_source_is_named(tmp_path: Path) -> None:
    in_domain = in_domain_sources([], GIVEN.pictures)
    assert in_domain == ["a", "b"], "must not have the held-out source"
    report, card = report_of(
        tmp_path, in_domain=in_domain, baselines=[Baseline("old", "0.1.0", [1], make_baseline_logits(1))]
    )
    assert [entry["home"]["top1"] for entry in report["formats"]] == [
        entry["top1"] for entry in report["formats"]
    ]
    assert "in-domain" not in card.lower() and "home" not in report["baselines"][0]["splits"]
    with pytest.raises(TrainingError, match=r"--home bin-camera: no such source .* Allowed: a, b"):
        in_domain_sources(["a", "bin-camera"], GIVEN.pictures)


def test_corrected_labels_add_a_second_accuracy(tmp_path: Path) -> None:
    logits = GIVEN.formats[1].logits
    wrong = [
        i for i, hit in enumerate(metrics.is_correct(logits, metrics.label_indices(TEST, NAMES))) if not hit
    ]
    changed, dropped = TEST[wrong[0]], TEST[wrong[1]]
    predicted = NAMES[int(logits[wrong[0]].argmax())]
    corrections = [
        Correction(changed.file, changed.label, predicted, "checked"),
        Correction(dropped.file, dropped.label, "drop", "shows nothing"),
        Correction("of/another/split.jpg", NAMES[0], NAMES[1], "checked"),
    ]
    original, _ = report_of(tmp_path / "original")
    report, card = report_of(tmp_path / "corrected", corrections=corrections)
    before, after = original["formats"][1], report["formats"][1]
    assert after["top1"] == before["top1"]
    assert after["top1_corrected"] == pytest.approx((before["top1"] * len(TEST) + 1) / (len(TEST) - 1))
    assert report["corrected"] == {"changed": 1, "dropped": 1}
    assert "changes the labels of 1 test images and drops 1" in card


def test_refuses_a_list_of_corrections_for_other_data() -> None:
    picture = TEST[0]
    other, third = [name for name in NAMES if name != picture.label][:2]
    with pytest.raises(
        TrainingError, match=rf"{picture.file}: its label is {picture.label}.* expects {other}"
    ):
        corrected_test(TEST, NAMES, [Correction(picture.file, other, third, "checked")])


def test_baselines_are_evaluated_on_the_same_images(tmp_path: Path) -> None:
    old = Baseline("old", "0.1.0", [1], make_baseline_logits(9))
    older = Baseline("older", "0.0.9", [1], make_baseline_logits(7))
    report, card = report_of(tmp_path, baselines=[old, older], in_domain=["b"])
    splits = report["baselines"][0]["splits"]
    assert set(splits) == {"test", "home", "held-out"}
    assert splits["test"]["this"]["top1"] == report["test"]["top1"]
    assert splits["held-out"]["this"]["sources"]["bin-camera"]["top1"] == report["held_out"]["top1"]
    truth = metrics.label_indices(HELD, NAMES)
    assert splits["held-out"]["baseline"]["top1"] == metrics.top1(old.logits["held-out"], truth)
    assert "## Comparison with old 0.1.0" in card and "## Comparison with older 0.0.9" in card
    means = [
        np.mean([s["top1"] for s in splits["test"][model]["sources"].values()])
        for model in ("this", "baseline")
    ]
    assert [splits["test"][model]["mean_of_sources"] for model in ("this", "baseline")] == pytest.approx(
        means
    )


def test_one_view_is_compared_with_all_views(tmp_path: Path) -> None:
    one = {"test": logits_of(TEST, 1, 1), "held-out": logits_of(HELD, 1, 2)}
    report, card = report_of(
        tmp_path, one_view=one, calibration=replace(GIVEN.calibration, views=(1.0, 0.75))
    )
    assert report["one_view"]["test"]["top1"] == metrics.top1(one["test"], metrics.label_indices(TEST, NAMES))
    assert "2 centre crops (1 and 0.75" in card and "## One view" in card
    assert json.dumps(report["validation"]["views"]) == "[1, 0.75]"


def test_finds_the_whole_image_among_the_views() -> None:
    crop, whole = logits_of(TEST, 1, 1), logits_of(TEST, 1, 2)
    assert whole_image_logits({"test": [crop, whole]}, (0.75, 1.0))["test"] is whole
    assert (
        whole_image_logits({"test": [crop, whole]}, (0.75, 0.5))
        == {}
        == whole_image_logits({"test": [whole]}, (1.0,))
    )


def test_validation_has_the_metrics_for_a_probation(tmp_path: Path) -> None:
    report, _ = report_of(tmp_path)
    found = report["validation"]
    logits = GIVEN.validation_logits
    assert logits is not None
    truth = metrics.label_indices(GIVEN.of_split("validation"), NAMES)
    assert found["accuracy"] == pytest.approx(metrics.top1(logits, truth), abs=1e-4)
    assert found["pictures"] == 180 and set(found["perLabel"]) == set(NAMES)
    assert found["confidence"]["p05"] < found["confidence"]["p50"] < found["confidence"]["p95"] <= 1
    assert found["energy"]["p05"] < 0
    assert 0 < found["policy"]["coverage"] <= 1 and found["latency"]["p50Ms"] == 4.2


def test_matches_labels_by_name() -> None:
    logits = np.array([[5, 1, 2], [1, 2, 5]], np.float32)
    found = match_labels(logits, ["paper", "metal", "yarn"], ["metal", "paper", "shoes"])
    assert found.argmax(axis=1).tolist() == [1, 3], "a label that this run does not have is never correct"
    assert np.isneginf(found[:, 2]).all()


def test_averages_the_logits_of_the_views() -> None:
    class Mean:
        kernels = "none"

        def predict(self, images: Any) -> tuple[Any, Any]:
            return images.reshape(len(images), -1)[:, :2].astype(np.float32), images

    views = [np.full((3, 4, 4, 3), value, np.uint8) for value in (10, 20)]
    inputs = SplitInputs(TEST[:3], views)
    by_view = logits_by_view(Mean(), inputs)
    assert [float(v[0, 0]) for v in by_view] == [10, 20]
    assert (mean_logits(by_view) == 15).all()
