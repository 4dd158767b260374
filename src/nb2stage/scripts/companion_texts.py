"""The texts of the modules that scripts of every notebook share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from nb2stage.planning.stageplan import StagePlan

_FOLDER: Final = Path(__file__).with_name("companions")


def companion_texts(plans: Iterable[StagePlan]) -> dict[str, str]:
    """The modules that these stages need, by their paths in the project."""
    wanted = {path: name for plan in plans for name, path in plan.companions.items()}
    return {path: (_FOLDER / f"{name}.py").read_text(encoding="utf-8") for path, name in sorted(wanted.items())}
