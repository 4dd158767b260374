"""A report in markdown -> HTML for the page, with the numbers of its pictures instead of their paths."""

from __future__ import annotations

import html
import posixpath
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from nb2stage.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

_ELSEWHERE: Final = Pattern(r"[a-z][a-z0-9+.-]*:|//|#", re.IGNORECASE)


def as_html(text: str, path: str, pictures: Mapping[str, int]) -> str:
    """The text of the report at `path`; HTML in it counts as text, because whoever opens the page need not trust it.

    `pictures` are those of the page, by their path in the project: `<img data-number="3">`.  Links to files of the project
    lead from the project folder, where the page lies.
    """
    try:
        from markdown_it import MarkdownIt
    except ImportError:  # it comes with DVC, which `nb2stage-check` has not
        return f"<pre>{html.escape(text)}</pre>"
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token in (inner for outer in tokens for inner in (outer, *(outer.children or ()))):
        if token.type == "image":
            _number(token, path, pictures)
        elif token.type == "link_open" and not _ELSEWHERE.match(str(token.attrs.get("href", ""))):
            token.attrSet("href", posixpath.join(posixpath.dirname(path), str(token.attrs.get("href", ""))))
    rendered: str = parser.renderer.render(tokens, parser.options, {})
    return rendered


def _number(token: Any, path: str, pictures: Mapping[str, int]) -> None:
    """Give a picture its number; one that the page does not have keeps its words alone."""
    source = unquote(str(token.attrs.pop("src", "")))
    number = pictures.get(posixpath.normpath(posixpath.join(posixpath.dirname(path), source)))
    if number is not None and not _ELSEWHERE.match(source):
        token.attrSet("data-number", str(number))
