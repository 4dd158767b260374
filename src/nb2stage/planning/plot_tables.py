"""Cells tagged `plots`: the tables and curves that they assign -> files that DVC draws, with axes and template.

What is drawn against what is taken from the cell's `#| x:`, `#| y:` and `#| template:` lines, else from a plotting call of
the cell's own, else from how the values are made: `roc_curve`, a frame's columns, lists that one loop fills.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from nb2stage.analysis.dataflow import Program, SourceCell
from nb2stage.analysis.kinds import kind_of
from nb2stage.diagnostics import Severity
from nb2stage.patterns import Pattern
from nb2stage.planning.messages import Notes
from nb2stage.planning.metrics import assigned_names, assignments, called_name, in_notebook_scope, is_number, is_several
from nb2stage.planning.pipeline import Out
from nb2stage.planning.stageplan import PlotTable, StagePlan
from nb2stage.records import dataclass, replace
from nb2stage.trees import walk

# What scikit-learn's functions give, by position: which is x, which is y.
_CURVES: Final = {
    "roc_curve": (0, 1),
    "det_curve": (0, 1),
    "precision_recall_curve": (1, 0),
    "calibration_curve": (1, 0),
}
_BARS: Final = "bar_horizontal"
_TEMPLATES: Final = {"scatter": "scatter", "scatterplot": "scatter", "bar": _BARS, "barh": _BARS, "barplot": _BARS}
_DRAWING: Final = (*_TEMPLATES, "plot", "step", "line", "lineplot", "semilogx", "semilogy", "loglog")
_PAIRS: Final = (
    ("fpr", "tpr"),
    ("false_positive_rate", "true_positive_rate"),
    ("recall", "precision"),
)
_ACROSS: Final = Pattern(
    r"epochs?|steps?|iter(ation)?s?|batch(es)?|x|n|k|size|n_\w+|max_\w+|depth|threshold|alpha|lambda|C|lr|time|date|day|week|"
    r"month|year|train_size|fold|t",
)
_CATEGORY: Final = Pattern(
    r"(\w+_)?(features?|names?|models?|variables?|columns?|categor(y|ies)|class(es)?|method|metric)"
)
_ACTUAL: Final = Pattern(r"actual|observed|true|truth|y_?true|y_?test|target|label|y", re.IGNORECASE)
_PREDICTED: Final = Pattern(r"(y_?)?pred(ict(ed|ions?))?|y_?hat|forecast|guess", re.IGNORECASE)
_CLASSIFIES: Final = Pattern(
    r"\w*(Classifier|LogisticRegression|Clf|SVC)$|accuracy|confusion|f1_score|roc_|classification"
)
_MEASURES: Final = Pattern(r"\w*(Regressor|LinearRegression|Ridge|Lasso|SVR)$|mean_squared|mean_absolute|r2_score")
_ARRAY_CALL: Final = Pattern(
    r"cum\w+|diff|gradient|sqrt|log\d*|exp|where|sort|ravel|flatten|astype|concatenate|zeros|ones|full|arange|"
    r"(log|geom)space|round|abs|clip|values$|to_numpy|coef_"
)
_ITEMS: Final = ("list", "tuple", "array", "Series", "Index")
_HINT: Final = "say so in first lines of the cell: `#| x: epoch`, `#| y: loss`, `#| template: scatter`"


@dataclass(frozen=True)
class Drawn:
    """What is drawn against what: a user's word, or what a call such as `plt.plot(x, y)` says."""

    x: str = ""
    ys: tuple[str, ...] = ()
    template: str = ""


