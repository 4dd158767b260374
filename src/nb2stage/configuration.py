"""The project folder and its settings: `nb2stage.toml`, or `[tool.nb2stage]` in pyproject.toml."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.diagnostics import Diagnostic, Nb2stageError, Severity
from nb2stage.files.writer import read_text
from nb2stage.spelling import closest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nb2stage.planning.stageplan import StagePlan

LAYOUTS: Final = ("guideline", "flat")
CONFIGURATION_FILE: Final = "nb2stage.toml"
# What makes a folder a project: the pipeline of a notebook in a folder below it goes here.
_MARKS: Final = ("dvc.yaml", ".dvc", ".git", "pyproject.toml", CONFIGURATION_FILE)
_KEYS: Final = ("layout", "notebooks", "check", "calls")
# What `nb2stage check` can be told to leave out: its own rules, and those of `convert` that do not stop a conversion.
CHECK_CODES: Final = (
    *("NB230", "NB405", "NB406"),
    *("NB701", "NB702", "NB710", "NB711", "NB720", "NB721", "NB722", "NB730", "NB731"),
)
_DOTTED: Final = re.compile(r"\w+(\.\w+)*\.(\w+|\*)")
_CHECK_KEYS: Final = ("ignore", "per-file-ignores", "notebook-folders", "max-output-kb")


class CheckSettings(NamedTuple):
    """The settings of `nb2stage check`: rules that are off, everywhere or for some paths, and what rules measure by."""

    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    notebook_folders: tuple[str, ...] = ("data_exploration", "hpo")
    max_output_kb: int = 500


class Configuration(NamedTuple):
    """The settings of a project."""

    layout: str = "guideline"
    notebooks: tuple[str, ...] = ()
    check: CheckSettings = CheckSettings()
    calls: Mapping[str, str] = MappingProxyType(
        {}
    )  # what library calls do, in the words of `knowledge`, by dotted path


# -- which folder ----------------------------------------------------------------------------------------------------


def project_folder(notebooks: Sequence[Path], output: Path | None, here: Path) -> Path:
    """The folder in which the pipeline will run.

    `output` if given; else the current folder where it is a project or holds a notebook; else the folder of the
    notebooks, because that is where they ran and where their relative paths mean what they meant.
    """
    if output is not None:
        return absolute(output, here)
    folders = list(dict.fromkeys(absolute(path, here).parent for path in notebooks))
    if here in folders or any((here / mark).exists() for mark in _MARKS) or not folders:
        return here
    if len(folders) > 1:
        message = "the notebooks lie in different folders, and the current folder is no project"
        raise Nb2stageError(Diagnostic("NB606", message, "say with --output which folder the pipeline is to run in"))
    return folders[0]


def absolute(path: Path, here: Path) -> Path:
    """An absolute path without `..`; symbolic links stay."""
    return Path(os.path.normpath(here / path))


def inside(notebook: Path, root: Path, here: Path) -> str:
    """The notebook's path relative to the project, with forward slashes."""
    plain = absolute(notebook, here)
    for path, base in ((plain, root), (plain.resolve(), root.resolve())):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    message = f"the notebook lies outside the project folder, {root}"
    hint = "move the notebook into the project, or name another folder with --output"
    raise Nb2stageError(Diagnostic("NB606", message, hint, path=str(notebook)))


