"""Commits whose metrics are older than their parameters, scripts or data: somebody committed an edit without `dvc repro`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.repository import blobs, objects
from nb2stage.overview.history import WORKSPACE, flat, same_value
from nb2stage.texts.yamltext import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nb2stage.overview.history import Row

_LOCK: Final = "dvc.lock"


def mark_stale(root: Path, rows: Sequence[Row]) -> None:
    """Note in each commit, and in the workspace, what is not as it was when the stages ran.

    Experiments are left alone: DVC saves them when it has run them.
    """
    commits = [row for row in rows if row.kind == "commit"]
    files = {(row.rev, path): md5 for row in commits for path, md5 in (row.code | row.data).items()}
    wanted = [*((row.rev, _LOCK) for row in commits), *files]
    names = [name if kind == "blob" else None for kind, name in objects(root, [f"{r}:./{path}" for r, path in wanted])]
    contents = blobs(root, [name for name in dict.fromkeys(names) if name])
    locked = {name: _params(contents[name]) for name in dict.fromkeys(names[: len(commits)]) if name}
    sums = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()}
    found = dict(zip(files, names[len(commits) :], strict=True))
    for row, lock in zip(commits, names, strict=False):
        if lock is not None:
            row.stale = _other_params(row, locked[lock])
            row.stale += [
                path for path in row.code | row.data if _differs(found[row.rev, path], sums, files[row.rev, path])
            ]
    for row in rows:
        if row.kind == WORKSPACE:
            row.stale = _stale_on_disk(root, row)


def _differs(name: str | None, sums: Mapping[str, str], md5: str) -> bool:
    """Whether a file of a commit is not the one with this hash; what git does not have is for DVC to tell."""
    return name is not None and md5 != "" and sums[name] != md5


def _stale_on_disk(root: Path, row: Row) -> list[str]:
    try:
        stale = _other_params(row, _params((root / _LOCK).read_bytes()))
    except OSError:
        return []
    for path, md5 in (row.code | row.data).items():
        try:
            content = (root / path).read_bytes()
        except OSError:  # a folder, or a file that DVC has and that is not checked out
            continue
        if md5 and hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            stale.append(path)
    return stale


def _params(content: bytes) -> dict[tuple[str, str], object]:
    """The parameters that a dvc.lock says the stages ran with, by file and dotted key."""
    try:
        data: Any = read_yaml(content.decode("utf-8", "replace"), _LOCK, "NB601")
    except Nb2stageError:  # one commit with conflict markers in it must not stop the others
        return {}
    stages = data.get("stages") if isinstance(data, dict) else None
    return {
        (str(file), key): value
        for stage in (stages or {}).values()
        for file, params in (stage.get("params") or {}).items()
        for name, whole in params.items()
        for key, value in flat(whole, f"{name}.").items()
    }


def _other_params(row: Row, locked: Mapping[tuple[str, str], object]) -> list[str]:
    stale = []
    for (file, key), value in locked.items():
        name = f"{file}:{key}" if f"{file}:{key}" in row.params else key
        if name not in row.params or not same_value(row.params[name], value):
            stale.append(name)
    return list(dict.fromkeys(stale))
