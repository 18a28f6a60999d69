"""Step `sheet`: shows augmented training images, to check a recipe before a long training."""

from argparse import Namespace

import numpy as np

from training.augment.sheet import write_sheet
from training.data.pixels import cache_pixels
from training.overrides import override
from training.steps.common import load_config, read_split

ROWS, COLUMNS, STORED_SIDE = 12, 10, 255


def run(options: Namespace) -> None:
    """Writes sheet.png into the run's folder. Each row has an image, then augmented copies of it."""
    training = [p for p in read_split(options.run) if p.split == "train"]
    chosen = np.random.default_rng(options.seed).permutation(len(training))[:ROWS]
    pictures = sorted((training[i] for i in chosen), key=lambda picture: picture.file)
    labels = sorted({picture.label for picture in pictures})
    cache = cache_pixels(options.data, pictures, options.run.parent / "cache", STORED_SIDE)
    write_sheet(
        options.run / "sheet.png",
        cache.pixels,
        np.array([labels.index(picture.label) for picture in pictures]),
        labels,
        override(load_config(options.config), options.overrides).augment,
        rows=min(ROWS, len(pictures)),
        cols=COLUMNS,
        seed=options.seed,
    )
    print(options.run / "sheet.png")
