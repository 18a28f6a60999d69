"""Operations that an Edge TPU cannot run are listed, and the compiler is called if it is installed."""

from dataclasses import replace
from pathlib import Path

import keras
import pytest
from keras import layers

from training.errors import TrainingError
from training.export.edgetpu import compile_for_edge_tpu, edge_tpu_report
from training.export.flatbuffer import read_tflite
from training.export.saved_model import export_saved_model
from training.export.tflite import convert_int8
from training.tests.support.export_chain import SIDE, chain, tiny_net


def test_an_edge_tpu_can_run_the_whole_int8_file() -> None:
    assert edge_tpu_report(chain().int8) == []


def test_an_edge_tpu_can_run_the_whole_factory_model() -> None:
    assert edge_tpu_report(Path(__file__).parents[3] / "deploy/model/model_int8.tflite") == []


def test_an_edge_tpu_cannot_run_a_float_file() -> None:
    report = edge_tpu_report(chain().root / "float.tflite")
    assert [(op, index) for op, index, _ in report][:2] == [("CONV_2D", 0), ("DEPTHWISE_CONV_2D", 1)]
    assert all("FLOAT32" in why for _, _, why in report)


def test_gelu_and_all_operations_after_it_stay_on_the_cpu(tmp_path: Path) -> None:
    export_saved_model(tiny_net("gelu"), tmp_path / "sm1", batch=1)
    convert_int8(tmp_path / "sm1", tmp_path / "gelu.tflite", chain().pictures[:2])
    report = edge_tpu_report(tmp_path / "gelu.tflite")
    assert report[0][0] == "GELU"
    assert report[0][2] == "is not a supported operation"
    assert ("FULLY_CONNECTED", "comes after") in [(op, why[:11]) for op, _, why in report]
    assert "QUANTIZE" not in [op for op, _, _ in report], "operations before GELU must run on the Edge TPU"


@pytest.mark.parametrize(("batch", "why"), [(2, "only the innermost three sizes"), (-1, "an unknown size")])
def test_a_batch_other_than_1_stays_on_the_cpu(batch: int, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = read_tflite(chain().int8)
    tensors = (replace(t, shape=(batch, *t.shape[1:])) if len(t.data) == 0 else t for t in file.tensors)
    changed = replace(file, tensors=tuple(tensors))
    monkeypatch.setattr("training.export.edgetpu.read_tflite", lambda _: changed)
    report = edge_tpu_report(chain().int8)
    assert [index for _, index, _ in report] == list(range(len(file.ops)))
    assert why in report[0][2]


def test_a_mean_over_channels_stays_on_the_cpu(tmp_path: Path) -> None:
    image = keras.Input((SIDE, SIDE, 3), name="image")
    embedding = keras.ops.mean(layers.Conv2D(4, 3)(image), axis=-1)
    net = keras.Model(image, {"logits": embedding, "embedding": layers.Flatten()(embedding)})
    export_saved_model(net, tmp_path / "sm1", batch=1)
    convert_int8(tmp_path / "sm1", tmp_path / "int8.tflite", chain().pictures[:2])
    report = edge_tpu_report(tmp_path / "int8.tflite")
    assert ("MEAN", "reduces axes [3] of 4, but only height and width of an image are allowed") in [
        (op, why) for op, _, why in report
    ]


def test_without_the_compiler_one_line_states_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = compile_for_edge_tpu(chain().int8, tmp_path)
    assert isinstance(line, str)
    assert "coral.ai/docs/edgetpu/compiler" in line
    assert "\n" not in line


def install_fake_compiler(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    compiler = folder / "edgetpu_compiler"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_returns_the_file_of_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_compiler(tmp_path, monkeypatch, 'cp "$4" "$3/$(basename "$4" .tflite)_edgetpu.tflite"')
    compiled = compile_for_edge_tpu(chain().int8, tmp_path / "out")
    assert compiled == tmp_path / "out" / "int8_edgetpu.tflite"


def test_a_compiler_error_has_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_compiler(tmp_path, monkeypatch, "echo Model not quantized; exit 1")
    with pytest.raises(TrainingError, match=r"failed with exit code 1\. Its output: Model not quantized"):
        compile_for_edge_tpu(chain().int8, tmp_path / "out")
