"""File names and loaders that several steps use."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from training.config import Config
from training.errors import TrainingError

PICTURES, RUN, EXPORTS, REPORT = "pictures.csv", "run.json", "exports", "report"


def load_config(name: str) -> Config:
    """Loads a recipe of training/configs by its name.

    Raises:
        TrainingError: there is no recipe with this name.
    """
    folder = Path(__file__).parent.parent / "configs"
    allowed = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    if name not in allowed:
        raise TrainingError(f"config {name}: unknown recipe. Allowed: {', '.join(allowed)}.")
    return cast(Config, import_module(f"training.configs.{name}").CONFIG)


def read_run(run: Path) -> dict[str, Any]:
    """Reads the record that `train` wrote for a run.

    Raises:
        TrainingError: the folder has no finished training.
    """
    try:
        return cast(dict[str, Any], json.loads((run / RUN).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise TrainingError(
            f"--run {run}: no finished training. Run the step train first, or name another folder."
        ) from error
