"""What a killed run needs to go on along the same curve."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.errors import TrainingError


@dataclass
class RunState:
    """Where a run stands, at the end of an epoch.

    Attributes:
        phase: number of the phase.
        epoch: how many epochs of it are done.
        best: the best validation accuracy so far; below 0: none yet.
        wall_s: seconds that the epochs took, validation included.
        history: one dict an epoch.
        callbacks: what the callbacks count, by their class' name.
    """

    phase: int = 0
    epoch: int = 0
    best: float = -1.0
    wall_s: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    callbacks: dict[str, dict[str, Any]] = field(default_factory=dict)


def save_state(path: Path, state: RunState, net: keras.Model, optimizer: Any | None) -> None:
    """Writes weights, the optimiser's variables and the state into one .npz, in one step.

    Args:
        path: the file; what it was before stays until the new one is on disk.
        state: where the run stands.
        net: its weights are written as they are, not averaged.
        optimizer: None between two phases.
    """
    arrays: dict[str, Any] = {f"weight/{i}": np.asarray(w) for i, w in enumerate(net.get_weights())}
    # By number: Keras counts its optimisers, and so their variables' names change from process to process.
    for i, variable in enumerate(optimizer.variables if optimizer else []):
        arrays[f"optimizer/{i}"] = keras.ops.convert_to_numpy(variable)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, state=json.dumps(asdict(state)), **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class SavedState:
    """A state that was saved."""

    def __init__(self, path: Path) -> None:
        """Opens it.

        Raises:
            TrainingError: there is none, or it is not whole.
        """
        try:
            self._arrays = dict(np.load(path, allow_pickle=False))
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"{path}: no state to resume from ({error}); start without --resume"
            ) from error
        self.state = RunState(**json.loads(str(self._arrays["state"])))

    def restore_net(self, net: keras.Model) -> None:
        """Puts the weights back."""
        count = sum(name.startswith("weight/") for name in self._arrays)
        net.set_weights([self._arrays[f"weight/{i}"] for i in range(count)])

    def restore_optimizer(self, optimizer: Any) -> None:
        """Puts the optimiser's variables back; it must have been built for the same weights."""
        for i, variable in enumerate(optimizer.variables):
            variable.assign(self._arrays[f"optimizer/{i}"])

    @property
    def within_phase(self) -> bool:
        """Whether the optimiser's variables are in it."""
        return any(name.startswith("optimizer/") for name in self._arrays)
