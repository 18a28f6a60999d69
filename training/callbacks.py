"""What happens at the end of each epoch, beside what Keras brings."""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.config import Phase
from training.predict import predict
from training.progress import clock
from training.state import RunState, save_state

Array = np.ndarray[Any, Any]


class Validate(keras.callbacks.Callback):
    """Validates the averaged weights and keeps the best; `val_accuracy` and `val_loss` are theirs.

    Args:
        trained: the network that is trained.
        judged: one of the same kind at the size of the daemon, which is given the weights to be judged.
        pixels: validation pictures (N, S, S, 3) uint8.
        labels: (N,) int.
        best_path: where the best weights are kept.
        state: its `best`, `wall_s` and `history` are kept up to date.
        phase: for the history.
    """

    def __init__(
        self,
        trained: keras.Model,
        judged: keras.Model,
        pixels: Array,
        labels: Array,
        best_path: Path,
        state: RunState,
        phase: Phase,
    ) -> None:
        super().__init__()
        self.trained, self.judged, self.pixels, self.labels = trained, judged, pixels, labels
        self.best_path, self.state, self.phase = best_path, state, phase
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds to `logs`, which the callbacks after this one read."""
        logs = {} if logs is None else logs
        train_s = time.monotonic() - self._start
        self.judged.set_weights(averaged_weights(self.trained, self.model.optimizer))
        logits, _ = predict(self.judged, self.pixels, np.arange(len(self.labels)))
        logs["val_accuracy"] = float((logits.argmax(1) == self.labels).mean())
        logs["val_loss"] = float(cross_entropy(logits, self.labels))
        if logs["val_accuracy"] > self.state.best:
            self.state.best = logs["val_accuracy"]
            self.judged.save_weights(self.best_path)
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        figures = {key: round(float(value), 5) for key, value in logs.items()}
        self.state.epoch = epoch + 1
        self.state.wall_s += time.monotonic() - self._start
        self.state.history.append(
            {
                "phase": self.phase.name,
                "epoch": epoch + 1,
                "learning_rate": rate,
                "train_s": round(train_s, 1),
                **figures,
            }
        )
        shown = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        print(f"{self.phase.name} {epoch + 1}/{self.phase.epochs}  {shown}  {clock(train_s)}", flush=True)


class TargetAccuracy(keras.callbacks.Callback):
    """Ends the whole training once validation accuracy reaches the target."""

    def __init__(self, target: float) -> None:
        super().__init__()
        self.target, self.reached = target, False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops where the target is reached."""
        if self.target and (logs or {}).get("val_accuracy", 0.0) >= self.target:
            self.reached = self.model.stop_training = True


class Remember(keras.callbacks.Callback):
    """Saves the run at the end of each epoch, and gives the other callbacks back what they had counted.

    It comes last, so that what it saves is what the others left.
    """

    COUNTED = ("wait", "best", "cooldown_counter", "best_epoch")

    def __init__(
        self, path: Path, net: keras.Model, state: RunState, others: list[keras.callbacks.Callback]
    ) -> None:
        super().__init__()
        self.path, self.net, self.state, self.others = path, net, state, others

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """After the others have begun from nothing."""
        for other in self.others:
            for name, value in self.state.callbacks.get(type(other).__name__, {}).items():
                setattr(other, name, value)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The weights as they are, before `fit` puts the averages in their place."""
        self.state.callbacks = {
            type(other).__name__: {
                name: float(getattr(other, name))
                for name in self.COUNTED
                if isinstance(getattr(other, name, None), int | float | np.number)
            }
            for other in self.others
        }
        save_state(self.path, self.state, self.net, self.model.optimizer)


def averaged_weights(net: keras.Model, optimizer: Any) -> list[Array]:
    """The network's weights with the optimiser's moving averages in the place of those that are trained."""
    averages = {}
    if optimizer.use_ema and int(optimizer.iterations) > 0:
        pairs = zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True)
        averages = {variable.path: average for variable, average in pairs}
    return [keras.ops.convert_to_numpy(averages.get(weight.path, weight)) for weight in net.weights]


def cross_entropy(logits: Array, labels: Array) -> Any:
    """Mean negative log-likelihood of (N, C) logits."""
    shifted = logits - logits.max(1, keepdims=True)
    return (np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]).mean()
