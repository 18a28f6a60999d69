"""What several steps need."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from training.config import Config
from training.errors import TrainingError

PICTURES, RUN, EXPORTS, REPORT = "pictures.csv", "run.json", "exports", "report"


def load_config(name: str) -> Config:
    """A recipe of training/configs by its name.

    Raises:
        TrainingError: there is none of that name.
    """
    folder = Path(__file__).parent.parent / "configs"
    known = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    if name not in known:
        raise TrainingError(f"config {name}: not known; allowed: {', '.join(known)}")
    return cast(Config, import_module(f"training.configs.{name}").CONFIG)


def read_run(run: Path) -> dict[str, Any]:
    """What `train` wrote of a run.

    Raises:
        TrainingError: nothing was trained there, or not to its end.
    """
    try:
        return cast(dict[str, Any], json.loads((run / RUN).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise TrainingError(
            f"{run}: holds no finished run; train first, or name its folder by --run"
        ) from error
