"""Checks whether an Edge TPU can run a .tflite file, and compiles it."""

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

COMPILER_MISSING = (
    "edgetpu_compiler is not on PATH (x86-64 Debian and Ubuntu only). To install it, see "
    "https://coral.ai/docs/edgetpu/compiler"
)


def edge_tpu_report(path: Path) -> list[tuple[str, int, str]]:
    """Lists the operations that an Edge TPU would leave to the CPU, by the documented rules.

    Some limits are not checked: limits without documented numbers (large reshapes and resizes) and the limits
    of PAD, SPLIT and slices. The compiler decides in the end.

    Returns:
        (operation, index in the graph, reason) in the order of the graph. Empty if the Edge TPU can run all.
    """
    file = read_tflite(path)
    on_cpu: list[tuple[str, int, str]] = []
    # Tensors that come from the CPU, with the operation that makes them.
    cpu_tensors: dict[int, str] = {}
    for index, op in enumerate(file.ops):
        reason = next(_reasons(file, op), None)
        if reason is None:
            before = next((cpu_tensors[i] for i in op.inputs if i in cpu_tensors), None)
            reason = f"comes after {before}" if before else None
        if reason:
            on_cpu.append((op.name, index, reason))
            cpu_tensors.update(dict.fromkeys(op.outputs, f"{op.name} {index}"))
    return on_cpu


def compile_for_edge_tpu(path: Path, folder: Path) -> Path | str:
    """Compiles an int8 file if the compiler is installed.

    Returns:
        The compiled file in `folder`, else a line that states how to install the compiler.

    Raises:
        TrainingError: the compiler fails.
    """
    compiler = shutil.which("edgetpu_compiler")
    if compiler is None:
        return COMPILER_MISSING
    folder.mkdir(parents=True, exist_ok=True)
    command = [compiler, "--show_operations", "--out_dir", str(folder), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    compiled = folder / f"{path.stem}_edgetpu.tflite"
    if done.returncode != 0 or not compiled.exists():
        output = (done.stderr or done.stdout).strip()[-500:]
        raise TrainingError(
            f"{path}: edgetpu_compiler failed with exit code {done.returncode}. Its output: {output}"
        )
    return compiled


def _reasons(file: TfliteFile, op: Op) -> Iterator[str]:
    if op.name not in SUPPORTED:
        yield "is not a supported operation"
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
        yield f"its output is {output.shape}, but only one dimension may be above 1 (export with batch 1)"
    if op.name == "SOFTMAX" and output.shape[-1] > SOFTMAX_ELEMENTS:
        yield f"has {output.shape[-1]} elements, but at most {SOFTMAX_ELEMENTS} are allowed"
    if op.name in REDUCTIONS and len(op.inputs) > 1:
        rank = len(file.tensors[op.inputs[0]].shape)
        axes = {int(axis) % rank for axis in file.tensors[op.inputs[1]].data.view(np.int32)}
        if rank != 4 or not axes <= {1, 2}:
            yield f"reduces axes {sorted(axes)} of {rank}, but only height and width of an image are allowed"


def _tensor_reasons(tensor: Tensor) -> Iterator[str]:
    if tensor.type not in TYPES:
        yield f"tensor {tensor.name} is {tensor.type}, but only {', '.join(TYPES)} are allowed"
    if min(tensor.shape, default=1) < 0:
        yield f"tensor {tensor.name} has an unknown size: {tensor.shape}"
    if len(tensor.data) == 0 and max(tensor.shape[:-3], default=1) > 1:
        yield f"tensor {tensor.name} is {tensor.shape}, but only the innermost three sizes may be above 1"


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
