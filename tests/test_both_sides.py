"""`nb2stage pull`, `status` and `eject`: work in the scripts that finds its way back, or is seen."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from test_cli import Cells, call, contents, files_of, project, save  # noqa: F401 -- fixtures

from nb2stage.files.writer import PENDING_PATH, STATE_PATH
from nb2stage.reading.notebook import read_notebook
from nb2stage.reading.notebooktext import replace_sources

if TYPE_CHECKING:
    from pathlib import Path

CELLS: Cells = [
    ("parameters", "C = 1\nnames = ['a']"),
    ("", "def double(x):\n    return 2 * x"),
    ("import", "import json\nfrom pathlib import Path\n\nrows = json.loads(Path('data.json').read_text())"),
    ("stage:fit", "# fit it\nb = json.loads(json.dumps(double(rows[0]) * C))\n\nc = b + 1\nprint('end')"),
    ("", "rows[0]"),
    ("stage:fit", "d = json.loads(json.dumps(double(c)))\nd"),
    ("stage:show", "e = double(d)\nfor row in rows:\n    print(row, e)"),
]


@pytest.fixture
def tied(project: Path, call: Any) -> Path:  # noqa: F811
    """A converted project, its notebook with outputs and odd layout."""
    path = save(project / "a.ipynb", CELLS)
    data = json.loads(path.read_text())
    data["cells"][4]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "é\n"}]
    for cell in data["cells"][1:4]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    data["metadata"] = {"mine": [1.50, {"z": 1, "a": 2}]}
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    (project / "data.json").write_text("[1, 2, 3]")
    assert call("convert", "a.ipynb")[0] == 0
    return project


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new))


def sources(folder: Path) -> list[str]:
    return [cell.source for cell in read_notebook((folder / "a.ipynb").read_bytes(), "a.ipynb").cells]


def rest(folder: Path) -> Any:
    data = json.loads((folder / "a.ipynb").read_text())
    return [data["metadata"], [{k: v for k, v in cell.items() if k != "source"} for cell in data["cells"]]]


FIT, SHOW, IMPORT = "data_processing/fit.py", "data_processing/show.py", "data_processing/import_data.py"

PULLED = [
    pytest.param(FIT, "c = b + 1", "c = b + 2", 4, "c = b + 1", "c = b + 2", id="a line"),
    pytest.param(FIT, "# fit it", "# fit it well", 4, "# fit it", "# fit it well", id="a comment"),
    pytest.param(FIT, "c = b + 1\n", "c = b + 1\nc = c * 2\n", 4, "c = b + 1\n", "c = b + 1\nc = c * 2\n", id="a line more"),
    pytest.param(FIT, "print('end')\n", "", 4, "\nprint('end')", "", id="the last line of a cell"),
    pytest.param(FIT, "print('end')\n", "print('end')\nc += 1\n", 4, "end')", "end')\nc += 1", id="below a cell"),
    pytest.param(FIT, "d = json", "c -= 1\nd = json", 6, "d = json", "c -= 1\nd = json", id="above a cell"),
    pytest.param(SHOW, "print(row, e)", "print(row)\n    print(e)", 7, "print(row, e)", "print(row)\n    print(e)", id="two"),
    pytest.param("definitions/fit_show.py", "2 * x", "x + x", 2, "2 * x", "x + x", id="a function in a module"),
    pytest.param(IMPORT, "'data.json'", "'./data.json'", 3, "'data.json'", "'./data.json'", id="a path"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "cell", "before", "after"), PULLED)
def test_an_edit_goes_into_its_cell(
    tied: Path, call: Any, path: str, old: str, new: str, cell: int, before: str, after: str  # noqa: F811
) -> None:  # fmt: skip
    edit(tied / path, old, new)
    script, kept, cells = (tied / path).read_text(), rest(tied), sources(tied)
    code, out, err = call("pull", "--yes")
    assert (code, err) == (0, "")
    assert f"a.ipynb cell {cell}" in out
    assert "1 edit pulled into a.ipynb" in out
    cells[cell - 1] = cells[cell - 1].replace(before, after)
    assert sources(tied) == cells
    assert rest(tied) == kept
    assert (tied / path).read_text() == script
    assert call("convert", "a.ipynb", "--check")[0] == 0
    assert json.loads(call("status", "--json")[1])["edited_by_hand"] == []


def test_several_edits_of_several_scripts(tied: Path, call: Any) -> None:  # noqa: F811
    edit(tied / FIT, "# fit it", "# one\n# two")
    edit(tied / FIT, "c = b + 1", "c = b + 2")
    edit(tied / FIT, "d = json", "# three\nd = json")
    edit(tied / SHOW, "e = double(d)", "e = double(d) + 1")
    code, out, err = call("pull", "--yes")
    assert (code, err) == (0, "")
    assert "4 edits pulled" in out
    assert sources(tied)[3].startswith("# one\n# two\nb = ")
    assert sources(tied)[5].startswith("# three\nd = ")
    assert call("convert", "a.ipynb", "--check")[0] == 0


def test_an_import_goes_to_the_top(tied: Path, call: Any) -> None:  # noqa: F811
    edit(tied / FIT, "import json\n", "import json\nimport math\n")
    edit(tied / FIT, "c = b + 1\n", "c = b + math.pi\n")
    code, out, _ = call("pull", "--yes")
    # The import alone is not used, and the line alone has no import: the script keeps both.
    assert code == 0
    assert "edit" in out


def test_what_is_not_of_a_cell_stays_in_the_script(tied: Path, call: Any) -> None:  # noqa: F811
    edit(tied / FIT, 'cache/fit").mkdir(parents=True', 'cache/fit").mkdir(mode=0o755, parents=True')
    edit(tied / FIT, "c = b + 1", "c = b + 2")
    code, out, err = call("pull", "--yes")
    assert code == 0
    assert 'NB627 warning: this edit stays in the script: `Path("cache/fit").mkdir(mode=0o755' in err
    assert "1 edit pulled" in out
    assert "mode=0o755" in (tied / FIT).read_text()
    assert call("convert", "a.ipynb", "--check")[0] == 0


def test_nothing_is_written_unless_somebody_says_yes(tied: Path, call: Any) -> None:  # noqa: F811
    edit(tied / FIT, "c = b + 1", "c = b + 2")
    before = contents(tied)
    for options, expected in ((["--dry-run"], 0), ([], 1), (["--json"], 1)):
        code, out, _ = call("pull", *options)
        assert code == expected
        assert "+c = b + 2" in out
    assert contents(tied) == before
    assert call("pull", "-y")[0] == 0
    assert call("pull", "-y")[1] == "nothing to do: there is no hand edit that has its place in a cell\n"


def test_a_notebook_that_changed_is_converted_first(tied: Path, call: Any) -> None:  # noqa: F811
    edit(tied / FIT, "c = b + 1", "c = b + 2")
    edit(tied / "a.ipynb", "fit it", "fit it well")
    code, _, err = call("pull", "--yes")
    assert code == 1
    assert "NB628 the notebook has changed since it was converted" in err
    assert "nb2stage convert a.ipynb" in err


@pytest.mark.parametrize("command", [["pull", "--yes"], ["eject"]], ids=["pull", "eject"])
@pytest.mark.parametrize("k", range(1, 7))
def test_a_killed_command_is_healed_by_the_next(tied: Path, call: Any, command: list[str], k: int) -> None:  # noqa: F811
    edit(tied / FIT, "c = b + 1", "c = b + 2")
    code = (
        "import os, pathlib; calls = [0]\n"
        "def dying(real):\n"
        "    def call(*a, **k):\n"
        "        calls[0] += 1\n"
        f"        if calls[0] == {k}: os._exit(9)\n"
        "        return real(*a, **k)\n"
        "    return call\n"
        "os.replace = dying(os.replace); pathlib.Path.unlink = dying(pathlib.Path.unlink)\n"
        f"from nb2stage.cli import main; main({command!r})"
    )
    died = subprocess.run([sys.executable, "-c", code], check=False, env=os.environ, capture_output=True)
    assert died.returncode in (0, 9)
    if command == ["eject"]:
        assert call("eject")[0] == 0
        assert not (tied / ".nb2stage").exists()
        assert "nb2stage" not in (tied / FIT).read_text()
    else:
        assert call("convert", "a.ipynb")[0] == 0
        assert call("pull", "--yes")[0] == 0
        assert "c = b + 2" in sources(tied)[3]
        assert json.loads(call("status", "--json")[1])["edited_by_hand"] == []
    assert "c = b + 2" in (tied / FIT).read_text()
    assert not (tied / PENDING_PATH).exists()
    assert not list(tied.rglob("*.tmp"))


# -- the text of a notebook ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 1, 2, "\t"])
@pytest.mark.parametrize("as_list", [True, False])
def test_only_the_source_of_a_notebook_changes(indent: Any, as_list: bool) -> None:
    rng = random.Random(1)
    for _ in range(50):
        texts = ["".join(rng.choice('ab\n"\\é{}[],: \t') for _ in range(rng.randint(0, 12))) for _ in range(4)]
        cells = [
            {"metadata": {"source": "x"}, "source": t.splitlines(keepends=True) if as_list else t, "outputs": []}
            for t in texts
        ]
        text = json.dumps({"metadata": {"cells": [{"source": 1}]}, "cells": cells}, indent=indent, ensure_ascii=False)
        index, new = rng.randint(1, 4), "".join(rng.choice('cd\n"\\é{}') for _ in range(rng.randint(1, 9)))
        cells[index - 1]["source"] = new.splitlines(keepends=True) if as_list else new
        expected = json.dumps(
            {"metadata": {"cells": [{"source": 1}]}, "cells": cells}, indent=indent, ensure_ascii=False
        )
        assert replace_sources(text, {index: new}) == expected


# -- status ----------------------------------------------------------------------------------------------------------


def test_status_names_the_side_the_cell_and_the_parameter(tied: Path, call: Any) -> None:  # noqa: F811
    code, out, _ = call("status")
    assert code == 0
    assert "a.ipynb and the scripts are in step" in out
    edit(tied / SHOW, "e = double(d)", "e = double(d)  # mine")
    edit(tied / "params.yaml", "C: 1", "C: 2")
    edit(tied / "dvc.yaml", "    - data_processing/show.py\n", "    - data_processing/show.py\n    - data.json\n")
    edit(tied / "a.ipynb", "fit it", "fit it well")
    before = contents(tied)
    code, out, err = call("status")
    assert (code, err) == (1, "")
    assert out.splitlines()[:6] == [
        "changed in a.ipynb, not converted yet:",
        "  data_processing/fit.py: cell 4",
        "edited by hand:",
        "  data_processing/show.py: 1 line",
        "  dvc.yaml: deps of stage `show`",
        "  params.yaml: fit.C is 2, 1 in the notebook",
    ]
    assert "after `nb2stage convert a.ipynb`, `dvc repro` would run:" in out
    assert contents(tied) == before


def test_status_knows_the_value_that_the_notebook_has_now(tied: Path, call: Any) -> None:  # noqa: F811
    """Also before it is converted, and also where a tuned value means that no file would change."""
    edit(tied / "a.ipynb", "C = 1", "C = 3")
    code, out, _ = call("status")
    assert code == 1
    assert out.splitlines()[:2] == [
        "changed in a.ipynb, not converted yet:",
        "  params.yaml: fit.C is 3 in the notebook now, 1 when it was converted",
    ]
    edit(tied / "params.yaml", "C: 1", "C: 2")
    code, out, _ = call("status")
    assert code == 1
    assert out.splitlines()[:4] == [
        "changed in a.ipynb, not converted yet:",
        "  params.yaml: fit.C is 3 in the notebook now, 1 when it was converted",
        "edited by hand:",
        "  params.yaml: fit.C is 2, 3 in the notebook",
    ]
    found = json.loads(call("status", "--json")[1])
    assert found["ok"] is False
    assert found["params"] == [{"key": "fit.C", "notebook": "3", "converted": "1"}]
    assert call("convert", "a.ipynb")[0] == 0
    code, out, _ = call("status")
    assert code == 0
    assert out.splitlines()[:2] == ["edited by hand:", "  params.yaml: fit.C is 2, 3 in the notebook"]


def test_status_of_a_refused_notebook_says_whose_the_scripts_are(tied: Path, call: Any) -> None:  # noqa: F811
    edit(tied / "a.ipynb", "b + 1", "gone + 1")
    code, out, err = call("status")
    assert code == 1
    assert "NB201" in err
    assert "a.ipynb is refused: scripts" in out


def test_status_of_nothing(project: Path, call: Any) -> None:  # noqa: F811
    code, _, err = call("status")
    assert code == 1
    assert "NB607 there is no project here" in err


# -- eject -----------------------------------------------------------------------------------------------------------


def test_eject_leaves_scripts_and_nothing_of_ours(tied: Path, call: Any) -> None:  # noqa: F811
    edit(tied / FIT, "c = b + 1", "c = b + 2")
    before = files_of(tied)
    assert '-"""Stage `fit` of the notebook.' in call("eject", "--dry-run")[1]
    code, out, _ = call("eject")
    assert code == 0
    assert "ejected: 4 scripts are the only source now" in out
    assert files_of(tied) == before - {STATE_PATH} | {"nb2stage.toml"}
    assert not (tied / ".nb2stage").exists()
    for script in tied.rglob("*.py"):
        assert "nb2stage" not in script.read_text()
        assert script.read_text()[:1].strip()
        subprocess.run([sys.executable, "-m", "pyflakes", str(script)], check=True)
    assert call("eject")[1] == f"nothing to do: no notebook is tied to the project in {tied}\n"
    assert "NB612" in call("convert", "a.ipynb")[2]


