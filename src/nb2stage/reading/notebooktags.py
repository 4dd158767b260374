"""Other tags in the text of a notebook, everything else to the byte: outputs, ids, layout, order of keys, line ends.

What is added is written so that taking it away again gives the text that was there before:

    "metadata": {}            "metadata": {            a list of its own line by line: the key goes with its last tag
                               "tags": [
                                "train"
                               ]
                              }
    "tags": []                "tags": ["train"]        right behind the bracket: the list stays when it is empty
    no metadata at all        "metadata": {"tags" : ["train"]},
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.reading.notebooktext import items, members

_MARGIN: Final = re.compile(r"[ \t\r\n]*\Z")
_ADDED_WHOLE: Final = '{"tags" : ['

Span = tuple[int, int]
Edit = tuple[int, int, str]


def with_tags(
    text: str, path: str, added: Mapping[int, Sequence[str]], removed: Mapping[int, Sequence[str]] | None = None
) -> str:
    """The text of a notebook of format 4 in which cells, by their 1-based index, have more tags, or some less.

    Raises `Nb2stageError` where the file is too odd for that: keys that stand twice, tags that are no list.
    """
    removed = removed or {}
    start = text.index("{")
    top = _unique(text, start, path, None)
    if "cells" not in top:
        raise _odd(path, None, "it has an old format", "open it in Jupyter and save it: that gives it format 4")
    for index, (begin, _) in enumerate(items(text, top["cells"][0]), start=1):
        if index in removed or index in added:
            _unique(text, begin, path, index)
    old = json.loads(text.removeprefix("\ufeff"), strict=False)
    new = text
    for change, tags in ((_removal, removed), (_addition, added)):
        if tags:
            cells = _unique(new, new.index("{"), path, None)["cells"][0]
            spans = list(items(new, cells))
            edits: list[Edit] = []
            for index, words in tags.items():
                if words:
                    edits += change(new, spans[index - 1][0], list(words), path, index)
            for first, last, put in sorted(edits, reverse=True):
                new = new[:first] + put + new[last:]
    made = json.loads(new.removeprefix("\ufeff"), strict=False)
    if _without_tags(made) != _without_tags(old):
        raise _odd(path, None, "the edit would change more than tags", "open it in Jupyter and save it")
    return new


def _without_tags(notebook: Any) -> Any:
    for cell in notebook["cells"]:
        if isinstance(cell.get("metadata"), dict):
            cell["metadata"].pop("tags", None)
        if cell.get("metadata") in ({}, None):
            cell.pop("metadata", None)
    return notebook


def _odd(path: str, cell: int | None, message: str, hint: str) -> Nb2stageError:
    return Nb2stageError(Diagnostic("NB102", f"its tags cannot be edited: {message}", hint, path=path, cell=cell))


def _unique(text: str, start: int, path: str, cell: int | None) -> dict[str, Span]:
    """The keys of an object with the places of their values."""
    found: dict[str, Span] = {}
    for key, span in members(text, start):
        if key in found:
            message = f"the key `{key}` stands twice, and programs differ in which one they take"
            raise _odd(path, cell, message, "open it in Jupyter and save it")
        found[key] = span
    return found


def _margin(text: str, place: int) -> str:
    """The white space before a place."""
    found = _MARGIN.search(text, 0, place)
    return found[0] if found else ""


def _key_start(text: str, value: int, key: str) -> int:
    """Where the key of a value begins."""
    return text.rindex(json.dumps(key), 0, value)


def _list(text: str, place: Span, path: str, cell: int) -> list[Span]:
    """The items of the list of tags at a place."""
    if text[place[0]] != "[":
        raise _odd(path, cell, "`tags` is no list", "open it in Jupyter and save it")
    return list(items(text, place[0]))


# -- adding


def _addition(text: str, start: int, words: Sequence[str], path: str, cell: int) -> list[Edit]:
    """What puts tags behind those that a cell has."""
    keys = _unique(text, start, path, cell)
    tags = [json.dumps(word) for word in words]
    if "metadata" not in keys:
        first = min(keys.values())[0]
        name = next(key for key, span in keys.items() if span[0] == first)
        begin = _key_start(text, first, name)
        margin = _margin(text, begin)
        return [(begin, begin, f'"metadata": {_ADDED_WHOLE}{", ".join(tags)}]}},{margin or " "}')]
    begin, end = keys["metadata"]
    if text[begin] != "{":
        raise _odd(path, cell, "`metadata` is no object", "open it in Jupyter and save it")
    inner = _unique(text, begin, path, cell)
    if "tags" in inner:
        return _append(text, inner["tags"], tags, path, cell)
    outer = _margin(text, _key_start(text, begin, "metadata"))
    step = outer[len(_margin(text, start)) :] if outer.startswith(_margin(text, start)) else " "
    if not inner:
        blank = text[begin + 1 : end - 1]
        if blank:
            return [(begin + 1, begin + 1, f' "tags": [{", ".join(tags)}]')]
        if "\n" not in outer:
            return [(begin + 1, begin + 1, f'"tags": [ {", ".join(tags)}]')]
        return [(begin + 1, begin + 1, f'{outer}{step}"tags": {_lines(tags, outer + step, step)}{outer}')]
    names = list(inner)
    first_key = _key_start(text, inner[names[0]][0], names[0])
    margin = _margin(text, first_key)
    value = _lines(tags, margin, step) if "\n" in margin else f"[ {', '.join(tags)}]"
    later = next((name for name in names if name > "tags"), None)
    if later is not None and names == sorted(names):
        place = _key_start(text, inner[later][0], later)
        between = _margin(text, place)
        return [(place, place, f'"tags": {value},{between}')]
    last = inner[names[-1]][1]
    gap = margin if "\n" in margin or len(names) == 1 else _margin(text, _key_start(text, inner[names[1]][0], names[1]))
    return [(last, last, f',{gap or " "}"tags": {value}')]


def _lines(tags: Sequence[str], margin: str, step: str) -> str:
    """A list as Jupyter writes it, below a key with a margin."""
    return "[" + ",".join(f"{margin}{step}{tag}" for tag in tags) + f"{margin}]"


def _append(text: str, place: Span, tags: Sequence[str], path: str, cell: int) -> list[Edit]:
    there = _list(text, place, path, cell)
    if not there:
        return [(place[0] + 1, place[0] + 1, ", ".join(tags))]
    gap = _margin(text, there[0][0]) if len(there) == 1 else _margin(text, there[1][0])
    gap = gap if "\n" in gap else " "
    return [(there[-1][1], there[-1][1], "".join(f",{gap}{tag}" for tag in tags))]


# -- taking away


def _removal(text: str, start: int, words: Sequence[str], path: str, cell: int) -> list[Edit]:
    """What takes tags from a cell, and with the last one the key, unless it stood there before."""
    keys = _unique(text, start, path, cell)
    begin, end = keys.get("metadata", (0, 0))
    inner = _unique(text, begin, path, cell) if end and text[begin] == "{" else {}
    if "tags" not in inner:
        return []
    place = inner["tags"]
    there = _list(text, place, path, cell)
    gone = [json.loads(text[first:last]) in words for first, last in there]
    if not any(gone):
        return []
    if not all(gone):
        return _shortened(there, gone)
    if text.startswith(_ADDED_WHOLE, begin):
        first = _key_start(text, begin, "metadata")
        names = list(keys)
        after = names[names.index("metadata") + 1 :]
        return [(first, _key_start(text, keys[after[0]][0], after[0]), "")] if after else [(begin, end, "{}")]
    key = _key_start(text, place[0], "tags")
    is_ours = there[0][0] > place[0] + 1 or (len(inner) == 1 and text[begin + 1 : key] == " ")
    if not is_ours:
        return [(there[0][0], there[-1][1], "")]
    if len(inner) == 1:
        return [(begin + 1, place[1] if text[begin + 1 : key] == " " else end - 1, "")]
    names = list(inner)
    at = names.index("tags")
    if at + 1 < len(names):
        return [(key, _key_start(text, inner[names[at + 1]][0], names[at + 1]), "")]
    return [(inner[names[at - 1]][1], place[1], "")]


def _shortened(there: Sequence[Span], gone: Sequence[bool]) -> list[Edit]:
    """What takes some items out of a list, each with the comma on its side to an item that stays."""
    kept = gone.index(False)
    edits: list[Edit] = []
    for i, is_gone in enumerate(gone):
        if is_gone:
            edits.append((there[i][0], there[i + 1][0], "") if i < kept else (there[i - 1][1], there[i][1], ""))
    return edits
