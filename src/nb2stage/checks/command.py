"""`nb2stage check`: run the rules, mend what can be mended, report."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.checks.project import Finding, Fix, Snapshot, take
from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.project.configuration import CHECK_CODES
from nb2stage.records import replace

if TYPE_CHECKING:
    from nb2stage.console.streams import Console
    from nb2stage.files.writer import Change
    from nb2stage.project.converting import Run

JSON_VERSION: Final = 1
# Rules of `convert` that warn there and have to hold here.
_PROMOTED: Final = ("NB230", "NB405", "NB406")
_CONVERSION: Final = Fix("", None)


class Checked(NamedTuple):
    """What a check has found."""

    findings: list[Finding]
    notes: list[Diagnostic]
    notebooks: int
    stages: int


def run(options: argparse.Namespace, console: Console) -> int:
    """`nb2stage check`: the exit code."""
    roots = projects_of(options.projects, Path.cwd())
    found: list[dict[str, Any]] = []
    for root in roots:
        name = os.path.relpath(root)
        if name != "." and not options.json and not options.quiet:
            console.err(f"in {name}:")
        checked, fixed = checked_and_fixed(root, fix_too=options.fix)
        report(root, checked, fixed, options, console)
        found.append({**document(checked, fixed), **({"project": name} if len(roots) > 1 else {})})
    is_fine = all(each["ok"] for each in found)
    if options.json:
        import json

        whole = found[0] if len(found) == 1 else {"version": JSON_VERSION, "ok": is_fine, "projects": found}
        console.out(json.dumps(whole, indent=2, ensure_ascii=False))
    return 0 if is_fine else 1


def projects_of(given: Sequence[str], here: Path) -> list[Path]:
    """The projects to check: those that are named, else the one around the current folder, else all of a repository below.

    Raises `Nb2stageError` where there is none: nothing would be checked.
    """
    from nb2stage.files.repository import git_top
    from nb2stage.project.notebooks import existing_project, project_around, projects_below

    # Above a repository there may be anybody's projects: a home folder is not checked as a whole.
    if not given and project_around(here) is None and git_top(here) and (below := projects_below(here)):
        return below
    folders = [Path(os.path.normpath(here / name)) for name in given or ["."]]
    for folder in folders:
        if not folder.is_dir():
            hint = "name the project folder"
            raise Nb2stageError(Diagnostic("NB620", "there is no such folder", hint, path=str(folder)))
    return list(dict.fromkeys(existing_project(folder, "check") for folder in folders))


def checked_and_fixed(root: Path, *, fix_too: bool) -> tuple[Checked, list[Diagnostic]]:
    """What a check of one project finds, and what of it was mended before."""
    fixed: list[Diagnostic] = []
    try:
        checked = check(root)
    except Nb2stageError as error:  # the configuration or the state cannot be read: nothing else can be said
        checked = Checked([Finding(diagnostic) for diagnostic in error.diagnostics], [], 0, 0)
    if fix_too:
        before = checked.findings
        checked = fix(root, checked)
        left = {finding.diagnostic for finding in checked.findings}
        fixed = [each.diagnostic for each in before if each.fix is not None and each.diagnostic not in left]
    return checked, fixed


# -- check -----------------------------------------------------------------------------------------------------------


def check(root: Path) -> Checked:
    """All findings in a project, in the order of their places."""
    from nb2stage.checks.notebooks import check_cells, check_notebooks
    from nb2stage.checks.pipeline import check_pipeline
    from nb2stage.checks.tracked import check_tracked
    from nb2stage.files.writer import read_state
    from nb2stage.project.configuration import read_configuration

    settings = read_configuration(root)
    project = take(root, settings, read_state(root))
    found = [*project.findings, *check_pipeline(project), *check_tracked(project), *check_notebooks(project)]
    for path in project.notebooks:
        found += check_cells(project, path)
    found += _conversion(project)
    notes = []
    if project.git is None:
        message = "this is no git repository: what git should keep and what it should ignore is not checked"
        notes.append(Diagnostic("NB621", message, "git init", Severity.NOTE))
    return Checked(_sorted(project, found), notes, len(project.notebooks), len(project.stages))


def _sorted(project: Snapshot, found: Sequence[Finding]) -> list[Finding]:
    """The findings that count, each place with each rule once: two analyses may come to the same."""
    places: dict[tuple[object, ...], Finding] = {}
    for finding in found:
        d = finding.diagnostic
        place = (d.code, d.path, d.cell, d.line, *(() if d.code in _PROMOTED and d.line else (d.message,)))
        if not project.is_off(d):
            places.setdefault(place, finding)
    return sorted(places.values(), key=lambda finding: finding.diagnostic.sort_key())


def _conversion(project: Snapshot) -> list[Finding]:
    """What a conversion would change, and what stands against it."""
    from nb2stage.files.writer import STATE_PATH

    if not project.notebooks:
        return []
    run = convert(project.root, project.notebooks, preview=True)
    found: list[Finding] = []
    for diagnostic in run.diagnostics:
        if diagnostic.severity is Severity.ERROR or diagnostic.code in _PROMOTED:
            found.append(Finding(replace(diagnostic, severity=Severity.ERROR)))
    fix = None if run.failed else _CONVERSION
    # The state also notes which cell a line came from: another id of a cell is no reason to stop a commit.
    changes = [c for c in run.changes if c.kind != "unchanged" and not (c.path == STATE_PATH and c.kind == "update")]
    return found + [Finding(_out_of_step(run, change), fix) for change in changes]


def convert(root: Path, notebooks: Sequence[str], *, preview: bool = False) -> Run:
    """A conversion of notebooks of the project."""
    from nb2stage.project.converting import Wanted, converted

    return converted(Wanted([root / path for path in notebooks], root, preview=preview))


def _out_of_step(run: Run, change: Change) -> Diagnostic:
    makers = [path for path, made in run.conversions if any(file.path == change.path for file in made.files)]
    whose = makers[0] if len(makers) == 1 else "the notebooks"
    message = {
        "create": f"the file is missing, and {whose} makes it",
        "update": f"the file is not what {whose} makes now",
        "merge": f"the file lacks what {whose} makes now; edits by hand are kept",
        "delete": "no notebook makes this file any more",
    }[change.kind]
    names = " ".join(path for path, _ in run.conversions)
    return Diagnostic("NB701", message, f"nb2stage convert {names}", path=change.path, line=_first_difference(change))


def _first_difference(change: Change) -> int | None:
    if change.before is None or change.after is None:
        return None
    before, after = change.before.splitlines(), change.after.splitlines()
    same = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
    return (min(len(before), len(after)) if same is None else same) + 1


# -- fix -------------------------------------------------------------------------------------------------------------


def fix(root: Path, checked: Checked) -> Checked:
    """Mend what is safe to mend: convert first, then edit files; what is found after that."""
    from nb2stage.files.writer import Change, apply_changes, read_text

    if any(finding.fix is _CONVERSION for finding in checked.findings):
        from nb2stage.files.writer import read_state
        from nb2stage.project.configuration import read_configuration

        convert(root, take(root, read_configuration(root), read_state(root)).notebooks)
        checked = check(root)
    texts: dict[str, str] = {}
    for finding in checked.findings:
        if finding.fix is not None and finding.fix.edit is not None:
            path = finding.fix.path
            before = texts[path] if path in texts else read_text(root, path) or ""
            texts[path] = finding.fix.edit(before)
    changes = []
    for path, after in texts.items():
        old = read_text(root, path)
        if after != (old or ""):
            changes.append(Change(path, "create" if old is None else "update", old, after))
    if not changes:
        return checked
    apply_changes(root, changes)
    return check(root)


# -- report ----------------------------------------------------------------------------------------------------------


def report(
    root: Path, checked: Checked, fixed: Sequence[Diagnostic], options: argparse.Namespace, console: Console
) -> None:
    """Print what was found, for people and CI; with `--json` only what CI reads from a file."""
    from nb2stage.checks.annotations import github, wanted, write_gitlab

    findings = [finding.diagnostic for finding in checked.findings]
    kind = wanted(options.annotations, os.environ)
    if kind == "gitlab":
        write_gitlab(root, findings)
    if options.json:
        return
    if kind == "github":
        for line in github(root, findings):
            console.out(line)
    explained: set[str] = set()
    for finding in findings:
        console.err(_text(finding, console, explained))
    if not options.quiet:
        for note in checked.notes:
            console.err(note.render())
        for diagnostic in fixed:
            console.out(f"fixed: {diagnostic.render().splitlines()[0]}")
        console.out(_summary(checked))


def _text(finding: Diagnostic, console: Console, explained: set[str]) -> str:
    """A finding; the first one of a rule with its reason between what it says and how to mend it."""
    from nb2stage.console.report import diagnostic_text
    from nb2stage.rules import RULES

    text = diagnostic_text(finding, lambda text, style: console.paint(text, style, sys.stderr))
    if finding.code not in CHECK_CODES or finding.code in explained:
        return text
    explained.add(finding.code)
    first, *hint = text.split("\n  hint: ")
    return "\n".join([first, f"  why: {RULES[finding.code].why}", *(f"  hint: {each}" for each in hint)])


def _summary(checked: Checked) -> str:
    count, fixable = len(checked.findings), sum(finding.fix is not None for finding in checked.findings)
    if not count:
        return f"all rules hold: {_many(checked.notebooks, 'notebook')}, {_many(checked.stages, 'stage')}"
    mend = f"; `nb2stage check --fix` mends {fixable} of them" if fixable else ""
    return f"{_many(count, 'finding')}{mend}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def document(checked: Checked, fixed: Sequence[Diagnostic]) -> dict[str, Any]:
    """The result as data; keys may be added in later versions, none is taken away."""
    from nb2stage.console.report import finding_data
    from nb2stage.rules import RULES

    return {
        "version": JSON_VERSION,
        "ok": not checked.findings,
        "notebooks": checked.notebooks,
        "stages": checked.stages,
        "findings": [
            {
                **finding_data(finding.diagnostic),
                "why": RULES[finding.diagnostic.code].why,
                "fixable": finding.fix is not None,
            }
            for finding in checked.findings
        ],
        "fixed": [finding_data(diagnostic) for diagnostic in fixed],
        "notes": [finding_data(diagnostic) for diagnostic in checked.notes],
    }
