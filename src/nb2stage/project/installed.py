"""Which pandas the notebook and its pipeline run with: that of the project's environment, which need not be ours.

Installed by pipx or as a hook, nb2stage lives apart from pandas.  Nothing is imported or run to find out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.patterns import Pattern
from nb2stage.trees import walk

# Activated, the first is what `python` in dvc.yaml means.
_ACTIVATED: Final = ("VIRTUAL_ENV", "CONDA_PREFIX")
_FOLDERS: Final = (".venv", "venv", "env")
_PACKAGES: Final = (
    "lib/python3*/site-packages",
    "Lib/site-packages",
    "lib/python3*/dist-packages",
    "lib/python3/dist-packages",
)
_LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock", "pixi.lock", "conda-lock.yml")
_PINS: Final = ("requirements*.txt", "requirements/*.txt", "environment.y*ml", "pyproject.toml", "setup.cfg", "Pipfile")
_INSTALLED: Final = Pattern(r"pandas-(\d+)\.[^-]*(?:-.*)?\.(?:dist-info|egg-info)")
_LOCKED: Final = Pattern(r"""name["']?\s*[=:]\s*["']?pandas["']?\s*,?\s*["']?version["']?\s*[=:]\s*["']?(\d+)\.""")
_PINNED: Final = Pattern(
    r"""(?:^|["'\s-])pandas(?:\[[\w,\s-]*\])?["']?\s*(?:=\s*["'])?\s*\(?"""
    r"""((?:[<>=!~^]=?=?\s*[\d.*]+\s*,?\s*)+)"""
)


def pandas_major(root: Path, environment: Mapping[str, str], search: Iterable[str]) -> int | None:
    """The major version of the project's pandas; None where nothing says it.

    Asked in turn: the activated environment, one in the project folder, the folders in which we look for modules
    ourselves (`search`), the `python` on the path, the project's lock files, and what the project says it needs.
    """
    prefixes = [Path(environment[name]) for name in _ACTIVATED if environment.get(name)]
    prefixes += [root / name for name in _FOLDERS]
    folders = [folder for prefix in prefixes for folder in _package_folders(prefix)] + [Path(name) for name in search]
    for folder in chain(folders, _of_python(environment.get("PATH", ""))):
        if found := _installed(folder):
            return found
    return _agreed(_locked(root)) or _agreed(_pinned(root))


def _of_python(path: str) -> Iterator[Path]:
    """The folders of the packages of the `python` on a path; looked for when the first is asked for."""
    import shutil

    python = shutil.which("python", path=path)
    yield from _package_folders(Path(python).parent.parent) if python else ()


def _package_folders(prefix: Path) -> list[Path]:
    return [folder for pattern in _PACKAGES for folder in sorted(prefix.glob(pattern))]


def _installed(folder: Path) -> int | None:
    for found in sorted(folder.glob("pandas-*")):
        if match := _INSTALLED.fullmatch(found.name):
            return int(match[1])
    return None


def _agreed(versions: Iterable[int]) -> int | None:
    """The one version that all say, as far as it makes a difference."""
    known = list(versions)
    return known[0] if known and len({version >= 3 for version in known}) == 1 else None


def _texts(root: Path, patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if path.is_file():
                yield path.read_text(encoding="utf-8", errors="replace")


def _locked(root: Path) -> Iterator[int]:
    for text in _texts(root, _LOCKS):
        yield from (int(found[1]) for found in _LOCKED.finditer(text))


def _pinned(root: Path) -> Iterator[int]:
    """What requirements leave open counts as nothing: `pandas>=2` may be either."""
    for text in _texts(root, _PINS):
        for line in text.splitlines():
            if (found := _PINNED.search(line.partition("#")[0])) and (version := _major_of(found[1])):
                yield version


def _major_of(specifiers: str) -> int | None:
    for operator, version in re.findall(r"([<>=!~^]+)\s*(\d+(?:\.\d+)*)", specifiers):
        major = version.partition(".")[0]
        if operator in ("=", "==", "===", "~=", "^", "~"):
            return int(major)
        if operator in ("<", "<=") and (int(major) < 3 or (operator == "<" and version.rstrip(".0") == "3")):
            return 2
        if operator in (">", ">=") and (int(major) >= 3 or (operator == ">" and int(major) > 2)):
            return int(major)
    return None


def not_known(trees: Iterable[ast.Module], path: str) -> list[Diagnostic]:
    """What to say where it is not known which pandas a notebook that imports it runs with."""
    if not imports_pandas(trees):
        return []
    message = (
        "it is not known which pandas runs this notebook: selections are taken to share memory, as before pandas 3"
    )
    hint = "activate the project's environment, make it in `.venv`, or pin pandas in requirements.txt"
    return [Diagnostic("NB260", message, hint, Severity.NOTE, path)]


def imports_pandas(trees: Iterable[ast.Module]) -> bool:
    """Whether some of this code names pandas in an import."""
    return any(
        name.split(".")[0] == "pandas"
        for tree in trees
        for node in walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    )
