"""A verdict -> text for people, JSON for programs, a page for both."""

from __future__ import annotations

import base64
import html
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from nb2stage.runs.verdicts import Item, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nb2stage.diagnostics import Diagnostic

JSON_VERSION: Final = 1
_WIDEST: Final = 100
_MOST_STAGES: Final = 4  # that are named in one row
_MOST_NAMED: Final = 2  # things that the verdict names


def headline(verdict: Verdict) -> tuple[str, str]:
    """The verdict in one line, and its colour."""
    counts = {status: len(verdict.of(status)) for status in Status}
    if verdict.failure is not None:
        return f"{verdict.notebook}: could not be verified", "red"
    if counts[Status.DIFFERENT]:
        return f"{verdict.notebook}: the pipeline differs from the notebook in {counts[Status.DIFFERENT]} places", "red"
    same = f"{verdict.notebook}: the pipeline gives what the notebook gives"
    if unknown := things(verdict.of(Status.UNKNOWN)):
        named = " and ".join(unknown) if len(unknown) <= _MOST_NAMED else f"{len(unknown)} things"
        return f"{same}, as far as it can be compared: {named} could not be", "yellow"
    return same, "green"


def things(items: Sequence[Item]) -> list[str]:
    """What was compared, each once: the same settings of five stages are one thing."""
    return list(dict.fromkeys(f"{item.kind} {item.name}" for item in items))


_SHORT: Final = {Status.CLOCK: "wall-clock times"}


def counted(verdict: Verdict) -> str:
    """How many things were compared, with what outcome."""
    unknown = verdict.of(Status.UNKNOWN)
    total = len(verdict.items) - len(unknown) + len(things(unknown))
    parts = [f"{len(verdict.of(Status.EQUAL))} of {total} equal"]
    for status in (Status.DIFFERENT, Status.UNKNOWN, Status.CLOCK, Status.UNSTABLE):
        if found := verdict.of(status):
            count = len(things(found)) if status is Status.UNKNOWN else len(found)
            parts.append(f"{count} {_SHORT.get(status, status.value)}")
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


def item_rows(items: Sequence[Item], *, whole: bool = False) -> list[list[str]]:
    """A table's rows for items, with the first line of how they differ or the `whole` of it.

    What is the same in several stages is one row: `import, train` or `5 stages`.
    """
    groups: dict[tuple[int | None, str, str, str, str], list[str]] = {}
    for item in items:
        how = item.how if whole else item.how.partition("\n")[0]
        # Of what differs, each stage has its own line: one difference brings forth the next.
        own = item.stage if item.status is Status.DIFFERENT else ""
        groups.setdefault((item.cell, item.kind, item.name, how, own), []).append(item.stage)
    rows = [["stage", "cell", "what", "how"]]
    for (cell, kind, name, how, _), stages in groups.items():
        where = ", ".join(stages) if len(stages) < _MOST_STAGES else f"{len(stages)} stages"
        rows.append([where or "-", str(cell or "-"), f"{kind} {name}", how])
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
    for status in (Status.CLOCK, Status.UNSTABLE, Status.UNKNOWN, *([Status.EQUAL] if verbose else [])):
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

_CLASSES: Final = {
    Status.EQUAL: "good",
    Status.DIFFERENT: "bad",
    Status.UNKNOWN: "unsure",
    Status.CLOCK: "unsure",
    Status.UNSTABLE: "unsure",
}
_COLORS: Final = {"green": "good", "yellow": "unsure", "red": "bad"}
_TYPES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
_ROOM: Final = 12_000_000  # bytes of pictures; equal ones go without first


