"""Where text goes: standard output and standard error, colours, questions; and the exit codes of all commands."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

FINE: Final = 0
FOUND: Final = 1
USAGE: Final = 2
BUG: Final = 3
INTERRUPTED: Final = 130


class Console:
    """Where text goes.  A closed pipe or a character that the terminal cannot show stops nothing."""

    def __init__(self, *, json: bool = False, quiet: bool = False, color: str = "auto") -> None:
        self.json, self.quiet, self.color = json, quiet, color
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    def paint(self, text: str, style: str, stream: TextIO | None) -> str:
        """The text in colour where it may be."""
        from nb2stage.texts.wording import painted

        return painted(text, style) if self._is_coloured(stream) else text

    def _is_coloured(self, stream: TextIO | None) -> bool:
        if self.color != "auto":
            return self.color == "always"
        return (
            stream is not None
            and stream.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )

    def out(self, text: str) -> None:
        """Print a result."""
        write(text, sys.stdout)

    def err(self, text: str) -> None:
        """Print a message."""
        write(text, sys.stderr)

    def findings(self, findings: Iterable[Diagnostic]) -> None:
        """Print findings: errors always, the rest unless `-q`; none with `--json`, which has them in its document."""
        from nb2stage.console.report import diagnostic_text

        for finding in () if self.json else findings:
            if finding.severity is Severity.ERROR or not self.quiet:
                self.err(diagnostic_text(finding, lambda text, style: self.paint(text, style, sys.stderr)))

    def confirmed(self, question: str) -> bool:
        """Whether a person at the terminal says yes; no where there is none."""
        if sys.stdin is None or not sys.stdin.isatty():
            return False
        self.err(f"{question} [y/N] ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def out_paint(self, text: str, style: str) -> str:
        """Colour for standard output."""
        return self.paint(text, style, sys.stdout)

    def width(self) -> int:
        """How wide a table may be."""
        try:
            return max(60, os.get_terminal_size(sys.stdout.fileno()).columns)
        except (OSError, ValueError, AttributeError):
            return 100


def write(text: str, stream: TextIO | None) -> None:
    """Print a text; nothing where there is no such stream, or nobody reads it any more."""
    if stream is None:
        return
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        # The reader has gone, as `head` does.  What is written from here on goes nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
