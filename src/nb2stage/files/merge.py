"""What was generated last time, what is generated now, what the user has -> one text with both sides' changes.

Lines are merged by `git merge-file`: git is there wherever DVC is, its conflict marks are those that editors know, and
the merge libraries on PyPI are copyleft or not maintained.  Lines that merge may still not fit together: the notebook
takes away a name that a hand edit uses.  So a merged script is read again, and what became loose is marked as a conflict.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

from nb2stage.analysis.scopes import looked_up, top_level_names
from nb2stage.files.repository import merge_file
from nb2stage.patterns import Pattern
from nb2stage.records import dataclass
from nb2stage.trees import walk

_MARKS: Final = Pattern(r"^<{7} .*\n(?:.*\n)*?={7}\r?\n(?:.*\n)*?>{7} ", re.MULTILINE)
# Names may come and go where nobody sees it.
_DYNAMIC: Final = Pattern(r"\bglobals\(\)\.update|\bexec\(|import \*")
_BUILTINS: Final = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}

T = TypeVar("T")


class Merged(NamedTuple):
    """A merged text and how many conflicts are marked in it."""

    text: str
    conflicts: int


class Sides(NamedTuple):
    """What the two sides of a conflict are called in its marks."""

    mine: str
    theirs: str


def conflict_line(text: str) -> int | None:
    """The 1-based line of the first conflict that is marked in a text."""
    found = _MARKS.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def merge_scripts(base: str, mine: str, theirs: str, sides: Sides) -> Merged:
    """Merge a script: `base` is the last generated text, `theirs` the new one, `mine` what stands on disk.

    A name that neither side lacks and the merged text does is a conflict too, marked where it is used, and so is a
    file of the cache that the notebook does not hand to the stage any more:

        <<<<<<< training/train.py
        print(df.shape)
        =======
        >>>>>>> explore.ipynb: `df` is not here any more
    """
    has_crlf = "\r\n" in mine
    base, mine, theirs = (text.replace("\r\n", "\n") for text in (base, mine, theirs))
    merged = Merged(*merge_file(base, mine, theirs, sides.mine, "last conversion", sides.theirs))
    if not merged.conflicts:
        merged = _checked(merged.text, base, mine, theirs, sides)
    return Merged(merged.text.replace("\n", "\r\n"), merged.conflicts) if has_crlf else merged


def _checked(text: str, base: str, mine: str, theirs: str, sides: Sides) -> Merged:
    """The text as it is, or with a conflict where its parts do not fit together."""
    before = [_loose(side) for side in (mine, theirs)]
    if any(loose is None for loose in before):  # it was broken before
        return Merged(text, 0)
    after = _loose(text)
    if after is None:
        return Merged(*merge_file("", mine, theirs, sides.mine, "last conversion", sides.theirs))
    known = {use.name for loose in before for use in loose or ()}
    new = [use for use in after if use.name not in known]
    lost = {use.name for use in _cached(base)} - {use.name for use in _cached(theirs)}
    new += [use for use in _cached(text) if use.name in lost]
    lines = text.split("\n")
    spans: dict[tuple[int, int], set[str]] = {}
    for use in new:
        spans.setdefault((use.first, use.last), set()).add(use.name)
    marked = 0
    end = len(lines) + 1
    for (first, last), names in sorted(spans.items(), reverse=True):
        if last >= end:  # inside the one below
            continue
        end, marked = first, marked + 1
        why = (
            f"{', '.join(f'`{name}`' for name in sorted(names))} {'is' if len(names) == 1 else 'are'} not here any more"
        )
        lines[last:last] = ["=======", f">>>>>>> {sides.theirs}: {why}"]
        lines[first - 1 : first - 1] = [f"<<<<<<< {sides.mine}"]
    return Merged("\n".join(lines), marked)


@dataclass(frozen=True)
class _Use:
    """What a statement needs and may not find, a name or a file, and the lines of the statement."""

    name: str
    first: int
    last: int


def _loose(text: str) -> list[_Use] | None:
    """The uses of names that nothing binds, or binds too late; `None` for a text that is not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if _DYNAMIC.search(text):
        return []
    ever = _BUILTINS | {name for statement in tree.body for name in top_level_names(statement)}
    ever |= {name for node in walk(tree) if isinstance(node, ast.Global) for name in node.names}
    bound = set(_BUILTINS)
    found: list[_Use] = []
    for statement in tree.body:
        binds = top_level_names(statement)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            there: Iterable[str] = ever
        else:
            # A loop may use what a line further down in it binds.
            there = bound | binds if isinstance(getattr(statement, "body", None), list) else bound
        for name in sorted(looked_up(statement) - set(there)):
            found += _uses(statement, name)
        bound |= binds
    return found


def _cached(text: str) -> list[_Use]:
    """The files of the cache that a script names, and where."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = []
    for statement in walk(tree):
        if isinstance(statement, ast.stmt) and not isinstance(getattr(statement, "body", None), list):
            for node in walk(statement):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("cache/"):
                    found.append(_Use(node.value, statement.lineno, statement.end_lineno or statement.lineno))
    return found


def _uses(statement: ast.stmt, name: str) -> Iterator[_Use]:
    """Where in a statement a name is looked up: the innermost statements."""
    inner = [node for node in walk(statement) if isinstance(node, ast.stmt)]
    for node in walk(statement):
        if isinstance(node, ast.Name) and node.id == name:
            around = [s for s in inner if s.lineno <= node.lineno and (s.end_lineno or 0) >= (node.end_lineno or 0)]
            closest = min(around, key=lambda s: (s.end_lineno or s.lineno) - s.lineno)
            is_whole = not isinstance(getattr(closest, "body", None), list)
            yield _Use(name, closest.lineno, (closest.end_lineno or closest.lineno) if is_whole else node.lineno)


def only_comments(before: str, after: str) -> bool:
    """Whether two versions of a script differ in comments and layout alone."""
    try:
        return ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
