"""Rules over what git keeps: code, parameters and metrics yes; cached files, data and models no."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from nb2stage.checks.project import Finding, Fix, Snapshot
from nb2stage.diagnostics import Diagnostic
from nb2stage.files.gitignore import out_line, quoted, update_gitignore
from nb2stage.files.repository import ignored_by_git
from nb2stage.files.writer import STATE_PATH

_FOLDERS: Final = ("cache", "data")
_MODELS: Final = (
    *(".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".h5", ".keras"),
    *(".onnx", ".safetensors", ".tflite", ".cbm", ".mlmodel"),
)
# What is meant to lie beside data: DVC's own small files, and words about the data.
_ASIDE: Final = (".dvc", ".md", ".rst", ".gitignore", ".gitkeep", ".gitattributes", "LICENSE", "README", "README.txt")
_SOURCES: Final = (".py", ".sh", ".R", ".jl", ".ipynb")


def check_tracked(project: Snapshot) -> Iterator[Finding]:
    """The findings in what git keeps and in what it ignores."""
    if project.git is None:
        return
    yield from _kept(project, project.git.tracked, "NB720")
    yield from _kept(project, project.git.untracked, "NB721")
    yield from _ignored(project)


# -- what git should not keep ----------------------------------------------------------------------------------------


def _kept(project: Snapshot, paths: frozenset[str], code: str) -> Iterator[Finding]:
    """Files among `paths` that DVC keeps, or should: one finding for each folder of them."""
    outs = {out.path for stage in project.stages for out in stage.outputs if out.cached}
    groups: dict[tuple[str, str], list[str]] = {}
    for path in sorted(paths):
        if (kind := _kind(path, outs)) is not None:
            folder = posixpath.dirname(path)
            whole = _out_of(path, outs)
            groups.setdefault(
                (kind, "cache" if kind == "cache" else folder if whole in (None, path) else str(whole)), []
            ).append(path)
    for (kind, folder), found in groups.items():
        yield _committed(kind, folder, found) if code == "NB720" else _not_ignored(kind, folder, found, outs)


def _kind(path: str, outs: set[str]) -> str | None:
    top, _, rest = path.partition("/")
    if path.endswith(_ASIDE):
        return None
    if rest and top in _FOLDERS:
        return top
    if _out_of(path, outs) is not None:
        return "out"
    return "model" if path.lower().endswith(_MODELS) and not path.startswith((".dvc/", ".nb2stage/")) else None


def _out_of(path: str, outs: set[str]) -> str | None:
    """The out that is the path or a folder around it."""
    return next((str(each) for each in (path, *PurePosixPath(path).parents) if str(each) in outs), None)


_WHAT: Final = {"cache": "cached", "data": "data", "out": "an out of DVC", "model": "a model"}


def _these(found: list[str], folder: str) -> str:
    return f"`{found[0]}`" if len(found) == 1 else f"{len(found)} files in `{folder or '.'}/`, such as `{found[0]}`,"


def _committed(kind: str, folder: str, found: list[str]) -> Finding:
    one = len(found) == 1
    message = f"{_these(found, folder)} {'is' if one else 'are'} committed to git ({_WHAT[kind]})"
    what = f"'{found[0]}'" if one else f"-r '{folder or '.'}'"
    after = "" if kind in ("cache", "out") else f", then `dvc add '{found[0] if one else folder or '.'}'`"
    return Finding(Diagnostic("NB720", message, f"`git rm --cached {what}`{after}", path=found[0]))


def _not_ignored(kind: str, folder: str, found: list[str], outs: set[str]) -> Finding:
    one = len(found) == 1
    message = f"{_these(found, folder)} would be committed with the next `git add .` ({_WHAT[kind]})"
    if kind == "cache":
        lines = ["cache/"]
    elif kind == "out":
        lines = sorted({out_line(_out_of(path, outs) or path) for path in found})
    else:
        lines = [out_line(path) for path in found]
    shown = f"`{lines[0]}`" if len(lines) == 1 else f"these {len(lines)} paths"
    more = "" if kind in ("cache", "out") else f"; `dvc add '{found[0] if one else folder}'` does so and keeps the data"
    fix = Fix(".gitignore", lambda text: update_gitignore(text, lines))
    return Finding(Diagnostic("NB721", message, f"add {shown} to .gitignore{more}", path=found[0]), fix)


# -- what git has to keep --------------------------------------------------------------------------------------------


def _ignored(project: Snapshot) -> Iterator[Finding]:
    wanted = _wanted(project)
    folders = {f"{parent}/" for path in wanted for parent in PurePosixPath(path).parents if str(parent) != "."}
    ignored = ignored_by_git(project.root, [*wanted, *sorted(folders)])
    for path, (source, line, pattern) in ignored.items():
        if path in folders:
            continue
        why, cached = wanted[path]
        hint, fix = f"remove the line, or add `!/{path}` below it", None
        if cached:
            hint = f"write `cache: false` below `{path}` in dvc.yaml, and remove the line"
        elif any(path.startswith(folder) for folder in folders & set(ignored)):
            hint = (
                "remove the line, or ignore the files in the folder one by one: git does not look into ignored folders"
            )
        else:
            fix = _unignored(path, source)
        message = f"`{path}` ({why}) is ignored by git because of `{pattern}`"
        yield Finding(Diagnostic("NB722", message, hint, path=source, line=line or None), fix)


def _unignored(path: str, source: str) -> Fix:
    """A line with `!`, in the .gitignore that has the last word where it is the project's own."""
    folder, name = posixpath.split(source)
    own = name == ".gitignore" and (not folder or path.startswith(folder + "/"))
    line = "!/" + quoted(posixpath.relpath(path, folder) if own and folder else path)
    return Fix(source if own else ".gitignore", lambda text: update_gitignore(text, [line]))


def _wanted(project: Snapshot) -> dict[str, tuple[str, bool]]:
    """What git has to keep -> what it is, and whether DVC itself has it ignored."""
    found: dict[str, tuple[str, bool]] = {}
    if project.stages:
        found |= {"dvc.yaml": ("the pipeline", False), "dvc.lock": ("what the last run made", False)}
    if (project.root / "params.yaml").exists():
        found["params.yaml"] = ("parameters", False)
    if project.state.notebooks:
        found[STATE_PATH] = ("what nb2stage generated", False)
    made = {out.path for stage in project.stages for out in stage.outputs if out.cached}
    for stage in project.stages:
        found |= dict.fromkeys(stage.params_files, ("parameters", False))
        code = [dep for dep, _ in stage.deps if dep.endswith(_SOURCES) and dep not in made]
        found |= dict.fromkeys(code, (f"code of stage `{stage.name}`", False))
        for out in stage.outputs:
            if out.kind == "metrics" or (out.kind == "plots" and not out.cached):
                found[out.path] = (out.kind, out.cached)
    found |= {path: found.get(path, (kind, False)) for path, kind in project.top_files}
    return {path: what for path, what in found.items() if not path.startswith(("../", "/")) and "${" not in path}
