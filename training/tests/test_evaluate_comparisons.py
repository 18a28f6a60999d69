"""Figures beside the main ones, by hand on few pictures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.errors import TrainingError
from training.evaluate.judge import metrics
from training.evaluate.judge.baseline import matched
from training.evaluate.judge.comparisons import Baseline, corrected_test, home_sources
from training.evaluate.judge.views import SplitInputs, logits_by_view, mean_logits, whole_alone
from training.evaluate.labels.corrections import Correction
from training.evaluate.report.write import write_report
from training.tests.evaluate_data import NAMES, evaluation, logits_of

GIVEN = evaluation()
TEST = GIVEN.of_split("test")
HELD = GIVEN.of_split("held-out")


def report_of(folder: Path, **changes: Any) -> tuple[Any, str]:
    write_report(folder, evaluation(**changes))
    return json.loads((folder / "report.json").read_text()), (folder / "README.md").read_text()


def both(strength: float) -> dict[str, Any]:
    return {"test": logits_of(TEST, strength, 1), "held-out": logits_of(HELD, 0.2, 3)}


def test_home_is_the_named_sources_alone(tmp_path: Path) -> None:
    report, card = report_of(tmp_path, home=["a"])
    rows = [index for index, picture in enumerate(TEST) if picture.source == "a"]
    truth = metrics.indices(TEST, NAMES)[rows]
    for entry, result in zip(report["formats"], GIVEN.formats, strict=True):
        assert entry["home"]["top1"] == metrics.top1(result.logits[rows], truth)
        assert entry["home"]["pictures"] == len(rows) < len(TEST)
    assert f"At home: the {len(rows)} test pictures of a." in card


def test_home_is_the_whole_test_split_where_no_source_is_named(tmp_path: Path) -> None:
    home = home_sources([], GIVEN.pictures)
    assert home == ["a", "b"], "not the held-out source"
    report, card = report_of(tmp_path, home=home, baselines=[Baseline("old", "0.1.0", [1], both(1))])
    assert [entry["home"]["top1"] for entry in report["formats"]] == [
        entry["top1"] for entry in report["formats"]
    ]
    assert "at home" not in card and "home" not in report["baselines"][0]["splits"]
    with pytest.raises(TrainingError, match=r"--home bin-camera: no such source .* has a, b"):
        home_sources(["a", "bin-camera"], GIVEN.pictures)


def test_corrected_labels_stand_beside_those_as_they_are(tmp_path: Path) -> None:
    logits = GIVEN.formats[1].logits
    wrong = [i for i, hit in enumerate(metrics.correct(logits, metrics.indices(TEST, NAMES))) if not hit]
    mended, gone = TEST[wrong[0]], TEST[wrong[1]]
    called = NAMES[int(logits[wrong[0]].argmax())]
    corrections = [
        Correction(mended.file, mended.label, called, "it is"),
        Correction(gone.file, gone.label, "drop", "shows nothing"),
        Correction("of/another/split.jpg", NAMES[0], NAMES[1], "it is"),
    ]
    plain, _ = report_of(tmp_path / "plain")
    report, card = report_of(tmp_path / "corrected", corrections=corrections)
    before, after = plain["formats"][1], report["formats"][1]
    assert after["top1"] == before["top1"]
    assert after["top1_corrected"] == pytest.approx((before["top1"] * len(TEST) + 1) / (len(TEST) - 1))
    assert report["corrected"] == {"changed": 1, "dropped": 1}
    assert "changes 1 and leaves out 1 of the test pictures" in card


def test_a_list_of_corrections_for_other_data_is_refused() -> None:
    picture = TEST[0]
    other, third = [name for name in NAMES if name != picture.label][:2]
    with pytest.raises(TrainingError, match=rf"{picture.file}: its label is {picture.label}.* says {other}"):
        corrected_test(TEST, NAMES, [Correction(picture.file, other, third, "it is")])


def test_baseline_is_judged_on_the_same_pictures(tmp_path: Path) -> None:
    other, third = Baseline("old", "0.1.0", [1], both(9)), Baseline("older", "0.0.9", [1], both(7))
    report, card = report_of(tmp_path, baselines=[other, third], home=["b"])
    splits = report["baselines"][0]["splits"]
    assert set(splits) == {"test", "home", "held-out"}
    assert splits["test"]["this"]["top1"] == report["test"]["top1"]
    assert splits["held-out"]["this"]["sources"]["bin-camera"]["top1"] == report["held_out"]["top1"]
    truth = metrics.indices(HELD, NAMES)
    assert splits["held-out"]["baseline"]["top1"] == metrics.top1(other.logits["held-out"], truth)
    assert "## Compared with old 0.1.0" in card and "## Compared with older 0.0.9" in card
    means = [
        np.mean([s["top1"] for s in splits["test"][who]["sources"].values()]) for who in ("this", "baseline")
    ]
    assert [splits["test"][who]["mean_of_sources"] for who in ("this", "baseline")] == pytest.approx(means)


def test_one_view_stands_beside_all(tmp_path: Path) -> None:
    one = {"test": logits_of(TEST, 1, 1), "held-out": logits_of(HELD, 1, 2)}
    report, card = report_of(
        tmp_path, one_view=one, calibration=replace(GIVEN.calibration, views=(1.0, 0.75))
    )
    assert report["one_view"]["test"]["top1"] == metrics.top1(one["test"], metrics.indices(TEST, NAMES))
    assert "2 centre crops (1 and 0.75" in card and "## One view" in card
    assert json.dumps(report["validation"]["views"]) == "[1, 0.75]"


def test_the_whole_picture_is_found_among_the_views() -> None:
    crop, whole = logits_of(TEST, 1, 1), logits_of(TEST, 1, 2)
    assert whole_alone({"test": [crop, whole]}, (0.75, 1.0))["test"] is whole
    assert whole_alone({"test": [crop, whole]}, (0.75, 0.5)) == {} == whole_alone({"test": [whole]}, (1.0,))


def test_validation_says_what_a_probation_compares_with(tmp_path: Path) -> None:
    report, _ = report_of(tmp_path)
    found = report["validation"]
    logits = GIVEN.validation_logits
    assert logits is not None
    truth = metrics.indices(GIVEN.of_split("validation"), NAMES)
    assert found["accuracy"] == pytest.approx(metrics.top1(logits, truth), abs=1e-4)
    assert found["pictures"] == 180 and set(found["perLabel"]) == set(NAMES)
    assert found["confidence"]["p05"] < found["confidence"]["p50"] < found["confidence"]["p95"] <= 1
    assert found["energy"]["p05"] < 0
    assert 0 < found["policy"]["coverage"] <= 1 and found["latency"]["p50Ms"] == 4.2


def test_labels_are_matched_by_name() -> None:
    logits = np.array([[5, 1, 2], [1, 2, 5]], np.float32)
    found = matched(logits, ["paper", "metal", "yarn"], ["metal", "paper", "shoes"])
    assert found.argmax(axis=1).tolist() == [1, 3], "what this run has no label for is right for none"
    assert np.isneginf(found[:, 2]).all()


def test_views_are_averaged_in_logits() -> None:
    class Mean:
        kernels = "none"

        def predict(self, images: Any) -> tuple[Any, Any]:
            return images.reshape(len(images), -1)[:, :2].astype(np.float32), images

    views = [np.full((3, 4, 4, 3), value, np.uint8) for value in (10, 20)]
    inputs = SplitInputs(TEST[:3], views)
    by_view = logits_by_view(Mean(), inputs)
    assert [float(v[0, 0]) for v in by_view] == [10, 20]
    assert (mean_logits(by_view) == 15).all()
