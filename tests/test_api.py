"""The interface for Python programs: its names and signatures, what it does, and that its page is true."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from notebooks import notebook_data

import nb2stage

ROOT: Final = Path(__file__).resolve().parent.parent
SIGNATURES: Final = {
    "convert": "(notebook, root=None, *, text=None, layout=None, force=False)",
    "check": "(root='.', *, fix=False)",
    "verify": "(notebook, root=None, *, rtol=0.0, repeat=False, kernel=None)",
    "Conversion.write": "(self, *, init=False)",
}
NAMES: Final = {
    *("Change", "Check", "Conversion", "Diagnostic", "Item", "Nb2stageError", "Param", "Pipeline", "Severity"),
    *("Stage", "Status", "UsageError", "Verdict", "check", "convert", "verify"),
}
FIELDS: Final = {
    "Stage": ("name", "script", "cells", "deps", "params", "outs", "metrics", "plots"),
    "Pipeline": ("stages", "params"),
    "Check": ("diagnostics", "fixed"),
}
CELLS: Final = [
    ("", "# no tag"),
    ("parameters", "n = 3  # how many"),
    ("import", "from sklearn.datasets import load_wine\ndf = load_wine(as_frame=True).frame"),
    ("train", "m = df.mean()[:n]"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "explore.ipynb").write_text(json.dumps(notebook_data(CELLS)), encoding="utf-8")
    return tmp_path


def test_names_and_signatures() -> None:
    """A program that is written today runs with the next version."""
    assert set(nb2stage.__all__) == NAMES
    for path, signature in SIGNATURES.items():
        found: object = nb2stage
        for name in path.split("."):
            found = getattr(found, name)
        bare = [p.replace(annotation=inspect.Parameter.empty) for p in inspect.signature(found).parameters.values()]  # type: ignore[arg-type]
        assert str(inspect.Signature(bare)) == signature
    for name, fields in FIELDS.items():
        assert getattr(nb2stage, name)._fields == fields
    assert (ROOT / "src" / "nb2stage" / "py.typed").exists()
    with pytest.raises(AttributeError, match="'nothing'"):
        nb2stage.nothing  # noqa: B018


def test_the_import_is_light() -> None:
    code = "import sys; import nb2stage; print(*[m for m in sys.modules if m.startswith('nb2stage')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["nb2stage"]


def test_convert_and_write(project: Path) -> None:
    made = nb2stage.convert("explore.ipynb")
    assert (made.project, made.refused) == (project, False)
    assert [(s.name, s.cells, s.script) for s in made.pipeline.stages] == [
        ("import", (3,), "data_processing/import_data.py"),
        ("train", (4,), "training/train.py"),
    ]
    assert [(p.name, p.key, p.value) for p in made.pipeline.params] == [("n", "train.n", 3)]
    assert {f.kind for f in made.files} == {"create"}
    assert sorted(p.name for p in project.iterdir()) == ["explore.ipynb"]
    written = made.write()
    assert project / "dvc.yaml" in written
    assert all(path.is_file() for path in written)
    again = nb2stage.convert(project / "explore.ipynb", project)
    assert {f.kind for f in again.files} == {"unchanged"}
    assert again.write() == ()
    assert nb2stage.check(project).fixed == ()


def test_a_refusal_is_data(project: Path) -> None:
    text = json.dumps(notebook_data([("import", "x = 1"), ("train", "y = x + zz")]))
    made = nb2stage.convert("explore.ipynb", text=text)
    assert made.refused
    assert {(d.code, d.cell, d.line, d.column) for d in made.diagnostics if d.severity is nb2stage.Severity.ERROR} == {
        ("NB201", 2, 1, 9)
    }
    assert (made.files, made.pipeline.stages) == ((), ())
    with pytest.raises(nb2stage.UsageError):
        made.write()
    missing = nb2stage.convert("missing.ipynb")
    assert [d.code for d in missing.diagnostics] == ["NB100"]
    with pytest.raises(nb2stage.Nb2stageError) as stopped:
        missing.write()
    assert [d.code for d in stopped.value.diagnostics] == ["NB100"]
    with pytest.raises(nb2stage.Nb2stageError):
        nb2stage.check(project)


def test_the_examples_of_the_page_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nbclient")
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), {})
    out = capsys.readouterr().out
    assert "train (4,) training/train.py" in out
    assert out.splitlines()[-1] == "0 []"
    rows = re.findall(r"^\| `(.*?)` \|", page, re.MULTILINE)
    wanted = [f"{name}{signature}".replace("'", '"').replace("self, ", "") for name, signature in SIGNATURES.items()]
    assert sorted(rows) == sorted(wanted)
