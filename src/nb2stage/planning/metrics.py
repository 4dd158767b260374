"""Cells tagged `metrics`: which names are metrics, and where they go.

DVC compares numbers, also those in dicts, and leaves out lists and `null` without a word.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from nb2stage.analysis.dataflow import Program, SourceCell
from nb2stage.analysis.versions import DEFINITIONS, IMPORTS
from nb2stage.diagnostics import Severity
from nb2stage.patterns import Pattern
from nb2stage.planning.messages import Notes
from nb2stage.planning.pipeline import Out
from nb2stage.planning.stageplan import StagePlan
from nb2stage.trees import walk

# What a call of such a name gives is a number.
_NUMBER_CALL: Final = Pattern(
    r"(.*_|^)(score|error|loss|auc|deviance|ratio|mean|median|std|var|float|int|len|round|time)$"
)
# What a call of such a name gives is many numbers.
_SEVERAL_CALL: Final = Pattern(
    r"predict(_proba|_log_proba)?$|decision_function$|.*_curve$|.*confusion_matrix$|cross_val_(score|predict)$|"
    r"DataFrame$|Series$|array$|asarray$|linspace$|list$|sorted$|fit_transform$|transform$"
)
_SCOPES: Final = (*DEFINITIONS, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def plan_metrics(stages: Sequence[StagePlan], program: Program, is_taken: Callable[[str], bool], notes: Notes) -> None:
    """Each stage's names and file: `metrics.json`, or one for each stage where several have metrics."""
    measuring = [plan for plan in stages if any(cell.role.metrics for cell in plan.cells)]
    for plan in measuring:
        for cell in plan.cells:
            if cell.role.metrics and (names := metric_names(plan, cell, program, notes)):
                plan.metric_cells[cell.index] = names
        if plan.metric_cells:
            alone = len(measuring) == 1 and not is_taken("metrics.json")
            plan.metrics_file = "metrics.json" if alone else f"metrics/{plan.name}.json"
            plan.metrics.append(Out(plan.metrics_file, cache=False))


def metric_names(plan: StagePlan, cell: SourceCell, program: Program, notes: Notes) -> list[str]:
    """The names that are metrics.  Of what is known to be no number it is said where nobody reads it either."""
    names = assigned_names(cell)
    several = several_values(cell)
    if not names and not any(s.plots for s in cell.statements):
        message = "this cell is tagged `metrics` and assigns nothing: there is no number to write"
        hint = "assign the number to a name: `accuracy = model.score(X_test, y_test)`"
        statement = cell.statements[-1] if cell.statements else None
        notes.add(Severity.WARNING, "NB117", message, hint, statement=statement, stage=plan.name)
    for name in names:
        if name in several and name not in program.names_read:
            message = f"`{name}` is no number: it is left out of the metrics"
            hint = f"assign a number of it, such as its mean, or assign `{name}` in a cell tagged `plots`"
            statement = next((s for s in cell.statements if name in s.binds), None)
            notes.add(Severity.WARNING, "NB117", message, hint, statement=statement, stage=plan.name)
    return [name for name in names if name not in several]


def several_values(cell: SourceCell) -> set[str]:
    """The names that a cell gives nothing but lists, tables and the like, by the look of it."""
    found: dict[str, bool] = {}
    for name, value in assignments(cell.tree):
        found[name] = found.get(name, True) and is_several(value)
    return {name for name, several in found.items() if several}


