"""The model card, made only from the content of `report.json`."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluate.judge.compartments import REFUSE
from training.evaluate.report.card_comparisons import comparison_sections
from training.evaluate.report.card_training import training_section
from training.evaluate.report.markdown import table
from training.evaluate.report.weaknesses import percent, weaknesses

RULES: Mapping[str, str] = {
    "home": "the purity of all validation images together",
    "bootstrap": "the lower end of the 95 % range of the purity, over resamples of whole groups",
    "mean-source": "the mean of the purities of the sources",
    "worst-source": "the lowest purity of a source",
}
"""The purity that must reach the target, for each rule of `thresholds.RULES`."""


def model_card(figures: dict[str, Any]) -> str:
    """Returns the model card as Markdown.

    Args:
        figures: content of `report.json`.
    """
    parts = [
        _head(figures),
        _formats(figures),
        _data(figures),
        _splits(figures),
        _classes(figures),
        _sources(figures),
        *comparison_sections(figures),
        _compartments(figures),
        _thresholds(figures),
        _weaknesses(figures),
        training_section(figures),
    ]
    return "\n\n".join(parts) + "\n"


def _head(figures: dict[str, Any]) -> str:
    test = figures["test"]
    place = {label: figures["compartments"][label] for label in figures["labels"]}
    places = ", ".join(sorted(set(place.values()) - {REFUSE}))
    refused = ", ".join(label for label in place if place[label] == REFUSE) or "none"
    return (
        f"# {figures['name']} {figures['version']}\n\n"
        f"This model classifies an image of a single item as one of {len(figures['labels'])} kinds of waste: "
        f"{', '.join(figures['labels'])}. Compartments: {places}. Refused labels: {refused}. "
        f"Created: {figures['created']}.\n\n"
        "> **Warning:** The model is not a safety device.\n\n"
        f"The shipped format is `{figures['shipped']}`. "
        f"Its accuracy on {figures['splits']['test']['pictures']} test images is {percent(test['top1'])} "
        f"(95 % range {_range(test['top1_range'])}). All ranges come from resampling whole groups of "
        "images.\n\n"
        f"**Licence**: {figures['licence']}"
    )


def _formats(figures: dict[str, Any]) -> str:
    reference = figures["formats"][0]["name"]
    head = [
        "format",
        "top-1",
        "95 % range",
        "macro recall",
        "compartment accuracy",
        f"agreement with {reference}",
    ]
    in_domain, corrected = _in_domain(figures), figures["corrected"]
    if in_domain:
        head[3:3] = ["in-domain top-1", "in-domain ECE"]
    if corrected:
        head[2:2] = ["on corrected labels"]
    rows = [
        [
            entry["name"],
            percent(entry["top1"]),
            *([percent(entry["top1_corrected"])] if corrected else []),
            _range(entry["top1_range"]),
            *([percent(entry["home"]["top1"]), f"{entry['home']['ece']:.3f}"] if in_domain else []),
            percent(entry["macro_recall"]),
            percent(entry["compartment_accuracy"]),
            percent(entry["agreement"]),
            f"{entry['ece_before']:.3f} / {entry['ece']:.3f}",
            f"{entry['bytes']:,}",
            "-" if entry["ms"] is None else f"{entry['ms']:.1f}",
        ]
        for entry in figures["formats"]
    ]
    temperature = figures["calibration"]["temperature"]
    return (
        "## Results\n\n"
        + table([*head, f"ECE before / after T = {temperature:.2f}", "bytes", "ms per inference"], rows)
        + _notes(figures)
        + "\n\n![reliability](reliability.png)"
    )


def _notes(figures: dict[str, Any]) -> str:
    in_domain, corrected, views = _in_domain(figures), figures["corrected"], figures["views"]
    notes = [
        "Top-1 is the accuracy of the label with the highest score.",
        "Macro recall is the mean recall of all labels.",
        "ECE is the expected calibration error, before and after the temperature T is applied.",
    ]
    notes += [f"`{entry['name']}` ran by {entry['by']}." for entry in figures["formats"] if entry["by"]]
    if len(views) > 1:
        crops = " and ".join(f"{view:g}" for view in views)
        notes.append(
            f"All results use the mean logits of {len(views)} centre crops ({crops} of the image's sides), "
            f"as on the bin. Each image therefore needs {len(views)} inferences."
        )
    if in_domain:
        count = figures["formats"][0]["home"]["pictures"]
        notes.append(f"In-domain: the {count} test images of {', '.join(in_domain['sources'])}.")
    if corrected:
        notes.append(
            f"On corrected labels: a reviewed list changes the labels of {corrected['changed']} test images "
            f"and drops {corrected['dropped']}. All other results use the original labels."
        )
    return "\n\n" + "\n".join(f"- {note}" for note in notes)


def _in_domain(figures: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the in-domain test, or None if it is the whole test split."""
    in_domain: dict[str, Any] | None = figures["home"]
    whole = set(figures["splits"]["test"]["sources"])
    return in_domain if in_domain and set(in_domain["sources"]) != whole else None


def _data(figures: dict[str, Any]) -> str:
    counts: dict[str, int] = {}
    for split in figures["splits"].values():
        for source, count in split["sources"].items():
            counts[source] = counts.get(source, 0) + count
    rows = [
        [entry["what"], entry["name"], entry["source"] or "-", entry["licence"] or "not stated"]
        for entry in figures["data"]
    ]
    described = {entry["source"] for entry in figures["data"]}
    rows += [["pictures", "-", source, "not stated"] for source in sorted(set(counts) - described)]
    head = ["kind", "origin", "source", "images", "licence"]
    return "## Data and licences\n\n" + table(head, ([*r[:3], counts.get(r[2], "-"), r[3]] for r in rows))


