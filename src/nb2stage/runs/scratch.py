"""Copies of a project in which code may run: nothing that happens there touches the project itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# Folders that hold no data of the project's.
_SKIPPED: Final = frozenset({".git", ".dvc", ".nb2stage", ".ipynb_checkpoints", "__pycache__", "node_modules"})
_ENVIRONMENT: Final = "pyvenv.cfg"
_SPARE: Final = 200 * 10**6


@dataclass(frozen=True)
class ProjectFile:
    """A file to copy: its path in the project, and the file that is there (behind symbolic links)."""

    path: str
    source: Path
    size: int


def project_files(root: Path, left_out: Collection[str]) -> list[ProjectFile]:
    """The files of a project, links followed, without those of git, DVC and environments and the paths `left_out`."""
    return list(_walk(root, "", frozenset(left_out), frozenset({root.resolve()})))


def _walk(folder: Path, prefix: str, left_out: Collection[str], above: frozenset[Path]) -> Iterator[ProjectFile]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = prefix + entry.name
        if entry.name in _SKIPPED or path in left_out:
            continue
        if entry.is_dir():
            real = Path(entry.path).resolve()
            # A link to a folder above would never end.
            if real not in above and not (real / _ENVIRONMENT).exists():
                yield from _walk(Path(entry.path), f"{path}/", left_out, above | {real})
        elif entry.is_file():
            yield ProjectFile(path, Path(entry.path), entry.stat().st_size)


def project_folders(root: Path, left_out: Collection[str]) -> list[str]:
    """The folders of a project, also those that hold nothing: a notebook that writes into one does not make it."""
    found = []
    for base, folders, files in os.walk(root):
        inside = Path(base).relative_to(root)
        if _ENVIRONMENT in files:
            folders.clear()
            continue
        folders[:] = [n for n in folders if n not in _SKIPPED and (inside / n).as_posix() not in left_out]
        found.append(inside.as_posix())
    return sorted(found)


def check_space(files: list[ProjectFile], scratch: Path, copies: int) -> None:
    """`Nb2stageError` where the scratch folder has no room for so many copies."""
    wanted = copies * sum(file.size for file in files)
    free = shutil.disk_usage(scratch).free
    if wanted + _SPARE > free:
        message = f"the copies of the project take {wanted / 1e9:.1f} GB, and {scratch} has {free / 1e9:.1f} GB left"
        raise Nb2stageError(Diagnostic("NB806", message, "set the variable TMPDIR to a folder with more room"))


def copy_files(files: list[ProjectFile], target: Path) -> None:
    """Copy the files, with their times."""
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        (target / file.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.source, target / file.path)


def stamps(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What tells a changed file: size, time and identity of all files below a folder."""
    found: dict[str, tuple[int, int, int]] = {}
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for name in names:
            path = Path(base, name)
            try:
                status = path.stat()
            except OSError:  # a link that leads nowhere
                continue
            found[path.relative_to(folder).as_posix()] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def written(before: dict[str, tuple[int, int, int]], after: dict[str, tuple[int, int, int]]) -> list[str]:
    """The files that are new or changed."""
    return sorted(path for path, stamp in after.items() if before.get(path) != stamp)
