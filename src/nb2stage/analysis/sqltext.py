"""What can be seen in the text of an SQL statement: the names where tables stand, and whether it changes anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nb2stage.patterns import Pattern

_TOKENS = Pattern(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"((?:[^\"]|\"\")*)\"|([^\W\d]\w*)|(.)", re.DOTALL)
# Behind these words a table stands; behind the others a list of tables ends.
_BEFORE_TABLES = frozenset(
    {"from", "join", "update", "into", "table", "describe", "desc", "summarize", "pivot", "unpivot"}
)
_ENDS = frozenset(
    {
        *(
            "where",
            "group",
            "order",
            "having",
            "limit",
            "select",
            "on",
            "using",
            "union",
            "except",
            "intersect",
            "window",
        ),
        *("qualify", "offset", "set", "values", "returning", "fetch", "sample", "tablesample"),
    }
)
_QUERIES = frozenset(
    {
        "select",
        "with",
        "from",
        "values",
        "describe",
        "desc",
        "summarize",
        "show",
        "explain",
        "pivot",
        "unpivot",
        "table",
    }
)
# Functions that change something though they stand in a query.
_CHANGING = Pattern(
    r"\b(nextval|setseed|setval)\s*\(|\b(insert|update|delete)\s+(into|from|\w+\s+set)\b", re.IGNORECASE
)
_EXPORT = Pattern(r"\s*copy\b.*\bto\s*'", re.IGNORECASE | re.DOTALL)
_TARGET = Pattern(r"\bto\s*'([^']+)'", re.IGNORECASE)
_WHOLE = Pattern(r"(?:[^;']|'[^']*')+")
# Statements that do something outside the database.
_OUTSIDE = frozenset({"copy", "export", "import", "attach", "detach", "vacuum", "checkpoint", "install"})


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """The quoted names, words and single marks of a text, without comments and strings."""
    for found in _TOKENS.finditer(text):
        quoted, word, mark = found.groups()
        if quoted is not None:
            yield "name", quoted
        elif word is not None:
            yield "word", word
        elif mark is not None and not mark.isspace():
            yield "mark", mark


def table_names(text: str) -> set[str]:
    """The names that stand in a text where a table does, qualified ones and functions left out."""
    found: set[str] = set()
    tokens = [*_tokens(text), ("mark", ";"), ("mark", ";")]
    expected, listing = False, [False]
    for place, (kind, token) in enumerate(tokens[:-1]):
        low = token.lower() if kind == "word" else ""
        if token == "(" and kind == "mark":
            listing.append(False)
            expected = expected and tokens[place + 1][1].lower() not in _QUERIES  # `from (a join b)`
        elif token == ")" and kind == "mark":
            listing[-2:] = listing[-2:-1] or [False]
            expected = False
        elif low in _BEFORE_TABLES:
            expected = listing[-1] = True
        elif low in _ENDS or token == ";":
            expected = listing[-1] = False
        elif token == "," and kind == "mark":
            expected = listing[-1]
        elif expected and kind in ("word", "name"):
            if low in ("lateral", "if", "not", "exists", "only", "or", "replace", "recursive"):
                continue
            if tokens[place + 1][1] not in (".", "("):
                found.add(token)
            expected = False
    return found


def changes_nothing(text: str) -> bool:
    """Whether all statements of a text only ask for something, or write what they find to a file."""
    return all(_first(part) in _QUERIES or _EXPORT.match(part) for part in _parts(text)) and not _CHANGING.search(text)


def exported_files(text: str) -> list[str]:
    """The files that `copy (select ...) to 'out.parquet'` writes."""
    return [found for part in _WHOLE.findall(text) if _EXPORT.match(part) for found in _TARGET.findall(part)]


def reaches_outside(text: str) -> bool:
    """Whether a statement of a text does something to files or other databases."""
    return any(_first(part) in _OUTSIDE for part in _parts(text))


def _parts(text: str) -> list[str]:
    plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    plain = re.sub(r"'(?:[^']|'')*'", "''", plain)
    return [part for part in plain.split(";") if part.strip()]


def _first(part: str) -> str:
    found = re.search(r"[^\W\d]\w*", part)
    return found[0].lower() if found else ""