def read_notebook_bytes(path: Path) -> bytes:
    """The bytes of a notebook; what stands in the way is the user's to mend."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _unreadable(path, "there is no such file", _nearest(path)) from error
    except IsADirectoryError as error:
        raise _unreadable(path, "this is a folder", "name the notebook itself: a file that ends in .ipynb") from error
    except OSError as error:
        raise _unreadable(path, f"the file cannot be read: {error.strerror or error}", "") from error


def _unreadable(path: Path, message: str, hint: str) -> Nb2stageError:
    return Nb2stageError(Diagnostic("NB100", message, hint, path=str(path)))


def _nearest(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.suffix == ".ipynb")
    except OSError:
        return f"there is no folder `{path.parent}` either"
    close = closest(path.name, names, 0.5)
    return f"did you mean `{path.with_name(close)}`?" if close else ""


# -- paths of the notebook that mean something else ------------------------------------------------------------------


def moved_paths(plans: Sequence[StagePlan], notebook: str, root: Path) -> list[Diagnostic]:
    """What a notebook of another folder than the project's reads by a relative path or imports from beside it.

    The notebook ran in its own folder, the pipeline runs in the project folder.  A file that is there only beside
    the notebook would not be found, one that is in both places may be another one.
    """
    beside = (root / notebook).parent
    if beside == root:
        return []
    found = []
    made = {out.path for plan in plans for out in (*plan.outs, *plan.metrics, *plan.plots)}
    for plan in plans:
        found += [
            _moved(f"`{path}` is read", (root / path).exists(), plan.name, notebook)
            for path in plan.reads
            if not Path(path).is_absolute() and path not in made and (beside / path).exists()
        ]
        found += [
            _moved(f"module `{name}` is imported", False, plan.name, notebook)
            for name in _imported(plan)
            if _is_module(beside, name) and not _is_module(root, name)
        ]
    return found


def _imported(plan: StagePlan) -> list[str]:
    import ast

    names: list[str] = []
    for statement in (*plan.data.statements, *plan.data.repeats):
        node = statement.node
        if isinstance(node, ast.Import):
            names += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module.partition(".")[0])
    return list(dict.fromkeys(names))


def _is_module(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def _moved(what: str, also_here: bool, stage: str, notebook: str) -> Diagnostic:
    folder = notebook.rpartition("/")[0]
    hint = f"make the notebook's own folder the project: `--output {folder}`"
    if also_here:
        message = f"{what} from the project folder, and there is another one beside the notebook, in `{folder}`"
        return Diagnostic("NB407", message, hint, Severity.WARNING, notebook, stage=stage)
    message = f"{what} from `{folder}`, beside the notebook, but the pipeline runs in the project folder"
    return Diagnostic(
        "NB407", message, f"{hint}, or move the notebook to the project folder", Severity.ERROR, notebook, stage=stage
    )


# -- settings --------------------------------------------------------------------------------------------------------


def read_configuration(root: Path) -> Configuration:
    """The settings of a project; the defaults where there are none."""
    text = read_text(root, CONFIGURATION_FILE)
    if text is not None:
        return _checked(_parse(text, CONFIGURATION_FILE), CONFIGURATION_FILE)
    text = read_text(root, "pyproject.toml")
    if text is None or "nb2stage" not in text:
        return Configuration()
    tool = _parse(text, "pyproject.toml").get("tool")
    table = tool.get("nb2stage") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise _wrong("pyproject.toml", "`tool.nb2stage` is not a table", "write `[tool.nb2stage]`, keys below it")
    return _checked(table or {}, "pyproject.toml")


def _parse(text: str, path: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(path, f"this is not TOML: {error}", "mend the line") from error


def _checked(table: dict[str, Any], path: str) -> Configuration:
    for key in table:
        if key not in _KEYS:
            raise _wrong(path, f"nb2stage has no setting `{key}`", _known(key, _KEYS))
    layout = table.get("layout", "guideline")
    if layout not in LAYOUTS:
        raise _wrong(path, f"`layout` cannot be {layout!r}", _known(str(layout), LAYOUTS))
    notebooks = table.get("notebooks", [])
    if not isinstance(notebooks, list) or not all(isinstance(name, str) for name in notebooks):
        raise _wrong(path, "`notebooks` is not a list of paths", 'write `notebooks = ["explore.ipynb"]`')
    return Configuration(
        layout, tuple(notebooks), _check_settings(table.get("check", {}), path), _calls(table.get("calls", {}), path)
    )


def _check_settings(table: Any, path: str) -> CheckSettings:
    if not isinstance(table, dict):
        raise _wrong(path, "`check` is not a table", "write `[check]` (`[tool.nb2stage.check]` in pyproject.toml)")
    for key in table:
        if key not in _CHECK_KEYS:
            raise _wrong(path, f"nb2stage has no setting `check.{key}`", _known(key, _CHECK_KEYS))
    files = table.get("per-file-ignores", {})
    if not isinstance(files, dict):
        raise _wrong(path, "`check.per-file-ignores` is not a table", 'write `"hpo/*" = ["NB731"]` lines below it')
    folders = table.get("notebook-folders", list(CheckSettings().notebook_folders))
    if not isinstance(folders, list) or not all(isinstance(folder, str) for folder in folders):
        raise _wrong(path, "`check.notebook-folders` is not a list of paths", 'write `["data_exploration", "hpo"]`')
    size = table.get("max-output-kb", CheckSettings().max_output_kb)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _wrong(path, "`check.max-output-kb` is not a number of kilobytes", "write `max-output-kb = 500`")
    return CheckSettings(
        _codes(table.get("ignore", []), "check.ignore", path),
        tuple((glob, _codes(codes, f'check.per-file-ignores."{glob}"', path)) for glob, codes in files.items()),
        tuple(folder.strip("/") for folder in folders),
        size,
    )


def _codes(codes: Any, key: str, path: str) -> tuple[str, ...]:
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise _wrong(path, f"`{key}` is not a list of rules", 'write `["NB731"]`')
    for code in codes:
        if code not in CHECK_CODES:
            raise _wrong(path, f"`{key}` cannot switch off {code!r}", f"it can be one of {', '.join(CHECK_CODES)}")
    return tuple(codes)


def _calls(table: Any, path: str) -> dict[str, str]:
    if not table:
        return {}
    from nb2stage.knowledge import RowError, parse

    example = '`"plotlib.wiggle" = "atom plots"`'
    if not isinstance(table, dict) or not all(isinstance(words, str) for words in table.values()):
        raise _wrong(path, "`calls` is not a table of words", f"write lines such as {example} below `[calls]`")
    for name, words in table.items():
        if not _DOTTED.fullmatch(name):
            raise _wrong(
                path, f"`calls`: {name!r} is not the full name of a library's function", f"write it as in {example}"
            )
        try:
            parse(words)
        except RowError as error:
            raise _wrong(path, f'`calls."{name}"`: {error}', "docs/development.md explains the words") from error
    return dict(table)


def _known(word: str, words: Sequence[str]) -> str:
    close = closest(word, words)
    return f"did you mean `{close}`?" if close else "use " + " or ".join(f"`{each}`" for each in words)


def _wrong(path: str, message: str, hint: str) -> Nb2stageError:
    return Nb2stageError(Diagnostic("NB620", message, hint, path=path))
