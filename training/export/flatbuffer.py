"""Reads the content of a .tflite file, without an interpreter."""

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
        name: name in the file.
        type: name in the schema, for example `INT8`.
        shape: sizes. -1 means that the size is known only at run time.
        scales: scales of the quantisation, one for each channel or one for the tensor. Empty without
            quantisation.
        zero_points: zero points of the quantisation, as many as `scales`.
        data: bytes of a constant. Empty if the tensor is computed.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    data: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Op:
    """One operation. Tensors are given by their index. Omitted optional tensors are -1."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


@dataclass(frozen=True)
class TfliteFile:
    """The main graph of a file. `signature` maps the output names of the model to tensor indices."""

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    signature: dict[str, int]

    def output(self, name: str) -> Tensor:
        """Returns the tensor of an output, for example `logits`.

        Raises:
            TrainingError: the file does not have the output.
        """
        if name not in self.signature:
            raise TrainingError(
                f"output {name}: the file has only {sorted(self.signature)}. Export the network again."
            )
        return self.tensors[self.signature[name]]


def read_tflite(path: Path) -> TfliteFile:
    """Reads the main graph of a file.

    Raises:
        TrainingError: the file is not a TensorFlow Lite file.
    """
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise TrainingError(f"{path}: not a TensorFlow Lite file. Export the network again.")
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
    """Checks that the input tensor takes the bytes of an image unchanged, and that its shape is fixed.

    Returns:
        Height and width in pixels.

    Raises:
        TrainingError: the input is different.
    """
    found = file.tensors[file.inputs[0]]
    image_bytes = ("UINT8", (INPUT_SCALE,), (INPUT_ZERO_POINT,))
    is_image = len(found.shape) == 4 and found.shape[::3] == (1, 3) and min(found.shape) > 0
    if (found.type, found.scales, found.zero_points) != image_bytes or not is_image:
        raise TrainingError(
            f"{path}: its input is {found.type} {found.shape}, scale {found.scales}, "
            f"zero point {found.zero_points}. "
            f"It must be UINT8 (1, H, W, 3), scale {INPUT_SCALE}, zero point {INPUT_ZERO_POINT}. "
            "Convert the network with the step export."
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
    # Old files have the code only in the narrow field. Newer files have it in both fields.
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = tflite.BUILTIN_OPCODE2NAME.get(builtin, f"BUILTIN_{builtin}")
    if name == "CUSTOM":
        name = f"CUSTOM {code.CustomCode().decode()}"
    inputs, outputs = _indices(op.InputsAsNumpy()), _indices(op.OutputsAsNumpy())
    return Op(name, code.Version(), inputs, outputs, op.BuiltinOptions())


def _indices(values: Any) -> tuple[int, ...]:
    """Converts an array to a tuple. The accessors return 0 instead of an array if it does not exist."""
    return tuple(int(value) for value in values) if isinstance(values, np.ndarray | tuple) else ()
