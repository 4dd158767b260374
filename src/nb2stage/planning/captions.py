"""The titles that a cell gives its figures, which become the captions of its pictures."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

_TITLES: Final = ("title", "set_title", "suptitle")


def caption_of(tree: ast.AST) -> str | None:
    """The title of the one figure of a cell: "" where it has none, None where only a run can tell.

    `plt.suptitle("All")` stands for the whole figure; otherwise the titles of its parts stand beside each other.
    """
    titles = list(_titles(tree))
    whole = [value for name, value in titles if name == "suptitle"]
    chosen = whole[-1:] or [value for _, value in titles]
    texts = [node.value if isinstance(node, ast.Constant) else None for node in chosen]
    if any(not isinstance(text, str) for text in texts):
        return None if len(chosen) == 1 and not whole else ""
    return ", ".join(dict.fromkeys(" ".join(str(text).split()) for text in texts if text))


def has_title(trees: list[ast.AST]) -> bool:
    """Whether any of the code gives a figure a title."""
    return any(True for tree in trees for _ in _titles(tree))


def _titles(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The calls and keywords that give a title, in their order."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _TITLES and isinstance(node.func, ast.Attribute) and (node.args or node.keywords):
            given = [*node.args[:1], *(k.value for k in node.keywords if k.arg in ("label", "t"))]
            yield from ((name, value) for value in given[:1])
        elif not any(word in name.lower() for word in ("legend", "bar_label", "colorbar")):
            yield from (("title", k.value) for k in node.keywords if k.arg == "title")