SETTINGS = [
    pytest.param(
        "nb2stage.toml",
        '# mine\nnotebooks = ["./a.ipynb", "b.ipynb"]  # these\nlayout = "guideline"\n',
        '# mine\nnotebooks = ["b.ipynb"]  # these\nlayout = "guideline"\n',
        id="own file",
    ),
    pytest.param(
        "nb2stage.toml",
        'notebooks = [\n  "a.ipynb",\n]\n[check.per-file-ignores]\n"a.ipynb" = ["NB731"]\n[calls]\n"x.y" = "atom"\n',
        '[check.per-file-ignores]\n"a.ipynb" = ["NB731", "NB730"]\n[calls]\n"x.y" = "atom"\n',
        id="with rules switched off",
    ),
    pytest.param(
        "pyproject.toml",
        '[project]\nname = "x"\n\n[tool.nb2stage]\nnotebooks = ["a.ipynb"]\nlayout = "guideline"\n',
        '[project]\nname = "x"\n\n[tool.nb2stage]\nlayout = "guideline"\n',
        id="pyproject",
    ),
    pytest.param("pyproject.toml", '[project]\nname = "x"\n', '[project]\nname = "x"\n', id="pyproject of others"),
]


@pytest.mark.parametrize(("file", "before", "after"), SETTINGS)
def test_eject_leaves_a_project_that_check_accepts(tied: Path, call: Any, file: str, before: str, after: str) -> None:  # noqa: F811
    (tied / file).write_text(before)
    assert call("eject")[0] == 0
    assert (tied / file).read_text().startswith(after)
    if "b.ipynb" in after:
        edit(tied / file, '"b.ipynb"', "")  # it was never there
    code, out, err = call("check")
    assert (code, err.replace("NB621", "").count("NB")) == (0, 0), out + err


