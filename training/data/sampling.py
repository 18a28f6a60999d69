"""Draws the images of an epoch, and their order.

The workers that make training images import this module, so it imports nothing heavy.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.data.pictures import Picture
from training.data.split import group_key
from training.errors import TrainingError


def weights(
    pictures: Sequence[Picture], class_power: float, group_cap: int, source_power: float = 1.0
) -> npt.NDArray[np.float64]:
    """Returns the probability of each image to be drawn.

    1. A class gets its share of the images to the power `class_power`.
    2. Within a class a group counts for its size, but at most for `group_cap`. One item that was photographed
       a hundred times then does not outweigh the others.
    3. Within a class a source gets its share of these counts to the power `source_power`. The few images of a
       camera then count more.

    Args:
        pictures: the images to draw from.
        class_power: 1 keeps the shares of the classes, 0 draws classes evenly.
        group_cap: largest number of images that a group counts for. 0: no limit.
        source_power: 1 keeps the shares of the sources in a class, 0 draws sources evenly.

    Returns:
        (N,) float64, sum 1.

    Raises:
        TrainingError: there are no images.
    """
    if not pictures:
        raise TrainingError(
            "no training images. Run `split`, and check that pictures.csv has images in the split `train`."
        )
    sizes = Counter((p.label, p.source, group_key(p)) for p in pictures)
    labels = Counter(p.label for p in pictures)
    capped = {key: min(size, group_cap or size) for key, size in sizes.items()}
    sources: Counter[tuple[str, str]] = Counter()
    for (label, source, _), size in capped.items():
        sources[label, source] += size
    raised = {key: size**source_power for key, size in sources.items()}
    in_class: defaultdict[str, float] = defaultdict(float)
    for (label, _), size in raised.items():
        in_class[label] += size
    shares = {label: (size / len(pictures)) ** class_power for label, size in labels.items()}
    total = sum(shares.values())
    found = []
    for p in pictures:
        place, key = (p.label, p.source), (p.label, p.source, group_key(p))
        of_class = raised[place] / in_class[p.label]
        found.append(shares[p.label] / total * of_class * capped[key] / sources[place] / sizes[key])
    return np.array(found)


def epoch_order(weights: npt.NDArray[np.float64], count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Draws the images of an epoch from seed and epoch alone, so that a resumed run gets the same images.

    Systematic sampling takes equal steps over the summed weights. An image of probability w is drawn
    floor(count * w) times, or once more. The result is shuffled.

    Args:
        weights: (N,) probabilities, sum 1.
        count: number of draws.
        seed: seed of the run and phase.
        epoch: number of the epoch, from 0.

    Returns:
        (count,) int64 indices into `weights`.
    """
    generator = np.random.default_rng([seed, epoch])
    # Without this shuffle, neighbours in the list would be drawn together in every epoch.
    mixed = generator.permutation(len(weights))
    edges = np.cumsum(weights[mixed])
    points = (np.arange(count) + generator.random()) * (edges[-1] / count)
    at = np.minimum(np.searchsorted(edges, points, side="right"), len(weights) - 1)
    return generator.permutation(mixed[at]).astype(np.int64)


def epoch_pictures(
    train_indices: npt.NDArray[np.int64], draw: npt.NDArray[np.float64], count: int, seed: int, epoch: int
) -> npt.NDArray[np.int64]:
    """Draws the images of an epoch, as indices into all images.

    Args:
        train_indices: (M,) indices of the training images.
        draw: (M,) probabilities of these images, sum 1.
        count: number of draws.
        seed: seed of the run and phase.
        epoch: number of the epoch, from 0.

    Returns:
        (count,) int64.
    """
    return train_indices[epoch_order(draw, count, seed, epoch)]
