"""A cell that Python would not compile -> the finding that says why, and what to write."""

from __future__ import annotations

import re
import sys
from typing import Final

from nb2stage.reading.translation import Work
from nb2stage.texts.wording import column_of

# (pattern in the line, or in Python's message; what it was in Python 2; what to write)
_PYTHON_2: Final = (
    (r"Missing parentheses in call to 'print'|print\s+>>", "the print statement", "write `print(...)`"),
    (r"Missing parentheses in call to 'exec'", "the exec statement", "write `exec(code)`"),
    (r"except\s+[\w.()]+\s*,\s*\w+\s*:", "`except X, e`", "write `except X as e:`"),
    (r"\braise\s+[\w.]+\s*,", "`raise X, message`", "write `raise X(message)`"),
    (r"<>", "`<>`", "write `!=`"),
    (r"leading zeros in decimal integer", "an octal number such as 0777", "write `0o777`"),
    (r"^\s*[^#'\"]*\bur['\"]", "a `ur` text", "write `r` in place of `ur`"),
    (r"invalid decimal literal.*\d[lL]\b|\b\d+[lL]\b", "a long integer such as 10L", "write it without the L"),
    (r"`[^`]+`", "backquotes", "write `repr(...)`"),
)
# (first Python that has it, pattern in the line or message, what it is)
_NEWER: Final = (
    ((3, 11), r"\bexcept\s*\*", "`except*`"),
    ((3, 12), r"^\s*type\s+\w+\s*(\[.*\])?\s*=", "a `type` statement"),
    ((3, 12), r"^\s*(async\s+)?(def|class)\s+\w+\s*\[", "type parameters"),
    ((3, 12), r"f-string", "this form of f-string"),
    ((3, 14), r"\bt['\"]", "a t-string"),
    ((3, 14), r"\bexcept\s+[\w.]+\s*(,\s*[\w.]+\s*)+:", "`except A, B:` without parentheses"),
)


def report_problem(work: Work, problem: Exception) -> None:
    """Say why a cell is no Python, and what to do."""
    if not isinstance(problem, SyntaxError):
        if isinstance(problem, ValueError):
            work.report("NB123", f"Python cannot read the cell: {problem}", "delete the odd character", line=1)
        else:
            work.report("NB123", "the cell is nested too deeply for Python's parser", "split the expression up", line=1)
        return
    line = min(max(problem.lineno or 1, 1), len(work.lines))
    original = work.cell.source.split("\n")
    text = original[line - 1] if line <= len(original) else ""
    code, message, hint = _diagnosis(problem.msg, text)
    if re.match(r"\s*(pip|conda|mamba)\s+install\b", text):
        hint = f"write `%{text.strip()}`"
    column = None
    if problem.offset and problem.offset > 0:
        column = column_of(text, 4 * (problem.offset - 1), "utf-32-le")
    work.report(code, message, hint, line=line, column=column)


def _diagnosis(message: str, line: str) -> tuple[str, str, str]:
    """Code, message and hint for a syntax error in `line`."""
    for pattern, what, hint in _PYTHON_2:
        if re.search(pattern, message) or re.search(pattern, line):
            return "NB121", f"the cell is Python 2: {what}", f"{hint} (`2to3` converts whole files)"
    running = sys.version_info[:2]
    for version, pattern, what in _NEWER:
        if running < version and (re.search(pattern, line) or re.match(pattern, message)):
            wanted = ".".join(map(str, version))
            hint = f"correct the line, or run nb2stage with the Python of the notebook ({wanted} or newer)"
            return "NB122", f"{what} may need Python {wanted}, and this is {running[0]}.{running[1]}: {message}", hint
    hint = "correct the line, or tag the cell `skip` if the pipeline does not need it"
    return "NB120", f"the cell is not valid Python: {message}", hint
