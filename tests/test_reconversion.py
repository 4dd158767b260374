"""What a second conversion makes of edits on both sides: single cases, each with the text that comes out."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from test_cli import Cells, call, contents, project, save  # noqa: F401 -- fixtures

from nb2stage.files.dvcyaml import Base, merge_dvc_yaml
from nb2stage.files.merge import Sides, conflict_line, merge_scripts, only_comments
from nb2stage.files.paramsyaml import merge_params_yaml
from nb2stage.files.writer import PENDING_PATH
from nb2stage.planning.pipeline import DvcStage, Out, Param

if TYPE_CHECKING:
    from pathlib import Path

SIDES = Sides("a.py", "a.ipynb")

# -- scripts ---------------------------------------------------------------------------------------------------------

BASE = "a = 1\n\nb = a\n\nc = b\n"


@pytest.mark.parametrize(
    ("mine", "theirs", "text", "conflicts"),
    [
        pytest.param("a = 2\n\nb = a\n\nc = b\n", "a = 1\n\nb = a\n\nc = 3\n", "a = 2\n\nb = a\n\nc = 3\n", 0, id="both"),
        pytest.param(BASE.replace("\n", "\r\n"), "a = 1\n\nb = a\n\nc = 3\n", "a = 1\r\n\r\nb = a\r\n\r\nc = 3\r\n", 0, id="crlf"),  # noqa: E501
        pytest.param("a = 2\n\nb = a\n\nc = b\n", "a = 2\n\nb = a\n\nc = b\n", "a = 2\n\nb = a\n\nc = b\n", 0, id="same edit"),
        pytest.param(
            "a = 2\n\nb = a\n\nc = b\n", "a = 3\n\nb = a\n\nc = b\n",
            "<<<<<<< a.py\na = 2\n=======\na = 3\n>>>>>>> a.ipynb\n\nb = a\n\nc = b\n", 1, id="contradiction",
        ),
        pytest.param(
            BASE + "\nprint(a)\n", "x = 1\n\nb = x\n\nc = b\n",
            "x = 1\n\nb = x\n\nc = b\n\n<<<<<<< a.py\nprint(a)\n=======\n>>>>>>> a.ipynb: `a` is not here any more\n", 1,
            id="a name that is gone",
        ),
        pytest.param(
            "a = 1\nprint(c)\n\nb = a\n\nc = b\n", "a = 1\n\nb = a\n\nc = 3\n", "a = 1\nprint(c)\n\nb = a\n\nc = 3\n", 0,
            id="was loose before",
        ),
        pytest.param(
            "a = 1\n\nb = a\n\nc = b\n\n\ndef f():\n    return a, b\n", "z = 1\n\nb = z\n\nc = b\n",
            "z = 1\n\nb = z\n\nc = b\n\n\ndef f():\n<<<<<<< a.py\n    return a, b\n=======\n"
            ">>>>>>> a.ipynb: `a` is not here any more\n", 1, id="in a function",
        ),
        pytest.param("oh no(\n\nb = a\n\nc = b\n", "a = 1\n\nb = a\n\nc = 3\n", "oh no(\n\nb = a\n\nc = 3\n", 0, id="broken"),
    ],
)  # fmt: skip
def test_scripts(mine: str, theirs: str, text: str, conflicts: int) -> None:
    merged = merge_scripts(BASE, mine, theirs, SIDES)
    assert merged == (text, conflicts)
    assert (conflict_line(merged.text) is not None) == bool(conflicts)


def test_lines_that_merge_into_no_python_are_a_conflict() -> None:
    base = "x = [\n    1,\n    2,\n    3,\n    4,\n]\n"
    mine = "x = [1, 2, 3, 4] + [\n    1,\n    2,\n    3,\n    4,\n]\n"
    theirs = "x = (\n    1,\n    2,\n    3,\n    4,\n    5,\n)\n"
    assert merge_scripts(base, mine, theirs, SIDES).conflicts
    mine, theirs = base.replace("]\n", "]; y = 1\n"), base.replace("[", "(").replace("]", ")")
    assert merge_scripts(base, mine, theirs, SIDES).conflicts


def test_a_file_of_the_cache_that_is_gone_is_a_conflict() -> None:
    base = 'a = load("cache/x/a.pkl")\n\nb = a\n'
    base = f"def load(p):\n    return p\n\n\n{base}"
    mine = base + '\nc = load("cache/x/a.pkl") + "c"\n'
    theirs = base.replace("cache/x/a.pkl", "cache/y/a.pkl")
    marked = '<<<<<<< a.py\nc = load("cache/x/a.pkl") + "c"\n=======\n>>>>>>> a.ipynb: `cache/x/a.pkl` is not here any more\n'
    assert merge_scripts(base, mine, theirs, SIDES) == (theirs + "\n" + marked, 1)


def test_only_comments() -> None:
    assert only_comments("a = 1  # one\n", "# two\na = (1)\n")
    assert not only_comments("a = 1\n", "a = 2\n")
    assert not only_comments("a = (\n", "a = (\n")


# -- dvc.yaml --------------------------------------------------------------------------------------------------------

STAGE = DvcStage(
    "train", "python t.py", ("a", "t.py"), ("train.C",), (Out("m"), Out("n")), (Out("metrics.json", cache=False),)
)
TEXT = """\
stages:
  train:
    cmd: python t.py
    deps:
    - a
    - t.py
    params:
    - train.C
    outs:
    - m
    - n
    metrics:
    - metrics.json:
        cache: false
