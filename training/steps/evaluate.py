"""`evaluate`: every format on the test split, and the report."""

import json
import tempfile
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from training.data.pictures import Picture, read_pictures
from training.errors import TrainingError
from training.evaluate.judge.baseline import read_bundle, run_baseline
from training.evaluate.judge.calibrate import Calibration, calibrate
from training.evaluate.judge.comparisons import home_sources
from training.evaluate.judge.compartments import compartments_of
from training.evaluate.judge.daemon_bench import missing_daemon, run_daemon_bench
from training.evaluate.judge.evaluation import DataSource, Evaluation, FormatResult
from training.evaluate.judge.metrics import indices
from training.evaluate.judge.views import (
    SplitInputs,
    check_views,
    logits_by_view,
    mean_logits,
    split_inputs,
    time_inference,
    whole_alone,
)
from training.evaluate.labels.corrections import read_corrections
from training.evaluate.report.write import write_report
from training.export.runners import KerasRunner, Runner, SavedModelRunner, TfjsRunner, TfliteRunner
from training.identity import Identity
from training.steps.assemble import Knowledge, assemble, first_of_each
from training.steps.common import EXPORTS, PICTURES, REPORT, read_run
from training.steps.export import load_net, size_of

SHIPPED = "int8"
TFJS, TFJS_RUNTIME = "tfjs", "tfjs-wasm"
CALIBRATION = "calibration.json"


def run(options: Namespace) -> None:
    """Writes report/ (model card, figures, plots) and calibration.json into the run's folder."""
    record = read_run(options.run)
    views: Sequence[float] = options.views or record["config"]["views"]
    check_views("--views", views)
    pictures = read_pictures(options.run / PICTURES)
    labels: list[str] = record["labels"]
    # What the user wrote is read before the long work, so that a slip in it costs no wait.
    identity = Identity(options.name, options.version, options.licence)
    data = sources(options, pictures)
    home = home_sources(options.home, pictures)
    corrections = read_corrections(options.corrections, labels) if options.corrections else []
    others = [read_bundle(folder, labels) for folder in options.baseline]

    def inputs(split: str, size: int = record["input_size"], views: Sequence[float] = views) -> SplitInputs:
        return split_inputs(options.data, options.run.parent / "cache", pictures, split, size, views)

    given = {split: inputs(split) for split in ("test", "held-out")}
    splits = [split for split in given if given[split].pictures]
    formats, by_view = [], {}
    for name, (make, size) in runners(options).items():
        runner = make()
        of_test = logits_by_view(runner, given["test"])
        formats.append(FormatResult(name, mean_logits(of_test), size, time_inference(runner, given["test"])))
        if name == SHIPPED:
            by_view = {"test": of_test}
    shipped = TfliteRunner(options.run / EXPORTS / "model_int8.tflite")
    if "held-out" in splits:
        by_view["held-out"] = logits_by_view(shipped, given["held-out"])
    validation = inputs("validation")
    validation_logits = mean_logits(logits_by_view(shipped, validation))
    calibration = calibrate(
        validation_logits,
        indices(validation.pictures, labels),
        validation.pictures,
        labels,
        seed=options.seed,
        rule=options.rule,
        target=options.purity,
        compartments=compartments_of(labels),
        views=views,
    )
    formats.append(tfjs_result(options, identity, given["test"], calibration, data))
    evaluation = Evaluation(
        name=identity.name,
        version=identity.version,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        licence=identity.licence,
        labels=labels,
        pictures=pictures,
        formats=formats,
        shipped=SHIPPED,
        calibration=calibration,
        wall_s=record["wall_s"],
        hardware=record["machine"],
        validation_logits=validation_logits,
        held_out_logits=mean_logits(by_view["held-out"]) if "held-out" in by_view else None,
        history=record["history"],
        config=record["config"],
        data=data,
        compartments=compartments_of(labels),
        seed=options.seed,
        one_view=whole_alone(by_view, views),
        home=home,
        corrections=corrections,
        baselines=[run_baseline(other, splits, inputs, labels) for other in others],
    )
    write_report(options.run / REPORT, evaluation)
    (options.run / CALIBRATION).write_text(json.dumps(asdict(calibration), indent=1), encoding="utf-8")
    print((options.run / REPORT / "README.md").read_text(encoding="utf-8"))


def tfjs_result(
    options: Namespace,
    identity: Identity,
    test: SplitInputs,
    calibration: Calibration,
    data: Sequence[DataSource],
) -> FormatResult:
    """TensorFlow.js by the daemon's own bench, which decodes, crops and resizes too; else by TensorFlow."""
    size = size_of(options.run / EXPORTS / TFJS)
    reason = missing_daemon()
    if reason or not test.pictures:
        print(f"{TFJS} is run by TensorFlow's kernels: {reason or 'there are no test pictures'}")
        runner = TfjsRunner(options.run / EXPORTS / TFJS)
        logits = mean_logits(logits_by_view(runner, test))
        return FormatResult(TFJS, logits, size, time_inference(runner, test), "TensorFlow's kernels")
    with tempfile.TemporaryDirectory(prefix="sortbin-evaluate-") as made:
        bundle = Path(made) / "bundle"
        assemble(
            options.run,
            bundle,
            first_of_each(options.data, test.pictures),
            identity,
            Knowledge(asdict(calibration), {}, data),
        )
        found = run_daemon_bench(bundle, options.data, test.pictures, TFJS_RUNTIME)
    skipped = f"; it took {len(found.skipped)} pictures for none" if found.skipped else ""
    by = f"the daemon's own bench, {found.backend}, from the pictures' files{skipped}"
    return FormatResult(TFJS, found.logits, size, round(found.ms / len(test.views), 2), by)


def runners(options: Namespace) -> dict[str, tuple[Callable[[], Runner], int]]:
    """The runner of each format but TensorFlow.js, made when its turn comes, with the bytes of its files."""
    out: Path = options.run / EXPORTS
    made: dict[str, Callable[[], Runner]] = {
        "saved_model": lambda: SavedModelRunner(out / "saved_model"),
        "model_float.tflite": lambda: TfliteRunner(out / "model_float.tflite"),
        "model_int8.tflite": lambda: TfliteRunner(out / "model_int8.tflite"),
    }
    names = {
        "saved_model": "saved-model",
        "model_float.tflite": "float-tflite",
        "model_int8.tflite": SHIPPED,
    }
    keras_bytes = size_of(options.run / "final.weights.h5")
    found: dict[str, tuple[Callable[[], Runner], int]] = {
        "float": (lambda: KerasRunner(load_net(options.run)), keras_bytes)
    }
    return found | {names[file]: (make, size_of(out / file)) for file, make in made.items()}


def sources(options: Namespace, pictures: list[Picture]) -> list[DataSource]:
    """Where pictures and weights come from: the file --sources, or sources.json of the data folder.

    Raises:
        TrainingError: the file cannot be used.
    """
    path = options.sources or options.data / "sources.json"
    if not options.sources and not path.exists():
        return [
            DataSource(name=name, licence="", source=name) for name in sorted({p.source for p in pictures})
        ]
    try:
        return [DataSource(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"{path}: no list of sources ({error}); needed are entries with name, licence, what and source"
        ) from error
