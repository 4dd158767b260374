"""The spine: a notebook's bytes -> the files of its pipeline."""

from __future__ import annotations

from nb2stage.analysis.dataflow import World, analyse
from nb2stage.conversion import Conversion, Project
from nb2stage.diagnostics import Diagnostic
from nb2stage.files.projectfiles import merged
from nb2stage.files.repository import not_in_git
from nb2stage.files.requirements import installed_by
from nb2stage.files.writer import STATE_PATH
from nb2stage.planning.cells import to_cells, with_sources
from nb2stage.planning.messages import diagnose_all
from nb2stage.planning.pipeline import GeneratedFile
from nb2stage.planning.places import folder_of, locate, with_locations
from nb2stage.planning.planner import Planner
from nb2stage.planning.regrouped import with_regrouped
from nb2stage.planning.untagged import Again, Attempt, with_needed
from nb2stage.project.installed import not_known
from nb2stage.project.neighbours import clash, renamed, stage_names
from nb2stage.project.surroundings import surroundings, world_of
from nb2stage.reading.notebook import Notebook, read_notebook
from nb2stage.reading.tags import parse_tags, report_texts, run_order
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
    6. write the scripts, and the map of their lines to those of the notebook
    7. merge dvc.yaml, params.yaml, .gitignore and requirements.txt with what the user has made of them
    8. ask git which results it ignores

    A cell `x = load()` tagged `import` and a cell `print(x)` tagged `report` become two scripts, the first of which
    saves `x` to cache/import/ and the second of which loads it from there.

    Raises `Nb2stageError` for what cannot be read at all.
    """
    try:
        return _conversion(read_notebook(data, path), project)
    except RecursionError:  # of the analysis, or of writing the scripts: either goes through the code
        hint = "write deeply nested expressions in several statements"
        return Conversion([Diagnostic("NB123", "the code is nested too deeply to be followed", hint, path=path)])


def _conversion(notebook: Notebook, project: Project) -> Conversion:
    """Steps 2 to 8."""
    path = notebook.path
    again = attempts(path, project)
    attempt = again(notebook, False)
    tagged, needed = with_needed(attempt, again)
    tagged, moved = with_regrouped(tagged, again)
    if needed or moved:
        return Conversion(with_sources([*needed, *moved, *tagged.diagnostics], notebook))
    planner = _plan(attempt, project)
    diagnostics = [*attempt.diagnostics, *run_order(attempt.roles, path)]
    if project.pandas is None and attempt.program is not None:
        diagnostics += not_known((cell.tree for cell in attempt.program.cells), path)
    if attempt.errors or attempt.program is None or planner is None:
        return Conversion(with_sources(diagnostics, notebook))
    plans, cells = planner.stages, attempt.program.cells
    scripts = _scripts(planner)
    companions = [GeneratedFile(p, text, True, path, shared=True) for p, text in companion_texts(plans).items()]
    lines = line_maps(scripts, plans, planner.modules, attempt.program)
    merge = merged(project, path, plans, planner.params, [*scripts, *companions], cells)
    state = project.state.with_conversion(path, replace(merge.made, lines=lines))
    diagnostics += [*merge.diagnostics, *not_in_git(project.root, [each for plan in plans for each in plan.in_git])]
    used = {param.name for plan in plans for param in plan.params}
    return Conversion(
        with_sources(diagnostics, notebook),
        plans,
        [*merge.files, GeneratedFile(STATE_PATH, state.to_text())],
        merge.gone,
        [p.name for p in planner.params if p.name not in used],
        list(dict.fromkeys(installed_by(cells))),
        state,
    )


def _scripts(planner: Planner) -> list[GeneratedFile]:
    """The scripts of the stages, and the modules of their definitions."""
    texts = [(plan.script, ScriptWriter(planner, plan).text()) for plan in planner.stages]
    texts += [(module.path, module_text(module, planner)) for module in planner.modules]
    return [GeneratedFile(path, text, True, planner.path) for path, text in texts]


def attempts(path: str, project: Project) -> Again:
    """What converts a notebook in memory as far as is asked, again and again with other tags."""
    world = world_of(project, folder_of(path))

    def again(tagged: Notebook, plan: bool) -> Attempt:
        made = _read(tagged, world, project)
        if plan:
            _plan(made, project)
        return made

    return again


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
    cells, findings = to_cells(notebook, roles, tags)
    diagnostics += findings
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
