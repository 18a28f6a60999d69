"""Trains a network, phase by phase."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.augment.feeder import Feeder
from training.callbacks import RunSaver, TargetAccuracy, Validation
from training.checkpoints import Checkpoints
from training.config import Config, Phase
from training.data.pictures import Picture
from training.data.sampling import epoch_pictures, weights
from training.disk import replacing
from training.errors import TrainingError
from training.models import base_weights, imagenet, mobilenet_v2_hybrid, registry
from training.predict import normalise
from training.progress import Progress
from training.state import RunState, SavedState, save_state

AVERAGED_PARTS = 3
"""Averaged weights cover at most the last third of a phase's steps."""
STATE, BEST, FINAL = "last.npz", "best.weights.h5", "final.weights.h5"

Array = np.ndarray[Any, Any]


class Training:
    """One training run.

    Args:
        config: the recipe.
        run: the run folder.
        pictures: all images, with their splits.
        labels: in the order of the model outputs.
        pixels_path: .npy file of all `pictures` in their order, (N, 255, 255, 3) uint8.
        validation_pixels: the validation images in their order, (N, S, S, 3) uint8. S is `size`.
        size: side of the model input in the daemon, in pixels.
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
        self._checkpoints = Checkpoints(config, run)

    def start(self, base: str | None) -> keras.Model:
        """Builds the network and loads its start weights.

        Args:
            base: one of these:

                - a `.weights.h5` that `export` wrote for the same network
                - `imagenet`, the default of EfficientNet-Lite0
                - for the hybrid network, also a `.tflite`

        Raises:
            TrainingError: the network does not support this base, or the file is of another network.
        """
        net, model = self._build(self.size), self.config.model
        if base and base.endswith(".weights.h5"):
            loaded = base_weights.load(net, Path(base), self.labels)
            new = [label for label in self.labels if label not in loaded.labels]
            print(
                f"base {Path(base).name}: copied {len(loaded.layers)} layers and {len(loaded.labels)} of "
                f"{len(self.labels)} labels. New labels: {', '.join(new) or 'none'}."
            )
        elif model == "efficientnet_lite0" and (base or "imagenet") == "imagenet":
            imagenet.load_lite0(net)
        elif model == "mobilenet_v2_hybrid" and base:
            _load_hybrid_base(net, base)
        elif base:
            raise TrainingError(
                f"--base {base}: not a base for {model}. Use a .weights.h5 file that `export` wrote"
                + (", or imagenet." if model == "efficientnet_lite0" else ".")
            )
        return net

    def base_name(self, base: str | None) -> str:
        """Returns the name of the start weights for the run's record, without the folder."""
        if base:
            return Path(base).name
        return "imagenet" if self.config.model == "efficientnet_lite0" else "none"

    def fit(self, net: keras.Model, saved: SavedState | None, workers: int = 1) -> keras.Model:
        """Runs all phases, or the remaining ones of a resumed run.

        Args:
            net: the network from `start`.
            saved: the state to resume from. None: a new run.
            workers: number of processes that make training images.

        Returns:
            The network with its final weights. They are averaged if the recipe averages checkpoints.
        """
        # The number is read now, because `self.state` becomes `saved.state` and changes.
        within = saved.state.phase if saved and saved.within_phase else None
        if saved:
            self.state = saved.state
            saved.restore_net(net)
        for number, phase in enumerate(self.config.phases):
            if number < self.state.phase:
                continue
            if self.state.has_reached_target and number != within:
                break
            resumed = saved if number == within else None
            if not resumed:
                self._checkpoints.load_start(phase, net)
            self._run_phase(number, phase, net, resumed, workers)
            self._checkpoints.save(phase, net)
            self.state.phase, self.state.epoch, self.state.callbacks = number + 1, 0, {}
            self.state.is_stopped = False
            save_state(self.run / STATE, self.state, net, None)
        if self.state.has_reached_target:
            print(f"The validation accuracy reached {self.config.target_accuracy}. The training ends.")
        else:
            self._checkpoints.load_mean(net)
        with replacing(self.run / FINAL, net.count_params()) as temporary:
            net.save_weights(temporary)
        return net

    def _build(self, size: int) -> keras.Model:
        return registry.build(self.config.model, len(self.labels), size, self.config.dropout)

    def _run_phase(
        self, number: int, phase: Phase, net: keras.Model, saved: SavedState | None, workers: int
    ) -> None:
        trained = self._build(phase.size)
        trained.set_weights(net.get_weights())
        set_trainable(trained, phase.trainable, self.config.top_layers)
        model = _accept_bytes(trained, phase.size)
        optimizer = self._make_optimizer(phase)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, metrics=["accuracy"], jit_compile="auto")
        optimizer.build(model.trainable_variables)
        if saved:
            saved.restore_optimizer(optimizer)
        validation = Validation(
            trained,
            self._build(self.size),
            self.validation_pixels,
            self.validation_targets,
            self.run / BEST,
            self.state,
            phase,
        )
        stop = TargetAccuracy(self.config.target_accuracy, self.state)
        plateau = self._plateau_callbacks(phase)
        saver = RunSaver(self.run / STATE, trained, self.state, plateau)
        progress = _EpochProgress(phase, self.steps, self.config.batch)
        first = self.state.epoch
        with self._make_feeder(number, phase, workers) as feeder:
            model.fit(
                feeder.batches(first),
                steps_per_epoch=self.steps,
                initial_epoch=first,
                shuffle=False,  # The feeder sets the order of the images.
                epochs=first if self.state.is_stopped else phase.epochs,
                verbose=0,
                callbacks=[progress, validation, stop, *plateau, saver],
            )
        if phase.patience:
            net.load_weights(self.run / BEST)
        else:
            net.set_weights(trained.get_weights())

    def _make_feeder(self, number: int, phase: Phase, workers: int) -> Feeder:
        sampling = phase.sampling or self.config.sampling
        draw = weights(
            self._training_pictures, sampling.class_power, sampling.group_cap, sampling.source_power
        )
        order = partial(
            epoch_pictures,
            self.train_indices,
            draw,
            self.steps * self.config.batch,
            self.config.seed + number,
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

    def _make_optimizer(self, phase: Phase) -> keras.optimizers.Optimizer:
        total = phase.epochs * self.steps
        rate: Any = phase.learning_rate
        if self.config.schedule == "cosine":
            warm_up = max(1, total // 20)
            rate = keras.optimizers.schedules.CosineDecay(
                0.0, max(1, total - warm_up), warmup_target=phase.learning_rate, warmup_steps=warm_up
            )
        if self.config.optimizer == "adam":
            return keras.optimizers.Adam(rate)
        # With the full momentum, a short phase would end with almost its start weights.
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
    """Sets which layers a phase trains: `head`, `top` or `all`.

    The batch norms in the base (of MobileNetV2) stay frozen in every phase. The batches and the data sets
    are too small to train them.
    """
    head = ("hybrid", "logits", "embedding", "dropout")
    base = [layer for layer in net.layers if not layer.name.startswith(head)]
    chosen = {"head": [], "top": base[-top_layers:], "all": base}[which]
    for layer in base:
        layer.trainable = layer in chosen and not isinstance(layer, keras.layers.BatchNormalization)


def _load_hybrid_base(net: keras.Model, base: str) -> None:
    try:
        mobilenet_v2_hybrid.load_base(net, base)
    except TrainingError:
        raise
    except Exception as error:  # The download of Keras raises a plain Exception.
        raise TrainingError(
            f"--base {base}: cannot be loaded ({error}). Keras downloads imagenet from the internet. Without "
            "internet, use a .tflite file of MobileNetV2 1.0 or a .weights.h5 file that `export` wrote."
        ) from error


def _accept_bytes(net: keras.Model, size: int) -> keras.Model:
    """Returns a model from bytes (B, size, size, 3) uint8 to logits."""
    image = keras.Input((size, size, 3), dtype="uint8", name="bytes")
    return keras.Model(image, net(normalise(image))["logits"])


class _EpochProgress(keras.callbacks.Callback):
    """Prints the progress within an epoch."""

    def __init__(self, phase: Phase, steps: int, batch: int) -> None:
        super().__init__()
        self.phase, self.steps, self.batch = phase, steps, batch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.progress = Progress(
            f"{self.phase.name} {epoch + 1}/{self.phase.epochs}", self.steps * self.batch, every_s=10
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.progress.add(self.batch, f"loss {float((logs or {}).get('loss', 0)):.3f}")
