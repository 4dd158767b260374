"""`nb2stage tag NOTEBOOK`: a tag for each cell of a notebook, proposed or given by hand, and written into it."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nb2stage.commands import add_command, add_common
from nb2stage.diagnostics import UsageError
from nb2stage.texts.wording import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nb2stage.console.streams import Console
    from nb2stage.reading.notebook import Cell, Notebook
    from nb2stage.tagging.proposing import Proposal, Proposed

_DESCRIPTION: Final = """\
Propose a stage for each cell of a notebook, so that `nb2stage convert` makes a pipeline of it.  Runs none of your code.

What only looks at data, and what nobody uses, stays in the notebook.  Tags that are there already are kept.  Nothing is
written without --write, but for tags that you give by hand.
"""

_EPILOG: Final = """\
examples:
  nb2stage tag explore.ipynb                       look at the proposal
  nb2stage tag explore.ipynb --write               write it into the notebook: its tags, and no other byte
  nb2stage tag explore.ipynb 17-24=clean 30=train  tag cells by hand, counted as in messages
  nb2stage tag explore.ipynb [21]=train            ... by the number in the cell's brackets
  nb2stage tag explore.ipynb "Clean up=clean"      ... all cells below a heading
  nb2stage tag explore.ipynb 17=none               take the tag of a cell away

exit codes:
  0 fine    1 something is to be mended    2 wrong usage
"""

_MOST: Final = 12
_GIVEN: Final = re.compile(r"(.+)=([\w:-]*)")


def register(commands: Any, formatter: Any) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "tag",
        run,
        help="propose a stage for each cell of a notebook, and write the tags",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("notebook", metavar="NOTEBOOK")
    add("given", nargs="*", metavar="CELLS=TAG", help="tags by hand: 17-24=clean, [21]=train, HEADING=report, 5=none")
    add("--write", action="store_true", help="write the proposed tags into the notebook")
    add(
        "--comments", action="store_true", help="write them as first lines, `#| stage: train`, for editors without tags"
    )
    add("--clear", action="store_true", help="take all tags of nb2stage out of the notebook")
    add("-i", "--interactive", action="store_true", help="ask stage by stage, then write")
    add("--stages", type=_count, metavar="N", help="propose so many stages (default: 3 to 7)")
    add("--output", metavar="DIR", help="the project folder, as for `nb2stage convert`")
    add("--json", action="store_true", help="print one JSON document and nothing else")
    add("-q", "--quiet", action="store_true", help="print errors only")
    add_common(parser)


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of stages from 1 to {_MOST}")
    return int(text)


def run(options: argparse.Namespace, console: Console) -> int:
    """Propose or write tags; the exit code."""
    from nb2stage.project.configuration import read_notebook_bytes
    from nb2stage.project.proposals import proposal_of, retagged, write_notebook
    from nb2stage.reading.notebook import read_notebook

    path = Path(options.notebook)
    if options.clear and (options.write or options.given or options.interactive):
        raise UsageError("--clear stands alone")
    if options.interactive and (options.json or sys.stdin is None or not sys.stdin.isatty()):
        raise UsageError("-i asks at a terminal; --write writes without asking")
    before = data = read_notebook_bytes(path)
    if options.clear:
        after, count = cleared(data, str(path))
        if count:
            write_notebook(path, before, after)
        return _told(
            console, options, {"cleared": count, "written": count > 0}, f"{plural(count, 'cell')} cleared in {path}"
        )
    given = assignments(read_notebook(data, str(path)), options.given)
    if given:
        data = by_hand(data, str(path), given, comments=options.comments)
        if not (options.write or options.interactive):
            write_notebook(path, before, data)
            text = f"{plural(len(given), 'cell')} tagged in {path}: reload it in Jupyter before you go on"
            return _told(console, options, {"written": True, "tagged": sorted(given)}, text)
    proposal = proposal_of(path, data, Path(options.output) if options.output else None, options.stages)
    tags = proposal.tags
    if options.interactive:
        tags = asked(proposal, console)
    written = (options.write or options.interactive) and bool(tags or data != before)
    if written:
        write_notebook(path, before, retagged(data, str(path), tags, comments=options.comments))
    if options.json:
        import json

        console.out(json.dumps(document(proposal, path, written=written), indent=2, ensure_ascii=False))
    elif not console.quiet:
        console.out(shown(proposal, path, console.width(), written=written))
    console.findings(proposal.problems)
    return 1 if proposal.problems else 0


def _told(console: Console, options: argparse.Namespace, data: Mapping[str, Any], text: str) -> int:
    if options.json:
        import json

        console.out(json.dumps({"version": 1, "ok": True, **data}, indent=2))
    elif not console.quiet:
        console.out(text)
    return 0


# -- by hand


def assignments(notebook: Notebook, given: Sequence[str]) -> dict[int, str]:
    """The code cells that are meant by `17-24=clean`, `[21]=train`, `HEADING=report`, each with its tag; "" for none."""
    found: dict[int, str] = {}
    for text in given:
        parts = _GIVEN.fullmatch(text)
        if parts is None:
            raise UsageError(f"{text!r} is no CELLS=TAG such as 17-24=clean")
        tag = "" if parts[2] in ("none", "") else parts[2]
        numbers = [number for part in _parts(parts[1]) for number in cells_meant(notebook, part)]
        codes = {cell.index for cell in notebook.cells if cell.kind == "code"}
        if not codes & set(numbers):
            raise UsageError(f"{parts[1]!r} names no code cell of {notebook.path}")
        found.update({number: full_tag(tag) for number in numbers if number in codes})
    return found


def _parts(text: str) -> list[str]:
    return text.split(",") if re.fullmatch(r"[\d\[\],\s-]+", text) else [text]


def full_tag(tag: str) -> str:
    """A tag as it is written: `stage:` before a name that is not one of nb2stage's."""
    from nb2stage.reading.tags import is_ours

    return tag if not tag or is_ours(tag) else f"stage:{tag}"


