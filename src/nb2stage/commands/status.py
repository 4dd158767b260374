"""`nb2stage status`: what changed since the last conversion, on which side, and what `dvc repro` would run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.commands import add_command, add_common
from nb2stage.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nb2stage.console.streams import Console
    from nb2stage.files.dvclock import Reason
    from nb2stage.files.writer import State
    from nb2stage.planning.stageplan import StagePlan
    from nb2stage.project.converting import Run

_DESCRIPTION: Final = """\
Say what changed since the last conversion, in the notebook and by hand, and which stages `dvc repro` would run and why.
Nothing is written and no code is run.
"""

_EPILOG: Final = """\
example:
  $ nb2stage status
  changed in explore.ipynb, not converted yet:
    training/train.py: cell 5
  edited by hand:
    params.yaml: train.n_estimators is 10, 100 in the notebook
  after `nb2stage convert explore.ipynb`, `dvc repro` would run:
    train   training/train.py has changed (cell 5); train.n_estimators: 100 -> 10
    report  may run: gets cache/train/model.pkl from `train`

exit codes:
  0 notebook and scripts are in step    1 the notebook is not converted yet, or something is to be mended
"""


def register(commands: Any, formatter: Callable[[str], argparse.HelpFormatter]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        formatter,
        "status",
        run,
        help="what changed since the last conversion, and what `dvc repro` would run",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="default: all that were converted")
    parser.add_argument("--output", metavar="DIR", help="the project folder")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    add_common(parser)


class Renewed(NamedTuple):
    """A parameter, with the notebook's value now and at the last conversion, as YAML."""

    key: str
    notebook: str
    converted: str


class Status(NamedTuple):
    """What `status` has found."""

    notebook: dict[str, list[int]]  # file -> the cells because of which it would change
    params: list[Renewed]  # parameters with another value in the notebook than when it was converted
    notebooks: Sequence[str]
    hand: list[str]
    runs: dict[str, list[Reason]]
    cells: dict[str, list[int]]
    killed: bool  # whether a command died while it was writing


def run(options: argparse.Namespace, console: Console) -> int:
    """`nb2stage status`; the exit code."""
    from pathlib import Path

    from nb2stage.project.converting import converted, known_notebooks

    given, output = [Path(name) for name in options.notebooks], options.output
    wanted = known_notebooks(given, Path(output) if output is not None else None, Path.cwd(), "status")
    done = converted(wanted)
    console.findings(d for d in done.diagnostics if d.severity is Severity.ERROR)
    if done.refused:
        if console.json:
            console.out(_json({"version": 1, "ok": False, "diagnostics": [d.render() for d in done.diagnostics]}))
        else:
            console.out(refused_text(done))
        return 1
    status = status_of(done)
    console.out(_json(document(status)) if console.json else text(status, console.out_paint))
    return 1 if status.notebook or status.params else 0


def _json(data: object) -> str:
    import json

    return json.dumps(data, indent=2, ensure_ascii=False)


def status_of(done: Run) -> Status:
    """What a conversion that was not written says about the project."""
    from nb2stage.files.dvclock import Pipeline
    from nb2stage.files.writer import STATE_PATH, read_state

    state = read_state(done.root)
    plans = [plan for _, conversion in done.conversions for plan in conversion.stages]
    changes = [change for change in done.changes if change.kind != "unchanged" and change.path != STATE_PATH]
    generated = {f.path: f.text for _, c in done.conversions for f in c.files if f.protected}
    cells = {path: changed_cells(state.text(path) or "", new, path, plans) for path, new in generated.items()}
    texts = {change.path: change.after for change in changes if change.after is not None}
    now = {path: conversion.state.of(path).params for path, conversion in done.conversions}
    renewed = [
        Renewed(key, value, before[key][0])
        for path, params in now.items()
        for before in [state.of(path).params]
        for key, (value, _) in params.items()
        if key in before and before[key][0] != value
    ]
    return Status(
        {change.path: cells.get(change.path, []) for change in changes},
        renewed,
        [path for path, _ in done.conversions],
        hand_edits(done.root, state, {key: value for params in now.values() for key, (value, _) in params.items()}),
        Pipeline(done.root, texts).reasons(),
        cells,
        bool(state.pending),
    )


def changed_cells(before: str, after: str, path: str, plans: Sequence[StagePlan]) -> list[int]:
    """The cells that the new lines of a script come from."""
    import difflib

    old, new = before.split("\n"), after.split("\n")
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    lines = {line.strip() for tag, _, _, a, b in matcher.get_opcodes() if tag != "equal" for line in new[a:b]} - {""}
    sources = {cell.index: cell.role.cell.source for plan in plans for cell in plan.cells if plan.script == path}
    return [index for index, source in sources.items() if lines & {line.strip() for line in source.split("\n")}]


