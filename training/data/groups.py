"""Groups images of the same item, so that they stay in one split."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from training.data.decode import load_picture, resize
from training.data.links import Links, compare_all, unite
from training.data.pictures import Picture
from training.data.second_look import SecondLook
from training.progress import Progress

Features: TypeAlias = Callable[[Sequence[Picture]], npt.NDArray[np.float32]]
"""Returns (N, D) float32 features for N images. Each row has the length 1."""


GREY = 128
"""The brightness at which cell colours are compared."""
EXPOSURE = 1.25
"""Copies differ in brightness by less than this factor."""


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
    most similar one. `SecondLook` divides groups of plain or drawn images that are too large.

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

    look = SecondLook(root, pictures, rows, threshold)
    result = _join(pictures, compare_all(len(pictures), compare, threshold), look.divide)
    print(f"grouping: the second look divided {look.divided} groups of plain or drawn images")
    return result


def group_by_hash(
    root: Path, pictures: Sequence[Picture], bits: int = 8, levels: float = 10.0, correlation: float = 0.94
) -> list[Picture]:
    """Groups copies (recompressed, resized, brighter, slightly shifted), without a network.

    Existing groups are treated as by `group_pictures`.

    It does not find other shots of an item. Use features if the test figures matter.

    Args:
        root: the data folder.
        pictures: the images.
        bits: largest number of different bits, of 64.
        levels: largest difference of the cell colours (root mean square, 0 to 255), at equal brightness.
            The bits alone confuse many items on a plain background.
        correlation: smallest correlation of the cell colours. It separates small items on a plain
            background, whose cells are mostly equal.
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
    brightness = np.sqrt((cells**2).mean(axis=1))
    scaled = cells / np.maximum(brightness, 1)[:, None] * GREY
    lengths = (scaled**2).sum(axis=1)
    centred = cells - cells.mean(axis=1, keepdims=True)
    # One level of noise for each cell, so that two images of one plain colour correlate.
    spreads = np.sqrt((centred**2).sum(axis=1) + cells.shape[1])

    def compare(rows_slice: slice, columns_slice: slice) -> npt.NDArray[np.float32]:
        differing = np.bitwise_count(codes[rows_slice, None] ^ codes[None, columns_slice])
        squares = (
            lengths[rows_slice, None]
            + lengths[None, columns_slice]
            - 2 * (scaled[rows_slice] @ scaled[columns_slice].T)
        )
        distances = np.sqrt(np.maximum(squares, 0) / cells.shape[1])
        products = centred[rows_slice] @ centred[columns_slice].T + cells.shape[1]
        correlations = products / (spreads[rows_slice, None] * spreads[None, columns_slice])
        ratios = brightness[rows_slice, None] / np.maximum(brightness[None, columns_slice], 1)
        are_near = (ratios < EXPOSURE) & (ratios > 1 / EXPOSURE)
        distances[(differing > bits) | (correlations < correlation) | ~are_near] = np.inf
        nearness: npt.NDArray[np.float32] = -distances
        return nearness

    return _join(pictures, compare_all(len(pictures), compare, -levels))


def difference_hash(root: Path, picture: Picture) -> Hash:
    """Computes for 8 x 8 cells if they are darker than the right neighbour, and the colours of 8 x 9 cells.

    Raises:
        TrainingError: the image cannot be read.
    """
    cells = resize(load_picture(root / picture.file), 9, 8).astype(np.float32)
    luma = cells @ np.array([0.299, 0.587, 0.114], np.float32)
    bits = np.packbits(luma[:, 1:] > luma[:, :-1])
    return Hash(int.from_bytes(bits.tobytes(), "big"), cells)


def _join(
    pictures: Sequence[Picture],
    links: Iterable[Links],
    divide: Callable[[list[int]], list[list[int]]] = lambda members: [members],
) -> list[Picture]:
    grouped = np.array([bool(picture.group) for picture in pictures])
    parent = np.arange(len(pictures))
    nearest = np.full(len(pictures), -1)
    nearness = np.full(len(pictures), -np.inf)
    for rows, columns, values in links:
        are_ungrouped = ~grouped[rows] & ~grouped[columns]
        parent = unite(parent, rows[are_ungrouped], columns[are_ungrouped])
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
    parts = [part for some in members.values() for part in divide(some)]
    for found in sorted(parts, key=lambda some: min(pictures[at].file for at in some)):
        best = found[int(np.argmax(nearness[found]))]
        name = pictures[int(nearest[best])].group if nearest[best] >= 0 else next(names)
        for at in found:
            result[at] = replace(pictures[at], group=name)
    return result
