"""Step `train`: trains a network on images."""

import json
import os
import platform
from argparse import Namespace
from dataclasses import asdict, replace

import keras

from training.data.pixels import cache_pixels
from training.disk import write_text
from training.errors import TrainingError
from training.overrides import override
from training.state import SavedState
from training.steps.common import load_config, read_split
from training.train import STATE, Training

STORED_SIDE = 255
BASE_FILE = "base.txt"
"""File with the name of the base that the run started from. A resumed run reads the name from it."""


def run(options: Namespace) -> None:
    """Writes last.npz (state to resume), the best and final weights and run.json (record) of a run."""
    config = override(replace(load_config(options.config), seed=options.seed), options.overrides)
    if options.steps_per_epoch:
        config = replace(config, steps_per_epoch=options.steps_per_epoch)
    state = options.run / STATE
    if state.exists() and not options.resume:
        raise TrainingError(
            f"--run {options.run}: already contains a run. Add --resume, or name another folder."
        )
    saved = SavedState(state) if state.exists() else None
    if options.resume and not saved:
        print("train: no epoch was finished before. The training starts from the beginning.", flush=True)
    keras.utils.set_random_seed(config.seed)

    pictures = read_split(options.run)
    labels = sorted({picture.label for picture in pictures})
    cache = options.run.parent / "cache"
    stored = cache_pixels(options.data, pictures, cache, STORED_SIDE)
    validation = [picture for picture in pictures if picture.split == "validation"]
    pixels = cache_pixels(options.data, validation, cache, config.input_size).pixels
    training = Training(config, options.run, pictures, labels, stored.path, pixels, config.input_size)

    net = training.start(options.base)
    base_file = options.run / BASE_FILE
    if not saved:
        write_text(base_file, training.base_name(options.base))
    training.fit(net, saved, options.workers)
    record = {
        "config": asdict(config),
        "labels": labels,
        "input_size": config.input_size,
        "pictures": {
            split: sum(p.split == split for p in pictures) for split in sorted({p.split for p in pictures})
        },
        "steps_per_epoch": training.steps,
        "wall_s": round(training.state.wall_s),
        "backend": keras.backend.backend(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "base": base_file.read_text() if base_file.exists() else training.base_name(options.base),
        "history": training.state.history,
    }
    write_text(options.run / "run.json", json.dumps(record, indent=1))
    print(f"train: best validation accuracy {training.state.best:.4f}, weights in {options.run}")
