"""Step `smoke`: runs all steps on synthetic images, from check-data to a bundle."""

import shutil
import sys
import time
from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np

from training import cli
from training.progress import clock

LABELS = ("disc", "ring", "stripes")
EACH, SIDE = 20, 160


def run(options: Namespace) -> None:
    """Runs each step as a user does. The folder of the run is deleted first."""
    start = time.monotonic()
    shutil.rmtree(options.run, ignore_errors=True)
    data, out = options.run / "data", options.out or options.run / "bundle"
    make_pictures(data, options.seed)
    steps = [
        ["check-data"],
        ["split", "--group-by", "hash", "--validation", "0.2", "--test", "0.2"],
        ["sheet", "--config", "smoke"],
        ["train", "--config", "smoke"],
        ["export"],
        ["evaluate"],
        ["bundle", "--out", str(out)],
    ]
    for step in steps:
        print(f"--- {' '.join(step)}", flush=True)
        code = cli.main([*step, "--run", str(options.run), "--data", str(data), "--seed", str(options.seed)])
        if code:
            sys.exit(code)
    print(f"smoke: wrote {out} in {clock(time.monotonic() - start)}")


def make_pictures(folder: Path, seed: int) -> None:
    """Writes 60 images of three labels: disc, ring or stripes, in random colours and sizes on noise."""
    rng = np.random.default_rng(seed)
    for label in LABELS:
        (folder / label).mkdir(parents=True)
        for number in range(EACH):
            picture = rng.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8) + rng.integers(
                0, 120, 3, dtype=np.uint8
            )
            colour = tuple(int(value) for value in rng.integers(140, 256, 3))
            centre = [int(value) for value in rng.integers(60, 100, 2)]
            radius = int(rng.integers(25, 50))
            if label == "stripes":
                for offset in range(-radius, radius, 12):
                    left, right, y = centre[0] - radius, centre[0] + radius, centre[1] + offset
                    cv2.line(picture, (left, y), (right, y), colour, 5)
            else:
                cv2.circle(picture, centre, radius, colour, -1 if label == "disc" else 7)
            cv2.imwrite(str(folder / label / f"{label}{number:02}.jpg"), picture)
