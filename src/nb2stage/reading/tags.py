"""The tag grammar, parsed once: tags and `#|` lines -> `CellRole`s and ordered `StageSpec`s."""

from __future__ import annotations

import keyword
import re
from enum import Enum
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from nb2stage.diagnostics import Diagnostic, Severity
from nb2stage.patterns import Pattern
from nb2stage.reading.stages import STAGES
from nb2stage.records import dataclass, field
from nb2stage.texts.spelling import closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nb2stage.reading.notebook import Cell, Notebook

WORDS: Final = ("parameters", "setup", "metrics", "plots", "explore", "hpo", "skip")
INJECTED: Final = (
    "injected-parameters"  # papermill's: other values for the cell tagged `parameters`, below which it stands
)
_KEYS: Final = ("stage", "tags", "deps", "outs", "x", "y", "template")
TEMPLATES: Final = (
    *("linear", "simple", "smooth", "scatter", "scatter_jitter", "confusion", "confusion_normalized"),
    *("bar_horizontal", "bar_horizontal_sorted"),
)
_ALSO: Final = {"bar": "bar_horizontal", "bar_sorted": "bar_horizontal_sorted", "line": "linear"}
# What people write for a tag of ours, and `closest` would miss or misjudge.
_MEANT: Final = {
    "imports": "import",
    "load": "import",
    "cleaning": "clean",
    "preprocessing": "preprocess",
    "preproc": "preprocess",
    "splitting": "split",
    "training": "train",
    "eval": "evaluate",
    "evaluation": "evaluate",
    "reporting": "report",
    "params": "parameters",
    "param": "parameters",
    "exploration": "explore",
    "eda": "explore",
}
# Other tools' tags that are spelt almost like one of ours.
_THEIRS: Final = frozenset({"export", "exports", "exporti"})
_NAME: Final = Pattern(r"[A-Za-z][A-Za-z0-9_-]*")
_NUMBERED: Final = Pattern(r"[_-]\d+$")
_DEVICES: Final = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))})
_PREFIX: Final = Pattern(r"(stage|step)\s*([:=/ _-])\s*(.*)", re.IGNORECASE)
_DIRECTIVE: Final = Pattern(r"#\s?\|\s*([A-Za-z_-]+)\s*:\s*(.*?)\s*$")
_ITEM: Final = Pattern(r"#\s?\|\s*-\s+(.*?)\s*$")
_LOOSE: Final = Pattern(r"#\s?\|\s*(stage)\b\s*=?\s*(.*?)\s*$", re.IGNORECASE)
_LIST: Final = Pattern(r"""\s*("[^"]*"|'[^']*'|[^,]+)""")
_HOW: Final = (
    "`nb2stage tag NOTEBOOK` proposes a stage for each cell; or tag cells yourself, e.g. `train` (JupyterLab: Property "
    "Inspector > Cell Tags), or write `#| stage: train` as the first line of a cell"
)


class Role(Enum):
    """What a code cell is to the pipeline."""

    STAGE = "stage"
    PARAMETERS = "parameters"
    SETUP = "setup"
    UNTAGGED = "untagged"
    SKIP = "skip"


@dataclass(frozen=True)
class CellRole:
    """A code cell and what its tags say.

    `explicit` tells whether the user gave the role: an `explore` cell is UNTAGGED and explicit, one without tags is
    not.  `deps` and `outs` are the paths of its `#| deps:` and `#| outs:` lines; `x`, `y` and `template` say how DVC draws
    the table of a cell tagged `plots`.
    """

    cell: Cell
    role: Role
    stage: str | None
    metrics: bool = False
    plots: bool = False
    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    explicit: bool = False
    x: str = ""
    y: tuple[str, ...] = ()
    template: str = ""


@dataclass(frozen=True)
class StageSpec:
    """A stage by its tags: its cells in the order of the notebook."""

    name: str
    cells: tuple[CellRole, ...]


@dataclass
class _Reading:
    """What the tags and `#|` lines of one cell were read as."""

    cell: Cell
    path: str
    findings: list[Diagnostic]
    words: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    deps: list[str] = field(default_factory=list)
    outs: list[str] = field(default_factory=list)
    plot: dict[str, list[str]] = field(default_factory=dict)

    def report(
        self, code: str, message: str, hint: str, line: int | None = None, severity: Severity = Severity.ERROR
    ) -> None:
        self.findings.append(
            Diagnostic(code, message, hint, severity=severity, path=self.path, cell=self.cell.index, line=line)
        )

    def warn(self, code: str, message: str, hint: str, line: int | None = None) -> None:
        self.report(code, message, hint, line, Severity.WARNING)


