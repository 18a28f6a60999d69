"""Loads a TensorFlow.js graph model in TensorFlow, to check that the files have the network.

The graph is a GraphDef as JSON. Its constants are in the weight files. The converter of TensorFlow.js fuses
convolutions and matrix products with bias and activation. TensorFlow does not have all of these fused
operations, so they are split again.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf import json_format  # type: ignore[import-untyped]
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.python.framework import op_def_registry

from training.errors import TrainingError
from training.export.tfjs import MODEL

FUSED = {
    "_FusedConv2D": "Conv2D",
    "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedMatMul": "MatMul",
}
ACTIVATIONS = ("Relu", "Relu6", "Elu")


def load_tfjs_graph(folder: Path) -> Any:
    """Loads the graph as a function of `image` (N, S, S, 3) float32.

    Returns:
        A function that returns a dict with the tensors `logits` (N, C) and `embedding` (N, E).

    Raises:
        TrainingError: the graph has a type of weights or a fused operation that is not supported.
    """
    model = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    topology = json_format.ParseDict(model["modelTopology"], graph_pb2.GraphDef())
    weights = dict(_weights(folder, model["weightsManifest"]))
    graph = graph_pb2.GraphDef(versions=topology.versions)
    for node in topology.node:
        if node.op == "Const" and node.name in weights:
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(weights[node.name]))
        graph.node.extend(_unfuse(node))
    signature = model["signature"]
    feeds = [entry["name"] for entry in signature["inputs"].values()]
    fetches = {name: entry["name"] for name, entry in signature["outputs"].items()}
    whole = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    return whole.prune(
        [whole.graph.as_graph_element(name) for name in feeds],
        {name: whole.graph.as_graph_element(tensor) for name, tensor in fetches.items()},
    )


def _weights(folder: Path, manifest: list[dict[str, Any]]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for group in manifest:
        content = b"".join((folder / path).read_bytes() for path in group["paths"])
        at = 0
        for weight in group["weights"]:
            stored = np.dtype(weight.get("quantization", {}).get("dtype", weight["dtype"]))
            if stored.name not in ("float16", "float32", "int32", "bool"):
                raise TrainingError(
                    f"{folder}: weight {weight['name']} is {stored}. Only float16, float32, int32 and bool "
                    "are supported."
                )
            count = int(np.prod(weight["shape"], dtype=np.int64))
            values = np.frombuffer(content, stored.newbyteorder("<"), count, at)
            at += values.nbytes
            yield weight["name"], values.reshape(weight["shape"]).astype(weight["dtype"])


def _unfuse(node: Any) -> list[Any]:
    """Returns the node, or the nodes that it was fused from. The last node keeps its name."""
    if node.op not in FUSED:
        return [node]
    steps = [step.decode() for step in node.attr["fused_ops"].list.s if step != b"NoOp"]
    unknown = set(steps) - {"BiasAdd", *ACTIVATIONS}
    if unknown:
        raise TrainingError(
            f"{node.name}: {node.op} with {sorted(unknown)}. Only BiasAdd and {ACTIVATIONS} are supported."
        )
    operation = FUSED[node.op]
    known = {attribute.name for attribute in op_def_registry.get(operation).attr}
    bare = node_def_pb2.NodeDef(name=node.name, op=operation, input=node.input[:2])
    for name in known & set(node.attr):
        bare.attr[name].CopyFrom(node.attr[name])
    nodes = [bare]
    for step in steps:
        inputs = [nodes[-1].name, node.input[2]] if step == "BiasAdd" else [nodes[-1].name]
        nodes.append(node_def_pb2.NodeDef(name=node.name, op=step, input=inputs))
        nodes[-1].attr["T"].CopyFrom(node.attr["T"])
    for number, part in enumerate(nodes[:-1]):
        part.name = f"{node.name}/unfused_{number}"
        nodes[number + 1].input[0] = part.name
    return nodes