def plan_plots(stages: Sequence[StagePlan], program: Program, is_taken: Callable[[str], bool], notes: Notes) -> None:
    """The plot files of all stages: `plots/NAME.csv`, or below `plots/STAGE/` where two stages have that name."""
    classifies = _is_classification(program)
    found: list[tuple[StagePlan, int, PlotTable]] = []
    for plan in stages:
        for cell in plan.cells:
            if cell.role.plots:
                tables = PlotFinder(plan, cell, program, notes, classifies).tables()
                found += [(plan, cell.index, table) for table in tables]
    # A name that is assigned by two cells of a stage has the last one's value.
    found = list({(plan.name, table.path): (plan, index, table) for plan, index, table in found}.values())
    for plan, index, table in found:
        alone = sum(other.path == table.path for _, _, other in found) == 1
        folders = [*(["plots"] if alone else []), f"plots/{plan.name}", f"{plan.folder}/{plan.name}_plots"]
        paths = [f"{folder}/{table.path}.csv" for folder in folders]
        path = next((path for path in paths if not is_taken(path)), paths[-1])
        plan.plot_tables.setdefault(index, []).append(replace(table, path=path))
        if len(table.ys) > 1:  # a stage's own plots have one y
            plan.outs.append(Out(path, cache=False))
            plan.top_plots[path] = table.flags()
        else:
            plan.plots.append(Out(path, cache=False, plot=table.flags()))


