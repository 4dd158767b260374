"""Missing values: where NaN may stand among the keys of dicts and sets, which find it by identity."""

from __future__ import annotations

import ast

from nb2stage.analysis.objects import Values
from nb2stage.analysis.vocabulary import LOOKUPS, OVER
from nb2stage.trees import walk


def leaves_none(node: ast.AST) -> bool:
    """Whether an expression leaves out missing values, turns them into texts, or puts in order what has none."""
    names = {part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in walk(node)}
    return not names.isdisjoint({"dropna", "notna", "notnull", "fillna", "sorted", "range", "columns", "str"})


def may_be_missing(values: Values) -> bool:
    """Whether what runs over these values may give a missing one: they are, or come from, a column or array."""
    over = {o for v in values for name, inner in v.fields.items() if name in OVER for o in inner}
    return any(o.kind == "value" and o.type in {"series", "pandas", "ndarray", ""} for o in values | over)


def is_nan(node: ast.AST | None) -> bool:
    """`np.nan`, or `float("nan")`."""
    if isinstance(node, ast.Call):
        text = node.args[0] if isinstance(node.func, ast.Name) and node.func.id == "float" and node.args else None
        return isinstance(text, ast.Constant) and str(text.value).lower() == "nan"
    return isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node).rpartition(".")[2].lower() == "nan"


def looks_up(node: ast.For | ast.AsyncFor, values: Values) -> bool:
    """Whether a loop over values that may be missing puts an element into a dict or set, or looks for it in one."""
    over = {o for v in values for name, inner in v.fields.items() if name in OVER for o in inner} | values
    sure = any(o.type in {"series", "pandas"} or o.nan_keys or "yields" in o.fields for o in over)
    names = {part.id for part in walk(node.target) if isinstance(part, ast.Name)}
    for part in (each for statement in node.body for each in walk(statement)):
        key: ast.AST | None = None
        if isinstance(part, ast.Subscript) and (sure or isinstance(part.ctx, ast.Store)):
            key = part.slice
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in LOOKUPS:
            key = part.args[0] if part.args else None
        elif isinstance(part, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in part.ops):
            key = part.left
        while sure and isinstance(key, ast.Attribute | ast.Subscript):
            key = key.value  # a member of a row
        if isinstance(key, ast.Name) and key.id in names:
            return True
    return False
