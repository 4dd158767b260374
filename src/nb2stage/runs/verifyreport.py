"""A verdict -> text for people, JSON for programs, a page for both."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any, Final

from nb2stage.runs.verdicts import Item, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nb2stage.diagnostics import Diagnostic

JSON_VERSION: Final = 1
_WIDEST: Final = 100


def plural(count: int, word: str) -> str:
    """`1 stage`, `2 stages`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def headline(verdict: Verdict) -> tuple[str, str]:
    """The verdict in one line, and its colour."""
    counts = {status: len(verdict.of(status)) for status in Status}
    if verdict.failure is not None:
        return f"{verdict.notebook}: could not be verified", "red"
    if counts[Status.DIFFERENT]:
        return f"{verdict.notebook}: the pipeline differs from the notebook in {counts[Status.DIFFERENT]} places", "red"
    same = f"{verdict.notebook}: the pipeline gives what the notebook gives"
    if counts[Status.UNKNOWN]:
        return f"{same} as far as it can be compared: {plural(counts[Status.UNKNOWN], 'thing')} could not be", "yellow"
    return same, "green"


def counted(verdict: Verdict) -> str:
    """How many things were compared, with what outcome."""
    total = len(verdict.items)
    parts = [f"{len(verdict.of(Status.EQUAL))} of {total} equal"]
    for status in (Status.DIFFERENT, Status.UNKNOWN, Status.UNSTABLE):
        if found := verdict.of(status):
            parts.append(f"{len(found)} {status.value}")
    return ", ".join(parts)


def place(item: Item) -> str:
    """`stage \\`train\\`, cell 5, variable \\`model\\``."""
    parts = [f"stage `{item.stage}`"] if item.stage else []
    parts += [f"cell {item.cell}" + (f":{item.line}" if item.line else "")] if item.cell else []
    return ", ".join([*parts, f"{item.kind} `{item.name}`"])


def indented(text: str) -> str:
    """A text of several lines below a line."""
    return "\n".join("  " + line for line in text.splitlines())


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns of texts; the last one is not padded."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…" for line in lines)


def item_rows(items: Sequence[Item]) -> list[list[str]]:
    """A table's rows for items: only the first line of how they differ."""
    rows = [["stage", "cell", "what", "how"]]
    for item in items:
        how = item.how.splitlines()[0] if item.how else ""
        rows.append([item.stage or "-", str(item.cell or "-"), f"{item.kind} {item.name}", how])
    return rows


def cost_rows(verdict: Verdict) -> list[list[str]]:
    """A table's rows for times and memory."""
    rows = [["stage", "notebook", "pipeline", "of that loading", "saving", "memory: notebook", "pipeline"]]
    for cost in verdict.costs:
        seconds = (cost.notebook_seconds, cost.pipeline_seconds, cost.load_seconds, cost.save_seconds)
        memory = (cost.notebook_memory, cost.pipeline_memory)
        rows.append([cost.stage, *(f"{s:.2f} s" for s in seconds), *(f"{m / 1e6:.0f} MB" for m in memory)])
    return rows


def text(verdict: Verdict, paint: Callable[[str, str], str], *, verbose: bool = False, quiet: bool = False) -> str:
    """What is printed."""
    line, color = headline(verdict)
    blocks = [paint(line, color)]
    if verdict.failure is not None:
        blocks.append(verdict.failure.render())
    if quiet:
        return "\n".join(blocks)
    blocks += [f"note: {note}" for note in verdict.notes]
    different = verdict.of(Status.DIFFERENT)
    if different:
        first, *rest = different
        blocks.append(f"{paint('first difference', 'bold')}: {place(first)}\n{indented(first.how)}")
        if rest:
            blocks.append(f"{paint('and then', 'bold')}\n{table(item_rows(rest))}")
    for status in (Status.UNSTABLE, Status.UNKNOWN, *([Status.EQUAL] if verbose else [])):
        if found := verdict.of(status):
            blocks.append(f"{paint(status.value, 'bold')}\n{table(item_rows(found))}")
    if verdict.costs:
        blocks.append(table(cost_rows(verdict)))
    if verdict.items:
        blocks.append(counted(verdict))
    if different and not verdict.of(Status.UNSTABLE):
        blocks.append("next: nb2stage verify --repeat tells what two runs of the notebook itself give differently")
    return "\n\n".join(blocks)


# -- for programs ------------------------------------------------------------------------------------------------------


def document(verdict: Verdict) -> dict[str, Any]:
    """The verdict as data; keys may be added in later versions, none is taken away."""
    return {
        "version": JSON_VERSION,
        "notebook": verdict.notebook,
        "verdict": ("equal", "different", "not run")[verdict.exit_code],
        "failure": None if verdict.failure is None else finding_document(verdict.failure),
        "notes": verdict.notes,
        "stages": verdict.stages,
        "counts": {status.value: len(verdict.of(status)) for status in Status},
        "items": [
            {
                "stage": item.stage,
                "cell": item.cell,
                "line": item.line,
                "kind": item.kind,
                "name": item.name,
                "status": item.status.value,
                "how": item.how,
            }
            for item in verdict.items
        ],
        "costs": [
            {
                "stage": cost.stage,
                "notebook_seconds": round(cost.notebook_seconds, 4),
                "pipeline_seconds": round(cost.pipeline_seconds, 4),
                "load_seconds": round(cost.load_seconds, 4),
                "save_seconds": round(cost.save_seconds, 4),
                "notebook_memory": cost.notebook_memory,
                "pipeline_memory": cost.pipeline_memory,
            }
            for cost in verdict.costs
        ],
        "seconds": {name: round(value, 3) for name, value in verdict.seconds.items()},
    }


