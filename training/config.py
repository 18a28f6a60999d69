"""What a recipe says: everything that decides how a model is made."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AugmentConfig:
    """How training pictures are changed; probabilities are 0 to 1, ranges are (from, to).

    Attributes:
        mild: share of the pictures that are only flipped and lightly changed.
        scale: side of the item's picture against the frame's, 0.39 is 15 % of the area.
        aspect: width against height, as a factor; 0.75 undoes the squeeze of a 4:3 frame.
        rotation: largest angle in degrees, both ways.
        background: share of zoomed-out pictures whose surroundings are another picture.
        mixup: share of a batch's pictures that are blended with another one.
        cutmix: share of a batch's pictures that get a box of another one.
    """

    mild: float = 0.2
    scale: tuple[float, float] = (0.39, 2.0)
    aspect: tuple[float, float] = (0.7, 1.4)
    rotation: float = 180.0
    exposure: tuple[float, float] = (-1.2, 1.0)
    cast: float = 0.25
    blur: float = 0.35
    noise: float = 20.0
    jpeg: float = 0.35
    occlusion: float = 0.25
    background: float = 0.4
    mixup: float = 0.2
    cutmix: float = 0.15


@dataclass(frozen=True)
class Sampling:
    """How often a picture is drawn, see `training.data.sampling`.

    Attributes:
        class_power: a class is drawn by its share of the pictures to this power; 1 as they are, 0 evenly.
        group_cap: a group counts for at most so many pictures in the draw; 0: no limit.
        source_power: a source of a class is drawn by its share to this power.
    """

    class_power: float = 0.3
    group_cap: int = 12
    source_power: float = 1.0


@dataclass(frozen=True)
class Phase:
    """One phase of the training.

    Attributes:
        name: as in the plots.
        epochs: how many at most.
        size: side of the pictures in pixels; less is faster.
        learning_rate: its peak.
        trainable: `head`, `top` (the last `top_layers` of the base and the head) or `all`.
        patience: epochs without a better validation accuracy before the phase ends; its end are the best
            weights of the run so far. 0: it never ends early, and its end are its last weights.
        augment: of this phase, where it is not the recipe's.
        sampling: of this phase, where it is not the recipe's.
        begins_at: name of an earlier phase, whose end it begins at; else the one before it.
    """

    name: str
    epochs: int
    size: int
    learning_rate: float
    trainable: str = "all"
    patience: int = 0
    augment: AugmentConfig | None = None
    sampling: Sampling | None = None
    begins_at: str = ""


@dataclass(frozen=True)
class Config:
    """A recipe.

    Attributes:
        name: of the recipe, as its file's.
        model: the network, a name of `training.models`.
        input_size: side of the daemon's input in pixels; validation is always at this size.
        steps_per_epoch: 0 means one pass over the training pictures, or `least_steps`.
        least_steps: an epoch has at least so many: a small set is passed over several times.
        ema: momentum of the averaged weights by step; less in short phases. 0: they are not averaged.
        top_layers: how many layers of the base a phase that trains `top` has.
        target_accuracy: the training ends when validation reaches it; 0: never.
        average: names of phases; the run's final weights are the mean of those at their ends. None: those of
            its last phase.
    """

    name: str
    model: str
    phases: tuple[Phase, ...]
    batch: int = 32
    input_size: int = 224
    steps_per_epoch: int = 0
    least_steps: int = 60
    seed: int = 1
    optimizer: str = "adamw"
    schedule: str = "cosine"
    weight_decay: float = 1e-4
    label_smoothing: float = 0.05
    dropout: float = 0.2
    ema: float = 0.998
    top_layers: int = 30
    target_accuracy: float = 0.0
    average: tuple[str, ...] = ()
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    sampling: Sampling = field(default_factory=Sampling)
    views: tuple[float, ...] = (1.0,)