"""
KNOWN = {
    "train": {
        "cmd": "python t.py", "deps": ["a", "t.py"], "params": ["train.C"], "outs": ["m", "n"],
        "metrics": [{"metrics.json": {"cache": False}}],
    }
}  # fmt: skip
NEW = DvcStage(
    "train", "python u.py", ("b", "u.py"), ("train.C",), (Out("n"), Out("o")), (Out("metrics.json", cache=False),)
)


@pytest.mark.parametrize(
    ("edits", "new", "result"),
    [
        pytest.param([("    - a\n", "    - a\n    - z\n")], NEW, ["- b\n", "- u.py\n", "- z\n"], id="a dep more"),
        pytest.param([("    - t.py\n", "")], STAGE, ["deps:\n    - a\n    params:"], id="a dep less"),
        pytest.param([("    - n\n", "    - n:\n        persist: true\n")], NEW, ["- n:\n        persist: true\n    - o\n"], id="a flag"),  # noqa: E501
        pytest.param([(":\n        cache: false", "")], NEW, ["metrics:\n    - metrics.json\n"], id="a flag less"),
        pytest.param(
            [("    metrics:\n    - metrics.json:\n        cache: false\n", ""), ("    - n\n", "    - n\n    - metrics.json\n")],
            STAGE, ["- n\n    - metrics.json\n"], id="moved to outs",
        ),
        pytest.param([("python t.py", "python -u t.py -v")], NEW, ["cmd: python -u u.py -v\n"], id="the command"),
        pytest.param([("python t.py", "make it")], STAGE, ["cmd: make it\n"], id="another command"),
        pytest.param([("    - train.C\n", "    - train.C\n    - x\n")], NEW, ["- train.C\n    - x\n"], id="a parameter more"),
    ],
)  # fmt: skip
def test_a_stage_of_dvc_yaml(edits: list[tuple[str, str]], new: DvcStage, result: list[str]) -> None:
    text = TEXT
    for old, edit in edits:
        assert old in text
        text = text.replace(old, edit, 1)
    update = merge_dvc_yaml(text, [new], [], Base(KNOWN))
    assert not update.conflicts
    for part in result:
        assert part in update.text
    assert merge_dvc_yaml(update.text, [new], [], Base({"train": _fields(new)})).text == update.text


def _fields(stage: DvcStage) -> dict[str, Any]:
    from nb2stage.files.dvcyaml import fields_of

    return fields_of(stage)


def test_two_commands_are_a_conflict() -> None:
    update = merge_dvc_yaml(TEXT.replace("python t.py", "make it"), [NEW], [], Base(KNOWN), source="a.ipynb")
    assert update.conflicts == (("train", "cmd"),)
    marked = "<<<<<<< dvc.yaml\n    cmd: make it\n=======\n    cmd: python u.py\n>>>>>>> a.ipynb\n"
    assert marked in update.text
    assert update.text.replace(marked, "    cmd: make it\n") == update.unmarked


def test_a_stage_that_was_taken_out_stays_out() -> None:
    update = merge_dvc_yaml("stages:\n  mine:\n    cmd: x\n", [NEW], [], Base(KNOWN))
    assert update == ("stages:\n  mine:\n    cmd: x\n", ("train",), (), update.text)


def test_a_renamed_stage_keeps_its_keys_comments_and_flags() -> None:
    text = TEXT.replace("  train:\n", "  # the model\n  train:\n    desc: mine\n").replace(
        "    - m\n", "    - cache/train/m:\n        push: false\n"
    )
    base = {"train": KNOWN["train"] | {"outs": ["cache/train/m", "n"]}}
    new = DvcStage("fit", "python fit.py", ("a", "fit.py"), ("train.C",), (Out("cache/fit/m"), Out("n")))
    assert (
        merge_dvc_yaml(text, [new], [], Base(base, {"train": "fit"})).text
        == """\
