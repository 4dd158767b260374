"""What a conversion has made, as text for people and as data for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.texts.wording import json_value, quoted, spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nb2stage.conversion import Conversion
    from nb2stage.files.writer import Change
    from nb2stage.planning.stageplan import StagePlan

JSON_VERSION: Final = 1
_WIDEST: Final = 100
_NARROWEST_COLUMN: Final = 16
_GAP: Final = "  "
_HEADINGS: Final = ("stage", "cells", "loads", "saves", "parameters", "metrics, figures")
_SEVERITIES: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_VERBS: Final = {"create": "written", "update": "updated", "merge": "merged", "delete": "deleted"}
_PLANNED: Final = {
    "create": "would be written",
    "update": "would be updated",
    "merge": "would be merged",
    "delete": "would be deleted",
}


class Result(NamedTuple):
    """One run of `nb2stage convert`: the notebooks with their conversions, and all changes."""

    project: str
    conversions: Sequence[tuple[str, Conversion]]
    changes: Sequence[Change]
    diagnostics: Sequence[Diagnostic]
    written: bool
    commands: Sequence[str]
    before: Mapping[str, Mapping[str, object]] = {}  # notebook -> its stages as they were converted last


# -- findings --------------------------------------------------------------------------------------------------------


def diagnostic_text(finding: Diagnostic, paint: Callable[[str, str], str]) -> str:
    """A finding with its code in the colour of its severity."""
    return finding.render().replace(finding.code, paint(finding.code, _SEVERITIES[finding.severity]), 1)


def count_text(findings: Sequence[Diagnostic], shown: int, *, refused: bool) -> str:
    """How many findings there are, where it is not one alone, and whether some are not shown."""
    counts = [(severity, sum(f.severity is severity for f in findings)) for severity in Severity]
    named = [f"{n} {severity.value}{'s' * (n > 1)}" for severity, n in counts if n]
    if not named or (len(findings) == 1 and not refused and shown):
        return ""
    text = ", ".join(named)
    folded = len(findings) - shown
    if refused:
        return text + " (-v shows all)" * bool(folded) + "; nothing was written"
    return text + f"; {folded} as last time, shown with -v" * bool(folded)


def diff_text(changes: Iterable[Change], paint: Callable[[str, str], str]) -> str:
    """All changes as one unified diff."""
    styles = {"+": "green", "-": "red", "@": "cyan"}
    lines = "".join(change.diff() for change in changes if change.kind != "unchanged").split("\n")
    return "\n".join(paint(line, styles[line[0]]) if line[:1] in styles else line for line in lines)


# -- the table of stages ---------------------------------------------------------------------------------------------


def loads_of(plan: StagePlan) -> list[str]:
    """The names that a stage gets from earlier stages, and the files that it reads."""
    names = [name for file in plan.loads for name in file.consumers[plan.name]]
    return [name.strip("<>") for name in dict.fromkeys(names)] + plan.reads


def saves_of(plan: StagePlan) -> list[str]:
    """The names that a stage hands on, and the files that it writes."""
    names = [name for file in plan.saves for name in file.transfer.names]
    return [name.strip("<>") for name in dict.fromkeys(names)] + [
        o.path for o in plan.outs if o.path not in (plan.report, plan.pages, *plan.top_plots)
    ]


def shown_of(plan: StagePlan) -> list[str]:
    """The metrics, figures and other plots that a stage writes, and the report."""
    paths = [out.path + "/" * (out.path == plan.figures) for out in (*plan.metrics, *plan.plots)]
    paths += [plan.pages + "/"] if plan.pages else []
    return [*paths, *plan.top_plots, *([plan.report] if plan.report else [])]


def table(plans: Sequence[StagePlan], width: int = _WIDEST) -> str:
    """One row for each stage; columns that are empty throughout are left out."""
    rows = [
        [
            [p.name],
            [spans(cell.index for cell in p.cells)],
            loads_of(p),
            saves_of(p),
            [q.name for q in p.params],
            shown_of(p),
        ]
        for p in plans
    ]
    kept = [i for i in range(len(_HEADINGS)) if any(row[i] for row in rows)]
    cells = [[[_HEADINGS[i]] for i in kept], *([row[i] for i in kept] for row in rows)]
    widths = _widths(
        [[max(len(", ".join(row[i])) for row in cells), _longest(row[i] for row in cells)] for i in range(len(kept))],
        width,
    )
    return "\n".join(line for row in cells for line in _row_lines(row, widths))


def _longest(column: Iterable[Sequence[str]]) -> int:
    return max((len(item) + 1 for row in column for item in row), default=0)


def _widths(wanted: Sequence[Sequence[int]], width: int) -> list[int]:
    """Widths that fit: the widest column gives way first, but none splits an item."""
    widths = [full for full, _ in wanted]
    least = [min(full, longest) for full, longest in wanted]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room:
        able = [i for i in range(len(widths)) if widths[i] > max(least[i], _NARROWEST_COLUMN)]
        if not able:
            break
        widths[max(able, key=lambda i: widths[i])] -= 1
    return widths


def _row_lines(row: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    columns = [_wrapped(items, width) for items, width in zip(row, widths, strict=True)]
    height = max(len(column) for column in columns)
    return [
        _GAP.join(
            (column[i] if i < len(column) else "").ljust(width) for column, width in zip(columns, widths, strict=True)
        ).rstrip()
        for i in range(height)
    ]


def _wrapped(items: Sequence[str], width: int) -> list[str]:
    lines = [""]
    for number, item in enumerate(items):
        text = item + "," * (number < len(items) - 1)
        if not lines[-1]:
            lines[-1] = text
        elif len(lines[-1]) + 1 + len(text) <= width:
            lines[-1] += " " + text
        else:
            lines.append(text)
    return lines


# -- the whole text --------------------------------------------------------------------------------------------------


def summary(result: Result, paint: Callable[[str, str], str], *, verbose: bool, width: int) -> str:
    """What is printed after a conversion: a table for each notebook, the files, and what to do next."""
    blocks = []
    touched = {change.path for change in result.changes if change.kind != "unchanged"}
    for notebook, conversion in result.conversions:
        blocks.append(stages_text(notebook, conversion, result, paint, verbose=verbose, width=width))
        if verbose and conversion.unused_params:
            names = ", ".join(conversion.unused_params)
            blocks.append(f"parameters that no stage reads, left out of params.yaml: {names}")
        if conversion.requirements and (verbose or "requirements.txt" in touched):
            blocks.append(
                f"the notebook installs {', '.join(conversion.requirements)}: listed in requirements.txt, "
                "the pipeline does not install it"
            )
    blocks += [files_text(result, verbose=verbose, width=width), missed_text(result), next_text(result)]
    return "\n\n".join(block for block in blocks if block)


def stages_text(
    notebook: str,
    conversion: Conversion,
    result: Result,
    paint: Callable[[str, str], str],
    *,
    verbose: bool,
    width: int,
) -> str:
    """A row for each stage; after the first conversion for each that has changed."""
    plans = conversion.stages
    count = len(plans)
    head = f"{notebook}: {count} {'stage' if count == 1 else 'stages'}"
    before = result.before.get(notebook)
    if before and not verbose:
        now = conversion.state.of(notebook).stages
        touched = {change.path for change in result.changes if change.kind != "unchanged"}
        plans = [plan for plan in plans if plan.script in touched or before.get(plan.name) != now.get(plan.name)]
        head += f", {len(plans) or 'none'} changed"
    if not plans:
        return paint(head, "bold")
    heading, _, rest = table(plans, width).partition("\n")
    return f"{paint(head, 'bold')}\n\n{paint(heading, 'bold')}\n{rest}"


def files_text(result: Result, *, verbose: bool, width: int) -> str:
    """Which files were written, or would be."""
    verbs = _VERBS if result.written else _PLANNED
    lines = [_listed(verb, paths, width) for kind, verb in verbs.items() if (paths := _paths(result, kind))]
    unchanged = _paths(result, "unchanged")
    if not lines:
        lines.append(f"nothing to do: {_files(unchanged)} up to date")
    elif unchanged and not verbose:
        lines.append(f"unchanged: {_files(unchanged)}")
    if unchanged and verbose:
        lines.append(_listed("unchanged", unchanged, width))
    return "\n".join(lines)


def _listed(verb: str, paths: Sequence[str], width: int) -> str:
    first, *others = _wrapped(paths, width - len(verb) - 2)
    return "\n".join([f"{verb}: {first}", *(" " * (len(verb) + 2) + line for line in others)])


def _files(paths: Sequence[str]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths)} files"


def _paths(result: Result, kind: str) -> list[str]:
    return [change.path for change in result.changes if change.kind == kind]


def missed_text(result: Result) -> str:
    """After a first conversion: how to get parameters and metrics, where no cell is tagged for them."""
    new = [conversion.stages for notebook, conversion in result.conversions if notebook not in result.before]
    plans = [plan for stages in new for plan in stages]
    if not plans or not result.written:
        return ""
    ways = {
        "parameters": "" if any(p.params for p in plans) else "the cell of literals such as `C = 0.1` `parameters`",
        "metrics": "" if any(p.metrics for p in plans) else "the cell that computes the scores `metrics` as well",
    }
    lacking = {name: way for name, way in ways.items() if way}
    return f"no {' and no '.join(lacking)}: tag {', '.join(lacking.values())}" if lacking else ""


def next_text(result: Result) -> str:
    """The commands that come next."""
    if not result.commands:
        return ""
    first, *others = result.commands
    return "\n".join([f"next: {first}", *(f"      {command}" for command in others)])


def next_commands(
    missing: Sequence[str], folder: str, plans: Sequence[StagePlan], notebooks: Sequence[str] = ()
) -> list[str]:
    """What to type now: set git and DVC up where needed, run the pipeline, look at the metrics, prove it."""
    commands = [f"cd {quoted(folder)}"] if folder != "." else []
    commands += [*missing, "dvc repro"]
    if any(plan.metrics for plan in plans):
        commands.append("dvc metrics show")
    return commands + [f"nb2stage verify {quoted(path)}" for path in notebooks[:1]]


# -- for programs ----------------------------------------------------------------------------------------------------


def document(result: Result) -> dict[str, Any]:
    """The result as data; keys may be added in later versions, none is taken away."""
    return {
        "version": JSON_VERSION,
        "ok": not any(finding.severity is Severity.ERROR for finding in result.diagnostics),
        "written": result.written,
        "project": result.project,
        "notebooks": [
            {
                "path": path,
                "stages": [_stage(plan) for plan in conversion.stages],
                "unused_params": list(conversion.unused_params),
                "requirements": list(conversion.requirements),
            }
            for path, conversion in result.conversions
        ],
        "files": [{"path": change.path, "change": change.kind} for change in result.changes],
        "diagnostics": [finding_data(finding) for finding in result.diagnostics],
        "next": list(result.commands),
    }


def _stage(plan: StagePlan) -> dict[str, Any]:
    entry = plan.dvc_stage()
    return {
        "name": plan.name,
        "script": plan.script,
        "cmd": entry.cmd,
        "cells": [cell.index for cell in plan.cells],
        "loads": [
            {"path": file.path, "from": file.source, "names": list(file.consumers[plan.name])} for file in plan.loads
        ],
        "saves": [
            {"path": file.path, "to": sorted(file.consumers), "names": list(file.transfer.names)} for file in plan.saves
        ],
        "params": [{"name": param.name, "key": param.key, "value": json_value(param.value)} for param in plan.params],
        "deps": list(entry.deps),
        "outs": [out.path for out in entry.outs],
        "metrics": [out.path for out in entry.metrics],
        "plots": [out.path for out in entry.plots],
    }


def finding_data(finding: Diagnostic) -> dict[str, Any]:
    """A finding as data."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "hint": finding.hint,
        "path": finding.path,
        "cell": finding.cell,
        "line": finding.line,
        "column": finding.column,
        "stage": finding.stage,
        "source": finding.source,
        "cells": [note._asdict() for note in finding.cells],
    }
