"""Where the modules of the project lie, and what they say.  The disk is asked by two questions that the caller brings."""

from __future__ import annotations

import ast
import posixpath
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from nb2stage.records import dataclass, field
from nb2stage.trees import walk


@dataclass(frozen=True)
class Found:
    """A module of the project: its file, and the folder in which the modules inside it lie (with a slash, or empty)."""

    path: str
    folder: str
    tree: ast.Module | None  # None where it cannot be read


@dataclass
class ModuleFiles:
    """The Python files of a project.  `text` gives that of a file, None where there is none."""

    text: Callable[[str], str | None] = lambda path: None
    is_folder: Callable[[str], bool] = lambda path: False
    above: str = ""  # the project's folder as seen from the notebook's, with a slash; empty where they are the same
    trees: dict[tuple[str, str], ast.Module | None] = field(default_factory=dict)

    def find(self, name: str, folders: Iterable[str], written: Mapping[str, str | None]) -> Found | None:
        """The module that the last part of a dotted `name` means in one of the `folders`; None where none has it.

        `written` are the files that the notebook has written so far: their texts, None where those are not known.
        """
        last = name.rpartition(".")[2]
        if name in sys.stdlib_module_names:
            return None
        for folder in folders:
            for path, inner in ((f"{folder}{last}/__init__.py", f"{folder}{last}/"), (f"{folder}{last}.py", "")):
                if path in written:
                    text = written[path]
                    return Found(path, inner, self.tree(path, text) if text is not None else None)
                text = self.text(path)
                if text is not None:
                    return Found(path, inner, self.tree(path, text))
        return None

    def find_folder(self, name: str, following: str, folders: Iterable[str], written: Mapping[str, str | None]) -> str:
        """The folder without `__init__.py` that `import name.following` means; empty where there is none."""
        last = name.rpartition(".")[2]
        for folder in folders if name not in sys.stdlib_module_names else ():
            inner = f"{folder}{last}/"
            there = self.is_folder(inner[:-1]) or any(path.startswith(inner) for path in written)
            if there and (self.find(f"{name}.{following}", [inner], written) or self.is_folder(inner + following)):
                return inner
        return ""

    def tree(self, path: str, text: str) -> ast.Module | None:
        """The parsed text; None where it is no Python."""
        if (path, text) not in self.trees:
            self.trees[path, text] = parsed(text)
        return self.trees[path, text]


def parsed(text: str) -> ast.Module | None:
    """The text of a module as a tree; None where this Python cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def search_folder(path: str) -> str:
    """A folder of `sys.path` as the beginning of the paths in it: `./lib` gives `lib/`, the project itself nothing."""
    normal = posixpath.normpath(path.replace("\\", "/"))
    return "" if normal == "." else normal.rstrip("/") + "/"


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The modules that a tree may import, each with the number of dots before its name."""
    for node in walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield node.level, module
            yield from ((node.level, f"{module}.{alias.name}".lstrip(".")) for alias in node.names)


def reachable_trees(
    trees: Iterable[ast.AST], files: ModuleFiles, folders: Sequence[str], written: Mapping[str, str | None]
) -> list[ast.Module]:
    """The trees of all modules of the project that these trees may import, directly or through each other."""
    found: dict[str, ast.Module] = {}
    todo: list[tuple[ast.AST, str]] = [(tree, "") for tree in trees]
    while todo:
        tree, package = todo.pop()
        for level, name in set(imported_names(tree)):
            parts = [part for part in name.split(".") if part]  # none in `from . import helpers`
            above = package.split("/")[:-1]
            bases = ["".join(f"{part}/" for part in above[: len(above) + 1 - level])] if level else folders
            if not level and parts and parts[0] in sys.stdlib_module_names:
                continue
            for base, count in ((base, count) for base in bases for count in range(1, len(parts) + 1)):
                stem = base + "/".join(parts[:count])
                for path in (f"{stem}.py", f"{stem}/__init__.py"):
                    text = written[path] if path in written else files.text(path)
                    each = files.tree(path, text) if text is not None and path not in found else None
                    if each is not None:
                        found[path] = each
                        todo.append((each, path[: path.rfind("/") + 1]))
    return [found[path] for path in sorted(found)]