def test_eject_from_a_folder_of_the_project(tied: Path, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.chdir(tied / "data_processing")
    assert "ejected: 4 scripts" in call("eject")[1]
    assert not (tied / ".nb2stage").exists()


def test_eject_refuses_conflicts(tied: Path, call: Any) -> None:  # noqa: F811
    edit(tied / FIT, "c = b + 1", "<<<<<<< a\nc = b + 1\n=======\nc = 2\n>>>>>>> b")
    before = contents(tied)
    assert "NB625" in call("eject")[2]
    assert contents(tied) == before


@pytest.mark.parametrize("text", [None, '{"version": 1, "notebooks": {}}', "{"], ids=["none", "older", "damaged"])
def test_without_the_state_the_way_out_is_said_and_leads_out(tied: Path, call: Any, text: str | None) -> None:  # noqa: F811
    edit(tied / FIT, "c = b + 1", "c = b + 2")
    state = tied / STATE_PATH
    if text is None:
        state.unlink()
    else:
        state.write_text(text)
    before = contents(tied)
    code, _, err = call("convert", "a.ipynb")
    assert code == 1
    assert "NB612 this script was generated once, but .nb2stage/state.json does not know it" in err
    assert "commit everything, convert with --force" in err
    assert ("older version" in err) == (text is not None and "version" in text)
    assert contents(tied) == before
    assert call("convert", "a.ipynb", "--force")[0] == 0
    assert "c = b + 1" in (tied / FIT).read_text()
    code, out, err = call("convert", "a.ipynb")
    assert (code, err) == (0, "")
    assert "nothing to do" in out
