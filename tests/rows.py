"""Constructs as whole small notebooks, by topic in `constructs`: what each must become is judged by hand, never taken
from the program.

`== name` starts a row, `== name | NB243` one that must be refused with a code that begins so, and `== name | either`
one that must be refused or give the same results.  `# %% tag tag` starts a cell with these tags, `# %%` one without.
`# %% file: path` gives a file that lies beside the notebook, `# %% tune: name` the value that a user writes into
params.yaml (and, for the comparison, into the notebook), `# %% out: path` a JSON file that the pipeline writes beyond
what the notebook writes.  A line `=> value` writes the value to result.json, `=> value > name.json` to another file.
`| ipython` behind the name runs the notebook in IPython also where plain Python would do;
`| real` runs everything in fresh interpreters, for what looks at the frames of its callers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SAME: Final = "same"
EITHER: Final = "either"
_RESULT: Final = re.compile(r"^([ \t]*)=> (.+?)(?: > (\w+\.json))?$", re.MULTILINE)


@dataclass
class Row:
    """One notebook and what must become of it: `same`, the code of the refusal, or `either`."""

    name: str
    text: str
    expect: str = SAME
    ipython: bool = False
    real: bool = False
    cells: list[tuple[list[str], str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    outs: dict[str, str] = field(default_factory=dict)
    tuned: dict[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()  # what its template process imports beyond the usual
    sealed: bool = False  # a stage sees no file beside the notebook that it does not declare
    right: object = None  # what the notebook writes to results.json, known by hand
    said: str = ""  # words of the refusal
    group: str = ""  # the name of the file that it stands in

    @property
    def run(self) -> list[tuple[list[str], str]]:
        """The cells as the notebook runs them, with tuned parameters."""
        found = []
        for tags, source in self.cells:
            changed = source
            for name, value in self.tuned.items() if "parameters" in tags else ():
                changed = re.sub(rf"(?m)^({name}\s*(:[^=]*)?=).*$", rf"\1 {value}", changed)
            found.append((tags, changed))
        return found

    def notebook(self) -> dict[str, object]:
        """The notebook as JSON."""
        cells = [
            {
                "cell_type": "code",
                "id": f"c{n}",
                "metadata": {"tags": tags} if tags else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for n, (tags, source) in enumerate(self.cells)
        ]
        language = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
        return {"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 5}


def _result(found: re.Match[str]) -> str:
    indent, value, file = found[1], found[2], found[3] or "result.json"
    opened = f'with open("{file}", "w") as result_file:'
    lines = ["import json", opened, f"    json.dump({value}, result_file, default=str)"]
    return "\n".join(indent + line for line in lines)


def _row(text: str) -> Row:
    head, _, body = text.partition("\n")
    name, *options = (part.strip() for part in head.split("|"))
    codes = [option for option in options if option.startswith("NB")]
    expected = codes[0] if codes else EITHER if EITHER in options else SAME
    row = Row(name, body.strip(), expected, "ipython" in options, "real" in options)
    for part in re.split(r"^# %%", body, flags=re.MULTILINE)[1:]:
        tags, _, source = part.partition("\n")
        source = _RESULT.sub(_result, source.strip("\n"))
        kind, colon, path = tags.strip().partition(": ")
        if not colon:
            row.cells.append((tags.split(), source))
        elif kind == "file":
            row.files[path] = source + "\n"
        elif kind == "out":
            row.outs[path] = source
        elif kind == "tune":
            row.tuned[path] = source
        else:
            raise ValueError(tags)
    return row


def rows_of(text: str) -> list[Row]:
    """The rows of a text in this language."""
    return [_row(part) for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]]


def constructs() -> list[Row]:
    """All rows of `constructs`; the group of each is its topic."""
    found = []
    for path in sorted((Path(__file__).parent / "constructs").glob("*.test")):
        rows = rows_of(path.read_text(encoding="utf-8"))
        for row in rows:
            row.group = path.stem
        found += rows
    return found
