"""Findings as CI shows them beside the changed lines: GitHub's workflow commands, GitLab's code quality report."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from nb2stage.diagnostics import Diagnostic
from nb2stage.files.repository import git_top
from nb2stage.patterns import Pattern

GITLAB_REPORT: Final = "gl-code-quality-report.json"
# How Jupyter writes the beginning of a cell's source: its keys stand three columns in, and no text of an output does.
_SOURCE: Final = Pattern(r'^   "source": (\[?)', re.MULTILINE)


def wanted(choice: str, environment: Mapping[str, str]) -> str:
    """`github`, `gitlab` or `none`; `auto` asks the environment."""
    if choice != "auto":
        return choice
    if environment.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if environment.get("GITLAB_CI") == "true" else "none"


def github(root: Path, findings: Sequence[Diagnostic]) -> Iterator[str]:
    """`::error file=train.py,line=3,title=NB406::text`, a line for each finding."""
    for finding in findings:
        path, line = place(root, finding)
        fields = {"file": path, "line": str(line), "title": finding.code}
        if finding.cell is None and finding.column is not None:
            fields["col"] = str(finding.column)
        where = f"cell {finding.cell}: " if finding.cell is not None else ""
        text = f"{where}{finding.message}" + (f"\nhint: {finding.hint}" if finding.hint else "")
        properties = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in fields.items() if value)
        yield f"::error {properties}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + more else char for char in text)


def write_gitlab(root: Path, findings: Sequence[Diagnostic]) -> None:
    """Write the report that GitLab takes as `artifacts:reports:codequality`."""
    entries = []
    for finding in findings:
        path, line = place(root, finding)
        where = f"cell {finding.cell}: " if finding.cell is not None else ""
        # the line is no part of it: a finding that moves is not a new one
        identity = "\0".join([finding.code, path, str(finding.cell), finding.message])
        entries.append(
            {
                "description": f"{where}{finding.message}" + (f" ({finding.hint})" if finding.hint else ""),
                "check_name": finding.code,
                "fingerprint": hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest(),
                "severity": "major",
                "location": {"path": path, "lines": {"begin": line}},
            }
        )
    text = json.dumps(entries, indent=2, ensure_ascii=True) + "\n"
    (root / GITLAB_REPORT).write_text(text, encoding="utf-8")


def place(root: Path, finding: Diagnostic) -> tuple[str, int]:
    """The path of a finding from the top of the repository, and its line in the file, 1 where it has none.

    The line of a cell is that in the notebook's JSON, as far as it is laid out the way Jupyter does it.
    """
    path, line = finding.path or ".", finding.line
    if (found := re.fullmatch(r"(.*):(\d+)", path)) is not None and line is None:
        path, line = found[1], int(found[2])
    if finding.cell is not None:
        line = _json_line(root / path, finding.cell, line)
    top = git_top(root)
    if top is not None and top != root:
        path = f"{root.relative_to(top).as_posix()}/{path}"
    return path, line or 1


def _json_line(path: Path, cell: int, line: int | None) -> int | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    sources = list(_SOURCE.finditer(text))
    if len(sources) != text.count('\n   "cell_type": '):
        return None
    if cell > len(sources):
        return None
    first = text.count("\n", 0, sources[cell - 1].start()) + 1
    return first + (line or 0) if sources[cell - 1][1] else first
