"""Settings of a recipe that the command line replaces: `--set batch=16 phases.head.epochs=2`."""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args, get_type_hints

from training.config import AugmentConfig, Config, Phase, Sampling
from training.errors import TrainingError

WORDS = {
    "optimizer": ("adam", "adamw"),
    "schedule": ("constant", "cosine", "plateau"),
    "trainable": ("head", "top", "all"),
}
LEAST = {"batch": 1, "input_size": 1, "size": 1, "epochs": 0, "steps_per_epoch": 0, "learning_rate": 0}
NAMED = (AugmentConfig, Sampling)
"""Groups of settings that a phase may have or not."""


def override(config: Config, settings: Sequence[str]) -> Config:
    """Returns a recipe with other values.

    Args:
        config: the recipe.
        settings: texts such as `batch=16`. The parts of a path are separated by dots. A phase is named by its
            name or its number from 0. A value is JSON; other texts are taken as they are.

    Raises:
        TrainingError: the path does not exist, or the value has the wrong type.
    """
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path:
            raise TrainingError(f"--set {setting}: not a setting. Write a path and a value: batch=16.")
        config = _replaced(config, path.split("."), value, setting)
    return config


def _replaced(node: Any, path: Sequence[str], text: str, setting: str) -> Any:
    key, *rest = path
    if isinstance(node, tuple):
        place = _place_of(node, key, setting)
        return (*node[:place], _replaced(node[place], rest, text, setting), *node[place + 1 :])
    allowed = [field.name for field in fields(node)]
    if key not in allowed:
        raise TrainingError(f"--set {setting}: no setting {key}. Allowed: {', '.join(allowed)}.")
    old, kind = getattr(node, key), get_type_hints(type(node))[key]
    if rest:
        if old is None:  # The phase uses the recipe's group so far.
            old = next((named() for named in NAMED if named in get_args(kind)), None)
        if not (is_dataclass(old) or _is_phases(old)):
            raise TrainingError(f"--set {setting}: {key} has no setting {rest[0]}. It is a value.")
        return replace(node, **{key: _replaced(old, rest, text, setting)})
    if is_dataclass(old) or _is_phases(old):
        raise TrainingError(f"--set {setting}: {key} is a group. Name one of its settings: {key}.…=….")
    value = _value(text, kind, setting)
    if key in WORDS and value not in WORDS[key]:
        raise TrainingError(f"--set {setting}: unknown {key}. Allowed: {', '.join(WORDS[key])}.")
    if key in LEAST and value < LEAST[key]:
        raise TrainingError(f"--set {setting}: too small. {key} is at least {LEAST[key]}.")
    return replace(node, **{key: value})


def _is_phases(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Phase)


def _place_of(phases: tuple[Phase, ...], key: str, setting: str) -> int:
    names = [phase.name for phase in phases]
    if key in names:
        return names.index(key)
    if key.isdecimal() and int(key) < len(phases):
        return int(key)
    raise TrainingError(
        f"--set {setting}: no phase {key}. Allowed: {', '.join(names)}, or 0 to {len(phases) - 1}."
    )


def _value(text: str, kind: Any, setting: str) -> Any:
    """Returns the value of a text as the type of a setting."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, str) and type(value) is kind:
        return value
    if kind is str:
        return text
    items = get_args(kind)
    if items and isinstance(value, list):
        wanted = items[:1] * len(value) if items[-1] is Ellipsis else items
        if len(wanted) == len(value):
            return tuple(
                _value(json.dumps(one), each, setting) for one, each in zip(value, wanted, strict=True)
            )
    raise TrainingError(f"--set {setting}: {text} is not {_describe(kind)}.")


def _describe(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text"}
    if kind in names:
        return names[kind]
    items = get_args(kind)
    if items and items[-1] is Ellipsis:
        return f"a JSON list, each {names.get(items[0], items[0])}"
    return f"a JSON list of {len(items)} numbers" if items else f"a value of {kind}"
