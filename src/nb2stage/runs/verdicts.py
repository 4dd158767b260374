"""What `verify` is asked and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

from nb2stage.conversion import Conversion
from nb2stage.diagnostics import Diagnostic
from nb2stage.records import dataclass, field


class Status(Enum):
    """The verdict on one thing."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "not comparable"
    CLOCK = "wall-clock times, which no two runs have in common"
    UNSTABLE = "not reproducible in the notebook"


# Within a stage what comes first is what a reader looks for first.
KINDS: Final = ("metric", "variable", "shared objects", "random state", "settings", "figure", "file")


@dataclass(frozen=True)
class Item:
    """One thing that was compared: in which stage, of which kind, from which cell, with what outcome."""

    stage: str
    kind: str
    name: str
    status: Status
    cell: int | None = None
    how: str = ""
    line: int | None = None


@dataclass(frozen=True)
class StageCost:
    """Seconds and peak bytes of one stage, in the notebook and in the pipeline."""

    stage: str
    notebook_seconds: float
    pipeline_seconds: float
    load_seconds: float
    save_seconds: float
    notebook_memory: int
    pipeline_memory: int


@dataclass(frozen=True)
class Pair:
    """The files of one picture: the notebook's and the pipeline's, None where there is none."""

    suffix: str
    notebook: bytes | None
    pipeline: bytes | None


@dataclass
class Verdict:
    """What `verify` has found."""

    notebook: str
    stages: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    costs: list[StageCost] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: Diagnostic | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    pictures: dict[tuple[str, str], Pair] = field(default_factory=dict)  # by stage and name, where they were asked for

    def of(self, status: Status) -> list[Item]:
        """The items with this outcome, in the order of the stages."""
        return [item for item in self.items if item.status is status]

    @property
    def exit_code(self) -> int:
        """0 equal, 1 different, 2 could not be run."""
        return 2 if self.failure else 1 if self.of(Status.DIFFERENT) else 0


@dataclass(frozen=True)
class Subject:
    """What is verified: a notebook of a project, with its conversion."""

    root: Path
    notebook: str
    data: bytes
    conversion: Conversion
    tuned: Mapping[str, Any] = field(default_factory=dict)  # params.yaml as it is


@dataclass(frozen=True)
class Settings:
    """How it is verified.  `progress` is told what runs, and how far each of the two runs has come."""

    kernel: str = "python3"
    rtol: float = 0.0
    repeat: bool = False
    pictures: bool = False  # whether the verdict is to have the pictures themselves
    progress: Callable[[str, float, float], None] = lambda what, notebook, pipeline: None