def cells_meant(notebook: Notebook, text: str) -> list[int]:
    """The cells by position, `17-24`, by the number in their brackets, `[21]`, or those below a heading."""
    text = text.strip()
    if span := re.fullmatch(r"(\d+)(?:-(\d+))?", text):
        last = int(span[2] or span[1])
        if last > len(notebook.cells):
            raise UsageError(f"there is no cell {last}: {notebook.path} has {len(notebook.cells)} cells")
        return list(range(int(span[1]), last + 1))
    if count := re.fullmatch(r"\[(\d+)\]", text):
        return [cell.index for cell in notebook.cells if cell.count == int(count[1])]
    found: list[int] = []
    level = 0
    for cell in notebook.cells:
        titles = _titles(cell)
        if level and titles and titles[0][0] <= level:
            level = 0
        level = next((depth for depth, title in titles if title.lower() == text.lower()), level)
        if level and cell.kind == "code":
            found.append(cell.index)
    return found


def _titles(cell: Cell) -> list[tuple[int, str]]:
    if cell.kind != "markdown":
        return []
    return [(len(a), b.strip(" #")) for a, b in re.findall(r"^(#{1,6})\s+(.*)$", cell.source, re.MULTILINE)]


def by_hand(data: bytes, path: str, given: Mapping[int, str], *, comments: bool) -> bytes:
    """The notebook with these tags in the place of nb2stage's own on the same cells."""
    from nb2stage.project.proposals import retagged
    from nb2stage.reading.notebook import read_notebook
    from nb2stage.reading.notebooktext import replace_sources

    cells = [cell for cell in read_notebook(data, path).cells if cell.index in given]
    old = {cell.index: own_tags(cell) for cell in cells}
    lines = {cell.index: plain for cell in cells if (plain := plain_source(cell)) != cell.source}
    if lines:
        data = replace_sources(data.decode("utf-8"), lines).encode("utf-8")
    return retagged(data, path, {n: (tag,) for n, tag in given.items() if tag}, old, comments=comments)


def plain_source(cell: Cell) -> str:
    """The source of a cell without the lines that say its tags."""
    from nb2stage.project.proposals import uncommented

    return uncommented(cell.source) if cell.kind == "code" else cell.source


def own_tags(cell: Cell) -> list[str]:
    """The tags of a cell that are nb2stage's."""
    from nb2stage.reading.tags import is_ours

    return list(filter(is_ours, cell.tags))


