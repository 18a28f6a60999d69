"""Groups images of the same item, so that they stay in one split."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from training.data.decode import load_picture, resize
from training.data.pictures import Picture
from training.progress import Progress

Features: TypeAlias = Callable[[Sequence[Picture]], npt.NDArray[np.float32]]
"""Returns (N, D) float32 features for N images. Each row has the length 1."""
Links: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]
"""Pairs of similar images (row, column), with row < column, and their similarity. Higher is more similar."""

BLOCK = 2048
"""Images are compared in blocks of this many, because N x N values would not fit into memory."""


class Hash(NamedTuple):
    """The result of `difference_hash`: 64 bits, and their source: (8, 9, 3) float32 cells in sRGB."""

    bits: int
    cells: npt.NDArray[np.float32]


def group_pictures(
    root: Path, pictures: Sequence[Picture], features: Features | None, threshold: float = 0.82
) -> list[Picture]:
    """Groups images by the features of a network, or with `group_by_hash` if `features` is None.

    Images with a group keep it. Similar images without a group become one group, also if they are similar
    only through other images. If such a group is similar to images with a group, it joins the group of the
    most similar one.

    Args:
        root: the data folder.
        pictures: the images.
        features: computes the features. None: no network is available.
        threshold: two images are similar from this cosine on.

    Returns:
        The images in the same order, each with a group.
    """
    if features is None:
        return group_by_hash(root, pictures)
    if all(picture.group for picture in pictures):
        return list(pictures)
    rows = features(pictures)
    if rows.ndim != 2 or len(rows) != len(pictures) or not np.isfinite(rows).all():
        raise ValueError(
            f"features: shape {rows.shape} for {len(pictures)} images. They must be (N, D) and finite."
        )
    if np.abs(np.linalg.norm(rows, axis=1) - 1).max() > 0.01:
        raise ValueError("features: a row does not have the length 1. Normalise each row.")

    def compare(rows_slice: slice, columns_slice: slice) -> npt.NDArray[np.float32]:
        cosines: npt.NDArray[np.float32] = rows[rows_slice] @ rows[columns_slice].T
        return cosines

    return _join(pictures, _links(len(pictures), compare, threshold))


def group_by_hash(
    root: Path, pictures: Sequence[Picture], bits: int = 8, levels: float = 10.0
) -> list[Picture]:
    """Groups copies (recompressed, resized, slightly shifted) like `group_pictures`, without a network.

    It does not find other shots of an item. Use features if the test figures matter.

    Args:
        root: the data folder.
        pictures: the images.
        bits: largest number of different bits, of 64.
        levels: largest difference of the cell colours (root mean square, 0 to 255). The bits alone confuse
            many items on a plain background.
    """
    if all(picture.group for picture in pictures):
        return list(pictures)
    progress = Progress("comparing", len(pictures))
    hashes = []
    for picture in pictures:
        hashes.append(difference_hash(root, picture))
        progress.add()
    codes = np.array([h.bits for h in hashes], np.uint64)
    cells = np.stack([h.cells.ravel() for h in hashes])
    lengths = (cells**2).sum(axis=1)

    def compare(rows_slice: slice, columns_slice: slice) -> npt.NDArray[np.float32]:
        differing = np.bitwise_count(codes[rows_slice, None] ^ codes[None, columns_slice])
        squares = (
            lengths[rows_slice, None]
            + lengths[None, columns_slice]
            - 2 * (cells[rows_slice] @ cells[columns_slice].T)
        )
        distances = np.sqrt(np.maximum(squares, 0) / cells.shape[1])
        distances[differing > bits] = np.inf
        nearness: npt.NDArray[np.float32] = -distances
        return nearness

    return _join(pictures, _links(len(pictures), compare, -levels))


def difference_hash(root: Path, picture: Picture) -> Hash:
    """Computes for 8 x 8 cells if they are darker than the right neighbour, and the colours of 8 x 9 cells.

    Raises:
        TrainingError: the image cannot be read.
    """
    cells = resize(load_picture(root / picture.file), 9, 8).astype(np.float32)
    luma = cells @ np.array([0.299, 0.587, 0.114], np.float32)
    bits = np.packbits(luma[:, 1:] > luma[:, :-1])
    return Hash(int.from_bytes(bits.tobytes(), "big"), cells)


def _links(
    total: int, compare: Callable[[slice, slice], npt.NDArray[np.float32]], minimum: float
) -> Iterator[Links]:
    """Compares all pairs, block by block."""
    for first_row in range(0, total, BLOCK):
        for first_column in range(first_row, total, BLOCK):
            scores = compare(slice(first_row, first_row + BLOCK), slice(first_column, first_column + BLOCK))
            rows, columns = np.nonzero(scores >= minimum)
            values = scores[rows, columns]
            is_pair = rows + first_row < columns + first_column
            yield rows[is_pair] + first_row, columns[is_pair] + first_column, values[is_pair]


def _join(pictures: Sequence[Picture], links: Iterable[Links]) -> list[Picture]:
    grouped = np.array([bool(picture.group) for picture in pictures])
    parent = np.arange(len(pictures))
    nearest = np.full(len(pictures), -1)
    nearness = np.full(len(pictures), -np.inf)
    for rows, columns, values in links:
        are_ungrouped = ~grouped[rows] & ~grouped[columns]
        parent = _unite(parent, rows[are_ungrouped], columns[are_ungrouped])
        for new, old in ((rows, columns), (columns, rows)):
            for link in np.flatnonzero(~grouped[new] & grouped[old]):
                if values[link] > nearness[new[link]]:
                    nearness[new[link]], nearest[new[link]] = values[link], old[link]
    members: dict[int, list[int]] = {}
    for at in np.flatnonzero(~grouped).tolist():
        members.setdefault(int(parent[at]), []).append(at)
    used = {picture.group for picture in pictures}
    names = (name for name in map("g{:06}".format, count()) if name not in used)
    result = list(pictures)
    for found in sorted(members.values(), key=lambda some: min(pictures[at].file for at in some)):
        best = found[int(np.argmax(nearness[found]))]
        name = pictures[int(nearest[best])].group if nearest[best] >= 0 else next(names)
        for at in found:
            result[at] = replace(pictures[at], group=name)
    return result


def _unite(
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
