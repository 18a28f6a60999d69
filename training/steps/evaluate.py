"""Step `evaluate`: evaluates every format on the test split and writes the report."""

import json
import tempfile
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from training.data.sources import DataSource
from training.disk import write_text
from training.evaluate.judge.baseline import read_bundle, run_baseline
from training.evaluate.judge.calibrate import Calibration, calibrate
from training.evaluate.judge.comparisons import in_domain_sources
from training.evaluate.judge.compartments import compartments_of
from training.evaluate.judge.daemon_bench import daemon_problem, run_daemon_bench
from training.evaluate.judge.evaluation import Evaluation, FormatResult
from training.evaluate.judge.metrics import label_indices
from training.evaluate.judge.views import (
    SplitInputs,
    check_views,
    logits_by_view,
    mean_logits,
    split_inputs,
    time_inference,
    whole_image_logits,
)
from training.evaluate.labels.corrections import read_corrections
from training.evaluate.report.write import write_report
from training.export.runners import KerasRunner, Runner, SavedModelRunner, TfjsRunner, TfliteRunner
from training.identity import Identity
from training.steps.assemble import ModelInfo, assemble_bundle, first_of_each_label
from training.steps.common import (
    EXPORTS,
    REPORT,
    read_run,
    read_split,
    sources_of,
)
from training.steps.export import load_net, size_of

SHIPPED = "int8"
TFJS, TFJS_RUNTIME = "tfjs", "tfjs-wasm"
CALIBRATION = "calibration.json"


def run(options: Namespace) -> None:
    """Writes report/ (model card, report.json, plots) and calibration.json into the run's folder."""
    record = read_run(options.run)
    views: Sequence[float] = options.views or record["config"]["views"]
    check_views("--views", views)
    pictures = read_split(options.run)
    labels: list[str] = record["labels"]
    # Files of the user are read before the long work, so that an error in them is reported at once.
    identity = Identity(options.name, options.version, options.licence)
    data = sources_of(options, pictures)
    in_domain = in_domain_sources(options.home, pictures)
    corrections = read_corrections(options.corrections, labels) if options.corrections else []
    baselines = [read_bundle(folder, labels) for folder in options.baseline]

    def inputs(split: str, size: int = record["input_size"], views: Sequence[float] = views) -> SplitInputs:
        return split_inputs(options.data, options.run.parent / "cache", pictures, split, size, views)

    inputs_by_split = {split: inputs(split) for split in ("test", "held-out")}
    splits = [split for split in inputs_by_split if inputs_by_split[split].pictures]
    formats, by_view = [], {}
    for name, (make_runner, size) in runner_factories(options).items():
        runner = make_runner()
        test_logits = logits_by_view(runner, inputs_by_split["test"])
        formats.append(
            FormatResult(
                name, mean_logits(test_logits), size, time_inference(runner, inputs_by_split["test"])
            )
        )
        if name == SHIPPED:
            by_view = {"test": test_logits}
    shipped = TfliteRunner(options.run / EXPORTS / "model_int8.tflite")
    if "held-out" in splits:
        by_view["held-out"] = logits_by_view(shipped, inputs_by_split["held-out"])
    validation = inputs("validation")
    validation_logits = mean_logits(logits_by_view(shipped, validation))
    calibration = calibrate(
        validation_logits,
        label_indices(validation.pictures, labels),
        validation.pictures,
        labels,
        seed=options.seed,
        rule=options.rule,
        target=options.purity,
        compartments=compartments_of(labels),
        views=views,
    )
    formats.append(evaluate_tfjs(options, identity, inputs_by_split["test"], calibration, data))
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
        one_view=whole_image_logits(by_view, views),
        in_domain=in_domain,
        corrections=corrections,
        baselines=[run_baseline(bundle, splits, inputs, labels) for bundle in baselines],
    )
    write_report(options.run / REPORT, evaluation)
    write_text(options.run / CALIBRATION, json.dumps(asdict(calibration), indent=1))
    print((options.run / REPORT / "README.md").read_text(encoding="utf-8"))


def evaluate_tfjs(
    options: Namespace,
    identity: Identity,
    test: SplitInputs,
    calibration: Calibration,
    data: Sequence[DataSource],
) -> FormatResult:
    """Evaluates TensorFlow.js with the daemon's bench, which also decodes, crops and resizes the images.

    If the daemon cannot run, or if there are no test images, TensorFlow runs the model instead.
    """
    size = size_of(options.run / EXPORTS / TFJS)
    reason = daemon_problem()
    if reason or not test.pictures:
        print(f"{TFJS}: run by TensorFlow's kernels, because {reason or 'there are no test images.'}")
        runner = TfjsRunner(options.run / EXPORTS / TFJS)
        logits = mean_logits(logits_by_view(runner, test))
        return FormatResult(TFJS, logits, size, time_inference(runner, test), "TensorFlow's kernels")
    with tempfile.TemporaryDirectory(prefix="sortbin-evaluate-") as work:
        bundle = Path(work) / "bundle"
        assemble_bundle(
            options.run,
            bundle,
            first_of_each_label(options.data, test.pictures),
            identity,
            ModelInfo(asdict(calibration), {}, data),
        )
        bench = run_daemon_bench(bundle, options.data, test.pictures, TFJS_RUNTIME)
    skipped = f" ({len(bench.skipped)} skipped)" if bench.skipped else ""
    run_by = f"the daemon's own bench, {bench.backend}, from the image files{skipped}"
    return FormatResult(TFJS, bench.logits, size, round(bench.ms / len(test.views), 2), run_by)


def runner_factories(options: Namespace) -> dict[str, tuple[Callable[[], Runner], int]]:
    """Returns a runner factory and the size in bytes of each format except TensorFlow.js."""
    out: Path = options.run / EXPORTS
    factories: dict[str, Callable[[], Runner]] = {
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
    return found | {names[file]: (make, size_of(out / file)) for file, make in factories.items()}
