"""Notebooks for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def notebook_data(cells: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A notebook of code cells by their tags, with spaces between them, and source."""
    content = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {"tags": tags.split()},
            "outputs": [],
            "source": source,
        }
        for number, (tags, source) in enumerate(cells)
    ]
    return {"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
