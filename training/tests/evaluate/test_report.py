"""The report has all metrics, the card shows them, and the plots are images."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from training.config import AugmentConfig, Config, Phase
from training.errors import TrainingError
from training.evaluate.judge import metrics
from training.evaluate.judge.evaluation import FormatResult
from training.evaluate.judge.figures import all_figures
from training.evaluate.report.plots import plot_curves, plot_purity
from training.evaluate.report.weaknesses import weaknesses
from training.evaluate.report.write import write_report
from training.tests.support.evaluate_data import NAMES, evaluation, logits_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report")
    write_report(path, evaluation())
    return path


@pytest.fixture(scope="module")
def report(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text(), parse_constant=pytest.fail)


def test_report_has_the_metrics_of_every_format(report: Any) -> None:
    model = evaluation()
    test = model.of_split("test")
    truth = metrics.label_indices(test, NAMES)
    assert report["schema"] == 1
    assert [entry["name"] for entry in report["formats"]] == ["float", "int8", "tfjs"]
    for entry, result in zip(report["formats"], model.formats, strict=True):
        assert entry["top1"] == metrics.top1(result.logits, truth)
        assert entry["top1_range"][0] < entry["top1"] < entry["top1_range"][1]
        assert entry["agreement"] == metrics.agreement(result.logits, model.formats[0].logits)
        assert (entry["bytes"], entry["ms"]) == (result.bytes, result.ms)
    assert report["formats"][2]["agreement"] == 1 > report["formats"][1]["agreement"]


def test_report_has_splits_sources_training_and_thresholds(report: Any) -> None:
    assert report["splits"]["test"]["pictures"] == 240
    assert report["splits"]["test"]["groups"] == 80
    assert sum(map(sum, report["confusion"])) == 240
    assert set(report["test"]["sources"]) == {"a", "b"}
    assert report["held_out"]["sources"]["bin-camera"]["count"] == 60
    assert report["held_out"]["top1"] < report["test"]["top1"]
    assert set(report["transfer"]) == {"a", "b"}
    assert report["training"]["config"] == {"model": "efficientnet_lite0", "batch": 32}
    assert len(report["training"]["history"]) == 5
    assert report["calibration"]["thresholds"]["confidence"] == 0.6
    low, high = report["test"]["purity_range"]
    assert low <= report["test"]["policy"]["purity"] <= high


def test_card_shows_the_metrics(folder: Path, report: Any) -> None:
    card = (folder / "README.md").read_text()
    for entry in report["formats"]:
        row = next(line for line in card.splitlines() if line.startswith(f"| {entry['name']} |"))
        assert f"{100 * entry['top1']:.1f} %" in row
        assert f"{entry['bytes']:,}" in row
    for word in ("Set A @ 123", "not stated", "1:02:05", "x86_64, 2 cores", "`home`", "-1.500", *NAMES):
        assert word in card
    for sentence in report["weaknesses"]:
        assert f"- {sentence}\n" in card
    for line in card.splitlines():
        assert "None" not in line
        assert "nan" not in re.findall(r"\w+", line)


def test_card_lists_the_phases_of_the_training(tmp_path: Path) -> None:
    config = Config(
        "own",
        "efficientnet_lite0",
        (
            Phase("head", 1, 160, 2e-3, trainable="head"),
            Phase("gentle", 4, 224, 1.5e-4, augment=AugmentConfig(mild=0.5, scale=(0.55, 1.5))),
            Phase("other", 2, 224, 1e-4, begins_at="head"),
        ),
        average=("gentle", "other"),
    )
    write_report(tmp_path, evaluation(config=asdict(config)))
    card = (tmp_path / "README.md").read_text()
    assert "| head | 1 | 160 | 0.002 | head | 0 | - | - |" in card
    assert "| gentle | 4 | 224 | 0.00015 | all | 0 | - | mild 0.5, scale (0.55, 1.5) |" in card
    assert "| other | 2 | 224 | 0.0001 | all | 0 | head | - |" in card
    assert "| `average` | (gentle, other) |" in card
    assert "| `augment.scale` | (0.39, 2) |" in card
    assert "{" not in card


def test_card_tables_are_complete_and_its_plots_exist(folder: Path, report: Any) -> None:
    card = (folder / "README.md").read_text()
    blocks = re.findall(r"(?:^\|.*\n)+", card, re.M)
    assert len(blocks) >= 8
    for block in blocks:
        assert len({line.count("|") for line in block.splitlines()}) == 1
    links = re.findall(r"\]\((\S+\.png)\)", card)
    assert sorted(links) == sorted(report["plots"])
    for link in links:
        with Image.open(folder / link) as image:
            assert min(image.size) > 200
            assert len(image.convert("RGB").getcolors(1 << 20) or []) > 8
        assert (folder / link).stat().st_size < 150_000


def test_weaknesses_follow_the_metrics(report: Any) -> None:
    text = "\n".join(report["weaknesses"])
    assert "never trained on" in text
    assert "`bin-camera` (60 images)" in text
    assert "No licence is stated for `b`, `bin-camera`" in text
    worst = min(report["classes"], key=lambda entry: entry["recall"])
    assert f"`{worst['label']}` is recognised in {100 * worst['recall']:.1f} %" in text


def test_a_perfect_model_has_no_weak_labels(report: Any) -> None:
    model = evaluation()
    perfect = [FormatResult(r.name, logits_of(model.of_split("test"), 40), r.bytes) for r in model.formats]
    assert "recognised" not in "".join(weaknesses(figures_of(formats=perfect)))
    assert "unknown" in "".join(weaknesses(figures_of(held_out_logits=None)))


@pytest.mark.parametrize(("groups", "is_weak"), [(7, True), (298, True), (299, False)])
def test_too_few_validation_groups_are_a_weakness(groups: int, is_weak: bool) -> None:
    figures = figures_of()
    figures["calibration"]["thresholds"]["target"] = 0.99
    figures["splits"]["validation"]["groups"] = groups
    sentence = (
        f"The thresholds come from {groups} groups of validation images. "
        "At least 299 groups without an error are needed"
    )
    assert (sentence in "".join(weaknesses(figures))) is is_weak


def figures_of(**changes: Any) -> dict[str, Any]:
    return all_figures(evaluation(**changes))


def test_report_without_history_and_held_out_images(tmp_path: Path) -> None:
    written = write_report(tmp_path, evaluation(history=(), held_out_logits=None, validation_logits=None))
    assert written["held_out"] is written["transfer"] is None
    assert not (tmp_path / "curves.png").exists()
    assert "curves.png" not in (tmp_path / "README.md").read_text()


def test_refuses_an_invalid_evaluation_before_writing(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="shipped format edgetpu: not found"):
        write_report(tmp_path / "r", evaluation(shipped="edgetpu"))
    with pytest.raises(TrainingError, match=r"60 held-out images and 12 labels"):
        write_report(tmp_path / "r", evaluation(held_out_logits=np.zeros((3, 12))))
    assert not (tmp_path / "r").exists()


def test_plots_refuse_no_history_and_too_many_curves(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="history: empty"):
        plot_curves(tmp_path / "c.png", [])
    curve = (np.array([1.0]), np.array([1.0]))
    with pytest.raises(TrainingError, match="1 to 8"):
        plot_purity(tmp_path / "p.png", {str(i): curve for i in range(9)}, {}, {}, 0.99)
