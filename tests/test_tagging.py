"""`nb2stage tag`: what a cell does, whole proposals, the bytes of the notebook, and the command line."""

from __future__ import annotations

import ast
import io
import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from nb2stage.cli import main
from nb2stage.conversion import Project
from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.writer import State
from nb2stage.knowledge.work import SECTIONS, work
from nb2stage.project.proposals import commented, write_notebook
from nb2stage.reading.notebook import Cell, Notebook, read_notebook
from nb2stage.reading.notebooktags import with_tags
from nb2stage.spine import attempts
from nb2stage.tagging.cuts import cheapest
from nb2stage.tagging.deeds import WEIGHTS, deeds_of
from nb2stage.tagging.proposing import Proposal, propose

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "example_notebooks"


# -- what a cell does


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("import pandas as pd\ndf = pd.read_csv('a.csv')", "reads", id="reader"),
        pytest.param("from sklearn.datasets import load_wine\nX = load_wine()", "reads", id="data-of-a-library"),
        pytest.param("df = df.dropna()", "cleans", id="method"),
        pytest.param("df = df[df.rent < 2000]", "cleans", id="rows-are-dropped"),
        pytest.param("df['rent'] = df['rent'].map(f)", "cleans", id="a-column-is-mended"),
        pytest.param("df['age'] = 2023 - df['built']", "features", id="a-column-is-made"),
        pytest.param(
            "from sklearn.preprocessing import StandardScaler\nZ = StandardScaler().fit_transform(X)",
            "transforms",
            id="scaler",
        ),
        pytest.param("from sklearn.decomposition import PCA\np = PCA(2)\np.fit(X)", "features", id="fitted-by-name"),
        pytest.param("from sklearn.model_selection import train_test_split as s\na, b = s(X)", "splits", id="renamed"),
        pytest.param("from sklearn.linear_model import Ridge\nm = Ridge().fit(X, y)", "fits", id="estimator"),
        pytest.param(
            "from sklearn.pipeline import make_pipeline\nfrom sklearn.svm import SVC\nmake_pipeline(Z(), SVC()).fit(X, y)",
            "fits",
            id="pipeline",
        ),
        pytest.param("from sklearn.metrics import r2_score\nr2_score(y, p)", "scores", id="metric"),
        pytest.param("import matplotlib.pyplot as plt\nplt.plot(x)", "draws", id="plot"),
        pytest.param("df.head()", "shows", id="look"),
        pytest.param("df.to_csv('b.csv')", "saves", id="file"),
        pytest.param("with open('a.txt') as f:\n    t = f.read()", "reads", id="open-reads"),
        pytest.param("with open('a.txt', 'w') as f:\n    f.write('a')", "saves", id="open-writes"),
        pytest.param("def f(d):\n    return d.dropna()\ne = f(df)", "cleans", id="a-function-does-what-its-body-does"),
        pytest.param("if False:\n    model.fit(X, y)", "", id="what-never-runs"),
    ],
)
def test_a_cell_does_what_its_calls_do(code: str, kind: str) -> None:
    deeds = deeds_of([(1, ast.parse(code))])[1]
    assert max(deeds, key=lambda deed: deed.weight).work == kind if kind else deeds == []


def test_the_table_of_work_has_only_words_that_are_known() -> None:
    for section in SECTIONS[:-1]:
        patterns = work(section)
        words = {*patterns.plain.values(), *(word for _, word in patterns.open)}
        assert words <= WEIGHTS.keys()
        assert words


def test_the_cheapest_cut_carries_least() -> None:
    cells = [(1, {"import": 6.0}, ""), (2, {}, ""), (3, {}, ""), (4, {"train": 5.0}, "")]
    assert cheapest(cells, {1: 9, 2: 0, 3: 9}, 2) == ["import", "import", "train", "train"]
    assert cheapest(cells, {1: 0, 2: 9, 3: 9}, 2) == ["import", "train", "train", "train"]


# -- whole notebooks


def proposal(tmp_path: Path, *cells: str, count: int | None = None) -> Proposal:
    """The proposal for cells, `tags | source` or source alone."""
    made: list[Cell] = []
    for index, text in enumerate(cells, start=1):
        tags, bar, source = text.partition(" | ")
        made.append(Cell(index, "code", source if bar else text, tuple(tags.split()) if bar else ()))
    project = Project(tmp_path, State())
    return propose(Notebook("a.ipynb", tuple(made)), attempts("a.ipynb", project), count)


SIMPLE: Final = (
    "import pandas as pd\nimport matplotlib.pyplot as plt\nfrom sklearn.linear_model import Ridge",
    "alpha = 0.5",
    "df = pd.read_csv('a.csv')",
    "df.head()",
    "df = df.dropna()",
    "old = df.copy()",
    "model = Ridge(alpha=alpha).fit(df[['a']], df['b'])",
    "score = model.score(df[['a']], df['b'])",
    "plt.plot(model.coef_)\nplt.savefig('coef.png')",
)
TAGS: Final = ["setup", "parameters", "import", None, "clean", None, "train", "evaluate", "report"]


