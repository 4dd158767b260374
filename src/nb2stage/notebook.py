"""bytes -> `Notebook` of `Cell`s.  A notebook is read and never written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One cell as it stands in the file.

    `index` is the 1-based position among *all* cells, as a user counts them; `tags` are as Jupyter stores them.
    """

    index: int
    kind: str  # "code", "markdown" or "raw"
    source: str
    tags: tuple[str, ...] = ()
    id: str | None = None


@dataclass(frozen=True)
class Notebook:
    """A notebook without its outputs.  `path` is what messages and headers call it."""

    path: str
    cells: tuple[Cell, ...]