def cleared(data: bytes, path: str) -> tuple[bytes, int]:
    """The notebook without tags of nb2stage, and how many cells had some."""
    from nb2stage.reading.notebook import read_notebook

    tagged = [cell for cell in read_notebook(data, path).cells if own_tags(cell) or plain_source(cell) != cell.source]
    if not tagged:
        return data, 0
    return by_hand(data, path, {cell.index: "" for cell in tagged}, comments=False), len(tagged)


# -- asking


def asked(proposal: Proposal, console: Console) -> dict[int, tuple[str, ...]]:
    """The tags that a person at the terminal agrees to, stage by stage."""
    found: dict[int, tuple[str, ...]] = {}
    by_tag: dict[str, list[Proposed]] = {}
    for each in proposal.cells:
        if each.tag and not each.own:
            by_tag.setdefault(each.tag, []).append(each)
    for tag, cells in by_tag.items():
        for each in cells:
            console.err(f"  cell {each.cell.index:<3} {first_line(each.cell.source)[:60]}  ({each.why})")
        console.err(
            f"{tag}: {plural(len(cells), 'cell')}? [Enter: yes, n: leave them in the notebook, or another tag] "
        )
        line = sys.stdin.readline()
        if not line:
            raise UsageError("the answers ended before the questions: nothing was written")
        answer = line.strip()
        if answer.lower() in ("n", "no"):
            continue
        new = tag if answer.lower() in ("", "y", "yes") else full_tag(answer)
        found |= {each.cell.index: (new, *each.also) for each in cells}
    return found


# -- showing


def first_line(source: str) -> str:
    """The first line of a cell that says something."""
    lines = [line.strip() for line in source.split("\n") if line.strip()]
    return next((line for line in lines if not line.startswith("#")), lines[0] if lines else "")


def shown(proposal: Proposal, path: Path, width: int, *, written: bool) -> str:
    """The table of cells, the stages with what each hands on, and what to do next."""
    rows = [("cell", "", "tag", "why")]
    for each in proposal.cells:
        if each.cell.source.strip():
            tag = " ".join([each.tag or "-", *each.also])
            rows.append((str(each.cell.index), first_line(each.cell.source), tag, each.why))
    tags = max(len(row[2]) for row in rows)
    whys = min(44, max(len(row[3]) for row in rows))
    lines = max(20, min(width - tags - whys - 10, max(len(row[1]) for row in rows)))
    text = [
        f"{cell:>4}  {_cut(line, lines):<{lines}}  {tag:<{tags}}  {_cut(why, whys)}".rstrip()
        for cell, line, tag, why in rows
    ]
    text.append("")
    stages = proposal.hands_on()
    names = max((len(name) for name, _ in stages), default=0)
    for name, handed in stages:
        text.append(f"{name:<{names}}  hands on {', '.join(handed)}" if handed else name)
    if proposal.reason:
        text.append(f"one stage only: cut in several it is refused ({proposal.reason})")
    name = f'"{path}"' if " " in str(path) else str(path)
    if written:
        text += [
            "",
            f"written: the tags in {path}; reload it in Jupyter before you go on",
            f"next: nb2stage convert {name}",
        ]
    elif proposal.tags:
        text += ["", f"nothing was written; next: nb2stage tag {name} --write"]
        text.append("                           (or change some by hand first: nb2stage tag " + name + " 5-7=clean)")
    else:
        text += ["", "there is nothing to tag"]
    return "\n".join(text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def document(proposal: Proposal, path: Path, *, written: bool) -> dict[str, Any]:
    """The proposal for programs."""
    from nb2stage.console.report import finding_data

    return {
        "version": 1,
        "ok": not proposal.problems,
        "notebook": str(path),
        "written": written,
        "cells": [
            {"cell": p.cell.index, "tag": p.tag, "also": list(p.also), "why": p.why, "own": p.own}
            for p in proposal.cells
        ],
        "stages": [{"name": name, "hands_on": handed} for name, handed in proposal.hands_on()],
        "reason": proposal.reason,
        "diagnostics": [finding_data(finding) for finding in proposal.problems],
    }
