import pytest

from training.config import AugmentConfig, Config, Phase
from training.errors import TrainingError
from training.overrides import override

CONFIG = Config(
    name="test",
    model="tiny",
    phases=(Phase("head", 2, 224, 5e-4), Phase("all", 6, 224, 1e-4, augment=AugmentConfig(mild=0.5))),
)


def test_replaces_settings_of_the_recipe_and_its_phases() -> None:
    made = override(
        CONFIG,
        [
            "batch=16",
            "optimizer=adam",
            "weight_decay=0",
            "views=[1, 0.75]",
            'average=["head"]',
            "augment.scale=[0.5, 1.5]",
            "phases.0.epochs=3",
            "phases.all.learning_rate=2e-5",
            "phases.all.augment.noise=5",
            "phases.head.sampling.group_cap=4",
        ],
    )
    assert (made.batch, made.optimizer, made.weight_decay, made.views) == (16, "adam", 0.0, (1.0, 0.75))
    assert made.average == ("head",)
    assert made.augment.scale == (0.5, 1.5)
    head, last = made.phases
    assert (head.epochs, last.epochs, last.learning_rate) == (3, 6, 2e-5)
    assert last.augment == AugmentConfig(mild=0.5, noise=5)
    assert head.sampling is not None
    assert head.sampling.group_cap == 4
    assert override(CONFIG, []) == CONFIG


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("batch", "not a setting. Write a path and a value: batch=16"),
        ("=3", "not a setting"),
        ("bach=3", r"no setting bach. Allowed: name, model, phases, batch"),
        ("batch=many", "many is not a whole number"),
        ("batch=1.5", "1.5 is not a whole number"),
        ("batch=true", "true is not a whole number"),
        ("dropout=[1]", r"\[1\] is not a number"),
        ("augment=3", "augment is a group"),
        ("phases=3", "phases is a group"),
        ("batch.size=3", "batch has no setting size"),
        ("phases.2.epochs=1", "no phase 2. Allowed: head, all, or 0 to 1"),
        ("phases.last.epochs=1", "no phase last"),
        ("phases.head.epoch=1", "no setting epoch. Allowed: name, epochs"),
        ("augment.scale=[1]", r".* is not a JSON list of 2 numbers"),
        ('views=["a"]', ".* is not a number"),
        ("optimizer=sgd", "unknown optimizer. Allowed: adam, adamw"),
        ("phases.0.trainable=some", "unknown trainable. Allowed: head, top, all"),
        ("batch=0", "too small. batch is at least 1"),
    ],
)
def test_names_a_setting_that_is_not_allowed(setting: str, message: str) -> None:
    with pytest.raises(TrainingError, match=f"--set .*: {message}"):
        override(CONFIG, [setting])
