"""A second, stricter look at groups of plain or drawn images.

Features of a network trained on photographs confuse drawings and renderings on a plain background. Links
between images then chain a whole label into one group.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.decode import load_input
from training.data.links import compare_all, unite
from training.data.pictures import Picture

SHARE, LEAST = 0.25, 5
"""A group is too large if it has this share of a label's images, and at least this many."""
FLAT, FLAT_SIDE, FLAT_LEVELS = 0.85, 96, 2
"""An image is plain if this share of its pixels equals the neighbours, at this side, within these levels.
Photographs have texture and noise: of 250 photographs, 1 % reach 0.85 to 0.9. Drawings reach 0.9."""
COSINE, CORRELATION, SHAPE_SIDE = 0.94, 0.78, 32
"""Limits for two images of which one is plain: the cosine of their features, and the correlation of their
brightness at this side. One of the two is enough, because leaks are worse than large groups."""


class SecondLook:
    """Divides groups of plain images that are too large for their label.

    A link between two photographs holds, so that series of photographs stay together.

    Attributes:
        divided: number of groups that became several.
    """

    def __init__(
        self, root: Path, pictures: Sequence[Picture], rows: npt.NDArray[np.float32], threshold: float
    ) -> None:
        """Takes the images, their features (of length 1), and the cosine that linked them."""
        self.divided = 0
        self._root, self._pictures, self._rows, self._threshold = root, pictures, rows, threshold
        self._sizes = Counter(picture.label for picture in pictures)

    def divide(self, members: list[int]) -> list[list[int]]:
        """Returns the parts of a group. A group that needs no second look is its only part."""
        labels = Counter(self._pictures[at].label for at in members)
        if not any(n >= max(LEAST, SHARE * self._sizes[label]) for label, n in labels.items()):
            return [members]
        are_plain = np.array([self._is_plain(at) for at in members])
        if are_plain.sum() < LEAST:
            return [members]
        rows = self._rows[members]
        shapes = np.stack([self._shape(at) for at in members])

        def compare(first: slice, second: slice) -> npt.NDArray[np.float32]:
            cosines: npt.NDArray[np.float32] = rows[first] @ rows[second].T
            are_same = (cosines >= COSINE) | (shapes[first] @ shapes[second].T >= CORRELATION)
            has_plain = are_plain[first, None] | are_plain[None, second]
            return np.where(has_plain, np.where(are_same, 1, 0), cosines).astype(np.float32)

        parent = np.arange(len(members))
        for one, other, _ in compare_all(len(members), compare, self._threshold):
            parent = unite(parent, one, other)
        parts = [[members[at] for at in np.flatnonzero(parent == root)] for root in np.unique(parent)]
        self.divided += len(parts) > 1
        return parts

    def _is_plain(self, at: int) -> bool:
        pixels = load_input(self._root / self._pictures[at].file, FLAT_SIDE).astype(np.int16)
        steps = np.abs(pixels[:, 1:] - pixels[:, :-1]).max(axis=2)
        return bool((steps <= FLAT_LEVELS).mean() >= FLAT)

    def _shape(self, at: int) -> npt.NDArray[np.float32]:
        """Returns the brightness of the image in cells, with the mean 0 and the length 1."""
        pixels = load_input(self._root / self._pictures[at].file, SHAPE_SIDE).astype(np.float32)
        cells = pixels.mean(axis=2).ravel()
        cells -= cells.mean()
        return np.asarray(cells / max(float(np.linalg.norm(cells)), 1e-6), np.float32)
