"""The settings of a recipe: everything that determines how a model is trained."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AugmentConfig:
    """How training images are augmented. Probabilities are 0 to 1, ranges are (from, to).

    Attributes:
        mild: share of the images that are only flipped and slightly changed.
        scale: side of the image relative to the frame. 0.39 is 15 % of the area.
        aspect: factor on the ratio of width to height. 0.75 undoes the squeeze of a 4:3 frame.
        rotation: largest angle in degrees, in both directions.
        exposure: range of the exposure, in stops of linear light.
        cast: largest change of red and blue, as a share.
        blur: probability of blur.
        noise: largest standard deviation of a bright pixel, 0 to 255.
        jpeg: probability of JPEG artefacts.
        occlusion: probability of occlusion.
        background: share of zoomed-out images that are surrounded by another image.
        mixup: share of the images in a batch that are blended with another one.
        cutmix: share of the images in a batch that get a box of another one.
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
    """How often an image is drawn. See `training.data.sampling`.

    Attributes:
        class_power: a class is drawn by its share of the images to this power. 1: unchanged, 0: evenly.
        group_cap: largest number of images that a group counts for. 0: no limit.
        source_power: a source within a class is drawn by its share to this power.
    """

    class_power: float = 0.3
    group_cap: int = 12
    source_power: float = 1.0


@dataclass(frozen=True)
class Phase:
    """One phase of a training.

    Attributes:
        name: shown in the plots.
        epochs: largest number of epochs.
        size: side of the images in pixels. Smaller is faster.
        learning_rate: the peak value.
        trainable: `head`, `top` (the last `top_layers` of the base and the head) or `all`.
        patience: epochs without a better validation accuracy before the phase ends. Its checkpoint then has
            the best weights of the run so far. 0: the phase never ends early, and its checkpoint has its last
            weights.
        augment: overrides the recipe's `augment`. None: no override.
        sampling: overrides the recipe's `sampling`. None: no override.
        begins_at: name of an earlier phase whose checkpoint is the start. Empty: the phase before.
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
        name: same as its file name.
        model: the network, a name in `training.models.registry`.
        input_size: side of the model input in the daemon, in pixels. Validation always uses this size.
        steps_per_epoch: 0: one pass over the training images, but at least `least_steps`.
        least_steps: smallest number of steps in an epoch. A small set is then passed several times.
        ema: momentum of the averaged weights per step. It is lower in short phases. 0: no averaging.
        top_layers: number of base layers that a phase with `trainable="top"` trains.
        target_accuracy: the training ends when the validation accuracy reaches it. 0: never.
        average: names of phases. The final weights are the mean of their checkpoints. Empty: the final
            weights are those of the last phase.
        views: centre crops whose outputs are averaged, as fractions of the sides.
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
