"""What an Edge TPU would make of a .tflite file."""

import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tflite

from training.errors import TrainingError
from training.export.flatbuffer import Op, Tensor, TfliteFile, read_tflite

# Source: coral.ai/docs/edgetpu/models-intro, "Supported operations", for runtime 13 and above.
SUPPORTED = frozenset(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED L2_NORMALIZATION
    LOGISTIC LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU
    RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPACE_TO_DEPTH
    SPLIT SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV
    UNIDIRECTIONAL_SEQUENCE_LSTM
    """.split()  # noqa: SIM905
)
TYPES = ("INT8", "UINT8", "INT32")
NO_FUSED_ACTIVATION = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION")
ONE_DIMENSIONAL = ("FULLY_CONNECTED", "SOFTMAX")
REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
SOFTMAX_ELEMENTS = 16_000

HOW_TO_GET = (
    "edgetpu_compiler is not on PATH (x86-64 Debian and Ubuntu only); how to get it: "
    "https://coral.ai/docs/edgetpu/compiler"
)


def edge_tpu_report(path: Path) -> list[tuple[str, int, str]]:
    """The operations that an Edge TPU would leave to the CPU.

    By the documented rules; limits that the documentation does not put in figures (large reshapes, resizes)
    and those of PAD, SPLIT and slices are not looked at: the compiler has the last word.

    Returns:
        (op, index in the graph, why) in the graph's order; empty where all of it can be mapped.
    """
    file = read_tflite(path)
    left: list[tuple[str, int, str]] = []
    tainted: dict[int, str] = {}
    for index, op in enumerate(file.ops):
        why = next(_reasons(file, op), None)
        if why is None:
            after = next((tainted[i] for i in op.inputs if i in tainted), None)
            why = f"comes after {after}" if after else None
        if why:
            left.append((op.name, index, why))
            tainted.update(dict.fromkeys(op.outputs, f"{op.name} {index}"))
    return left


def compile_for_edge_tpu(path: Path, folder: Path) -> Path | str:
    """Compiles an int8 file where the compiler is at hand.

    Returns:
        The compiled file in `folder`, else the line that says how to get the compiler.

    Raises:
        TrainingError: the compiler refuses the file.
    """
    compiler = shutil.which("edgetpu_compiler")
    if compiler is None:
        return HOW_TO_GET
    folder.mkdir(parents=True, exist_ok=True)
    command = [compiler, "--show_operations", "--out_dir", str(folder), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    compiled = folder / f"{path.stem}_edgetpu.tflite"
    if done.returncode != 0 or not compiled.exists():
        said = (done.stderr or done.stdout).strip()[-500:]
        raise TrainingError(
            f"{path}: edgetpu_compiler ended with {done.returncode}: {said}; see edge_tpu_report"
        )
    return compiled


def _reasons(file: TfliteFile, op: Op) -> Iterator[str]:
    if op.name not in SUPPORTED:
        yield "is not among the supported operations"
    tensors = [file.tensors[index] for index in (*op.inputs, *op.outputs) if index >= 0]
    for tensor in tensors:
        yield from _tensor_reasons(tensor)
    if op.name in NO_FUSED_ACTIVATION and _option(op, "FusedActivationFunction"):
        yield "has a fused activation"
    if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        across, down = _option(op, "DilationWFactor"), _option(op, "DilationHFactor")
        if across != down:
            yield f"is dilated {across} in x and {down} in y"
    output = file.tensors[op.outputs[0]]
    if op.name in ONE_DIMENSIONAL and math.prod(output.shape[:-1]) > 1:
        yield f"its output is {output.shape}; only one dimension may be above 1, so the batch is 1"
    if op.name == "SOFTMAX" and output.shape[-1] > SOFTMAX_ELEMENTS:
        yield f"has {output.shape[-1]} elements; at most {SOFTMAX_ELEMENTS}"
    if op.name in REDUCTIONS and len(op.inputs) > 1:
        rank = len(file.tensors[op.inputs[0]].shape)
        axes = {int(axis) % rank for axis in file.tensors[op.inputs[1]].data.view(np.int32)}
        if rank != 4 or not axes <= {1, 2}:
            yield f"reduces axes {sorted(axes)} of {rank}; only height and width of a picture"


def _tensor_reasons(tensor: Tensor) -> Iterator[str]:
    if tensor.type not in TYPES:
        yield f"tensor {tensor.name} is {tensor.type}; only {', '.join(TYPES)}"
    if min(tensor.shape, default=1) < 0:
        yield f"tensor {tensor.name} is of unknown size {tensor.shape}"
    if len(tensor.data) == 0 and max(tensor.shape[:-3], default=1) > 1:
        yield f"tensor {tensor.name} is {tensor.shape}; only the innermost three sizes may be above 1"


def _option(op: Op, name: str) -> int:
    kind = {
        "AVERAGE_POOL_2D": "Pool2DOptions",
        "MAX_POOL_2D": "Pool2DOptions",
        "CONCATENATION": "ConcatenationOptions",
        "CONV_2D": "Conv2DOptions",
        "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    }[op.name]
    if op.options is None:
        return 0
    options = getattr(tflite, kind)()
    options.Init(op.options.Bytes, op.options.Pos)
    return int(getattr(options, name)())
