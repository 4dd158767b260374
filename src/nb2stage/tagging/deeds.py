"""Cells -> what each does, one `Deed` for each piece of work, by the table of kinds of work and by the look of its code.

`model.fit(X, y)` fits, and fits a `Ridge` where `model` was made so; `df["age"] = 2023 - df["built"]` makes a feature; a call
of a function of the notebook does what its body does.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import Final

from nb2stage.knowledge.work import work
from nb2stage.records import dataclass
from nb2stage.trees import walk, walk_from_the_top

# How much a piece of work says about the cell that it stands in.
WEIGHTS: Final = {
    "reads": 6.0,
    "splits": 6.0,
    "fits": 5.0,
    "scores": 4.0,
    "loads-model": 3.5,
    "builds-model": 3.5,
    "simulates": 3.0,
    "saves": 4.2,
    "features": 2.6,
    "cleans": 2.6,
    "draws": 2.5,
    "transforms": 2.4,
    "converts": 2.0,
    "computes": 1.4,
    "builds": 1.2,
    "shows": 0.7,
    "settles": 0.5,
}
_VERBS: Final = {
    "reads": "reads {}",
    "splits": "splits the data",
    "fits": "fits {}",
    "scores": "{}",
    "loads-model": "loads a model",
    "builds-model": "builds {}",
    "simulates": "makes data up",
    "saves": "writes {}",
    "features": "makes {}",
    "cleans": "{}",
    "draws": "draws",
    "transforms": "{}",
    "converts": "converts by {}",
    "computes": "computes {}",
    "builds": "makes {}",
    "shows": "shows {}",
    "settles": "settings",
}
_BUILTINS: Final = frozenset(dir(builtins))
# Packages of which an unknown function says nothing.
_PLAIN: Final = frozenset(
    {"os", "sys", "time", "datetime", "re", "pathlib", "collections", "itertools", "functools", "copy"}
)
_LOOKS: Final = frozenset({"shape", "dtypes", "columns", "index", "size", "T", "values", "dtype", "ndim"})


@dataclass(frozen=True)
class Deed:
    """One piece of work: which, how much it says, and why that is thought, in a few words."""

    work: str
    weight: float
    why: str


class Names:
    """What the names of a notebook stand for: modules and functions of libraries, instances of classes, own functions."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}
        self.classes: dict[str, str] = {}  # name -> dotted path of the class that it is an instance of
        self.bodies: dict[str, list[Deed]] = {}  # function of the notebook -> what it does
        self.texts: dict[str, str] = {}  # name -> the text that it is

    def path(self, node: ast.expr) -> str:
        """The dotted path of `plt.plot`; empty where it is not of a library."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        base = self.paths.get(node.id, node.id if node.id in _BUILTINS or node.id == "display" else "")
        return ".".join([base, *reversed(parts)]) if base else ""

    def learn(self, node: ast.stmt) -> None:
        """Take in what a statement imports or binds."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.paths[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.paths[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.bind(target.id, node.value)
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                self.learn(inner)

    def bind(self, name: str, value: ast.expr) -> None:
        """Take in that a name is bound."""
        self.classes.pop(name, None)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            self.texts[name] = value.value
        if made := self.made(value):
            self.classes[name] = made

    def made(self, value: ast.expr) -> str:
        """The class of the instance that an expression makes: of a pipeline, that of its last step."""
        if isinstance(value, ast.Name):
            return self.classes.get(value.id, "")
        if not isinstance(value, ast.Call):
            return ""
        if isinstance(value.func, ast.Attribute) and value.func.attr in ("fit", "set_params", "set_output"):
            return self.made(value.func.value)
        path = self.path(value.func)
        last = path.rpartition(".")[2]
        steps = value.args
        if last == "Pipeline":
            given = value.args[0] if value.args else next((k.value for k in value.keywords if k.arg == "steps"), None)
            steps = given.elts if isinstance(given, ast.List | ast.Tuple) else []
            steps = [step.elts[1] for step in steps if isinstance(step, ast.Tuple) and len(step.elts) == 2]
        if last in ("Pipeline", "make_pipeline") and steps:
            return self.made(steps[-1]) or path
        return path if path and (last[:1].isupper() or work("functions").find(path) == "builds-model") else ""


def deeds_of(cells: Iterable[tuple[int, ast.Module]]) -> dict[int, list[Deed]]:
    """What each cell does, by its position; statements that import or define do nothing."""
    names = Names()
    found: dict[int, list[Deed]] = {}
    for number, tree in cells:
        mine: list[Deed] = []
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.bodies[node.name] = [deed for part in node.body for deed in _of_statement(part, names)]
                if isinstance(node, ast.ClassDef) and any(
                    work("classes").find(names.path(base)) == "fits" for base in node.bases
                ):
                    names.bodies[node.name].append(Deed("builds-model", 3.5, f"builds {node.name}"))
                    names.paths.setdefault(node.name, f"torch.nn.{node.name}")
            elif not isinstance(node, ast.Import | ast.ImportFrom):
                mine += _of_statement(node, names)
            names.learn(node)
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            mine += _shown(tree.body[-1].value)
        found[number] = mine
    return found


