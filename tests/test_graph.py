"""`nb2stage graph`: what is in the picture, and that every form shows it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cli import call, project, save

from nb2stage.diagnostics import Nb2stageError
from nb2stage.overview import picture
from nb2stage.overview.graph import Edge, Graph, Stage, StageCell, StageParam, Value, build, mermaid, text

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["call", "project"]  # fixtures

CELLS: Final = [
    ("parameters", "rows = 2\ndepth = None"),
    ("import", "import pandas as pd\nraw = pd.read_csv('data.csv')"),
    ("clean", "df = raw.dropna().head(rows)\nnames = list(df.columns)\nlimit = len(df)"),
    (
        "train",
        "from sklearn.linear_model import Ridge\n"
        "class Mean:\n    def fit(self, values):\n        self.value = values.mean()\n        return self\n"
        "model = Ridge().fit(df[['x']], df['y'])\nmean = Mean().fit(df['y'])\nprint(depth, limit)",
    ),
    (
        "report metrics",
        "r2 = model.score(df[['x']], df['y'])\nm = mean.value\ndf.to_csv('final.csv')\nprint(names)",
    ),
]
DVC: Final = """\
stages:
  publish:
    cmd: ./publish.sh
    wdir: site
    deps: [../final.csv, style.css, ../report/report.py]
    params: [train.depth, site.title, {other.yaml: [a]}]
    outs:
    - html:
        cache: false