def json_text(verdict: Verdict) -> str:
    """The verdict as a JSON document."""
    return json.dumps(document(verdict), indent=2, ensure_ascii=False)


def json_of_errors(notebook: str, findings: Sequence[Diagnostic]) -> str:
    """The document where nothing could be run."""
    data = {
        "version": JSON_VERSION,
        "notebook": notebook,
        "verdict": "not run",
        "diagnostics": [finding_document(finding) for finding in findings],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def finding_document(finding: Diagnostic) -> dict[str, Any]:
    """A finding as data."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "hint": finding.hint,
        "path": finding.path,
        "stage": finding.stage,
        "cell": finding.cell,
        "line": finding.line,
    }


# -- the page ----------------------------------------------------------------------------------------------------------

_STYLE: Final = """\
:root { color-scheme: light dark; --good: #1a7f37; --bad: #cf222e; --unsure: #9a6700; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .75rem .25rem 0;
  border-bottom: 1px solid #8884; vertical-align: top; }
pre { margin: 0; white-space: pre-wrap; font: 13px/1.4 ui-monospace, monospace; }
.good { color: var(--good); } .bad { color: var(--bad); } .unsure { color: var(--unsure); }
svg text { font: 13px system-ui, sans-serif; fill: currentColor; }
"""
_CLASSES: Final = {
    Status.EQUAL: "good",
    Status.DIFFERENT: "bad",
    Status.UNKNOWN: "unsure",
    Status.UNSTABLE: "unsure",
}

_COLORS: Final = {"green": "good", "yellow": "unsure", "red": "bad"}


def page(verdict: Verdict) -> str:
    """The verdict as one page that needs nothing else."""
    line, color = headline(verdict)
    parts = [f'<h1 class="{_COLORS[color]}">{html.escape(line)}</h1>']
    if verdict.items:
        parts.append(f"<p>{html.escape(counted(verdict))}</p>")
    if verdict.failure is not None:
        parts.append(f"<pre>{html.escape(verdict.failure.render())}</pre>")
    parts += [f"<p>{html.escape(note)}</p>" for note in verdict.notes]
    parts += ["<h2>The stages</h2>", picture(verdict)]
    if different := verdict.of(Status.DIFFERENT):
        parts.append("<h2>First difference</h2>")
        parts.append(f"<p>{html.escape(place(different[0]))}</p><pre>{html.escape(different[0].how)}</pre>")
    for status in (Status.DIFFERENT, Status.UNSTABLE, Status.UNKNOWN, Status.EQUAL):
        if found := verdict.of(status):
            parts += [f'<h2 class="{_CLASSES[status]}">{status.value.capitalize()}</h2>', _items(found)]
    if verdict.costs:
        parts += ["<h2>Time and memory</h2>", _table(cost_rows(verdict))]
    body = "\n".join(parts)
    title = html.escape(f"{verdict.notebook}: verify")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>\n{_STYLE}</style>\n{body}\n</html>\n"
    )


def _items(items: Sequence[Item]) -> str:
    rows = [["stage", "cell", "what", "how"]]
    rows += [[i.stage or "-", str(i.cell or "-"), f"{i.kind} {i.name}", i.how] for i in items]
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    body = "\n".join(
        "<tr>" + "".join(f"<td><pre>{html.escape(cell)}</pre></td>" for cell in row) + "</tr>" for row in rows[1:]
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def status_of_stage(verdict: Verdict, stage: str) -> str:
    """The colour of a stage's boundary: red where something differs, green where all that was compared is equal."""
    items = [item for item in verdict.items if item.stage == stage]
    if any(item.status is Status.DIFFERENT for item in items):
        return "bad"
    return "good" if items else "unsure"


def picture(verdict: Verdict) -> str:
    """The stages from top to bottom with what they hand on, as SVG; the frame of a stage is its boundary's colour."""
    step, left, width, height = 64, 16, 180, 36
    rows = {stage: number for number, stage in enumerate(verdict.stages)}
    shapes: list[str] = []
    for number, (source, target, names) in enumerate(verdict.edges):
        bad = any(
            item.stage == source and item.status is Status.DIFFERENT and item.name in {n.strip("<>") for n in names}
            for item in verdict.items
        )
        top, bottom = rows[source] * step + height / 2 + 8, rows[target] * step + height / 2 + 8
        bend = left + width + 24 + 18 * (number % 6) + 10 * abs(rows[target] - rows[source])
        color = "bad" if bad else status_of_stage(verdict, source).replace("bad", "good")
        title = html.escape(f"{source} → {target}: {', '.join(n.strip('<>') for n in names)}")
        shapes.append(
            f'<path class="{color}" d="M{left + width} {top} C{bend} {top} {bend} {bottom} {left + width} {bottom}" '
            f'fill="none" stroke="currentColor" stroke-width="2"><title>{title}</title></path>'
        )
    for stage, row in rows.items():
        top = row * step + 8
        shapes.append(
            f'<g class="{status_of_stage(verdict, stage)}"><rect x="{left}" y="{top}" width="{width}" '
            f'height="{height}" rx="6" fill="none" stroke="currentColor" stroke-width="2"/></g>'
            f'<text x="{left + 12}" y="{top + 23}">{html.escape(stage)}</text>'
        )
    tall = len(rows) * step
    return f'<svg viewBox="0 0 520 {tall}" width="520" height="{tall}" role="img">{"".join(shapes)}</svg>'
