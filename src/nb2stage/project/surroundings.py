"""What a conversion asks of the project on disk: modules beside the notebook, files, and other people's stages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from nb2stage.analysis.dataflow import World
from nb2stage.analysis.modulefiles import ModuleFiles
from nb2stage.conversion import Project
from nb2stage.files.dvcyaml import foreign_outs
from nb2stage.files.paramsyaml import read_params
from nb2stage.files.repository import git_top
from nb2stage.knowledge import Knowledge
from nb2stage.planning.places import folder_of, located
from nb2stage.planning.stageplan import Surroundings
from nb2stage.project.neighbours import params_of_others


def world_of(project: Project, folder: str) -> World:
    """The modules by their paths from the notebook's folder, and how the project's pandas treats selections.

    Of an unknown pandas they may be views.
    """

    def text(path: str) -> str | None:
        path = located(path, folder)
        there = path in project.made or (project.root / path).is_file()
        return project.text(path) if there else None

    above = "../" * len(folder.split("/")) if folder else ""
    files = ModuleFiles(cache(text), lambda path: (project.root / located(path, folder)).is_dir(), above)
    return World(files, (project.pandas or 0) >= 3, Knowledge(project.settings.calls))


def surroundings(project: Project, path: str, names: Sequence[str]) -> Surroundings:
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
        asked=frozenset(project.settings.formats),
        children=lambda folder: _children(project.root, folder),
        folder=folder_of(path),
        above=_levels(project.root),
        others_params=params_of_others(project.state.notebooks, path),
        line_length=project.line_length,
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
