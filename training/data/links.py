"""Compares all pairs of images, and unites the similar ones."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Links: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]
"""Pairs of similar images (row, column), with row < column, and their similarity. Higher is more similar."""

BLOCK = 2048
"""Images are compared in blocks of this many, because N x N values would not fit into memory."""


def compare_all(
    total: int, compare: Callable[[slice, slice], npt.NDArray[np.float32]], minimum: float
) -> Iterator[Links]:
    """Compares all pairs, block by block. `compare` returns the similarities of two ranges of images."""
    for first_row in range(0, total, BLOCK):
        for first_column in range(first_row, total, BLOCK):
            scores = compare(slice(first_row, first_row + BLOCK), slice(first_column, first_column + BLOCK))
            rows, columns = np.nonzero(scores >= minimum)
            values = scores[rows, columns]
            is_pair = rows + first_row < columns + first_column
            yield rows[is_pair] + first_row, columns[is_pair] + first_column, values[is_pair]


def unite(
    parent: npt.NDArray[np.intp], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Unites the pairs (union-find). In input and output, each parent is a root."""
    pairs = np.unique(np.stack([parent[rows], parent[columns]], axis=1), axis=0)
    links = parent.tolist()

    def find(at: int) -> int:
        while links[at] != at:
            links[at] = links[links[at]]
            at = links[at]
        return at

    for row, column in pairs.tolist():
        first, second = find(row), find(column)
        links[max(first, second)] = min(first, second)
    return np.array([find(at) for at in range(len(links))], np.intp)
