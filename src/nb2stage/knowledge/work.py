"""Which kind of work a call is, for `nb2stage tag`: the rows of `work.txt`.

A row is one kind of work, a bar, and patterns of names in which `*` stands for anything; the longest pattern that fits wins.

| word | the cell that does it |
|---|---|
| `reads`, `simulates`, `builds` | gets the data, makes it up, or writes it down |
| `cleans`, `converts` | mends data; converts their type or spelling |
| `transforms`, `features`, `splits` | changes data for a model; makes variables of them; sets some of them apart |
| `fits`, `builds-model`, `loads-model` | works out the model or the main result; describes it; has it from a file |
| `scores` | judges what was fitted, or predicts with it |
| `draws`, `shows` | shows pictures, or values |
| `saves` | writes a file for readers |
| `settles` | makes a setting of the process |

`[functions]` has dotted paths, `[methods]` names of methods of any receiver, `[classes]` what fitting an instance of a
class is, `[names]` functions of the notebook's own, or of nobody's, by what they are called; `[words]` words of headings,
each row for a tag, or for `look`: what stays in the notebook.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from nb2stage.knowledge.tables import rows_of

FILE: Final = Path(__file__).with_name("work.txt")
SECTIONS: Final = ("functions", "methods", "classes", "names", "words")


class Patterns:
    """Patterns of names, each with its word; the longest that fits wins."""

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        self.plain = {pattern: word for word, pattern in rows if "*" not in pattern}
        by_length = sorted((row for row in rows if "*" in row[1]), key=lambda row: -len(row[1]))
        self.open = [(re.compile(re.escape(pattern).replace(r"\*", ".*")), word) for word, pattern in by_length]
        self.known: dict[str, str] = {}

    def find(self, name: str) -> str:
        """The word of a name; empty where no pattern fits."""
        found = self.known.get(name)
        if found is None:
            word = self.plain.get(name) or next((w for p, w in self.open if p.fullmatch(name)), "")
            found = self.known[name] = word
        return found


@cache
def work(section: str) -> Patterns:
    """One section of the table."""
    rows = rows_of(FILE.read_text(encoding="utf-8"))
    return Patterns([(row.words, name) for row in rows if row.section == section for name in row.names])
