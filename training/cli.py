"""The command line: one sub-command per step."""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from training.disk import full_disk
from training.errors import TrainingError
from training.quiet import silence_stderr

STEPS = {
    "check-data": "Count the images by label and source, and list broken, tiny and repeated ones",
    "split": "Assign each image to a group and a split",
    "review-labels": "Find images whose label may be wrong, by cross-validation",
    "sheet": "Write a contact sheet of augmented training images",
    "train": "Train a network, phase by phase",
    "report": "Show the learning curves of a run, also while it trains",
    "export": "Write a trained network in every format",
    "evaluate": "Measure every format and write the report",
    "bundle": "Write the bundle that the daemon loads",
    "smoke": "Run all steps on a few generated images, in about a minute",
}


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m training",
        description="Train a model bundle for the bin from images in labelled folders.",
    )
    steps = top.add_subparsers(dest="step", required=True, metavar="STEP")
    for name, summary in STEPS.items():
        step = steps.add_parser(name, help=summary, description=summary)
        step.add_argument(
            "--run",
            type=Path,
            default=Path("training/runs/default"),
            help="run folder (default: %(default)s)",
        )
        step.add_argument(
            "--seed", type=int, default=1, help="seed of all random draws (default: %(default)s)"
        )
        if name not in ("smoke", "report"):
            step.add_argument(
                "--data", type=Path, required=True, help="data folder; its sub-folders are labels"
            )
        if name in ("check-data", "split"):
            step.add_argument(
                "--exclude", nargs="*", default=[], help="first-level folders of the data to ignore"
            )
        if name in ("sheet", "train"):
            step.add_argument(
                "--config",
                default="efficientnet_lite0",
                help="recipe in training/configs (default: %(default)s)",
            )
            step.add_argument(
                "--set",
                nargs="*",
                default=[],
                metavar="PATH=VALUE",
                dest="overrides",
                help="replace settings of the recipe, for example batch=16 phases.head.epochs=3",
            )
        _add_options(step, name)
    return top


def _add_options(step: argparse.ArgumentParser, name: str) -> None:
    if name == "split":
        step.add_argument(
            "--validation",
            type=float,
            default=0.12,
            help="share of the images of each label (default: %(default)s)",
        )
        step.add_argument(
            "--test",
            type=float,
            default=0.15,
            help="share of the images of each label (default: %(default)s); 0: only --test-groups",
        )
        step.add_argument(
            "--group-by",
            choices=("features", "hash"),
            default="features",
            help="how to group images that have no group in groups.csv (default: %(default)s)",
        )
        step.add_argument(
            "--licences",
            nargs="*",
            help="use only sources with one of these licences, for example MIT CC-BY-4.0 (default: all)",
        )
        step.add_argument("--hold-out", nargs="*", default=[], help="sources to keep out of all other splits")
        step.add_argument(
            "--test-groups", type=Path, help="file with the names of groups to put into the test split"
        )
        step.add_argument(
            "--corrections",
            type=Path,
            help="CSV file of reviewed wrong labels; only train and validation are corrected",
        )
    if name == "review-labels":
        step.add_argument(
            "--folds",
            type=int,
            default=10,
            help="number of folds of the cross-validation (default: %(default)s)",
        )
        step.add_argument(
            "--most", type=int, default=360, help="largest number of images to show (default: %(default)s)"
        )
        step.add_argument("--only", nargs="*", default=[], help="sources to show (default: all)")
    if name == "train":
        step.add_argument("--base", help="start weights, for example base.weights.h5 of an export")
        step.add_argument("--resume", action="store_true", help="continue an interrupted run")
        step.add_argument(
            "--steps-per-epoch", type=int, help="steps per epoch (default: one pass over the images)"
        )
        step.add_argument(
            "--workers",
            type=int,
            default=1,
            help="processes that make training images (default: %(default)s)",
        )
    if name == "report":
        step.add_argument("folder", type=Path, nargs="?", metavar="RUN", help="run folder, instead of --run")
        step.add_argument(
            "--no-open", dest="open", action="store_false", help="write the picture only, and do not open it"
        )
    if name in ("split", "evaluate", "bundle"):
        step.add_argument(
            "--sources",
            type=Path,
            help="JSON file of the sources of images and weights; see training/README.md",
        )
    if name in ("evaluate", "bundle"):
        step.add_argument("--name", default="my-model", help="name of the model (default: %(default)s)")
        step.add_argument(
            "--version", default="0.0.1", help="semantic version of the model (default: %(default)s)"
        )
        step.add_argument("--licence", default="unstated", help="licence of the model (default: %(default)s)")
    if name == "evaluate":
        step.add_argument(
            "--views",
            type=float,
            nargs="+",
            help="centre crops to average, as fractions of the sides (default: those of the recipe)",
        )
        step.add_argument(
            "--rule",
            default="home",
            help="rule for the thresholds: home, bootstrap, mean-source, worst-source (default: %(default)s)",
        )
        step.add_argument(
            "--purity",
            type=float,
            default=0.99,
            help="target purity: share of the sorted items in the right compartment (default: %(default)s)",
        )
        step.add_argument(
            "--baseline", type=Path, nargs="*", default=[], help="bundles to compare with, on the same images"
        )
        step.add_argument(
            "--home",
            nargs="*",
            default=[],
            help="sources of the in-domain test (default: all sources of the test split)",
        )
        step.add_argument(
            "--corrections",
            type=Path,
            help="CSV file of reviewed wrong labels, for a second figure on the test split",
        )
    if name == "bundle":
        step.add_argument("--out", type=Path, required=True, help="folder of the bundle; it must not exist")
        step.add_argument(
            "--golden",
            type=Path,
            help="golden images: a folder with one sub-folder per label, or the golden folder of a bundle",
        )
        step.add_argument("--golden-notice", type=Path, help="licence file of the golden images")
    if name == "smoke":
        step.add_argument("--out", type=Path, help="folder of the bundle (default: bundle in the run folder)")


def main(arguments: list[str]) -> int:
    """Runs a step.

    Returns:
        The exit code: 0 on success, 1 after an error that the user can correct, 130 after Ctrl-C.
    """
    options = make_parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with silence_stderr():
            step = import_module(f"training.steps.{options.step.replace('-', '_')}")
        step.run(options)
    except TrainingError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        full = full_disk(error, options.run)
        if full is None:
            raise
        print(f"training: {full}", file=sys.stderr)
        return 1
    return 0
