"""A bundle of the tiny network, for tests."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from training.bundle import Source, write_bundle
from training.identity import Identity
from training.tests.support.export_chain import LABELS, chain


def write(folder: Path, **changed: Any) -> Path:
    """Writes the bundle. `changed` overrides arguments of `write_bundle`."""
    root = chain().root
    arguments: dict[str, Any] = {
        "identity": Identity("tiny", "1.0.0", "for tests"),
        "labels": LABELS,
        "int8": chain().int8,
        "tfjs": root / "tfjs",
        "golden": root / "golden",
        "temperature": 0.8,
        "unfamiliar": ("energy", -4.5),
        "confidence": 0.7,
        "margin": 0.6,
        "validation": {"accuracy": 0.5},
        "sources": [Source("pictures", "made", "none needed")],
        "created": datetime(2026, 1, 2, 4, 0, tzinfo=timezone(timedelta(hours=1))),
    }
    write_bundle(folder, **{**arguments, **changed})
    return folder
