"""Section of the model card on the training."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluate.report.markdown import table
from training.progress import clock

PHASE_SETTINGS = ("augment", "sampling")
"""Settings that a phase may change. The card lists only the changed values."""


def training_section(figures: dict[str, Any]) -> str:
    """Returns Markdown with the duration, the curves, the phases and the other settings of the recipe."""
    training = figures["training"]
    config = dict(training["config"])
    parts = [f"## Training\n\nDuration: {clock(training['wall_s'])} (h:mm:ss) on {training['hardware']}."]
    if "curves.png" in figures["plots"]:
        parts.append("![training curves](curves.png)")
    phases = config.pop("phases", ())
    if phases:
        parts.append(_phases(phases, config))
    if config:
        parts.append(table(["setting", "value"], _settings(config)))
    return "\n\n".join(parts)


def _phases(phases: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> str:
    columns = [
        key for key in phases[0] if key not in PHASE_SETTINGS and any(phase[key] != "" for phase in phases)
    ]
    rows = []
    for phase in phases:
        changes = [
            f"{key} {_value(value)}"
            for part in PHASE_SETTINGS
            for key, value in (phase.get(part) or {}).items()
            if value != config.get(part, {}).get(key)
        ]
        rows.append([*(_value(phase[key]) for key in columns), ", ".join(changes) or "-"])
    return table([*(key.replace("_", " ") for key in columns), "changed settings"], rows)


def _settings(config: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for key, value in config.items():
        nested = isinstance(value, Mapping)
        inner = [(f"{key}.{name}", one) for name, one in value.items()] if nested else [(key, value)]
        rows += [[f"`{name}`", _value(one)] for name, one in inner]
    return rows


def _value(value: Any) -> str:
    if value in ("", [], ()):
        return "-"
    if isinstance(value, list | tuple):
        return f"({', '.join(_value(one) for one in value)})"
    return f"{value:g}" if isinstance(value, float) else str(value)
