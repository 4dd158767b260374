"""Plots of several columns -> the list `plots:` at the top level of dvc.yaml: a stage's own plots have one column.

Existing text is spliced, as `dvcyaml` does it: what the user has written there stays to the byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nb2stage.texts.yamltext import (
    content_end,
    entry_lines,
    insertion,
    line_end,
    line_start,
    read_yaml,
    same,
    splice,
    stop,
    yaml_nodes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nb2stage.texts.yamltext import Edit

_HINT: Final = "write it in block style, one `- path:` on a line"


def merge_top_plots(
    text: str, wanted: Mapping[str, Mapping[str, Any]], known: Mapping[str, Any], path: str = "dvc.yaml"
) -> str:
    """The text with the wanted plots in it, by path.

    What the user has changed or taken out of the `known` ones, which we wrote last time, stays so.
    """
    data = read_yaml(text, path, "NB601") or {}
    entries = data.get("plots")
    there = {_id(entry): entry[_id(entry)] if isinstance(entry, dict) else None for entry in entries or ()}
    stays = {name for name, flags in there.items() if name not in known or not same(flags, known[name])}
    new = {n: dict(flags) for n, flags in wanted.items() if n not in stays and (n in there or n not in known)}
    gone = [name for name in there if name in known and name not in wanted and name not in stays]
    changed = [name for name in new if name in there and not same(there[name], new[name])]
    added = [line for name in new if name not in there for line in _lines(name, new[name])]
    if not (gone or changed or added):
        return text
    root = yaml_nodes(text)
    key, value = next(((k, v) for k, v in root.value if k.value == "plots"), (None, None)) if root else (None, None)
    edits: list[Edit] = []
    if key is None or value is None:
        return splice(text, [insertion(text, len(text), ["plots:", *added], 0)])
    if not entries:
        edits.append((line_start(text, key.start_mark.index), _end(text, value), ""))
        return splice(text, [*edits, insertion(text, len(text), ["plots:", *added], 0)])
    if value.flow_style or value.start_mark.index < key.start_mark.index:
        raise stop("NB602", path, key.start_mark.line, "`plots` is not written in block style", _HINT)
    if len(gone) == len(there) and not added:
        return splice(text, [(line_start(text, key.start_mark.index), _end(text, value), "")])
    column = text[line_start(text, value.value[0].start_mark.index) :].index("-")
    for node, name in zip(value.value, there, strict=True):
        start, end = line_start(text, node.start_mark.index), _end(text, node)
        if name in gone:
            edits.append((start, end, ""))
        elif name in changed:
            edits.append((start, end, insertion(text, start, _lines(name, new[name]), column)[2]))
    if added:
        edits.append(insertion(text, _end(text, value), added, column))
    return splice(text, edits)


def _id(entry: Any) -> str:
    return str(next(iter(entry))) if isinstance(entry, dict) and entry else str(entry)


def _lines(name: str, flags: Mapping[str, Any]) -> list[str]:
    first, *rest = plain_y(entry_lines(name, dict(flags)))
    return [f"- {first}", *(f"  {line}" for line in rest)]


def plain_y(lines: list[str]) -> list[str]:
    """The lines with `y:` as DVC writes it, though YAML 1.1 has a `y` that means yes."""
    return [line.replace("'y':", "y:", 1) if line.lstrip().startswith("'y':") else line for line in lines]


def _end(text: str, node: Any) -> int:
    return line_end(text, content_end(text, node))
