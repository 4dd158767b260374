"""What the cells of a notebook have displayed: figures of matplotlib, and charts of other libraries as data to compare."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nb2stage.records import dataclass

PICTURES: Final = {"image/svg+xml": ".svg", "image/png": ".png", "image/jpeg": ".jpg"}
# How the text of a value begins that another library shows as a picture.
_PICTURED: Final = ("<PIL.", "<seaborn._core", "<plotnine.", "<graphviz.")
# What the HTML has of values of these libraries.
_PAGES: Final = {"altair": "vega-embed", "folium": "leaflet", "great_tables": "gt_table", "pydeck": "deck.gl"}


@dataclass(frozen=True)
class Shown:
    """A figure, or another picture, as a cell of the notebook has shown it."""

    cell: int
    suffix: str
    data: bytes


@dataclass(frozen=True)
class Chart:
    """A chart that a cell has shown: a picture, or the data of a page; None where a page is not comparable."""

    cell: int
    library: str
    content: object


def shown_figures(cell: int, outputs: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """The figures of matplotlib that a cell has shown; one that it shows twice is there once."""
    found = [picture for output in outputs if is_figure(output) and (picture := picture_of(cell, output))]
    # `display(fig)` and the value of the last line come before the open figures, of which these mostly are.
    later = [[other.data for other in found[n + 1 :]] for n in range(len(found))]
    return [picture for picture, others in zip(found, later, strict=True) if picture.data not in others]


def is_figure(output: Mapping[str, Any]) -> bool:
    """Whether an output is a figure of matplotlib."""
    return str(output.get("data", {}).get("text/plain", "")).startswith("<Figure size")


def picture_of(cell: int, output: Mapping[str, Any]) -> Shown | None:
    """The picture in an output; of several formats the one that JupyterLab shows."""
    data = output.get("data", {})
    kind = next((kind for kind in PICTURES if kind in data), "")
    if not kind:
        return None
    content = data[kind].encode() if kind == "image/svg+xml" else base64.b64decode(data[kind])
    return Shown(cell, PICTURES[kind], content)


def shown_charts(cell: int, outputs: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """The charts of other libraries that a cell has shown."""
    return [chart for output in outputs if (chart := _chart(cell, output)) is not None]


def _chart(cell: int, output: Mapping[str, Any]) -> Chart | None:
    data: Mapping[str, Any] = output.get("data", {})
    html, text = str(data.get("text/html", "")), str(data.get("text/plain", ""))
    for kind, content in data.items():
        if kind.startswith("application/vnd.plotly"):
            return Chart(cell, "plotly", [content.get("data"), content.get("layout")])
        if kind.startswith("application/vnd.vega"):
            return Chart(cell, "altair", content)
        if kind.startswith("application/vnd.bokehjs_exec"):
            return Chart(cell, "bokeh", None)
    for library, word in _PAGES.items():
        if word in html:
            return Chart(cell, library, vega_of(html) if library == "altair" else None)
    picture = picture_of(cell, output)
    if picture is not None and not is_figure(output) and (text.startswith(_PICTURED) or not text):
        return Chart(cell, "", picture.data)
    return None


def saved_charts(folders: Sequence[Path]) -> list[tuple[Path, object]]:
    """The charts in folders of the pipeline's, in their order: the page, or the picture without one, and its content."""
    suffixes = ("svg", "png", "html")
    names = {p.stem: p for suffix in suffixes for folder in folders for p in folder.glob(f"chart_*.{suffix}")}
    ordered = sorted(names.values(), key=lambda path: [int(n) for n in re.findall(r"\d+", path.stem)])
    return [(path, content_of(path)) for path in ordered]


def content_of(path: Path) -> object:
    """A picture, or what a page draws where that can be told."""
    if path.suffix != ".html":
        return path.read_bytes()
    text = path.read_text(encoding="utf-8")
    return plotly_of(text) or vega_of(text)


def plotly_of(html: str) -> list[Any] | None:
    """The data and the layout in a page of plotly."""
    begin = re.search(r'Plotly\.newPlot\(\s*"[^"]*",\s*', html)
    if begin is None:
        return None
    found: list[Any] = []
    place = begin.end()
    for _ in range(2):
        value, end = json.JSONDecoder().raw_decode(html, place)
        found.append(value)
        place = end + len(html[end:]) - len(html[end:].lstrip(", \n"))
    return found


def vega_of(html: str) -> object:
    """The specification in a page of Vega or Vega-Lite."""
    for begin in re.finditer(r'\{"(?:config|\$schema)"', html):
        value, _ = json.JSONDecoder().raw_decode(html, begin.start())
        if isinstance(value, dict) and "$schema" in value:
            return value
    return None
