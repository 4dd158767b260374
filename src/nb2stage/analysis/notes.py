"""What the interpreter writes down beside the objects: findings, uses of files, texts that may name one."""

from __future__ import annotations

import ast

from nb2stage.analysis.objects import Statement
from nb2stage.analysis.vocabulary import FileMode
from nb2stage.records import dataclass


@dataclass
class Finding:
    """Something the interpreter noticed: a rule's code, the node it is about, the name, and the hint."""

    code: str
    statement: Statement
    node: ast.AST
    name: str = ""
    text: str = ""
    hint: str = ""


@dataclass(eq=False)
class FileUse:
    """One use of a file: how, and the path where it is known (relative, forward slashes)."""

    mode: FileMode
    path: str | None
    statement: Statement
    node: ast.AST
    place: ast.AST | None = None  # the expression in the call that is the path, and always this one
    ways: tuple[tuple[int, int, int], ...] = ()  # the branches around it: the branching, which of them, of how many
    imported: bool = False  # a module of the project does it when it is imported


@dataclass(eq=False)
class Mention:
    """A text that a call is given of which nobody knows whether it uses files."""

    text: str
    statement: Statement
    node: ast.AST
    ways: tuple[tuple[int, int, int], ...]  # the branches around it
    call: str  # the last name of what is called
    keyword: str  # the name of the argument
    known: bool  # tables say what it does, and nothing of files
