"""A split's pictures as the bin looks at them: one or more centre crops, whose logits are averaged."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data.pictures import Picture
from training.data.pixels import cache_pixels
from training.errors import TrainingError
from training.evaluate.judge.metrics import Floats
from training.export.runners import Runner

Array = np.ndarray[Any, Any]

TIMED_PICTURES = 30


@dataclass(frozen=True)
class SplitInputs:
    """Inputs of a split: for each view (N, S, S, 3) uint8, in the order of the split's pictures."""

    pictures: Sequence[Picture]
    views: Sequence[Array]


def check_views(where: str, views: Sequence[float]) -> None:
    """Raises `TrainingError` where views are none, or not fractions of a side; `where` begins the message."""
    if not views or not all(0 < view <= 1 for view in views):
        raise TrainingError(f"{where}: views {list(views)}; allowed are fractions above 0, up to 1")


def split_inputs(
    data: Path, cache: Path, pictures: Sequence[Picture], split: str, size: int, views: Sequence[float]
) -> SplitInputs:
    """Decodes a split's pictures by each view, or takes them from an earlier run; the split may be empty.

    Args:
        data: the data folder.
        cache: where decoded pictures lie.
        pictures: of all splits.
        split: which.
        size: side of the input in pixels.
        views: centre crops, as fractions of the sides.
    """
    chosen = [picture for picture in pictures if picture.split == split]
    if not chosen:
        return SplitInputs([], [np.zeros((0, size, size, 3), np.uint8) for _ in views])
    caches = [cache_pixels(data, chosen, cache, size, view) for view in views]
    return SplitInputs(chosen, [np.asarray(cached.pixels) for cached in caches])


def logits_by_view(runner: Runner, inputs: SplitInputs) -> list[Floats]:
    """Logits (N, C) for each view."""
    return [runner.predict(pixels)[0] for pixels in inputs.views]


def mean_logits(by_view: Sequence[Floats]) -> Floats:
    """The mean over the views, (N, C): what the bin decides by."""
    return np.asarray(np.mean(by_view, axis=0, dtype=np.float64), np.float32)


def whole_alone(by_view: Mapping[str, Sequence[Floats]], views: Sequence[float]) -> dict[str, Floats]:
    """The logits of the whole picture by split; none where it is the only view, or none of them."""
    if len(views) < 2 or 1 not in views:
        return {}
    return {split: logits[list(views).index(1)] for split, logits in by_view.items()}


def time_inference(runner: Runner, inputs: SplitInputs) -> float:
    """Median milliseconds of an inference, one picture at a time; a picture costs one a view."""
    times = []
    for image in inputs.views[0][:TIMED_PICTURES]:
        start = time.perf_counter()
        runner.predict(image[None])
        times.append(time.perf_counter() - start)
    return round(1e3 * float(np.median(times)), 2)
