"""Gradients of torch: which statements add to them, read and clear them, and of which tensors.

No file keeps `.grad`, nor the graph through which `loss.backward()` finds the tensors that a loss was worked out from.
"""

from __future__ import annotations

import ast

from nb2stage.analysis.classes import TENSOR, Classes
from nb2stage.analysis.heap import Heap
from nb2stage.analysis.objects import ATOM, Obj, Values, Var, reach
from nb2stage.analysis.vocabulary import CONTAINERS
from nb2stage.knowledge import Effect

GRADIENTS = "<gradients>"


class Gradients:
    """Writes down what calls do to gradients."""

    def __init__(self, heap: Heap, classes: Classes) -> None:
        self.heap = heap
        self.classes = classes

    def worked_out_from(self, values: Values) -> set[Obj]:
        """What a loss was worked out from, as far as its graph reaches."""
        seen: set[Obj] = set()
        todo = list(values)
        while todo:
            obj = todo.pop()
            if obj in seen or obj.kind not in ("value", "instance"):
                continue
            seen.add(obj)
            if obj.cut:
                continue
            todo += [*obj.made_from, *obj.fields.get("base", ATOM)]
            if obj.type in (*CONTAINERS, "", TENSOR) or obj.kind == "instance":
                todo += obj.contents
        return seen

    def note_made_from(self, made: Values, effect: Effect, values: Values) -> None:
        """Write down the graph: of what the results of a call were worked out."""
        for obj in made:
            if obj.type == TENSOR and obj not in values:
                obj.cut = obj.cut or effect.cuts or bool(self.heap.without_graph)
                if not obj.cut:
                    obj.made_from |= values - {obj}

    def note_gradients(self, name: str, receiver: Values, node: ast.AST) -> None:
        """What a method, attribute or function of this name does to gradients."""
        does = self.heap.known.gradients(name)
        if not does:
            return
        var = self.heap.state.get(GRADIENTS)
        if does in ("reads", "adds") and any(s.stage != self.heap.statement.stage for s in var.sites):
            self.heap.gradients_cross = True
        if does == "adds":
            self.add_gradients(receiver, node, var)
        elif does == "clears" and var.sites:
            left = var.values - reach(receiver)
            self.heap.set(GRADIENTS, Var(left, var.sites if left else frozenset()))

    def add_gradients(self, receiver: Values, node: ast.AST, var: Var) -> None:
        origin = self.worked_out_from(receiver)
        graded = frozenset(obj for obj in origin if self.classes.has_gradients(obj))
        self.heap.statement.grades |= graded
        self.heap.set(GRADIENTS, Var(var.values | graded, var.sites | {self.heap.statement}))
        for obj in origin:
            stage = obj.born.stage if obj.born is not None else None
            lost = (
                obj.type == TENSOR
                and not (obj.cut or obj.leaf)
                and obj.made_from
                and stage not in (None, self.heap.statement.stage)
            )
            others = self.worked_out_from(frozenset({obj})) - {obj} if lost else set()
            if any(self.classes.has_gradients(o) for o in others):
                called = node.func if isinstance(node, ast.Call) else None
                name = ast.unparse(called.value) if isinstance(called, ast.Attribute) else ""
                self.heap.find("NB243", node, name, "the graph of tensors from an earlier stage")
                return
