"""Generated scripts have no more findings of ruff than the cells that they are made of."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from rows import constructs

from nb2stage.conversion import Project
from nb2stage.files.writer import State
from nb2stage.scripts import companions
from nb2stage.spine import convert

pytest.importorskip("ruff")

# What lines of our own can violate: imports in their order, each used and there once, names, blanks, `;`.
RULES = "E4,E7,E9,F,I,W"

# Findings that stay, for reasons that ruff cannot see.
KNOWN = {
    # What may be unbound is loaded by its name.
    "only-some-of-the-names-that-may-be-unbound-are-wanted": "F821",
    "loop-variable-read-under-a-condition": "F821",
    "name-asked-for-that-a-loop-may-bind": "F821",
    # A formula or a loaded function looks the name up.
    "lambda-in-a-function-transformer": "F401",
    "formula-with-np-and-a-user-function": "F401",
    # Imports under a condition, and those of which one name must stay where it is, stay whole.
    "import-unless-it-is-there": "F401",
    "paths of a configuration": "F401",
    "one-of-two-imported-names-is-bound-anew-by-a-stage": "F401",
}


def ruff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ruff with nobody's settings."""
    return subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--isolated", "."],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def findings(folder: Path) -> dict[str, Counter[str]]:
    """What ruff finds in each row's files and in its cells, without the places: `F401 os imported but unused`."""
    done = ruff(folder, "check", "--select", RULES, "--output-format", "json", "--no-cache")
    found: dict[str, Counter[str]] = {}
    for each in json.loads(done.stdout):
        path = Path(each["filename"]).relative_to(folder)
        message = re.sub(r"from line \d+|; consider .*", "", each["message"])
        kind = "cells" if path.name == "cells_of_the_notebook.py" else "files"
        found.setdefault(f"{kind} {path.parts[0]}", Counter())[f"{each['code']} {message.strip()}"] += 1
    return found


def is_python(source: str) -> bool:
    """Whether a cell has nothing of IPython in it, which becomes other lines, nor a `;` for its last value."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return re.search(r"\b_+\d*\b", source) is None


def test_scripts_have_no_findings_of_their_own(tmp_path: Path) -> None:
    names = []
    for row in constructs():
        folder = tmp_path / row.name
        for path, text in row.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        folder.mkdir(exist_ok=True)
        data = json.dumps(row.notebook()).encode()
        result = convert(data, "nb.ipynb", Project(folder, State()))
        if result.failed or not all(is_python(source) for _, source in row.cells):
            continue
        names.append(row.name)
        files = {file.path: file.text for file in result.files if file.path.endswith(".py")}
        files["cells_of_the_notebook.py"] = "\n".join(source for _, source in row.cells)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    found = findings(tmp_path)
    more = {}
    for name in names:
        theirs, known = found.get(f"cells {name}", Counter()), KNOWN.get(name, "none")
        ours = [finding for finding in found.get(f"files {name}", ()) if finding not in theirs]
        assert name not in KNOWN or any(finding.startswith(known) for finding in ours), f"{name} has none any more"
        ours = [finding for finding in ours if not finding.startswith(known)]
        if ours:
            more[name] = ours
    assert "\n".join(f"{name}: {', '.join(ours)}" for name, ours in more.items()) == ""


def test_shared_modules_are_formatted() -> None:
    folder = Path(companions.__file__).parent
    for arguments in (("check", "--select", RULES), ("format", "--check")):
        done = ruff(folder, *arguments)
        assert done.returncode == 0, done.stdout


MANY = "from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score"


@pytest.mark.parametrize(
    ("settings", "is_broken"),
    [
        ({}, True),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 120\n"}, False),
        ({"pyproject.toml": "[tool.black]\nline-length = 120\n"}, False),
        ({"pyproject.toml": "[tool.black]\nline-length = 120\n[tool.ruff]\nline-length = 60\n"}, True),
        ({"ruff.toml": "line-length = 120\n"}, False),
        ({"ruff.toml": "line-length = 'wide'\n"}, True),
        ({"ruff.toml": "line-length = 60\n", ".ruff.toml": "line-length = 120\n"}, False),
        ({"pyproject.toml": "[tool.other]\nline-length = 120\n"}, True),
        ({"pyproject.toml": "[tool.ruff\nline-length = 120\n"}, True),
    ],
)
def test_lines_are_as_long_as_the_project_has_them(tmp_path: Path, settings: dict[str, str], is_broken: bool) -> None:
    for path, text in settings.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    source = f"{MANY}\nfor score in [{MANY.partition(' import ')[2]}]:\n    print(score.__name__)"
    cell = {"cell_type": "code", "metadata": {"tags": ["train"]}, "source": source, "outputs": []}
    data = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()
    made = convert(data, "nb.ipynb", Project(tmp_path, State()))
    (script,) = [file.text for file in made.files if file.path == "training/train.py"]
    assert ("from sklearn.metrics import (\n    accuracy_score,\n" in script) == is_broken
    assert (f"{MANY}\n" in script) != is_broken
