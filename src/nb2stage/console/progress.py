"""A line on a terminal that says how far something slow has come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

_CELLS: Final = 20


def bar(fraction: float) -> str:
    """`[#####               ]`."""
    done = round(min(1.0, max(0.0, fraction)) * _CELLS)
    return f"[{'#' * done}{' ' * (_CELLS - done)}]"


class Progress:
    """One line that is written again and again; nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO | None, *, wanted: bool = True) -> None:
        self.stream = stream if wanted and stream is not None and stream.isatty() else None

    def show(self, text: str) -> None:
        """Put this text in the place of the last one."""
        if self.stream is not None:
            width = self._width() - 1
            self.stream.write("\r\x1b[K" + text[:width])
            self.stream.flush()

    def clear(self) -> None:
        """Leave an empty line for what is printed next."""
        if self.stream is not None:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno() if self.stream else 2).columns
        except (OSError, ValueError):
            return 80
