"""The figures that scripts save are those which a kernel displays: the same number, size and pixels."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from nb2stage.conversion import Project
from nb2stage.files.writer import State
from nb2stage.probes.comparing import _plain_svg
from nb2stage.runs.displayed import PICTURES, shown_figures
from nb2stage.spine import convert

if TYPE_CHECKING:
    from pathlib import Path

# Behind each name a whole notebook, `# %% tags` before each cell, and what its script must have.
NOTEBOOKS: Final = {
    "a legend outside": (
        """\
# %% report
import matplotlib.pyplot as plt
plt.plot([1, 2, 3], label="a long name of a line")
plt.legend(loc="upper left", bbox_to_anchor=(1, 1), title="lines")
plt.title("Outside")
plt.show()
""",
        ['plt.savefig("report/figures/figure_1.png", bbox_inches="tight")\n', "![Outside](figures/figure_1.png)"],
    ),
    "frames of pandas with long labels": (
        """\
# %% import
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3], "b": [3, 1, 2]}, index=["a very long name of a row", "of another one", "c"])
# %% report
df.plot.barh(title="All of it")
# %% report
df.plot(subplots=True, figsize=(3, 8));
# %% report
df["a"].hist(bins=2)
""",
        ["![All of it](figures/figure_1.png)"],
    ),
    "seaborn": (
        """\
# %% report
import pandas as pd
import seaborn as sns
sns.set_theme(style="darkgrid", context="talk")
df = pd.DataFrame({"a": [1, 2, 3, 4], "b": [3, 1, 2, 5], "kind": list("xyxy")})
sns.scatterplot(data=df, x="a", y="b", hue="kind")
# %% report
sns.relplot(data=df, x="a", y="b", hue="kind", col="kind", height=3)
# %% report
sns.heatmap(df[["a", "b"]].corr(), annot=True).set_title("Correlations")
""",
        ["![Correlations](figures/figure_3.png)"],
    ),
    "retina": (
        """\
# %%
import matplotlib.pyplot as plt
%matplotlib inline
%config InlineBackend.figure_format = 'retina'
# %% report
fig, ax = plt.subplots(figsize=(4, 3))
ax.plot([1, 3, 2])
ax.set_ylabel("a label")
plt.show()
# %% report
fig
""",
        ["dpi=2 * plt.gcf().dpi", "dpi=2 * fig.dpi"],
    ),
    "svg": (
        """\
# %% report
import matplotlib.pyplot as plt
%config InlineBackend.figure_formats = ['svg', 'png']
plt.plot([1, 3, 2])
plt.ylabel("a label")
""",
        ["figure_1.svg"],
    ),
    "jpeg by a call": (
        """\
# %%
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats("jpeg", pil_kwargs={"quality": 50})
# %% report
import matplotlib.pyplot as plt
plt.plot([1, 3, 2])
""",
        ["figure_1.jpg", "pil_kwargs={'quality': 50}"],
    ),
    "a call among the cells of a stage": (
        """\
# %% report
import matplotlib.pyplot as plt
import matplotlib_inline
matplotlib_inline.backend_inline.set_matplotlib_formats("retina")
plt.plot([1, 3, 2])
# %% report
matplotlib_inline.backend_inline.set_matplotlib_formats("png")
plt.plot([1, 3, 2])
""",
        ['figure_2.png", bbox_inches="tight")'],
    ),
    "not tight": (
        """\
# %% report
import matplotlib.pyplot as plt
%config InlineBackend.print_figure_kwargs = {'bbox_inches': None, 'facecolor': 'yellow'}
plt.plot([1, 3, 2])
""",
        ['plt.savefig("report/figures/figure_1.png", facecolor="yellow")'],
    ),
    "settings of resolution": (
        """\
# %% setup
import matplotlib.pyplot as plt
plt.rcParams["figure.dpi"] = 60
plt.rcParams["savefig.dpi"] = 300
plt.rc("savefig", facecolor="red")
# %% report
plt.figure(figsize=(3, 2))
plt.plot([1, 3, 2])
# %% report
plt.figure(figsize=(3, 2), dpi=150, facecolor="lightgray")
plt.plot([1, 3, 2])
""",
        ['dpi="figure"'],
    ),
    "a style that saves otherwise": (
        """\
# %% setup
import matplotlib.pyplot as plt
plt.style.use("classic")
# %% report
plt.plot([1, 3, 2], label="a")
plt.legend(bbox_to_anchor=(1.4, 1))
""",
        ['facecolor="auto"'],
    ),
    "a dark style": (
        """\
# %% setup
import matplotlib.pyplot as plt
plt.style.use(["dark_background", "seaborn-v0_8-whitegrid"])
# %% report
plt.pie([1, 2], labels=["a long long label", "b"])
""",
        ['figure_1.png", bbox_inches="tight")'],
    ),
    "several in a cell, in loops and functions": (
        """\
# %% report
import matplotlib.pyplot as plt
def draw(n):
    fig, ax = plt.subplots()
    ax.plot([n, 1])
    ax.set_title(f"number {n}")
    plt.show()
for n in range(3):
    draw(n)