@dataclass(frozen=True)
class _Directive:
    """A `#| key: value` line of ours."""

    line: int
    key: str
    values: tuple[str, ...]


def parse_tags(notebook: Notebook) -> tuple[tuple[CellRole, ...], tuple[StageSpec, ...], list[Diagnostic]]:
    """The roles of all code cells, the stages in the order of their first cell, and what is wrong with the tags."""
    findings: list[Diagnostic] = []
    roles = tuple(_cell_role(cell, notebook.path, findings) for cell in notebook.cells if cell.kind == "code")
    by_stage: dict[str, list[CellRole]] = {}
    for role in roles:
        if role.stage is not None:
            by_stage.setdefault(role.stage, []).append(role)
    stages = tuple(StageSpec(name, tuple(cells)) for name, cells in by_stage.items())
    _check_clashes(stages, notebook.path, findings)
    if not stages and not any(f.severity is Severity.ERROR for f in findings):
        findings.append(Diagnostic("NB114", "no cell belongs to a stage", _HOW, path=notebook.path))
    return roles, stages, findings


def run_order(roles: Sequence[CellRole], path: str) -> list[Diagnostic]:
    """A warning where the saved outputs come from cells that were run in another order than they stand in."""
    run = [r.cell for r in roles if r.role in (Role.STAGE, Role.PARAMETERS, Role.SETUP) and r.cell.count is not None]
    for before, after in pairwise(run):
        if (before.count or 0) > (after.count or 0):
            message = (
                f"the saved outputs are not those of a run from top to bottom: this cell (In [{after.count}]) was run "
                f"before cell {before.index} above it (In [{before.count}])"
            )
            hint = "restart the kernel and run all cells to see what the notebook gives, and the pipeline with it"
            return [Diagnostic("NB125", message, hint, Severity.WARNING, path, after.index)]
    return []


def report_texts(notebook: Notebook, roles: Sequence[CellRole]) -> tuple[Cell, ...]:
    """The cells of markdown that belong to the report: tagged so, or between two of its cells."""
    codes = {role.cell.index for role in roles if role.stage == "report"}
    tagged = {c.index for c in notebook.cells if c.kind == "markdown" and {"report", "stage:report"} & set(c.tags)}
    cells = [cell for cell in notebook.cells if cell.kind != "raw"]
    texts: list[Cell] = []
    for is_between, group in groupby(cells, lambda c: c.kind == "markdown" and c.index not in tagged):
        run = list(group)
        if is_between:
            first, last = cells.index(run[0]), cells.index(run[-1])
            ends = [cell.index for cell in (*cells[first - 1 : first], *cells[last + 1 : last + 2])]
            run = (
                [c for c in run if not {"skip", "explore"} & set(c.tags)]
                if len(ends) == 2 and {*ends} <= codes | tagged
                else []
            )
        texts += [cell for cell in run if cell.kind == "markdown"]
    return tuple(texts)


def directive_lines(source: str) -> frozenset[int]:
    """The 1-based lines of a cell that are `#|` lines for nb2stage: they say nothing to a reader of the script."""
    lines: set[int] = set()
    for number, _, directive in _leading(source):
        if directive is not None:
            lines.add(number)
    return frozenset(lines)


def _cell_role(cell: Cell, path: str, findings: list[Diagnostic]) -> CellRole:
    """The role of one code cell."""
    reading = _Reading(cell, path, findings)
    for tag in cell.tags:
        _read_tag(reading, tag, None)
    for directive in _directives(cell.source):
        _read_directive(reading, directive)
    _check_stray(reading)
    _check_plot(reading)
    role, stage = _decide(reading)
    in_stage = role is Role.STAGE
    return CellRole(
        cell,
        role,
        stage,
        metrics=in_stage and "metrics" in reading.words,
        plots=in_stage and "plots" in reading.words,
        deps=tuple(dict.fromkeys(reading.deps)),
        outs=tuple(dict.fromkeys(reading.outs)),
        explicit=role is not Role.UNTAGGED or "explore" in reading.words,
        x=reading.plot.get("x", [""])[0],
        y=tuple(dict.fromkeys(reading.plot.get("y", ()))),
        template=_ALSO.get(template := reading.plot.get("template", [""])[0], template),
    )


def _check_plot(reading: _Reading) -> None:
    """Say so where a line about a plot says nothing to DVC."""
    for directive in _directives(reading.cell.source):
        if directive.key not in ("x", "y", "template"):
            continue
        if "plots" not in reading.words:
            hint = "add the tag `plots`, which writes what the cell assigns for `dvc plots`"
            reading.warn("NB115", f"`#| {directive.key}:` is for cells tagged `plots`", hint, directive.line)
        for value in directive.values if directive.key == "template" else ():
            if value not in TEMPLATES and value not in _ALSO:
                close = closest(value.lower(), (*TEMPLATES, *_ALSO)) or "linear"
                hint = f"write `#| template: {close}`, or put {value}.json into .dvc/plots/"
                reading.warn("NB115", f"DVC has no template {value!r} of its own", hint, directive.line)


