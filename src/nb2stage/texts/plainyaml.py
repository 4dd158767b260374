"""Plain YAML -> nodes and values: what nb2stage and DVC write, and most of what people add to it.

The reader of YAML is slow to load and slow to read: for a short dvc.yaml it takes as long as the whole conversion.  This
one reads mappings and sequences in block style, and scalars and flow collections that stand on one line.  Of anything
else, and of all that two readers might take for different things, it says that it cannot read it; what it reads it
reads as ruamel.yaml does, to the place of each node.
"""

from __future__ import annotations

import re
from typing import Any, Final

from nb2stage.patterns import Pattern
from nb2stage.records import dataclass


class NotPlainError(Exception):
    """The text is not YAML, or it is more than plain."""


@dataclass(frozen=True)
class Mark:
    """A place in a text, counted from 0."""

    index: int
    line: int
    column: int


@dataclass(frozen=True, eq=False)
class Node:
    """A scalar with its text, or a collection: a list of nodes, or of pairs of nodes."""

    tag: str
    value: Any
    start_mark: Mark
    end_mark: Mark
    flow_style: bool | None = None
    style: str | None = None


_TAG: Final = "tag:yaml.org,2002:"
_DEEPEST: Final = 40
_LONGEST_KEY: Final = 1000
_PLAIN: Final = Pattern(r"(?:[^\W\d]|[/$\\]|\.(?=[\w./]))[^#]*(?:(?<! )#[^#]*)*")
_FLOW_PLAIN: Final = Pattern(r"(?:[\w/.]|-(?=\d))(?:[\w./-]| (?=[\w./-]))*")
_QUOTED: Final = Pattern(r"""'(?:[^']|'')*'|"[^"\\]*\"""")
_COLON: Final = Pattern(r":(?= |$)")
_INT: Final = Pattern(r"-?(?:0|[1-9]\d*)", re.ASCII)
_FLOAT: Final = Pattern(r"-?(?:0|[1-9]\d*)\.\d+(?:e[-+]\d+)?", re.ASCII)
_HASH: Final = Pattern(r"[\da-f]*[acdf][\da-f]*(?:\.dir)?", re.ASCII)
_WORDS: Final = {"true": True, "false": False, "null": None}
_DOUBTFUL: Final = Pattern(r"true|false|null|\.inf|\.nan|\.\d.*|\.\.\.(?: .*)?", re.IGNORECASE)
_BLANK: Final = Pattern(r" *(?:#.*)?")


def plain_nodes(text: str) -> Node | None:
    """The root of a plain YAML text; None where nothing but comments stands in it.  Raises `NotPlainError`."""
    if not text.replace("\n", "").isprintable():
        raise NotPlainError
    reader = _Reader(text)
    if not reader.lines:
        return None
    if reader.lines[0][2] != 0:
        raise NotPlainError
    root = reader.block(0)
    if reader.at < len(reader.lines) or not isinstance(root.value, list):
        raise NotPlainError
    return root


def value_of(node: Node | None) -> Any:
    """The value that a node stands for."""
    if node is None:
        return None
    kind = node.tag.removeprefix(_TAG)
    if kind == "map":
        return {value_of(key): value_of(value) for key, value in node.value}
    if kind == "seq":
        return [value_of(item) for item in node.value]
    if kind == "str":
        return node.value
    return int(node.value) if kind == "int" else float(node.value) if kind == "float" else _WORDS[node.value]


