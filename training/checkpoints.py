"""Checkpoints: the weights at the end of a phase, which later phases and the final weights are made from."""

from pathlib import Path

import keras
import numpy as np

from training.config import Config, Phase
from training.disk import replacing
from training.errors import TrainingError


class Checkpoints:
    """The checkpoints that a recipe uses, as files in the run folder.

    Raises:
        TrainingError: the recipe names a phase that does not exist, or that comes later.
    """

    def __init__(self, config: Config, run: Path) -> None:
        self._run, self._averaged = run, config.average
        names = [phase.name for phase in config.phases]
        for number, phase in enumerate(config.phases):
            if phase.begins_at:
                _check(phase.begins_at, names[:number], f"{config.name}, phase {phase.name}, begins_at")
        for name in config.average:
            _check(name, names, f"{config.name}, average")
        self._used = {*config.average, *(phase.begins_at for phase in config.phases)}

    def load_start(self, phase: Phase, net: keras.Model) -> None:
        """Loads the start weights of the phase, unless it continues from the previous phase."""
        if phase.begins_at:
            net.load_weights(self._path(phase.begins_at))

    def save(self, phase: Phase, net: keras.Model) -> None:
        """Writes the checkpoint of a phase, if the recipe uses it."""
        if phase.name in self._used:
            with replacing(self._path(phase.name), net.count_params()) as temporary:
                net.save_weights(temporary)

    def load_mean(self, net: keras.Model) -> None:
        """Loads the mean of the checkpoints in `average`. Without any, the weights stay unchanged.

        Networks that were fine-tuned from the same weights are close enough for their mean to work, and to be
        better. Source: Wortsman et al., Model soups, 2022, https://arxiv.org/abs/2203.05482.
        """
        checkpoints = []
        for name in self._averaged:
            net.load_weights(self._path(name))
            checkpoints.append(net.get_weights())
        if checkpoints:
            net.set_weights([np.mean(weights, axis=0) for weights in zip(*checkpoints, strict=True)])

    def _path(self, phase: str) -> Path:
        return self._run / f"end-of-{phase}.weights.h5"


def _check(name: str, allowed: list[str], where: str) -> None:
    if name not in allowed:
        raise TrainingError(
            f"{where}: {name} is not an allowed phase. Allowed: {', '.join(allowed) or 'none'}."
        )
