"""What a person has been told of a project on this machine: the next conversion tells what is new.

It lies where DVC keeps what is of this machine alone, so that no clone and no commit depends on it.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PATH: Final = ".dvc/tmp/nb2stage-told.json"


def new_findings(root: Path, findings: Sequence[Diagnostic], notebooks: Sequence[str]) -> list[Diagnostic]:
    """The findings that the last conversion of these notebooks has not told already; they count as told from now on.

    Errors are told each time.  A cell that has moved is no news.
    """
    before = _read(root)
    kept = {path: texts for path, texts in before.items() if path not in notebooks}
    now: dict[str, list[str]] = {path: [] for path in notebooks}
    new = []
    for finding in findings:
        text = f"{finding.code} {finding.stage} {finding.source} {finding.message}"
        if finding.severity is Severity.ERROR or text not in before.get(finding.path, ()):
            new.append(finding)
        now.setdefault(finding.path, []).append(text)
    with contextlib.suppress(OSError):  # then it is told again
        if (root / ".dvc").is_dir():
            (root / _PATH).parent.mkdir(exist_ok=True)
            (root / _PATH).write_text(json.dumps({**kept, **now}, indent=1), encoding="utf-8")
    return new


def _read(root: Path) -> dict[str, list[str]]:
    try:
        data = json.loads((root / _PATH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