def _read_directive(reading: _Reading, directive: _Directive) -> None:
    """Note down what a `#|` line says."""
    if not directive.values:
        examples = {"deps": "data/a.csv", "outs": "out/b.csv", "x": "epoch", "y": "loss", "template": "scatter"}
        example = examples.get(directive.key, "train")
        hint = f"write `#| {directive.key}: {example}`, or delete the line"
        reading.report("NB115", f"`#| {directive.key}:` says nothing", hint, directive.line)
    for value in directive.values:
        if directive.key == "stage":
            if value in STAGES or value in WORDS:
                _read_tag(reading, value, directive.line)
            else:
                _read_stage_name(reading, _PREFIX.sub(r"\3", value) if ":" in value else value, directive.line)
        elif directive.key == "tags":
            _read_tag(reading, value, directive.line)
        else:
            lists = {"deps": reading.deps, "outs": reading.outs}
            lists.get(directive.key, reading.plot.setdefault(directive.key, [])).append(value)


def is_ours(tag: str) -> bool:
    """Whether a tag is one of nb2stage's."""
    return tag in STAGES or tag in WORDS or tag.startswith("stage:")


def _read_tag(reading: _Reading, tag: str, line: int | None) -> None:
    """Note down one tag; somebody else's is left alone."""
    if tag in STAGES:
        reading.stages.append(tag)
    elif tag in WORDS:
        reading.words.append(tag)
    elif tag == INJECTED:
        reading.words.append("parameters")
    elif tag.startswith("stage:"):
        name = tag.removeprefix("stage:").strip()
        if name in WORDS:
            reading.words.append(name)
        else:
            _read_stage_name(reading, name, line)
    elif meant := _meant(tag):
        hint = f"write the tag `{meant}` if you meant it; another tool's tag is ignored"
        reading.warn("NB113", f"the tag {tag!r} is not one of nb2stage's: did you mean `{meant}`?", hint, line)


def _meant(tag: str) -> str | None:
    """The tag of ours that a tag was likely meant to be."""
    lower = tag.lower()
    if lower in _THEIRS:
        return None
    if lower in STAGES or lower in WORDS:
        return lower
    if prefixed := _PREFIX.fullmatch(tag):
        name = prefixed[3].strip()
        if name in STAGES or name in WORDS:
            return name
        return f"stage:{name or 'NAME'}" if prefixed[2] in ":=" else None
    if lower in _MEANT:
        return _MEANT[lower]
    return closest(lower, (*STAGES, *WORDS), 0.8)


def _read_stage_name(reading: _Reading, name: str, line: int | None) -> None:
    """Note down a stage of the user's own, if the name can be one."""
    problem = _name_problem(name)
    if problem:
        hint = "use letters, digits, `-` and `_`, starting with a letter, e.g. `stage:train_model`"
        reading.report("NB112", f"{name!r:.60} cannot be a stage name: {problem}", hint, line)
        return
    lower = name.lower()
    close = closest(lower, (*STAGES, *WORDS), 0.8)
    if name not in STAGES and close and unnumbered(name) not in STAGES:
        hint = f"write `{close}` if you meant that; otherwise nothing needs to be done"
        reading.warn("NB113", f"the stage {name!r} is spelt almost like `{close}`", hint, line)
    reading.stages.append(name)


def unnumbered(name: str) -> str:
    """The stage of ours of which a name is another one: `train` of `train_2`."""
    return _NUMBERED.sub("", name)


def _name_problem(name: str) -> str | None:
    """Why a name cannot be that of a stage, which is also a file name and a name in dvc.yaml."""
    if name in STAGES:
        return None
    if not name:
        return "it is empty"
    if not _NAME.fullmatch(name):
        return "it must consist of letters, digits, `-` and `_`, and start with a letter"
    if keyword.iskeyword(name):
        return "it is a keyword of Python"
    if name.lower() in _DEVICES:
        return "Windows reserves it for a device"
    if len(name) > 100:
        return "it is longer than 100 characters"
    return None


