"""What planning fills in: the stages as they will be written, and the questions that it may ask of the disk."""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from nb2stage.analysis.crossings import StageData, Transfer
from nb2stage.analysis.dataflow import SourceCell
from nb2stage.analysis.notes import FileUse
from nb2stage.knowledge.formats import Format
from nb2stage.patterns import Pattern
from nb2stage.planning.definitions import DefinitionsModule
from nb2stage.planning.exhibits import Exhibit
from nb2stage.planning.pipeline import DvcStage, Out, Param
from nb2stage.reading.notebook import Cell
from nb2stage.records import dataclass, field


@dataclass
class CacheFile:
    """A transfer with its path and the names of the stages that read it."""

    path: str
    transfer: Transfer
    format: Format
    source: str
    consumers: dict[str, list[str]]  # stage name -> the names that it takes
    kinds: dict[str, str] = field(default_factory=dict)  # name -> `DataFrame`, `list`, ..., as far as known


@dataclass(frozen=True)
class PlotTable:
    """A file that DVC draws, at first with its stem as the path.

    `columns` are the lists that `names` hold; where the form is not `columns` there is one name: of a `frame`, of a frame
    with an index (`indexed`), or of a `series`.  Lists of which nobody knows that they have one length get `checks`.
    """

    path: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    x: str = ""
    ys: tuple[str, ...] = ()
    template: str = ""
    form: str = "columns"
    checks: bool = False

    def flags(self) -> dict[str, Any]:
        """The plot's entry in dvc.yaml."""
        y = self.ys[0] if len(self.ys) == 1 else list(self.ys)
        flags = {"template": self.template, "x": self.x, "y": y}
        return {key: value for key, value in flags.items() if value}


@dataclass(eq=False)
class StagePlan:
    """One stage as it will be written."""

    name: str
    script: str
    folder: str
    data: StageData
    cells: list[SourceCell]
    loads: list[CacheFile] = field(default_factory=list)
    saves: list[CacheFile] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[FileUse] = field(default_factory=list)
    made_dirs: set[str] = field(default_factory=set)
    moved: dict[ast.AST, str] = field(default_factory=dict)  # the path in a call -> the one in the script
    copies: list[tuple[str, str]] = field(
        default_factory=list
    )  # files that the stage goes on with: from where, to where
    needed_dirs: set[str] = field(default_factory=set)  # which another stage makes, and no file in them brings along
    outs: list[Out] = field(default_factory=list)
    metrics: list[Out] = field(default_factory=list)
    plots: list[Out] = field(default_factory=list)
    local_modules: list[str] = field(default_factory=list)
    definitions: list[DefinitionsModule] = field(default_factory=list)
    companions: dict[str, str] = field(default_factory=dict)  # modules that are the same in each project -> their paths
    metric_cells: dict[int, list[str]] = field(default_factory=dict)  # cell -> the metrics that it assigns
    metrics_file: str = ""
    plot_tables: dict[int, list[PlotTable]] = field(default_factory=dict)  # cell -> the tables that it assigns
    top_plots: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # path -> plot of several columns, not the stage's own
    draws: bool = False  # figures of matplotlib
    figures: str = ""  # the folder of these and of pictures of charts
    pages: str = ""  # the folder of charts as pages
    exhibits: dict[int, list[Exhibit]] = field(default_factory=dict)  # cell -> what it shows beside figures
    chart_methods: list[str] = field(default_factory=list)  # libraries whose `show` is called inside functions
    report: str = ""  # the markdown file of what the cells show
    tag: str = ""  # by which its cells belong to it: its name, but for a notebook whose stages have names of their own
    # stages whose figures the report has too -> their pictures and captions, where these are known
    others: dict[StagePlan, list[tuple[str, str]] | None] = field(default_factory=dict)
    texts: list[Cell] = field(default_factory=list)  # the cells of text that belong to it
    home: str = ""  # the folder in which the script works: that of the notebook, where its own paths need that

    @property
    def charts(self) -> list[str]:
        """The libraries whose charts the stage shows."""
        kinds = [exhibit.kind for found in self.exhibits.values() for exhibit in found]
        return list(dict.fromkeys([*kinds, *self.chart_methods]))

    def here(self, path: str) -> str:
        """A path of the project as the script writes it."""
        return posixpath.relpath(path, self.home) if self.home and not path.startswith("/") else path

    def imported_as(self, companion: str) -> str:
        """The name by which the script imports a module that scripts share: one beside it needs no folder before."""
        path = self.companions[companion].removesuffix(".py")
        return path.removeprefix(f"{self.folder}/").replace("/", ".")

    @property
    def far_companions(self) -> list[str]:
        """The paths of these modules that do not lie beside the script."""
        return [path for path in self.companions.values() if posixpath.dirname(path) != self.folder]

    @property
    def in_git(self) -> list[str]:
        """The results that git is to keep: DVC compares them with other commits."""
        outs = (*self.metrics, *self.plots, *(out for out in self.outs if not out.cache))
        return [out.path for out in outs]

    def copied(self, path: str) -> bool:
        """Whether the stage begins with a copy of this file as an earlier stage has left it."""
        return any(path == copy for _, copy in self.copies)

    @property
    def metric_names(self) -> list[str]:
        """The names in the stage's metrics file."""
        return list(dict.fromkeys(name for names in self.metric_cells.values() for name in names))

    def dvc_stage(self) -> DvcStage:
        """The entry in dvc.yaml."""
        deps = {self.script, *self.reads, *self.local_modules, *(file.path for file in self.loads)}
        deps |= {module.path for module in self.definitions} | {*self.companions.values()}
        deps -= {out.path for out in self.outs}  # `%%writefile helpers.py`, and the same stage imports it
        return DvcStage(
            name=self.name,
            cmd=f"python {self.script}",
            deps=tuple(sorted(deps)),
            params=tuple(sorted(param.key for param in self.params)),
            outs=tuple(sorted([Out(f.path) for f in self.saves] + self.outs, key=lambda out: out.path)),
            metrics=tuple(sorted(self.metrics, key=lambda out: out.path)),
            plots=tuple(sorted(self.plots, key=lambda out: out.path)),
        )


