"""Converts a SavedModel to a TensorFlow.js graph model.

`python -m training.export.tfjs SAVED_MODEL OUT` converts. `convert_tfjs` runs this command in a separate
process. The converter imports some packages that it does not use, and needs empty modules in their place.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import types
from importlib import import_module
from pathlib import Path

from training.disk import FULL_TEXTS
from training.errors import TrainingError

MODEL = "model.json"
UNUSED = (
    "tensorflow_decision_forests",
    "tensorflow_hub",
    "tf_keras",
    "jax",
    "jax.experimental",
    "jax.experimental.jax2tf",
)


def convert_tfjs(saved_model: Path, folder: Path) -> None:
    """Converts a SavedModel to `model.json` with float16 weights.

    Args:
        saved_model: SavedModel with any batch size.
        folder: output folder. It must not exist.

    Raises:
        TrainingError: the folder exists, or the converter fails. The message has the end of its output.
    """
    if folder.exists():
        raise TrainingError(f"{folder}: already exists. Remove it or name another folder.")
    command = [
        sys.executable,
        "-m",
        "training.export.tfjs",
        str(saved_model.resolve()),
        str(folder.resolve()),
    ]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (folder / MODEL).exists():
        shutil.rmtree(folder, ignore_errors=True)
        if any(text in done.stderr for text in FULL_TEXTS):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        raise TrainingError(
            f"{saved_model}: the TensorFlow.js converter failed with exit code {done.returncode}. "
            f"If a package is missing, run training/setup. Its output: {done.stderr.strip()[-800:]}"
        )


def tfjs_output_names(folder: Path) -> dict[str, str]:
    """Returns the names of the outputs in the graph, for example {"logits": "Identity_1:0"}."""
    model = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    return {name: output["name"] for name, output in model["signature"]["outputs"].items()}


def tfjs_weight_files(folder: Path) -> list[str]:
    """Returns the names of the weight files, in their order."""
    model = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    return [path for group in model["weightsManifest"] for path in group["paths"]]


def main(saved_model: str, folder: str) -> None:
    """Converts a SavedModel in this process."""
    import_module("keras")  # Keras checks for jax, so it is imported before the empty module.
    for name in UNUSED:
        sys.modules.setdefault(name, types.ModuleType(name))
    converter = import_module("tensorflowjs.converters.tf_saved_model_conversion_v2")
    converter.convert_tf_saved_model(
        saved_model,
        folder,
        signature_def="serving_default",
        saved_model_tags="serve",
        quantization_dtype_map={"float16": "*"},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
