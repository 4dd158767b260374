"""What a cell does -> how well each tag of a stage fits it, and whether it belongs to the pipeline at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from nb2stage.analysis.dataflow import SourceCell, is_inert_node
from nb2stage.knowledge.work import work
from nb2stage.reading.notebook import Cell
from nb2stage.reading.stages import STAGES
from nb2stage.records import dataclass, field
from nb2stage.tagging.deeds import Deed
from nb2stage.tagging.uses import Uses

# What a piece of work says for each tag.
_SAYS: Final[dict[str, dict[str, float]]] = {
    "reads": {"import": 1.0},
    "simulates": {"import": 1.0, "preprocess": 0.5, "train": 0.4},
    "builds": {"import": 1.0, "preprocess": 0.7, "features": 0.6},
    "cleans": {"clean": 1.0, "preprocess": 0.7, "features": 0.4},
    "converts": {"clean": 1.0, "preprocess": 0.8, "features": 0.4},
    "transforms": {"preprocess": 1.0, "features": 0.6, "clean": 0.4},
    "features": {"features": 1.0, "preprocess": 0.7, "clean": 0.3, "split": 0.2},
    "splits": {"split": 1.0, "preprocess": 0.5},
    "fits": {"train": 1.0, "evaluate": 0.25},
    "builds-model": {"train": 1.0, "evaluate": 0.2},
    "loads-model": {"train": 1.0, "evaluate": 0.8},
    "scores": {"evaluate": 1.0, "report": 0.4, "train": 0.3},
    "computes": {"train": 1.0, "preprocess": 0.7, "evaluate": 0.5},
    "draws": {"report": 1.0, "evaluate": 0.65, "train": 0.1},
    "shows": {"evaluate": 1.0, "report": 1.0},
    "saves": {"report": 1.0, "evaluate": 0.3},
    "settles": {},
}
_ON_THE_WAY: Final = 0.6  # what is read only to be worked on in the same cell
_MAIN: Final = frozenset({"fits", "builds-model", "loads-model"})
_LOOKS: Final = frozenset(
    {"head", "tail", "info", "describe", "shape", "dtypes", "columns", "sample", "index", "nunique"}
)
_SETTING: Final = re.compile(r"%(matplotlib|config|load_ext|reload_ext|autoreload|pylab|env|precision)\b")
_HEADING: Final = re.compile(r"^\s*#{1,6}\s+(.*)$|^\s*<h\d[^>]*>(.*?)</h\d>", re.MULTILINE)


@dataclass
class Weighed:
    """One code cell, and how well each tag fits it."""

    cell: Cell
    source: SourceCell | None  # None where it is no Python
    deeds: list[Deed] = field(default_factory=list)
    fits: dict[str, float] = field(default_factory=dict)  # tag of a stage -> how well, from 0
    heading: str = ""

    @property
    def works(self) -> set[str]:
        """The kinds of work that stand in it."""
        return {deed.work for deed in self.deeds}

    @property
    def main(self) -> Deed | None:
        """The piece of work that says most."""
        return max(self.deeds, key=lambda deed: deed.weight, default=None)

    @property
    def only_sets(self) -> bool:
        """Whether it has nothing but magics that are settings: `%matplotlib inline`."""
        lines = [
            line.strip() for line in self.cell.source.split("\n") if line.strip() and not line.strip().startswith("#")
        ]
        return bool(lines) and all(map(_SETTING.match, lines))

    @property
    def is_quiet(self) -> bool:
        """Whether it only imports, defines, or sets."""
        if self.source is None or not self.source.statements:
            return False
        return all(is_inert_node(s.node) or s.sets or s.seeds for s in self.source.statements) and not (
            self.works - {"settles", "shows", "builds"}
        )

    def why(self, tag: str) -> str:
        """What speaks for a tag, in a few words."""
        said = [(deed.weight * _SAYS[deed.work].get(tag, 0.0), deed.why) for deed in self.deeds]
        best = max(said, default=(0.0, ""), key=lambda each: each[0])
        return best[1] if best[0] > 0 else ""


def weighed(cells: Sequence[Cell], sources: Mapping[int, SourceCell], deeds: Mapping[int, list[Deed]]) -> list[Weighed]:
    """The code cells of a notebook with the tags that fit them by what they do, and by the headings above them."""
    found: list[Weighed] = []
    heading: str = ""
    for cell in cells:
        if cell.kind == "markdown":
            titles = [a or b for a, b in _HEADING.findall(cell.source)]
            heading = titles[-1] if titles else heading
        elif cell.kind == "code":
            mine = Weighed(cell, sources.get(cell.index), list(deeds.get(cell.index, ())), heading=heading)
            mine.fits = _fits(mine.deeds)
            for text, weight in ((heading, 0.9), (_comment(cell.source), 0.7)):
                for tag in sorted(_tags_of(text) & {*STAGES}):
                    mine.fits[tag] = mine.fits.get(tag, 0.0) + weight
            found.append(mine)
    return found


def _fits(deeds: Iterable[Deed]) -> dict[str, float]:
    """How well each tag fits: by the piece of work that says most for it, and a little by the others."""
    said: dict[str, list[float]] = {}
    deeds = list(deeds)
    is_fit = any(deed.work == "fits" and deed.weight >= 4 for deed in deeds)
    is_more = is_fit or any(deed.work in ("scores", "splits", "features", "computes") for deed in deeds)
    for deed in deeds:
        for tag, share in _SAYS[deed.work].items():
            aside = 0.7 if is_fit and deed.work in ("scores", "draws") else 1.0
            aside = _ON_THE_WAY if is_more and deed.work in ("reads", "simulates") else aside
            said.setdefault(tag, []).append(deed.weight * share * aside)
    return {tag: max(each) + min(1.2, 0.15 * (sum(each) - max(each))) for tag, each in said.items()}


def _comment(source: str) -> str:
    line = next((line.strip() for line in source.split("\n") if line.strip()), "")
    return line if line.startswith("#") and not line.startswith("#|") else ""


def _tags_of(text: str) -> set[str]:
    table = work("words")
    return {table.find(word) for word in re.findall(r"[a-z][a-z-]+", text.lower())} - {""}


# -- what belongs to the pipeline


def results(cells: Sequence[Weighed], uses: Uses) -> set[int]:
    """The cells for the sake of which the notebook is there: fits, scores, files, and what they show of these."""
    main = {each.cell.index for each in cells if _MAIN & _strong(each)}
    found = set(main)
    if not main:
        working = {"scores", "features", "transforms", "simulates", "computes"}
        main = {each.cell.index for each in cells if each.works & working}
    for each in cells:
        number = each.cell.index
        strong = _strong(each)
        shows = bool({"draws", "shows"} & each.works) and not only_looks(each)
        if number in uses.writes or strong & {"scores", "saves"} or (shows and uses.needed([number]) & main):
            found.add(number)
    if not found:
        found = {each.cell.index for each in cells if "draws" in each.works}
    if not found:
        found = {each.cell.index for each in cells if each.deeds and not only_looks(each)}
    return found or {each.cell.index for each in cells[-1:]}


def fits_something(each: Weighed) -> bool:
    """Whether a cell fits a model, or works out something else that the notebook is about."""
    return bool(_MAIN & _strong(each))


def _strong(each: Weighed) -> set[str]:
    return {deed.work for deed in each.deeds if deed.weight >= 2.0}


def only_looks(each: Weighed) -> bool:
    """Whether a cell does nothing but look at data: `df.head()`, `print(X.shape)`."""
    if each.source is None or each.works - {"shows", "settles", "builds"}:
        return False
    nodes = [node for node in each.source.tree.body if not is_inert_node(node)]
    return bool(nodes) and all(isinstance(node, ast.Expr) and _is_look(node.value) for node in nodes)


def _is_look(value: ast.expr) -> bool:
    if isinstance(value, ast.Tuple):
        return all(map(_is_look, value.elts))
    if isinstance(value, ast.Call):
        name = value.func.id if isinstance(value.func, ast.Name) else ""
        if name in ("print", "display", "len", "type", "list"):
            return all(map(_is_look, value.args))
        return isinstance(value.func, ast.Attribute) and value.func.attr in _LOOKS
    if isinstance(value, ast.Attribute):
        return value.attr in _LOOKS
    if isinstance(value, ast.Subscript):
        return _is_look(value.value)
    return isinstance(value, ast.Constant | ast.JoinedStr)


def outside_reason(each: Weighed, uses: Uses) -> str:
    """Why a cell stays in the notebook, in a few words."""
    if each.source is None:
        return "is not Python"
    if not each.source.statements:
        if not each.cell.source.strip():
            return "is empty"
        return "has nothing for a script"
    made = sorted(uses.makes.get(each.cell.index, ()))
    main = each.main
    if main is not None and main.work == "shows":
        return main.why if main.why.startswith("only") else f"only {main.why}"
    if main is not None and main.work == "draws":
        return "draws the data, to look at it"
    if made:
        return f"nobody uses {', '.join(made[:3])}"
    return f"{main.why}, and nobody uses it" if main is not None else "nobody uses it"