stages:
  # the model
  fit:
    desc: mine
    cmd: python fit.py
    deps:
    - a
    - fit.py
    params:
    - train.C
    outs:
    - cache/fit/m:
        push: false
    - n
"""
    )


# -- params.yaml -----------------------------------------------------------------------------------------------------

PARAMS = [Param("C", "train.C", 2, "two"), Param("names", "train.names", ["x"] * 30)]
LONG = "names:\n" + "  - a\n" * 2


@pytest.mark.parametrize(
    ("text", "base", "result", "tuned"),
    [
        pytest.param(
            "train:\n  C: 1  # one\n", {"train.C": ("1", "one")}, "train:\n  C: 2  # one\n", (), id="not tuned"
        ),
        pytest.param(
            "train:\n  C: 7  # one\n", {"train.C": ("1", "one")}, "train:\n  C: 7  # one\n", ("train.C",), id="tuned"
        ),
        pytest.param("train:\n  C: 7\n", {"train.C": ("2", "")}, "train:\n  C: 7\n", (), id="tuned, nothing new"),
        pytest.param("train:\n  C: 7\n", {}, "train:\n  C: 7\n", (), id="nothing known"),
        pytest.param("train: {C: 1, D: 3}\n", {"train.C": ("1", "")}, "train: {C: 2, D: 3}\n", (), id="in braces"),
        pytest.param(
            "train:\n  C: 1.0\n", {"train.C": ("1", "")}, "train:\n  C: 1.0\n", ("train.C",), id="another type"
        ),
        pytest.param("train:\n  C: 2\n", {"train.C": ("1", "")}, "train:\n  C: 2\n", (), id="the same on both sides"),
    ],
)
def test_a_tuned_value_wins(text: str, base: dict[str, tuple[str, str]], result: str, tuned: tuple[str, ...]) -> None:
    assert merge_params_yaml(text, PARAMS[:1], base) == (result, tuned)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("a: 0\ng:\n  u: 1  # one\n  v: 2\n", "a: 0\n", id="a whole group"),
        pytest.param("a: 0\ng:\n  u: 1  # one\n  v: 3\n", "a: 0\ng:\n  v: 3\n", id="one was tuned"),
        pytest.param("a: 0\ng:\n  u: 1  # mine\n", "a: 0\ng:\n  u: 1  # mine\n", id="a comment of the user's"),
        pytest.param("a: 0\n# mine\ng:\n  u: 1  # one\n", "a: 0\n# mine\n", id="a comment above"),
        pytest.param("a: 0\ng: {u: 1}\n", "a: 0\ng: {u: 1}\n", id="in braces"),
    ],
)
def test_parameters_that_are_gone_go_if_untouched(text: str, result: str) -> None:
    assert merge_params_yaml(text, [], {"g.u": ("1", "one"), "g.v": ("2", "")}, ["g.u", "g.v"]).text == result


def test_a_long_value_is_replaced() -> None:
    before, now = Param("n", "n", ["a" * 30] * 4), Param("n", "n", ["b" * 30] * 4)
    text = merge_params_yaml(None, [before], {}).text
    from nb2stage.texts.yamltext import flow_text

    assert merge_params_yaml(text, [now], {"n": (flow_text(before.value), "")}).text == text.replace("a", "b")


# -- the command -----------------------------------------------------------------------------------------------------

CELLS: Cells = [
    ("parameters", "C = 1"),
    ("import", "from sklearn.datasets import load_wine\na = load_wine()"),
    ("stage:fit", "# fit it\nb = len(a) * C\nprint(a, b)\nprint('end')"),
]


def edited(cells: Cells, index: int, old: str, new: str) -> Cells:
    tags, source = cells[index]
    assert old in source
    return [*cells[:index], (tags, source.replace(old, new)), *cells[index + 1 :]]


@pytest.fixture
def fit(project: Path, call: Any) -> Path:  # noqa: F811
    """A converted project with a hand edit in data_processing/fit.py."""
    save(project / "a.ipynb", CELLS)
    assert call("convert", "a.ipynb")[0] == 0
    script = project / "data_processing" / "fit.py"
    script.write_text(script.read_text().replace("print('end')", "print('the end')"))
    return script


def test_both_edits_are_in_the_script(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    save(project / "a.ipynb", edited(CELLS, 2, "fit it", "fit it well"))
    code, out, err = call("convert", "a.ipynb")
    assert (code, err) == (0, "")
    assert "merged: data_processing/fit.py" in out
    assert "# fit it well\n" in fit.read_text()
    assert "print('the end')" in fit.read_text()


def test_a_conflict_is_marked_and_everything_else_is_done(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    save(project / "a.ipynb", edited(edited(CELLS, 2, "end", "END"), 1, "a = ", "# wine\na = "))
    code, out, err = call("convert", "a.ipynb")
    assert code == 1
    assert "data_processing/fit.py: NB618 the hand edits contradict the notebook: 1 conflict marked" in err
    assert "next:" not in out
    assert (
        "<<<<<<< data_processing/fit.py\nprint('the end')\n=======\nprint('END')\n>>>>>>> a.ipynb\n" in fit.read_text()
    )
    assert "# wine" in (project / "data_processing" / "import_data.py").read_text()
    before = contents(project)
    code, _, err = call("convert", "a.ipynb")
    assert code == 1
    assert "NB625 there is an unresolved merge conflict" in err
    assert contents(project) == before
    fit.write_text(fit.read_text().split("<<<<<<<")[0] + "print('THE END')\n")
    assert call("convert", "a.ipynb")[0] == 0
    assert "THE END" in fit.read_text()


def test_looking_first_shows_the_conflict_and_writes_nothing(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    save(project / "a.ipynb", edited(CELLS, 2, "end", "END"))
    before = contents(project)
    for option in ("--diff", "--check", "--dry-run"):
        code, _, err = call("convert", "a.ipynb", option)
        assert code == 1
        assert "NB618" in err
    assert contents(project) == before
    assert "+<<<<<<< data_processing/fit.py" in call("convert", "a.ipynb", "--diff")[1]


def test_a_renamed_stage_keeps_its_edits(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    save(project / "a.ipynb", [*CELLS[:2], ("stage:learn", CELLS[2][1])])
    (project / "cache" / "fit").mkdir(parents=True)
    code, _, err = call("convert", "a.ipynb")
    assert code == 0
    assert "NB619 note: stage `fit` is called `learn` now" in err
    assert "cache/fit/: NB622 note" in err
    assert not fit.exists()
    assert "print('the end')" in fit.with_name("learn.py").read_text()
    assert "  fit:" not in (project / "dvc.yaml").read_text()


def test_an_untouched_stage_goes_and_an_edited_one_stays(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    other = ("stage:show", "for key in a:\n    print(key)\nprint(len(a))")
    save(project / "a.ipynb", [*CELLS[:2], other])
    code, _, err = call("convert", "a.ipynb")
    assert code == 0
    assert "NB613 warning: stage `fit` is gone from a.ipynb, but was edited by hand" in err
    assert fit.exists()
    save(project / "a.ipynb", [*CELLS[:2], ("stage:last", "print(1)\nprint(list(a))")])
    code, _, err = call("convert", "a.ipynb")
    assert (code, err) == (0, "")
    text = (project / "dvc.yaml").read_text()
    assert "  fit:" in text
    assert "  show:" not in text
    assert not fit.with_name("show.py").exists()


def test_a_reader_of_a_file_that_is_gone_is_refused(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    dvc = project / "dvc.yaml"
    dvc.write_text(dvc.read_text() + "  mine:\n    cmd: x\n    deps:\n    - cache/import/a.pkl\n")
    save(
        project / "a.ipynb",
        edited(edited(CELLS, 1, "a = ", "other = "), 2, "len(a) * C\nprint(a,", "len(other) * C\nprint(other,"),
    )
    before = contents(project)
    code, _, err = call("convert", "a.ipynb")
    assert code == 1
    assert "NB624 stage `mine` reads cache/import/a.pkl" in err
    assert contents(project) == before


def test_a_new_default_of_a_tuned_parameter_is_mentioned(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("C: 1", "C: 5"))
    save(project / "a.ipynb", edited(CELLS, 0, "1", "2"))
    code, _, err = call("convert", "a.ipynb")
    assert code == 0
    assert "NB557 note: `fit.C` is 2 in the notebook now; the tuned value stays" in err
    assert "C: 5" in params.read_text()
    assert "NB557" not in call("convert", "a.ipynb")[2]


def test_a_stage_taken_out_by_hand_comes_back_with_force(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    dvc = project / "dvc.yaml"
    whole = dvc.read_text()
    dvc.write_text(whole[: whole.index("  fit:")])
    code, _, err = call("convert", "a.ipynb")
    assert code == 0
    assert "NB623 warning: stage `fit` was taken out" in err
    assert "fit:" not in dvc.read_text()
    assert call("convert", "a.ipynb", "--force")[0] == 0
    assert dvc.read_text() == whole


@pytest.mark.parametrize("k", range(1, 6))
def test_hand_edits_survive_a_death_at_any_moment(fit: Path, project: Path, call: Any, k: int) -> None:  # noqa: F811
    """The process dies inside the k-th replacement; the notebook changes again; then a conversion heals all."""
    save(project / "a.ipynb", edited(edited(CELLS, 2, "fit it", "second"), 0, "1", "2"))
    code = (
        "import os; real, calls = os.replace, [0]\n"
        "def dying(a, b):\n"
        "    calls[0] += 1\n"
        f"    if calls[0] == {k}: os._exit(9)\n"
        "    real(a, b)\n"
        "os.replace = dying\n"
        "from nb2stage.cli import main; main(['convert', 'a.ipynb'])"
    )
    died = subprocess.run([sys.executable, "-c", code], check=False, env=os.environ, capture_output=True)
    assert died.returncode == (9 if k < 5 else 0)
    assert (project / PENDING_PATH).exists() == (2 <= k < 5)
    save(project / "a.ipynb", edited(edited(CELLS, 2, "fit it", "third"), 0, "1", "3"))
    done, _, err = call("convert", "a.ipynb")
    assert (done, err) == (0, "")
    text = fit.read_text()
    assert "# third\n" in text
    assert "second" not in text
    assert "print('the end')" in text
    assert "C: 3" in (project / "params.yaml").read_text()
    assert not list(project.rglob("*.tmp"))
    assert not (project / PENDING_PATH).exists()


# -- modules of definitions, and other folders -----------------------------------------------------------------------

SHARED: Cells = [
    ("", "import json\n\ndef double(x):\n    return 2 * x\n\ndef thrice(x):\n    y = x\n    return 3 * y"),
    ("stage:one", "a = json.loads(str(double(1) + thrice(1)))"),
    ("stage:two", "b = json.loads(str(double(a) + thrice(a)))"),
    ("stage:three", "print(a, b)"),
]


@pytest.fixture
def shared(project: Path, call: Any) -> Path:  # noqa: F811
    """A converted project with a hand edit in a module that two stages share."""
    save(project / "a.ipynb", SHARED)
    assert call("convert", "a.ipynb")[0] == 0
    module = project / "definitions" / "one_two.py"
    module.write_text(module.read_text().replace("y = x", "y = x + 1"))
    return module


def test_a_module_of_other_stages_keeps_its_edits(shared: Path, project: Path, call: Any) -> None:  # noqa: F811
    save(project / "a.ipynb", edited(SHARED, 3, "print(a, b)", "print(double(a), thrice(b))"))
    code, _, err = call("convert", "a.ipynb")
    assert (code, err) == (0, "")
    assert not shared.exists()
    assert "y = x + 1" in shared.with_name("one_three_two.py").read_text()


def test_a_module_whose_definitions_go_elsewhere_is_refused(shared: Path, project: Path, call: Any) -> None:  # noqa: F811
    save(project / "a.ipynb", edited(SHARED, 2, "double(a) + thrice(a)", "double(a)"))
    assert "NB618 the hand edits contradict the notebook" in call("convert", "a.ipynb", "--dry-run")[2]
    save(project / "a.ipynb", edited(SHARED, 2, "double(a) + thrice(a)", "a + 1"))
    before = contents(project)
    code, _, err = call("convert", "a.ipynb")
    assert code == 1
    assert "NB629 this module was edited by hand, and its `double` is in data_processing/one.py now" in err
    assert contents(project) == before


def test_another_layout_keeps_the_edits(fit: Path, project: Path, call: Any) -> None:  # noqa: F811
    dvc = project / "dvc.yaml"
    dvc.write_text(dvc.read_text().replace("python data_processing/fit.py", "python -u data_processing/fit.py"))
    code, _, err = call("convert", "a.ipynb", "--layout", "flat")
    assert (code, err) == (0, "")
    assert not fit.exists()
    assert "print('the end')" in (project / "src" / "fit.py").read_text()
    assert "cmd: python -u src/fit.py" in dvc.read_text()
    assert call("convert", "a.ipynb", "--layout", "flat", "--check")[0] == 0