@dataclass(frozen=True)
class Surroundings:
    """What the planner has to know of the project on disk, as questions, so that it stays pure."""

    exists: Callable[[str], bool]
    is_dir: Callable[[str], bool]
    glob: Callable[[str], list[str]]
    tuned: Mapping[str, object]  # params.yaml as it is
    known_outs: frozenset[str]  # outs of our stages in the present dvc.yaml
    foreign_outs: Mapping[str, str]  # outs of other people's stages
    layout: str = "guideline"
    asked: frozenset[str] = frozenset()  # settings that ask for formats of cache files
    children: Callable[[str], list[str]] = lambda _: []  # what lies in a folder
    folder: str = ""  # in which the notebook lies, and its paths begin; empty for the project's own
    above: int = 0  # how many folders above the project belong to the same git repository
    others_params: frozenset[str] = frozenset()  # keys of params.yaml that belong to other notebooks
    line_length: int = 88  # characters in a line of the project's code


NO_VERSION_HINT = "`dvc import-url URL data/` keeps the version: read that file; or read a URL with a version in it"
# Behind the host: a commit, a version such as v1.2, `?version=`, a numbered record of an archive that never changes one.
_VERSION = Pattern(
    r"^\w+://[^/]+/(?:.*[/@=])?(?:[0-9a-f]{40}|[0-9a-f]{64})(?:[/?.]|$)"
    r"|^\w+://[^/]+/(?:.*[/@_-])?v?\d+\.\d+(?:\.\d+)*(?=[/@_-]|\.[a-z]|$)"
    r"|[?&](?:version|versionId|rev|revision)=[^&]+|\bzenodo\.org/(?:api/)?records?/\d+",
    re.IGNORECASE,
)


def has_version(url: str) -> bool:
    """Whether a URL names one version of its file, as far as the URL itself says so."""
    return _VERSION.search(url) is not None


def normal(path: str) -> str:
    """A path of the project as dvc.yaml has it: without `./`, and with forward slashes."""
    if "://" in path:
        return path
    # A backslash divides a path on Windows, and is a character like others elsewhere.
    return str(PurePosixPath(path.replace("\\", "/") if os.name == "nt" else path))
