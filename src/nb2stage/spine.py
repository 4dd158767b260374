"""The spine: a notebook's bytes -> the files of its pipeline."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from nb2stage.analysis.dataflow import Program, SourceCell, World, analyse
from nb2stage.analysis.modulefiles import ModuleFiles
from nb2stage.conversion import Conversion, Project
from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.files.dvcyaml import foreign_outs
from nb2stage.files.paramsyaml import read_params
from nb2stage.files.projectfiles import ProjectFiles
from nb2stage.files.repository import git_top, ignored_by_git
from nb2stage.files.requirements import REQUIREMENTS, update_requirements
from nb2stage.files.writer import STATE_PATH
from nb2stage.knowledge import Knowledge
from nb2stage.planning.messages import diagnose_all
from nb2stage.planning.pipeline import GeneratedFile
from nb2stage.planning.places import folder_of, locate, located, with_locations
from nb2stage.planning.planner import Planner
from nb2stage.planning.regrouped import with_regrouped
from nb2stage.planning.stageplan import StagePlan, Surroundings
from nb2stage.planning.untagged import Attempt, first_line, with_needed
from nb2stage.project.configuration import read_configuration
from nb2stage.project.installed import pandas_major
from nb2stage.project.neighbours import clash, params_of_others, renamed, stage_names
from nb2stage.reading.magics import to_python_all
from nb2stage.reading.notebook import Notebook, read_notebook
from nb2stage.reading.tags import CellRole, Role, parse_tags, report_texts, run_order
from nb2stage.reading.translation import parse
from nb2stage.records import replace
from nb2stage.scripts.companion_texts import companion_texts
from nb2stage.scripts.linemap import line_maps
from nb2stage.scripts.script_text import ScriptWriter, module_text


def convert(data: bytes, path: str, project: Project) -> Conversion:
    """Turn a notebook into its pipeline.  `path` is relative to the project.

    1. read the notebook
    2. read its tags: which cell belongs to which stage
    3. make plain Python of each cell
    4. follow values, settings and files through the stages
    5. plan scripts, cache files, parameters
    6. write the scripts
    7. merge dvc.yaml, params.yaml, .gitignore and requirements.txt with what the user has made of them

    A cell `x = load()` tagged `import` and a cell `print(x)` tagged `report` become two scripts, the first of which
    saves `x` to cache/import/ and the second of which loads it from there.

    Raises `Nb2stageError` for what cannot be read at all.
    """
    diagnostics: list[Diagnostic] = []
    try:
        return _conversion(data, path, project, diagnostics)
    except RecursionError:  # of the analysis, or of writing the scripts: either goes through the code
        hint = "write deeply nested expressions in several statements"
        diagnostics.append(Diagnostic("NB123", "the code is nested too deeply to be followed", hint, path=path))
        return Conversion(diagnostics)


def _conversion(data: bytes, path: str, project: Project, diagnostics: list[Diagnostic]) -> Conversion:
    """The steps of `convert`; what they find joins `diagnostics`."""
    notebook = read_notebook(data, path)
    pandas = pandas_major(project.root, os.environ, sys.path)
    world = world_of(project, folder_of(path), pandas)

    def again(tagged: Notebook, plan: bool) -> Attempt:
        made = _read(tagged, world, project)
        if plan:
            _plan(made, project)
        return made

    attempt = _read(notebook, world, project)
    tagged, needed = with_needed(attempt, again)
    tagged, moved = with_regrouped(tagged, again)
    if needed or moved:
        return Conversion(with_sources([*needed, *moved, *tagged.diagnostics], notebook))
    planner = _plan(attempt, project)
    diagnostics += [*attempt.diagnostics, *run_order(attempt.roles, path)]
    if pandas is None and attempt.program is not None and imports_pandas(attempt.program.cells):
        message = (
            "it is not known which pandas runs this notebook: selections are taken to share memory, as before pandas 3"
        )
        hint = "activate the project's environment, make it in `.venv`, or pin pandas in requirements.txt"
        diagnostics.append(Diagnostic("NB260", message, hint, Severity.NOTE, path))
    if attempt.errors or attempt.program is None or planner is None:
        return Conversion(with_sources(diagnostics, notebook))
    program, plans, cells = attempt.program, planner.stages, attempt.program.cells
    scripts = [GeneratedFile(p.script, ScriptWriter(planner, p).text(), True, path) for p in plans]
    scripts += [GeneratedFile(m.path, module_text(m, planner), True, path) for m in planner.modules]
    companions = [GeneratedFile(p, text, True, path, shared=True) for p, text in companion_texts(plans).items()]
    merge = ProjectFiles(project, path, plans, planner.params, [*scripts, *companions], diagnostics)
    files = [*merge.scripts(), *merge.files()]
    kept = merge.kept_files()
    requirements = [r for cell in cells if cell.role.role is not Role.SKIP for r in cell.python.requirements]
    wanted = requirements + merge.packages(cells, requirements)
    if wanted:
        text, notes = update_requirements(project.text(REQUIREMENTS), wanted, path)
        diagnostics += notes
        files += [GeneratedFile(REQUIREMENTS, text)] if text else []
    diagnostics += not_in_git(plans, project.root)
    lines = line_maps(scripts, plans, planner.modules, program)
    state = project.state.with_conversion(path, replace(merge.made(), lines=lines))
    diagnostics[:] = with_sources(diagnostics, notebook)
    files.append(GeneratedFile(STATE_PATH, state.to_text()))
    used = {param.name for plan in plans for param in plan.params}
    return Conversion(
        diagnostics,
        plans,
        files,
        [gone for gone in project.state.obsolete(path, files) if gone not in kept] + merge.leftovers,
        [p.name for p in planner.params if p.name not in used],
        list(dict.fromkeys(requirements)),
        state,
    )


def _read(notebook: Notebook, world: World, project: Project) -> Attempt:
    """Steps 2 to 4: what a notebook is by its tags, and what happens in it."""
    roles, stages, diagnostics = parse_tags(notebook)
    roles = with_locations(roles, folder_of(notebook.path))
    tags = [stage.name for stage in stages]
    names = stage_names(tags, notebook.path, project.state.notebooks)
    attempt = Attempt(notebook, roles, names, tags, diagnostics=diagnostics)
    if attempt.errors:
        return attempt
    diagnostics += renamed(tags, names, notebook.path, project.state.notebooks)
    cells = to_cells(notebook, roles, tags, diagnostics)
    there = {cell.index for cell in cells}
    if all(role.cell.index in there for role in roles if role.stage is not None):
        attempt.program = analyse(cells, len(names), world)
        locate(attempt.program, folder_of(notebook.path))
        diagnostics += diagnose_all(attempt.program, notebook.path, names)
    return attempt


def _plan(attempt: Attempt, project: Project) -> Planner | None:
    """Step 5; what is found joins the attempt."""
    if attempt.program is None:
        return None
    path, names = attempt.notebook.path, list(attempt.names)
    texts = report_texts(attempt.notebook, attempt.roles)
    around = surroundings(project, path, names)
    planner = Planner(path, names, attempt.program, around, texts, attempt.tags)
    plans = planner.plan()
    attempt.diagnostics += planner.notes.diagnostics
    if not plans:
        hint = "tag the cells that do the work"
        attempt.diagnostics.append(Diagnostic("NB251", "no cell with a stage tag does anything", hint, path=path))
    attempt.diagnostics += clash(project.state.notebooks, path, [plan.name for plan in plans])
    return planner


def world_of(project: Project, folder: str, pandas: int | None) -> World:
    """The modules by their paths from the notebook's folder, and how the project's pandas treats selections.

    Of an unknown pandas they may be views.
    """

    def text(path: str) -> str | None:
        path = located(path, folder)
        there = path in project.made or (project.root / path).is_file()
        return project.text(path) if there else None

    above = "../" * len(folder.split("/")) if folder else ""
    files = ModuleFiles(cache(text), lambda path: (project.root / located(path, folder)).is_dir(), above)
    return World(files, (pandas or 0) >= 3, Knowledge(read_configuration(project.root).calls))


def not_in_git(plans: list[StagePlan], root: Path) -> list[Diagnostic]:
    """The metrics and plots that git ignores: DVC would compare nothing, and say nothing."""
    outs = [o.path for p in plans for o in (*p.metrics, *p.plots, *(out for out in p.outs if not out.cache))]
    causes: dict[tuple[str, int, str], list[str]] = {}
    for path, cause in (ignored_by_git(root, outs) if outs else {}).items():
        causes.setdefault(cause, []).append(path)
    found = []
    for (source, line, pattern), paths in causes.items():
        named = f"`{paths[0]}`" + f" and {len(paths) - 1} more" * (len(paths) > 1)
        message = f"git ignores {named} because of `{pattern}`: DVC will not compare them with other commits"
        hint = "remove the line, or add lines with `!` below it, such as " + f"`!/{paths[0]}`"
        found.append(Diagnostic("NB722", message, hint, Severity.WARNING, source, line=line or None))
    return found


def imports_pandas(cells: Iterable[SourceCell]) -> bool:
    """Whether some cell names pandas in an import."""
    return any(
        name.split(".")[0] == "pandas"
        for cell in cells
        for node in ast.walk(cell.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    )


def with_sources(diagnostics: Iterable[Diagnostic], notebook: Notebook) -> list[Diagnostic]:
    """Findings with the line of code that each is about."""
    cells = {cell.index: cell.source.split("\n") for cell in notebook.cells}
    found = []
    for finding in diagnostics:
        lines = cells.get(finding.cell or 0, [])
        if finding.path == notebook.path and lines:
            line = (
                lines[finding.line - 1] if finding.line and finding.line <= len(lines) else first_line("\n".join(lines))
            )
            finding = replace(finding, source=line.strip())
        found.append(finding)
    return found


def to_cells(
    notebook: Notebook, roles: tuple[CellRole, ...], names: list[str], diagnostics: list[Diagnostic]
) -> list[SourceCell]:
    """The code cells as Python.  What cannot be read is an error in a stage and a warning elsewhere."""
    cells: list[SourceCell] = []
    translated = to_python_all([(role.cell, role.stage) for role in roles], notebook.path)
    for role, (python, findings) in zip(roles, translated, strict=True):
        if role.role in (Role.UNTAGGED, Role.SKIP):
            findings = [] if python is not None or role.role is Role.SKIP else [_as_warning(f) for f in findings]
        diagnostics += findings
        if python is None:
            continue
        stage = names.index(role.stage) if role.stage is not None else None
        cells.append(SourceCell(role, python, parse(python.text), stage))
    if any(re.search(r"(?<!\w)_(?!\w)", cell.python.text) for cell in cells):
        from nb2stage.reading.lastvalue import with_last_values

        texts = [(c.python.text, c.tree, c.stage is not None and not c.python.has_magic) for c in cells]
        for place, text in with_last_values(texts).items():
            cell = cells[place]
            cells[place] = SourceCell(cell.role, replace(cell.python, text=text), parse(text), cell.stage)
    return cells


def _as_warning(finding: Diagnostic) -> Diagnostic:
    return Diagnostic(
        finding.code,
        f"{finding.message}; the cell has no tag and is left out",
        finding.hint,
        Severity.WARNING,
        finding.path,
        finding.cell,
        finding.line,
        finding.column,
    )


def surroundings(project: Project, path: str, names: list[str]) -> Surroundings:
    """What the planner asks of the disk."""
    dvc_text = project.text("dvc.yaml")
    params_text = project.text("params.yaml")
    outs = foreign_outs(dvc_text)
    # a stage that has the name of one of ours will be ours, or `foreign` and `clash` refuse it
    mine = {*project.state.at("dvc.yaml", dvc_text).of(path).stages, *names}
    return Surroundings(
        exists=lambda p: (project.root / p).exists(),
        is_dir=lambda p: (project.root / p).is_dir(),
        glob=lambda pattern: sorted(str(p.relative_to(project.root).as_posix()) for p in _glob(project.root, pattern)),
        tuned=read_params(params_text) if params_text is not None else {},
        known_outs=frozenset(out for out, stage in outs.items() if stage in mine),
        foreign_outs={out: stage for out, stage in outs.items() if stage not in mine},
        layout=project.layout,
        children=lambda folder: _children(project.root, folder),
        folder=folder_of(path),
        above=_levels(project.root),
        others_params=params_of_others(project.state.notebooks, path),
    )


def _levels(root: Path) -> int:
    """How many folders a project lies below the top of its git repository."""
    top = git_top(root)
    return len(root.relative_to(top).parts) if top is not None else 0


def _children(root: Path, folder: str) -> list[str]:
    """The paths of what lies in a folder of the project, in order."""
    try:
        return sorted(path.relative_to(root).as_posix() for path in (root / folder).iterdir())
    except (OSError, ValueError):
        return []


def _glob(root: Path, pattern: str) -> list[Path]:
    try:
        return [p for p in root.glob(pattern) if p.is_file()]
    except (ValueError, NotImplementedError):
        return []


__all__ = ["Conversion", "Program", "Project", "convert"]
