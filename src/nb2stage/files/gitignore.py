"""Lines + the existing text -> .gitignore.

DVC keeps an out from git by a .gitignore in the folder of the out, unless git ignores the out already.  That file would
lie among the notebook's own: a stage that lists the folder would see it.  So the outs stand in the project's .gitignore.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Sequence
from typing import Final

from nb2stage.texts.yamltext import insertion, newline_of, splice

OUTS_COMMENT: Final = "# outs of the stages: DVC keeps them"


def update_gitignore(existing: str | None, lines: Sequence[str], before: Sequence[str] = ()) -> str:
    """.gitignore with all the lines in it; `cache`, `cache/` and `/cache/` count as the same line.

    A line that we wrote `before` and that is not there any more was taken out by the user, and stays out.
    """
    text = existing or ""
    missing = _missing(text, lines, before if existing is not None else ())
    return splice(text, [insertion(text, len(text), missing, 0)]) if missing else text


def update_outs(
    text: str, lines: Sequence[str], before: Sequence[str] = (), kept: Collection[str] = (), force: bool = False
) -> str:
    """.gitignore with a line for each out, in order below a comment that says what they are.

    Of what we wrote `before`, lines that are neither wanted nor `kept` for another notebook go, and those that the user
    took out stay out unless `force` is given.  What else stands in the file stays to the byte.
    """
    gone = set(before) - set(lines) - set(kept)
    rows = [row for row in text.splitlines(keepends=True) if row.rstrip("\r\n") not in gone]
    missing = _missing(text, lines, () if force else before)
    head = next((number for number, row in enumerate(rows) if row.rstrip() == OUTS_COMMENT), None)
    if head is not None and (missing or gone):
        if not rows[-1].endswith("\n"):
            rows[-1] += newline_of(text)
        end = head + 1
        while end < len(rows) and rows[end].strip() and not rows[end].startswith("#"):
            end += 1
        block = rows[head + 1 : end]
        for line in missing:
            block.insert(bisect(block, line), line + newline_of(text))
        if block:
            rows[head + 1 : end] = block
        else:
            start = head - 1 if head and not rows[head - 1].strip() else head
            del rows[start:end]
    elif missing:
        whole = "".join(rows)
        space = [""] if whole else []
        return splice(whole, [insertion(whole, len(whole), [*space, OUTS_COMMENT, *missing], 0)])
    return "".join(rows)


def out_line(path: str) -> str:
    """The line that names one path of the project and no other."""
    return "/" + quoted(path)


def quoted(path: str) -> str:
    """A path as part of a line of .gitignore, where some characters make a pattern of it."""
    escaped = "".join(f"\\{char}" if char in "\\*?[" else char for char in path)
    return escaped[:-1] + "\\ " if escaped.endswith(" ") else escaped


def _missing(text: str, lines: Sequence[str], before: Sequence[str]) -> list[str]:
    there = {line.strip().strip("/") for line in text.splitlines()}
    out = {line.strip("/") for line in before}
    return [line for line in dict.fromkeys(lines) if line.strip("/") not in there | out]
