"""After an edit `dvc repro` runs exactly the stages whose inputs changed, and `nb2stage status` says so before."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from test_cli import Cells, call, save  # noqa: F401 -- a fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest.importorskip("dvc")

CELLS: Cells = [
    ("parameters", "scale = 2\nunused = 5"),
    ("", "import json\nfrom pathlib import Path\n\ndef double(x):\n    return 2 * x\n\ndef half(x):\n    return x / 2"),
    ("import", "rows = json.loads(Path('data.json').read_text())"),
    ("", "rows[0]"),
    ("stage:left", "# of the left\nlefts = json.loads(json.dumps([double(r) * scale for r in rows]))"),
    ("stage:left", "first = lefts[0]\nprint(first)"),
    ("stage:left", "last = lefts[-1]\nprint(last)"),
    ("stage:right", "rights = json.loads(json.dumps([double(r) + half(r) for r in rows]))"),
    ("report metrics", "total = sum(lefts) + sum(rights)"),
]  # fmt: skip
LEFT, RIGHT = 4, 7


def replaced(index: int, old: str, new: str, tags: str | None = None) -> Callable[[Path], None]:
    """An edit of one cell."""

    def edit(folder: Path) -> None:
        cells = list(CELLS)
        assert old in cells[index][1]
        cells[index] = (cells[index][0] if tags is None else tags, cells[index][1].replace(old, new))
        save(folder / "a.ipynb", cells)

    return edit


def cells_as(change: Callable[[Cells], Cells]) -> Callable[[Path], None]:
    return lambda folder: save(folder / "a.ipynb", change(list(CELLS))) and None


def swapped(a: int, b: int) -> Callable[[Path], None]:
    def change(cells: Cells) -> Cells:
        cells[a], cells[b] = cells[b], cells[a]
        return cells

    return cells_as(change)


def markdown(folder: Path) -> None:
    data = json.loads((folder / "a.ipynb").read_text())
    data["cells"].insert(3, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Text"})
    (folder / "a.ipynb").write_text(json.dumps(data))


def outputs(folder: Path) -> None:
    data = json.loads((folder / "a.ipynb").read_text())
    data["cells"][3] |= {"execution_count": 7, "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}]}
    data["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / "a.ipynb").write_text(json.dumps(data))


def in_file(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))

    return edit


ALL = {"import", "left", "right", "report"}
ROWS: list[tuple[str, Callable[[Path], None], set[str]]] = [
    ("nothing", lambda _: None, set()),
    ("a cell's code", replaced(LEFT, "* scale", "* scale + 1"), {"left", "report"}),
    ("a cell's code, with the same result", replaced(LEFT, "double(r) * scale", "scale * double(r)"), {"left"}),
    ("a comment", replaced(LEFT, "of the left", "on the left"), {"left"}),
    ("the layout of a line", replaced(LEFT, "lefts = json", "lefts  =  json"), {"left"}),
    ("lines without text at the end of a cell", replaced(LEFT, "for r in rows]))", "for r in rows]))\n\n\n"), set()),
    ("a text cell", markdown, set()),
    ("an untagged cell", replaced(3, "rows[0]", "rows[1]"), set()),
    ("an untagged cell more", cells_as(lambda cells: [*cells, ("", "import os\nprint(total)")]), set()),
    ("the order of independent cells of two stages", cells_as(lambda c: [*c[:4], c[7], *c[4:7], c[8]]), set()),
    ("the order of independent cells of one stage", swapped(5, 6), {"left"}),
    ("one parameter, in the notebook", replaced(0, "scale = 2", "scale = 3"), {"left", "report"}),
    ("one parameter, in params.yaml", in_file("params.yaml", "scale: 2", "scale: 3"), {"left", "report"}),
    ("a parameter that nobody reads", replaced(0, "unused = 5", "unused = 6"), set()),
    ("a function of two stages", replaced(1, "2 * x", "x * 3"), {"left", "right", "report"}),
    ("a function of one stage", replaced(1, "x / 2", "x / 4"), {"right", "report"}),
    ("a function that nobody uses", replaced(1, "def half", "def other():\n    return 1\n\ndef half"), set()),
    ("an import that is used", replaced(LEFT, "lefts =", "import math\nmath.pi\nlefts ="), {"left"}),
    ("an import that is not used", replaced(LEFT, "lefts =", "import os\nlefts ="), set()),
    ("a data file", in_file("data.json", "3", "4"), ALL),
    ("a data file written anew", in_file("data.json", "3", "3"), set()),
    ("a tag", replaced(6, "last", "last", tags="stage:right"), {"left", "right"}),
    ("a tag of a cell that is in no stage", replaced(3, "rows", "rows", tags="explore"), set()),
    ("outputs", outputs, set()),
    ("the name of a variable that one stage loads", cells_as(
        lambda cells: [(tags, source.replace("lefts", "left_ones")) for tags, source in cells]), {"left", "report"}),
    ("the name of a variable of one stage", cells_as(
        lambda cells: [(tags, source.replace("first", "begin")) for tags, source in cells]), {"left"}),
    ("a script by hand", in_file("data_processing/right.py", "+ half(r)", "- half(r)"), {"right", "report"}),
    ("a comment in a script by hand", in_file("report/report.py", "total =", "# all\ntotal ="), {"report"}),
    ("a stage of the user's", lambda folder: (folder / "dvc.yaml").write_text(
        (folder / "dvc.yaml").read_text() + "  mine:\n    cmd: echo 1\n") and None, {"mine"}),
    ("a stage that reads what is there", cells_as(lambda c: [*c, ("stage:more", "print(len(rows), lefts)")]), {"more"}),
    ("a dep more", in_file("dvc.yaml", "    - data_processing/right.py\n", "    - data.json\n    - data_processing/right.py\n"), {"right"}),  # noqa: E501
]  # fmt: skip


def dvc(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline has run."""
    folder = tmp_path_factory.mktemp("reruns") / "project"
    folder.mkdir()
    save(folder / "a.ipynb", CELLS)
    (folder / "data.json").write_text("[1, 2, 3]")
    subprocess.run([sys.executable, "-m", "nb2stage", "convert", "a.ipynb", "--init", "-q"], cwd=folder, check=True)
    dvc(folder, "config", "core.analytics", "false")
    assert set(re.findall(r"Running stage '([\w-]+)'", dvc(folder, "repro"))) == ALL
    return folder


