"""Weights at the ends of phases: where other phases begin, and what the final weights may be the mean of."""

from pathlib import Path

import keras
import numpy as np

from training.config import Config, Phase
from training.errors import TrainingError


class PhaseEnds:
    """The ends that a recipe speaks of, as files of the run.

    Raises:
        TrainingError: the recipe names a phase that there is not, or that comes later.
    """

    def __init__(self, config: Config, run: Path) -> None:
        self._run, self._averaged = run, config.average
        names = [phase.name for phase in config.phases]
        for number, phase in enumerate(config.phases):
            if phase.begins_at:
                _check(phase.begins_at, names[:number], f"{config.name}, phase {phase.name}")
        for name in config.average:
            _check(name, names, f"{config.name}, average")
        self._kept = {*config.average, *(phase.begins_at for phase in config.phases)}

    def begin(self, phase: Phase, net: keras.Model) -> None:
        """Gives the network the weights that the phase begins with, where these are not the last one's."""
        if phase.begins_at:
            net.load_weights(self._path(phase.begins_at))

    def keep(self, phase: Phase, net: keras.Model) -> None:
        """Writes the weights down, where the recipe comes back to them."""
        if phase.name in self._kept:
            net.save_weights(self._path(phase.name))

    def average(self, net: keras.Model) -> None:
        """Gives the network the mean of the ends that the recipe averages, if it averages any.

        Networks fine-tuned from the same weights lie close enough for their mean to be one, and a better one.
        Source: Wortsman et al., Model soups, 2022, https://arxiv.org/abs/2203.05482.
        """
        ends = []
        for name in self._averaged:
            net.load_weights(self._path(name))
            ends.append(net.get_weights())
        if ends:
            net.set_weights([np.mean(of_one, axis=0) for of_one in zip(*ends, strict=True)])

    def _path(self, phase: str) -> Path:
        return self._run / f"end-of-{phase}.weights.h5"


def _check(name: str, allowed: list[str], where: str) -> None:
    if name not in allowed:
        raise TrainingError(f"{where}: no phase {name} before it; allowed: {', '.join(allowed) or 'none'}")
