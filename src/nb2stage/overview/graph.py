"""The pipeline as a picture: stages, what goes from one to the next, parameters, files, cells.

`build` makes the `Graph` of notebooks that were read and of the stages that stand in dvc.yaml besides; `text`,
`mermaid` and `document` write it down.  `nb2stage.overview.picture` draws it.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nb2stage.files.paramsyaml import read_params
from nb2stage.records import dataclass, field
from nb2stage.texts.wording import json_value, painted, spans
from nb2stage.texts.yamltext import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nb2stage.planning.stageplan import StagePlan

    Paint = Callable[[str, str], str]

_LONGEST_VALUE: Final = 32


class Value(NamedTuple):
    """A variable that goes from one stage to another; `kind` is empty where reading the code does not tell."""

    name: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})" if self.kind else self.name


class StageParam(NamedTuple):
    """A parameter that a stage reads; `known` is false where params.yaml does not have its value."""

    key: str
    value: object = None
    known: bool = True

    def __str__(self) -> str:
        return f"{self.key} = {shown(self.value)}" if self.known else self.key


class StageCell(NamedTuple):
    """A cell of a stage: its position in the notebook, from 1, and its source."""

    number: int
    source: str


@dataclass
class Stage:
    """One stage; `notebook` is empty for a stage of dvc.yaml that no notebook made."""

    name: str
    notebook: str = ""
    script: str = ""
    cells: list[StageCell] = field(default_factory=list)
    params: list[StageParam] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)  # files that no stage writes
    modules: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)  # files other than those that carry variables
    metrics: list[str] = field(default_factory=list)
    plots: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """`cells 3-5`; for a stage without cells where it stands."""
        if not self.cells:
            return "dvc.yaml"
        return f"cell{'s' * (len(self.cells) > 1)} {spans(cell.number for cell in self.cells)}"

    def facts(self) -> list[tuple[str, list[str]]]:
        """What there is to say beside the edges: a word and the things it is about."""
        found = [
            ("params", [str(param) for param in self.params]),
            ("reads", self.reads),
            ("uses", self.modules),
            ("writes", self.writes),
        ]
        return [(word, things) for word, things in [*found, ("metrics", self.metrics), ("plots", self.plots)] if things]


@dataclass
class Edge:
    """What `target` gets from `source`: variables, and files that the one writes and the other reads."""

    source: str
    target: str
    values: list[Value] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """All that goes along the edge."""
        return [str(value) for value in self.values] + self.files


@dataclass
class Graph:
    """The stages in their order, and the edges between them."""

    stages: list[Stage] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    @property
    def notebooks(self) -> list[str]:
        """The notebooks that the stages come from."""
        return list(dict.fromkeys(stage.notebook for stage in self.stages if stage.notebook))


def shown(value: object) -> str:
    """A parameter's value on one short line."""
    import json

    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, float) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


# -- making it -------------------------------------------------------------------------------------------------------


def build(
    notebooks: Sequence[tuple[str, Sequence[StagePlan]]], dvc_yaml: str | None = None, params_yaml: str | None = None
) -> Graph:
    """The graph of the notebooks' stages and of all other stages of dvc.yaml.

    Parameters have the values that they have in params.yaml, or else in the notebook.
    Raises `Nb2stageError` when one of the two YAML texts cannot be read.
    """
    builder = _Builder(_flat(read_params(params_yaml)) if params_yaml is not None else {})
    for notebook, plans in notebooks:
        for plan in plans:
            builder.add_plan(notebook, plan)
    for name, entry in _entries(dvc_yaml).items():
        if name not in builder.stages:
            builder.add_entry(name, entry)
    return builder.graph()


