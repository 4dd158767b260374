"""Other sources in the text of a notebook, everything else to the byte: outputs, metadata, layout, order of keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from nb2stage.patterns import Pattern

_SPACE: Final = Pattern(r"[ \t\r\n]*")
_ESCAPE: Final = Pattern(r"\\u[0-9a-fA-F]{4}")
_STEP: Final = Pattern(r"\{\r?\n([ \t]+)")
_DECODER: Final = json.JSONDecoder(strict=False)


def replace_sources(text: str, sources: Mapping[int, str]) -> str:
    """The text of a notebook of format 4 in which cells, by their 1-based index, have other sources.

    A source is written as the one before was: as one text or as a list of lines, with its indentation and escapes.
    """
    cells = dict(members(text, text.index("{")))["cells"][0]
    edits = []
    for index, (begin, _) in enumerate(items(text, cells), start=1):
        if index in sources:
            first, last = dict(members(text, begin))["source"]
            edits.append((first, last, _source(text, first, last, sources[index])))
    for first, last, new in reversed(edits):
        text = text[:first] + new + text[last:]
    return text


def _source(text: str, first: int, last: int, source: str) -> str:
    """A source in the manner of the one that stands between two places."""
    old = text[first:last]
    is_escaped = text.isascii() and _ESCAPE.search(text) is not None
    if old.startswith('"'):
        return json.dumps(source, ensure_ascii=is_escaped)
    lines = [json.dumps(line, ensure_ascii=is_escaped) for line in source.splitlines(keepends=True)]
    if not lines:
        return "[]"
    inner = old[1:-1]
    before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    if not inner.strip():  # an empty list: as Jupyter writes one with lines, one step further in than the key
        margin = text[text.rfind("\n", 0, first) : first]
        after = margin[: len(margin) - len(margin[1:].lstrip())] if margin.startswith("\n") else ""
        step = _STEP.search(text)
        before = after + step[1] if after and step else ""
    return f"[{before}" + (f",{before}" if before else ", ").join(lines) + f"{after}]"


def _skip(text: str, index: int) -> int:
    found = _SPACE.match(text, index)
    return found.end() if found else index


def _value_end(text: str, index: int) -> int:
    return _DECODER.raw_decode(text, index)[1]


def members(text: str, start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """The keys of the object at `start` with where their values begin and end."""
    index = _skip(text, start + 1)
    while text[index] != "}":
        key, index = _DECODER.raw_decode(text, index)
        begin = _skip(text, _skip(text, index) + 1)
        end = _value_end(text, begin)
        yield str(key), (begin, end)
        index = _skip(text, end)
        if text[index] == ",":
            index = _skip(text, index + 1)


def items(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Where the items of the list at `start` begin and end."""
    index = _skip(text, start + 1)
    while text[index] != "]":
        end: Any = _value_end(text, index)
        yield index, end
        index = _skip(text, end)
        if text[index] == ",":
            index = _skip(text, index + 1)