def test_a_notebook_without_tags(tmp_path: Path) -> None:
    made = proposal(tmp_path, *SIMPLE)
    assert [each.tag for each in made.cells] == TAGS
    assert made.cells[7].also == ("metrics",)
    assert made.cells[3].why == "only shows df"
    assert made.cells[5].why == "nobody uses old"
    assert made.problems == []


def test_tags_that_are_there_are_kept(tmp_path: Path) -> None:
    made = proposal(tmp_path, *SIMPLE[:4], f"stage:mend | {SIMPLE[4]}", *SIMPLE[5:])
    assert [each.tag for each in made.cells] == [*TAGS[:4], "stage:mend", *TAGS[5:]]
    assert 5 not in made.tags


def test_as_many_stages_as_asked(tmp_path: Path) -> None:
    made = proposal(tmp_path, *SIMPLE, count=2)
    assert len({each.tag for each in made.cells} - {None, "setup", "parameters"}) == 2
    assert made.problems == []


def test_a_notebook_of_one_cell_is_one_stage(tmp_path: Path) -> None:
    made = proposal(tmp_path, "import pandas as pd\ndf = pd.read_csv('a.csv').dropna()\ndf.to_csv('b.csv')")
    assert made.problems == []
    assert len(made.hands_on()) == 1


@pytest.mark.parametrize("name", ["wine", "co2", "tickets", "flats"])
def test_the_examples_without_their_tags_convert(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "data", tmp_path / "data")
    cells = read_notebook((EXAMPLES / f"{name}.ipynb").read_bytes(), "a.ipynb").cells
    bare = Notebook("a.ipynb", tuple(Cell(c.index, c.kind, c.source, (), c.id, c.count) for c in cells))
    made = propose(bare, attempts("a.ipynb", Project(tmp_path, State())))
    assert made.problems == []
    assert made.reason == ""
    assert 3 <= len(made.hands_on()) <= 7


# -- bytes

CELL: Final = '{"cell_type": "code", "execution_count": null, %s"outputs": [], "source": "x = 1"}'
PRETTY: Final = (
    '{\n "cells": [\n  {\n   "cell_type": "code",\n   "id": "\\u00e9",\n   "metadata": %s,\n   "outputs": [],\n'
    '   "source": ["x = 1"]\n  }\n ],\n "metadata": {},\n "nbformat": 4,\n "nbformat_minor": 5\n}\n'
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PRETTY % "{}", id="empty"),
        pytest.param(PRETTY % "{ }", id="blank-inside"),
        pytest.param(PRETTY % "{\n   }", id="line-inside"),
        pytest.param(PRETTY % '{\n    "tags": []\n   }', id="empty-list"),
        pytest.param(PRETTY % '{\n    "tags": [\n     "keep"\n    ]\n   }', id="another-tag"),
        pytest.param(PRETTY % '{"tags": ["a", "b"]}', id="tags-in-a-line"),
        pytest.param(PRETTY % '{\n    "collapsed": true\n   }', id="key-before"),
        pytest.param(PRETTY % '{\n    "a": 1,\n    "vscode": {}\n   }', id="key-behind"),
        pytest.param(PRETTY % '{\n    "z": 1,\n    "a": {}\n   }', id="keys-out-of-order"),
        pytest.param((PRETTY % "{}").replace("\n", "\r\n"), id="crlf"),
        pytest.param((PRETTY % '{\n    "a": 1\n   }').replace(" " * 2, "\t"), id="tabs"),
        pytest.param("\ufeff" + PRETTY % "{}", id="byte-order-mark"),
        pytest.param(json.dumps(json.loads(PRETTY % "{}")), id="one-line"),
        pytest.param(json.dumps(json.loads(PRETTY % '{"a": 1}'), separators=(",", ":")), id="tight"),
        pytest.param('{"cells": [' + CELL % "" + '], "nbformat": 4}', id="no-metadata"),
        pytest.param('{"cells": [' + CELL % '"metadata": {}, ' + '], "nbformat": 4}', id="empty-in-a-line"),
    ],
)
def test_tags_come_and_go_without_a_trace(text: str) -> None:
    for tags in (["train"], ["evaluate", "metrics"]):
        new = with_tags(text, "a.ipynb", {1: tags})
        before = read_notebook(text.encode(), "a.ipynb").cells[0].tags
        assert read_notebook(new.encode(), "a.ipynb").cells[0].tags == (*before, *tags)
        assert with_tags(new, "a.ipynb", {}, {1: tags}) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PRETTY % '{"tags": ["a"], "tags": ["b"]}', id="tags-twice"),
        pytest.param((PRETTY % "{}").replace('"outputs": []', '"metadata": {}'), id="metadata-twice"),
        pytest.param(PRETTY % '{"tags": "train"}', id="no-list"),
        pytest.param('{"worksheets": [], "nbformat": 3}', id="old"),
    ],
)
def test_odd_files_are_refused(text: str) -> None:
    with pytest.raises(Nb2stageError, match="NB102"):
        with_tags(text, "a.ipynb", {1: ["train"]})


