"""What the `pip install` lines of a notebook install + the existing text -> requirements.txt.

A package that stands there keeps its line, and so its pin; what is missing is added at the end.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.patterns import Pattern
from nb2stage.reading.tags import Role
from nb2stage.texts.yamltext import insertion, splice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nb2stage.analysis.dataflow import SourceCell

REQUIREMENTS: Final = "requirements.txt"
_NAME: Final = Pattern(r"\s*([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\]\s*)?(?![\w/:\\+])")
_LOCAL: Final = Pattern(r"\.{0,2}/|\.{1,2}(\[|$)|[^:@]*\.whl$")


def installed_by(cells: Iterable[SourceCell]) -> list[str]:
    """What the cells of a notebook install."""
    return [each for cell in cells if cell.role.role is not Role.SKIP for each in cell.python.requirements]


def update_requirements(
    existing: str | None, wanted: Sequence[str], notebook: str, path: str = REQUIREMENTS
) -> tuple[str, list[Diagnostic]]:
    """requirements.txt with all that a notebook installs in it, and notes where it asks for another version.

    `wanted` are arguments of pip: `pandas>=2`, `-r more.txt`, `-e .`; paths among them are relative to the notebook.
    """
    text = existing or ""
    there = {_key(line): line.partition(" #")[0].strip() for line in text.splitlines() if line.strip()}
    added: list[str] = []
    notes: list[Diagnostic] = []
    for requirement in wanted:
        line = _in_project(requirement, posixpath.dirname(notebook))
        key = _key(line)
        if line == f"-r {path}":
            continue
        if key not in there:
            there[key] = line
            added.append(line)
        elif _version(line) and _version(line) != _version(there[key]):
            message = f"the notebook installs `{line}`, {path} asks for `{there[key]}`: it was left as it is"
            notes.append(Diagnostic("NB309", message, "change one of the two by hand", Severity.NOTE, notebook))
    return (splice(text, [insertion(text, len(text), added, 0)]) if added else text), notes


def package_names(text: str) -> set[str]:
    """The packages that a requirements.txt names, spelled as package indexes spell them."""
    return {_key(line) for line in text.splitlines() if line.strip()}


def _key(line: str) -> str:
    """What a line is about: the package as package indexes spell it, or the line itself."""
    found = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else line.partition(" #")[0].strip()


def _version(line: str) -> str:
    """The versions that a line allows, spelled in one way; empty for any."""
    found = re.search(r"[=<>!~]=?.*", line)
    return re.sub(r"\s+", "", found[0]) if found else ""


def _in_project(requirement: str, folder: str) -> str:
    """A requirement whose path is relative to the project."""
    option, _, target = requirement.rpartition(" ")
    if not folder or posixpath.isabs(target) or not (option == "-r" or _LOCAL.match(target)):
        return requirement
    place = posixpath.normpath(posixpath.join(folder, target))
    return f"{option} {place}" if option else f"./{place}"
