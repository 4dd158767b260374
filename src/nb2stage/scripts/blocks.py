"""Blocks of lines: a statement as it stands in its cell, and the blank lines between blocks."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from nb2stage.analysis.dataflow import SourceCell
from nb2stage.analysis.objects import Statement
from nb2stage.reading.edits import Edits
from nb2stage.reading.tags import directive_lines
from nb2stage.trees import walk


def statement_text(cell: SourceCell, statement: Statement, moved: Mapping[ast.AST, str] = MappingProxyType({})) -> str:
    """A top-level statement as it stands in its cell, with the comment lines directly above it.

    Of the nodes in `moved`, each has the text that stands there.
    """
    edits = Edits(cell.python.text)
    start, end = edits.span(statement.node)
    data = edits.data
    line_start = data.rfind(b"\n", 0, start) + 1
    text = ""
    for first, last, new in sorted((*edits.span(n), moved[n]) for n in walk(statement.node) if n in moved):
        text, start = text + data[start:first].decode() + new, last
    text += data[start:end].decode()
    start = edits.span(statement.node)[0]
    line_end = data.find(b"\n", end)
    behind = data[end : len(data) if line_end < 0 else line_end].decode()
    if behind.strip().startswith("#"):
        text += behind.rstrip()
    above: list[str] = []
    lines = data[:line_start].decode().split("\n")[:-1]
    hidden = directive_lines(cell.role.cell.source) | cell.python.dropped
    while lines and lines[-1].startswith("#") and len(lines) not in hidden:
        above.insert(0, lines.pop())
    return "\n".join([*above, text]) if not data[line_start:start].strip() else text


def has_code(text: str) -> bool:
    """Whether a text has a line that is neither blank nor a comment."""
    return any(line.strip() and not line.strip().startswith("#") for line in text.split("\n"))


def join_blocks(blocks: Sequence[str]) -> str:
    """Blocks with one blank line between them, two around functions and classes."""
    text = blocks[0]
    for block in blocks[1:]:
        previous_lines = text.split("\n")
        starts_definition = bool(re.match(r"(#[^\n]*\n)*(@|def |class |async def )", block))
        ends_definition = _ends_with_definition(previous_lines)
        text += ("\n\n\n" if starts_definition or ends_definition else "\n\n") + block
    return text.rstrip("\n") + "\n"


def _ends_with_definition(lines: list[str]) -> bool:
    for line in reversed(lines):
        if line and not line[0].isspace() and not line.startswith((")", "]", "}", "#", '"""', "'''")):
            return line.startswith(("def ", "class ", "async def ", "@"))
    return False
