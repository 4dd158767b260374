"""`await`, `async for` and `async with` at the top level -> coroutines that `asyncio.run` runs.

A notebook has an event loop that runs; a script has none.  `x = await f()` of a function of the notebook becomes
`x = asyncio.run(f())`.  Other statements go into an `async def` of their own, with their names `global`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from nb2stage.analysis.heap import Heap
from nb2stage.analysis.objects import Statement
from nb2stage.analysis.scopes import outside_functions, top_level_names
from nb2stage.analysis.versions import DEFINITIONS
from nb2stage.trees import walk

# What hands a coroutine to the loop that runs, and returns.
_TASKS = frozenset({"create_task", "ensure_future"})
_WAITING: Final = (ast.Await, ast.AsyncFor, ast.AsyncWith)


def is_async(node: ast.AST) -> bool:
    """Whether a node alone, not what is below it, needs a running event loop."""
    return isinstance(node, _WAITING) or bool(isinstance(node, ast.comprehension) and node.is_async)


def is_run_alone(node: ast.AST, heap: Heap) -> bool:
    """Whether a node is `await f()` of a coroutine function of the notebook."""
    if not isinstance(node, ast.Await) or not isinstance(node.value, ast.Call):
        return False
    values = heap.state.get(getattr(node.value.func, "id", "")).values
    return bool(values) and all(isinstance(obj.node, ast.AsyncFunctionDef) for obj in values)


def needs_coroutine(statement: Statement, heap: Heap) -> bool:
    """Whether a statement has to stand inside an `async def`."""
    return any(is_async(n) and not is_run_alone(n, heap) for n in outside_functions(statement.node))


def refusal(statement: Statement, neighbours: Sequence[Statement], heap: Heap) -> tuple[str, str] | None:
    """Why a statement, with the others of its cell, cannot be run outside a notebook, and what to write; None if it can."""
    hint = "put the code into `async def main()` and write `await main()`"
    nodes = list(outside_functions(statement.node))
    if not any(map(is_async, nodes)):
        called = {getattr(n.func, "attr", getattr(n.func, "id", "")) for n in nodes if isinstance(n, ast.Call)}
        if not called & _TASKS:
            return None
        return "a task that is started here goes on while other cells run: a script has no event loop for it", hint
    if statement.stage is None:
        return "`async` at the top level of a cell that several stages repeat", "tag the cell with one stage"
    if not needs_coroutine(statement, heap):
        return None
    if any(isinstance(n, ast.AnnAssign) for n in nodes):
        return "an annotation beside `async` at the top level", "delete the annotation"
    if any(isinstance(n, DEFINITIONS) for n in walk(statement.node)) or statement.plots:
        return "definitions or figures inside `async` at the top level", hint
    if any(s is not statement and _share_a_line(s.node, statement.node) for s in neighbours if not s.hidden):
        return "`async` at the top level beside another statement", "write one statement on a line"
    return None


def _share_a_line(one: ast.stmt, other: ast.stmt) -> bool:
    return one.lineno <= (other.end_lineno or other.lineno) and other.lineno <= (one.end_lineno or one.lineno)


def coroutines(statements: Sequence[Statement], heap: Heap) -> Iterator[list[Statement]]:
    """The statements of a cell that have to stand in coroutines, neighbours together."""
    run: list[Statement] = []
    for statement in statements:
        if needs_coroutine(statement, heap):
            run.append(statement)
        elif run:
            yield run
            run = []
    if run:
        yield run


def header(name: str, run: Sequence[Statement]) -> str:
    """The lines above the body of a coroutine that stands for statements of the top level."""
    names = set().union(*(top_level_names(s.node) for s in run))
    shared = f"    global {', '.join(sorted(names))}\n" if names else ""
    return f"async def {name}():\n{shared}"