def _is_classification(program: Program) -> bool | None:
    """Whether the notebook predicts classes, or numbers; `None` where the names in it do not tell."""
    names = set(program.names)
    for cell in program.cells:
        for node in walk(cell.tree):
            names |= {node.attr} if isinstance(node, ast.Attribute) else set()
            names |= {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
    classes, numbers = any(map(_CLASSIFIES.match, names)), any(map(_MEASURES.match, names))
    return None if classes == numbers else classes


class PlotFinder:
    """Finds the tables of one cell."""

    def __init__(
        self, plan: StagePlan, cell: SourceCell, program: Program, notes: Notes, classifies: bool | None
    ) -> None:
        self.plan, self.cell, self.program, self.notes, self.classifies = plan, cell, program, notes, classifies
        role = cell.role
        self.said = Drawn(role.x, role.y, role.template)
        self.names = assigned_names(cell)
        self.values = dict(assignments(cell.tree))
        self.drawn = list(_drawn(cell.tree))
        self.done: set[str] = set()
        self.found: list[PlotTable] = []
        self.warned = False

    def tables(self) -> list[PlotTable]:
        """The tables of the cell; what cannot be one is said."""
        sequences = self.sequences()
        lists = [name for name in self.said.ys or self.names if name in sequences and name != self.said.x]
        if lists and (lists == [*self.said.ys] or self.said.x in sequences):
            self.lists(lists, self.said)
        self.done |= self.ingredients()
        self.calls()
        self.together()
        for name in self.names:
            if name not in self.done:
                self.one(name)
        if not self.found and not self.warned and not any(s.plots for s in self.cell.statements):
            self.warn(
                "this cell is tagged `plots` and assigns no table and no list", "assign a DataFrame or lists to names"
            )
        return self.found

    def add(self, table: PlotTable, *names: str) -> None:
        """A table, which is all that is to be written of the names."""
        self.found.append(table)
        self.done.update(names)

    def lists(self, ys: Sequence[str], drawn: Drawn, stem: str = "", sure: bool = False) -> None:
        """Names of lists of one length as the columns of one file."""
        names = [drawn.x, *ys] if drawn.x else list(ys)
        columns = tuple(dict.fromkeys(names))
        stem = stem or "_".join(ys)
        table = PlotTable(stem, columns, columns, drawn.x, tuple(ys), drawn.template, checks=not sure)
        self.add(_turned(table), *columns)

    def ingredients(self) -> set[str]:
        """What tables of this cell are made of: `losses` of `pd.DataFrame({"loss": losses})`."""
        found: set[str] = set()
        for value in self.values.values():
            if isinstance(value, ast.Call) and called_name(value) in ("DataFrame", "confusion_matrix", *_CURVES):
                found |= {node.id for node in walk(value) if isinstance(node, ast.Name)}
        return found - set(self.said.ys)

    # -- values that a known function makes

    def calls(self) -> None:
        """`fpr, tpr, _ = roc_curve(...)` and `matrix = confusion_matrix(y_test, predicted)`."""
        for node in self.cell.tree.body:
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                continue
            called, target = called_name(node.value), node.targets[0]
            if called in _CURVES and isinstance(target, ast.Tuple) and len(target.elts) > 1:
                names = [n.id if isinstance(n, ast.Name) else "" for n in target.elts]
                x, y = (names[place] for place in _CURVES[called])
                if x and y:
                    title = called.removesuffix("_curve")
                    stems = [table.path for table in self.found]
                    # `thresholds` has another length, or is a name for the table.
                    self.lists([y], Drawn(x, (y,)), f"{title}_{y}" if title in stems else title, sure=True)
                    self.done.update(names)
            elif called == "confusion_matrix" and isinstance(target, ast.Name):
                pair = [arg.id for arg in node.value.args[:2] if isinstance(arg, ast.Name)]
                given = [k.value for k in node.value.keywords if k.arg in ("y_true", "y_pred")]
                pair += [value.id for value in given if isinstance(value, ast.Name)]
                if len(pair) == 2:
                    template = self.said.template or "confusion"
                    columns = ("actual", "predicted")
                    self.add(PlotTable(target.id, tuple(pair), columns, *columns[:1], columns[1:], template), target.id)

    # -- lists that belong together

    def together(self) -> None:
        """Lists that are drawn against each other, or that one loop fills."""
        sequences = self.sequences()
        for drawn in self.drawn:
            alike = [other for other in self.drawn if (other.x, other.template) == (drawn.x, drawn.template)]
            ys = dict.fromkeys(y for other in alike for y in other.ys if y in sequences and y not in self.done)
            wanted = [y for y in ys if y in self.names] and list(ys)
            if wanted and (not drawn.x or drawn.x in sequences):
                self.lists(wanted, replace(drawn, template=self.said.template or drawn.template), sure=True)
        for x, names in self.filled(sequences):
            left = [y for y in names if y not in self.done and y != x]
            if left:
                self.lists(left, Drawn(x, tuple(left), self.said.template), sure=True)

    def sequences(self) -> set[str]:
        """The names that hold a list, an array or the like by the end of the stage, as far as it is known."""
        ends = self.program.boundaries.exits[self.plan.data.index]
        kinds = {name: {*kind_of(var.values).split(" | ")} for name, var in ends.items() if name.isidentifier()}
        return {name for name, kind in kinds.items() if kind <= {*_ITEMS}}

    def filled(self, sequences: set[str]) -> Iterator[tuple[str, list[str]]]:
        """The lists that have one item for each turn of one loop, and which of them, or what the loop goes over, is x."""
        loops: dict[str, tuple[str, list[str]]] = {}
        empty = {name for name, value in self.values.items() if isinstance(value, ast.List) and not value.elts}
        for node in self.cell.tree.body:
            if isinstance(node, ast.For) and not node.orelse:
                pairs = [_appended(line) for line in node.body]
                filled = {pair[0]: pair[1] for pair in pairs if pair and pair[0] in empty}
                if any(isinstance(n, ast.Break | ast.Continue) for n in walk(node)):
                    continue
                x = next((n for n, value in filled.items() if _is_name(value, node.target)), "")
                self.loop(loops, str(node.lineno), x or _over(node.iter, sequences), list(filled))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name, value = node.targets[0].id, node.value
                if isinstance(value, ast.ListComp) and len(value.generators) == 1 and not value.generators[0].ifs:
                    turns = value.generators[0].iter
                    if isinstance(turns, ast.Name) and turns.id in sequences:
                        self.loop(loops, ast.unparse(turns), turns.id, [name])
        yield from loops.values()

    def loop(self, loops: dict[str, tuple[str, list[str]]], key: str, x: str, names: list[str]) -> None:
        known = loops.setdefault(key, (x, []))
        known[1].extend(n for n in names if n in self.names)

    # -- one name

    def one(self, name: str) -> None:
        """The table of a name that belongs to no other."""
        value = self.values.get(name)
        ends = self.program.boundaries.exits[self.plan.data.index]
        kind = kind_of(ends[name].values) if name in ends else ""
        columns = _columns(value)
        if kind == "DataFrame" or columns or (not kind and self.said.ys):
            self.frame(name, columns, plain=bool(columns))
        elif kind == "Series":
            drawn = next((d for d in self.drawn if d.ys == (name,)), Drawn())
            template = self.said.template or drawn.template or (_BARS if _has_names(value) else "")
            self.add(_turned(PlotTable(name, (name,), ("index", name), "index", (name,), template, "series")), name)
        elif kind in _ITEMS and (kind != "array" or self.is_many(value)):
            if not any(name == table.x for table in self.found):
                self.lists([name], Drawn("", (name,), self.said.template))
        elif is_number(value):
            return
        elif kind in ("", "dict", "array") or "|" in kind:
            self.warn(
                f"what `{name}` is cannot be seen here: it is not plotted", f"`{name} = pd.DataFrame({name})`", name
            )

    def is_many(self, node: ast.expr | None) -> bool:
        """Whether an expression with arrays in it gives one, and no number such as their mean."""
        match node:
            case ast.Name():
                return node.id in self.sequences()
            case ast.BinOp():
                return self.is_many(node.left) or self.is_many(node.right)
            case ast.UnaryOp():
                return self.is_many(node.operand)
            case ast.Compare():
                return self.is_many(node.left) or any(map(self.is_many, node.comparators))
            case ast.Subscript():
                return any(isinstance(n, ast.Slice) for n in walk(node.slice))
            case ast.Call():
                return is_several(node) or bool(_ARRAY_CALL.match(called_name(node)))
        return False

    def frame(self, name: str, columns: tuple[str, ...], plain: bool) -> None:
        """A DataFrame: its axes as said, as drawn, or by its columns."""
        drawn = next((d for d in self.drawn if d.ys and (not columns or {*d.ys} <= {*columns})), Drawn())
        guess = self.by_columns(columns) if columns else Drawn()
        first = self.said if self.said.ys or self.said.x else drawn if drawn.ys else guess
        template = self.said.template or first.template or (guess.template if first.ys == guess.ys else "")
        ys = first.ys or tuple(c for c in columns if c != first.x)
        if not ys:
            self.warn(f"the columns of `{name}` cannot be seen here: DVC draws the last one", _HINT, name)
        form = "frame" if plain else "indexed"
        self.add(
            _turned(PlotTable(name, (name,), columns, first.x or (guess.x if not ys else ""), ys, template, form)), name
        )

    def by_columns(self, columns: tuple[str, ...]) -> Drawn:
        """What columns of such names are drawn like."""
        for x, y in _PAIRS:
            if {x, y} <= {*columns}:
                return Drawn(x, (y,))
        actual = [c for c in columns if _ACTUAL.fullmatch(c)]
        predicted = [c for c in columns if _PREDICTED.fullmatch(c)]
        if len(actual) == len(predicted) == 1:
            if self.classifies is None and not self.said.template:
                self.warn(
                    "whether these are classes or numbers cannot be seen here", "say it: `#| template: confusion`"
                )
            return Drawn(actual[0], (predicted[0],), "confusion" if self.classifies else "scatter")
        category = next((c for c in columns if _CATEGORY.fullmatch(c)), "")
        if category and len(columns) > 1:
            return Drawn(category, tuple(c for c in columns if c != category)[:1], _BARS)
        x = next((c for c in columns if _ACROSS.fullmatch(c)), columns[0] if len(columns) > 1 else "")
        return Drawn(x, tuple(c for c in columns if c != x))

    def warn(self, message: str, hint: str, name: str = "") -> None:
        self.warned = True
        statements = [s for s in self.cell.statements if name in s.binds] or self.cell.statements[-1:]
        statement = statements[0] if statements else None
        self.notes.add(Severity.WARNING, "NB117", message, hint, statement=statement, stage=self.plan.name)


def _turned(table: PlotTable) -> PlotTable:
    """DVC's bars lie: the categories, which are drawn along x otherwise, are y."""
    if table.template.startswith(_BARS) and table.x and table.ys:
        return replace(table, x=table.ys[0], ys=(table.x,))
    return table


def _columns(node: ast.expr | None) -> tuple[str, ...]:
    """The columns of `pd.DataFrame({"x": xs})`, `pd.DataFrame(rows, columns=["x"])` and `pd.DataFrame([{"x": 1}])`."""
    if (
        not isinstance(node, ast.Call)
        or called_name(node) != "DataFrame"
        or any(k.arg == "index" for k in node.keywords)
    ):
        return ()
    for keyword in node.keywords:
        if keyword.arg == "columns":
            return _texts(keyword.value.elts) if isinstance(keyword.value, ast.List | ast.Tuple) else ()
    data = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "data"), None)
    if isinstance(data, ast.ListComp):
        data = data.elt
    elif isinstance(data, ast.List) and data.elts:
        data = data.elts[0]
    if isinstance(data, ast.Dict):
        return _texts(data.keys)
    if isinstance(data, ast.Call) and called_name(data) == "dict" and not data.args:
        return tuple(k.arg for k in data.keywords if k.arg)
    return ()


