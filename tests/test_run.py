"""`nb2stage run`: the values of params.yaml reach the notebook with their types, and every end is a clear one."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import nbformat
import pytest

from nb2stage.diagnostics import Nb2stageError
from nb2stage.reading.notebook import read_notebook
from nb2stage.reading.tags import parse_tags
from nb2stage.runs.tuning import Override, Parameter, keys_of, parameters_of, parsed, python_text, tuned

# Each is written as it stands in a `parameters` cell.
LITERALS: Final = (
    ["0", "-7", "10**3", "1_000", "0x1F", "0o17", "100000000000000000000"]
    + ["0.1", "1e-4", "1e-05", "1e300", "-0.0", "1e999", "3.0", "True", "False", "None"]
    + [repr(text) for text in ("", "yes", "on", "null", "~", "1e-4", "010", "12:30:45", "2020-01-31", "0x1F", ".5")]
    + [repr(text) for text in ("NaN", "a: b", "# no comment", "two\nlines\n", "tab\t.", "ünï", "'\"", " blanks ", "{}")]
    + ["[1, 2.5, 'a', True, None, 1e-4]", "[]", "{}", "[[1, 2], [3]]", "(1, 2)", "('a',)"]
    + ["{'lr': 1e-3, 'on': 'yes', 'deep': {'sizes': [64, 32]}}"]
)


def write_notebook(path: Path, cells: list[tuple[str, str]], **metadata: Any) -> None:
    made = [nbformat.v4.new_code_cell(source, metadata={"tags": tags.split()}) for tags, source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nb2stage", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def sources(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def printed(path: Path) -> str:
    """What the cells of an executed notebook printed."""
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))


# -- the values --------------------------------------------------------------------------------------------------------


def test_notebook_script_dvc_and_papermill_see_the_same_values(tmp_path: Path) -> None:
    given = [literal for literal in LITERALS if literal != "10**3"]  # no literal: it stays in the notebook
    assert len(given) >= 30
    names = [f"p{number}" for number in range(len(given))]
    cell = "\n".join(f"{name} = {literal}" for name, literal in zip(names, given, strict=True))
    convert_showing(tmp_path, cell, names)
    wanted: dict[str, Any] = {}
    exec(cell, wanted)
    text = repr([wanted[name] for name in names])
    assert seen_by_script(tmp_path) == text
    assert seen_by_notebook(tmp_path) == text
    assert [repr(seen_by_dvc(tmp_path)[name]) for name in names] == [repr(plain(wanted[name])) for name in names]
    for arguments in (["init", "--no-scm", "-q"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "values.txt").read_text() == text
    status = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(status, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == {}  # what dvc.lock has for the values is what params.yaml has


# Each is written as it stands in params.yaml, with what all have to see.
YAML: Final = [
    ("0", 0),
    ("-7", -7),
    ("+7", 7),
    ("1_000", 1000),
    ("0x1F", 31),
    ("0o17", 15),
    ("010", 10),
    ("1" + "0" * 20, 10**20),
    ("0.1", 0.1),
    ("1e-4", 1e-4),
    ("1E5", 1e5),
    (".5", 0.5),
    ("5.", 5.0),
    ("1e300", 1e300),
    ("-0.0", -0.0),
    (".inf", float("inf")),
    ("-.inf", -float("inf")),
    (".nan", float("nan")),
    ("true", True),
    ("FALSE", False),
    ("yes", "yes"),
    ("on", "on"),
    ("No", "No"),
    ("null", None),
    ("~", None),
    ("", None),
    ("None", "None"),
    ("text", "text"),
    ("a b", "a b"),
    ("'1'", "1"),
    ('"a\\tb"', "a\tb"),
    ("'it''s'", "it's"),
    ("ü", "ü"),
    ("12:30:45", "12:30:45"),
    ("1.2.3", "1.2.3"),
    ("|\n    two\n    lines", "two\nlines\n"),
    (">-\n    two\n    words", "two words"),
    ("!!str 12", "12"),
    ("'2020-01-31'", "2020-01-31"),
    ("2020-01-31", datetime.date(2020, 1, 31)),
    ("2020-01-31 10:00:00", datetime.datetime(2020, 1, 31, 10)),
    ("[1, 2.5, a, yes, null]", [1, 2.5, "a", "yes", None]),
    ("[]", []),
    ("{}", {}),
    ("&x 5", 5),
    ("*x", 5),
    ("\n    - 1\n    - x: 1e-3", [1, {"x": 1e-3}]),
    ("{a: 1, b: {c: [2.0]}}", {"a": 1, "b": {"c": [2.0]}}),
]


def test_values_tuned_in_params_yaml_are_the_same_for_all(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(len(YAML))]
    convert_showing(tmp_path, "\n".join(f"{name} = None" for name in names), names)
    lines = (f"  {name}: {text}\n" for name, (text, _) in zip(names, YAML, strict=True))
    (tmp_path / "params.yaml").write_text("train:\n" + "".join(lines))
    wanted = repr([value for _, value in YAML])
    assert seen_by_script(tmp_path) == wanted
    assert seen_by_notebook(tmp_path) == wanted
    seen = seen_by_dvc(tmp_path)
    assert repr([seen[name] for name in names]) == wanted


def convert_showing(root: Path, cell: str, names: list[str]) -> None:
    """A converted notebook with a stage that prints its parameters, and writes what it prints to `values.txt`."""
    show = f"text = repr([{', '.join(names)}])\nprint(text)\nopen('values.txt', 'w').write(text)"
    write_notebook(root / "explore.ipynb", [("parameters", cell), ("train", show)])
    done = command("convert", "explore.ipynb", cwd=root)
    assert done.returncode == 0, done.stderr


def seen_by_script(root: Path) -> str:
    script = [sys.executable, "training/train.py"]
    return subprocess.run(script, cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def seen_by_notebook(root: Path) -> str:
    """What the notebook has in a run with papermill."""
    done = command("run", "explore.ipynb", cwd=root)
    assert done.returncode == 0, done.stderr
    return printed(root / "data_exploration" / "explore_1.ipynb").strip()


def seen_by_dvc(root: Path) -> Any:
    from dvc.utils.serialize import parse_yaml

    return parse_yaml((root / "params.yaml").read_text(), "params.yaml")["train"]


def plain(value: Any) -> Any:
    """A value as YAML has it: tuples are lists there."""
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("1e-4", 1e-4),
        ("3", 3),
        ("true", True),
        ("null", None),
        ("yes", "yes"),
        ("2020-01-31", "2020-01-31"),
        ("[1, a, 2.5]", [1, "a", 2.5]),
        ("{a: 1}", {"a": 1}),
        ("", ""),
        ("a: b: c", "a: b: c"),
        ("adam", "adam"),
    ],
)
def test_values_of_the_command_line(text: str, value: object) -> None:
    assert repr(parsed(text)) == repr(value)


DAY: Final = datetime.date(2020, 1, 31)
NOON: Final = datetime.datetime(2020, 1, 31, 12, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    "value", [1, 0.5, float("inf"), -float("inf"), "a'b", [1, (2,)], {"a": [None]}, (), (1, 2), DAY, NOON]
)
def test_values_as_source(value: object) -> None:
    assert eval(python_text(value)) == value


def parameters(source: str) -> dict[str, Parameter]:
    cell = {"cell_type": "code", "source": source, "metadata": {"tags": ["parameters"]}, "outputs": []}
    data = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}).encode()
    roles, _, _ = parse_tags(read_notebook(data, "a.ipynb"))
    return parameters_of(roles)


def given(source: str, params: dict[str, Any], *overrides: tuple[str, str]) -> dict[str, Any]:
    known = parameters(source)
    values, _ = tuned(known, params, keys_of(list(known), params, {}), [Override(*each) for each in overrides])
    return values


def test_values_are_found_in_whatever_group_they_stand() -> None:
    source = "lr = 0.1\nsteps = 5\nseed: int = 1\nname = 'a'"
    params = {"train": {"lr": 0.2, "inner": {"steps": 7}}, "seed": 3, "other": {"unknown": 1}}
    assert given(source, params) == {"lr": 0.2, "steps": 7, "seed": 3}


def test_overrides_by_key_by_name_and_inside_a_mapping() -> None:
    source = "lr = 0.1\nmodel = {'depth': 3, 'kind': {'name': 'tree'}}\nsizes = (1, 2)"
    params = {"train": {"lr": 0.2, "model": {"depth": 4, "kind": {"name": "tree"}}}}
    values = given(
        source,
        params,
        ("train.lr", "1e-3"),
        ("train.model.depth", "9"),
        ("model.kind.name", "forest"),
        ("sizes", "[3]"),
    )
    assert values == {"lr": 1e-3, "model": {"depth": 9, "kind": {"name": "forest"}}, "sizes": (3,)}
    assert params["train"]["model"]["depth"] == 4


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("train.lrr", "did you mean `train.lr`?"),
        ("step", "`steps`"),
        ("model.dept", "there are `depth`"),
        ("lr.x", "there are no keys"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(key: str, said: str) -> None:
    source = "lr = 0.1\nsteps = 5\nmodel = {'depth': 3}"
    with pytest.raises(Nb2stageError) as caught:
        given(source, {"train": {"lr": 0.2}}, (key, "1"))
    assert said in caught.value.diagnostics[0].hint


def test_a_name_in_two_places_is_settled_by_the_conversion_or_refused() -> None:
    params = {"a": {"lr": 1}, "b": {"lr": 2}}
    assert keys_of(["lr"], params, {"lr": "b.lr"}) == {"lr": "b.lr"}
    with pytest.raises(Nb2stageError) as caught:
        keys_of(["lr"], params, {})
    assert "a.lr, b.lr" in caught.value.diagnostics[0].message


def test_a_value_of_another_kind_is_a_warning() -> None:
    known = parameters("lr = 0.1\nname = None")
    _, findings = tuned(known, {}, {}, [Override("lr", "0,1"), Override("name", "x")])
    assert [(f.code, f.message) for f in findings] == [
        ("NB809", "`lr` is a number in the notebook, and a text is given: '0,1'")
    ]


# -- runs --------------------------------------------------------------------------------------------------------------

CELLS: Final = [
    ("parameters", "lr = 0.5"),
    ("import", "rows = [1, 2, 3]"),
    ("", "print('explored', lr)"),
    ("parameters", "steps = 2"),
    ("train", "total = sum(rows) * lr\nfor _ in range(steps):\n    total += 1 / lr"),
    ("report", "print('total', total)"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    write_notebook(root / "explore.ipynb", CELLS)
    (root / "params.yaml").write_text("train:\n  lr: 0.25\n  steps: 3\n")
    return root


def test_runs_do_not_overwrite_each_other(project: Path) -> None:
    before = (project / "explore.ipynb").read_bytes()
    first = command("run", "explore.ipynb", cwd=project)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines()[-1] == "executed notebook: data_exploration/explore_1.ipynb"
    assert printed(project / "data_exploration" / "explore_1.ipynb") == "explored 0.25\ntotal 13.5\n"
    cells = sources(project / "data_exploration" / "explore_1.ipynb")
    assert cells[1] == "# Parameters\nlr = 0.25"
    assert cells[5] == "# Parameters\nsteps = 3"
    second = command("run", "explore.ipynb", "-S", "train.lr=1e0", "--until", "train", "--json", cwd=project)
    assert second.returncode == 0
    document = json.loads(second.stdout)
    assert document["output"] == "data_exploration/explore_2.ipynb"
    assert document["parameters"] == {"lr": 1.0, "steps": 3}
    assert printed(project / "data_exploration" / "explore_2.ipynb") == "explored 1.0\n"
    assert (project / "explore.ipynb").read_bytes() == before


def test_a_cell_that_fails_is_named_and_what_ran_is_kept(project: Path) -> None:
    done = command("run", "explore.ipynb", "-p", "lr", "0", "--name", "failing", cwd=project)
    assert done.returncode == 1
    assert "explore.ipynb:cell 5:3: NB804 [train] the cell fails: ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr
    assert "explored 0" in printed(project / "data_exploration" / "failing.ipynb")
    again = command("run", "explore.ipynb", "--name", "failing", cwd=project)
    assert again.returncode == 1
    assert "NB810" in again.stderr
    replaced = command("run", "explore.ipynb", "--name", "failing", "--overwrite", "--until", "import", cwd=project)
    assert replaced.returncode == 0
    assert "ZeroDivisionError" not in printed(project / "data_exploration" / "failing.ipynb")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["run", "explore.ipynb", "--kernel", "nope"], "NB802"),
        (["run", "explore.ipynb", "--until", "tarin"], "NB810"),
        (["run", "explore.ipynb", "-S", "lr"], "NB808"),
        (["run", "explore.ipynb", "-p", "lrr", "1"], "NB808"),
        (["run", "explore.ipynb", "--name", "../x"], "NB810"),
        (["run", "gone.ipynb"], "NB100"),
    ],
)
def test_what_cannot_begin_writes_nothing(arguments: list[str], code: str, project: Path) -> None:
    before = sorted(path.name for path in project.rglob("*"))
    done = command(*arguments, cwd=project)
    assert done.returncode == 1
    assert f"{code} " in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in project.rglob("*")) == before


@pytest.mark.parametrize("argv", [["no-such-program"], [sys.executable, "-c", "raise SystemExit(3)"]])
@pytest.mark.parametrize(("name", "code"), [("run", 1), ("verify", 2)])
def test_a_kernel_that_does_not_start_is_told(name: str, code: int, argv: list[str], tmp_path: Path) -> None:
    kernel, root = tmp_path / "jupyter" / "kernels" / "broken", tmp_path / "project"
    for folder in (kernel, root):
        folder.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "broken", "language": "python"}))
    write_notebook(root / "explore.ipynb", [("import", "n = 1")])
    done = subprocess.run(
        [sys.executable, "-m", "nb2stage", name, "explore.ipynb", "--kernel", "broken"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "JUPYTER_PATH": str(tmp_path / "jupyter")},
    )
    assert done.returncode == code
    assert "explore.ipynb: NB802 the kernel `broken` does not start" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in root.iterdir()] == ["explore.ipynb"]


def test_a_missing_papermill_is_told(project: Path, tmp_path: Path) -> None:
    (tmp_path / "papermill.py").write_text("raise ImportError('no module')")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "nb2stage", "run", "explore.ipynb"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 1
    assert "NB801 `nb2stage run` needs the package `papermill`" in done.stderr


def test_a_notebook_of_a_search_goes_to_hpo_and_a_dead_kernel_is_told(tmp_path: Path) -> None:
    write_notebook(
        tmp_path / "search.ipynb", [("hpo", "import os\nprint('began')"), ("hpo", "os.kill(os.getpid(), 9)")]
    )
    done = command("run", "search.ipynb", cwd=tmp_path)
    assert done.returncode == 1
    assert "search.ipynb:cell 2: NB803 the kernel died here" in done.stderr
    assert printed(tmp_path / "hpo" / "search_1.ipynb") == "began\n"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_whole_notebook_and_no_kernel(how: signal.Signals, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    slow = f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    write_notebook(tmp_path / "slow.ipynb", [("import", "print('began')"), ("train", slow)])
    process = subprocess.Popen(
        [sys.executable, "-m", "nb2stage", "run", "slow.ipynb"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: mark.exists() and mark.read_text() != "")
    process.send_signal(how)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "nb2stage: interrupted, nothing is half-written\n"
    wait_for(lambda: not alive(int(mark.read_text())))
    written = list((tmp_path / "data_exploration").iterdir())
    assert [path.name for path in written] == ["slow_1.ipynb"]
    assert printed(written[0]) == "began\n"


def wait_for(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())
