"""Trains a network, phase by phase."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.augment.feeder import Feeder
from training.callbacks import Remember, TargetAccuracy, Validate
from training.config import Config, Phase
from training.data.pictures import Picture
from training.data.sampling import weights
from training.draw import picked
from training.errors import TrainingError
from training.models import base_weights, imagenet, mobilenet_v2_hybrid, registry
from training.phase_ends import PhaseEnds
from training.predict import normalise
from training.progress import Progress
from training.state import RunState, SavedState, save_state

AVERAGED_PARTS = 3
"""Averages reach back over a third of a phase's steps, or less."""
STATE, BEST, FINAL = "last.npz", "best.weights.h5", "final.weights.h5"

Array = np.ndarray[Any, Any]


class Training:
    """One run: what it trains on and where it is kept.

    Args:
        config: the recipe.
        run: folder of the run.
        pictures: with their splits.
        labels: in the order of the outputs.
        pixels_path: .npy of all of `pictures`, (N, 255, 255, 3) uint8, in their order.
        validation_pixels: (N, S, S, 3) uint8, the validation pictures in their order, at the daemon's size.
        size: side of the daemon's input in pixels.
    """

    def __init__(
        self,
        config: Config,
        run: Path,
        pictures: list[Picture],
        labels: list[str],
        pixels_path: Path,
        validation_pixels: Array,
        size: int = 224,
    ) -> None:
        self.config, self.run, self.size, self.labels = config, run, size, labels
        self.pixels_path, self.validation_pixels = pixels_path, validation_pixels
        index = {label: number for number, label in enumerate(labels)}
        self.targets = np.array([index[p.label] for p in pictures])
        self.validation_targets = np.array([index[p.label] for p in pictures if p.split == "validation"])
        self.train_indices = np.array([i for i, p in enumerate(pictures) if p.split == "train"])
        chosen = [pictures[i] for i in self.train_indices]
        self._training_pictures = chosen
        self.steps = config.steps_per_epoch or max(-(-len(chosen) // config.batch), config.least_steps)
        self.state = RunState()
        self._ends = PhaseEnds(config, run)

    def start(self, base: str | None) -> keras.Model:
        """The network before the first step.

        Args:
            base: a `.weights.h5` that `export` wrote, of the same network; or what the network takes beside
                it: `imagenet` (of EfficientNet-Lite0 the default), for the hybrid also a `.tflite`.

        Raises:
            TrainingError: the network takes no such base, or the file is not of this network.
        """
        net, model = self._build(self.size), self.config.model
        if base and base.endswith(".weights.h5"):
            taken = base_weights.load(net, Path(base), self.labels)
            new = [label for label in self.labels if label not in taken.labels]
            print(
                f"base {Path(base).name}: {len(taken.layers)} layers and {len(taken.labels)} of "
                f"{len(self.labels)} labels taken, new: {', '.join(new) or 'none'}"
            )
        elif model == "efficientnet_lite0" and (base or "imagenet") == "imagenet":
            imagenet.load_lite0(net)
        elif model == "mobilenet_v2_hybrid" and base:
            _fill_hybrid(net, base)
        elif base:
            raise TrainingError(
                f"--base {base}: no base of {model}; allowed is a .weights.h5 that `export` wrote"
                + (", or imagenet" if model == "efficientnet_lite0" else "")
            )
        return net

    def base_name(self, base: str | None) -> str:
        """What a record says of the weights that it started from; no folder of this machine."""
        if base:
            return Path(base).name
        return "imagenet" if self.config.model == "efficientnet_lite0" else "none"

    def fit(self, net: keras.Model, saved: SavedState | None, workers: int = 1) -> keras.Model:
        """Runs all phases, or what is left of them.

        Args:
            net: what `start` gave.
            saved: the state to resume from.
            workers: processes that make the training pictures.

        Returns:
            The network with its final weights, averaged where the recipe averages.
        """
        # By its number now: the state goes on from there, and is `saved.state` itself.
        within = saved.state.phase if saved and saved.within_phase else None
        if saved:
            self.state = saved.state
            saved.restore_net(net)
        for number, phase in enumerate(self.config.phases):
            if number < self.state.phase:
                continue
            resumed = saved if number == within else None
            if not resumed:
                self._ends.begin(phase, net)
            reached = self._phase(number, phase, net, resumed, workers)
            self._ends.keep(phase, net)
            self.state.phase, self.state.epoch, self.state.callbacks = number + 1, 0, {}
            save_state(self.run / STATE, self.state, net, None)
            if reached:
                print(f"validation reached {self.config.target_accuracy}: done", flush=True)
                break
        else:
            self._ends.average(net)
        net.save_weights(self.run / FINAL)
        return net

    def _build(self, size: int) -> keras.Model:
        return registry.build(self.config.model, len(self.labels), size, self.config.dropout)

    def _phase(
        self, number: int, phase: Phase, net: keras.Model, saved: SavedState | None, workers: int
    ) -> bool:
        trained = self._build(phase.size)
        trained.set_weights(net.get_weights())
        set_trainable(trained, phase.trainable, self.config.top_layers)
        model = _on_bytes(trained, phase.size)
        optimizer = self._optimizer(phase)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, metrics=["accuracy"], jit_compile="auto")
        optimizer.build(model.trainable_variables)
        if saved:
            saved.restore_optimizer(optimizer)
        judged = self._build(self.size)
        validate = Validate(
            trained,
            judged,
            self.validation_pixels,
            self.validation_targets,
            self.run / BEST,
            self.state,
            phase,
        )
        stop = TargetAccuracy(self.config.target_accuracy)
        counting = self._plateau_callbacks(phase)
        remember = Remember(self.run / STATE, trained, self.state, counting)
        shown = _Shown(phase, self.steps, self.config.batch)
        first = self.state.epoch
        with self._feeder(number, phase, workers) as feeder:
            model.fit(
                feeder.batches(first),
                steps_per_epoch=self.steps,
                initial_epoch=first,
                shuffle=False,  # the feeder draws
                epochs=phase.epochs,
                verbose=0,
                callbacks=[shown, validate, stop, *counting, remember],
            )
        if phase.patience:
            net.load_weights(self.run / BEST)
        else:
            net.set_weights(trained.get_weights())
        return stop.reached

    def _feeder(self, number: int, phase: Phase, workers: int) -> Feeder:
        sampling = phase.sampling or self.config.sampling
        draw = weights(
            self._training_pictures, sampling.class_power, sampling.group_cap, sampling.source_power
        )
        order = partial(
            picked, self.train_indices, draw, self.steps * self.config.batch, self.config.seed + number
        )
        return Feeder(
            pixels_path=self.pixels_path,
            labels=self.targets,
            order=order,
            classes=len(self.labels),
            batch=self.config.batch,
            size=phase.size,
            steps_per_epoch=self.steps,
            config=phase.augment or self.config.augment,
            seed=self.config.seed + number,
            smoothing=self.config.label_smoothing,
            workers=workers,
        )

    def _optimizer(self, phase: Phase) -> keras.optimizers.Optimizer:
        total = phase.epochs * self.steps
        rate: Any = phase.learning_rate
        if self.config.schedule == "cosine":
            warm_up = max(1, total // 20)
            rate = keras.optimizers.schedules.CosineDecay(
                0.0, max(1, total - warm_up), warmup_target=phase.learning_rate, warmup_steps=warm_up
            )
        if self.config.optimizer == "adam":
            return keras.optimizers.Adam(rate)
        # A short phase would else end with little but the weights that it began with.
        momentum = min(self.config.ema, 1 - AVERAGED_PARTS / max(total, AVERAGED_PARTS))
        averaged = {"use_ema": True, "ema_momentum": momentum} if self.config.ema else {}
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=self.config.weight_decay, clipnorm=1.0, **averaged
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer

    def _plateau_callbacks(self, phase: Phase) -> list[keras.callbacks.Callback]:
        if not phase.patience:
            return []
        watched = {"monitor": "val_accuracy", "mode": "max"}
        callbacks: list[keras.callbacks.Callback] = [
            keras.callbacks.EarlyStopping(patience=phase.patience, **watched)
        ]
        if self.config.schedule == "plateau":
            callbacks.append(
                keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=max(1, phase.patience // 2), **watched)
            )
        return callbacks


def set_trainable(net: keras.Model, which: str, top_layers: int) -> None:
    """Chooses what a phase trains: `head`, `top` or `all`.

    The base's own batch norms (of MobileNetV2) stay as they are in every phase: batches and pictures this few
    would only spoil them.
    """
    head = ("hybrid", "logits", "embedding", "dropout")
    base = [layer for layer in net.layers if not layer.name.startswith(head)]
    free = {"head": [], "top": base[-top_layers:], "all": base}[which]
    for layer in base:
        layer.trainable = layer in free and not isinstance(layer, keras.layers.BatchNormalization)


def _fill_hybrid(net: keras.Model, base: str) -> None:
    try:
        mobilenet_v2_hybrid.load_base(net, base)
    except TrainingError:
        raise
    except Exception as error:  # Keras' download raises nothing narrower.
        raise TrainingError(
            f"--base {base}: cannot be loaded ({error}); Keras fetches imagenet from the internet; without "
            "that, name a .tflite of MobileNetV2 1.0 or a .weights.h5 that `export` wrote"
        ) from error


def _on_bytes(net: keras.Model, size: int) -> keras.Model:
    image = keras.Input((size, size, 3), dtype="uint8", name="bytes")
    return keras.Model(image, net(normalise(image))["logits"])


class _Shown(keras.callbacks.Callback):
    """Progress within an epoch."""

    def __init__(self, phase: Phase, steps: int, batch: int) -> None:
        super().__init__()
        self.phase, self.steps, self.batch = phase, steps, batch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.progress = Progress(
            f"{self.phase.name} {epoch + 1}/{self.phase.epochs}", self.steps * self.batch, every_s=10
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.progress.add(self.batch, f"loss {float((logs or {}).get('loss', 0)):.3f}")
