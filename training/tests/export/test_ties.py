"""Bundles require bit-identical answers only if x64 and arm64 round alike."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from training.export.flatbuffer import read_tflite
from training.export.ties import tied_means
from training.tests.support.export_chain import chain
from training.tests.support.tiny_bundle import write


@pytest.mark.parametrize(
    ("side", "keeps_scale", "ties"), [(8, True, True), (7, True, False), (8, False, False)]
)
def test_only_a_mean_that_can_be_a_half_allows_a_tolerance(
    side: int, keeps_scale: bool, ties: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = read_tflite(chain().int8)
    (index,) = (i for i, op in enumerate(file.ops) if op.name == "MEAN")
    source, result = file.ops[index].inputs[0], file.ops[index].outputs[0]
    tensors = list(file.tensors)
    tensors[source] = replace(tensors[source], shape=(1, side, side, 8))
    scales = tensors[source].scales if keeps_scale else (0.001,)
    tensors[result] = replace(tensors[result], scales=scales)
    changed = replace(file, tensors=tuple(tensors))
    monkeypatch.setattr("training.export.ties.read_tflite", lambda _: changed)

    assert tied_means(chain().int8) == ([(index, side * side)] if ties else [])
    manifest = json.loads((write(tmp_path / "bundle") / "manifest.json").read_text())
    assert manifest["runtimes"]["tflite"]["golden"]["exact"] is not ties