def _shown(value: ast.expr) -> list[Deed]:
    """What the last expression of a cell shows."""
    if isinstance(value, ast.Tuple):
        return [deed for each in value.elts for deed in _shown(each)][:1]
    if isinstance(value, ast.Name | ast.Subscript):
        return [Deed("shows", 0.9, f"only shows {ast.unparse(value)[:30]}")]
    if isinstance(value, ast.Attribute):
        weight = 0.6 if value.attr in _LOOKS else 0.9
        return [Deed("shows", weight, f"only shows {ast.unparse(value)[:30]}")]
    return []


def _of_statement(node: ast.stmt, names: Names) -> Iterator[Deed]:
    """What one statement does, with all that stands in it."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        yield from _stores(node)
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and not node.test.value:
        return
    for call in _calls(node):
        yield from _of_call(call, names)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """All calls, each before those within it."""
    return (part for part in walk_from_the_top(node, frozenset()) if isinstance(part, ast.Call))


def _deed(kind: str, what: str, weight: float | None = None) -> Deed:
    return Deed(kind, WEIGHTS[kind] if weight is None else weight, _VERBS[kind].format(what))


def _of_call(call: ast.Call, names: Names) -> list[Deed]:
    """What a call does."""
    path = names.path(call.func)
    last = path.rpartition(".")[2]
    if path == "open":
        mode = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "mode"), None)
        is_written = isinstance(mode, ast.Constant) and any(letter in str(mode.value) for letter in "wax")
        return [_deed("saves" if is_written else "reads", _text(call, names, "a file"))]
    if isinstance(call.func, ast.Name) and call.func.id in names.bodies:
        return _of_own(call.func.id, names)
    if path and path in names.bodies:
        return _of_own(path, names)
    if path and (kind := work("functions").find(path)):
        return [_deed(kind, _what(kind, call, last, names))]
    if path and last[:1].isupper():
        kind = work("classes").find(path)
        if kind == "splits":
            return [Deed("splits", 2.0, f"makes folds by {last}")]
        if kind:
            return [Deed("builds-model" if kind == "fits" else kind, 2.2 if kind == "fits" else 1.3, f"makes {last}")]
    if path and path.partition(".")[0] not in _PLAIN and path not in _BUILTINS:
        kind = work("names").find(last.lower())
        return [_deed(kind, _what(kind, call, last, names), WEIGHTS[kind] * 0.8)] if kind else [_deed("computes", last)]
    if isinstance(call.func, ast.Attribute):
        return _of_method(call, call.func, names)
    if isinstance(call.func, ast.Name) and call.func.id not in _BUILTINS:
        kind = work("names").find(call.func.id.lower())
        return [_deed(kind, _called(kind, call.func.id), WEIGHTS[kind] * 0.7)] if kind else []
    return []


def _of_own(name: str, names: Names) -> list[Deed]:
    """A call of a function of the notebook: what its name says, if that is what its body does, else its body."""
    body = names.bodies[name]
    kind = work("names").find(name.lower())
    done = {deed.work for deed in body}
    if kind and (kind in done or not done - {"shows", "builds"}):
        return [_deed(kind, _called(kind, name))]
    return [Deed(d.work, d.weight * 0.8, f"calls {name}, which {d.why}") for d in body]


def _called(kind: str, name: str) -> str:
    return f"calls {name}" if kind in ("scores", "cleans", "transforms") else f"something by {name}"


def _of_method(call: ast.Call, func: ast.Attribute, names: Names) -> list[Deed]:
    """What a call of a method does, whose receiver may be known."""
    name = func.attr
    if isinstance(func.value, ast.Constant | ast.JoinedStr):
        return []
    made = names.made(func.value)
    if name in ("fit", "fit_transform", "partial_fit", "fit_predict", "fit_resample") and made:
        kind = work("classes").find(made) or "fits"
        last = made.rpartition(".")[2]
        return [_deed(kind, last if kind == "fits" else f"fits {last}", None if kind == "fits" else 3.0)]
    if name == "fit_transform":
        return [_deed("transforms", "fit_transform", 3.0)]
    if name == "transform" and made and (kind := work("classes").find(made)) not in ("", "fits"):
        return [_deed(kind, f"applies {made.rpartition('.')[2]}", 2.6)]
    if name == "split" and made and work("classes").find(made) == "splits":
        return [_deed("splits", "", 3.0)]
    kind = work("methods").find(name)
    if not kind and name.startswith(("plot_", "draw_", "set_x", "set_y", "tick_", "add_subplot")):
        kind = "draws"
    if not kind:
        kind = work("names").find(name) if name not in ("load", "train") else ""
        return [_deed(kind, _called(kind, name), WEIGHTS[kind] * 0.5)] if kind else []
    if kind == "fits" and not (name == "fit" or name.startswith("fit_")):
        return [Deed("fits", 3.0 if name in ("minimize", "optimize", "train") else 1.8, f"calls {name}")]
    weight = WEIGHTS[kind]
    if kind == "simulates" and not made.startswith("numpy.random") and name in ("normal", "uniform"):
        weight = 1.5
    return [_deed(kind, _what(kind, call, name, names), weight)]


_CLEANED: Final = {
    "dropna": "drops missing values",
    "fillna": "fills missing values",
    "drop_duplicates": "drops duplicates",
    "rename": "renames",
    "drop": "drops columns or rows",
    "interpolate": "fills gaps",
}


def _what(kind: str, call: ast.Call, name: str, names: Names) -> str:
    """The words behind the verb of a kind of work."""
    if kind in ("reads", "saves"):
        return _text(call, names, f"by {name}")
    if kind == "fits":
        func = call.func
        made = names.made(func.value) if isinstance(func, ast.Attribute) else ""
        return made.rpartition(".")[2] or (ast.unparse(func.value)[:30] if isinstance(func, ast.Attribute) else name)
    if kind == "cleans":
        return _CLEANED.get(name, f"mends by {name}")
    if kind == "scores":
        return "predicts" if name.startswith("predict") or name == "forecast" else f"computes {name}"
    if kind == "transforms":
        return f"transforms by {name}"
    if kind == "shows":
        shown = call.func.value if isinstance(call.func, ast.Attribute) else call.args[0] if call.args else None
        return ast.unparse(shown)[:30] if shown is not None and name not in ("print", "display") else "values"
    return name


def _text(call: ast.Call, names: Names, otherwise: str) -> str:
    """The path that a call is given, as far as it can be seen."""
    for arg in [*call.args, *(k.value for k in call.keywords)]:
        for part in walk(arg):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) > 2:
                if "." in part.value or "/" in part.value:
                    return part.value if len(part.value) <= 40 else f"…{part.value[-37:]}"
        if isinstance(arg, ast.Name) and arg.id in names.texts:
            return names.texts[arg.id][-40:]
    return otherwise


# -- stores


def _stores(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> Iterator[Deed]:
    """What an assignment does to a frame, by the look of it."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    value = node.value
    if value is None:
        return
    for target in targets:
        if isinstance(target, ast.Attribute) and target.attr in ("columns", "index", "names"):
            yield Deed("cleans", 2.2, f"names the {target.attr}")
        elif isinstance(target, ast.Subscript):
            yield from _column(target, value)
        elif isinstance(target, ast.Name):
            yield from _selection(target, value)