@pytest.mark.parametrize(("edit", "expected"), [pytest.param(row[1], row[2], id=row[0]) for row in ROWS])
def test_exactly_the_stages_whose_inputs_changed_run(
    pipeline: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Any,  # noqa: F811
    edit: Callable[[Path], None],
    expected: set[str],
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(pipeline, folder)
    monkeypatch.chdir(folder)
    edit(folder)
    _, out, err = call("status", "--json")
    runs = {run["stage"]: run["certain"] for run in json.loads(out)["runs"]}
    code, _, err = call("convert", "a.ipynb", "-q")
    assert code == 0, err
    ran = set(re.findall(r"Running stage '([\w-]+)'", dvc(folder, "repro", "--no-run-cache")))
    assert ran == expected
    certain = {stage for stage, is_certain in runs.items() if is_certain}
    assert certain <= ran <= set(runs)


def test_a_comment_can_be_recorded_without_a_run(
    pipeline: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Any,  # noqa: F811
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(pipeline, folder)
    monkeypatch.chdir(folder)
    replaced(LEFT, "of the left", "on the left")(folder)
    _, _, err = call("convert", "a.ipynb")
    assert "NB626 [left] note: only comments or layout have changed\n  hint: `dvc commit -f left`" in err
    dvc(folder, "commit", "-f", "left")
    assert "Running stage" not in dvc(folder, "repro")
    # Where something else has changed too, recording would pass old results off as new ones.
    replaced(LEFT, "of the left", "at the left")(folder)
    in_file("params.yaml", "scale: 2", "scale: 3")(folder)
    assert "NB626" not in call("convert", "a.ipynb")[2]
