"""Keras callbacks: validation, target accuracy and saving of the run."""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.config import Phase
from training.disk import replacing
from training.metrics_file import METRICS, write_metrics
from training.predict import predict
from training.progress import clock
from training.state import RunState, save_state

Array = np.ndarray[Any, Any]


class Validation(keras.callbacks.Callback):
    """Measures `val_accuracy` and `val_loss` of the averaged weights, and keeps the best weights.

    Args:
        trained: the network that is trained.
        validated: the same network at the input size of the daemon. It receives the averaged weights.
        pixels: validation images (N, S, S, 3) uint8.
        labels: (N,) int.
        best_path: file of the best weights.
        state: `best`, `epoch`, `wall_s` and `history` are updated.
        phase: named in the history.
    """

    def __init__(
        self,
        trained: keras.Model,
        validated: keras.Model,
        pixels: Array,
        labels: Array,
        best_path: Path,
        state: RunState,
        phase: Phase,
    ) -> None:
        super().__init__()
        self.trained, self.validated, self.pixels, self.labels = trained, validated, pixels, labels
        self.best_path, self.state, self.phase = best_path, state, phase
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the validation figures to `logs`, which later callbacks read."""
        logs = {} if logs is None else logs
        train_s = time.monotonic() - self._start
        self.validated.set_weights(averaged_weights(self.trained, self.model.optimizer))
        logits, _ = predict(self.validated, self.pixels, np.arange(len(self.labels)))
        logs["val_accuracy"] = float((logits.argmax(1) == self.labels).mean())
        logs["val_loss"] = float(cross_entropy(logits, self.labels))
        if logs["val_accuracy"] > self.state.best:
            self.state.best = logs["val_accuracy"]
            with replacing(self.best_path, self.validated.count_params()) as temporary:
                self.validated.save_weights(temporary)
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
        line = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        print(f"{self.phase.name} {epoch + 1}/{self.phase.epochs}  {line}  {clock(train_s)}", flush=True)


class TargetAccuracy(keras.callbacks.Callback):
    """Ends the whole training when the validation accuracy reaches the target."""

    def __init__(self, target: float, state: RunState) -> None:
        super().__init__()
        self.target, self.state = target, state

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops if the target is reached."""
        if self.target and (logs or {}).get("val_accuracy", 0.0) >= self.target:
            self.state.has_reached_target = self.model.stop_training = True


class RunSaver(keras.callbacks.Callback):
    """Saves the run at the end of each epoch, and restores the counters of other callbacks on resume.

    It must be the last callback, so that it saves the final state of the others.
    """

    COUNTERS = ("wait", "best", "cooldown_counter", "best_epoch")

    def __init__(
        self, path: Path, net: keras.Model, state: RunState, others: list[keras.callbacks.Callback]
    ) -> None:
        super().__init__()
        self.path, self.net, self.state, self.others = path, net, state, others

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restores the counters. The other callbacks have reset theirs before."""
        for other in self.others:
            for name, value in self.state.callbacks.get(type(other).__name__, {}).items():
                setattr(other, name, value)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves the trained weights, before `fit` replaces them by the averages."""
        self.state.callbacks = {
            type(other).__name__: {
                name: float(getattr(other, name))
                for name in self.COUNTERS
                if isinstance(getattr(other, name, None), int | float | np.number)
            }
            for other in self.others
        }
        self.state.is_stopped = self.model.stop_training
        save_state(self.path, self.state, self.net, self.model.optimizer)
        write_metrics(self.path.with_name(METRICS), self.state.history)


def averaged_weights(net: keras.Model, optimizer: Any) -> list[Array]:
    """Returns the weights of the network. Trained ones are replaced by the optimiser's moving averages."""
    averages = {}
    if optimizer.use_ema and int(optimizer.iterations) > 0:
        pairs = zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True)
        averages = {variable.path: average for variable, average in pairs}
    return [keras.ops.convert_to_numpy(averages.get(weight.path, weight)) for weight in net.weights]


def cross_entropy(logits: Array, labels: Array) -> Any:
    """Returns the mean negative log-likelihood of (N, C) logits."""
    shifted = logits - logits.max(1, keepdims=True)
    return (np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]).mean()
