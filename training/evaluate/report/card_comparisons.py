"""The model card's sections on one view alone and on another model."""

from typing import Any

from training.evaluate.report.markdown import table
from training.evaluate.report.weaknesses import percent


def compared(figures: dict[str, Any]) -> list[str]:
    """Markdown sections, none where there is nothing to compare with."""
    return [
        *([_one_view(figures)] if figures["one_view"] else []),
        *(_baseline(baseline) for baseline in figures["baselines"]),
    ]


def _one_view(figures: dict[str, Any]) -> str:
    rows = []
    for split, entry in figures["one_view"].items():
        both = figures["test" if split == "test" else "held_out"]
        rows.append([f"{split}, all", entry["pictures"], percent(entry["top1"]), percent(both["top1"])])
        rows += [
            [source, one["pictures"], percent(one["top1"]), percent(both["sources"][source]["accuracy"])]
            for source, one in entry["sources"].items()
            if split == "held-out"
        ]
    return "## One view\n\nWhat the whole picture alone gives, beside all views:\n\n" + table(
        ["pictures of", "pictures", "one view", "all views"], rows
    )


def _baseline(baseline: dict[str, Any]) -> str:
    name = f"{baseline['name']} {baseline['version']}"
    rows = []
    for split, entry in baseline["splits"].items():
        this, other = entry["this"], entry["baseline"]
        rows.append(_row(f"{split}, all", this["pictures"], this["top1"], other["top1"]))
        if split == "home":
            continue
        rows += [
            _row(source, one["pictures"], one["top1"], other["sources"][source]["top1"])
            for source, one in this["sources"].items()
        ]
        rows.append(
            _row(
                f"{split}, mean of the sources",
                len(this["sources"]),
                this["mean_of_sources"],
                other["mean_of_sources"],
            )
        )
    views = " and ".join(f"{view:g}" for view in baseline["views"])
    return (
        f"## Compared with {name}\n\nThe int8 model of that bundle on the same pictures in the same run, "
        f"with its own views ({views}). It may have been trained on some of these pictures; this one was "
        "not.\n\n" + table(["pictures of", "pictures", "this model", name, "points"], rows)
    )


def _row(what: str, count: int, this: float, other: float) -> list[str]:
    return [what, str(count), percent(this), percent(other), f"{100 * (this - other):+.1f}"]
