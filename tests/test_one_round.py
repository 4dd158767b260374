"""A refusal names all cells that need a tag at once, and a notebook that follows it to the letter converts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final
from zlib import crc32

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # an importing test runner does not do it
import follow_hints
from notebooks import notebook_data
from rows import SAME, constructs

from nb2stage.conversion import Conversion, Project
from nb2stage.files.writer import State
from nb2stage.spine import convert

OUTSIDE: Final = frozenset({"parameters", "setup", "skip", "explore", "hpo"})
EXAMPLES: Final = Path(__file__).parents[1] / "example_notebooks"

# name -> a notebook (`# %% tags` begins a cell), and the tags that the cells get, with what they lose behind `<`
NOTEBOOKS: Final = {
    "what a stage uses, and what that is made of": (
        """
# %%
import pandas as pd
df = pd.read_csv("a.csv")
# %%
df.head()
# %%
df["b"] = df["a"] * 2
# %%
other = df.describe()
# %%
total = df["b"].sum()
# %% train
model = total + 1
# %%
score = model / 2
# %% report
print(score)
""",
        "1 import, 3 preprocess, 5 preprocess, 7 evaluate",
    ),
    "constants and settings": (
        """
# %%
import numpy as np
np.set_printoptions(precision=2)
# %%
size = 3
rate = None
# %%
size2 = size * 2
np.random.seed(1)
# %% train
x = np.random.rand(size2) * (rate or 1)
# %% report
print(x)
""",
        "1 setup, 2 parameters, 3 setup",
    ),
    "a change in a loop": (
        """
# %% import
table = {"a": 1}
# %%
for key in list(table):
    table[key] += 1
# %% report
print(table)
""",
        "2 preprocess",
    ),
    "a change by a function": (
        """
# %% import
table = {"a": 1}
# %%
def clean(t):
    t["a"] = 2
# %%
clean(table)
# %% report
print(table)
""",
        "3 preprocess",
    ),
    "a dead end: what is needed was tagged `skip`": (
        """
# %% import
x = 1
# %% skip
y = x + 1
# %% explore
z = y + 1
# %% report
print(z)
""",
        "2 preprocess<skip, 3 preprocess<explore",
    ),
    "one cause, many consequences: cells of a stage that cannot be brought together": (
        """
# %% import
table = {"a": 1}
# %% train
n = len(table)
# %% preprocess
table["b"] = 2
k = 3
# %% train
total = table["b"] + n
u = k
# %% train
w = u + total
# %% report
print(total, w)
""",
        "4 stage:train_2<train, 5 stage:train_2<train",
    ),
    "both at once": (
        """
# %% import
table = {"a": 1}
# %% train
n = len(table)
# %%
m = n + 1
# %% preprocess
table["b"] = m
# %% train
total = table["b"]
# %% report
print(total)
""",
        "3 preprocess, 5 stage:train_2<train",
    ),
    "what cannot cross stays in one stage": (
        """
# %%
numbers = (n * 2 for n in range(5))
# %%
first = next(numbers)
# %% train
rest = sum(numbers) + first
# %% report
print(rest)
""",
        "1 train, 2 train",
    ),
    "a stage by a first line": (
        """
# %% import
x = 1
# %%
y = x + 1
# %%
#| stage: report
print(y)
""",
        "2 preprocess",
    ),
}


def made(folder: Path, text: str) -> Path:
    """A notebook of these cells, with what it reads."""
    cells = [part.partition("\n")[::2] for part in text.split("# %%")[1:]]
    path = folder / "nb.ipynb"
    path.write_text(json.dumps(notebook_data([(tags, source.strip("\n")) for tags, source in cells])), encoding="utf-8")
    (folder / "a.csv").write_text("a\n1\n2\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_one_round_is_enough(tmp_path: Path, name: str) -> None:
    text, wanted = NOTEBOOKS[name]
    notebook = made(tmp_path, text)
    asked = list(follow_hints.asked_in_json(notebook))
    assert ", ".join(f"{cell} {tag}" + f"<{lost}" * bool(lost) for cell, tag, lost in asked) == wanted
    assert list(follow_hints.asked_in_text(notebook)) == asked
    follow_hints.follow(notebook, asked)
    done = follow_hints.refusal(notebook)
    assert done.returncode == 0, done.stderr


def test_a_long_chain_is_found_at_once(tmp_path: Path) -> None:
    """Each cell makes a new frame of the one before; what only looks at one is not needed, whatever it calls its own names."""
    step = (
        "# %%\ndf = df.assign(c{0}=df['a'] + {0})\n# %%\nfor c in df:\n    print(c)\n"
        "# %%\ndf['b{0}'] = [len(c) for c in df['a'].astype(str)]\n"
    )
    text = "# %%\nimport pandas as pd\ndf = pd.read_csv('a.csv')\n" + "".join(map(step.format, range(40)))
    notebook = made(tmp_path, text + "# %% report\nprint(df)\n")
    asked = list(follow_hints.asked_in_json(notebook))
    assert [cell for cell, _, _ in asked] == [1] + [n for n in range(2, 122) if n % 3 != 0]
    follow_hints.follow(notebook, asked)
    assert follow_hints.refusal(notebook).returncode == 0


def test_one_cause_gives_one_finding(tmp_path: Path) -> None:
    """The names that lack only because of the order are not told, nor what follows from a missing cell."""
    for name in (
        "one cause, many consequences: cells of a stage that cannot be brought together",
        "a change in a loop",
    ):
        done = follow_hints.refusal(made(tmp_path, NOTEBOOKS[name][0]))
        assert len(re.findall(r": NB\d+ ", done.stderr)) == 1, done.stderr
        assert re.search(r"\n1 error(, \d notes? \(-v shows all\))?; nothing was written\n$", done.stderr)


def test_a_name_that_lacks_is_told_once(tmp_path: Path) -> None:
    text = """
