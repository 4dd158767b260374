"""Rules over notebooks: where they stand, how much they weigh, and the code of their cells."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nb2stage.checks.code import Code, check_code
from nb2stage.checks.project import Finding, Snapshot
from nb2stage.diagnostics import Diagnostic, Nb2stageError


def check_notebooks(project: Snapshot) -> Iterator[Finding]:
    """The findings in all notebooks of the project; the code of those that make the pipeline."""
    for path in project.listed:
        if not (project.root / path).is_file() and path in project.state.notebooks:
            yield _gone(project, path)
    for path in sorted(_all_notebooks(project)):
        if path not in project.listed and not project.is_exploration(path):
            yield _misplaced(project, path)
        yield from _large_outputs(project, path)


def _all_notebooks(project: Snapshot) -> set[str]:
    """The notebooks that git keeps, or would with the next `git add .`; without git, all."""
    if project.git is not None:
        found = {path for path in (*project.git.tracked, *project.git.untracked) if path.endswith(".ipynb")}
        return {path for path in found if (project.root / path).is_file()}
    found = set()
    for folder, folders, files in os.walk(project.root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        if "pyvenv.cfg" in files:  # a virtual environment
            folders.clear()
        else:
            paths = (Path(folder, name) for name in files if name.endswith(".ipynb"))
            found |= {path.relative_to(project.root).as_posix() for path in paths}
    return found


def _gone(project: Snapshot, path: str) -> Finding:
    stages = ", ".join(f"`{stage}`" for stage in project.state.of(path).stages)
    message = f"the notebook is gone, and its stages are still in the pipeline: {stages}"
    hint = "restore it from git; or, if it has another name now, convert it under that name"
    return Finding(Diagnostic("NB702", message, hint, path=path))


def _misplaced(project: Snapshot, path: str) -> Finding:
    folders = " or ".join(f"{folder}/" for folder in project.settings.check.notebook_folders)
    message = "the notebook is neither part of the pipeline nor marked as exploration"
    made = f"make a pipeline of it, `nb2stage convert {path}`"
    return Finding(Diagnostic("NB730", message, f"{made}, or move it to {folders}" if folders else made, path=path))


def _large_outputs(project: Snapshot, path: str) -> Iterator[Finding]:
    limit = project.settings.check.max_output_kb * 1000
    file = project.root / path
    if file.stat().st_size <= limit:
        return
    try:
        cells = json.loads(file.read_bytes().decode("utf-8-sig"))["cells"]
        sizes = [(_size(cell.get("outputs", [])), number) for number, cell in enumerate(cells, start=1)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # no notebook of this format; a conversion says more
    total = sum(size for size, _ in sizes)
    if total > limit:
        size, cell = max(sizes)
        message = f"the outputs take {_kb(total)}, {_kb(size)} of it in this cell; at most {_kb(limit)} are allowed"
        command = f"jupyter nbconvert --clear-output --inplace {path}"
        hint = f"clear them in Jupyter (Edit > Clear Outputs of All Cells) or with `{command}`"
        yield Finding(Diagnostic("NB731", message, hint, path=path, cell=cell))


def _size(value: Any) -> int:
    """About how many bytes outputs take in the file."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_size, value))
    return sum(len(key) + _size(item) for key, item in value.items()) if isinstance(value, dict) else 1


def _kb(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size // 1000} kB"


def check_cells(project: Snapshot, path: str) -> Iterator[Finding]:
    """The findings in the code of the cells that go into the pipeline."""
    from nb2stage.planning.cells import to_cells
    from nb2stage.reading.notebook import read_notebook
    from nb2stage.reading.tags import Role, parse_tags

    try:
        notebook = read_notebook((project.root / path).read_bytes(), path)
    except Nb2stageError:
        return  # the conversion has reported it
    roles, stages, _ = parse_tags(notebook)
    cells, _ = to_cells(notebook, roles, [stage.name for stage in stages])
    aside = (Role.UNTAGGED, Role.SKIP)
    used = [
        Code(cell.tree, cell.python.text, path, cell.index, cell.role.stage)
        for cell in cells
        if cell.role.role not in aside
    ]
    yield from map(Finding, check_code(used, [cell.tree for cell in cells if cell.role.role in aside]))
