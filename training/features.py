"""Image features of a network trained on ImageNet, for grouping shots of one item and for label review."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.data.decode import load_input
from training.data.pictures import Picture
from training.data.pixels import digest_of, read_whole
from training.disk import replacing
from training.models import efficientnet_lite0, imagenet
from training.predict import predict

SIZE, CHUNK = 224, 512


def imagenet_features(root: Path, pictures: Sequence[Picture]) -> np.ndarray[Any, Any]:
    """Returns pooled features of EfficientNet-Lite0.

    Args:
        root: the data folder.
        pictures: the N images.

    Returns:
        (N, 1280) float32, each row of length 1.
    """
    net = efficientnet_lite0.build(classes=2, size=SIZE, dropout=0.0)
    imagenet.load_lite0(net)
    found = []
    for start in range(0, len(pictures), CHUNK):
        chunk = pictures[start : start + CHUNK]
        pixels = np.stack([load_input(root / picture.file, SIZE) for picture in chunk])
        _, embeddings = predict(net, pixels, np.arange(len(chunk)), what=f"features from {start}")
        found.append(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))
    return np.concatenate(found)


def cached_features(root: Path, pictures: Sequence[Picture], folder: Path) -> np.ndarray[Any, Any]:
    """Returns `imagenet_features`, from the cache in `folder` if it holds features of the same files."""
    path = folder / f"{digest_of(root, [picture.file for picture in pictures])}-features.npy"
    stored = read_whole(path, shape=None)
    if stored is not None:
        return stored
    found = imagenet_features(root, pictures)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        np.save(part, found)
    return found
