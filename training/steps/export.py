"""Step `export`: writes a trained network in every format."""

from argparse import Namespace
from pathlib import Path

import keras
import numpy as np

from training.data.pixels import cache_pixels
from training.disk import replacing_folder
from training.errors import TrainingError
from training.export.edgetpu import compile_for_edge_tpu, edge_tpu_report
from training.export.saved_model import export_saved_model
from training.export.tfjs import convert_tfjs
from training.export.tflite import convert_float, convert_int8
from training.export.ties import tied_means
from training.models import base_weights, registry
from training.models.plain import plain
from training.steps.common import EXPORTS, read_run, read_split
from training.train import FINAL

CALIBRATION_PICTURES = 200
BASE = "base.weights.h5"
"""Weights for `train --base`. The file has half the size of the final weights."""


def run(options: Namespace) -> None:
    """Writes SavedModel, float and int8 TFLite, TensorFlow.js and Edge TPU files into exports/ of the run."""
    out = options.run / EXPORTS
    net = load_net(options.run)
    with replacing_folder(out) as temporary:
        _write_all(options, net, temporary)
    for path in sorted(out.iterdir()):
        print(f"{path.relative_to(options.run)}  {size_of(path)} bytes")


def _write_all(options: Namespace, net: keras.Model, out: Path) -> None:
    export_saved_model(net, out / "saved_model")
    export_saved_model(net, out / "saved_model_1", batch=1)
    convert_float(out / "saved_model_1", out / "model_float.tflite")
    convert_int8(out / "saved_model_1", out / "model_int8.tflite", _calibration_images(options))
    convert_tfjs(out / "saved_model", out / "tfjs")
    for op, index, reason in edge_tpu_report(out / "model_int8.tflite"):
        print(f"Edge TPU: operation {index} ({op}) stays on the CPU: {reason}")
    for index, count in tied_means(out / "model_int8.tflite"):
        print(
            f"rounding: operation {index} (MEAN) is over {count} values, an even number. x64 and arm64 may "
            "round it differently, so the bundle allows a tolerance. Another input_size may avoid this."
        )
    print(f"Edge TPU: {compile_for_edge_tpu(out / 'model_int8.tflite', out)}")
    base_weights.save(load_trained_net(options.run), out / BASE, read_run(options.run)["labels"])


def load_net(run: Path) -> keras.Model:
    """Loads the trained network, with plain convolutions."""
    return plain(load_trained_net(run))


def load_trained_net(run: Path) -> keras.Model:
    """Loads the network as it was trained, with its final weights.

    Raises:
        TrainingError: the training is not finished.
    """
    record = read_run(run)
    weights = run / FINAL
    if not weights.exists():
        raise TrainingError(f"{weights}: file not found. Finish the training with `train --resume`.")
    recipe = record["config"]
    net = registry.build(recipe["model"], len(record["labels"]), record["input_size"], recipe["dropout"])
    net.load_weights(weights)
    return net


def size_of(path: Path) -> int:
    """Returns the size of a file, or of all files of a folder, in bytes."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _calibration_images(options: Namespace) -> np.ndarray:
    size = read_run(options.run)["input_size"]
    pictures = [picture for picture in read_split(options.run) if picture.split == "train"]
    chosen = np.random.default_rng(options.seed).permutation(len(pictures))[:CALIBRATION_PICTURES]
    cache = cache_pixels(
        options.data, [pictures[i] for i in sorted(chosen)], options.run.parent / "cache", size
    )
    return np.asarray(cache.pixels)