def _decide(reading: _Reading) -> tuple[Role, str | None]:
    """The one role of a cell; a contradiction is a finding."""
    stages = list(dict.fromkeys(reading.stages))
    words = list(dict.fromkeys(reading.words))
    if len(stages) > 1:
        names = " and ".join(f"`{s}`" for s in stages)
        hint = "keep one of the tags, or split the cell in two"
        reading.report("NB110", f"the cell belongs to {len(stages)} stages: {names}", hint)
    roles = [w for w in words if w not in ("metrics", "plots")]
    kinds = dict.fromkeys(_ROLE_OF[w] for w in roles)
    if len(kinds) > 1 and set(roles) <= {"explore", "skip", "hpo"}:
        kinds = {Role.SKIP: None}
    if (stages and kinds) or len(kinds) > 1:
        named = ", ".join(f"`{w}`" for w in (*stages[:1], *roles))
        hint = f"keep one of them; a cell tagged `{roles[-1]}` belongs to no stage" if stages else "keep one of them"
        reading.report("NB111", f"these tags exclude each other: {named}", hint)
    if stages:
        return Role.STAGE, stages[0]
    role = next(iter(kinds), Role.UNTAGGED)
    if role is not Role.SKIP and (lonely := [w for w in words if w in ("metrics", "plots")]):
        hint = "add the tag of the stage that the cell belongs to, e.g. `evaluate`"
        reading.report("NB116", f"the tag `{lonely[0]}` needs a stage tag beside it", hint)
    return role, None


_ROLE_OF: Final = {
    "parameters": Role.PARAMETERS,
    "setup": Role.SETUP,
    "explore": Role.UNTAGGED,
    "hpo": Role.SKIP,
    "skip": Role.SKIP,
}


def _check_clashes(stages: tuple[StageSpec, ...], path: str, findings: list[Diagnostic]) -> None:
    """Two stages whose names differ in case or in `-` and `_` only would share a file on some systems."""
    seen: dict[str, StageSpec] = {}
    for stage in stages:
        other = seen.setdefault(stage.name.lower().replace("-", "_"), stage)
        if other is not stage:
            message = f"the stages {other.name!r} and {stage.name!r} have names that file systems may not tell apart"
            cell = stage.cells[0].cell.index
            findings.append(Diagnostic("NB112", message, "rename one of them", path=path, cell=cell, stage=stage.name))


def _leading(source: str) -> Iterator[tuple[int, str, _Directive | None]]:
    """The comment lines before the first code of a cell, with the directive that each is or continues.

    A cell magic may stand above them: IPython wants `%%time` on the very first line.
    """
    first, key = True, ""
    for number, text in enumerate(source.split("\n"), start=1):
        line = text.strip()
        if not line:
            continue
        if not line.startswith("#"):
            if not (first and line.startswith("%%")):
                return
        elif found := _DIRECTIVE.match(line):
            key = found[1].lower()
            key = key if key in _KEYS else ""
            yield number, line, _Directive(number, key, _split(found[2])) if key else None
        elif key and (item := _ITEM.match(line)):
            yield number, line, _Directive(number, key, _split(item[1]))
        else:
            yield number, line, None
        first = False


def _directives(source: str) -> list[_Directive]:
    """The `#|` lines of ours at the top of a cell; `#| deps:` with `#| - a.csv` lines below it becomes one."""
    merged: list[_Directive] = []
    for _, line, directive in _leading(source):
        if directive is None:
            continue
        if _ITEM.match(line) and merged:
            last = merged[-1]
            merged[-1] = _Directive(last.line, last.key, last.values + directive.values)
        else:
            merged.append(directive)
    return merged


def _split(text: str) -> tuple[str, ...]:
    """`a, b`, `[a, b]` and `"a", 'b'` as the list that they mean."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    parts = (part.strip() for part in _LIST.findall(text))
    return tuple(v for p in parts if (v := p[1:-1] if len(p) > 1 and p[0] == p[-1] and p[0] in "'\"" else p))


def _check_stray(reading: _Reading) -> None:
    """Say so where a `#|` line is misspelt, or stands where it is not read."""
    leading = {number for number, _, _ in _leading(reading.cell.source)}
    for number, text in enumerate(reading.cell.source.split("\n"), start=1):
        line = text.strip() if number in leading else text.rstrip()
        if not line.startswith("#") or "|" not in line:
            continue
        found = _DIRECTIVE.match(line)
        if found and found[1].lower() in _KEYS:
            if number not in leading:
                hint = "move it to the first lines of the cell, above the code"
                reading.warn("NB115", f"`{line:.60}` is not read here", hint, number)
        elif found and (close := closest(found[1].lower(), _KEYS, 0.75)):
            hint = f"write `#| {close}: {found[2]}` if you meant that; other tools' lines are ignored"
            reading.warn("NB115", f"`{line:.60}` is not read: did you mean `{close}`?", hint, number)
        elif not found and number in leading and (loose := _LOOSE.match(line)):
            reading.warn("NB115", f"`{line:.60}` is not read", f"write `#| stage: {loose[2] or 'train'}`", number)
