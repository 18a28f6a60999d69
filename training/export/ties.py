"""Where an int8 network's answers hang on how a machine rounds halves."""

import math
from pathlib import Path

from training.export.flatbuffer import Op, TfliteFile, read_tflite


def tied_means(path: Path) -> list[tuple[int, int]]:
    """The means over an even count of values that keep the scale: their sums can end on a half.

    XNNPACK's kernels for x64 and arm64 round a half differently (seen with TensorFlow Lite 2.9, arm64 by
    qemu-user), so that such an answer is a step apart between them. An odd count never ends on a half.

    Returns:
        (index in the graph, count), in the graph's order; empty where every machine rounds alike.
    """
    file = read_tflite(path)
    found = [(index, _count(file, op)) for index, op in enumerate(file.ops) if op.name == "MEAN"]
    return [(index, count) for index, count in found if count % 2 == 0]


def _count(file: TfliteFile, op: Op) -> int:
    """How many values each mean is of; 1 where it does not keep the scale, and so meets no half."""
    given, made = file.tensors[op.inputs[0]], file.tensors[op.outputs[0]]
    if given.scales != made.scales:
        return 1
    return math.prod(given.shape) // math.prod(made.shape)
