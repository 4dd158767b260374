"""Changes to the text of a cell by position, so that everything else stays as the user wrote it."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from nb2stage.trees import walk


class Edits:
    """Changes to the text of one cell, by position; everything else stays as the user wrote it."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.edits: list[tuple[int, int, str]] = []
        self.dropped: set[int] = set()
        self.after = ""
        offsets, total = [], 0
        self.data = text.encode()
        for line in self.data.split(b"\n"):
            offsets.append(total)
            total += len(line) + 1
        self.offsets = offsets

    def span(self, node: ast.AST) -> tuple[int, int]:
        first = node.lineno  # type: ignore[attr-defined]
        column = node.col_offset  # type: ignore[attr-defined]
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            first, column = decorators[0].lineno, decorators[0].col_offset - 1
        end = self.offsets[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return self.offsets[first - 1] + column, end

    def drop_line(self, line: int) -> None:
        """Leave a whole line out."""
        self.dropped.add(line)

    def remove(self, node: ast.stmt, comments: bool = False) -> None:
        """Leave a statement out: its lines with a comment behind it, or its part of a line with `;`; with the
        `comments` directly above it if wanted."""
        start, end = self.span(node)
        line = self.data.count(b"\n", 0, start)
        while comments and line > 0 and self.lines[line - 1].startswith("#"):
            self.drop_line(line)
            line -= 1
        line_start = self.data.rfind(b"\n", 0, start) + 1
        line_end = self.data.find(b"\n", end)
        line_end = len(self.data) if line_end < 0 else line_end
        before, after = self.data[line_start:start], self.data[end:line_end].strip()
        if not before.strip() and (not after or after.startswith(b"#") or after == b";"):
            self.edits.append((line_start, min(line_end + 1, len(self.data)), ""))
        elif after.startswith(b";"):
            stop = end + self.data[end:line_end].index(b";") + 1
            while stop < line_end and self.data[stop : stop + 1] == b" ":
                stop += 1
            self.edits.append((start, stop, ""))
        else:
            begin = self.data.rindex(b";", line_start, start)
            self.edits.append((begin, end, ""))

    def drop_semicolon(self, node: ast.stmt) -> None:
        """Leave out a `;` that ends the line behind a statement: it says something in notebooks only."""
        end = self.span(node)[1]
        rest = self.data[end:].partition(b"\n")[0]
        if found := re.match(rb"[ \t]*;(?=[ \t]*(#.*)?$)", rest):
            self.edits.append((end, end + found.end(), ""))

    def replace(self, node: ast.AST, text: str) -> None:
        """Put other text in the place of a node."""
        start, end = self.span(node)
        self.edits.append((start, end, text))

    def replace_line(self, node: ast.AST, text: str) -> None:
        """Put lines in the place of a statement; behind a `;` they begin on a line of their own."""
        start, end = self.span(node)
        before = self.data[self.data.rfind(b"\n", 0, start) + 1 : start]
        if before.strip():
            start -= len(before) - len(before.rstrip(b" \t;"))
            text = "\n" + text
        self.edits.append((start, end, text))

    def wrap(self, node: ast.AST, before: str, after: str) -> None:
        """Put text around a node; brackets around it belong to it."""
        start, end = self.span(node)
        line_start = self.data.rfind(b"\n", 0, start) + 1
        opened = self.data[line_start:start].count(b"(")
        if opened and not self.data[line_start:start].strip(b" ("):
            start = line_start + self.data[line_start:start].index(b"(")
            closing = re.match(rb"(?:\s*(?:#[^\n]*\n)?\s*\)){%d}" % opened, self.data[end:])
            end += closing.end() if closing else 0
        self.edits += [(start, start, before), (end, end, after)]

    def run_awaited(self, node: ast.Await, asyncio: str) -> None:
        """`await f()` as `asyncio.run(f())`."""
        (start, end), (inner, _) = self.span(node), self.span(node.value)
        self.edits += [(start, inner, f"{asyncio}.run("), (end, end, ")")]

    def call(self, node: ast.AST, value: ast.AST, function: str) -> None:
        """`f(value)` in the place of an expression that has the value in it: `value.show()`, `show(value)`."""
        (start, end), (first, last) = self.span(node), self.span(value)
        self.edits += [(start, first, f"{function}("), (last, end, ")")]

    def nest(self, nodes: Sequence[ast.stmt], header: str, after: str) -> None:
        """Put the lines of neighbouring statements below a header, with a line after them."""
        first, last = nodes[0], nodes[-1]
        strings = [n for node in nodes for n in walk(node) if isinstance(n, ast.Constant | ast.JoinedStr)]
        start = self.offsets[first.lineno - 1]
        self.edits.append((start, start, f"\n\n{header}"))
        end = last.end_lineno or last.lineno
        for line in range(first.lineno, end + 1):
            inside = any(s.lineno < line <= (s.end_lineno or s.lineno) for s in strings)
            if line not in self.dropped and self.lines[line - 1].strip() and not inside:
                self.edits.append((self.offsets[line - 1], self.offsets[line - 1], "    "))
        stop = self.offsets[end - 1] + len(self.lines[end - 1].encode())
        self.edits.append((stop, stop, f"\n\n\n{after}"))

    def append(self, text: str) -> None:
        """Put lines at the end of the cell."""
        self.after = text

    def text(self) -> str:
        """The changed text, without blank lines at either end."""
        for line in self.dropped:
            start = self.offsets[line - 1]
            end = self.offsets[line] if line < len(self.offsets) else len(self.data)
            self.edits.append((start, end, ""))
        data, result, position = self.data, [], 0
        for start, end, replacement in sorted(self.edits, key=lambda e: (e[0], e[1])):
            if start < position:
                continue
            result += [data[position:start], replacement.encode()]
            position = end
        result.append(data[position:])
        lines = [line.rstrip() if not line.strip() else line for line in b"".join(result).decode().split("\n")]
        text = "\n".join(lines).strip("\n")
        text = re.sub(r"\n{4,}", "\n\n\n", text) if '"""' not in text and "'''" not in text else text
        return f"{text}\n{self.after}" if self.after else text
