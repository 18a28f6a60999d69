"""All that is known about a trained model when it is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.calibrate import Calibration
from training.evaluate.judge.comparisons import Baseline
from training.evaluate.judge.compartments import FOUR_WAY
from training.evaluate.judge.metrics import Floats, check, indices
from training.evaluate.labels.corrections import Correction


@dataclass(frozen=True)
class FormatResult:
    """One format of the model.

    Attributes:
        name: as in `float`, `int8`, `tfjs`.
        logits: on the test pictures, (N, C).
        bytes: size of its files.
        ms: milliseconds an inference, median; None where not measured.
        by: what ran it, where that is to be said.
    """

    name: str
    logits: Floats
    bytes: int
    ms: float | None = None
    by: str = ""


@dataclass(frozen=True)
class DataSource:
    """What the model is made of.

    Attributes:
        name: who made it, with address and version.
        licence: as stated there; empty where none is.
        what: `pictures` or `base weights`.
        source: the pictures' `source`, where it is of pictures.
    """

    name: str
    licence: str
    what: str = "pictures"
    source: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A judged model.

    Attributes:
        name: of the model.
        version: of the model.
        created: when, UTC, ISO 8601.
        licence: what a user may do with the model.
        labels: in the order of the logits.
        pictures: of all splits; logits are in the order that the split's pictures have here.
        formats: the first one is what the others are compared with.
        shipped: name of the format whose figures are given in detail, and which `calibration` is of.
        calibration: from the validation pictures; its views are those of all logits here.
        validation_logits: of the shipped format, to say how thresholds transfer between sources.
        held_out_logits: of the shipped format on the pictures of the split `held-out`.
        history: one entry an epoch, see `plots.plot_curves`.
        config: the recipe.
        wall_s: seconds that the training took.
        hardware: what it ran on, and what the formats were timed on.
        data: pictures and base weights, with licences.
        compartments: label to compartment.
        seed: of the bootstraps.
        one_view: of the shipped format, by split, what the whole picture alone gives; empty with one view.
        home: sources of the test split that are also judged alone.
        corrections: a reviewed list of wrong labels, for a second figure on the test split.
        baselines: other models on the same pictures.
    """

    name: str
    version: str
    created: str
    licence: str
    labels: Sequence[str]
    pictures: Sequence[Picture]
    formats: Sequence[FormatResult]
    shipped: str
    calibration: Calibration
    wall_s: float
    hardware: str
    validation_logits: Floats | None = None
    held_out_logits: Floats | None = None
    history: Sequence[Mapping[str, Any]] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    data: Sequence[DataSource] = ()
    compartments: Mapping[str, str] = field(default_factory=lambda: FOUR_WAY)
    seed: int = 1
    one_view: Mapping[str, Floats] = field(default_factory=dict)
    home: Sequence[str] = ()
    corrections: Sequence[Correction] = ()
    baselines: Sequence[Baseline] = ()

    def of_split(self, split: str) -> list[Picture]:
        """The pictures of a split, in the order of its logits."""
        return [picture for picture in self.pictures if picture.split == split]

    def shipped_format(self) -> FormatResult:
        """The format that is shipped."""
        return next(result for result in self.formats if result.name == self.shipped)

    def check(self) -> None:
        """Refuses what does not fit together, before any figure is made of it."""
        names = [result.name for result in self.formats]
        if self.shipped not in names or len(set(names)) < len(names):
            raise TrainingError(
                f"shipped format {self.shipped}; it must be one of {', '.join(names)}, each once"
            )
        sets = [("test", result.logits, result.name) for result in self.formats]
        for split, logits in (("validation", self.validation_logits), ("held-out", self.held_out_logits)):
            sets += [] if logits is None else [(split, logits, self.shipped)]
        for split, logits, name in sets:
            pictures = self.of_split(split)
            if logits.shape != (len(pictures), len(self.labels)):
                raise TrainingError(
                    f"{name}: logits {logits.shape} for {len(pictures)} {split} pictures "
                    f"and {len(self.labels)} labels"
                )
            check(logits, indices(pictures, self.labels), pictures)