def test_real_notebooks_keep_their_bytes() -> None:
    """The examples, and with NB2STAGE_NOTEBOOKS, a folder, all notebooks below it."""
    folder = os.environ.get("NB2STAGE_NOTEBOOKS")
    for path in [*EXAMPLES.glob("*.ipynb"), *(Path(folder).rglob("*.ipynb") if folder else ())]:
        text = path.read_bytes().decode()
        rng = random.Random(path.name)
        cells = read_notebook(text.encode(), path.name).cells
        tags = {c.index: ["stage:t", "metrics"][: rng.randint(1, 2)] for c in cells if rng.random() < 0.7}
        tags = {index: [tag for tag in each if tag not in cells[index - 1].tags] for index, each in tags.items()}
        new = with_tags(text, path.name, tags)
        assert new != text
        assert with_tags(new, path.name, {}, tags) == text


def test_a_notebook_that_was_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"new")
    with pytest.raises(Nb2stageError, match="NB615"):
        write_notebook(path, b"old", b"mine")
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["a.ipynb"]


def test_comments_stand_below_a_cell_magic() -> None:
    assert commented("%%time\nx = 1", ["evaluate", "metrics"]) == "%%time\n#| stage: evaluate\n#| tags: metrics\nx = 1"


# -- the command line


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "execution_count": n + 10, "metadata": {}, "outputs": [], "source": [source]}
        for n, source in enumerate(SIMPLE)
    ]
    cells.insert(6, {"cell_type": "markdown", "metadata": {}, "source": ["## The model"]})
    path = tmp_path / "a.ipynb"
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n2,3\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return path


def tags_in(path: Path) -> list[tuple[str, ...]]:
    return [cell.tags for cell in read_notebook(path.read_bytes(), path.name).cells]


def test_tag_and_convert(notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = notebook.read_bytes()
    assert main(["tag", "a.ipynb"]) == 0
    assert "nothing was written; next: nb2stage tag a.ipynb --write" in capsys.readouterr().out
    assert notebook.read_bytes() == before
    assert main(["tag", "a.ipynb", "--write"]) == 0
    assert tags_in(notebook)[8] == ("evaluate", "metrics")
    assert main(["convert", "a.ipynb"]) == 0
    assert (notebook.parent / "training" / "train.py").exists()
    assert main(["tag", "a.ipynb", "--clear"]) == 0
    assert notebook.read_bytes() == before


def test_json(notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", "a.ipynb", "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [each["cell"] for each in cells] == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert [each["tag"] for each in cells] == TAGS


def test_comments_and_back(notebook: Path) -> None:
    before = read_notebook(notebook.read_bytes(), "a.ipynb")
    assert main(["tag", "a.ipynb", "--write", "--comments"]) == 0
    assert b"#| stage: train" in notebook.read_bytes()
    assert main(["convert", "a.ipynb", "--dry-run"]) == 0
    assert main(["tag", "a.ipynb", "--clear"]) == 0
    assert read_notebook(notebook.read_bytes(), "a.ipynb") == before


@pytest.mark.parametrize(
    ("given", "cells"),
    [
        ("3-5=clean", {3: ("clean",), 4: ("clean",), 5: ("clean",)}),
        ("3,5=mend", {3: ("stage:mend",), 5: ("stage:mend",)}),
        ("[12]=train", {3: ("train",)}),
        ("The model=train", {8: ("train",), 9: ("train",), 10: ("train",)}),
    ],
)
def test_by_hand(given: str, cells: dict[int, tuple[str, ...]], notebook: Path) -> None:
    assert main(["tag", "a.ipynb", given]) == 0
    assert {n: tags for n, tags in enumerate(tags_in(notebook), start=1) if tags} == cells


@pytest.mark.parametrize("given", ["99=train", "train", "No heading=train", "7=train"])
def test_what_is_meant_must_be_there(given: str, notebook: Path) -> None:
    before = notebook.read_bytes()
    assert main(["tag", "a.ipynb", given]) == 2
    assert notebook.read_bytes() == before


class Terminal(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


def test_asked_stage_by_stage(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter agrees, a word is another tag, `n` leaves the cells in the notebook."""
    monkeypatch.setattr(sys, "stdin", Terminal("\nn\nmend\n" + "\n" * 20))
    assert main(["tag", "a.ipynb", "-i"]) == 0
    proposed = dict.fromkeys(tag for tag in TAGS if tag)
    left, other = list(proposed)[1:3]
    written = {tags[0] for tags in tags_in(notebook) if tags}
    assert written == {*proposed, "stage:mend"} - {left, other}


@pytest.mark.parametrize("typed", ["", "\n"])
def test_an_end_of_the_answers_is_no_yes(
    typed: str, notebook: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = notebook.read_bytes()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert main(["tag", "a.ipynb", "-i"]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert notebook.read_bytes() == before


def test_convert_auto_leaves_the_notebook_alone(notebook: Path) -> None:
    before = notebook.read_bytes()
    assert main(["convert", "a.ipynb", "--auto"]) == 0
    assert notebook.read_bytes() == before
    assert (notebook.parent / "training" / "train.py").exists()


def test_convert_leads_here(notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "a.ipynb"]) == 1
    assert "nb2stage tag" in capsys.readouterr().err
