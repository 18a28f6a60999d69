"""Which pictures an epoch sees. The workers that make pictures import this: nothing heavy in here."""

from typing import Any

import numpy as np

from training.data.sampling import epoch_order

Array = np.ndarray[Any, Any]


def picked(train_indices: Array, draw: Array, count: int, seed: int, epoch: int) -> Array:
    """The pictures of an epoch, as indices into all pictures.

    Args:
        train_indices: (M,) those of the training pictures.
        draw: (M,) how likely each is drawn.
        count: how many an epoch takes.
        seed: of the run's phase.
        epoch: from 0.
    """
    return train_indices[epoch_order(draw, count, seed, epoch)]
