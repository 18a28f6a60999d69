"""What a .tflite file holds, read without an interpreter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from training.errors import TrainingError

TYPES = {value: name for name, value in vars(tflite.TensorType).items() if isinstance(value, int)}
INPUT_SCALE, INPUT_ZERO_POINT = 1 / 128, 127


@dataclass(frozen=True)
class Tensor:
    """One tensor.

    Attributes:
        type: as the schema names it, as in `INT8`.
        shape: with -1 where a size is known at run time only.
        scales: of the quantisation; one for each channel where it is per channel, empty where there is none.
        zero_points: as many.
        data: the bytes of a constant; empty where it is computed.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    data: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Op:
    """One operation; tensors by their index, left out optional ones are -1."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


@dataclass(frozen=True)
class TfliteFile:
    """The main graph of a file; `signature` maps the model's own output names to tensors."""

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    signature: dict[str, int]

    def output(self, name: str) -> Tensor:
        """The tensor of an output, as in `logits`."""
        if name not in self.signature:
            raise TrainingError(
                f"output {name}: the file has {sorted(self.signature)} alone; export the network again"
            )
        return self.tensors[self.signature[name]]


def read_tflite(path: Path) -> TfliteFile:
    """Reads a file's main graph.

    Raises:
        TrainingError: it is no TensorFlow Lite file.
    """
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise TrainingError(f"{path}: no TensorFlow Lite file; export the network again")
    model = tflite.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    tensors = tuple(_tensor(model, graph.Tensors(i)) for i in range(graph.TensorsLength()))
    ops = tuple(_op(model, graph.Operators(i)) for i in range(graph.OperatorsLength()))
    signature = {}
    if model.SignatureDefsLength():
        named = model.SignatureDefs(0)
        for entry in (named.Outputs(i) for i in range(named.OutputsLength())):
            signature[entry.Name().decode()] = entry.TensorIndex()
    return TfliteFile(
        tensors, ops, _indices(graph.InputsAsNumpy()), _indices(graph.OutputsAsNumpy()), signature
    )


def check_input(path: Path, file: TfliteFile) -> tuple[int, int]:
    """Checks that a picture's bytes are the input tensor, and that its shape is fixed.

    Returns:
        Height and width in pixels.

    Raises:
        TrainingError: the input is another one.
    """
    found = file.tensors[file.inputs[0]]
    bytes_as_they_are = ("UINT8", (INPUT_SCALE,), (INPUT_ZERO_POINT,))
    is_picture = len(found.shape) == 4 and found.shape[::3] == (1, 3) and min(found.shape) > 0
    if (found.type, found.scales, found.zero_points) != bytes_as_they_are or not is_picture:
        raise TrainingError(
            f"{path}: its input is {found.type} {found.shape}, scale {found.scales}, "
            f"zero point {found.zero_points}; "
            f"allowed is UINT8 (1, H, W, 3), scale {INPUT_SCALE}, zero point {INPUT_ZERO_POINT}; "
            "convert it by training.export.tflite"
        )
    return found.shape[1], found.shape[2]


def _tensor(model: Any, tensor: Any) -> Tensor:
    quantisation = tensor.Quantization()
    scales = quantisation.ScaleAsNumpy() if quantisation and quantisation.ScaleLength() else ()
    zeros = quantisation.ZeroPointAsNumpy() if quantisation and quantisation.ZeroPointLength() else ()
    shape = tensor.ShapeSignatureAsNumpy() if tensor.ShapeSignatureLength() else tensor.ShapeAsNumpy()
    data = model.Buffers(tensor.Buffer()).DataAsNumpy()
    return Tensor(
        tensor.Name().decode(),
        TYPES.get(tensor.Type(), str(tensor.Type())),
        _indices(shape),
        tuple(float(value) for value in scales),
        _indices(zeros),
        data if isinstance(data, np.ndarray) else np.zeros(0, np.uint8),
    )


def _op(model: Any, op: Any) -> Op:
    code = model.OperatorCodes(op.OpcodeIndex())
    # Files older than the wide field have the kind in the narrow one, newer ones in both.
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = tflite.BUILTIN_OPCODE2NAME.get(builtin, f"BUILTIN_{builtin}")
    if name == "CUSTOM":
        name = f"CUSTOM {code.CustomCode().decode()}"
    inputs, outputs = _indices(op.InputsAsNumpy()), _indices(op.OutputsAsNumpy())
    return Op(name, code.Version(), inputs, outputs, op.BuiltinOptions())


def _indices(values: Any) -> tuple[int, ...]:
    """The accessors give 0 in place of an array where there is none."""
    return tuple(int(value) for value in values) if isinstance(values, np.ndarray | tuple) else ()
