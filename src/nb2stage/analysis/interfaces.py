"""How parts of the interpreter call back those above them: calls run functions, which execute statements, which make calls."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Protocol

from nb2stage.analysis.heap import Argument
from nb2stage.analysis.objects import Constants, Obj, Values
from nb2stage.knowledge import Effect


class Executes(Protocol):
    """Executes statements."""

    def execute(self, node: ast.stmt) -> None:
        """Execute one statement, where the run stands."""

    def execute_block(self, body: Iterable[ast.stmt]) -> None:
        """Execute statements one after another, as far as they are reached."""


class Evaluates(Protocol):
    """Evaluates expressions."""

    def eval(self, node: ast.expr) -> Values:
        """The objects that an expression may give; what it does is written down."""

    def peek(self, node: ast.expr) -> Values:
        """Evaluate a second time, only to know the objects."""

    def attribute(self, obj: Obj, node: ast.Attribute) -> Values:
        """What an attribute of an object may be."""


class Iterates(Protocol):
    """Takes members out of objects."""

    def members(self, values: Values) -> Values:
        """What an iteration over `values` gives; it uses iterators up."""


class CallsObjects(Protocol):
    """Calls objects."""

    def call_values(self, functions: Values, arguments: list[Argument], node: ast.AST) -> Values:
        """Call whatever the objects are; what that may give."""


class Applies(Protocol):
    """Does what rows of the tables say."""

    def apply(self, effect: Effect, receiver: Values, arguments: list[Argument], node: ast.AST) -> Values:
        """Do what an effect says to the receiver and the arguments; give the result's objects."""


class Assigns(Protocol):
    """Stores to targets."""

    def assign(self, target: ast.expr, values: Values, constants: Constants, value: ast.expr | None) -> None:
        """Store to a target of any kind; `value` is the expression that gave the values, where there is one."""
