"""`evaluate`: every format on the test split, and the report."""

import json
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from training.data.pictures import Picture, read_pictures
from training.data.pixels import cache_pixels
from training.evaluate.calibrate import calibrate
from training.evaluate.compartments import compartments_of
from training.evaluate.evaluation import DataSource, Evaluation, FormatResult
from training.evaluate.metrics import indices
from training.evaluate.report import write_report
from training.export.runners import KerasRunner, Runner, SavedModelRunner, TfjsRunner, TfliteRunner
from training.steps.common import EXPORTS, PICTURES, REPORT, load_config, read_run
from training.steps.export import load_net, size_of

SHIPPED = "int8"
CALIBRATION = "calibration.json"
TIMED_PICTURES = 30

Array = np.ndarray[Any, Any]


def run(options: Namespace) -> None:
    """Writes report/ (model card, figures, plots) and calibration.json into the run's folder."""
    record = read_run(options.run)
    pictures = read_pictures(options.run / PICTURES)
    labels: list[str] = record["labels"]

    def inputs(split: str) -> Array:
        chosen = [picture for picture in pictures if picture.split == split]
        cache = options.run.parent / "cache"
        size = record["input_size"]
        return (
            np.asarray(cache_pixels(options.data, chosen, cache, size).pixels)
            if chosen
            else np.zeros((0, size, size, 3), np.uint8)
        )

    test = inputs("test")
    formats = [judge(name, make(), size, test) for name, (make, size) in runners(options).items()]
    shipped = TfliteRunner(options.run / EXPORTS / "model_int8.tflite")
    validation = [picture for picture in pictures if picture.split == "validation"]
    validation_logits, _ = shipped.predict(inputs("validation"))
    calibration = calibrate(
        validation_logits,
        indices(validation, labels),
        validation,
        labels,
        seed=options.seed,
        rule=options.rule,
        compartments=compartments_of(labels),
    )
    held_out = inputs("held-out")
    evaluation = Evaluation(
        name=load_config(options.config).name,
        version=options.version,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        licence=options.licence,
        labels=labels,
        pictures=pictures,
        formats=formats,
        shipped=SHIPPED,
        calibration=calibration,
        wall_s=record["wall_s"],
        hardware=record["machine"],
        validation_logits=validation_logits,
        held_out_logits=shipped.predict(held_out)[0] if len(held_out) else None,
        history=record["history"],
        config=record["config"],
        data=sources(options.data, pictures),
        compartments=compartments_of(labels),
        seed=options.seed,
    )
    write_report(options.run / REPORT, evaluation)
    (options.run / CALIBRATION).write_text(json.dumps(asdict(calibration), indent=1), encoding="utf-8")
    print((options.run / REPORT / "README.md").read_text(encoding="utf-8"))


def runners(options: Namespace) -> dict[str, tuple[Callable[[], Runner], int]]:
    """Each format's runner, made when its turn comes, with the bytes of its files."""
    out: Path = options.run / EXPORTS
    made: dict[str, Callable[[], Runner]] = {
        "saved_model": lambda: SavedModelRunner(out / "saved_model"),
        "model_float.tflite": lambda: TfliteRunner(out / "model_float.tflite"),
        "model_int8.tflite": lambda: TfliteRunner(out / "model_int8.tflite"),
        "tfjs": lambda: TfjsRunner(out / "tfjs"),
    }
    names = {
        "saved_model": "saved-model",
        "model_float.tflite": "float-tflite",
        "model_int8.tflite": SHIPPED,
        "tfjs": "tfjs",
    }
    keras_bytes = size_of(options.run / "final.weights.h5")
    found: dict[str, tuple[Callable[[], Runner], int]] = {
        "float": (lambda: KerasRunner(load_net(options.run, options.config)), keras_bytes)
    }
    return found | {names[file]: (make, size_of(out / file)) for file, make in made.items()}


def judge(name: str, runner: Runner, size: int, test: Array) -> FormatResult:
    """A format's logits on the test pictures, and its median time a picture, one at a time."""
    logits, _ = runner.predict(test)
    times = []
    for image in test[:TIMED_PICTURES]:
        start = time.perf_counter()
        runner.predict(image[None])
        times.append(time.perf_counter() - start)
    return FormatResult(name, logits, size, round(1e3 * float(np.median(times)), 2))


def sources(data: Path, pictures: list[Picture]) -> list[DataSource]:
    """Where pictures and weights come from: sources.json of the data folder, where there is one."""
    path = data / "sources.json"
    listed = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    if listed:
        return [DataSource(**entry) for entry in listed]
    return [DataSource(name=name, licence="", source=name) for name in sorted({p.source for p in pictures})]