def _splits(figures: dict[str, Any]) -> str:
    splits = figures["splits"]
    rows: list[list[Any]] = [
        ["images", *(split["pictures"] for split in splits.values())],
        ["groups", *(split["groups"] for split in splits.values())],
    ]
    rows += [[label, *(s["labels"].get(label, 0) for s in splits.values())] for label in figures["labels"]]
    return (
        "## Splits\n\nImages of the same object and near-duplicates form a group. All images of a group are "
        "in the same split.\n\n" + table(["", *splits], rows)
    )


def _classes(figures: dict[str, Any]) -> str:
    rows = [
        [e["label"], e["count"], percent(e["recall"]), percent(e["precision"])] for e in figures["classes"]
    ]
    return (
        f"## By class\n\nTest images, format `{figures['shipped']}`, without thresholds.\n\n"
        + table(["label", "images", "recall", "precision"], rows)
        + "\n\n![confusion matrix](confusion.png)"
    )


def _sources(figures: dict[str, Any]) -> str:
    head = ["source", "images", "groups", "accuracy", "coverage", "purity"]
    text = (
        "## By source\n\nTest images. Coverage is the share of the items that are sorted with the thresholds "
        "below. Purity is the share of the sorted items that are in the right compartment.\n\n"
        + table(head, _source_rows(figures["test"]["sources"]))
    )
    held = figures["held_out"]
    if held is None:
        return text
    return (
        f"{text}\n\nHeld-out test: sources that were not used for training. The accuracy is "
        f"{percent(held['top1'])} (95 % range {_range(held['top1_range'])}). "
        f"{percent(held['unfamiliar'])} of the images are unfamiliar (out of distribution).\n\n"
        + table(head, _source_rows(held["sources"]))
    )


def _source_rows(sources: dict[str, Any]) -> list[list[Any]]:
    return [
        [name, e["count"], e["groups"], percent(e["accuracy"]), percent(e["coverage"]), percent(e["purity"])]
        for name, e in sources.items()
    ]


def _compartments(figures: dict[str, Any]) -> str:
    chosen = figures["test"]["compartments"]
    none = {"coverage": None, "purity": None}
    rows = [
        [
            entry["label"],
            entry["count"],
            percent(entry["recall"]),
            percent(entry["precision"]),
            percent(chosen.get(entry["label"], none)["coverage"]),
            percent(chosen.get(entry["label"], none)["purity"]),
        ]
        for entry in figures["compartment_classes"]
    ]
    hazards = figures["hazards"]
    return (
        "## By compartment\n\nTest images. Coverage and purity are computed with the thresholds below.\n\n"
        + table(["compartment", "images", "recall", "precision", "coverage", "purity"], rows)
        + "\n\nHazards are items with a refused label. "
        f"{hazards['refused']} of {hazards['count']} hazards are refused. "
        f"{hazards['others_refused']} of {hazards['others']} other items are refused too."
    )


def _thresholds(figures: dict[str, Any]) -> str:
    calibration, test = figures["calibration"], figures["test"]
    chosen, unfamiliar = calibration["thresholds"], calibration["unfamiliar"]
    policy = test["policy"]
    goal = "Of all pairs of a grid that reach the target, this pair has the highest coverage."
    if not chosen["reached"]:
        goal = "No pair of the grid reaches the target. This pair is the nearest."
    lines = [
        f"All values come from the validation images and the format `{figures['shipped']}`.",
        f"The temperature {calibration['temperature']:.3f} has the lowest negative log likelihood.",
        f"An item is unfamiliar if its score ({unfamiliar['score']}) is above {unfamiliar['threshold']:.3f}. "
        f"{percent(unfamiliar['kept'])} of the validation images are not above it.",
        f"An item is sorted if its confidence is at least {chosen['confidence']:g} and its margin is at "
        f"least {chosen['margin']:g}. The margin is the difference of the two highest scores.",
        f"The target is a purity of {percent(chosen['target'])}. By the rule `{chosen['rule']}`, "
        f"{RULES[chosen['rule']]} must reach it. {goal}",
        f"Validation images: coverage {percent(chosen['coverage'])}, purity {percent(chosen['purity'])}.",
        f"Test images: coverage {percent(policy['coverage'])}, purity {percent(policy['purity'])} "
        f"(95 % range {_range(test['purity_range'])}).",
        "Coverage and purity do not include refused hazards.",
    ]
    text = "## Thresholds\n\n" + "\n".join(f"- {line}" for line in lines) + "\n\n![purity](purity.png)"
    if figures["transfer"] is None:
        return text
    rows = [
        [
            n,
            e["count"],
            f"{e['confidence']:g}",
            f"{e['margin']:g}",
            percent(e["coverage"]),
            percent(e["purity"]),
        ]
        for n, e in figures["transfer"].items()
    ]
    head = ["source left out", "images", "confidence", "margin", "coverage", "purity"]
    return (
        f"{text}\n\nTransfer of thresholds between sources: thresholds are chosen by the rule `home` on the "
        "validation images of all other sources. They are then applied to the source that is left out. The "
        "model itself may have been trained on that source.\n\n" + table(head, rows)
    )


def _weaknesses(figures: dict[str, Any]) -> str:
    sentences = weaknesses(figures) or ["None found."]
    return "## Weaknesses\n\n" + "\n".join(f"- {sentence}" for sentence in sentences)


def _range(ends: Sequence[float | None]) -> str:
    return f"{percent(ends[0])} to {percent(ends[1])}"
