"""What a model is called."""

import re
from dataclasses import dataclass

from training.errors import TrainingError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


@dataclass(frozen=True)
class Identity:
    """What a bundle says that it is.

    Attributes:
        name: of the model, as waste12.
        version: semantic version.
        licence: what a user may do with it.

    Raises:
        TrainingError: the daemon would not take such a name or version.
    """

    name: str
    version: str
    licence: str

    def __post_init__(self) -> None:
        """Checks name and version."""
        if not NAME.fullmatch(self.name):
            raise TrainingError(
                f"name {self.name!r}; allowed are 1 to 64 of a-z, 0-9, '.', '_' and '-', as my-bin"
            )
        if not VERSION.fullmatch(self.version):
            raise TrainingError(f"version {self.version!r}; allowed is a semantic version, as 1.0.0")
