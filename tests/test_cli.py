"""The command line: exit codes, what goes where, and what is left alone."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from notebooks import notebook_data
from ruamel.yaml import YAML

from nb2stage import __version__
from nb2stage.cli import main
from nb2stage.console import report
from nb2stage.console.streams import Console
from nb2stage.rules import RULES
from nb2stage.texts import wording

if TYPE_CHECKING:
    from pathlib import Path

Cells = list[tuple[str, str]]

# A value that is worth a file: one that is not made again in each stage.
LOAD: Final = "from sklearn.datasets import load_wine\n{} = load_wine()"
TWO: Final[Cells] = [("import", LOAD.format("a")), ("train", "print(a)")]
PARAMETERS: Final[Cells] = [
    ("parameters", "C = 0.1\nunused = 3"),
    ("import", LOAD.format("a")),
    ("train", "print(a, C)"),
]
REFUSED: Final[Cells] = [("import", LOAD.format("a")), ("train", "print(b)")]
WARNED: Final[Cells] = [("import", "import pandas as pd\ndf = pd.read_csv('no.csv')"), ("train", "print(df)")]
FILES: Final = {".gitignore", ".nb2stage/state.json", "data_processing/import_data.py", "dvc.yaml", "training/train.py"}


def save(path: Path, cells: Cells) -> Path:
    """A notebook of cells with tags."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = notebook_data(cells)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command: exit code, standard output, standard error."""

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(list(argv))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def files_of(folder: Path) -> set[str]:
    """All files of a folder but notebooks."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.suffix != ".ipynb"}


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """All files with their times."""
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


# -- usage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "COMMAND"),
        (["convert"], "there is no notebook here"),
        (["a.ipynb"], "nb2stage convert a.ipynb"),
        (["convert", "a.ipynb", "--layout", "deep"], "invalid choice"),
        (["convert", "a.ipynb", "--dry"], "unrecognized"),
        (["convert", "a.ipynb", "-q", "-v"], "exclude"),
        (["rules", "NB999"], "NB999"),
    ],
)
def test_wrong_usage_is_2(project: Path, call: Any, argv: list[str], said: str) -> None:
    code, out, err = call(*argv)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--version"], __version__),
        (["--help"], "#| stage: train"),
        (["convert", "--help"], "exit codes"),
        (["rules", "nb201", "NB604"], RULES["NB604"].title),
    ],
)
def test_help_is_0(project: Path, call: Any, argv: list[str], said: str) -> None:
    code, out, err = call(*argv)
    assert (code, err) == (0, "")
    assert said in out


def test_rules_lists_every_rule(call: Any) -> None:
    _, out, _ = call("rules")
    assert [line[:5] for line in out.splitlines()] == sorted(RULES)


# -- a conversion ----------------------------------------------------------------------------------------------------


def test_convert_writes_and_tells(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    code, out, err = call("convert", "a.ipynb")
    assert (code, err) == (0, "")
    assert files_of(project) == FILES
    assert "a.ipynb: 2 stages" in out
    assert "written: " in out
    assert out.endswith("next: git init\n      dvc init\n      dvc repro\n      nb2stage verify a.ipynb\n")


def test_the_second_run_writes_nothing(project: Path, call: Any) -> None:
    save(project / "a.ipynb", PARAMETERS)
    call("convert", "a.ipynb")
    before = contents(project)
    code, out, _ = call("convert", "a.ipynb")
    assert code == 0
    assert "nothing to do: 6 files up to date" in out
    assert contents(project) == before
    assert call("convert", "--check", "a.ipynb")[0] == 0


def test_quiet_and_verbose(project: Path, call: Any) -> None:
    save(project / "a.ipynb", [*WARNED, ("parameters", "unused = 3")])
    assert call("convert", "-q", "a.ipynb") == (0, "", "")
    _, out, err = call("convert", "-v", "a.ipynb")
    assert "NB403 [import] warning" in err
    assert "unused" in out
    assert "unchanged: data_processing/import_data.py" in out


def test_pip_lines_go_to_requirements(project: Path, call: Any) -> None:
    cells = [
        ("import", "%pip install xlrd pandas==2\n" + LOAD.format("a")),
        ("train", "print(a)"),
        ("skip", "!pip install b"),
    ]
    save(project / "a.ipynb", cells)
    listed = project / "requirements.txt"
    listed.write_text("# mine\nPandas>=1  # old\nscikit-learn\n")
    _, out, err = call("convert", "a.ipynb")
    assert "the notebook installs xlrd, pandas==2: listed in requirements.txt" in out
    assert "NB309" in err
    assert listed.read_text() == "# mine\nPandas>=1  # old\nscikit-learn\nxlrd\n"
    assert "pip" not in (project / "data_processing" / "import_data.py").read_text()
    assert call("convert", "--check", "a.ipynb")[0] == 0
    save(project / "a.ipynb", [("import", LOAD.format("a")), ("train", "print(a)")])
    assert call("convert", "a.ipynb")[0] == 0
    assert listed.read_text() == "# mine\nPandas>=1  # old\nscikit-learn\nxlrd\n"


@pytest.mark.parametrize(
    ("option", "code", "said"),
    [("--dry-run", 0, "would be written"), ("--diff", 0, "+print(a)"), ("--check", 1, "would")],
)
def test_a_preview_writes_nothing(project: Path, call: Any, option: str, code: int, said: str) -> None:
    save(project / "a.ipynb", TWO)
    found, out, _ = call("convert", option, "a.ipynb")
    assert found == code
    assert said in out
    assert files_of(project) == set()


def test_a_diff_is_nothing_but_a_diff(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    call("convert", "a.ipynb")
    save(project / "a.ipynb", [TWO[0], ("train", "print(a, 2)")])
    code, out, err = call("convert", "--diff", "--check", "a.ipynb")
    assert code == 1
    assert out.startswith("--- a/training/train.py\n+++ b/training/train.py\n")
    assert "-print(a)\n+print(a, 2)\n" in out
    assert "would be updated" in err
    assert call("convert", "--diff", "-q", "a.ipynb")[2] == ""


# -- JSON ------------------------------------------------------------------------------------------------------------


def test_json_is_one_document(project: Path, call: Any) -> None:
    save(project / "a.ipynb", PARAMETERS)
    code, out, err = call("convert", "--json", "a.ipynb")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert list(document) == [
        "version", "ok", "written", "project", "notebooks", "files", "diagnostics", "next",
    ]  # fmt: skip
    assert (document["version"], document["ok"], document["written"], document["project"]) == (1, True, True, ".")
    assert document["files"][0] == {"path": "data_processing/import_data.py", "change": "create"}
    assert document["next"] == ["git init", "dvc init", "dvc repro", "nb2stage verify a.ipynb"]
    notebook = document["notebooks"][0]
    assert (notebook["path"], notebook["unused_params"]) == ("a.ipynb", ["unused"])
    first, second = notebook["stages"]
    assert (first["name"], first["script"], first["cells"]) == ("import", "data_processing/import_data.py", [2])
    path = first["saves"][0]["path"]
    assert first["saves"] == [{"path": path, "to": ["train"], "names": ["a"]}]
    assert second["loads"] == [{"path": path, "from": "import", "names": ["a"]}]
    assert second["params"][0]["name"] == "C"
    assert second["params"][0]["value"] == 0.1
    assert second["deps"] == [path, "training/train.py"]


def test_json_of_a_refusal(project: Path, call: Any) -> None:
    save(project / "a.ipynb", REFUSED)
    code, out, err = call("convert", "--json", "a.ipynb")
    assert (code, err) == (1, "")
    document = json.loads(out)
    assert (document["ok"], document["written"], document["files"]) == (False, False, [])
    finding = document["diagnostics"][0]
    assert (finding["code"], finding["cell"], finding["stage"]) == ("NB201", 2, "train")


def test_json_has_no_nan(project: Path, call: Any) -> None:
    assert wording.json_value([float("nan"), {"a": float("-inf")}, (1, None), b"x"]) == [
        "nan", {"a": "-inf"}, [1, None], "b'x'",
    ]  # fmt: skip


# -- what the user has to mend ---------------------------------------------------------------------------------------


def test_a_refusal_names_the_place_and_writes_nothing(project: Path, call: Any) -> None:
    save(project / "a.ipynb", REFUSED)
    code, out, err = call("convert", "a.ipynb", "--init")
    assert (code, out) == (1, "")
    assert err.startswith("a.ipynb:cell 2:1:7: NB201 [train] ")
    assert "\n  hint: " in err
    assert files_of(project) == set()


def _missing(project: Path) -> None:
    save(project / "explore.ipynb", TWO)


def _folder(project: Path) -> None:
    (project / "a.ipynb").mkdir()


def _text(project: Path) -> None:
    (project / "a.ipynb").write_text("hello", encoding="utf-8")


def _outside(project: Path) -> None:
    save(project.parent / "a.ipynb", TWO)


@pytest.mark.parametrize(
    ("prepare", "argv", "code", "said"),
    [
        (_missing, ["explor.ipynb"], "NB100", "did you mean `explore.ipynb`?"),
        (_missing, ["no/explore.ipynb"], "NB100", "no folder `no`"),
        (_folder, ["a.ipynb"], "NB100", "folder"),
        (_text, ["a.ipynb"], "NB101", ""),
        (_outside, ["../a.ipynb", "--output", "."], "NB606", "outside"),
    ],
)
def test_files_that_cannot_be_used(
    project: Path, call: Any, prepare: Any, argv: list[str], code: str, said: str
) -> None:
    prepare(project)
    found, out, err = call("convert", *argv)
    assert (found, out) == (1, "")
    assert code in err
    assert said in err
    assert files_of(project) == set()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO).chmod(0)
    assert "NB100" in call("convert", "a.ipynb")[2]


def test_a_hand_edit_stays_until_forced(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    call("convert", "a.ipynb")
    script = project / "training" / "train.py"
    script.write_text(script.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    before = contents(project)
    assert call("convert", "a.ipynb")[0] == 0
    assert contents(project) == before
    assert call("convert", "a.ipynb", "--force")[0] == 0
    assert "# mine" not in script.read_text(encoding="utf-8")


def test_a_stage_of_somebody_else_is_refused_until_forced(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    dvc = project / "dvc.yaml"
    dvc.write_text("stages:\n  train:\n    cmd: make train\n    desc: mine\n", encoding="utf-8")
    code, _, err = call("convert", "a.ipynb")
    assert code == 1
    assert "dvc.yaml: NB605 [train]" in err
    assert files_of(project) == {"dvc.yaml"}
    assert call("convert", "a.ipynb", "--force")[0] == 0
    assert "desc: mine" in dvc.read_text(encoding="utf-8")
    assert "cmd: python training/train.py" in dvc.read_text(encoding="utf-8")
    assert call("convert", "a.ipynb")[0] == 0


def test_a_lost_state_file_is_no_clash_while_nothing_changes(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    call("convert", "a.ipynb")
    (project / ".nb2stage" / "state.json").unlink()
    assert call("convert", "a.ipynb")[0] == 0


def test_a_renamed_notebook_goes_on(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    call("convert", "a.ipynb")
    (project / "a.ipynb").rename(project / "b.ipynb")
    code, out, err = call("convert", "b.ipynb")
    assert code == 0
    assert "NB617 note: a.ipynb is gone" in err
    assert "updated: " in out
    assert files_of(project) == FILES


# -- several notebooks -----------------------------------------------------------------------------------------------

OTHER: Final[Cells] = [("stage:fetch", LOAD.format("c")), ("stage:fit", "print(c)")]


def test_two_notebooks_make_one_project(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    save(project / "b.ipynb", OTHER)
    code, out, _ = call("convert", "a.ipynb", "b.ipynb", "a.ipynb")
    assert code == 0
    assert out.index("a.ipynb: 2 stages") < out.index("b.ipynb: 2 stages")
    dvc = (project / "dvc.yaml").read_text(encoding="utf-8")
    assert [line.strip(" :") for line in dvc.splitlines() if line.startswith("  ") and line[2] != " "] == [
        "import", "train", "fetch", "fit",
    ]  # fmt: skip
    before = contents(project)
    assert call("convert", "a.ipynb", "b.ipynb")[0] == 0
    assert call("convert", "b.ipynb")[0] == 0
    assert contents(project) == before


def test_of_two_notebooks_all_is_written_or_nothing(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    save(project / "b.ipynb", [("stage:fetch", "c = 1"), ("stage:fit", "print(d)")])
    code, out, err = call("convert", "a.ipynb", "b.ipynb", "c.ipynb")
    assert (code, out) == (1, "")
    assert "b.ipynb:cell 2:1:7: NB201" in err
    assert "c.ipynb: NB100" in err
    assert files_of(project) == set()


SEEDED = [
    ("parameters", "seed = {}\nsize = 3"),
    ("import", "import random\nx = random.Random(seed).random() * size\nprint(x)"),
    ("report metrics", "y = x + random.Random(seed).random()\nprint(y)"),
]


def seeded(seed: int) -> list[tuple[str, str]]:
    """A notebook with tags and parameters that every notebook has."""
    return [(tags, source.format(seed)) for tags, source in SEEDED]


@pytest.mark.parametrize("together", [True, False])
def test_stages_that_another_notebook_has_get_names_of_their_own(project: Path, call: Any, together: bool) -> None:
    save(project / "a.ipynb", seeded(1))
    save(project / "b-2.ipynb", seeded(2))
    for names in [("a.ipynb", "b-2.ipynb")] if together else [("a.ipynb",), ("b-2.ipynb",)]:
        code, _, err = call("convert", *names)
        assert code == 0, err
    assert "b-2.ipynb: NB604 note: a.ipynb has stages of these names" in err
    stages = YAML(typ="safe").load((project / "dvc.yaml").read_text())["stages"]
    assert list(stages) == ["import", "report", "b_2_import", "b_2_report"]
    assert [out for stage in stages.values() for each in stage.get("metrics", []) for out in each] == [
        "metrics.json",
        "metrics/b_2_report.json",
    ]
    assert {"report/report.md", "report/b_2_report.md"} <= {
        path for stage in stages.values() for out in stage["outs"] for path in ([out] if isinstance(out, str) else out)
    }
    # a name that both notebooks bind is two parameters
    params = YAML(typ="safe").load((project / "params.yaml").read_text())
    assert params == {
        "shared": {"seed": 1},
        "import": {"size": 3},
        "b_2_shared": {"seed": 2},
        "b_2_import": {"size": 3},
    }
    before = (project / "dvc.yaml").read_bytes()
    for name in ("b-2.ipynb", "a.ipynb"):
        assert call("convert", "--check", name)[0] == 0
    # the names stay, also under another name of the notebook and when they are free again
    (project / "b-2.ipynb").rename(project / "c.ipynb")
    assert call("convert", "c.ipynb")[0] == 0
    assert (project / "dvc.yaml").read_bytes() == before


def test_a_stage_that_comes_later_gets_a_name_of_its_own_alone(project: Path, call: Any) -> None:
    save(project / "a.ipynb", seeded(1))
    save(project / "b.ipynb", [("stage:fetch", LOAD.format("b")), ("stage:fit", "print(b)")])
    assert call("convert", "a.ipynb", "b.ipynb")[0] == 0
    save(
        project / "b.ipynb",
        [("stage:fetch", LOAD.format("b")), ("import", "c = b\nprint(c)"), ("stage:fit", "print(b)")],
    )
    assert call("convert", "b.ipynb")[0] == 0
    stages = YAML(typ="safe").load((project / "dvc.yaml").read_text())["stages"]
    assert set(stages) == {"import", "report", "fetch", "b_import", "fit"}


def test_a_clash_of_scripts_is_one_too(project: Path, call: Any) -> None:
    save(project / "a.ipynb", [("import", LOAD.format("a")), ("stage:x", "print(a)")])
    save(project / "b.ipynb", [("stage:import_data", LOAD.format("b")), ("stage:y", "print(b)")])
    code, _, err = call("convert", "a.ipynb", "b.ipynb")
    assert code == 1
    assert "NB604" in err
    assert "data_processing/import_data.py" in err


# -- which folder ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "argv", "where"),
    [
        (None, ["sub/a.ipynb"], "sub"),  # the current folder is no project: the notebook ran in its own
        ("dvc.yaml", ["sub/a.ipynb"], "."),
        ("pyproject.toml", ["sub/a.ipynb"], "."),
        ("pyproject.toml", ["sub/a.ipynb", "--output", "sub"], "sub"),
    ],
)
def test_the_project_folder(project: Path, call: Any, mark: str | None, argv: list[str], where: str) -> None:
    save(project / "sub" / "a.ipynb", TWO)
    if mark is not None:
        (project / mark).write_text("", encoding="utf-8")
    code, out, _ = call("convert", *argv)
    assert code == 0
    assert (project / where / "training" / "train.py").exists()
    assert ("cd sub" in out) == (where == "sub")


def test_notebooks_of_several_folders_need_an_output(project: Path, call: Any) -> None:
    save(project / "one" / "a.ipynb", TWO)
    save(project / "two" / "b.ipynb", OTHER)
    assert "--output" in call("convert", "one/a.ipynb", "two/b.ipynb")[2]
    assert call("convert", "one/a.ipynb", "two/b.ipynb", "--output", ".")[0] == 0


def test_init_makes_a_repository(project: Path, call: Any) -> None:
    pytest.importorskip("dvc")
    save(project / "a.ipynb", TWO)
    code, out, _ = call("convert", "a.ipynb", "--init")
    assert code == 0
    assert (project / ".git").is_dir()
    assert (project / ".dvc" / "config").is_file()
    assert out.endswith("next: dvc repro\n      nb2stage verify a.ipynb\n")


def test_init_needs_the_programs(project: Path, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    save(project / "a.ipynb", TWO)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    code, _, err = call("convert", "a.ipynb", "--init")
    assert code == 1
    assert "NB621" in err
    assert files_of(project) == set()


def test_inside_a_git_repository(project: Path, call: Any) -> None:
    (project / ".git").mkdir()
    save(project / "a.ipynb", TWO)
    assert "next: dvc init\n" in call("convert", "a.ipynb")[1]
    save(project / "sub" / "b.ipynb", TWO)
    assert "dvc init --subdir\n" in call("convert", "sub/b.ipynb", "--output", "sub")[1]


# -- configuration ---------------------------------------------------------------------------------------------------


def test_the_configuration_counts(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    (project / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[tool.nb2stage]\nlayout = "flat"\nnotebooks = ["a.ipynb"]\n', encoding="utf-8"
    )
    assert call("convert")[0] == 0
    assert (project / "src" / "train.py").exists()
    assert call("convert", "--layout", "guideline")[0] == 0
    assert (project / "training" / "train.py").exists()
    assert not (project / "src" / "train.py").exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("nb2stage.toml", 'layuot = "flat"', "did you mean `layout`?"),
        ("nb2stage.toml", "colour = true", "use `layout` or `notebooks`"),
        ("nb2stage.toml", 'layout = "flatt"', "did you mean `flat`?"),
        ("nb2stage.toml", "layout = 3", "`layout` cannot be 3"),
        ("nb2stage.toml", 'notebooks = "a.ipynb"', "is not a list of paths"),
        ("nb2stage.toml", "layout = ", "this is not TOML"),
        ("nb2stage.toml", "calls = 3", "`calls` is not a table of words"),
        ("nb2stage.toml", '[calls]\n"plotlib.wiggle" = ["atom"]', "`calls` is not a table of words"),
        ("nb2stage.toml", '[calls]\nwiggle = "atom"', "'wiggle' is not the full name of a library's function"),
        ("nb2stage.toml", '[calls]\n"plotlib.wiggle" = "atom chnages"', "`chnages` is no word of a row"),
        ("pyproject.toml", "[tool]\nnb2stage = 3", "is not a table"),
        ("pyproject.toml", '[tool.nb2stage]\nout = "x"', "no setting `out`"),
    ],
)
def test_a_wrong_configuration(project: Path, call: Any, name: str, text: str, said: str) -> None:
    save(project / "a.ipynb", TWO)
    (project / name).write_text(text, encoding="utf-8")
    code, out, err = call("convert", "a.ipynb")
    assert (code, out) == (1, "")
    assert err.startswith(f"{name}: NB620 ")
    assert said in err
    assert files_of(project) == {name}


@pytest.mark.parametrize(
    ("calls", "source"),
    [
        ("", "train"),
        ('"plotlib.wiggle" = "atom plots"', "import"),
        ('"plotlib.*" = "atom plots"', "import"),
        ('"plotlib.wiggle" = "atom changes"', "train"),
        ('"otherlib.wiggle" = "atom"', "train"),
    ],
)
def test_a_project_teaches_what_a_call_does(project: Path, call: Any, calls: str, source: str) -> None:
    cells = [
        ("import", "import pandas as pd\nimport plotlib\ndf = pd.read_csv('a.csv')"),
        ("train", "plotlib.wiggle(df)\nx = len(df)"),
        ("report", "print(df, x)"),
    ]
    save(project / "a.ipynb", cells)
    (project / "nb2stage.toml").write_text(f"[calls]\n{calls}\n", encoding="utf-8")
    assert call("convert", "a.ipynb")[0] == 0
    assert f'read_pickle("cache/{source}/df.pkl")' in (project / "report" / "report.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("plotlib.soundex('Robert')", 0, "NB249"),
        ("plotlib.soundex('Robert')\ny = 1", 1, "NB240"),
        ("plotlib.enable('fast')", 1, "NB240"),
        ("plotlib.Palette('fast')", 0, "NB249"),
        ("plotlib.soundex(len(df))", 0, ""),
    ],
)
def test_a_call_that_nobody_knows(project: Path, call: Any, line: str, code: int, said: str) -> None:
    cells = [
        ("import", f"import pandas as pd\nimport plotlib\ndf = pd.read_csv('a.csv')\n{line}"),
        ("report", "print(df, plotlib.version)"),
    ]
    save(project / "a.ipynb", cells)
    found, _, err = call("convert", "a.ipynb")
    assert (found, [each for each in ("NB249", "NB240") if each in err]) == (code, [said] if said else [])


def test_a_pyproject_of_others_is_not_read(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    (project / "pyproject.toml").write_text("[broken", encoding="utf-8")
    assert call("convert", "a.ipynb")[0] == 0


# -- bugs, signals, streams ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyError("x"), 3, "a bug in nb2stage"),
        (RecursionError(), 3, "--debug"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device"), 1, "No space left"),
    ],
)
def test_what_goes_wrong_inside(
    project: Path, call: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    save(project / "a.ipynb", TWO)

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("nb2stage.spine.convert", broken)
    found, out, err = call("convert", "a.ipynb")
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert files_of(project) == set()
    if code == 3:
        assert "Traceback" in call("convert", "a.ipynb", "--debug")[2]


def start(project: Path, *argv: str, **more: Any) -> subprocess.Popen[bytes]:
    """nb2stage as a process of its own."""
    command = [sys.executable, "-m", "nb2stage", *argv]
    return subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, **more)


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_has_gone_is_no_error(project: Path) -> None:
    save(project / "a.ipynb", TWO)
    read, write = os.pipe()
    os.close(read)
    process = start(project, "convert", "a.ipynb", stdout=write)
    os.close(write)
    _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert files_of(project) == FILES


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
def test_a_closed_output_is_no_error(project: Path) -> None:
    save(project / "a.ipynb", TWO)
    command = f"exec {sys.executable} -m nb2stage convert a.ipynb >&-"
    done = subprocess.run(command, shell=True, cwd=project, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_characters_that_the_terminal_lacks(project: Path) -> None:
    save(project / "größe.ipynb", [("import", "print(größe)")])
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    process = start(project, "convert", "größe.ipynb", stdout=subprocess.PIPE, env=env)
    _, err = process.communicate()
    assert process.returncode == 1
    assert rb"gr\xf6\xdfe.ipynb:cell 1:1:7: NB201" in err


def test_the_same_bytes_under_every_hash_seed(project: Path) -> None:
    made = []
    for seed in ("1", "2"):
        folder = project / seed
        save(folder / "a.ipynb", PARAMETERS)
        process = start(
            folder, "convert", "a.ipynb", stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        out, _ = process.communicate()
        made.append((out, {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}))
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("color", "env", "is_coloured"),
    [
        ("auto", {}, False), ("always", {}, True), ("always", {"NO_COLOR": "1"}, True), ("never", {}, False),
    ],
)  # fmt: skip
def test_colour(project: Path, call: Any, monkeypatch: pytest.MonkeyPatch, color: str, env: dict[str, str],
                is_coloured: bool) -> None:  # fmt: skip
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    save(project / "a.ipynb", WARNED)
    _, out, err = call("convert", "a.ipynb", "--color", color)
    assert ("\x1b[" in out, "\x1b[" in err) == (is_coloured, is_coloured)


@pytest.mark.parametrize(
    ("no_color", "term", "is_coloured"), [("", "xterm", True), ("1", "xterm", False), ("", "dumb", False)]
)
def test_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch, no_color: str, term: str, is_coloured: bool) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", term)
    console = Console()
    assert ("\x1b[" in console.paint("x", "red", Terminal())) == is_coloured  # type: ignore[arg-type]


# -- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([4], "4"), ([1, 2, 3, 7], "1-3, 7"), ([1, 3, 4], "1, 3-4")])
def test_spans(numbers: list[int], text: str) -> None:
    assert wording.spans(numbers) == text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_table_fits_and_splits_no_name(project: Path, call: Any, width: int) -> None:
    from nb2stage.conversion import Project
    from nb2stage.files.writer import State
    from nb2stage.spine import convert

    names = [f"a_rather_long_name_{n}" for n in range(9)]
    first = "\n".join(LOAD.format(name) for name in names)
    path = save(project / "a.ipynb", [("import", first), ("train", f"print({', '.join(names)})")])
    conversion = convert(path.read_bytes(), "a.ipynb", Project(project, State()))
    text = report.table(conversion.stages, width)
    assert max(map(len, text.splitlines())) <= width
    assert all(text.count(name) == 2 for name in names)


@pytest.mark.parametrize(("text", "quoted"), [("a/b.c", "a/b.c"), ("a b", "'a b'"), ("it's", "'it'\\''s'")])
def test_paths_are_quoted_for_the_shell(text: str, quoted: str) -> None:
    assert wording.quoted(text) == quoted


def test_git_ignores_what_python_writes_beside_definitions(project: Path, call: Any) -> None:
    save(project / "a.ipynb", [("import", "class A:\n    pass\na = A()\na.x = 1"), ("train", "print(a.x)\nb = A()")])
    assert call("convert", "a.ipynb")[0] == 0
    assert (project / "definitions").is_dir()
    assert (project / ".gitignore").read_text() == "cache/\n__pycache__/\n"


# -- the text of a notebook that is not saved ------------------------------------------------------------------------


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def test_a_notebook_from_standard_input(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An editor asks about what it has not saved: nothing is written, and the file that lies there is not read."""
    (project / "a.ipynb").write_text("not a notebook", encoding="utf-8")
    before = sorted(project.rglob("*"))
    piped(monkeypatch, json.dumps(notebook_data([("import", "x = 1"), ("train", "print(x, 'é😀' + y)")])).encode())
    assert main(["convert", "-", "--as", "a.ipynb", "--json"]) == 1
    found = next(d for d in json.loads(capsys.readouterr().out)["diagnostics"] if d["code"] == "NB201")
    assert (found["path"], found["cell"], found["line"], found["column"]) == ("a.ipynb", 2, 1, 18)
    piped(monkeypatch, json.dumps(notebook_data([("import", "x = 1"), ("train", "print(x)")])).encode())
    assert main(["convert", "-", "--as", "a.ipynb"]) == 0
    assert "would be written: " in capsys.readouterr().out
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize("argv", [["-"], ["--as", "a.ipynb"], ["-", "b.ipynb", "--as", "a.ipynb"]])
def test_standard_input_needs_a_name(project: Path, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", *argv]) == 2
    assert "nb2stage convert - --as explore.ipynb" in capsys.readouterr().err


# -- what a reader asks next -----------------------------------------------------------------------------------------


def test_how_to_get_parameters_and_metrics_is_told_once(project: Path, call: Any) -> None:
    save(project / "a.ipynb", TWO)
    wanted = "no parameters and no metrics: tag the cell of literals such as `C = 0.1` `parameters`, the cell that"
    assert wanted in call("convert", "a.ipynb")[1]
    save(project / "a.ipynb", [*TWO, ("report metrics", "m = 1")])
    assert "no parameters" not in call("convert", "a.ipynb")[1]


def test_a_finding_in_a_comprehension_is_told_once(project: Path, call: Any) -> None:
    paths = "import glob\nimport pandas as pd\npaths = sorted(glob.glob('data/*.csv'))"
    save(project / "a.ipynb", [("import", paths), ("train", "dfs = [pd.read_csv(p) for p in paths]")])
    assert call("convert", "a.ipynb")[2].count("NB401") == 1


def test_the_remedy_for_several_cells_stands_beside_each_once(project: Path, call: Any) -> None:
    cells = [
        ("import", "import pandas as pd\nraw = pd.DataFrame({'a': [1, 2]})"),
        ("", "pd.set_option('display.precision', 3)"),
        ("", "df = raw * 2"),
        ("train", "m = df.mean()"),
        ("report", "print(m)"),
    ]
    save(project / "a.ipynb", cells)
    hint = call("convert", "a.ipynb")[2].partition("hint: ")[2].splitlines()[0]
    assert hint == (
        "give each cell the tag that stands behind it, and the notebook converts; "
        "cell 2 `skip` instead, where the results are the same without its settings"
    )


def test_the_order_of_runs_is_told_by_their_numbers(project: Path, call: Any) -> None:
    data = notebook_data([("import", "x = 1"), ("train", "print(x)")])
    data["cells"][0]["execution_count"], data["cells"][1]["execution_count"] = 21, 2
    (project / "a.ipynb").write_text(json.dumps(data), encoding="utf-8")
    err = call("convert", "a.ipynb")[2]
    assert "this cell (In [2]) was run before cell 1 above it (In [21])\n    print(x)\n" in err
