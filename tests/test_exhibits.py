"""Charts, maps and tables of other libraries than matplotlib: a page and a picture beside the report, never a repr."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from test_pictures import notebook

from nb2stage.conversion import Conversion, Project
from nb2stage.files.writer import State
from nb2stage.probes.capturing import store
from nb2stage.probes.digests import examined
from nb2stage.runs.displayed import saved_charts, shown_charts
from nb2stage.spine import convert

if TYPE_CHECKING:
    from pathlib import Path

PLOTLY: Final = "import plotly.express as px\nimport plotly.graph_objects as go\nfig = px.bar(x=[1, 2], y=[3, 4])\n"
ALTAIR: Final = "import altair as alt\nc = alt.Chart('a.csv').mark_bar()\n"
# The cell of a report -> lines of its script, and words that are not in it.
CELLS: Final = {
    "a figure that ends a cell": (PLOTLY + "fig", ["save_plotly(fig)"], ["show(", "matplotlib"]),
    "its method": (PLOTLY + "fig.show('notebook')", ["save_plotly(fig)\n"], ["fig.show", "matplotlib"]),
    "a chain": (PLOTLY + "fig.update_layout(title='a').add_hline(y=1)", ["save_plotly(fig.update_layout("], []),
    "a call": (PLOTLY + "go.Figure(go.Scatter(y=[1]))", ["save_plotly(go.Figure("], []),
    "functions that show": (PLOTLY + "import plotly.io as pio\npio.show(fig)", ["save_plotly(fig)"], ["pio"]),
    "display": (PLOTLY + "display(fig)", ["save_plotly(fig)"], ["display"]),
    "a loop": (PLOTLY + "for n in range(2):\n    f = go.Figure()\n    f.show()", ["    save_plotly(f)"], ["f.show"]),
    "in place": (PLOTLY + "for n in range(2):\n    fig = fig.add_hline(y=n)\nfig", ["save_plotly(fig)"], []),
    "made by a function": (
        PLOTLY + "def make(n):\n    f = go.Figure()\n    f.update_layout(title=n)\n    return f\nmake('a')",
        ["save_plotly(make('a'))"],
        [],
    ),
    "shown by a function": (
        PLOTLY + "def draw(f):\n    f.show()\ndraw(fig)",
        ["BaseFigure.show = save_plotly", "def save_plotly(chart, *_, **__):"],
        [],
    ),
    "not a figure": (PLOTLY + "fig.to_dict()", ["show(fig.to_dict())"], ["save_plotly"]),
    "a frame": (PLOTLY + "px.data.iris()", ["show(px.data.iris())"], ["save_plotly"]),
    "an attribute": (PLOTLY + "fig.layout.title.text", ["show(fig.layout.title.text)"], ["save_plotly"]),
    "another figure of that name": (
        PLOTLY + "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1])\nplt.show()",
        ["plt.savefig("],
        ["save_plotly"],
    ),
    "with a semicolon": (PLOTLY + "fig;", [], ["save_plotly", "show("]),
    "a chart": (ALTAIR + "c.properties(title='a')", ["save_altair(c.properties("], ["matplotlib"]),
    "charts": (ALTAIR + "c | c", ["save_altair(c | c)"], ["matplotlib"]),
    "a chart as text": (ALTAIR + "c.to_dict()", ["show(c.to_dict())"], ["save_altair"]),
    "bokeh": (
        "from bokeh.plotting import figure, output_notebook, show\noutput_notebook()\np = figure()\nshow(p)",
        ["save_bokeh(p)", "from bokeh.plotting import figure\n"],
        ["output_notebook", "matplotlib"],
    ),
    "bokeh in a browser": (
        "from bokeh.plotting import figure, show\np = figure()\nshow(p)",
        ["show(p)"],
        ["save_bokeh"],
    ),
    "a map": ("import folium\nm = folium.Map([1, 2])\nm", ["save_folium(m)"], ["show(m)", "matplotlib"]),
    "a map of geopandas": (
        "import geopandas as gpd\ng = gpd.read_file('a.shp')\ng.explore()",
        ["save_folium(g.explore())"],
        [],
    ),
    "a table": (
        "from great_tables import GT\nimport pandas as pd\nGT(pd.DataFrame()).tab_header(title='a')",
        ["save_great_tables(GT(", '"<table" + '],
        [],
    ),
    "a picture": ("from PIL import Image\nImage.new('RGB', (2, 2))", ["save_pillow(Image.new("], ["matplotlib"]),
    "its size": ("from PIL import Image\nImage.new('RGB', (2, 2)).size", ["show(Image.new("], ["save_pillow"]),
    "objects of seaborn": (
        "import seaborn.objects as so\nso.Plot(x=[1], y=[2]).add(so.Dot())",
        ["save_seaborn(so.Plot("],
        [],
    ),
    "a graph that is no picture": (
        "import networkx as nx\ng = nx.path_graph(4)\nlen(g)",
        ["g = nx.path_graph(4)"],
        ["matplotlib", "figure"],
    ),
}  # fmt: skip


def converted(folder: Path, text: str) -> Conversion:
    result = convert(json.dumps(notebook(text)).encode(), "nb.ipynb", Project(folder, State()))
    assert not result.failed, result.diagnostics
    return result


@pytest.mark.parametrize("name", CELLS)
def test_what_a_cell_shows_is_saved(name: str, tmp_path: Path) -> None:
    cell, there, absent = CELLS[name]
    result = converted(tmp_path, f"# %% report\n{cell}\n")
    script = next(file.text for file in result.files if file.path == "report/report.py")
    assert [part for part in there if part not in script] == []
    assert [part for part in absent if part in script] == []
    (plan,) = result.stages
    assert bool(plan.figures) == (".png" in script)
    assert bool(plan.pages) == (".html" in script)


def test_other_stages_save_them_without_a_report(tmp_path: Path) -> None:
    result = converted(tmp_path, f"# %% train\n{PLOTLY}fig.show()\n# %% report\nprint(1)\n")
    script = next(file.text for file in result.files if file.path == "training/train.py")
    assert 'chart.write_image(f"training/train_figures/{file}.png")' in script
    assert "link" not in script
    assert (result.stages[0].figures, result.stages[0].pages) == ("training/train_figures", "training/train_pages")


def test_a_figure_of_plotly_that_was_saved_is_the_same(tmp_path: Path) -> None:
    graph = pytest.importorskip("plotly.graph_objects")
    numpy = pytest.importorskip("numpy")
    figure = graph.Figure(graph.Scatter(x=numpy.arange(3), y=[3, 1, 2])).update_layout(title="A title")
    assert store(figure, str(tmp_path / "figure"), 10**6) == ""
    saved = pickle.loads((tmp_path / "figure").read_bytes())
    assert examined(saved) == examined(figure)
    assert examined(saved.add_hline(y=1)) != examined(figure)


DRAWN: Final = {
    "plotly": PLOTLY + "fig.update_layout(title='A title')",
    "altair": ALTAIR + "c.encode(x='a:Q').properties(title='A title')",
}


@pytest.mark.parametrize("library", DRAWN)
def test_pages_are_small_and_are_what_the_notebook_displays(library: str, tmp_path: Path) -> None:
    module = pytest.importorskip(library)
    result = converted(tmp_path, f"# %% report\n{DRAWN[library]}\n")
    for file in result.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_text(file.text, encoding="utf-8")
    # As where no picture can be made.
    blocked = {"plotly": "kaleido", "altair": "vl_convert"}[library]
    code = f"import sys, runpy\nsys.modules[{blocked!r}] = None\nrunpy.run_path('report/report.py')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("no picture of chart_1: ")
    assert (tmp_path / "report/report.md").read_text() == "# Report\n\n[A title](pages/chart_1.html)\n"
    assert (tmp_path / "report/pages/chart_1.html").stat().st_size < 50_000
    if library == "plotly":
        express = pytest.importorskip("plotly.express")
        chart = express.bar(x=[1, 2], y=[3, 4]).update_layout(title="A title")
        data = {"application/vnd.plotly.v1+json": json.loads(chart.to_json())}
    else:
        chart = module.Chart("a.csv").mark_bar().encode(x="a:Q").properties(title="A title")
        data = {"text/html": chart._repr_mimebundle_()["text/html"], "text/plain": "alt.Chart(...)"}
    (shown,) = shown_charts(1, [{"output_type": "execute_result", "data": data}])
    ((path, content),) = saved_charts([tmp_path / "report/figures", tmp_path / "report/pages"])
    assert path.name == "chart_1.html"
    assert shown.library == library
    assert content == shown.content
    assert content
