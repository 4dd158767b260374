"""What a conversion reads beside the notebook, and what comes out of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from nb2stage.diagnostics import Diagnostic
from nb2stage.files.writer import State, read_text
from nb2stage.planning.pipeline import GeneratedFile
from nb2stage.planning.stageplan import StagePlan
from nb2stage.project.configuration import Configuration, line_length, read_configuration
from nb2stage.project.installed import pandas_major
from nb2stage.records import dataclass, field


def forbids_writing(diagnostics: list[Diagnostic]) -> bool:
    return any(d.forbids_writing for d in diagnostics)


@dataclass(frozen=True)
class Project:
    """What a conversion reads of the project beside the notebook."""

    root: Path
    state: State
    layout: str = "guideline"
    force: bool = False
    made: Mapping[str, str] = field(default_factory=dict)  # what notebooks before this one have made, not yet on disk

    @cached_property
    def settings(self) -> Configuration:
        """The settings of the project, read once."""
        return read_configuration(self.root)

    @cached_property
    def pandas(self) -> int | None:
        """The major version of the pandas that runs its notebooks; None where that is not known."""
        return pandas_major(self.root, os.environ, sys.path)

    @cached_property
    def line_length(self) -> int:
        """How many characters a line of its code may have."""
        return line_length(self.root)

    def text(self, path: str) -> str | None:
        """The text of a project file as it is when this notebook is converted."""
        return self.made[path] if path in self.made else read_text(self.root, path)


@dataclass
class Conversion:
    """The outcome: findings, and unless one of them is an error the stages and the files as they should be."""

    diagnostics: list[Diagnostic]
    stages: list[StagePlan] = field(default_factory=list)
    files: list[GeneratedFile] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unused_params: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    state: State = field(default_factory=State)

    @property
    def failed(self) -> bool:
        """Whether a finding forbids writing."""
        return forbids_writing(self.diagnostics)