"""


@pytest.fixture
def notebook(project: Path) -> Path:
    """A project with a notebook that reads a file and hands on values of several kinds."""
    (project / "data.csv").write_text("x,y\n1,2\n2,4\n3,6\n")
    return save(project / "a.ipynb", CELLS)


def edges_of(document: dict[str, Any]) -> dict[tuple[str, str], list[tuple[str, str | None]]]:
    return {(e["from"], e["to"]): [(v["name"], v["kind"]) for v in e["values"]] for e in document["edges"]}


# -- what is in it ---------------------------------------------------------------------------------------------------


def test_variables_have_their_kinds(notebook: Path, call: Any) -> None:
    code, out, _ = call("graph", "a.ipynb", "--json")
    assert code == 0
    edges = edges_of(json.loads(out))
    assert edges["import", "clean"] == [("raw", "DataFrame")]
    assert dict(edges["train", "report"]) == {"model": "scikit-learn", "mean": "Mean"}
    assert dict(edges["clean", "train"])["limit"] == "scalar"
    assert dict(edges["clean", "report"])["names"] == "list"


def test_parameters_files_and_cells(notebook: Path, call: Any) -> None:
    stages = {stage["name"]: stage for stage in json.loads(call("graph", "a.ipynb", "--json")[1])["stages"]}
    assert list(stages) == ["import", "clean", "train", "report"]
    assert stages["import"]["reads"] == ["data.csv"]
    assert stages["clean"]["params"] == [{"key": "clean.rows", "value": 2}]
    assert stages["train"]["params"] == [{"key": "train.depth", "value": None}]
    assert stages["report"]["writes"] == ["final.csv", "report/report.md"]
    assert stages["report"]["metrics"] == ["metrics.json"]
    assert [stage["cells"] for stage in stages.values()] == [[2], [3], [4], [5]]


def test_tuned_values_are_shown(notebook: Path, call: Any) -> None:
    assert call("convert", "a.ipynb")[0] == 0
    params = notebook.parent / "params.yaml"
    params.write_text(params.read_text().replace("rows: 2", "rows: 3"))
    assert "clean.rows = 3" in call("graph")[1]


def test_stages_of_others_are_in_it(notebook: Path, call: Any) -> None:
    assert call("convert", "a.ipynb")[0] == 0
    dvc = notebook.parent / "dvc.yaml"
    dvc.write_text(dvc.read_text() + DVC.partition("\n")[2])
    document = json.loads(call("graph", "--json")[1])
    publish = document["stages"][-1]
    assert (publish["name"], publish["notebook"], publish["writes"]) == ("publish", None, ["site/html"])
    assert publish["reads"] == ["site/style.css", "report/report.py"]
    assert [(e["from"], e["files"]) for e in document["edges"] if e["to"] == "publish"] == [("report", ["final.csv"])]
    assert [p["key"] for p in publish["params"]] == ["train.depth", "site.title", "other.yaml: a"]


def test_dvc_yaml_alone() -> None:
    graph = build([], "stages:\n  b: {cmd: b, deps: [d/x]}\n  a: {foreach: [1], do: {cmd: a, outs: [d]}}\n  c: text\n")
    assert [stage.name for stage in graph.stages] == ["a", "b"]
    assert graph.edges == [Edge("a", "b", files=["d/x"])]


def test_a_cycle_is_drawn_all_the_same() -> None:
    graph = build([], "stages:\n  a: {cmd: a, deps: [y], outs: [x]}\n  b: {cmd: b, deps: [x], outs: [y]}\n")
    assert {(edge.source, edge.target) for edge in graph.edges} == {("a", "b"), ("b", "a")}
    assert "a" in text(graph)
    assert ET.fromstring(picture.svg(graph)).tag.endswith("svg")


# -- the forms -------------------------------------------------------------------------------------------------------

SMALL: Final = Graph(
    [
        Stage("load", "n.ipynb", "data_processing/load.py", [StageCell(1, "df = 1")], reads=["a.csv"]),
        Stage("fit", "n.ipynb", "training/fit.py", [StageCell(n, "") for n in (2, 3)], [StageParam("fit.C", 0.5)]),
        Stage("other", params=[StageParam("x", known=False)]),
        Stage("end", "n.ipynb", "report/end.py", [StageCell(5, "")], metrics=["m.json"]),
    ],
    [
        Edge("load", "fit", [Value("df", "DataFrame")]),
        Edge("load", "end", [Value("df", "DataFrame"), Value("names", "list")]),
        Edge("fit", "end", [Value("model")]),
    ],
)


def plain(line: str, style: str) -> str:
    return line


def test_the_lanes_of_the_terminal() -> None:
    assert text(SMALL, plain) == "\n".join(
        [
            "       ■ load  cell 1",
            "           reads  a.csv",
            "╭────── df (DataFrame), names (list)",
            "├─────▶■ fit  cells 2-3",
            "│          from load  df (DataFrame)",
            "│          params  fit.C = 0.5",
            "│  ╭─── model",
            "│  │   ■ other  dvc.yaml",
            "│  │       params  x",
            "│  │",
            "╰──┴──▶■ end  cell 5",
            "           metrics  m.json",
        ]
    )


def test_a_lane_that_passes_is_crossed_and_not_joined() -> None:
    stages = [Stage(name) for name in "abcd"]
    edges = [Edge("a", "c", [Value("x")]), Edge("b", "d", [Value("y")])]
    lines = text(Graph(stages, edges), plain).splitlines()
    assert next(line for line in lines if "■ c" in line).startswith("╰──┼──▶")
    assert next(line for line in lines if "■ d" in line).startswith("   ╰──▶")


def test_lines_fit_and_can_be_ascii() -> None:
    graph = Graph([Stage("a"), Stage("b")], [Edge("a", "b", [Value(f"variable_{n}", "DataFrame") for n in range(30)])])
    drawn = text(graph, plain, 60, ascii_only=True)
    assert drawn.isascii()
    assert max(map(len, drawn.splitlines())) <= 60
    assert all(f"variable_{n} (DataFrame)" in drawn for n in range(30))


def test_mermaid_has_ids_of_its_own_and_escapes() -> None:
    graph = Graph([Stage("end"), Stage("b", reads=['a "b" <c>.csv'])], [Edge("end", "b", [Value("x")])])
    lines = mermaid(graph).splitlines()
    assert lines[0] == "flowchart TD"
    assert '    f1[/"a #quot;b#quot; #lt;c#gt;.csv"/]' in lines
    assert '    s1["<b>end</b><br/>dvc.yaml"]' in lines
    assert '    s1 -- "x" --> s2' in lines
    assert "    f1 --> s2" in lines


def texts_of(svg: str) -> list[str]:
    root = ET.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_svg_shows_everything() -> None:
    texts = texts_of(picture.svg(SMALL))
    for wanted in ("load", "cells 2-3", "a.csv", "fit.C = 0.5", "dfDataFrame", "nameslist", "model", "m.json", "x"):
        assert wanted in texts, wanted


def test_svg_of_nothing_and_of_odd_names() -> None:
    assert texts_of(picture.svg(Graph())) == []
    odd = "a<b>&\"'ü漢"
    assert texts_of(picture.svg(Graph([Stage(odd)])))[0] == odd


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 9))
    stages = [Stage(f"s{n}", reads=["f"] * draw(st.integers(0, 3))) for n in range(count)]
    pairs = draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=20))
    return Graph(stages, [Edge(f"s{a}", f"s{b}", [Value("v" * (1 + a))]) for a, b in sorted(pairs) if a < b])


@settings(deadline=None, derandomize=True, max_examples=60)
@given(graphs())
def test_no_two_boxes_of_a_picture_overlap(graph: Graph) -> None:
    svg = picture.svg(graph)
    boxes = [
        tuple(float(found) for found in match)
        for match in re.findall(r'class="(?:card|label)" x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"', svg)
    ]
    assert len(boxes) == len(graph.stages) + len(graph.edges)
    for number, (x, y, w, h) in enumerate(boxes):
        for other_x, other_y, other_w, other_h in boxes[:number]:
            assert x + w <= other_x or other_x + other_w <= x or y + h <= other_y or other_y + other_h <= y
    root = ET.fromstring(svg)
    assert all(x >= 0 and x + w <= float(root.get("width", 0)) + 1 for x, _, w, _ in boxes)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(graphs())
def test_every_lane_of_the_terminal_begins_and_ends(graph: Graph) -> None:
    lines = text(graph, plain).splitlines()
    takers = {edge.target for edge in graph.edges}
    givers = {edge.source for edge in graph.edges}
    for stage in graph.stages:
        head = next(line for line in lines if f"■ {stage.name} " in line)
        assert ("▶" in head) == (stage.name in takers)
    rails = [line.split("■")[0] for line in lines]
    assert sum(rail.count("╭") for rail in rails) == len(givers)
    ends = sum(line.partition("▶")[0].count("╰") + line.partition("▶")[0].count("┴") for line in rails)
    assert ends == len(givers)


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["--svg", "--mermaid", "--json", None])
def test_out_writes_what_is_printed_otherwise(notebook: Path, call: Any, form: str | None) -> None:
    argv = ["graph", "a.ipynb", *([form] if form else [])]
    code, printed, _ = call(*argv)
    assert code == 0
    assert call(*argv, "-o", "picture") == (0, "", "")
    assert (notebook.parent / "picture").read_text() == printed
    assert sorted(path.name for path in notebook.parent.iterdir()) == ["a.ipynb", "data.csv", "picture"]


def test_two_notebooks_are_one_picture(notebook: Path, call: Any) -> None:
    save(notebook.with_name("b.ipynb"), [("stage:more", "import pandas as pd\nprint(pd.read_csv('final.csv'))")])
    document = json.loads(call("graph", "a.ipynb", "b.ipynb", "--json")[1])
    assert [stage["notebook"] for stage in document["stages"]] == ["a.ipynb"] * 4 + ["b.ipynb"]
    assert [e["from"] for e in document["edges"] if e["to"] == "more"] == ["report"]


def test_nothing_to_show(project: Path, call: Any) -> None:
    code, out, err = call("graph")
    assert (code, out) == (1, "")
    assert "NB640" in err
    assert "hint: " in err


def test_a_refused_notebook_is_refused(project: Path, call: Any) -> None:
    save(project / "a.ipynb", [("train", "print(x)")])
    code, out, err = call("graph", "a.ipynb")
    assert (code, out) == (1, "")
    assert "NB201 [train]" in err


@pytest.mark.parametrize("argv", [["gone.ipynb"], ["a.ipynb", "-o", "no/folder"], ["a.ipynb", "-o", "."]])
def test_files_that_cannot_be_used(notebook: Path, call: Any, argv: list[str]) -> None:
    before = sorted(notebook.parent.iterdir())
    code, out, err = call("graph", *argv)
    assert (code, out) == (1, "")
    assert re.search(r"NB100|NB615", err)
    assert sorted(notebook.parent.iterdir()) == before


def test_an_unreadable_dvc_yaml() -> None:
    with pytest.raises(Nb2stageError, match="NB601"):
        build([], "stages: [")
