"""Name, version and licence of a model."""

import re
from dataclasses import dataclass

from training.errors import TrainingError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


@dataclass(frozen=True)
class Identity:
    """The identity of a bundle.

    Attributes:
        name: of the model, for example waste12.
        version: semantic version.
        licence: permitted use of the model.

    Raises:
        TrainingError: the daemon does not accept the name or the version.
    """

    name: str
    version: str
    licence: str

    def __post_init__(self) -> None:
        """Checks name and version."""
        if not NAME.fullmatch(self.name):
            raise TrainingError(
                f"--name {self.name!r}: not a valid name. Use 1 to 64 of a-z, 0-9, '.', '_' and '-'. "
                "Start with a letter or a digit, as in my-bin."
            )
        if not VERSION.fullmatch(self.version):
            raise TrainingError(
                f"--version {self.version!r}: not a semantic version. Use a version like 1.0.0."
            )
