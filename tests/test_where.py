"""`nb2stage where`: each line of a script that came from a cell leads back to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # an importing test runner does not do it
import follow_hints

from nb2stage.commands.where import Origin, origin_of
from nb2stage.conversion import Project
from nb2stage.diagnostics import Nb2stageError
from nb2stage.files.writer import State, apply_changes, plan_changes, read_state
from nb2stage.reading.notebook import read_notebook
from nb2stage.scripts.linemap import Run, find, key_of
from nb2stage.spine import convert

EXAMPLES = sorted((Path(__file__).parents[1] / "example_notebooks").glob("*.ipynb"))
CELLS = [
    ("parameters", "rate = 0.5\nsteps = 3"),
    ("", "def scaled(rows, by):\n    result = [row * by for row in rows]\n    return result"),
    ("import", "import math\n\nrows = [1.0, 2.0]\nrows.append(3.0)"),
    ("", "rows"),
    (
        "train",
        "#| stage: train\n# the model\ntotal = 0.0\nfor row in scaled(rows, rate):\n"
        "    total += math.sqrt(row)\n    display(total)\n\ntotal = total / steps\ntotal",
    ),
    ("report", "print('total', total)\nprint(scaled([total], 1 / 0))"),
]


def project(root: Path, cells: list[tuple[str, str]], ids: bool = True) -> Path:
    made = [nbformat.v4.new_code_cell(source, metadata={"tags": tags.split()}) for tags, source in cells]
    notebook = nbformat.v4.new_notebook(cells=made)
    if not ids:
        notebook.nbformat_minor = 4
        for cell in notebook.cells:
            del cell["id"]
    nbformat.write(notebook, root / "explore.ipynb")
    state = read_state(root)
    conversion = convert((root / "explore.ipynb").read_bytes(), "explore.ipynb", Project(root, state))
    assert not conversion.failed, [finding.render() for finding in conversion.diagnostics]
    changes, _ = plan_changes(root, conversion.files, conversion.removed, state)
    apply_changes(root, changes)
    return root


def line_of(root: Path, script: str, text: str) -> int:
    lines = (root / script).read_text().splitlines()
    found = [number for number, line in enumerate(lines, start=1) if text in line]
    assert len(found) == 1, (text, lines)
    return found[0]


def origin(root: Path, script: str, text: str) -> Origin:
    return origin_of(f"{script}:{line_of(root, script, text)}", root)


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize(
    ("script", "text", "cell", "line"),
    [
        ("training/train.py", "total = 0.0", 5, 3),
        ("training/train.py", "for row in", 5, 4),
        ("training/train.py", "math.sqrt(row)", 5, 5),
        ("training/train.py", "    print(total)", 5, 6),
        ("training/train.py", "total = total / steps", 5, 8),
        ("training/train.py", "steps = params", 1, 2),
        ("training/train.py", "import math", 3, 1),
        ("report/report.py", "1 / 0", 6, 2),
        ("definitions/*.py", "result = [", 2, 2),
        ("data_processing/import_data.py", "rows.append(3.0)", 3, 4),
    ],
)
def test_lines_of_scripts(script: str, text: str, cell: int, line: int, ids: bool, tmp_path: Path) -> None:
    root = project(tmp_path, CELLS, ids)
    (path,) = root.glob(script)
    found = origin(root, path.relative_to(root).as_posix(), text)
    assert (found.cell, found.line, found.note) == (cell, line, "")


def test_a_line_of_nb2stages_own(tmp_path: Path) -> None:
    root = project(tmp_path, CELLS)
    assert origin(root, "training/train.py", "params = YAML").cell is None
    assert origin(root, "training/train.py", "write_bytes(").cell is None


def test_cells_that_come_and_go_do_not_matter(tmp_path: Path) -> None:
    root = project(tmp_path, CELLS)
    notebook = nbformat.read(root / "explore.ipynb", as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# Title"))
    nbformat.write(notebook, root / "explore.ipynb")
    assert origin(root, "report/report.py", "1 / 0").cell == 7
    notebook.cells[6].source = "print('other')\nprint('lines')"
    nbformat.write(notebook, root / "explore.ipynb")
    assert "edited since" in origin(root, "report/report.py", "1 / 0").note
    del notebook.cells[6]
    nbformat.write(notebook, root / "explore.ipynb")
    with pytest.raises(Nb2stageError) as caught:
        origin(root, "report/report.py", "1 / 0")
    assert "not in explore.ipynb any more" in caught.value.diagnostics[0].message


def test_hand_edits_move_lines(tmp_path: Path) -> None:
    root = project(tmp_path, CELLS)
    script = root / "report/report.py"
    script.write_text("# mine\n" + script.read_text().replace("print('total', total)", "print('sum', total)"))
    found = origin(root, "report/report.py", "1 / 0")
    assert (found.cell, found.line, found.note) == (6, 2, "")
    edited = origin(root, "report/report.py", "'sum'")
    assert (edited.cell, edited.note) == (None, "this line was edited by hand since report/report.py was generated")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("training/train.py", "names no script and line"),
        ("training/trian.py:3", "is no script"),
        ("training/train.py:999", "lines"),
        ("training/train.py:0", "lines"),
    ],
)
def test_what_leads_nowhere(place: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Nb2stageError) as caught:
        origin_of(place, project(tmp_path, CELLS))
    assert said in caught.value.diagnostics[0].message


def test_a_folder_that_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(Nb2stageError) as caught:
        origin_of("training/train.py:3", tmp_path)
    assert "no folder above" in caught.value.diagnostics[0].message


def test_the_command_line_takes_a_line_of_a_traceback(tmp_path: Path) -> None:
    root = project(tmp_path, CELLS)
    number = line_of(root, "report/report.py", "1 / 0")
    command = [sys.executable, "-m", "nb2stage", "where"]
    shown = f'  File "{root}/report/report.py", line {number}, in <module>'
    done = subprocess.run([*command, shown], cwd=root / "report", capture_output=True, text=True, check=True)
    assert done.stdout == "explore.ipynb:cell 6:2 [report]\n    print(scaled([total], 1 / 0))\n"
    done = subprocess.run(
        [*command, f"report/report.py:{number}", "--json"], cwd=root, capture_output=True, text=True, check=True
    )
    document: dict[str, Any] = json.loads(done.stdout)
    assert (document["notebook"], document["cell"], document["line"]) == ("explore.ipynb", 6, 2)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_lines_of_the_examples(path: Path, tmp_path: Path) -> None:
    """Each line that is mapped says what its cell's line says, and few lines of cells are not found again."""
    path = follow_hints.followed(path, tmp_path)
    data = path.read_bytes()
    conversion = convert(data, path.name, Project(path.parent, State()))
    cells = {key_of(cell): cell.source.split("\n") for cell in read_notebook(data, path.name).cells}
    made = conversion.state.of(path.name)
    texts = {file.path: file.text.splitlines() for file in conversion.files}
    known = {line.strip() for lines in cells.values() for line in lines if line.strip()}
    mapped = unmapped = 0
    for script, runs in made.lines.items():
        for number, text in enumerate(texts[script], start=1):
            place = find(map(Run.from_text, runs), number)
            if place is None:
                unmapped += text.strip() in known and len(text.strip()) > 8 and not text.startswith("#")
                continue
            source = cells[place[0]][place[1] - 1].strip()
            if "params[" in text or "import " in text or not text.strip() or "import" in source:
                continue
            mapped += 1
            assert source.removesuffix(";") in text or text.strip() in source, (script, number, text, source)
    assert mapped > 40
    assert unmapped == 0