def _flat(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found.update(_flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def _entries(dvc_yaml: str | None) -> dict[str, dict[str, Any]]:
    data = read_yaml(dvc_yaml, "dvc.yaml", "NB601") if dvc_yaml is not None else None
    stages = data.get("stages") if isinstance(data, dict) else None
    found = {}
    for name, entry in stages.items() if isinstance(stages, dict) else ():
        body = entry.get("do", entry) if isinstance(entry, dict) else None
        if isinstance(body, dict):
            found[str(name)] = body
    return found


def _paths(entry: Mapping[str, Any], field_name: str) -> list[str]:
    """The paths of a list of dvc.yaml, whose items are texts or mappings of a text to flags."""
    items = entry.get(field_name)
    names = [str(name) for item in (items if isinstance(items, list) else []) for name in _names(item)]
    wdir = entry.get("wdir")
    return [posixpath.normpath(posixpath.join(wdir, n) if isinstance(wdir, str) else n) for n in names]


def _names(item: object) -> list[object]:
    return list(item) if isinstance(item, dict) else [item]


class _Builder:
    def __init__(self, tuned: Mapping[str, object]) -> None:
        self.tuned = tuned
        self.stages: dict[str, Stage] = {}
        self.deps: dict[str, list[str]] = {}
        self.outs: dict[str, str] = {}  # path -> the stage that writes it
        self.edges: dict[tuple[str, str], Edge] = {}

    def add_plan(self, notebook: str, plan: StagePlan) -> None:
        cells = [StageCell(cell.index, cell.role.cell.source) for cell in plan.cells]
        params = [StageParam(param.key, self.tuned.get(param.key, param.value)) for param in plan.params]
        modules = [*plan.local_modules, *(module.path for module in plan.definitions), *plan.companions.values()]
        stage = Stage(plan.name, notebook, plan.script, cells, params, modules=modules)
        stage.writes = [out.path for out in plan.outs]
        stage.metrics = [out.path for out in plan.metrics]
        stage.plots = [out.path for out in plan.plots]
        self.add(stage, plan.reads, [file.path for file in plan.saves])
        for file in plan.loads:
            names = file.consumers[plan.name]
            self.edge(file.source, plan.name).values += [Value(n.strip("<>"), file.kinds.get(n, "")) for n in names]

    def add_entry(self, name: str, entry: Mapping[str, Any]) -> None:
        given = entry.get("params")
        params: list[str] = []
        for item in given if isinstance(given, list) else []:
            if isinstance(item, dict):
                params += [f"{path}: {key}" for path, keys in item.items() for key in keys or ["*"]]
            else:
                params.append(str(item))
        stage = Stage(name, params=[StageParam(key, self.tuned.get(key), key in self.tuned) for key in params])
        stage.writes, stage.metrics = _paths(entry, "outs"), _paths(entry, "metrics")
        stage.plots = _paths(entry, "plots")
        self.add(stage, _paths(entry, "deps"), [])

    def add(self, stage: Stage, deps: Sequence[str], saves: Sequence[str]) -> None:
        self.stages[stage.name] = stage
        self.deps[stage.name] = list(deps)
        for path in (*saves, *stage.writes, *stage.metrics, *stage.plots):
            self.outs[path] = stage.name

    def edge(self, source: str, target: str) -> Edge:
        return self.edges.setdefault((source, target), Edge(source, target))

    def graph(self) -> Graph:
        """All deps are edges from the stages that write them, or else files that are read."""
        for name, deps in self.deps.items():
            for dep in deps:
                sources = {who for out, who in self.outs.items() if who != name and _overlap(out, dep)}
                for source in sorted(sources):
                    self.edge(source, name).files.append(dep)
                if not sources:
                    self.stages[name].reads.append(dep)
        order = self.ordered()
        place = {name: number for number, name in enumerate(order)}
        edges = sorted(self.edges.values(), key=lambda edge: (place[edge.source], place[edge.target]))
        return Graph([self.stages[name] for name in order], edges)

    def ordered(self) -> list[str]:
        """The stages in the order in which they stand, moved down only behind what they need."""
        needs: dict[str, set[str]] = {name: set() for name in self.stages}
        for source, target in self.edges:
            needs[target].add(source)
        order: list[str] = []
        left = list(self.stages)
        while left:
            # A cycle, which DVC refuses, is drawn from its first stage on.
            following = next((name for name in left if needs[name] <= set(order)), left[0])
            left.remove(following)
            order.append(following)
        return order


def _overlap(out: str, dep: str) -> bool:
    return out == dep or dep.startswith(out.rstrip("/") + "/") or out.startswith(dep.rstrip("/") + "/")


# -- for the terminal ------------------------------------------------------------------------------------------------

_ASCII: Final = str.maketrans(
    {"│": "|", "─": "-", "├": "+", "╰": "`", "╭": ",", "┼": "+", "▶": ">", "■": "#", "…": "~"}
)


def text(graph: Graph, paint: Paint = painted, width: int = 100, *, ascii_only: bool = False) -> str:
    """The stages below each other, with lanes on the left that lead what a stage hands on to those that take it.

        ■ import  cell 2
    ╭───  df (DataFrame)
    ╰──▶■ train  cells 4-5
            params  train.C = 0.1
    """
    lanes = _lanes(graph)
    count = 1 + max(lanes.values(), default=-1)
    lines: list[str] = []
    active: set[int] = set()
    last = {edge.source: edge.target for edge in graph.edges}
    for stage in graph.stages:
        arriving = [edge for edge in graph.edges if edge.target == stage.name]
        ending = {lanes[edge.source] for edge in arriving if last[edge.source] == stage.name}
        rail = _rail(count, active, {lanes[edge.source] for edge in arriving}, ending)
        lines.append(f"{rail}{paint('■ ' + stage.name, 'bold')}  {stage.place}")
        active -= ending
        edges = [edge for edge in graph.edges if edge.source == stage.name]
        for word, things in [*_arrivals(arriving, graph), *stage.facts()]:
            lines += _fact(_rail(count, active), word, things, width)
        if edges:
            opened = _rail(count, active, start=lanes[stage.name])
            active.add(lanes[stage.name])
            labels = list(dict.fromkeys(label for edge in edges for label in edge.labels))
            for number, line in enumerate(_wrap(labels, width - len(opened))):
                lines.append((_rail(count, active) if number else opened) + paint(line, "cyan"))
        else:
            lines.append(_rail(count, active).rstrip())
    text_lines = "\n".join(line.rstrip() for line in lines).rstrip()
    return text_lines.translate(_ASCII) if ascii_only else text_lines


def _lanes(graph: Graph) -> dict[str, int]:
    """A column for each stage that hands something on; a column is free again below the last stage that takes it."""
    place = {stage.name: number for number, stage in enumerate(graph.stages)}
    free_from: list[int] = []
    lanes: dict[str, int] = {}
    for stage in graph.stages:
        targets = [place[edge.target] for edge in graph.edges if edge.source == stage.name]
        if targets:
            mine = place[stage.name]
            lane = next((n for n, free in enumerate(free_from) if free <= mine), len(free_from))
            free_from[lane : lane + 1] = [max(targets)]
            lanes[stage.name] = lane
    return lanes


def _rail(
    count: int,
    active: Iterable[int],
    arriving: Iterable[int] = (),
    ending: Iterable[int] = (),
    start: int | None = None,
) -> str:
    """The lanes left of one line: those that pass, those that lead into it, the one that starts here."""
    arriving, ending, passing = set(arriving), set(ending), set(active)
    first = min([*arriving, *([start] if start is not None else [])], default=None)
    drawn = ""
    for lane in range(count):
        inside = first is not None and lane > first
        if lane == start:
            mark = "╭"
        elif lane in arriving:
            mark = "┼" if inside and lane not in ending else "╰" if lane in ending else "├"
            mark = "┴" if inside and lane in ending else mark
        elif lane in passing:
            mark = "┼" if inside else "│"
        else:
            mark = "─" if inside else " "
        drawn += mark + ("──" if first is not None and lane >= first else "  ")
    return drawn + ("▶" if arriving else "─ " if start is not None else " " if count else "")


def _arrivals(arriving: Sequence[Edge], graph: Graph) -> list[tuple[str, list[str]]]:
    """What is taken, where the lane alone does not say it: the lane hands on more, or not from here alone."""
    found = []
    for edge in arriving:
        all_of_source = {label for each in graph.edges if each.source == edge.source for label in each.labels}
        if set(edge.labels) != all_of_source:
            found.append((f"from {edge.source}", edge.labels))
    return found


def _fact(rail: str, word: str, things: Sequence[str], width: int) -> list[str]:
    head = f"{rail}    {word}  "
    first, *others = _wrap(things, width - len(head))
    return [head + first, *(f"{rail}    {' ' * len(word)}  {line}" for line in others)]


def _wrap(things: Sequence[str], width: int) -> list[str]:
    lines: list[str] = [""]
    for number, thing in enumerate(things):
        piece = thing + "," * (number < len(things) - 1)
        if lines[-1] and len(lines[-1]) + 1 + len(piece) > width:
            lines.append(piece)
        else:
            lines[-1] = f"{lines[-1]} {piece}".strip()
    return lines


# -- for mermaid -----------------------------------------------------------------------------------------------------


def mermaid(graph: Graph) -> str:
    """A mermaid flowchart, which GitHub and GitLab draw in a fenced block."""
    ids = {stage.name: f"s{number}" for number, stage in enumerate(graph.stages, 1)}
    reads = list(dict.fromkeys(path for stage in graph.stages for path in stage.reads))
    lines = ["flowchart TD"]
    lines += [f'    f{number}[/"{_escaped(path)}"/]' for number, path in enumerate(reads, 1)]
    for stage in graph.stages:
        parts = [f"<b>{_escaped(stage.name)}</b>", _escaped(stage.place)]
        parts += [_escaped(str(param)) for param in stage.params]
        written = [*stage.writes, *stage.metrics, *stage.plots]
        parts += [f"→ {_escaped(path)}" for path in written]
        lines.append(f'    {ids[stage.name]}["{"<br/>".join(parts)}"]')
    for number, path in enumerate(reads, 1):
        lines += [f"    f{number} --> {ids[stage.name]}" for stage in graph.stages if path in stage.reads]
    for edge in graph.edges:
        label = "<br/>".join(_escaped(each) for each in edge.labels)
        lines.append(f'    {ids[edge.source]} -- "{label}" --> {ids[edge.target]}')
    return "\n".join(lines)


_ENTITIES: Final = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"})


def _escaped(label: str) -> str:
    """A label with entities in mermaid's own spelling for what would end or format it."""
    return label.translate(_ENTITIES).replace("\n", " ")


# -- for programs ----------------------------------------------------------------------------------------------------


def document(graph: Graph) -> dict[str, Any]:
    """The graph as data; keys may be added in later versions, none is taken away."""
    return {
        "version": 1,
        "stages": [
            {
                "name": stage.name,
                "notebook": stage.notebook or None,
                "script": stage.script or None,
                "cells": [cell.number for cell in stage.cells],
                "params": [{"key": param.key, "value": json_value(param.value)} for param in stage.params],
                "reads": stage.reads,
                "modules": stage.modules,
                "writes": stage.writes,
                "metrics": stage.metrics,
                "plots": stage.plots,
            }
            for stage in graph.stages
        ],
        "edges": [
            {
                "from": edge.source,
                "to": edge.target,
                "values": [{"name": value.name, "kind": value.kind or None} for value in edge.values],
                "files": edge.files,
            }
            for edge in graph.edges
        ],
    }