def page(verdict: Verdict, graph: str = "") -> str:
    """The verdict as one page that needs nothing else; `graph` is the pipeline as SVG."""
    line, color = headline(verdict)
    head = [f'<h1 class="{_COLORS[color]}">{html.escape(line)}</h1>']
    if verdict.items:
        head.append(f'<p class="soft">{html.escape(counted(verdict))}</p>')
    if verdict.failure is not None:
        head.append(f'<pre class="box">{html.escape(verdict.failure.render())}</pre>')
    head += [f'<p class="soft">{html.escape(note)}</p>' for note in verdict.notes]
    if different := verdict.of(Status.DIFFERENT):
        head.append(f"<p>First difference: {html.escape(place(different[0]))}</p>")
        head.append(f'<pre class="box">{html.escape(different[0].how)}</pre>')
    parts = ["\n".join(head)]
    if len(different) > 1:
        parts.append(f'<h2 class="bad">Different</h2>{_items(different)}')
    if pairs := _pairs(verdict):
        parts.append(f"<h2>Figures</h2>{pairs}")
    if graph:
        words = "Red: something of the stage differs. Green: all that was compared is equal."
        parts.append(
            f'<h2>The pipeline</h2><p class="soft">{words}</p><div class="graph">{_coloured(graph, verdict)}</div>'
        )
    for status in (Status.CLOCK, Status.UNSTABLE, Status.UNKNOWN, Status.EQUAL):
        if found := verdict.of(status):
            title = f'<summary class="{_CLASSES[status]}">{len(found)} {html.escape(status.value)}</summary>'
            # Nobody reads what is equal, but may want to know whether something is among it.
            is_open = "" if status is Status.EQUAL else " open"
            parts.append(f"<details{is_open}>{title}{_items(found)}</details>")
    if verdict.costs:
        parts.append(f"<h2>Time and memory</h2>{_table(cost_rows(verdict), 'costs')}")
    body = "\n".join(f"<section>{part}</section>" for part in parts)
    title = html.escape(f"{verdict.notebook}: verify")
    style = (files("nb2stage") / "templates" / "verify.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>\n{style}</style>\n<main>\n{body}\n</main>\n</html>\n"
    )


def _items(items: Sequence[Item]) -> str:
    return _table(item_rows(items, whole=True))


def _table(rows: Sequence[Sequence[str]], kind: str = "") -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    last = len(rows[0]) - 1
    body = "\n".join(
        "<tr>"
        + "".join(
            f"<td><pre>{html.escape(cell)}</pre></td>"
            if n == last and not kind
            else f"<td{' class=name' * (n == last - 1 and not kind)}>{html.escape(cell)}</td>"
            for n, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows[1:]
    )
    return f'<div class="scroll"><table class="{kind}">\n<tr>{head}</tr>\n{body}\n</table></div>'


def _pairs(verdict: Verdict) -> str:
    """The pictures of both, side by side: those that differ first."""
    items = [item for item in verdict.items if (item.stage, item.name) in verdict.pictures]
    items.sort(key=lambda item: item.status is Status.EQUAL)
    room, parts = _ROOM, []
    for item in items:
        pair = verdict.pictures[item.stage, item.name]
        room -= len(pair.notebook or b"") + len(pair.pipeline or b"")
        status = (
            f'<span class="{_CLASSES[item.status]}">{html.escape(_SHORT.get(item.status, item.status.value))}</span>'
        )
        how = f", {html.escape(item.how.partition(chr(10))[0])}" if item.how else ""
        cell = f", cell {item.cell}" if item.cell else ""
        head = f"<h3>{html.escape(item.name)}: stage {html.escape(item.stage or '-')}{cell}, {status}{how}</h3>"
        if room < 0:
            parts.append(f'<div class="pair">{head}<p class="soft">not in this page, which has many pictures</p></div>')
            continue
        sides = (("notebook", pair.notebook), ("pipeline", pair.pipeline))
        figures = "".join(_figure(side, data, pair.suffix) for side, data in sides)
        parts.append(f'<div class="pair {_CLASSES[item.status]}">{head}{figures}</div>')
    return "\n".join(parts)


def _figure(side: str, data: bytes | None, suffix: str) -> str:
    if data is None:
        return f'<figure><figcaption>{side}</figcaption><p class="soft">none</p></figure>'
    source = f"data:{_TYPES.get(suffix, 'image/png')};base64,{base64.b64encode(data).decode()}"
    return f'<figure><figcaption>{side}</figcaption><img alt="{side}" src="{source}"></figure>'


def status_of_stage(verdict: Verdict, stage: str) -> str:
    """The colour of a stage's frame: red where something differs, green where all that was compared is equal."""
    items = [item for item in verdict.items if item.stage == stage]
    if any(item.status is Status.DIFFERENT for item in items):
        return "bad"
    return "good" if items else "unsure"


def _coloured(graph: str, verdict: Verdict) -> str:
    """The graph with the verdict on each of its stages."""
    for stage in verdict.stages:
        mark = f'data-stage="{html.escape(stage)}"'
        graph = graph.replace(f'<g class="stage" {mark}', f'<g class="stage {status_of_stage(verdict, stage)}" {mark}')
    return graph