plt.tight_layout()
# %% report
plt.figure()
plt.plot([1, 2])
plt.figure()
plt.plot([2, 1])
# %% report
fig, axes = plt.subplots(1, 2, layout="constrained")
axes[0].set_title("left")
axes[1].set_title("right")
fig.suptitle("both")
""",
        ['figures = Figures("report/figures", report, "figures")\nplt.show = figures.save_open\n', "figures.save_open()"],
    ),
    "one at each show": (
        """\
# %% report
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.show()
plt.scatter([1, 2], [2, 1])
plt.title("second")
plt.show()
plt.show()
for n in range(3):
    plt.plot([n, 1])
plt.show()
for n in range(0):
    plt.plot([n, 1])
plt.show()
def draw(values, title):
    plt.bar(range(len(values)), values)
    plt.title(title)
draw([1, 2], "bars")
# %% report
n = 3
fig, (left, right) = plt.subplots(1, 2)
left.set_title("left")
right.set_title(f"right {n}")
""",
        [
            "![second](figures/figure_2.png)",
            'if plt.get_fignums():\n    plt.savefig("report/figures/figure_4.png"',
            "![left, {right.get_title()}](figures/figure_6.png)",
        ],
    ),
    "a show in a loop, and functions that close": (
        """\
# %% report
import matplotlib.pyplot as plt
def kept(n):
    plt.plot([n, 1])
    plt.savefig(f"kept_{n}.png")
    plt.close()
plt.plot([1, 2])
kept(1)
# %% report
for n in range(2):
    fig, ax = plt.subplots()
    ax.plot([n, 3])
    if n:
        plt.show()
""",
        ['figures = Figures("report/figures", report, "figures")\n\n', "        figures.save_open()\n"],
    ),
    "of several stages": (
        """\
# %% import
import matplotlib.pyplot as plt
import numpy as np
values = np.arange(6.0)
plt.plot(values); plt.xlabel("of the import")
# %% train
squares = values**2
plt.scatter(values, squares, label="points")
plt.legend(loc="lower left", bbox_to_anchor=(1, 0))
# %% report
total = f"{squares.sum():.0f} in all"
plt.imshow(np.outer(values, squares))
plt.colorbar(label="product")
plt.title(total)
""",
        ["{plt.gca().get_title()}"],
    ),
    "constrained, with a pad of its own": (
        """\
# %% setup
import matplotlib.pyplot as plt
plt.rcParams.update({"figure.constrained_layout.use": True, "savefig.pad_inches": 0.5, "font.size": 14})
# %% report
fig, ax = plt.subplots(subplot_kw={"projection": "polar"})
ax.plot([0, 1, 2], [1, 2, 1])
plt.show()
# %% report
from mpl_toolkits.mplot3d import Axes3D
ax = plt.figure().add_subplot(projection="3d")
ax.scatter([1, 2], [2, 1], [1, 2])
ax.set_zlabel("height")
""",
        [],
    ),
    "shown by name": (
        """\
# %% report
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2])
plt.close(fig)
# %% report
ax.set_title("later")
fig
# %% report
file = "of the notebook"
for n in range(2):
    other, part = plt.subplots()
    part.plot([n, 1])
    part.set_title(file)
    plt.close(other)
    display(other)
# %% report
last, part = plt.subplots()
part.plot([3, 1])
display(last)
""",
        ["    figures.save(other)\n"],
    ),
}  # fmt: skip


def notebook(text: str) -> dict[str, Any]:
    """A notebook of nbformat 4 from its percent text."""
    cells = []
    for number, part in enumerate(text.split("# %%")[1:]):
        tags, _, source = part.partition("\n")
        cell = {"cell_type": "code", "id": f"cell-{number}", "metadata": {"tags": tags.split()}}
        cells.append({**cell, "source": source.rstrip("\n"), "execution_count": None, "outputs": []})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def displayed(content: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """The figures that a kernel displays: kinds and bytes."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    run = nbformat.from_dict(content)
    nbclient.NotebookClient(run, resources={"metadata": {"path": str(folder)}}).execute()
    found = [picture for cell in run.cells for picture in shown_figures(0, cell.get("outputs", []))]
    return [(picture.suffix, picture.data) for picture in found]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_saved_figures_are_those_that_a_kernel_displays(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("seaborn" if "seaborn" in NOTEBOOKS[name][0] else "pandas")
    text, wanted = NOTEBOOKS[name]
    content = notebook(text)
    result = convert(json.dumps(content).encode(), "nb.ipynb", Project(tmp_path, State()))
    assert not result.failed, result.diagnostics
    for file in result.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_text(file.text, encoding="utf-8")
    for part in wanted:
        assert part in "".join(file.text for file in result.files)
    saved: list[tuple[str, bytes]] = []
    for plan in result.stages:
        done = subprocess.run([sys.executable, plan.script], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        paths = [path for path in (tmp_path / plan.figures).iterdir() if plan.figures]
        paths.sort(key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])
        saved += [(path.suffix, path.read_bytes()) for path in paths]
    shown = displayed(content, tmp_path, monkeypatch)
    assert [kind for kind, _ in saved] == [kind for kind, _ in shown]
    assert {kind for kind, _ in saved} <= set(PICTURES.values())
    for (_, mine), (_, theirs) in zip(saved, shown, strict=True):
        assert _plain_svg(mine) == _plain_svg(theirs)