def is_several(node: ast.expr | None) -> bool:
    """`[1, 2]`, `model.predict(X)`: many values by the look of it."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.ListComp | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and bool(_SEVERAL_CALL.match(called_name(node)))


def is_number(node: ast.expr | None, known: Collection[str] = ()) -> bool:
    """`0.5`, `model.score(X, y)`, `1 - len(wrong) / n`: a number by the look of it, with names of `known` numbers."""
    match node:
        case ast.Constant():
            return isinstance(node.value, int | float)
        case ast.Name():
            return node.id in known
        case ast.Call():
            many = any(k.arg in ("axis", "average", "multioutput") for k in node.keywords)
            return not many and bool(_NUMBER_CALL.match(called_name(node)))
        case ast.BinOp():
            return is_number(node.left, known) and is_number(node.right, known)
        case ast.UnaryOp():
            return not isinstance(node.op, ast.Not) and is_number(node.operand, known)
    return False


def called_name(node: ast.Call) -> str:
    """`score` of `model.score(X, y)`."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else str(getattr(node.func, "id", ""))


def assignments(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """The names that a cell assigns, each time with the expression: `None` where it is only a part of one."""
    for node in in_notebook_scope(tree):
        value = None if isinstance(node, ast.AugAssign) else getattr(node, "value", None)
        for target in node.targets if isinstance(node, ast.Assign) else assigned_targets(node):
            if isinstance(target, ast.Name):
                yield target.id, value
            elif isinstance(target, ast.Tuple | ast.List):
                pairs = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
                if isinstance(value, ast.Tuple | ast.List) and pairs:
                    yield from (
                        (t.id, v) for t, v in zip(target.elts, value.elts, strict=True) if isinstance(t, ast.Name)
                    )
                else:
                    curve = value if isinstance(value, ast.Call) and called_name(value).endswith("_curve") else None
                    yield from ((n.id, curve) for part in _parts(target) for n in names_of(part))


def assigned_names(cell: SourceCell) -> list[str]:
    """The names that a cell assigns, in the order in which they first appear.

    Not those of imports, definitions, loops and `with`: a counter is no result.
    """
    given = {
        n.id for node in in_notebook_scope(cell.tree) for target in assigned_targets(node) for n in names_of(target)
    }
    passing = {
        n.id for node in in_notebook_scope(cell.tree) for target in _passing_targets(node) for n in names_of(target)
    }
    names: list[str] = []
    for statement in cell.statements:
        if not isinstance(statement.node, (*DEFINITIONS, *IMPORTS)):
            bound = statement.binds - (passing - given) | set(changed_dicts(statement.node))
            names += sorted(bound, key=lambda name: _first_place(statement.node, name))
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


def changed_dicts(tree: ast.AST) -> Iterator[str]:
    """`results` of `results["accuracy"] = 0.9`, and of `results.update(accuracy=0.9)`."""
    for node in [tree, *in_notebook_scope(tree)]:
        for target in assigned_targets(node):
            while isinstance(target, ast.Subscript):
                target = target.value
                if isinstance(target, ast.Name):
                    yield target.id
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            if isinstance(node.func.value, ast.Name):
                yield node.func.value.id


def assigned_targets(node: ast.AST) -> list[ast.expr]:
    """What a statement assigns to, tuples taken apart."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = list(node.targets)
    elif isinstance(node, ast.NamedExpr | ast.AugAssign) or (
        isinstance(node, ast.AnnAssign) and node.value is not None
    ):
        targets = [node.target]
    return [part for target in targets for part in _parts(target)]


def _parts(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [part for item in target.elts for part in _parts(item)]
    return [target.value if isinstance(target, ast.Starred) else target]


def names_of(target: ast.expr) -> list[ast.Name]:
    return [target] if isinstance(target, ast.Name) else []


def _passing_targets(node: ast.AST) -> list[ast.expr]:
    """The targets of loops and `with`."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return _parts(node.target)
    if isinstance(node, ast.With | ast.AsyncWith):
        return [part for item in node.items if item.optional_vars is not None for part in _parts(item.optional_vars)]
    return []


def in_notebook_scope(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a cell that run in the notebook's own scope."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, _SCOPES):
            yield child
            yield from in_notebook_scope(child)


def _first_place(node: ast.AST, name: str) -> tuple[int, int]:
    places = [(n.lineno, n.col_offset) for n in walk(node) if isinstance(n, ast.Name) and n.id == name]
    return min(places, default=(0, 0))
