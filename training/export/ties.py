"""Finds operations of an int8 network whose result depends on how a machine rounds halves."""

import math
from pathlib import Path

from training.export.flatbuffer import Op, TfliteFile, read_tflite


def tied_means(path: Path) -> list[tuple[int, int]]:
    """Lists MEAN operations over an even number of values that keep the scale. Their result can be a half.

    XNNPACK's kernels for x64 and arm64 round a half differently, so the results can differ by one step. This
    was seen with TensorFlow Lite 2.9, with arm64 in qemu-user. The mean of an odd number of values is never
    a half.

    Returns:
        (index in the graph, number of values), in the order of the graph. Empty if all machines round alike.
    """
    file = read_tflite(path)
    found = [(index, _count(file, op)) for index, op in enumerate(file.ops) if op.name == "MEAN"]
    return [(index, count) for index, count in found if count % 2 == 0]


def _count(file: TfliteFile, op: Op) -> int:
    """Returns the number of values of each mean, or 1 if the scale changes. There is then no half."""
    source, result = file.tensors[op.inputs[0]], file.tensors[op.outputs[0]]
    if source.scales != result.scales:
        return 1
    return math.prod(source.shape) // math.prod(result.shape)
