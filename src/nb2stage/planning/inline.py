"""How a notebook draws its figures: what Jupyter's inline backend does, and what the cells tell it to do otherwise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final

from nb2stage.analysis.dataflow import Program, SourceCell
from nb2stage.patterns import Pattern
from nb2stage.records import dataclass, field
from nb2stage.trees import walk

FORMATS: Final = "set_matplotlib_formats"
_CONFIG: Final = Pattern(r"\s*%config\s+InlineBackend\.(figure_formats?|print_figure_kwargs)\s*=\s*(.+)")
# Of several formats JupyterLab shows the first of these.
_PREFERRED: Final = ("svg", "retina", "png", "png2x", "jpeg", "jpg")
_SUFFIXES: Final = {"svg": "svg", "jpeg": "jpg", "jpg": "jpg"}
# Styles that give saved figures another look than shown ones have; of a style that is not matplotlib's own nobody knows.
_PLAIN_STYLES: Final = Pattern(
    r"default|bmh|dark_background|fast|fivethirtyeight|ggplot|Solarize_Light2|tableau-colorblind10|petroff\d+|seaborn.*"
)
_STYLE_CALL: Final = Pattern(r"\b(style\.(use|context)|rc_file)$")
_STYLING: Final = ("use", "context", "rc_file")  # the last words of these: a tree becomes text in some 50 us
_SAVING: Final = {"dpi": '"figure"', "facecolor": '"auto"', "edgecolor": '"auto"', "transparent": "False"}


@dataclass(frozen=True)
class Drawing:
    """How a figure becomes a picture: the suffix of its file, and the arguments of `savefig` as source text."""

    suffix: str = "png"
    double: bool = False  # `retina`: twice the pixels
    options: dict[str, str] = field(default_factory=lambda: {"bbox_inches": '"tight"'})

    def arguments(self, figure: str) -> str:
        """What stands behind the path: `, bbox_inches="tight", dpi=2 * fig.dpi`."""
        options = dict(self.options)
        if self.double and options.get("dpi", '"figure"') == '"figure"':
            options["dpi"] = f"2 * {figure}.dpi"
        if self.suffix == "svg":
            options.setdefault("metadata", '{"Date": None}')  # the same bytes in each run
        return "".join(f", {name}={value}" for name, value in options.items())


def drawing_in(program: Program, cell: int) -> Drawing:
    """How the figures of a cell are drawn: as the cells up to it have said last, those without a tag too."""
    formats: tuple[str, ...] = ("png",)
    told: dict[str, str] = {}
    extra: dict[str, str] = {}
    for each in sorted(program.cells, key=lambda c: c.index):
        for name, value in _told(each) if each.index <= cell else ():
            if name == "print_figure_kwargs":
                told, extra = _options(value), {}
            else:
                formats, extra = _formats(value), {} if name != FORMATS else _options(value)
    options = {"bbox_inches": '"tight"', **_saved_otherwise(program, cell), **told, **extra}
    options = {name: value for name, value in options.items() if (name, value) != ("bbox_inches", "None")}
    form = next((name for name in _PREFERRED if name in formats), "png")
    return Drawing(_SUFFIXES.get(form, "png"), form in ("retina", "png2x"), options)


def lays_out(program: Program) -> bool:
    """Whether figures have a layout that each drawing moves on: a kernel draws what is open at the end of a cell."""
    return any(word in cell.python.text for cell in program.cells for word in ("constrained", "compressed"))


def is_for_display(node: ast.AST) -> bool:
    """Whether a statement says how, or that, a notebook shows things, which means nothing in a script."""
    return _called(node) in (FORMATS, "output_notebook", "init_notebook_mode")


def _called(node: ast.AST) -> str:
    """The last part of the name of the function that a statement calls."""
    return _name(node.value.func) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else ""


def _name(func: ast.expr) -> str:
    return str(getattr(func, "attr", getattr(func, "id", "")))


def format_lines(source: str) -> list[str]:
    """The lines of a cell that tell the inline backend how to draw."""
    return [line.strip() for line in source.splitlines() if _CONFIG.match(line)]


def _told(cell: SourceCell) -> Iterator[tuple[str, ast.expr]]:
    """What a cell tells the inline backend, line by line."""
    calls = {n.lineno: n.value for n in cell.tree.body if isinstance(n, ast.Expr) and _called(n) == FORMATS}
    for number, line in enumerate(cell.role.cell.source.splitlines(), start=1):
        if number in calls:
            yield FORMATS, calls[number]
        if match := _CONFIG.match(line):
            try:
                yield match[1], ast.parse(match[2].strip(), mode="eval").body
            except SyntaxError:
                continue


def _formats(value: ast.expr) -> tuple[str, ...]:
    """The names of formats: `'retina'`, `['svg', 'png']`, or those of a call."""
    return tuple(n.value for n in walk(value) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _options(value: ast.expr) -> dict[str, str]:
    """The keywords of a call, or the items of a dict."""
    pairs: Iterable[tuple[object, ast.expr]] = ()
    if isinstance(value, ast.Call):
        pairs = [(k.arg, k.value) for k in value.keywords]
    elif isinstance(value, ast.Dict):
        pairs = [(getattr(k, "value", None), v) for k, v in zip(value.keys, value.values, strict=True)]
    return {name: _text(node) for name, node in pairs if isinstance(name, str)}


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and '"' not in node.value:
        return '"' + ast.unparse(node)[1:-1] + '"'
    return ast.unparse(node)


def _saved_otherwise(program: Program, cell: int) -> dict[str, str]:
    """The arguments without which `savefig` would follow settings that the notebook makes for saved figures alone."""
    found: set[str] = set()
    for node in (n for s in program.statements if s.cell <= cell for n in walk(s.node)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(re.findall(r"savefig\.(\w+)", node.value))  # of `rcParams`
        elif isinstance(node, ast.Call):
            texts = [n.value for n in walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            if texts[:1] == ["savefig"]:  # `plt.rc("savefig", dpi=300)`
                found |= {name for k in node.keywords for name in ([k.arg] if k.arg else _SAVING)}
            elif _name(node.func) in _STYLING and _STYLE_CALL.search(ast.unparse(node.func)):
                found |= set() if texts and all(map(_PLAIN_STYLES.fullmatch, texts)) else {"dpi", "facecolor"}
    return {name: value for name, value in _SAVING.items() if name in found}
