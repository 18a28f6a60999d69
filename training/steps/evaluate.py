"""`evaluate`: every format on the test split, and the report."""

import json
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from training.data.pictures import Picture, read_pictures
from training.errors import TrainingError
from training.evaluate.baseline import read_manifest, run_baseline
from training.evaluate.calibrate import calibrate
from training.evaluate.comparisons import Baseline
from training.evaluate.compartments import compartments_of
from training.evaluate.corrections import read_corrections
from training.evaluate.evaluation import DataSource, Evaluation, FormatResult
from training.evaluate.metrics import Floats, indices
from training.evaluate.report import write_report
from training.evaluate.views import SplitInputs, logits_by_view, mean_logits, split_inputs, time_inference
from training.export.runners import KerasRunner, Runner, SavedModelRunner, TfjsRunner, TfliteRunner
from training.steps.common import EXPORTS, PICTURES, REPORT, load_config, read_run
from training.steps.export import load_net, size_of

SHIPPED = "int8"
CALIBRATION = "calibration.json"


def run(options: Namespace) -> None:
    """Writes report/ (model card, figures, plots) and calibration.json into the run's folder."""
    record = read_run(options.run)
    config = load_config(options.config)
    pictures = read_pictures(options.run / PICTURES)
    labels: list[str] = record["labels"]
    home = known_sources(options.home, pictures)
    corrections = read_corrections(options.corrections, labels) if options.corrections else []

    def inputs(
        split: str, size: int = record["input_size"], views: Sequence[float] = config.views
    ) -> SplitInputs:
        return split_inputs(options.data, options.run.parent / "cache", pictures, split, size, views)

    test = inputs("test")
    formats = [judge(name, make(), size, test) for name, (make, size) in runners(options).items()]
    shipped = TfliteRunner(options.run / EXPORTS / "model_int8.tflite")
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
    )
    held_out = inputs("held-out")
    held_out_views = logits_by_view(shipped, held_out) if held_out.pictures else []
    one_view: dict[str, Floats] = {}
    if len(config.views) > 1:
        one_view["test"] = shipped.predict(test.views[0])[0]
        one_view |= {"held-out": held_out_views[0]} if held_out_views else {}
    evaluation = Evaluation(
        name=config.name,
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
        held_out_logits=mean_logits(held_out_views) if held_out_views else None,
        history=record["history"],
        config=record["config"],
        data=sources(options, pictures),
        compartments=compartments_of(labels),
        seed=options.seed,
        views=config.views,
        one_view=one_view,
        home=home,
        corrections=corrections,
        baseline=baseline(options.baseline, inputs, labels, bool(held_out.pictures))
        if options.baseline
        else None,
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


def judge(name: str, runner: Runner, size: int, test: SplitInputs) -> FormatResult:
    """A format's logits on the test pictures, and its median time an inference."""
    logits = mean_logits(logits_by_view(runner, test))
    return FormatResult(name, logits, size, time_inference(runner, test))


def baseline(
    bundle: Path,
    inputs: Callable[[str, int, Sequence[float]], SplitInputs],
    labels: list[str],
    held_out: bool,
) -> Baseline:
    """Another bundle's int8 model on the same test and held-out pictures."""
    manifest = read_manifest(bundle)
    splits = ["test", *(["held-out"] if held_out else [])]
    given = {split: inputs(split, manifest["input"]["width"], manifest["views"]) for split in splits}
    return run_baseline(bundle, manifest, given, labels)


def known_sources(named: list[str], pictures: list[Picture]) -> list[str]:
    """The sources that are named.

    Raises:
        TrainingError: the test split has none of a name.
    """
    known = sorted({picture.source for picture in pictures if picture.split == "test"})
    for name in named:
        if name not in known:
            raise TrainingError(f"--home {name}: no such source in the test split; it has {', '.join(known)}")
    return named


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
