"""The model card, made from the figures of a report alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluate.judge.compartments import REFUSE
from training.evaluate.report.card_comparisons import compared
from training.evaluate.report.card_training import trained
from training.evaluate.report.markdown import table
from training.evaluate.report.weaknesses import percent

RULES: Mapping[str, str] = {
    "home": "the purity of all of them together has to reach it",
    "bootstrap": "the lower end of the purity's 95 % range, over resamples of whole groups, has to reach it",
    "mean-source": "the mean of the purities of the single sources has to reach it",
    "worst-source": "the purity of the worst single source has to reach it",
}


def model_card(figures: dict[str, Any]) -> str:
    """Markdown.

    Args:
        figures: what `report.json` holds.
    """
    parts = [
        _head(figures),
        _formats(figures),
        _data(figures),
        _splits(figures),
        _classes(figures),
        _sources(figures),
        *compared(figures),
        _compartments(figures),
        _thresholds(figures),
        _weak(figures),
        trained(figures),
    ]
    return "\n\n".join(parts) + "\n"


def _head(figures: dict[str, Any]) -> str:
    test = figures["test"]
    place = {label: figures["compartments"][label] for label in figures["labels"]}
    places = ", ".join(sorted(set(place.values()) - {REFUSE}))
    hazards = ", ".join(label for label in place if place[label] == REFUSE) or "nothing"
    return (
        f"# {figures['name']} {figures['version']}\n\n"
        f"Tells {len(figures['labels'])} kinds of waste apart in a picture of a single item: "
        f"{', '.join(figures['labels'])}. Made {figures['created']}, to sort into {places}; "
        f"{hazards} is refused. It is no safety device.\n\n"
        f"The shipped format is `{figures['shipped']}`. "
        f"On {figures['splits']['test']['pictures']} test pictures it is right in {percent(test['top1'])} "
        f"(95 % range {_range(test['top1_range'])}; ranges are by "
        "resampling whole groups of pictures).\n\n"
        f"**Licence**: {figures['licence']}"
    )


def _formats(figures: dict[str, Any]) -> str:
    reference = figures["formats"][0]["name"]
    head = ["format", "top-1", "95 % range", "macro recall", "by compartment", f"agreement with {reference}"]
    home, corrected = _home(figures), figures["corrected"]
    if home:
        head[3:3] = ["top-1 at home", "ECE at home"]
    if corrected:
        head[2:2] = ["on corrected labels"]
    rows = [
        [
            entry["name"],
            percent(entry["top1"]),
            *([percent(entry["top1_corrected"])] if corrected else []),
            _range(entry["top1_range"]),
            *([percent(entry["home"]["top1"]), f"{entry['home']['ece']:.3f}"] if home else []),
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
        "## Figures\n\n"
        + table([*head, f"ECE before / after T = {temperature:.2f}", "bytes", "ms an inference"], rows)
        + _notes(figures)
        + "\n\n![reliability](reliability.png)"
    )


def _notes(figures: dict[str, Any]) -> str:
    home, corrected, views = _home(figures), figures["corrected"], figures["views"]
    notes = [f"`{entry['name']}` ran by {entry['by']}." for entry in figures["formats"] if entry["by"]]
    if len(views) > 1:
        crops = " and ".join(f"{view:g}" for view in views)
        notes.append(
            f"Each figure is of the mean logits of {len(views)} centre crops ({crops} of the picture's "
            f"sides), as the bin decides: a picture costs {len(views)} inferences."
        )
    if home:
        count = figures["formats"][0]["home"]["pictures"]
        notes.append(f"At home: the {count} test pictures of {', '.join(home['sources'])}.")
    if corrected:
        notes.append(
            f"On corrected labels: a reviewed list changes {corrected['changed']} and leaves out "
            f"{corrected['dropped']} of the test pictures; all other figures are on the labels as they are."
        )
    return "\n\n" + " ".join(notes) if notes else ""


def _home(figures: dict[str, Any]) -> dict[str, Any] | None:
    """None where it is the whole test split, whose figures stand there already."""
    home: dict[str, Any] | None = figures["home"]
    return home if home and set(home["sources"]) != set(figures["splits"]["test"]["sources"]) else None


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
    head = ["what", "from", "source", "pictures", "licence"]
    return "## Data and licences\n\n" + table(head, ([*r[:3], counts.get(r[2], "-"), r[3]] for r in rows))


def _splits(figures: dict[str, Any]) -> str:
    splits = figures["splits"]
    rows: list[list[Any]] = [
        ["pictures", *(split["pictures"] for split in splits.values())],
        ["groups", *(split["groups"] for split in splits.values())],
    ]
    rows += [[label, *(s["labels"].get(label, 0) for s in splits.values())] for label in figures["labels"]]
    return (
        "## Splits\n\nPictures of one thing, and near-duplicates, are one group and on one side.\n\n"
        + table(["", *splits], rows)
    )


def _classes(figures: dict[str, Any]) -> str:
    rows = [
        [e["label"], e["count"], percent(e["recall"]), percent(e["precision"])] for e in figures["classes"]
    ]
    return (
        f"## By class\n\nTest pictures, `{figures['shipped']}`, no threshold applied.\n\n"
        + table(["label", "pictures", "recall", "precision"], rows)
        + "\n\n![confusion matrix](confusion.png)"
    )


def _sources(figures: dict[str, Any]) -> str:
    head = ["source", "pictures", "groups", "right", "sorted by the thresholds", "purity of the sorted"]
    text = "## By source\n\nTest pictures:\n\n" + table(head, _source_rows(figures["test"]["sources"]))
    held = figures["held_out"]
    if held is None:
        return text
    return (
        f"{text}\n\nSources that were held out of training altogether: {percent(held['top1'])} right "
        f"(95 % range {_range(held['top1_range'])}), {percent(held['unfamiliar'])} unfamiliar.\n\n"
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
        "## By compartment\n\nTest pictures; the last two columns with the thresholds below.\n\n"
        + table(["compartment", "pictures", "recall", "precision", "sorted", "purity of the sorted"], rows)
        + f"\n\nHazards: {hazards['refused']} of {hazards['count']} refused; "
        f"{hazards['others_refused']} of {hazards['others']} others refused too."
    )


def _thresholds(figures: dict[str, Any]) -> str:
    calibration, test = figures["calibration"], figures["test"]
    chosen, unfamiliar = calibration["thresholds"], calibration["unfamiliar"]
    policy = test["policy"]
    sentences = [
        f"All from the validation pictures, with `{figures['shipped']}`.",
        f"The temperature {calibration['temperature']:.3f} has the lowest negative log likelihood.",
        f"An item is unfamiliar with a score ({unfamiliar['score']}) above {unfamiliar['threshold']:.3f},",
        f"which keeps {percent(unfamiliar['kept'])} of them.",
        f"An item is sorted from a confidence of {chosen['confidence']:g}",
        f"and a margin of {chosen['margin']:g} on: the pair of a grid that sorts most for a purity",
        f"by compartment of {percent(chosen['target'])}. By the rule `{chosen['rule']}`",
        f"{RULES[chosen['rule']]}{'' if chosen['reached'] else ', which no pair does: this one is nearest'}.",
        f"There it sorts {percent(chosen['coverage'])} with a purity of {percent(chosen['purity'])};",
        f"on the test pictures {percent(policy['coverage'])} with {percent(policy['purity'])}",
        f"(95 % range {_range(test['purity_range'])}). Refused hazards count in neither.",
    ]
    text = f"## Thresholds\n\n{' '.join(sentences)}\n\n![purity](purity.png)"
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
    head = ["source left out", "pictures", "confidence", "margin", "sorted", "purity of the sorted"]
    return (
        f"{text}\n\nHow thresholds transfer: chosen by the rule `home` on the validation pictures of all "
        "other sources, tried on the one left out (which the model itself may have been trained on):\n\n"
        + table(head, rows)
    )


def _weak(figures: dict[str, Any]) -> str:
    return "## Weaknesses\n\n" + "\n".join(
        f"- {sentence}" for sentence in figures["weaknesses"] or ["None found."]
    )


def _range(ends: Sequence[float | None]) -> str:
    return f"{percent(ends[0])} to {percent(ends[1])}"