class _Reader:
    """A text, and which of its lines is read next."""

    def __init__(self, text: str) -> None:
        # Of each line that is more than a comment: its number, where it begins, its indent, its text.
        self.lines: list[tuple[int, int, int, str]] = []
        self.at = 0
        start = 0
        for number, line in enumerate(text.split("\n")):
            if not _BLANK.fullmatch(line):
                self.lines.append((number, start, len(line) - len(line.lstrip(" ")), line))
            start += len(line) + 1
        last = text.rpartition("\n")[2]
        self.end = Mark(len(text), text.count("\n"), len(last))

    def mark(self, column: int) -> Mark:
        """A place on the line at hand."""
        number, start, _, _ = self.lines[self.at]
        return Mark(start + column, number, column)

    def indent(self) -> int:
        """The indent of the line at hand; -1 behind the last one."""
        return self.lines[self.at][2] if self.at < len(self.lines) else -1

    def next_mark(self) -> Mark:
        """Where the next thing begins, which is where a block ends."""
        return self.mark(self.indent()) if self.at < len(self.lines) else self.end

    def line(self) -> str:
        """The text of the line at hand."""
        return self.lines[self.at][3]

    def is_item(self, column: int) -> bool:
        """Whether the line at hand begins an item of a sequence there."""
        return self.indent() == column and self.line().startswith("- ", column)

    def block(self, column: int, depth: int = 0) -> Node:
        """What begins at a column of the line at hand; the line behind it is at hand then."""
        if depth > _DEEPEST:
            raise NotPlainError
        if self.line().startswith("- ", column):
            return self.sequence(column, depth)
        if self.key_at(column) is not None:
            return self.mapping(column, depth)
        return self.inline(column)

    def sequence(self, column: int, depth: int) -> Node:
        """A block sequence whose dashes stand at a column."""
        start, items = self.mark(column), []
        more = True
        while more:
            line = self.line()
            inside = column + 1
            while line.startswith(" ", inside):
                inside += 1
            if line.startswith("#", inside) or inside == len(line):
                raise NotPlainError
            items.append(self.block(inside, depth + 1))
            if self.indent() > column:
                raise NotPlainError
            more = self.is_item(column)
        return Node(f"{_TAG}seq", items, start, self.next_mark(), flow_style=False)

    def mapping(self, column: int, depth: int) -> Node:
        """A block mapping whose keys stand at a column."""
        start, pairs = self.mark(column), []
        keys = set()
        while True:
            found = self.key_at(column)
            if found is None:
                raise NotPlainError
            key, behind = found
            name = value_of(key)
            if name in keys:
                raise NotPlainError
            keys.add(name)
            pairs.append((key, self.value(column, behind, depth)))
            if self.indent() > column:
                raise NotPlainError
            if self.indent() < column or self.is_item(column):
                break
        return Node(f"{_TAG}map", pairs, start, self.next_mark(), flow_style=False)

    def key_at(self, column: int) -> tuple[Node, int] | None:
        """The key that stands at a column, and where the line goes on behind its colon; None where there is none."""
        line = self.line()
        if quoted := _QUOTED.match(line, column):
            end = quoted.end()
            if not line.startswith(":", end):
                return None
        else:
            found = _COLON.search(line, column)
            if found is None:
                return None
            end = found.start()
        if line[end + 1 : end + 2] not in ("", " ") or end - column > _LONGEST_KEY:
            raise NotPlainError
        return self.scalar(line[column:end], column), end + 1

    def value(self, column: int, behind: int, depth: int) -> Node:
        """The value of a key, which stands behind its colon or below it."""
        line = self.line()
        if not _BLANK.fullmatch(line, behind):
            inside = len(line) - len(line[behind:].lstrip(" "))
            return self.inline(inside)
        if line.startswith("#", behind):
            raise NotPlainError
        self.at += 1
        if self.indent() > column or self.is_item(column):
            return self.block(self.indent(), depth + 1)
        raise NotPlainError

    def inline(self, column: int) -> Node:
        """A scalar or flow collection that ends its line."""
        line = self.line()
        if line[column] in "[{":
            node, end = self.flow(column, 0)
        elif quoted := _QUOTED.match(line, column):
            node, end = self.scalar(quoted[0], column), quoted.end()
        else:
            text = line[column:].partition(" #")[0].rstrip(" ")
            node, end = self.scalar(text, column), column + len(text)
        rest = line[end:]
        if not _BLANK.fullmatch(rest) or rest.startswith("#"):
            raise NotPlainError
        self.at += 1
        return node

    def flow(self, column: int, depth: int) -> tuple[Node, int]:
        """A flow collection or a scalar in one, and where it ends."""
        line = self.line()
        opened = line[column : column + 1]
        if depth > _DEEPEST:
            raise NotPlainError
        if opened not in ("[", "{"):
            found = _QUOTED.match(line, column) or _FLOW_PLAIN.match(line, column)
            if found is None:
                raise NotPlainError
            return self.scalar(found[0], column), found.end()
        closing = "]" if opened == "[" else "}"
        items: list[Any] = []
        names: set[Any] = set()
        at = column + 1
        while not line.startswith(closing, at):
            if items:
                if not line.startswith(", ", at):
                    raise NotPlainError
                at += 2
            item, at = self.flow(at, depth + 1)
            if opened == "{":
                if not line.startswith(": ", at) or isinstance(item.value, list) or value_of(item) in names:
                    raise NotPlainError
                names.add(value_of(item))
                value, at = self.flow(at + 2, depth + 1)
                items.append((item, value))
            else:
                items.append(item)
        kind = "seq" if opened == "[" else "map"
        return Node(f"{_TAG}{kind}", items, self.mark(column), self.mark(at + 1), flow_style=True), at + 1

    def scalar(self, text: str, column: int) -> Node:
        """A scalar that stands at a column of the line at hand."""
        start, end = self.mark(column), self.mark(column + len(text))
        if text[:1] in ("'", '"') and _QUOTED.fullmatch(text):
            value = text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
            return Node(f"{_TAG}str", value, start, end, style=text[0])
        return Node(_TAG + _kind(text), text, start, end)


def _kind(text: str) -> str:
    """What a plain scalar is, where that is beyond doubt."""
    if text in _WORDS:
        return "null" if text == "null" else "bool"
    if _INT.fullmatch(text):
        return "int"
    if _FLOAT.fullmatch(text):
        return "float"
    is_text = _PLAIN.fullmatch(text) and not _DOUBTFUL.fullmatch(text) and ": " not in text and text[-1] not in ": "
    if is_text or _HASH.fullmatch(text):
        return "str"
    raise NotPlainError
