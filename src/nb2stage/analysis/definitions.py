"""Definitions: functions and classes as their statements and decorators leave them."""

from __future__ import annotations

import ast
from typing import Final

from nb2stage.analysis.calls import Calls
from nb2stage.analysis.functions import Functions, defaults_of
from nb2stage.analysis.heap import Argument, Heap
from nb2stage.analysis.interfaces import Evaluates
from nb2stage.analysis.objects import ATOM, Obj, Values
from nb2stage.analysis.plainvalues import PlainValues
from nb2stage.analysis.processstate import ProcessState
from nb2stage.analysis.vocabulary import ACCESSORS, NUMBA, SINGLE_DISPATCH
from nb2stage.knowledge.valuetypes import Type

# Decorators that give back the function they are given, or something that calls it.
KEEPING = (
    "staticmethod",
    "classmethod",
    "property",
    "lru_cache",
    "cache",
    "dataclass",
    "wraps",
    "contextmanager",
    "njit",
    "jit",
    "abstractmethod",
    "available_if",
    "total_ordering",
    "cached_property",
    "getter",
    "setter",
    "deleter",
    "overload",
    "unique",
)


# What some decorators make of a function.
METHOD_TYPES: Final[dict[str, Type]] = {
    "staticmethod": "staticmethod",
    "classmethod": "classmethod",
    "property": "property",
    "cached_property": "property",
}
ACCESSOR_TYPES: Final[dict[str, Type]] = {"getter": "property", "setter": "setter", "deleter": "deleter"}


class Definitions:
    """Makes functions, and what decorators make of them."""

    # What it calls back: set where all parts are put together.
    expressions: Evaluates

    def __init__(
        self, heap: Heap, plain: PlainValues, process: ProcessState, functions: Functions, calls: Calls
    ) -> None:
        self.heap = heap
        self.plain = plain
        self.process = process
        self.functions = functions
        self.calls = calls

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Obj:
        obj = self.heap.make(node, "function", kind="function")
        obj.node, obj.frame = node, self.heap.frame
        arguments = node.args
        for argument, default in defaults_of(arguments):
            obj.fields["=" + argument.arg] = self.expressions.eval(default)
        if self.heap.frame is not None:
            self.heap.frame.made.append(obj)
        return obj

    def decorate(self, decorator: ast.expr, values: Values) -> Values:
        """What a decorator makes of a function or class."""
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        last = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
        owners = self.expressions.eval(name.value) if isinstance(name, ast.Attribute) and last not in KEEPING else ATOM
        generic = frozenset(o for o in owners if o.path == SINGLE_DISPATCH and last == "register")
        if generic and generic == owners:
            self.functions.register_implementation(generic, values)
            return values | self.evaluate_arguments(decorator)
        compiles = any(o.path.startswith("numba.") for o in self.expressions.eval(name))
        inert = compiles or (last not in KEEPING and self.keeps_nothing(decorator, name))
        called = self.evaluate_arguments(decorator) if inert else self.expressions.eval(decorator)
        known = [self.heap.known.function(o.path) for o in self.expressions.peek(name) if o.kind == "lib"]
        if any(effect.registers for effect in known) and isinstance(decorator, ast.Call):
            for each in self.plain.constant(decorator.args[0]) or () if decorator.args else ():
                self.heap.accessors[str(each)] = values
        if any(effect.freezes for effect in known):
            for obj in values:
                obj.type = "compiled" if obj.kind == "function" else obj.type
                obj.mark = NUMBA if compiles and obj.kind == "function" else obj.mark
        if known and all(effect.sets or effect.registers or effect.freezes for effect in known):
            for domain in (effect.sets for effect in known if effect.sets):
                self.process.hook(values)
                if not isinstance(decorator, ast.Call):
                    self.process.setting(domain)
            return values
        ours = bool(owners) and all(o.kind == "module" for o in owners)
        if isinstance(name, ast.Attribute) and last not in KEEPING and not ours:
            # `@describe.register`: what is decorated is kept by a function or object of the notebook.
            for owner in owners:
                if owner.kind != "lib":
                    self.heap.change(owner)
                    self.heap.hold(owner, values)
                    called = called - {owner}
            if not inert and (not called or all(o.kind != "lib" for o in called)):
                return values
        for obj in values:
            if obj.kind == "function" and any(o.kind == "lib" and o.path == SINGLE_DISPATCH for o in called):
                obj.path = SINGLE_DISPATCH
            if obj.kind == "class" and (last == "dataclass" or self.makes_dataclass(decorator)):
                self.make_dataclass(obj)
            if obj.kind == "function" and last in ("lru_cache", "cache"):
                obj.type = "cached"
            if obj.kind == "function" and last in METHOD_TYPES:
                obj.type = METHOD_TYPES[last]
        if known and not isinstance(decorator, ast.Call) and all("." in effect.type for effect in known):
            # `@delayed`: an object of the library, and no function
            return self.calls.call_values(called, [Argument(values, None, None, None)], decorator)
        if last in ACCESSOR_TYPES and isinstance(name, ast.Attribute):
            described = frozenset(o for o in self.expressions.eval(name.value) if o.type in ACCESSORS)
            if described:  # `@size.setter`: one property of several functions
                for obj in values:
                    obj.type = ACCESSOR_TYPES[last]
                return values | frozenset(o for o in described if o.type != last)
        inert = inert or last in KEEPING
        if inert or (called and all(obj.kind == "lib" or obj.type == "context" for obj in called)):
            return values
        argument = Argument(values, None, None, None)
        return self.calls.call_values(called, [argument], decorator)

    def keeps_nothing(self, decorator: ast.expr, name: ast.expr) -> bool:
        """Whether a decorator is a call of a library that is given nothing of the notebook: `@retry(3)`, `@no_grad()`.

        It gives back what it is given, or something that calls it; made again with the function it is the same.
        """
        if not isinstance(decorator, ast.Call):
            return False
        functions = self.expressions.eval(name)
        if not functions or any(o.kind != "lib" for o in functions):
            return False
        effects = [self.heap.known.function(o.path) for o in functions]
        if not all(e.unknown or (e.cheap and not e.changes) for e in effects):
            return False
        given = [*decorator.args, *(keyword.value for keyword in decorator.keywords)]
        return not any(o.kind not in ("lib", "function") for part in given for o in self.expressions.peek(part))

    def evaluate_arguments(self, decorator: ast.expr) -> Values:
        """Look at what a decorator is called with; nothing of it is given back."""
        if isinstance(decorator, ast.Call):
            for part in [*decorator.args, *(keyword.value for keyword in decorator.keywords)]:
                self.expressions.eval(part)
        return ATOM

    def make_dataclass(self, cls: Obj) -> None:
        """The fields of a data class are none of the class: each instance has its own value."""
        cls.type = "dataclass"
        for name, inner in list(cls.fields.items()):
            cls.fields[name] = frozenset(o for o in inner if o.kind == "function")

    def makes_dataclass(self, decorator: ast.expr) -> bool:
        """Whether a library's decorator makes a class whose instances have the annotated fields."""
        functions = self.expressions.eval(decorator.func if isinstance(decorator, ast.Call) else decorator)
        return any(o.kind == "lib" and self.heap.known.function(o.path).type == "dataclass" for o in functions)
