"""Which pictures an epoch sees, and in which order."""

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
    """The probability of each picture to be drawn.

    A class gets its share of the pictures to the power `class_power`. In a class a group counts for its size,
    but at most for `group_cap`, so that one thing shot a hundred times does not outweigh the others; then a
    source gets its share of that to the power `source_power`, so that few pictures of a camera count.

    Args:
        pictures: those to draw from.
        class_power: 1 leaves the classes as they are, 0 draws them evenly.
        group_cap: pictures that a group counts for at most; 0: no limit.
        source_power: 1 leaves the sources of a class as they are, 0 draws them evenly.

    Returns:
        (N,) float64, sum 1.

    Raises:
        TrainingError: there are no pictures.
    """
    if not pictures:
        raise TrainingError("no pictures to draw from; is there a `train` split in the list?")
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
    """Draws an epoch's pictures from seed and epoch alone, so that a resumed run sees the same ones.

    Systematic sampling: equal steps over the summed weights, so that a picture of probability w comes
    floor(count * w) or one more times. Then shuffled.

    Args:
        weights: (N,) probabilities, sum 1.
        count: how many to draw.
        seed: the run's seed.
        epoch: number of the epoch.

    Returns:
        (count,) int64 indices into `weights`.
    """
    generator = np.random.default_rng([seed, epoch])
    # Over a mixed list: in a fixed order the same neighbours would be drawn together in every epoch.
    mixed = generator.permutation(len(weights))
    edges = np.cumsum(weights[mixed])
    points = (np.arange(count) + generator.random()) * (edges[-1] / count)
    at = np.minimum(np.searchsorted(edges, points, side="right"), len(weights) - 1)
    return generator.permutation(mixed[at]).astype(np.int64)
