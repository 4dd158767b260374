"""Follow the hints of a refusal to the letter: give each cell that it names the tag that it names, and nothing else.

`python tests/follow_hints.py NOTEBOOK...` does that once to each notebook, in place, as its user would by clicking; one that
converts stays as it is.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# `cell 18  districts = pd.read_csv(…  `preprocess` instead of `skip`  makes …`
_ROW: Final = re.compile(r"^    cell (\d+) .*?`([\w:-]+)`(?: instead of `([\w:-]+)`)?  +\w", re.MULTILINE)


def refusal(notebook: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What `nb2stage convert` says of a notebook, in its folder; nothing is written."""
    command = [sys.executable, "-m", "nb2stage", "convert", "--dry-run", *options, notebook.name]
    return subprocess.run(command, cwd=notebook.parent, capture_output=True, text=True, encoding="utf-8", check=False)


def asked_in_json(notebook: Path) -> Iterator[tuple[int, str, str]]:
    """The cells, the tags that they are to get, and those that they lose, from the document for programs."""
    for finding in json.loads(refusal(notebook, "--json").stdout)["diagnostics"]:
        for note in finding["cells"]:
            yield note["cell"], note["tag"], note["instead"]


def asked_in_text(notebook: Path) -> Iterator[tuple[int, str, str]]:
    """The same, as a person reads it on the screen."""
    for cell, tag, instead in _ROW.findall(refusal(notebook).stderr):
        yield int(cell), tag, instead


def follow(notebook: Path, asked: list[tuple[int, str, str]]) -> None:
    """Tag the cells of a notebook."""
    data: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    for number, tag, instead in asked:
        metadata = data["cells"][number - 1]["metadata"]
        metadata["tags"] = [*(t for t in metadata.get("tags", []) if t != instead), tag]
    notebook.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def followed(notebook: Path, folder: Path) -> Path:
    """A copy of a notebook and its data in a folder, in which the hints have been followed once."""
    copy = folder / notebook.name
    shutil.copy(notebook, copy)
    shutil.copytree(notebook.parent / "data", folder / "data", dirs_exist_ok=True)
    follow(copy, list(asked_in_json(copy)))
    return copy


if __name__ == "__main__":
    for name in sys.argv[1:]:
        follow(Path(name), list(asked_in_json(Path(name))))
