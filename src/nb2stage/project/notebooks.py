"""Which project a command speaks of, and which notebooks a project has, where none is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.project.configuration import is_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nb2stage.files.writer import State
    from nb2stage.project.configuration import Configuration

_DEEPEST: Final = 4  # folders below the one where notebooks and projects are looked for
_ENVIRONMENT: Final = "pyvenv.cfg"
_PIPELINE: Final = "dvc.yaml"


# -- the project -----------------------------------------------------------------------------------------------------


def existing_project(folder: Path, command: str) -> Path:
    """The project that a folder is, or is in: the nearest one that nb2stage knows or that has a dvc.yaml.

    Raises `Nb2stageError` where there is none, with those that lie below.  `command` is what to run in one of these.
    """
    found = project_around(folder)
    if found is not None:
        return found
    message = "there is no project here: no notebook was converted in this folder or in one above it"
    below = [os.path.relpath(each, folder) for each in projects_below(folder)]
    if below:
        names = [f'"{name}"' if " " in name else name for name in below[:5]]
        hint = f"there {'is one' if len(below) == 1 else 'are some'} below: {', '.join(names)}; "
        hint += f"`nb2stage {command} {names[0]}`"
    else:
        hint = "change to the project's folder; `nb2stage convert NOTEBOOK` makes one, and `nb2stage init` an empty one"
    raise Nb2stageError(Diagnostic("NB607", message, hint, path=os.path.relpath(folder)))


def project_around(folder: Path) -> Path | None:
    """The nearest folder, this one or above it, that nb2stage knows or that has a dvc.yaml."""
    for each in (folder, *folder.parents):
        if is_project(each) or (each / _PIPELINE).is_file():
            return each
        if (each / ".git").exists():
            return None
    return None


def projects_below(folder: Path) -> list[Path]:
    """The projects that lie below a folder, in order, not those inside another one."""
    return sorted(_projects(folder, _DEEPEST))


def _projects(folder: Path, depth: int) -> Iterator[Path]:
    for each in _folders(folder) if depth else ():
        if is_project(each) or (each / _PIPELINE).is_file():
            yield each
        else:
            yield from _projects(each, depth - 1)


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder that may hold something of the user's."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
    names = [e.name for e in entries if not e.name.startswith((".", "__")) and e.is_dir(follow_symlinks=False)]
    return [folder / name for name in names if name != "node_modules" and not (folder / name / _ENVIRONMENT).exists()]


# -- its notebooks ---------------------------------------------------------------------------------------------------


def notebooks_of(root: Path, settings: Configuration, state: State) -> list[str]:
    """The notebooks of a project: those of its settings, else those that were converted, else all that have tags.

    Where one that was converted is gone and one with tags is new, it has another name now.
    """
    listed = settings.notebooks or sorted(state.notebooks)
    there = [name for name in listed if (root / name).exists()]
    gone = len(listed) - len(there)
    if listed and not gone:
        return there
    new = [name for name in found_notebooks(root, settings) if name not in there and has_stages(root, name)]
    if not listed or gone == len(new) == 1:
        return there + new
    return list(settings.notebooks) or there


def found_notebooks(root: Path, settings: Configuration) -> list[str]:
    """The notebooks in the folders of a project, without those for exploration and those of projects in it."""
    return [path.relative_to(root).as_posix() for path in _notebooks(root, root, settings.check.notebook_folders, 0)]


def _notebooks(root: Path, folder: Path, apart: Sequence[str], depth: int) -> Iterator[Path]:
    yield from sorted(path for path in folder.glob("*.ipynb") if path.is_file())
    for each in _folders(folder) if depth < _DEEPEST else ():
        is_other = is_project(each) or (each / ".git").exists()
        if not is_other and each.relative_to(root).as_posix() not in apart:
            yield from _notebooks(root, each, apart, depth + 1)


def has_stages(root: Path, notebook: str, *, otherwise: bool = False) -> bool:
    """Whether a cell of a notebook has the tag of a stage; `otherwise` where it cannot be read: converting it says why."""
    from nb2stage.reading.notebook import read_notebook
    from nb2stage.reading.tags import parse_tags

    try:
        return bool(parse_tags(read_notebook((root / notebook).read_bytes(), notebook))[1])
    except (OSError, Nb2stageError):
        return otherwise
