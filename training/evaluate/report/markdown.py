"""Tables for the model card."""

from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; columns of figures are right-aligned."""
    body = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    figures = [
        all(cell[:1].isdigit() or cell == "-" for cell in column) for column in zip(*body, strict=True)
    ]
    rule = ["---:" if right else "---" for right in figures] or ["---"] * len(head)
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *body])
