"""What a model is bad at, in words made from its figures."""

import math
from collections.abc import Iterator
from typing import Any

FEW, SHOWN = 20, 3
LOW, GAP = 0.9, 0.03


def weaknesses(figures: dict[str, Any]) -> list[str]:
    """Sentences, the gravest kinds first.

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
    """A share as `93.4 %`; `-` for one of nothing."""
    return "-" if share is None else f"{100 * share:.1f} %"


def _thresholds(figures: dict[str, Any]) -> Iterator[str]:
    chosen = figures["calibration"]["thresholds"]
    if not chosen["reached"]:
        yield (
            f"No thresholds reach the purity of {percent(chosen['target'])} by the rule `{chosen['rule']}`; "
            f"the nearest have {percent(chosen['value'])}."
        )
    least = math.ceil(math.log(0.05) / math.log(chosen["target"])) if chosen["target"] < 1 else math.inf
    groups = figures["splits"]["validation"]["groups"]
    if groups < least:
        yield (
            f"The thresholds come from {groups} groups of validation pictures; it takes {least} without a "
            f"fault to show a purity of {percent(chosen['target'])}. Take more pictures."
        )
    found = figures["test"]["policy"]["purity"]
    if found is not None and found < chosen["target"]:
        yield (
            f"On the test pictures the chosen thresholds give a purity of {percent(found)}, below the "
            f"{percent(chosen['target'])} that was aimed at."
        )


def _held_out(figures: dict[str, Any]) -> Iterator[str]:
    if figures["held_out"] is None:
        yield "Not tried on any source that was held out: how it does before a new camera is not known."
        return
    held, test = figures["held_out"], figures["test"]
    if held["top1"] < test["top1"] - GAP:
        yield (
            f"On sources that it was never trained on it is right in {percent(held['top1'])}, against "
            f"{percent(test['top1'])} on the test pictures: expect less before a new camera."
        )
    target = figures["calibration"]["thresholds"]["target"]
    for name, entry in _worst(held["sources"], "purity", target):
        yield (
            f"Held-out source `{name}` ({entry['count']} pictures): {percent(entry['accuracy'])} right; "
            f"the thresholds sort {percent(entry['coverage'])} with a purity of {percent(entry['purity'])}."
        )


def _transfer(figures: dict[str, Any]) -> Iterator[str]:
    target = figures["calibration"]["thresholds"]["target"]
    for name, entry in _worst(figures["transfer"] or {}, "purity", target - GAP):
        yield (
            f"Thresholds chosen without the source `{name}` sort {percent(entry['coverage'])} of it "
            f"with a purity of {percent(entry['purity'])}: they do not transfer to it."
        )


def _hazards(figures: dict[str, Any]) -> Iterator[str]:
    hazards = figures["hazards"]
    missed = hazards["count"] - hazards["refused"]
    if missed:
        yield f"{missed} of {hazards['count']} hazards are not recognised as such and would not be refused."
    if hazards["others_refused"] > 0.01 * hazards["others"]:
        yield f"{hazards['others_refused']} of {hazards['others']} harmless items are refused as hazards."


def _classes(figures: dict[str, Any]) -> Iterator[str]:
    known = {entry["label"]: entry for entry in figures["classes"] if entry["count"]}
    worst = sorted(known.values(), key=lambda entry: float(entry["recall"]))[:SHOWN]
    for entry in worst:
        if entry["recall"] < LOW:
            yield (
                f"`{entry['label']}` is recognised in {percent(entry['recall'])} of {entry['count']} pictures"
                f"{_taken_for(figures, entry['label'])}."
            )
    called = [entry for entry in figures["classes"] if entry["precision"] is not None]
    for entry in sorted(called, key=lambda entry: float(entry["precision"]))[:SHOWN]:
        if entry["precision"] < LOW:
            yield f"Of what it calls `{entry['label']}` only {percent(entry['precision'])} is."


def _taken_for(figures: dict[str, Any], label: str) -> str:
    row = list(figures["confusion"][figures["labels"].index(label)])
    row[figures["labels"].index(label)] = 0
    most = max(row)
    return f", most often taken for `{figures['labels'][row.index(most)]}` ({most})" if most else ""


def _sources(figures: dict[str, Any]) -> Iterator[str]:
    whole = figures["test"]["top1"]
    for name, entry in _worst(figures["test"]["sources"], "accuracy", whole - GAP):
        yield (
            f"Source `{name}` ({entry['count']} test pictures in {entry['groups']} groups): "
            f"{percent(entry['accuracy'])} right, {percent(whole)} on all."
        )


def _formats(figures: dict[str, Any]) -> Iterator[str]:
    first = figures["formats"][0]
    for entry in figures["formats"][1:]:
        if entry["top1"] < first["top1"] - 0.01:
            lost = 100 * (first["top1"] - entry["top1"])
            yield f"`{entry['name']}` loses {lost:.1f} points of top-1 against `{first['name']}`."


def _calibration(figures: dict[str, Any]) -> Iterator[str]:
    for entry in figures["formats"]:
        if entry["name"] == figures["shipped"] and entry["ece"] > 0.03:
            yield (
                f"Its confidences are off by {100 * entry['ece']:.1f} points on average (ECE), "
                "even after the temperature."
            )


def _small(figures: dict[str, Any]) -> Iterator[str]:
    few = [f"`{entry['label']}` ({entry['count']})" for entry in figures["classes"] if entry["count"] < FEW]
    if few:
        yield f"Few test pictures, so their figures say little: {', '.join(few)}."


def _data(figures: dict[str, Any]) -> Iterator[str]:
    unstated = [entry["source"] or entry["name"] for entry in figures["data"] if not entry["licence"]]
    described = {entry["source"] for entry in figures["data"]}
    used = {source for split in figures["splits"].values() for source in split["sources"]}
    unstated += sorted(used - described)
    if unstated:
        yield (
            f"No licence is stated for {', '.join(f'`{name}`' for name in unstated)}: "
            "clear that before passing the model on."
        )


def _worst(entries: dict[str, Any], key: str, below: float) -> list[tuple[str, Any]]:
    """The entries of at least FEW pictures with the lowest figure below a bound, at most SHOWN of them."""
    low = [
        (name, entry)
        for name, entry in entries.items()
        if entry["count"] >= FEW and entry[key] is not None and entry[key] < below
    ]
    return sorted(low, key=lambda pair: float(pair[1][key]))[:SHOWN]
