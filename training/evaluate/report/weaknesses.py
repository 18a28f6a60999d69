"""Weaknesses of a model, as sentences made from its metrics."""

import math
from collections.abc import Iterator
from typing import Any

FEW, SHOWN = 20, 3
"""Images below which a result is uncertain, and maximum sentences of a kind."""
LOW, GAP = 0.9, 0.03
"""Recall or precision that counts as low, and difference that counts as large."""


def weaknesses(figures: dict[str, Any]) -> list[str]:
    """Returns sentences. The most serious kinds come first.

    Args:
        figures: see `figures.all_figures`.
    """
    kinds = (
        _thresholds,
        _held_out,
        _transfer,
        _hazards,
        _classes,
        _sources,
        _formats,
        _calibration,
        _small,
        _data,
    )
    return [sentence for kind in kinds for sentence in kind(figures)]


def percent(share: float | None) -> str:
    """Formats a share as `93.4 %`, or as `-` if it is undefined."""
    return "-" if share is None else f"{100 * share:.1f} %"


def _thresholds(figures: dict[str, Any]) -> Iterator[str]:
    chosen = figures["calibration"]["thresholds"]
    if not chosen["reached"]:
        yield (
            f"No thresholds reach a purity of {percent(chosen['target'])} by the rule `{chosen['rule']}`. "
            f"The nearest thresholds reach {percent(chosen['value'])}."
        )
    least = math.ceil(math.log(0.05) / math.log(chosen["target"])) if chosen["target"] < 1 else math.inf
    groups = figures["splits"]["validation"]["groups"]
    if groups < least:
        yield (
            f"The thresholds come from {groups} groups of validation images. At least {least} groups without "
            f"an error are needed to show a purity of {percent(chosen['target'])}. Take more images."
        )
    found = figures["test"]["policy"]["purity"]
    if found is not None and found < chosen["target"]:
        yield (
            f"On the test images, the chosen thresholds give a purity of {percent(found)}. This is below the "
            f"target of {percent(chosen['target'])}."
        )


def _held_out(figures: dict[str, Any]) -> Iterator[str]:
    if figures["held_out"] is None:
        yield "The model was not tested on a held-out source. Its accuracy with a new camera is unknown."
        return
    held, test = figures["held_out"], figures["test"]
    if held["top1"] < test["top1"] - GAP:
        yield (
            f"On sources that it was never trained on, the accuracy is {percent(held['top1'])}. On the test "
            f"images it is {percent(test['top1'])}. Expect a lower accuracy with a new camera."
        )
    target = figures["calibration"]["thresholds"]["target"]
    for name, entry in _worst(held["sources"], "purity", target):
        yield (
            f"Held-out source `{name}` ({entry['count']} images): accuracy {percent(entry['accuracy'])}, "
            f"coverage {percent(entry['coverage'])}, purity {percent(entry['purity'])}."
        )


def _transfer(figures: dict[str, Any]) -> Iterator[str]:
    target = figures["calibration"]["thresholds"]["target"]
    for name, entry in _worst(figures["transfer"] or {}, "purity", target - GAP):
        yield (
            f"Thresholds chosen without the source `{name}` do not transfer to it: coverage "
            f"{percent(entry['coverage'])}, purity {percent(entry['purity'])}."
        )


def _hazards(figures: dict[str, Any]) -> Iterator[str]:
    hazards = figures["hazards"]
    missed = hazards["count"] - hazards["refused"]
    if missed:
        yield f"{missed} of {hazards['count']} hazards are not recognised and would not be refused."
    if hazards["others_refused"] > 0.01 * hazards["others"]:
        yield f"{hazards['others_refused']} of {hazards['others']} harmless items are refused as hazards."


def _classes(figures: dict[str, Any]) -> Iterator[str]:
    tested = {entry["label"]: entry for entry in figures["classes"] if entry["count"]}
    worst = sorted(tested.values(), key=lambda entry: float(entry["recall"]))[:SHOWN]
    for entry in worst:
        if entry["recall"] < LOW:
            yield (
                f"`{entry['label']}` is recognised in {percent(entry['recall'])} of {entry['count']} images"
                f"{_confusion(figures, entry['label'])}."
            )
    predicted = [entry for entry in figures["classes"] if entry["precision"] is not None]
    for entry in sorted(predicted, key=lambda entry: float(entry["precision"]))[:SHOWN]:
        if entry["precision"] < LOW:
            yield (
                f"Of the images predicted as `{entry['label']}`, only {percent(entry['precision'])} have "
                "this label."
            )


def _confusion(figures: dict[str, Any], label: str) -> str:
    row = list(figures["confusion"][figures["labels"].index(label)])
    row[figures["labels"].index(label)] = 0
    most = max(row)
    return f", most often confused with `{figures['labels'][row.index(most)]}` ({most})" if most else ""


def _sources(figures: dict[str, Any]) -> Iterator[str]:
    whole = figures["test"]["top1"]
    for name, entry in _worst(figures["test"]["sources"], "accuracy", whole - GAP):
        yield (
            f"Source `{name}` ({entry['count']} test images in {entry['groups']} groups): accuracy "
            f"{percent(entry['accuracy'])}. On all test images it is {percent(whole)}."
        )


def _formats(figures: dict[str, Any]) -> Iterator[str]:
    first = figures["formats"][0]
    for entry in figures["formats"][1:]:
        if entry["top1"] < first["top1"] - 0.01:
            lost = 100 * (first["top1"] - entry["top1"])
            yield f"The top-1 accuracy of `{entry['name']}` is {lost:.1f} points below `{first['name']}`."


def _calibration(figures: dict[str, Any]) -> Iterator[str]:
    for entry in figures["formats"]:
        if entry["name"] == figures["shipped"] and entry["ece"] > 0.03:
            yield (
                f"The confidences differ from the accuracy by {100 * entry['ece']:.1f} points on average "
                "(ECE), even after the temperature is applied."
            )


def _small(figures: dict[str, Any]) -> Iterator[str]:
    few = [f"`{entry['label']}` ({entry['count']})" for entry in figures["classes"] if entry["count"] < FEW]
    if few:
        yield f"These labels have few test images, so their results are uncertain: {', '.join(few)}."


def _data(figures: dict[str, Any]) -> Iterator[str]:
    unstated = [entry["source"] or entry["name"] for entry in figures["data"] if not entry["licence"]]
    described = {entry["source"] for entry in figures["data"]}
    used = {source for split in figures["splits"].values() for source in split["sources"]}
    unstated += sorted(used - described)
    if unstated:
        yield (
            f"No licence is stated for {', '.join(f'`{name}`' for name in unstated)}. "
            "Clarify this before you distribute the model."
        )


def _worst(entries: dict[str, Any], key: str, below: float) -> list[tuple[str, Any]]:
    """Returns at most SHOWN entries with at least FEW images and a value below `below`, the lowest first."""
    low = [
        (name, entry)
        for name, entry in entries.items()
        if entry["count"] >= FEW and entry[key] is not None and entry[key] < below
    ]
    return sorted(low, key=lambda pair: float(pair[1][key]))[:SHOWN]