# %% train
x = len(open("a.csv").read())
print(nowhere, below)
# %% train
print(nowhere)
# %% evaluate
below = x + 1
print(below)
# %% report
print(nowhere, below)
"""
    said = follow_hints.refusal(made(tmp_path, text)).stderr
    assert "`nowhere` is not bound by any cell before this one; cells 2, 4 use it too\n" in said
    assert "`below` is not bound yet: cell 3, which binds it, stands below\n" in said
    assert "\n  hint: move cell 3 above this one\n" in said
    assert said.count("NB201") == 2


def test_a_refusal_shows_the_code_and_counts(tmp_path: Path) -> None:
    done = follow_hints.refusal(made(tmp_path, "# %% train\nx = 1\nprint(x, nowhere)\n# %% report\nprint(x, lost)\n"))
    assert "\n    print(x, nowhere)\n  hint: " in done.stderr
    assert "\n    print(x, lost)\n  hint: " in done.stderr
    assert done.stderr.endswith("\n2 errors; nothing was written\n")


@pytest.mark.parametrize("kept", [1, 2])
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.ipynb")))
def test_the_examples_without_their_tags(tmp_path: Path, name: str, kept: int) -> None:
    """Only the last stage cell is tagged, or also one in the middle."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    notebook = tmp_path / f"{name}.ipynb"
    data = json.loads(notebook.read_text(encoding="utf-8"))
    tagged = [
        cell["metadata"] for cell in data["cells"] if cell["cell_type"] == "code" and cell["metadata"].get("tags")
    ]
    staged = [metadata for metadata in tagged if not OUTSIDE & set(metadata["tags"])]
    keep = [staged[-1], staged[len(staged) // 2]][:kept]
    for metadata in tagged:
        if not any(metadata is each for each in keep):
            del metadata["tags"]
    notebook.write_text(json.dumps(data), encoding="utf-8")
    asked = list(follow_hints.asked_in_json(notebook))
    assert len(asked) > 5
    assert list(follow_hints.asked_in_text(notebook)) == asked
    follow_hints.follow(notebook, asked)
    done = follow_hints.refusal(notebook)
    assert done.returncode == 0, done.stderr


def test_constructs_without_their_tags(tmp_path: Path) -> None:
    """Notebooks that convert do so too when all tags but those of one or two stage cells are gone, after one round."""
    wrong = []
    judged = 0
    for row in constructs():
        if crc32(row.name.encode()) % 25:  # some, and the same ones whatever rows come to be
            continue
        staged = [n for n, (tags, _) in enumerate(row.cells) if tags and not OUTSIDE & set(tags)]
        if row.expect != SAME or len(staged) < 2:
            continue
        folder = tmp_path / row.name
        for path, text in row.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        folder.mkdir(exist_ok=True)
        for kept in (staged[-1:], [staged[0], staged[-1]]):
            cells = [(tags if n in kept else [], source) for n, (tags, source) in enumerate(row.cells)]
            for note in [note for finding in converted(folder, cells).diagnostics for note in finding.cells]:
                cells[note.cell - 1] = ([note.tag], cells[note.cell - 1][1])
            again = converted(folder, cells)
            judged += 1
            wrong += [f"{row.name}: {finding.render()}" for finding in again.diagnostics if finding.forbids_writing]
    assert wrong == []
    assert judged > 50


def converted(folder: Path, cells: list[tuple[list[str], str]]) -> Conversion:
    """A conversion in memory."""
    data = notebook_data([(" ".join(tags), source) for tags, source in cells])
    return convert(json.dumps(data).encode(), "nb.ipynb", Project(folder, State()))


def test_a_name_that_a_cell_binds_anew_needs_no_other_cell(tmp_path: Path) -> None:
    cells = [([], "x = 1"), ([], "x = 2\ny = [x]"), (["report"], "print(y)")]
    (finding,) = converted(tmp_path, cells).diagnostics
    assert [note.cell for note in finding.cells] == [2]


def test_the_second_conversion_tells_what_is_new(tmp_path: Path) -> None:
    def command(*options: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "nb2stage", "convert", "nb.ipynb", *options]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=True)

    text = "# %% import\nimport random\nx = open('a.csv').read()\ny = random.random()\n# %% report\nprint(x)\n"
    made(tmp_path, text)
    assert "NB230" in (first := command("--init")).stderr
    assert "\nimport " in first.stdout
    again = command()
    assert (again.stderr, again.stdout.splitlines()[0]) == ("1 warning; 1 as last time, shown with -v\n", HEAD)
    assert "\nimport " not in again.stdout
    assert "NB230" in (everything := command("-v")).stderr
    assert "\nimport " in everything.stdout
    made(tmp_path, text.replace("print(x)", "import random\nprint(x, random.random())"))
    more = command()
    assert more.stderr.count("NB230") == 1
    assert "1 as last time" in more.stderr
    assert "\nreport " in more.stdout
    assert "\nimport " not in more.stdout


HEAD: Final = "nb.ipynb: 2 stages, none changed"
