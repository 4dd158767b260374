"""nb2stage turns a tagged notebook into a DVC pipeline of plain scripts that gives the same results.

`convert`, `check` and `verify` are for programs: docs/api.md.  Importing this package alone loads nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nb2stage.api import (
        Change,
        Check,
        Conversion,
        Diagnostic,
        Item,
        Nb2stageError,
        Param,
        Pipeline,
        Severity,
        Stage,
        Status,
        UsageError,
        Verdict,
        check,
        convert,
        verify,
    )

__all__ = [
    "Change",
    "Check",
    "Conversion",
    "Diagnostic",
    "Item",
    "Nb2stageError",
    "Param",
    "Pipeline",
    "Severity",
    "Stage",
    "Status",
    "UsageError",
    "Verdict",
    "check",
    "convert",
    "verify",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The names of the interface, loaded when one is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'nb2stage' has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module("nb2stage.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
