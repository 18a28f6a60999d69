"""Reads weights in the PyTorch format before the zip format, without PyTorch."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from training.errors import TrainingError

Array = np.ndarray[Any, Any]

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8", "HalfStorage": "<f2", "DoubleStorage": "<f8"}


class _Unpickler(pickle.Unpickler):
    """An unpickler that accepts only the names that a state dict needs."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, tuple[str, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"refused {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, _, count, _ = pid
        self.storages[key] = (kind, count)
        return key


def read_legacy_torch(path: Path) -> dict[str, Array]:
    """Returns the tensors of a state dict by name.

    Raises:
        TrainingError: the file has another format or is damaged.
    """
    with path.open("rb") as file:
        unpickler = _Unpickler(file)
        if _load(file) != _MAGIC or _load(file) != _PROTOCOL:
            raise TrainingError(
                f"{path}: not a PyTorch file in the format before 1.6. "
                "Delete training/.venv and run training/setup."
            )
        _load(file)
        state = unpickler.load()
        raw = {key: _read_storage(file, *unpickler.storages[key]) for key in _load(file)}
    tensors = {}
    for name, (key, offset, size, stride) in state.items():
        flat = raw[key]
        strides = [step * flat.itemsize for step in stride]
        tensors[name] = np.lib.stride_tricks.as_strided(flat[offset:], size, strides).copy()
    return tensors


def _load(file: BinaryIO) -> Any:
    return _Unpickler(file).load()


def _read_storage(file: BinaryIO, kind: str, count: int) -> Array:
    stored = int.from_bytes(file.read(8), "little")
    if stored != count:
        raise TrainingError(
            f"PyTorch weights: damaged file, a tensor has {stored} values instead of {count}. "
            "Delete training/.venv and run training/setup."
        )
    dtype = np.dtype(_TYPES[kind])
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)
