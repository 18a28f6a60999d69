"""Each format gives the answers of the network, and an invalid input or file is refused."""

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
from training.tests.support.export_chain import chain, make_pictures


def check_answers(runner: Runner, tolerance: float) -> None:
    exported = chain()
    logits, embedding = KerasRunner(exported.net).predict(exported.pictures)
    assert logits.std(axis=0).min() > 0.5, "the logits of the test images must differ"
    found_logits, found_embedding = runner.predict(exported.pictures)
    assert {found_logits.dtype.name, found_embedding.dtype.name} == {"float32"}
    np.testing.assert_allclose(found_logits, logits, atol=tolerance)
    np.testing.assert_allclose(found_embedding, embedding, atol=tolerance)


def test_keras_runner_gives_the_answers_of_the_network() -> None:
    exported = chain()
    expected = exported.net((exported.pictures.astype(np.float32) - 127) / 128)
    logits, _ = KerasRunner(exported.net).predict(exported.pictures)
    np.testing.assert_allclose(logits, np.asarray(expected["logits"]), atol=1e-5)


def test_saved_model_gives_the_answers_of_the_network() -> None:
    check_answers(SavedModelRunner(chain().root / "sm"), 1e-4)


def test_float_tflite_gives_the_answers_of_the_network() -> None:
    check_answers(TfliteRunner(chain().root / "float.tflite"), 1e-4)


def test_tfjs_gives_the_answers_of_the_network_within_float16() -> None:
    check_answers(TfjsRunner(chain().root / "tfjs"), 0.02)


def test_tfjs_weights_are_float16_and_its_ops_are_fused() -> None:
    folder = chain().root / "tfjs"
    parameters = chain().net.count_params()
    (weights,) = tfjs_weight_files(folder)
    assert 2 * parameters <= (folder / weights).stat().st_size < 2 * parameters + 100
    graph = (folder / "model.json").read_text()
    assert all(f'"{fused}"' in graph for fused in FUSED if fused != "_FusedMatMul")
    assert set(tfjs_output_names(folder)) == {"logits", "embedding"}


def test_int8_gives_the_same_top_label_for_most_images() -> None:
    exported = chain()
    logits, _ = KerasRunner(exported.net).predict(exported.pictures)
    found, _ = TfliteRunner(exported.int8, threads=2).predict(exported.pictures)
    assert (found.argmax(1) == logits.argmax(1)).mean() >= 0.85
    assert np.abs(found - logits).mean() < 0.1 * logits.std()


def test_no_images_give_no_answers() -> None:
    exported = chain()
    for runner in (KerasRunner(exported.net), TfliteRunner(exported.int8)):
        logits, embedding = runner.predict(exported.pictures[:0])
        assert (logits.shape, embedding.shape) == ((0, 4), (0, 8))


def test_int8_input_takes_the_bytes_of_an_image_unchanged() -> None:
    file = read_tflite(chain().int8)
    (tensor,) = (file.tensors[index] for index in file.inputs)
    assert (tensor.type, tensor.scales, tensor.zero_points, tensor.shape) == (
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


def test_dark_calibration_images_do_not_change_the_input(tmp_path: Path) -> None:
    convert_int8(chain().root / "sm1", tmp_path / "dark.tflite", make_pictures(2, 7) // 8)
    file = read_tflite(tmp_path / "dark.tflite")
    assert file.tensors[file.inputs[0]].scales == (1 / 128,)


def test_int8_refuses_a_network_with_any_batch(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"must be UINT8 \(1, H, W, 3\)|Export with batch 1"):
        convert_int8(chain().root / "sm", tmp_path / "any.tflite", chain().pictures[:2])
    assert list(tmp_path.iterdir()) == []


def test_refuses_float_images() -> None:
    exported = chain()
    for runner in (KerasRunner(exported.net), TfliteRunner(exported.int8)):
        with pytest.raises(TrainingError, match=r"float32 \(24, 32, 32, 3\)\. They must be uint8"):
            runner.predict(exported.pictures.astype(np.float32))  # type: ignore[arg-type]


def test_refuses_images_of_another_size() -> None:
    with pytest.raises(TrainingError, match=r"\(16, 16, 3\)\. .*int8.tflite takes \(32, 32, 3\)"):
        TfliteRunner(chain().int8).predict(chain().pictures[:, :16, :16])


def test_refuses_to_overwrite_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="already exists"):
        export_saved_model(chain().net, tmp_path)
    with pytest.raises(TrainingError, match="already exists"):
        convert_tfjs(chain().root / "sm", tmp_path)


def test_refuses_an_input_of_any_size(tmp_path: Path) -> None:
    image = keras.Input((None, None, 3), name="image")
    with pytest.raises(TrainingError, match="fixed size"):
        export_saved_model(keras.Model(image, image), tmp_path / "sm")


def test_a_tfjs_converter_error_has_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such op >&2\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(TrainingError, match=r"converter failed with exit code 3\. .* Its output: no such op"):
        convert_tfjs(tmp_path / "none", tmp_path / "out")


def test_refuses_a_file_that_is_not_tflite(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"not a model")
    with pytest.raises(TrainingError, match="not a TensorFlow Lite file"):
        read_tflite(path)
