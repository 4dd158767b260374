"""Which modules a command does not load: for a short notebook these would take most of the time.

A time cannot be tested on a machine that others use; that a module is not loaded can.  `python -X importtime -m nb2stage
convert nb.ipynb` says what each costs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from notebooks import notebook_data

if TYPE_CHECKING:
    from pathlib import Path

# `inspect` comes with `dataclasses`, `traitlets` with the whole of IPython.
SLOW: Final = {"ruamel.yaml", "IPython", "traitlets", "nbformat", "subprocess", "tomllib", "dataclasses", "inspect"}
OF_A_CONVERSION: Final = {"nb2stage.spine", "ast", "json"}

CELLS: Final = [
    ("parameters", "C = 0.1\nunused = 3"),
    ("import", "from sklearn.datasets import load_wine\na = load_wine()"),
    ("train", "print(a, C)"),
]
MAGICS: Final = [("", "%matplotlib inline\n!ls {x} $HOME"), *CELLS]
EDITED: Final = [
    ("parameters", "C = 0.2\nD = 3"),
    *CELLS[1:-1],
    ("train", "b = C\nprint(a, C, D)"),
    ("report", "print(b)"),
]


def loaded(folder: Path, *argv: str) -> set[str]:
    """The modules that a process has loaded after a command that went well."""
    code = f"import sys; from nb2stage.cli import main; code = main({list(argv)!r}); print(code, *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    exit_code, *modules = done.stdout.splitlines()[-1].split()
    assert exit_code == "0"
    return set(modules)


def save(folder: Path, cells: list[tuple[str, str]]) -> None:
    (folder / "nb.ipynb").write_text(json.dumps(notebook_data(cells)), encoding="utf-8")


def test_help(tmp_path: Path) -> None:
    assert not (SLOW | OF_A_CONVERSION) & loaded(tmp_path, "--help")


@pytest.mark.parametrize("cells", [CELLS, MAGICS])
def test_a_first_conversion(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    save(tmp_path, cells)
    assert not SLOW & loaded(tmp_path, "convert", "nb.ipynb")


def test_a_conversion_of_every_day(tmp_path: Path) -> None:
    """Files that exist already, and cells that changed them: `stages`, `params` and a comment of the user's."""
    save(tmp_path, CELLS)
    loaded(tmp_path, "convert", "nb.ipynb")
    for name in ("dvc.yaml", "params.yaml"):
        path = tmp_path / name
        path.write_text(f"# ours\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    save(tmp_path, EDITED)
    assert not SLOW & loaded(tmp_path, "convert", "nb.ipynb")
    text = (tmp_path / "params.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ours\n")
    assert "D: 3" in text
    assert not SLOW & loaded(tmp_path, "convert", "nb.ipynb")


def test_what_loads_the_slow_ones(tmp_path: Path) -> None:
    """The tests above would pass with names that nothing ever loads."""
    save(tmp_path, CELLS)
    (tmp_path / "params.yaml").write_text("C: &c 1\nE: *c\n", encoding="utf-8")
    assert "ruamel.yaml" in loaded(tmp_path, "convert", "nb.ipynb")
