"""`average`: the weights of several runs of one recipe into one network."""

import json
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.data.pictures import read_pictures
from training.data.pixels import cache_pixels
from training.errors import TrainingError
from training.predict import predict
from training.steps.common import PICTURES, RUN, read_run
from training.steps.export import trained_net
from training.train import FINAL

Array = np.ndarray[Any, Any]

ALIKE = ("labels", "input_size")


def run(options: Namespace) -> None:
    """Writes a run's folder of the averaged network; says how each one and it do on the validation pictures.

    Networks that were fine-tuned from the same weights lie close enough for their mean to be a network too,
    and one that generalises better (Wortsman et al., Model soups, 2022). Of others it is none: the figures
    tell.
    """
    runs: list[Path] = options.runs
    records = _records(runs)
    options.run.mkdir(parents=True, exist_ok=True)
    if (options.run / RUN).exists():
        raise TrainingError(f"{options.run} holds a run already; name another folder by --run")
    nets = [trained_net(run, options.config) for run in runs]
    try:
        mean = [np.mean(weights, axis=0) for weights in zip(*(n.get_weights() for n in nets), strict=True)]
    except ValueError as error:
        raise TrainingError(f"{_names(runs)}: networks of several kinds have no mean") from error
    average = keras.models.clone_model(nets[0])
    average.set_weights(mean)

    shutil.copyfile(runs[0] / PICTURES, options.run / PICTURES)
    pictures = [p for p in read_pictures(options.run / PICTURES) if p.split == "validation"]
    pixels = cache_pixels(options.data, pictures, options.run.parent / "cache", records[0]["input_size"])
    targets = np.array([records[0]["labels"].index(picture.label) for picture in pictures])
    for name, net in [*zip((run.name for run in runs), nets, strict=True), ("average", average)]:
        print(f"{name}: validation accuracy {_accuracy(net, pixels.pixels, targets):.4f}", flush=True)

    average.save_weights(options.run / FINAL)
    record = {
        **records[0],
        "averaged": [run.name for run in runs],
        "wall_s": sum(record["wall_s"] for record in records),
        "history": [
            {**entry, "phase": f"{run.name}: {entry['phase']}"}
            for run, record in zip(runs, records, strict=True)
            for entry in record["history"]
        ],
    }
    (options.run / RUN).write_text(json.dumps(record, indent=1))


def _records(runs: list[Path]) -> list[dict[str, Any]]:
    if len(runs) < 2:
        raise TrainingError(f"--runs {_names(runs)}: one run has no average; name two or more")
    records = [read_run(run) for run in runs]
    first = runs[0]
    for run, record in zip(runs, records, strict=True):
        if (run / PICTURES).read_bytes() != (first / PICTURES).read_bytes():
            raise TrainingError(
                f"{run / PICTURES} differs from {first / PICTURES}: a test picture of the one may be a "
                "training picture of the other; average runs of one split"
            )
        for key in ALIKE:
            if record[key] != records[0][key]:
                raise TrainingError(f"{run}: {key} is {record[key]}, that of {first} is {records[0][key]}")
    return records


def _names(runs: list[Path]) -> str:
    return ", ".join(str(run) for run in runs)


def _accuracy(net: keras.Model, pixels: Array, targets: Array) -> float:
    logits, _ = predict(net, pixels, np.arange(len(targets)))
    return float((logits.argmax(axis=1) == targets).mean())
