"""The quick way through a syntax tree is that of `ast.walk`."""

from __future__ import annotations

import ast
from pathlib import Path

from nb2stage.trees import walk

SOURCES = Path(__file__).resolve().parent.parent / "src"
RARE = """
global a
def f(x, /, *y, z: int = 1, **k) -> None:
    nonlocal b
    match x:
        case [1, *rest] | {"a": 2, **others} | A(b=3) as c if x: pass
    async with d as e: [g async for g in h]
    try: pass
    except E as i: raise j from k
    lambda: (yield), f"{l!r:>{m}}", n[o:p, ...]
"""


def test_the_nodes_and_their_order() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES.rglob("*.py")]
    for tree in [*trees, ast.parse(RARE)]:
        assert list(walk(tree)) == [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)]


def test_nodes_made_by_hand() -> None:
    """A transformer may leave fields out."""
    tree = ast.Return()
    assert list(walk(tree)) == [tree]
    made = ast.Return(ast.Name("a"))
    assert list(walk(made)) == [made, made.value]
