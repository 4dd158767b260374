"""The project as the rules see it: read once, at most."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.files.dvcyaml import stage_names
from nb2stage.files.repository import GitFiles, git_files
from nb2stage.files.writer import State, read_text
from nb2stage.project.configuration import Configuration
from nb2stage.records import dataclass
from nb2stage.texts.yamltext import read_yaml, yaml_nodes

_OUTPUTS: Final = ("outs", "metrics", "plots")


class Fix(NamedTuple):
    """A safe mending: a project file and its new text; without `edit`, the conversion of the notebooks."""

    path: str
    edit: Callable[[str], str] | None


class Finding(NamedTuple):
    """Something that does not hold, and how it can be mended where a program can do that."""

    diagnostic: Diagnostic
    fix: Fix | None = None


class Output(NamedTuple):
    """An entry below outs, metrics or plots."""

    path: str
    kind: str
    cached: bool
    line: int


class Stage(NamedTuple):
    """A stage of dvc.yaml, or the pattern of a `foreach` or `matrix` stage.  Paths are relative to the project."""

    name: str
    commands: tuple[tuple[str, int], ...]  # each with its line
    wdir: str
    deps: tuple[tuple[str, int], ...]
    params_files: tuple[str, ...]
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class Snapshot:
    """All that the rules read, beside the code."""

    root: Path
    settings: Configuration
    state: State
    git: GitFiles | None
    stages: tuple[Stage, ...]
    top_files: tuple[tuple[str, str], ...]  # metrics, plots and params at the top level of dvc.yaml, with their kind
    findings: tuple[Finding, ...]  # what was wrong with reading it

    @property
    def notebooks(self) -> list[str]:
        """The notebooks of the pipeline that are there: those of the configuration and those converted before."""
        return [path for path in self.listed if (self.root / path).is_file()]

    @property
    def listed(self) -> list[str]:
        """The notebooks of the pipeline, whether they are there or not."""
        return list(dict.fromkeys(map(posixpath.normpath, (*self.settings.notebooks, *self.state.notebooks))))

    def is_exploration(self, path: str) -> bool:
        """Whether a path lies in a folder for notebooks that are no part of the pipeline."""
        folders = self.settings.check.notebook_folders
        return any(folder in ("", ".") or path.startswith(folder + "/") for folder in folders)

    def is_off(self, finding: Diagnostic) -> bool:
        """Whether the configuration switches a finding off."""
        check = self.settings.check
        return finding.code in check.ignore or any(
            finding.code in codes and fnmatchcase(finding.path, glob) for glob, codes in check.per_file_ignores
        )


def take(root: Path, settings: Configuration, state: State) -> Snapshot:
    """Read the project.  A dvc.yaml that cannot be read is a finding of its own."""
    findings: list[Finding] = []
    stages: tuple[Stage, ...] = ()
    top: tuple[tuple[str, str], ...] = ()
    try:
        text = read_text(root, "dvc.yaml")
        if text is not None:
            stage_names(text)  # which refuses what is no dvc.yaml
            data = read_yaml(text, "dvc.yaml", "NB601") or {}
            stages, top = tuple(_stages(data, yaml_nodes(text))), tuple(_top_files(data))
    except Nb2stageError as error:
        findings += map(Finding, error.diagnostics)
    return Snapshot(root, settings, state, git_files(root), stages, top, tuple(findings))


# -- dvc.yaml --------------------------------------------------------------------------------------------------------


def child(node: Any, key: str) -> Any:
    """The node of the value of a key, where the node is a mapping that has it."""
    if node is None or not hasattr(node, "value") or not isinstance(node.value, list):
        return None
    return next((v for k, v in _pairs(node) if k.value == key), None)


def _pairs(node: Any) -> Iterator[tuple[Any, Any]]:
    return (pair for pair in node.value if isinstance(pair, tuple))


def line_of(node: Any) -> int:
    """The 1-based line of a node."""
    return int(node.start_mark.line) + 1


def _stages(data: dict[Any, Any], root: Any) -> Iterator[Stage]:
    stages, nodes = data.get("stages"), child(root, "stages")
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        node = child(nodes, str(name))
        if isinstance(stage, dict) and isinstance(stage.get("do"), dict):
            stage, node = stage["do"], child(node, "do")
        if isinstance(stage, dict) and node is not None:
            yield _stage(str(name), stage, node)


def _stage(name: str, stage: dict[Any, Any], node: Any) -> Stage:
    wdir = stage.get("wdir")
    folder = wdir if isinstance(wdir, str) else "."
    command = child(node, "cmd")
    commands = command.value if isinstance(stage.get("cmd"), list) else [command] if command is not None else []
    params = stage.get("params")
    files = [key for entry in params if isinstance(entry, dict) for key in entry] if isinstance(params, list) else []
    return Stage(
        name,
        tuple((str(each.value), line_of(each)) for each in commands),
        folder,
        tuple((_joined(folder, path), line) for path, _, line in _entries(stage, node, "deps")),
        tuple(_joined(folder, str(file)) for file in files),
        tuple(
            Output(_joined(folder, path), kind, flags.get("cache", True) is not False, line)
            for kind in _OUTPUTS
            for path, flags, line in _entries(stage, node, kind)
        ),
    )


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path.replace("\\${", "${")))


def _entries(stage: dict[Any, Any], node: Any, key: str) -> Iterator[tuple[str, dict[Any, Any], int]]:
    """The paths below a key, with their flags and lines."""
    values, nodes = stage.get(key), child(node, key)
    if not isinstance(values, list) or nodes is None:
        return
    for value, place in zip(values, nodes.value, strict=True):
        for path, flags in value.items() if isinstance(value, dict) else [(value, {})]:
            yield str(path), flags if isinstance(flags, dict) else {}, line_of(place)


def _top_files(data: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    for kind in ("metrics", "params", "plots"):
        entries = data.get(kind)
        for entry in entries if isinstance(entries, list) else [entries] if isinstance(entries, dict) else []:
            for path in entry if isinstance(entry, dict) else [entry]:
                if isinstance(path, str) and posixpath.splitext(path)[1]:  # a plot may have a name that is no file
                    yield posixpath.normpath(path), kind
