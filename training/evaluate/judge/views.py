"""Views of an image: one or more centre crops. The bin decides on their mean logits."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.bundle import VIEW
from training.data.pictures import Picture
from training.data.pixels import cache_pixels
from training.errors import TrainingError
from training.evaluate.judge.metrics import Floats
from training.export.runners import Runner

Array = np.ndarray[Any, Any]

TIMED_PICTURES = 30


@dataclass(frozen=True)
class SplitInputs:
    """Inputs of a split: for each view an array (N, S, S, 3) uint8, in the order of the split's images."""

    pictures: Sequence[Picture]
    views: Sequence[Array]


def check_views(where: str, views: Sequence[float]) -> None:
    """Checks views.

    Args:
        where: start of the error message.
        views: centre crops, as fractions of the image's sides.

    Raises:
        TrainingError: there are no views, or the daemon does not accept one.
    """
    low, high = VIEW
    if not views or not all(low <= view <= high for view in views):
        raise TrainingError(
            f"{where}: views {list(views)} are not allowed. Use fractions from {low:g} to {high:g}."
        )


def split_inputs(
    data: Path, cache: Path, pictures: Sequence[Picture], split: str, size: int, views: Sequence[float]
) -> SplitInputs:
    """Decodes the images of a split for each view, or reads them from the cache. The split may be empty.

    Args:
        data: the data folder.
        cache: folder of the decoded images.
        pictures: images of all splits.
        split: name of the split.
        size: side of the input in pixels.
        views: centre crops, as fractions of the image's sides.
    """
    chosen = [picture for picture in pictures if picture.split == split]
    if not chosen:
        return SplitInputs([], [np.zeros((0, size, size, 3), np.uint8) for _ in views])
    caches = [cache_pixels(data, chosen, cache, size, view) for view in views]
    return SplitInputs(chosen, [np.asarray(cached.pixels) for cached in caches])


def logits_by_view(runner: Runner, inputs: SplitInputs) -> list[Floats]:
    """Returns logits (N, C) for each view."""
    return [runner.predict(pixels)[0] for pixels in inputs.views]


def mean_logits(by_view: Sequence[Floats]) -> Floats:
    """Returns the mean over the views, (N, C), as on the bin."""
    return np.asarray(np.mean(by_view, axis=0, dtype=np.float64), np.float32)


def whole_image_logits(by_view: Mapping[str, Sequence[Floats]], views: Sequence[float]) -> dict[str, Floats]:
    """Returns the logits of the whole image by split. Empty if it is the only view or not a view."""
    if len(views) < 2 or 1 not in views:
        return {}
    return {split: logits[list(views).index(1)] for split, logits in by_view.items()}


def time_inference(runner: Runner, inputs: SplitInputs) -> float:
    """Measures the median time of an inference in milliseconds. An image needs one inference a view."""
    times = []
    for image in inputs.views[0][:TIMED_PICTURES]:
        start = time.perf_counter()
        runner.predict(image[None])
        times.append(time.perf_counter() - start)
    return round(1e3 * float(np.median(times)), 2)
