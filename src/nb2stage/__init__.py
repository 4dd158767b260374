"""nb2stage turns a tagged notebook into a DVC pipeline of plain scripts that gives the same results."""

from __future__ import annotations

__version__ = "0.1.0"
