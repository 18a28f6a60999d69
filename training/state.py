"""The saved state of a run. A resumed run continues with the same results as an uninterrupted one."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np

from training.disk import replacing
from training.errors import TrainingError


@dataclass
class RunState:
    """The state of a run at the end of an epoch.

    Attributes:
        phase: number of the phase.
        epoch: number of finished epochs of the phase.
        best: the best validation accuracy so far. Below 0: none yet.
        wall_s: duration of the epochs in seconds, validation included.
        history: one dict per epoch.
        callbacks: counters of the callbacks, by class name.
        is_stopped: the phase ended early. The state was saved before the rest of its end.
        has_reached_target: the validation accuracy reached the target of the recipe.
    """

    phase: int = 0
    epoch: int = 0
    best: float = -1.0
    wall_s: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    callbacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_stopped: bool = False
    has_reached_target: bool = False


def save_state(path: Path, state: RunState, net: keras.Model, optimizer: Any | None) -> None:
    """Writes weights, optimiser variables and state into one .npz file, atomically.

    Args:
        path: the file. Its old content stays until the new file is on disk.
        state: the state of the run.
        net: its trained weights are written, not their averages.
        optimizer: None between two phases.
    """
    arrays: dict[str, Any] = {f"weight/{i}": np.asarray(w) for i, w in enumerate(net.get_weights())}
    # Stored by number: Keras numbers its optimisers, so variable names differ between processes.
    for i, variable in enumerate(optimizer.variables if optimizer else []):
        arrays[f"optimizer/{i}"] = keras.ops.convert_to_numpy(variable)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, state=json.dumps(asdict(state)), **arrays)


class SavedState:
    """A state that `save_state` wrote."""

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            TrainingError: the file is missing or damaged.
        """
        try:
            self._arrays = dict(np.load(path, allow_pickle=False))
            self.state = RunState(**json.loads(str(self._arrays["state"])))
        except (OSError, ValueError, EOFError, KeyError, TypeError, BadZipFile) as error:
            raise TrainingError(
                f"{path}: the state is damaged ({error}). Delete the file, and train again."
            ) from error

    def restore_net(self, net: keras.Model) -> None:
        """Restores the weights."""
        count = sum(name.startswith("weight/") for name in self._arrays)
        net.set_weights([self._arrays[f"weight/{i}"] for i in range(count)])

    def restore_optimizer(self, optimizer: Any) -> None:
        """Restores the optimiser variables. The optimiser must be built for the same weights."""
        for i, variable in enumerate(optimizer.variables):
            variable.assign(self._arrays[f"optimizer/{i}"])

    @property
    def within_phase(self) -> bool:
        """Whether the state was saved within a phase: then it contains the optimiser variables."""
        return any(name.startswith("optimizer/") for name in self._arrays)
