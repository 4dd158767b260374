"""Numbers, paths and values in words: for people at a terminal, and for programs that read JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_STYLES: Final = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def painted(text: str, style: str) -> str:
    """A text with the escape codes of a terminal."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def plural(count: int, word: str) -> str:
    """`1 stage`, `2 stages`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def spans(numbers: Iterable[int]) -> str:
    """`[1, 2, 3, 7]` as `1-3, 7`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def column_of(line: str, before: int, encoding: str = "utf-8") -> int:
    """The column that stands behind `before` bytes of a line (with `utf-32-le`: behind a quarter as many characters).

    From 1, in UTF-16 code units, as editors and front ends count: a character beyond the first 65,536 is two.
    """
    return len(line.encode(encoding)[:before].decode(encoding, "ignore").encode("utf-16-le")) // 2 + 1


def quoted(text: str) -> str:
    """A path as a shell wants it."""
    safe = all(char.isalnum() or char in "-_./" for char in text)
    return text if safe else "'" + text.replace("'", "'\\''") + "'"


def json_value(value: object) -> object:
    """NaN and the infinities are no JSON: they become texts."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)
