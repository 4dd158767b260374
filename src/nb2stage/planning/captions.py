"""The titles that a cell gives its figures, which become the captions of its pictures."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from nb2stage.trees import walk

_TITLES: Final = ("title", "set_title", "suptitle")


def caption_of(tree: ast.AST) -> str | None:
    """The title of the one figure of a cell: "" where it has none, None where only a run can tell.

    `plt.suptitle("All")` stands for the whole figure; otherwise the titles of its parts stand beside each other.
    """
    chosen = _chosen(tree)
    whole = any(title.kind == "suptitle" for title in chosen)
    texts = [title.text.value if isinstance(title.text, ast.Constant) else None for title in chosen]
    if any(not isinstance(text, str) for text in texts):
        return None if len(chosen) == 1 and not whole else ""
    return ", ".join(dict.fromkeys(" ".join(str(text).split()) for text in texts if text))


def asked_caption(tree: ast.Module, pyplot: str) -> str:
    """The inside of an f-string that asks the axes for those titles which only a run can tell; "" where it cannot.

    >>> asked_caption(ast.parse('left.set_title("a"); right.set_title(f"b {n}")'), "plt")
    'a, {right.get_title()}'
    """
    chosen, parts = _chosen(tree), []
    calls = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    for title in chosen:
        if isinstance(title.text, ast.Constant) and isinstance(title.text.value, str):
            parts.append(" ".join(title.text.value.split()).replace("{", "{{").replace("}", "}}"))
        elif title.kind == "set_title" and isinstance(title.owner, ast.Name) and title.call in calls:
            parts.append(f"{{{title.owner.id}.get_title()}}")
        elif title.kind == "title" and len(chosen) == 1:
            parts.append(f"{{{pyplot}.gca().get_title()}}")
        else:
            return ""
    return ", ".join(dict.fromkeys(filter(None, parts)))


class _Title(NamedTuple):
    """A title that a call gives, by its first argument or by a keyword."""

    kind: str  # of `_TITLES`
    text: ast.expr
    call: ast.Call
    owner: ast.expr | None = None


def _chosen(tree: ast.AST) -> list[_Title]:
    """The title of a whole figure, or those of its parts."""
    titles = list(_titles(tree))
    return [title for title in titles if title.kind == "suptitle"][-1:] or titles


def _titles(tree: ast.AST) -> Iterator[_Title]:
    """The calls and keywords that give a title, in their order."""
    for node in walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _TITLES and isinstance(node.func, ast.Attribute) and (node.args or node.keywords):
            given = [*node.args[:1], *(k.value for k in node.keywords if k.arg in ("label", "t"))]
            yield from (_Title(name, value, node, node.func.value) for value in given[:1])
        elif not any(word in name.lower() for word in ("legend", "bar_label", "colorbar")):
            yield from (_Title("title", k.value, node) for k in node.keywords if k.arg == "title")
