"""The command line: one sub-command a step."""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from training.errors import TrainingError
from training.quiet import quietly

STEPS = {
    "check-data": "look at every picture: broken, tiny and repeated ones, counts by label and source",
    "split": "give each picture its group and its split",
    "review-labels": "find pictures whose label may be wrong, by cross-validation",
    "sheet": "write a picture of what the recipe does to training pictures",
    "train": "train a network, phase by phase",
    "export": "write a trained network in every format",
    "evaluate": "measure every format and write the report",
    "bundle": "write what the daemon loads",
    "smoke": "the whole chain on a few made pictures, in about a minute",
}


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m training", description="From pictures in labelled folders to a bundle for the bin."
    )
    steps = top.add_subparsers(dest="step", required=True, metavar="STEP")
    for name, what in STEPS.items():
        step = steps.add_parser(name, help=what, description=what)
        step.add_argument(
            "--run", type=Path, default=Path("training/runs/default"), help="folder of the run (%(default)s)"
        )
        step.add_argument("--seed", type=int, default=1, help="decides every draw (%(default)s)")
        if name != "smoke":
            step.add_argument("--data", type=Path, required=True, help="pictures; sub-folders are labels")
        if name in ("check-data", "split"):
            step.add_argument(
                "--exclude", nargs="*", default=[], help="folders of the data that are left out"
            )
        if name in ("sheet", "train"):
            step.add_argument(
                "--config", default="efficientnet_lite0", help="a recipe of training/configs (%(default)s)"
            )
        _own(step, name)
    return top


def _own(step: argparse.ArgumentParser, name: str) -> None:
    if name == "split":
        step.add_argument("--validation", type=float, default=0.12, help="share of the groups (%(default)s)")
        step.add_argument(
            "--test",
            type=float,
            default=0.15,
            help="share of the groups (%(default)s); 0: those of --test-groups alone",
        )
        step.add_argument(
            "--group-by",
            choices=("features", "hash"),
            default="features",
            help="how shots of one thing are found where no groups.csv says it (%(default)s)",
        )
        step.add_argument("--hold-out", nargs="*", default=[], help="sources that no other split may hold")
        step.add_argument("--test-groups", type=Path, help="a file that names groups which must be in test")
        step.add_argument("--corrections", type=Path, help="reviewed wrong labels, mended outside of test")
    if name == "review-labels":
        step.add_argument("--folds", type=int, default=10, help="of the cross-validation (%(default)s)")
        step.add_argument("--most", type=int, default=360, help="pictures shown at most (%(default)s)")
        step.add_argument(
            "--only", nargs="*", default=[], help="sources that are shown; all where none is named"
        )
    if name == "train":
        step.add_argument("--base", help="weights to start from, such as an export's base.weights.h5")
        step.add_argument("--resume", action="store_true", help="go on where a killed run stopped")
        step.add_argument("--steps-per-epoch", type=int, help="in place of one pass over the pictures")
        step.add_argument("--workers", type=int, default=1, help="processes that make pictures (%(default)s)")
    if name in ("evaluate", "bundle"):
        step.add_argument("--name", default="my-model", help="of the model (%(default)s)")
        step.add_argument("--version", default="0.0.1", help="semantic version of the model (%(default)s)")
        step.add_argument(
            "--licence", default="unstated", help="what a user may do with the model (%(default)s)"
        )
        step.add_argument("--sources", type=Path, help="where pictures and weights come from; see README.md")
    if name == "evaluate":
        step.add_argument(
            "--views",
            type=float,
            nargs="+",
            help="centre crops that are averaged, as fractions of the sides; else the recipe's",
        )
        step.add_argument(
            "--rule", default="home", help="how the policy's thresholds are chosen (%(default)s)"
        )
        step.add_argument(
            "--purity", type=float, default=0.99, help="that the thresholds aim at (%(default)s)"
        )
        step.add_argument(
            "--baseline", type=Path, nargs="*", default=[], help="bundles that are run on the same pictures"
        )
        step.add_argument(
            "--home",
            nargs="*",
            default=[],
            help="test sources that are judged alone; all where none is named",
        )
        step.add_argument(
            "--corrections", type=Path, help="reviewed wrong labels, for a second figure on the test split"
        )
    if name == "bundle":
        step.add_argument("--out", type=Path, required=True, help="folder to be made")
        step.add_argument(
            "--golden",
            type=Path,
            help="golden pictures: one folder a label, or another bundle's golden folder",
        )
        step.add_argument("--golden-notice", type=Path, help="the licence of those pictures")
    if name == "smoke":
        step.add_argument("--out", type=Path, help="folder of the bundle; in the run's where none is named")


def main(arguments: list[str]) -> int:
    """Runs a step.

    Returns:
        The exit code: 0, 1 where the user has something to mend, 130 after Ctrl-C.
    """
    options = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with quietly():
            step = import_module(f"training.steps.{options.step.replace('-', '_')}")
        step.run(options)
    except TrainingError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
