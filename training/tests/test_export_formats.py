from pathlib import Path

import keras
import numpy as np
import pytest

from training.errors import TrainingError
from training.export.flatbuffer import read_tflite
from training.export.runners import KerasRunner, Runner, SavedModelRunner, TfjsRunner, TfliteRunner
from training.export.saved_model import export_saved_model
from training.export.tfjs import convert_tfjs, tfjs_output_names, tfjs_weight_files
from training.export.tfjs_graph import FUSED
from training.export.tflite import convert_int8
from training.tests.export_chain import chain, some_pictures


def close(runner: Runner, tolerance: float) -> None:
    made = chain()
    logits, embedding = KerasRunner(made.net).predict(made.pictures)
    assert logits.std(axis=0).min() > 0.5, "the pictures are to be told apart"
    found_logits, found_embedding = runner.predict(made.pictures)
    assert {found_logits.dtype.name, found_embedding.dtype.name} == {"float32"}
    np.testing.assert_allclose(found_logits, logits, atol=tolerance)
    np.testing.assert_allclose(found_embedding, embedding, atol=tolerance)


def test_keras_runner_gives_the_networks_own_answers() -> None:
    made = chain()
    expected = made.net((made.pictures.astype(np.float32) - 127) / 128)
    logits, _ = KerasRunner(made.net).predict(made.pictures)
    np.testing.assert_allclose(logits, np.asarray(expected["logits"]), atol=1e-5)


def test_saved_model_is_the_network() -> None:
    close(SavedModelRunner(chain().root / "sm"), 1e-4)


def test_float_tflite_is_the_network() -> None:
    close(TfliteRunner(chain().root / "float.tflite"), 1e-4)


def test_tfjs_is_the_network_but_for_float16() -> None:
    close(TfjsRunner(chain().root / "tfjs"), 0.02)


def test_tfjs_weights_are_float16_and_its_ops_are_fused() -> None:
    folder = chain().root / "tfjs"
    parameters = chain().net.count_params()
    (weights,) = tfjs_weight_files(folder)
    assert 2 * parameters <= (folder / weights).stat().st_size < 2 * parameters + 100
    graph = (folder / "model.json").read_text()
    assert all(f'"{fused}"' in graph for fused in FUSED if fused != "_FusedMatMul")
    assert set(tfjs_output_names(folder)) == {"logits", "embedding"}


def test_int8_mostly_gives_the_same_top_label() -> None:
    made = chain()
    logits, _ = KerasRunner(made.net).predict(made.pictures)
    found, _ = TfliteRunner(made.int8, threads=2).predict(made.pictures)
    assert (found.argmax(1) == logits.argmax(1)).mean() >= 0.85
    assert np.abs(found - logits).mean() < 0.1 * logits.std()


def test_no_pictures_give_no_answers() -> None:
    made = chain()
    for runner in (KerasRunner(made.net), TfliteRunner(made.int8)):
        logits, embedding = runner.predict(made.pictures[:0])
        assert (logits.shape, embedding.shape) == ((0, 4), (0, 8))


def test_int8_input_takes_the_bytes_as_they_are() -> None:
    file = read_tflite(chain().int8)
    (given,) = (file.tensors[index] for index in file.inputs)
    assert (given.type, given.scales, given.zero_points, given.shape) == (
        "UINT8",
        (1 / 128,),
        (127,),
        (1, 32, 32, 3),
    )


def test_int8_has_no_float_no_unknown_size_and_int8_outputs() -> None:
    file = read_tflite(chain().int8)
    assert {tensor.type for tensor in file.tensors} <= {"INT8", "UINT8", "INT32"}
    assert all(size > 0 for tensor in file.tensors for size in tensor.shape)
    assert [file.output(name).type for name in ("logits", "embedding")] == ["INT8", "INT8"]
    assert file.output("logits").shape == (1, 4)
    assert file.output("embedding").shape == (1, 8)


def test_int8_convolutions_are_per_channel_and_the_dense_layer_is_not() -> None:
    file = read_tflite(chain().int8)
    scales = {op.name: len(file.tensors[op.inputs[1]].scales) for op in file.ops if len(op.inputs) == 3}
    assert scales == {"CONV_2D": 8, "DEPTHWISE_CONV_2D": 8, "FULLY_CONNECTED": 1}


def test_dark_calibration_pictures_do_not_change_the_input(tmp_path: Path) -> None:
    convert_int8(chain().root / "sm1", tmp_path / "dark.tflite", some_pictures(2, 7) // 8)
    file = read_tflite(tmp_path / "dark.tflite")
    assert file.tensors[file.inputs[0]].scales == (1 / 128,)


def test_a_batch_of_any_size_is_refused_as_int8(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"allowed is UINT8 \(1, H, W, 3\)|export with batch 1"):
        convert_int8(chain().root / "sm", tmp_path / "any.tflite", chain().pictures[:2])
    assert list(tmp_path.iterdir()) == []


def test_wrong_pictures_are_refused() -> None:
    made = chain()
    for runner in (KerasRunner(made.net), TfliteRunner(made.int8)):
        with pytest.raises(TrainingError, match=r"float32 \(24, 32, 32, 3\); give uint8"):
            runner.predict(made.pictures.astype(np.float32))  # type: ignore[arg-type]


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"\(16, 16, 3\); .*int8.tflite takes \(32, 32, 3\)"):
        TfliteRunner(chain().int8).predict(chain().pictures[:, :16, :16])


def test_what_exists_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="exists"):
        export_saved_model(chain().net, tmp_path)
    with pytest.raises(TrainingError, match="exists"):
        convert_tfjs(chain().root / "sm", tmp_path)


def test_an_input_of_any_size_is_refused(tmp_path: Path) -> None:
    image = keras.Input((None, None, 3), name="image")
    with pytest.raises(TrainingError, match="fixed size"):
        export_saved_model(keras.Model(image, image), tmp_path / "sm")


def test_tfjs_converter_says_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such op >&2\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(TrainingError, match=r"converter ended with 3; .* It said: no such op"):
        convert_tfjs(tmp_path / "none", tmp_path / "out")


def test_no_tflite_file(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"not a model")
    with pytest.raises(TrainingError, match="no TensorFlow Lite file"):
        read_tflite(path)