def _column(target: ast.Subscript, value: ast.expr) -> Iterator[Deed]:
    if isinstance(target.value, ast.Attribute) and target.value.attr in ("loc", "iloc", "at"):
        yield Deed("cleans", 2.0, f"sets cells of {ast.unparse(target.value.value)[:30]}")
        return
    key = target.slice
    if not (isinstance(key, ast.Constant) and isinstance(key.value, str)) or not isinstance(target.value, ast.Name):
        return
    column, frame = str(key.value), target.value.id
    reads = [p for p in walk(value) if isinstance(p, ast.Subscript | ast.Attribute) and _base(p) == frame]
    if any(_names_column(part, column) for part in reads):
        yield Deed("cleans", 2.7, f"mends column {column}")
    elif reads:
        yield Deed("features", 2.6, f"makes column {column}")


def _base(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _names_column(part: ast.expr, column: str) -> bool:
    if isinstance(part, ast.Attribute):
        return part.attr == column
    return isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant) and part.slice.value == column


def _selection(target: ast.Name, value: ast.expr) -> Iterator[Deed]:
    """`df = df[df.rent < 20000]` drops rows, `X = df[columns]` chooses features."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "copy":
        value = value.func.value
    if not isinstance(value, ast.Subscript):
        return
    if any(isinstance(part, ast.Compare | ast.Invert) for part in walk(value.slice)):
        if _base(value) == target.id or target.id.startswith(_base(value)):
            yield Deed("cleans", 2.6, f"drops rows of {_base(value)}")
    elif target.id.lower() in ("x", "y", "features", "target", "labels"):
        yield Deed("features", 1.6, f"chooses {target.id}")