def hand_edits(root: Path, state: State, values: Mapping[str, str]) -> list[str]:
    """What is not as the last conversion left it; `values` are those of the parameters in the notebooks now."""
    from nb2stage.files.dvcyaml import stage_names, untouched_fields
    from nb2stage.files.paramsyaml import read_params, value_at
    from nb2stage.files.writer import read_text
    from nb2stage.texts.yamltext import flow_text, is_yaml_value

    found = []
    for made in state.notebooks.values():
        for path, base in made.files.items():
            text = read_text(root, path)
            if text is None:
                found.append(f"{path}: deleted")
            elif not state.is_ours(path, text):
                found.append(f"{path}: {_size(state.base(path, text) or base, text)}")
        dvc = read_text(root, "dvc.yaml")
        names = stage_names(dvc)
        for name, fields in made.stages.items():
            if name not in names:
                found.append(f"dvc.yaml: stage `{name}` taken out")
            elif edited := [field for field, same in untouched_fields(dvc or "", name, fields).items() if not same]:
                found.append(f"dvc.yaml: {', '.join(edited)} of stage `{name}`")
        params = read_params(read_text(root, "params.yaml") or "")
        for key, (value, _) in made.params.items():
            here = value_at(params, key)
            if is_yaml_value(here) and flow_text(here) != value:
                found.append(f"params.yaml: {key} is {flow_text(here)}, {values.get(key, value)} in the notebook")
    return found


def _size(before: str, after: str) -> str:
    import difflib

    old, new = before.replace("\r\n", "\n").split("\n"), after.replace("\r\n", "\n").split("\n")
    changes = [op for op in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if op[0] != "equal"]
    lines = sum(max(b - a, d - c) for _, a, b, c, d in changes)
    return f"{lines} {'line' if lines == 1 else 'lines'}"


# -- as text and as data ---------------------------------------------------------------------------------------------


def _numbers(cells: Sequence[int]) -> str:
    from nb2stage.texts.wording import spans

    return f"{'cell' if len(cells) == 1 else 'cells'} {spans(cells)}" if cells else ""


def why(reason: Reason, cells: Mapping[str, list[int]]) -> str:
    """A reason with the cells that are behind it."""
    numbers = _numbers(cells.get(reason.subject, [])) if reason.kind == "file" else ""
    return f"{reason.text} ({numbers})" if numbers else reason.text


def refused_text(done: Run) -> str:
    """What is known where a notebook cannot be converted as it is."""
    names = ", ".join(dict.fromkeys(d.path for d in done.diagnostics if d.forbids_writing and d.path)) or "the project"
    return f"{names} is refused: scripts and dvc.yaml are those of the last conversion"


def text(status: Status, paint: Callable[[str, str], str]) -> str:
    """The status for people."""
    blocks = []
    if status.killed:
        blocks.append(
            [paint("a command was killed while it was writing: the next one that writes completes it", "bold")]
        )
    names = " ".join(status.notebooks)
    if status.notebook or status.params:
        files = {path: cells for path, cells in status.notebook.items() if path != "params.yaml" or not status.params}
        lines = [f"  {path}" + (f": {_numbers(cells)}" if cells else "") for path, cells in files.items()]
        lines += [
            f"  params.yaml: {each.key} is {each.notebook} in the notebook now, {each.converted} when it was converted"
            for each in status.params
        ]
        blocks.append([paint(f"changed in {', '.join(status.notebooks)}, not converted yet:", "bold"), *lines])
    if status.hand:
        blocks.append([paint("edited by hand:", "bold"), *(f"  {line}" for line in status.hand)])
    if not status.notebook and not status.params and not status.hand:
        blocks.append([f"{', '.join(status.notebooks)} and the scripts are in step"])
    if status.runs:
        when = f"after `nb2stage convert {names}`, " if status.notebook else ""
        width = max(map(len, status.runs))
        lines = []
        for name, reasons in status.runs.items():
            sure = [r for r in reasons if r.kind != "upstream"]
            said = "; ".join(why(reason, status.cells) for reason in sure or reasons)
            lines.append(f"  {name.ljust(width)}  {said if sure else 'if that changes: ' + said}")
        blocks.append([paint(f"{when}`dvc repro` would run:", "bold"), *lines])
    else:
        blocks.append(["`dvc repro` would run nothing"])
    return "\n".join(line for block in blocks for line in block)


def document(status: Status) -> dict[str, Any]:
    """The status for programs."""
    return {
        "version": 1,
        "ok": not status.notebook and not status.params,
        "notebooks": list(status.notebooks),
        "not_converted": [{"path": path, "cells": cells} for path, cells in status.notebook.items()],
        "params": [each._asdict() for each in status.params],
        "edited_by_hand": status.hand,
        "killed": status.killed,
        "runs": [
            {
                "stage": name,
                "certain": any(reason.kind != "upstream" for reason in reasons),
                "reasons": [{"kind": r.kind, "subject": r.subject, "text": why(r, status.cells)} for r in reasons],
            }
            for name, reasons in status.runs.items()
        ],
    }
