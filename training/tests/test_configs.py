"""Each recipe names existing phases and layers."""

from pathlib import Path

import pytest

from training.checkpoints import Checkpoints
from training.errors import TrainingError
from training.models import registry
from training.steps.common import load_config
from training.train import set_trainable

RECIPES = sorted(p.stem for p in (Path(__file__).parents[1] / "configs").glob("*.py") if p.stem != "__init__")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_existing_phases_and_layers(name: str, tmp_path: Path) -> None:
    config = load_config(name)
    assert config.name == name
    Checkpoints(config, tmp_path)
    net = registry.build(config.model, 12, config.input_size, config.dropout)
    counts = []
    for which in ("head", "top", "all"):
        set_trainable(net, which, config.top_layers)
        counts.append(sum(layer.trainable and bool(layer.weights) for layer in net.layers))
    assert 0 < counts[0] < counts[1] < counts[2]
    assert {phase.trainable for phase in config.phases} <= {"head", "top", "all"}


def test_refuses_an_unknown_recipe() -> None:
    with pytest.raises(TrainingError, match=r"config resnet: unknown recipe\. Allowed: .*fine_tune"):
        load_config("resnet")
