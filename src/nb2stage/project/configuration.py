"""The project folder and its settings: `nb2stage.toml`, or `[tool.nb2stage]` in pyproject.toml."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.files.writer import STATE_PATH, read_text
from nb2stage.knowledge.formats import CHOICES
from nb2stage.patterns import Pattern
from nb2stage.texts.spelling import closest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


LAYOUTS: Final = ("guideline", "flat")
LINE_LENGTH: Final = 88
CONFIGURATION_FILE: Final = "nb2stage.toml"
# What makes a folder a project: the pipeline of a notebook in a folder below it goes here.
_MARKS: Final = ("dvc.yaml", ".dvc", ".git", "pyproject.toml", CONFIGURATION_FILE, STATE_PATH)
# A folder of one of these names is a part of a project, and no project itself.
_PARTS: Final = frozenset(("notebooks", "notebook", "nbs", "data_exploration", "hpo"))
_KEYS: Final = ("layout", "notebooks", "check", "calls", *CHOICES)
# What `nb2stage check` can be told to leave out: its own rules, and those of `convert` that do not stop a conversion.
CHECK_CODES: Final = (
    *("NB230", "NB405", "NB406"),
    *("NB701", "NB702", "NB710", "NB711", "NB720", "NB721", "NB722", "NB730", "NB731"),
)
_DOTTED: Final = Pattern(r"\w+(\.\w+)*\.(\w+|\*)")
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
    formats: tuple[str, ...] = ()  # the settings that ask for other formats of cache files


# -- which folder ----------------------------------------------------------------------------------------------------


def project_folder(notebooks: Sequence[Path], output: Path | None, here: Path) -> Path:
    """The folder in which the pipeline will run: that of `output` if given; else, without notebooks, the project that
    the current folder is in; else the project that the notebooks are in.

    That is the nearest folder above a notebook that nb2stage knows; else the nearest one, not above the current folder,
    that looks like a project; else the notebook's own, or the one above it where that is called `notebooks`.
    """
    if output is not None:
        return absolute(output, here)
    if not notebooks:
        return project_above(here) or here
    found = list(dict.fromkeys(_project_of(absolute(path, here).parent, here) for path in notebooks))
    if len(found) > 1:
        shown = " and ".join(os.path.relpath(folder, here) for folder in found)
        message = f"the notebooks belong to different projects: {shown}"
        hint = "convert them one after the other, or say with --output which folder the pipeline is to run in"
        raise Nb2stageError(Diagnostic("NB606", message, hint))
    return found[0]


def _project_of(folder: Path, here: Path) -> Path:
    known = project_above(folder)
    if known is not None:
        return known
    between = [each for each in (folder, *folder.parents) if each == here or here in each.parents]
    for each in between:
        if any((each / mark).exists() for mark in _MARKS):
            return each
    is_part = folder.name in _PARTS and folder != here
    return folder.parent if is_part else folder


def project_above(folder: Path) -> Path | None:
    """The nearest folder, this one or above it, that is a project of nb2stage; none above the top of a git repository."""
    for each in (folder, *folder.parents):
        if is_project(each):
            return each
        if (each / ".git").exists():
            return None
    return None


def is_project(folder: Path) -> bool:
    """Whether a notebook was converted in a folder, or it has settings of nb2stage."""
    if (folder / STATE_PATH).is_file() or (folder / CONFIGURATION_FILE).is_file():
        return True
    try:
        return "[tool.nb2stage" in (read_text(folder, "pyproject.toml") or "")
    except Nb2stageError:
        return False


def absolute(path: Path, here: Path) -> Path:
    """An absolute path without `..`; symbolic links stay."""
    return Path(os.path.normpath(here / path))


def inside(notebook: Path, root: Path, here: Path) -> str:
    """The notebook's path relative to the project, with forward slashes."""
    plain = absolute(notebook, here)
    for path, base in ((plain, root), (plain.resolve(), root.resolve())):
        if path.is_relative_to(base):
            _refuse_link(path, base)
            return path.relative_to(base).as_posix()
    message = f"the notebook lies outside the project folder, {root}"
    hint = "move the notebook into the project, or name another folder with --output"
    raise Nb2stageError(Diagnostic("NB606", message, hint, path=str(notebook)))


def _refuse_link(notebook: Path, root: Path) -> None:
    """`..` above a folder behind a link is another folder than the project's."""
    folder = notebook.parent
    if folder.resolve() != root.resolve() / folder.relative_to(root):
        message = f"its folder is a link to {folder.resolve()}: paths of the notebook begin there"
        hint = "convert it by the path that the link leads to, in the project that lies there"
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


def line_length(root: Path) -> int:
    """How many characters a line of a project's code may have: what ruff is told, else black, else what both assume.

    What is wrong with the settings of other tools is told by these.
    """
    for path in (".ruff.toml", "ruff.toml", "pyproject.toml"):
        try:
            text = read_text(root, path) or ""
            table = _parse(text, path) if "line-length" in text else {}
        except Nb2stageError:
            continue
        tools = table.get("tool") if path == "pyproject.toml" else {"ruff": table}
        for tool in ("ruff", "black"):
            settings = tools.get(tool) if isinstance(tools, dict) else None
            length = settings.get("line-length") if isinstance(settings, dict) else None
            if type(length) is int and length > 0:
                return length
    return LINE_LENGTH


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
    for key, name in CHOICES.items():
        if key in table and table[key] not in ("pickle", name):
            raise _wrong(path, f"`{key}` cannot be {table[key]!r}", _known(str(table[key]), ("pickle", name)))
    return Configuration(
        layout,
        tuple(notebooks),
        _check_settings(table.get("check", {}), path),
        _calls(table.get("calls", {}), path),
        tuple(key for key, name in CHOICES.items() if table.get(key) == name),
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
