"""What a conversion makes, before it is text: stages, what they read and write, parameters.

Everything below is what the emitters (`scripts`, `dvcyaml`) read; `plan` in `convert` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nb2stage.records import dataclass, field


@dataclass(frozen=True)
class Out:
    """A path that a stage writes, with DVC's own switches; `plot` says how DVC draws it: `x`, `y` and `template`."""

    path: str
    cache: bool = True
    persist: bool = False
    plot: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DvcStage:
    """One entry under `stages:` of dvc.yaml.  Paths are relative to the project, with forward slashes."""

    name: str
    cmd: str
    deps: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    outs: tuple[Out, ...] = ()
    metrics: tuple[Out, ...] = ()
    plots: tuple[Out, ...] = ()


@dataclass(frozen=True)
class Param:
    """A value of params.yaml: `key` is its dotted path there (`train.n_estimators`), `value` a plain YAML value.

    `comment` is the comment that stands behind it in the notebook, without the `#`.
    """

    name: str
    key: str
    value: object
    comment: str = ""


@dataclass(frozen=True)
class GeneratedFile:
    """A file of the project as it should be: `path` relative to the project, the whole `text`, and whether hand edits
    of it are `protected`: scripts are merged line by line when they are written, and dvc.yaml, params.yaml and
    .gitignore have their edits in them already.

    `source` is the notebook that the text comes from; `origin` the path of the script before its stage was renamed.
    What is `shared` several notebooks may ask for.
    """

    path: str
    text: str
    protected: bool = False
    source: str = ""
    origin: str = ""
    shared: bool = False
