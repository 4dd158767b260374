"""The graph of a pipeline as SVG, drawn without any other program.

Stages are cards in ranks from top to bottom, what goes from one to the next is a label on the way between them.
1. rank: a stage is one rank below the lowest stage that it needs; labels lie on ranks between those of the stages
2. order in a rank: by the mean place of the neighbours, back and forth, the order with fewest crossings wins
3. place: as near to the mean of the neighbours as the widths allow
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from nb2stage.overview.graph import Graph, Stage
from nb2stage.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nb2stage.overview.graph import Edge

_CHAR: Final = 6.7  # of a monospaced letter of 11 px
_TITLE_CHAR: Final = 8.2
_LINE: Final = 16
_PAD: Final = 12
_HEAD: Final = 30
_GAP_X: Final = 28
_GAP_Y: Final = 26
_WIDEST: Final = 38  # letters of a line
_MOST_LINES: Final = 12
_SWEEPS: Final = 24
_STRAIGHT: Final = 8
_COLOURS: Final = {"data_processing": "#2563a8", "training": "#b45309", "report": "#0f766e"}
_OTHER: Final = "#475569"

_STYLE: Final = """\
text { font: 11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1e293b }
.name { font: 600 13.5px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #fff }
.place { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #fff; opacity: .85 }
.word { fill: #64748b }
.kind { fill: #64748b }
.edge { fill: none; stroke: #94a3b8; stroke-width: 1.6 }
.label { fill: #f1f5f9; stroke: #cbd5e1 }
.ground { fill: #fff }
.card { fill: #fff; stroke: #cbd5e1 }"""
_DARK: Final = """\
text { fill: #e2e8f0 }
.name { fill: #fff }
.place { fill: #fff }
.word { fill: #94a3b8 }
.kind { fill: #94a3b8 }
.edge { stroke: #64748b }
.label { fill: #1d2631; stroke: #3d4a5c }
.ground { fill: #171e28 }
.card { fill: #10161e; stroke: #3d4a5c }"""


@dataclass(eq=False)
class _Box:
    """Something that takes room in a rank: a stage, a label, or (without lines) the bend of a long edge."""

    rank: int
    lines: list[tuple[str, str]] = field(default_factory=list)  # what a line is about, and what it says
    stage: Stage | None = None
    width: float = 2.0
    height: float = 0.0
    x: float = 0.0  # of its middle
    y: float = 0.0  # of its top
    above: list[_Box] = field(default_factory=list)
    below: list[_Box] = field(default_factory=list)

    @property
    def is_bend(self) -> bool:
        """Whether it is nothing but a point of a long edge."""
        return self.stage is None and not self.lines


def svg(graph: Graph) -> str:
    """The picture as one SVG element with its styles in it."""
    boxes, chains = _boxes(graph)
    ranks = _ranks(boxes)
    _place(ranks)
    width = max((box.x + box.width / 2 for box in boxes), default=0) + _PAD
    height = max((box.y + box.height for box in boxes), default=0) + _PAD
    title = f"Pipeline of {', '.join(graph.notebooks)}" if graph.notebooks else "Pipeline"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="nb2stage-pipeline" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_scoped(_STYLE)}\n@media (prefers-color-scheme: dark) {{\n{_scoped(_DARK)}\n}}</style>",
        f'<rect class="ground" width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
        '<defs><marker id="nb2stage-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0.5 8 4 0 7.5z" fill="#94a3b8"/></marker></defs>',
        *(_path(chain) for chain in chains),
        *(_drawn(box) for box in boxes if not box.is_bend),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _scoped(style: str) -> str:
    """The rules for this picture alone: inside a page they must not change anything else."""
    return "\n".join(f".nb2stage-pipeline {line}" for line in style.splitlines())


# -- boxes -----------------------------------------------------------------------------------------------------------


def _boxes(graph: Graph) -> tuple[list[_Box], list[list[_Box]]]:
    """All boxes, and for each edge the boxes that it goes through."""
    rank: dict[str, int] = {}
    for stage in graph.stages:
        sources = [rank[edge.source] for edge in graph.edges if edge.target == stage.name and edge.source in rank]
        rank[stage.name] = 2 + max(sources) if sources else 0
    stages = {stage.name: _sized(_Box(rank[stage.name], _stage_lines(stage), stage)) for stage in graph.stages}
    boxes, chains = list(stages.values()), []
    for edge in graph.edges:
        source, target = stages[edge.source], stages[edge.target]
        if source.rank >= target.rank:  # part of a cycle
            continue
        # The label stands right above the stage that takes it, where all its labels meet in one rank.
        between = [
            _sized(_Box(r, _labels(edge) if r == target.rank - 1 else [])) for r in range(source.rank + 1, target.rank)
        ]
        chain = [source, *between, target]
        for upper, lower in pairwise(chain):
            upper.below.append(lower)
            lower.above.append(upper)
        boxes += between
        chains.append(chain)
    return boxes, chains


def _stage_lines(stage: Stage) -> list[tuple[str, str]]:
    lines = []
    for word, things in stage.facts():
        for number, thing in enumerate(_few(things)):
            lines.append((word if number == 0 else "", _short(thing)))
    return lines


def _labels(edge: Edge) -> list[tuple[str, str]]:
    lines = [(value.kind, value.name) for value in edge.values]
    return [(kind, _short(name)) for kind, name in lines] + [("file", _short(path)) for path in edge.files]


def _few(things: Sequence[str]) -> list[str]:
    if len(things) <= _MOST_LINES:
        return list(things)
    return [*things[: _MOST_LINES - 1], f"… and {len(things) - _MOST_LINES + 1} more"]


def _short(line: str) -> str:
    return line if len(line) <= _WIDEST else line[: _WIDEST // 2 - 1] + "…" + line[-_WIDEST // 2 :]


def _room(line: str, each: float) -> float:
    return sum(each * (2 if unicodedata.east_asian_width(char) in "WF" else 1) for char in line)


_WORD: Final = 9 * _CHAR  # the column of the words `params`, `reads`, ...


def _sized(box: _Box) -> _Box:
    if box.stage is not None:
        head = _room(box.stage.name, _TITLE_CHAR) + _room(box.stage.place, _CHAR) + 16
        body = max((_WORD + _room(line, _CHAR) for _, line in box.lines), default=0)
        box.width = max(head, body, 110) + 2 * _PAD
        box.height = _HEAD + (len(box.lines) * _LINE + _PAD if box.lines else 4)
    elif box.lines:
        words = (_room(line, _CHAR) + (_room(kind, _CHAR) + 8 if kind else 0) for kind, line in box.lines)
        box.width, box.height = max(words) + 16, len(box.lines) * _LINE + 8
    return box


# -- where the boxes go ----------------------------------------------------------------------------------------------


def _ranks(boxes: Sequence[_Box]) -> list[list[_Box]]:
    """The boxes of each rank from left to right, with few crossings."""
    ranks: list[list[_Box]] = [[] for _ in range(1 + max((box.rank for box in boxes), default=-1))]
    for box in boxes:
        ranks[box.rank].append(box)
    best, fewest = [list(rank) for rank in ranks], _crossings(ranks)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        place: dict[_Box, float] = {box: n for rank in ranks for n, box in enumerate(rank)}
        for rank in ranks if down else reversed(ranks):
            means = {}
            for box in rank:
                others = box.above if down else box.below
                means[box] = sum(place[other] for other in others) / len(others) if others else place[box]
            rank.sort(key=lambda box: means[box])
            place.update({box: n for n, box in enumerate(rank)})
        crossings = _crossings(ranks)
        if crossings < fewest:
            best, fewest = [list(rank) for rank in ranks], crossings
    return best


def _crossings(ranks: Sequence[Sequence[_Box]]) -> int:
    count = 0
    for upper, lower in pairwise(ranks):
        place = {box: n for n, box in enumerate(lower)}
        ends = [place[other] for box in upper for other in sorted(box.below, key=place.__getitem__)]
        count += sum(left > right for n, left in enumerate(ends) for right in ends[n + 1 :])
    return count


def _place(ranks: Sequence[Sequence[_Box]]) -> None:
    """Give every box its place."""
    y = float(_PAD)
    for rank in ranks:
        height = max(box.height for box in rank)
        for box in rank:
            # labels lie close above what takes them, and what is lower than its neighbours hangs at the top
            box.y = y + (height - box.height if box.stage is None else 0)
            if box.is_bend:
                box.y, box.height = y, height
        y += height + _GAP_Y
        _settle(rank, [(0.0, 1)] * len(rank))
    for sweep in range(_SWEEPS):
        for rank in ranks if sweep % 2 == 0 else reversed(ranks):
            _settle(rank, [_wish(box) for box in rank])
    left = min((box.x - box.width / 2 for rank in ranks for box in rank), default=0) - _PAD
    for rank in ranks:
        for box in rank:
            box.x -= left


def _wish(box: _Box) -> tuple[float, float]:
    """Where a box would best be, and how much that matters: long edges should run straight."""
    others = [*box.above, *box.below]
    if not others:
        return box.x, 1
    weights = [_STRAIGHT if box.is_bend and other.is_bend else 1 for other in others]
    return sum(w * other.x for w, other in zip(weights, others, strict=True)) / sum(weights), max(weights)


def _settle(rank: Sequence[_Box], wishes: Sequence[tuple[float, float]]) -> None:
    """The places nearest to the wished ones, by weighted least squares, that keep the order and the distances.

    Less its distance from the first box each place must not fall from left to right: neighbours that would are pooled
    at their mean.
    """
    distances = [0.0]
    for left, right in pairwise(rank):
        distances.append(distances[-1] + (left.width + right.width) / 2 + _GAP_X)
    pools: list[tuple[float, float, int]] = []
    for (goal, weight), distance in zip(wishes, distances, strict=True):
        mean, count = goal - distance, 1
        while pools and pools[-1][0] > mean:
            other, heavy, size = pools.pop()
            mean, weight, count = (mean * weight + other * heavy) / (weight + heavy), weight + heavy, count + size
        pools.append((mean, weight, count))
    free = [mean for mean, _, count in pools for _ in range(count)]
    for box, start, distance in zip(rank, free, distances, strict=True):
        box.x = start + distance


# -- drawing ---------------------------------------------------------------------------------------------------------


def _path(chain: Sequence[_Box]) -> str:
    """The edge through all its boxes: down from the source, straight past bends, an arrow at the stage that takes it."""
    x, y = chain[0].x, chain[0].y + chain[0].height
    path = f"M{x:.1f} {y:.1f}"
    for box in chain[1:]:
        middle = (y + box.y) / 2
        path += f" C{x:.1f} {middle:.1f} {box.x:.1f} {middle:.1f} {box.x:.1f} {box.y:.1f}"
        x, y = box.x, box.y + box.height
        if box is not chain[-1]:
            path += f" L{x:.1f} {y:.1f}"
    return f'<path class="edge" d="{path}" marker-end="url(#nb2stage-tip)"/>'


def _drawn(box: _Box) -> str:
    return _card(box, box.stage) if box.stage is not None else _label(box)


def _card(box: _Box, stage: Stage) -> str:
    x, y, w, h = box.x - box.width / 2, box.y, box.width, box.height
    colour = _COLOURS.get(stage.script.partition("/")[0], _OTHER)
    tip = f"{stage.name}: {stage.script or 'a stage of dvc.yaml'}"
    parts = [
        f'<g class="stage" data-stage={quoteattr(stage.name)}><title>{escape(tip)}</title>',
        f'<rect class="card" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="7"/>',
        f'<path fill="{colour}" d="M{x:.1f} {y + _HEAD - 4:.1f}v-{_HEAD - 11}q0-7 7-7h{w - 14:.1f}q7 0 7 7v{_HEAD - 11}z"/>',
        f'<text class="name" x="{x + _PAD:.1f}" y="{y + 18:.1f}">{escape(stage.name)}</text>',
        f'<text class="place" x="{x + w - _PAD:.1f}" y="{y + 18:.1f}" text-anchor="end">{escape(stage.place)}</text>',
    ]
    for number, (word, line) in enumerate(box.lines):
        baseline = y + _HEAD + 14 + number * _LINE
        if word:
            parts.append(f'<text class="word" x="{x + _PAD:.1f}" y="{baseline:.1f}">{escape(word)}</text>')
        parts.append(f'<text x="{x + _PAD + _WORD:.1f}" y="{baseline:.1f}">{escape(line)}</text>')
    return "".join([*parts, "</g>"])


def _label(box: _Box) -> str:
    x, y, w, h = box.x - box.width / 2, box.y, box.width, box.height
    parts = [f'<g><rect class="label" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="5"/>']
    for number, (kind, line) in enumerate(box.lines):
        baseline = y + 15 + number * _LINE
        parts.append(f'<text x="{x + 8:.1f}" y="{baseline:.1f}">{escape(line)}')
        parts.append(f'<tspan class="kind" dx="8">{escape(kind)}</tspan></text>' if kind else "</text>")
    return "".join([*parts, "</g>"])
