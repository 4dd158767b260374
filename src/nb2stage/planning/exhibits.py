"""What a notebook shows as a page or a picture and matplotlib does not draw: charts, maps, tables of other libraries."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from nb2stage.analysis.dataflow import Program, SourceCell
from nb2stage.analysis.objects import Statement
from nb2stage.trees import walk


class Kind(NamedTuple):
    """One library: what makes a value that it shows, and which methods give such a value again."""

    name: str
    makers: str
    methods: str = r"(?!)"
    shows: str = r"(?!)"  # functions that show their first argument
    joins: bool = False  # `a + b`, `a | b` show as one
    by_method: bool = True  # `x.show()` shows it in a notebook
    forms: str = "page, picture"  # what it can be saved as


KINDS: Final = (
    Kind(
        "plotly",
        r"plotly\.(express\.(?!data\.|colors\.|get_|set_)[a-z]\w*|(graph_objects|graph_objs)\.Figure(Widget)?|"
        r"figure_factory\.create_\w+|(subplots|tools)\.make_subplots|io\.(from|read)_json)|"
        r"optuna\.visualization\.plot_\w+|prophet\.plot\.plot(_\w+)?_plotly",
        r"(update|for_each)_?\w*|add_\w+|set_subplots",
        r"plotly\.(io\.show|offline\.i?plot)",
    ),
    Kind(
        "altair",
        r"altair\.(\w*Chart|layer|concat|hconcat|vconcat|repeat)",
        r"(?!to_|save|show|display|serve|validate)\w+",
        joins=True,
    ),
    Kind(
        "bokeh",
        r"bokeh\.(plotting\.(figure|gridplot)|layouts\.(row|column|grid|gridplot|layout))",
        shows=r"bokeh\.(plotting|io)\.show",
        by_method=False,
    ),
    Kind("folium", r"folium\.(Map|Figure|plugins\.DualMap)", by_method=False, forms="page"),
    Kind("great_tables", r"great_tables\.GT", r"(?!as_|save|write|show|render)\w+", forms="page"),
    Kind("pydeck", r"pydeck\.Deck", forms="page"),
    Kind(
        "seaborn",
        r"seaborn\.objects\.Plot",
        r"add|layout|limit|label|scale|share|theme|facet|pair|on",
        by_method=False,
        forms="picture",
    ),
    Kind("plotnine", r"plotnine\.(ggplot|qplot)", joins=True, forms="picture"),
    Kind(
        "pillow",
        r"PIL\.(Image\.(open|new|fromarray|merge|blend|composite|frombytes|frombuffer)|ImageOps\.\w+)",
        r"convert|copy|crop|filter|point|quantize|reduce|resize|rotate|transform|transpose",
        by_method=False,
        forms="picture",
    ),
    Kind("graphviz", r"graphviz\.(Digraph|Graph|Source)", by_method=False, forms="picture"),
)
_ROOTS: Final = {"plotly", "optuna", "prophet", "altair", "bokeh", "folium", "geopandas", "great_tables", "pydeck"} | {
    *("seaborn", "plotnine", "PIL", "graphviz"),
}
_OPEN: Final = "?"
_ANY_MAP: Final = "explore"  # of geopandas: gives a map of folium


class Exhibit(NamedTuple):
    """A place in a cell that shows such a value: the node that is replaced, the value, and its library."""

    node: ast.expr
    value: ast.expr
    kind: str


def saved_as(form: str, libraries: Iterable[str]) -> bool:
    """Whether values of one of the libraries are saved as a `page`, or as a `picture`."""
    names = set(libraries)
    return any(form in kind.forms for kind in KINDS if kind.name in names)


def exhibits_of(program: Program, cells: Iterable[SourceCell]) -> dict[int, list[Exhibit]]:
    """The exhibits of some cells, by cell."""
    found: dict[int, list[Exhibit]] = {}
    if not {path.split(".")[0] for s in program.statements for path in s.imports} & _ROOTS:
        return found
    inline = any("output_notebook" in cell.python.text for cell in program.cells)  # else bokeh opens a browser
    for cell in cells:
        there = [exhibit for statement in cell.statements for exhibit in _Finder(program, statement).exhibits(cell)]
        there = [exhibit for exhibit in there if inline or exhibit.kind != "bokeh"]
        if there:
            found[cell.index] = there
    return found


def shown_in_functions(program: Program, plan_statements: Iterable[Statement]) -> list[str]:
    """The libraries whose values have a method that may show them inside a function: which one only a run can tell."""
    statements = list(plan_statements)
    roots = {path.split(".")[0] for s in statements for path in s.imports}
    kinds: list[str] = [kind for kind in ("plotly", "altair") if kind in roots]
    for statement in statements if kinds else ():
        finder = _Finder(program, statement)
        for node in inside_functions(statement.node):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "show":
                if not finder.path(node.func):
                    return kinds
    return []


def inside_functions(tree: ast.AST) -> set[ast.AST]:
    """The nodes of the functions in a statement."""
    functions = [n for n in walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    return {node for function in functions for node in walk(function)}


class _Finder:
    """Looks at one statement of a cell; names mean what they mean there."""

    def __init__(self, program: Program, statement: Statement, busy: set[tuple[int, str]] | None = None) -> None:
        self.program, self.statement = program, statement
        self.busy: set[tuple[int, str]] = set() if busy is None else busy

    def exhibits(self, cell: SourceCell) -> list[Exhibit]:
        """The places of the statement that show something."""
        return [exhibit for exhibit in self.places(cell) if exhibit.kind != _OPEN]

    def places(self, cell: SourceCell) -> Iterator[Exhibit]:
        """Those places, and those of which nothing is known."""
        last = cell.tree.body[-1] if cell.tree.body else None
        inside = inside_functions(self.statement.node)
        for node in walk(self.statement.node):
            if not isinstance(node, ast.Expr):
                continue
            shown = self.shown(node.value)
            if node in inside and shown is not None and shown[1] in ("plotly", "altair"):
                continue  # by the method, of which `shown_in_functions` takes care
            if shown is not None:
                yield Exhibit(node.value, *shown)
            elif node is last and not cell.python.text.rstrip().endswith(";") and (kind := self.kind(node.value)):
                if kind != "bokeh":  # a kernel shows how it is made
                    yield Exhibit(node.value, node.value, kind)

    def shown(self, node: ast.expr) -> tuple[ast.expr, str] | None:
        """What a call shows, and its library: `fig.show()`, `show(p)`, `display(chart)`."""
        if not isinstance(node, ast.Call):
            return None
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in ("show", "display") and not self.path(func):
            kind = self.kind(func.value)
            return (func.value, kind) if any(k.name == kind and k.by_method for k in KINDS) else None
        if len(node.args) != 1 or isinstance(node.args[0], ast.Starred):
            return None
        path = self.path(func)
        own = isinstance(func, ast.Name) and func.id == "display" and path in ("", "IPython.display.display")
        kind = self.kind(node.args[0])
        if kind and (own or any(k.name == kind and re.fullmatch(k.shows, path) for k in KINDS)):
            return node.args[0], kind
        if any(k.name == "bokeh" and re.fullmatch(k.shows, path) for k in KINDS):
            return node.args[0], "bokeh"  # nothing else can be shown so
        return None

    def kind(self, node: ast.expr) -> str:
        """The library that shows the value of an expression; "" where it is none of them, or not known."""
        if isinstance(node, ast.Name):
            return self.of_name(node.id)
        if isinstance(node, ast.BinOp):
            kind = self.kind(node.left) or self.kind(node.right)
            return kind if any(k.name == kind and k.joins for k in KINDS) else ""
        if not isinstance(node, ast.Call):
            return ""
        path = self.path(node.func)
        for each in KINDS:
            if path and re.fullmatch(each.makers, path):
                return each.name
        if isinstance(node.func, ast.Attribute) and not path:
            if node.func.attr == _ANY_MAP:
                return "folium"
            kind = self.kind(node.func.value)
            gives = kind == _OPEN or any(k.name == kind and re.fullmatch(k.methods, node.func.attr) for k in KINDS)
            return kind if gives else ""
        return self.of_function(node.func.id) if isinstance(node.func, ast.Name) else ""

    def path(self, node: ast.expr) -> str:
        """The dotted path of what is imported: `plotly.express.scatter` for `px.scatter`."""
        if isinstance(node, ast.Attribute):
            owner = self.path(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        if not isinstance(node, ast.Name):
            return ""
        paths = set()
        for site in self.sites(node.id):
            if not isinstance(site, ast.Import | ast.ImportFrom):
                return ""
            for alias in site.names:
                module = f"{site.module}." if isinstance(site, ast.ImportFrom) else ""
                if (alias.asname or (alias.name if module else alias.name.split(".")[0])) == node.id:
                    paths.add(module + alias.name if module or alias.asname else node.id)
        return paths.pop() if len(paths) == 1 else ""

    def sites(self, name: str) -> list[ast.AST]:
        """The statements that may have given a name its value."""
        inside = _assignments(self.statement.node, name)
        if inside:
            return list(inside)
        var = self.statement.reads.get(name)
        if var is not None and var.sites:
            return [site.node for site in sorted(var.sites, key=lambda s: s.position)]
        return [s.node for s in self.program.binders.get(name, ())]

    def of_name(self, name: str) -> str:
        """The library of a name, where all that may have bound it agree; `_OPEN` for what just this asks."""
        key = (self.statement.position, name)
        if key in self.busy:
            return _OPEN
        self.busy.add(key)
        kinds = {self.of_site(site, name) for site in self.sites(name)}
        self.busy.discard(key)
        known = kinds - {_OPEN} or kinds
        return known.pop() if len(known) == 1 else ""

    def of_site(self, site: ast.AST, name: str) -> str:
        """The library of the value that a statement gives a name, or all that are in a loop or branch."""
        owner = next((s for s in self.program.binders.get(name, ()) if s.node is site), self.statement)
        finder = _Finder(self.program, owner, self.busy)
        values = [getattr(each, "value", None) for each in _assignments(site, name)]
        kinds = {finder.kind(value) if isinstance(value, ast.expr) else "" for value in values}
        known = kinds - {_OPEN} or kinds
        return known.pop() if len(known) == 1 else ""

    def of_function(self, name: str) -> str:
        """The library of what a function of the notebook returns."""
        sites = self.sites(name)
        if len(sites) != 1 or not isinstance(sites[0], ast.FunctionDef):
            return ""
        owner = next((s for s in self.program.binders.get(name, ()) if s.node is sites[0]), None)
        if owner is None or (owner.position, f"{name}()") in self.busy:
            return ""
        inner = _Finder(self.program, owner, {*self.busy, (owner.position, f"{name}()")})
        given = [n.value for n in walk(owner.node) if isinstance(n, ast.Return) and n.value is not None]
        kinds = {inner.kind(value) for value in given}
        return kinds.pop() if len(kinds) == 1 else ""


def _assignments(tree: ast.AST, name: str) -> list[ast.AST]:
    """The assignments to a name in a statement."""
    found: list[ast.AST] = []
    for node in walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [node] if any(isinstance(each, ast.Name) and each.id == name for each in targets) else []
    return found
