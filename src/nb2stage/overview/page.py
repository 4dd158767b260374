"""The overview as one page that needs no network: data, styles, program and plotting library are in it."""

from __future__ import annotations

import base64
import gzip
import json
import math
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from nb2stage.diagnostics import Diagnostic, Nb2stageError
from nb2stage.overview.history import WORKSPACE
from nb2stage.overview.picture import svg
from nb2stage.overview.reports import as_html
from nb2stage.overview.table import number, short_keys, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nb2stage.overview.figures import Figures
    from nb2stage.overview.graph import Graph
    from nb2stage.overview.history import Row
    from nb2stage.overview.table import Overview

FIGURES_BUDGET: Final = 3_500_000  # bytes of pictures: with base64 around them the page stays well below 8 MB


def page(view: Overview, title: str, figures: Figures | None = None, graph: Graph | None = None) -> str:
    """The text of the page.

    Raises `Nb2stageError` when the plotting library is not installed.
    """
    folder = files("nb2stage") / "templates"
    parts = {
        "TITLE": _escaped(title),
        "STYLE": (folder / "overview.css").read_text(encoding="utf-8"),
        "DATA": _json(_data(view, title, figures, graph)),
        "PICTURE": svg(graph) if graph is not None else "",
        "PLOTLY": _plotly(),
        "PROGRAM": (folder / "overview.js").read_text(encoding="utf-8"),
    }
    text = (folder / "overview.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        before, mark, after = text.partition(f"<!--{name}-->")
        assert mark, name
        text = before + part + after
    return text


def ordered_by_weight(view: Overview, rows: Sequence[Row]) -> list[Row]:
    """The rows whose pictures matter most first: the main branch, the best of each metric, then the newest."""
    by_rev = {row.rev: row for row in rows}
    first = [view.main] if view.main is not None else []
    for place in range(3):
        for metric in view.metrics:
            ranked = [(value, row) for row in rows if (value := number(row.metrics.get(metric.key))) is not None]
            ranked.sort(key=lambda pair: pair[0], reverse=not metric.lower)
            if metric.best and place < len(ranked):
                first.append(ranked[place][1])
    newest = sorted(
        (row for row in rows if row.kind != WORKSPACE), key=lambda row: (row.kind != "commit", -(row.time or 0))
    )
    return list({row.rev: by_rev[row.rev] for row in [*first, *newest] if row.rev in by_rev}.values())


def _plotly() -> str:
    """plotly.js, compressed: a third of the page, and nothing that the browser must read before it is wanted."""
    try:
        package = files("plotly")
    except ModuleNotFoundError as error:
        hint = "pip install plotly, or pip install 'nb2stage[html]'"
        raise Nb2stageError(Diagnostic("NB641", "the page needs plotly, which is not installed", hint)) from error
    script = (package / "package_data" / "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(script, 9, mtime=0)).decode()


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)


def _json(data: object) -> str:
    """JSON that can stand in a script element: nothing in it ends one or begins a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _data(view: Overview, title: str, figures: Figures | None, graph: Graph | None) -> dict[str, Any]:
    place = {row.rev: number_of_row for number_of_row, row in enumerate(view.rows)}
    short = short_keys([*(metric.key for metric in view.metrics), *view.params])
    code, data = _Versions(), _Versions()
    reports, texts = _reports(figures)
    rows = [
        [
            {WORKSPACE: "w", "commit": "c", "experiment": "e"}[row.kind],
            row.name,
            row.rev if row.kind != WORKSPACE else "",
            row.refs,
            row.time,
            row.author,
            row.subject,
            place.get(view.bases[row.rev] or ""),
            row.state,
            row.error,
            code.number(row.code),
            data.number(row.data),
            [_plain(row.metrics[metric.key]) if metric.key in row.metrics else None for metric in view.metrics],
            # a parameter can be null, which is a value: what is missing is a list without elements
            [_plain(row.params[key]) if key in row.params else [] for key in view.params],
            row.stale,
        ]
        for row in view.rows
    ]
    return {
        "title": title,
        "main": place.get(view.main.rev) if view.main is not None else None,
        "metrics": [{"key": m.key, "short": short[m.key], "lower": m.lower} for m in view.metrics],
        "params": [{"key": key, "short": short[key]} for key in view.params],
        "rows": rows,
        "code": code.found,
        "data": data.found,
        "withoutPipeline": view.without_pipeline,
        "figures": {rev: found for rev, found in figures.of.items() if found} if figures is not None else {},
        "figuresRead": list(figures.of) if figures is not None else [],
        "images": [_uri(*content) for content in figures.contents] if figures is not None else [],
        "reports": reports,
        "texts": texts,
        "twins": figures.twins if figures is not None else {},
        "stages": _stages(graph) if graph is not None else [],
    }


def _reports(figures: Figures | None) -> tuple[dict[str, list[tuple[str, int]]], list[str]]:
    """For each revision its reports with their numbers, and the HTML of each; equal ones once."""
    found: dict[str, list[tuple[str, int]]] = {}
    numbers: dict[str, int] = {}
    if figures is None:
        return {}, []
    for rev, paths in figures.reports.items():
        for path, number_of_text in paths.items():
            text = as_html(figures.texts[number_of_text], path, figures.of.get(rev, {}))
            found.setdefault(rev, []).append((path, numbers.setdefault(text, len(numbers))))
    return found, list(numbers)


class _Versions:
    """Each set of files with hashes once, with one short hash for all."""

    def __init__(self) -> None:
        self.found: list[list[object]] = []
        self.numbers: dict[str, int] = {}

    def number(self, hashes: Mapping[str, str]) -> int:
        key = json.dumps(hashes)
        if key not in self.numbers:
            self.numbers[key] = len(self.found)
            self.found.append([versions(hashes), hashes])
        return self.numbers[key]


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, str | int | float):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _stages(graph: Graph) -> list[dict[str, Any]]:
    return [
        {
            "name": stage.name,
            "place": stage.place,
            "notebook": stage.notebook,
            "script": stage.script,
            "cells": [[cell.number, cell.source] for cell in stage.cells],
            "facts": [[word, things] for word, things in stage.facts()],
            "gets": _exchanged((edge.source, edge.labels) for edge in graph.edges if edge.target == stage.name),
            "gives": _exchanged((edge.target, edge.labels) for edge in graph.edges if edge.source == stage.name),
        }
        for stage in graph.stages
    ]


def _exchanged(edges: Iterable[tuple[str, list[str]]]) -> list[list[object]]:
    return [[other, labels] for other, labels in edges]
