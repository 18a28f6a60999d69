"""Sections of the model card that compare with one view and with baselines."""

from typing import Any

from training.evaluate.report.markdown import table
from training.evaluate.report.weaknesses import percent


def comparison_sections(figures: dict[str, Any]) -> list[str]:
    """Returns Markdown sections. The list is empty if there is nothing to compare with."""
    return [
        *([_one_view(figures)] if figures["one_view"] else []),
        *(_baseline(baseline) for baseline in figures["baselines"]),
    ]


def _one_view(figures: dict[str, Any]) -> str:
    rows = []
    for split, entry in figures["one_view"].items():
        all_views = figures["test" if split == "test" else "held_out"]
        rows.append([f"{split}, all", entry["pictures"], percent(entry["top1"]), percent(all_views["top1"])])
        rows += [
            [source, one["pictures"], percent(one["top1"]), percent(all_views["sources"][source]["accuracy"])]
            for source, one in entry["sources"].items()
            if split == "held-out"
        ]
    return "## One view\n\nAccuracy with the whole image as the only view, and with all views:\n\n" + table(
        ["set", "images", "one view", "all views"], rows
    )


def _baseline(baseline: dict[str, Any]) -> str:
    name = f"{baseline['name']} {baseline['version']}"
    rows = []
    for split, entry in baseline["splits"].items():
        this, other = entry["this"], entry["baseline"]
        rows.append(_row(f"{_set_name(split)}, all", this["pictures"], this["top1"], other["top1"]))
        if split == "home":
            continue
        rows += [
            _row(source, one["pictures"], one["top1"], other["sources"][source]["top1"])
            for source, one in this["sources"].items()
        ]
        rows.append(
            _row(
                f"{_set_name(split)}, mean of the sources",
                len(this["sources"]),
                this["mean_of_sources"],
                other["mean_of_sources"],
            )
        )
    views = " and ".join(f"{view:g}" for view in baseline["views"])
    return (
        f"## Comparison with {name}\n\nThe int8 model of that bundle ran on the same images in the same "
        f"evaluation, with its own views ({views}). It may have been trained on some of these images. This "
        "model was not.\n\n" + table(["set", "images", "this model", name, "difference in points"], rows)
    )


def _set_name(split: str) -> str:
    return "in-domain test" if split == "home" else split


def _row(name: str, count: int, this: float, other: float) -> list[str]:
    return [name, str(count), percent(this), percent(other), f"{100 * (this - other):+.1f}"]
