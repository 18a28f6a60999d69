"""Input of the evaluation: a trained model with its logits and its origin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.data.pictures import Picture
from training.data.sources import DataSource
from training.errors import TrainingError
from training.evaluate.judge.calibrate import Calibration
from training.evaluate.judge.comparisons import Baseline
from training.evaluate.judge.compartments import FOUR_WAY
from training.evaluate.judge.metrics import Floats, check_logits, label_indices
from training.evaluate.labels.corrections import Correction


@dataclass(frozen=True)
class FormatResult:
    """Result of one format of the model.

    Attributes:
        name: for example `float`, `int8`, `tfjs`.
        logits: for the test images, (N, C).
        bytes: size of the format's files.
        ms: median time of an inference in milliseconds. None if it was not measured.
        run_by: program and kernels that ran this format. Empty if the report does not state them.
    """

    name: str
    logits: Floats
    bytes: int
    ms: float | None = None
    run_by: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A model with everything that its report is computed from.

    Attributes:
        name: name of the model.
        version: version of the model.
        created: creation time, UTC, ISO 8601.
        licence: what a user may do with the model.
        labels: in the order of the logits.
        pictures: the images of all splits. The rows of a split's logits have the order of its images here.
        formats: results of all formats. The others are compared with the first one.
        shipped: name of the format that the report describes in detail and that `calibration` belongs to.
        calibration: computed from the validation images. All logits here use the calibration's views.
        wall_s: duration of the training in seconds.
        hardware: machine that the training ran on and that the formats were timed on.
        validation_logits: of the shipped format. They show how thresholds transfer between sources.
        held_out_logits: of the shipped format, for the images of the split `held-out`.
        history: one entry an epoch, see `plots.plot_curves`.
        config: the recipe of the training.
        data: images and base weights, with licences.
        compartments: compartment of each label.
        seed: seed of the bootstrap resampling.
        one_view: logits of the shipped format for the whole image alone, by split. Empty with one view.
        in_domain: test sources that are also evaluated separately (in-domain test).
        corrections: a reviewed list of wrong labels, for an additional accuracy on the test split.
        baselines: other models on the same images.
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
    in_domain: Sequence[str] = ()
    corrections: Sequence[Correction] = ()
    baselines: Sequence[Baseline] = ()

    def of_split(self, split: str) -> list[Picture]:
        """Returns the images of a split, in the order of its logits."""
        return [picture for picture in self.pictures if picture.split == split]

    def shipped_format(self) -> FormatResult:
        """Returns the result of the shipped format."""
        return next(result for result in self.formats if result.name == self.shipped)

    def check(self) -> None:
        """Checks that formats, logits, labels and images match.

        Raises:
            TrainingError: they do not match.
        """
        names = [result.name for result in self.formats]
        if self.shipped not in names or len(set(names)) < len(names):
            raise TrainingError(
                f"shipped format {self.shipped}: not found, or a format is listed twice. "
                f"Formats: {', '.join(names)}."
            )
        sets = [("test", result.logits, result.name) for result in self.formats]
        for split, logits in (("validation", self.validation_logits), ("held-out", self.held_out_logits)):
            sets += [] if logits is None else [(split, logits, self.shipped)]
        for split, logits, name in sets:
            pictures = self.of_split(split)
            if logits.shape != (len(pictures), len(self.labels)):
                raise TrainingError(
                    f"{name}: logits of shape {logits.shape} for {len(pictures)} {split} images "
                    f"and {len(self.labels)} labels. Both sizes must match."
                )
            check_logits(logits, label_indices(pictures, self.labels), pictures)
