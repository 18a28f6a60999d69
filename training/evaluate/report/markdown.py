"""Markdown tables for the model card."""

from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a Markdown table. Columns of numbers are right-aligned."""
    body = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    is_number = [
        all(cell[:1].isdigit() or cell == "-" for cell in column) for column in zip(*body, strict=True)
    ]
    rule = ["---:" if right else "---" for right in is_number] or ["---"] * len(head)
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *body])