def _has_names(node: ast.expr | None) -> bool:
    """Whether the index of a series is names of things: `pd.Series(importances, X.columns)`, `x.value_counts()`."""
    calls = [n for n in walk(node) if isinstance(n, ast.Call)] if node is not None else []
    given = (len(c.args) > 1 or any(k.arg == "index" for k in c.keywords) for c in calls if called_name(c) == "Series")
    return any(given) or any(called_name(call) == "value_counts" for call in calls)


def _texts(nodes: Sequence[ast.expr | None]) -> tuple[str, ...]:
    """The values of literal texts; none at all where one is something else."""
    texts = tuple(n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return texts if len(texts) == len(nodes) else ()


def _drawn(tree: ast.AST) -> Iterator[Drawn]:
    """What the plotting calls of a cell draw against what: names of lists, or of columns of a frame."""
    for node in in_notebook_scope(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _DRAWING:
            continue
        template = _TEMPLATES.get(node.func.attr, "")
        keywords = {k.arg: k.value for k in node.keywords}
        if "y" in keywords:
            y = keywords["y"]
            ys = _texts(y.elts) if isinstance(y, ast.List | ast.Tuple) else (_word(y),)
            kind = keywords.get("kind")
            if isinstance(kind, ast.Constant):
                template = _TEMPLATES.get(str(kind.value), "")
            if all(ys):
                yield Drawn(_word(keywords.get("x")), ys, template)
        elif len(node.args) > 1 and (x := _word(node.args[0])) and (y_word := _word(node.args[1])):
            yield Drawn(x, (y_word,), template)
        elif node.args and (word := _word(node.args[0])) and not isinstance(node.args[0], ast.Constant):
            yield Drawn("", (word,), template)
        elif not node.args and isinstance(owner := node.func.value, ast.Attribute) and owner.attr == "plot":
            if word := _word(owner.value):
                yield Drawn("", (word,), template)  # `importances.plot.barh()`


def _word(node: ast.expr | None) -> str:
    """`a` of the name `a`, of `"a"` and of `frame["a"]`."""
    if isinstance(node, ast.Subscript):
        node = node.slice
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) and node.value.isidentifier() else ""
    return node.id if isinstance(node, ast.Name) else ""


def _appended(line: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the item of `losses.append(loss)`."""
    if isinstance(line, ast.Expr) and isinstance(line.value, ast.Call) and isinstance(line.value.func, ast.Attribute):
        func, args = line.value.func, line.value.args
        if func.attr == "append" and isinstance(func.value, ast.Name) and len(args) == 1:
            return func.value.id, args[0]
    return None


def _is_name(node: ast.expr, target: ast.expr) -> bool:
    return isinstance(node, ast.Name) and isinstance(target, ast.Name) and node.id == target.id


def _over(node: ast.expr, sequences: set[str]) -> str:
    return node.id if isinstance(node, ast.Name) and node.id in sequences else ""
