"""Gradients of torch: which statements add to them, read and clear them, and of which tensors; calls of its modules.

No file keeps `.grad`, nor the graph through which `loss.backward()` finds the tensors that a loss was worked out from.
"""

from __future__ import annotations

import ast

from nb2stage.analysis.consequences import Consequences
from nb2stage.analysis.heap import CONTAINERS, DATA, Argument
from nb2stage.analysis.objects import ATOM, Obj, Values, Var, reach
from nb2stage.knowledge import Effect
from nb2stage.records import replace

GRADIENTS = "<gradients>"
TENSOR = "torch.Tensor"


class Gradients(Consequences):
    """What calls do to gradients."""

    def is_module(self, obj: Obj) -> bool:
        """Whether an object is a module of torch, or an instance of a class of the notebook that derives from one."""
        if obj.kind == "instance":
            return any(
                base.kind == "lib" and self.known.class_type(base.path) == "torch.Module" for base in reach(obj.bases)
            )
        own = obj.kind == "value" and self.known.crossing(obj.type) == "torch"
        return own and self.known.method("__call__", obj.type) is not None

    def has_gradients(self, obj: Obj) -> bool:
        """Whether an object may have a gradient of its own, or parameters that have."""
        return (self.is_module(obj) and obj.type != "torch.Function") or (obj.type == TENSOR and obj.leaf)

    def call_module(self, module: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """`model(x)`: a layer does what its row says, a container what its members do."""
        effect = self.known.method("__call__", module.type)
        assert effect is not None
        inside = [o for o in reach([module]) if o is not module and self.is_module(o)]
        result: Values = ATOM
        for inner in inside:
            if inner.kind == "instance":
                result |= self.call_values(self.lookup_bound(inner, "forward", node), arguments, node)
        parts = [self.known.method("__call__", o.type) for o in inside if o.kind == "value"]
        for part in parts:
            if part is not None:
                effect = replace(
                    effect,
                    changes=effect.changes or part.changes,
                    draws=effect.draws or part.draws,
                    drawn=tuple(dict.fromkeys((*effect.drawn, *part.drawn))),
                )
        in_place = any(o.in_place for o in [module, *inside])
        # The result may lie in the memory of what the module is given, never in that of the module.
        given = self.apply(replace(effect, changes=False, changes_all=in_place), ATOM, arguments, node)
        for obj in given:
            obj.made_from |= {module}
        if effect.changes:
            self.change_owned(frozenset({module}))
        return given | result

    def modules_named(self, obj: Obj, name: str) -> Values:
        """The modules that an instance certainly has as an attribute: `self.fc1`; nothing where it may be something else."""
        held = frozenset(obj.named.get(name, set()))
        found = frozenset(o for o in held if self.is_module(o))
        plain = {*CONTAINERS, *DATA, TENSOR}
        return found if all(o.type in plain for o in held - found) else ATOM

    def lookup_bound(self, obj: Obj, name: str, node: ast.AST) -> Values:
        """A method of an instance, tied to it."""
        return self.bound(obj, self.lookup(obj, name), node)

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
                obj.cut = obj.cut or effect.cuts or bool(self.without_graph)
                if not obj.cut:
                    obj.made_from |= values - {obj}

    def note_gradients(self, name: str, receiver: Values, node: ast.AST) -> None:
        """What a method, attribute or function of this name does to gradients."""
        does = self.known.gradients(name)
        if not does:
            return
        var = self.state.get(GRADIENTS)
        if does in ("reads", "adds") and any(s.stage != self.statement.stage for s in var.sites):
            self.gradients_cross = True
        if does == "adds":
            self.add_gradients(receiver, node, var)
        elif does == "clears" and var.sites:
            left = var.values - reach(receiver)
            self.set(GRADIENTS, Var(left, var.sites if left else frozenset()))

    def add_gradients(self, receiver: Values, node: ast.AST, var: Var) -> None:
        origin = self.worked_out_from(receiver)
        graded = frozenset(obj for obj in origin if self.has_gradients(obj))
        self.statement.grades |= graded
        self.set(GRADIENTS, Var(var.values | graded, var.sites | {self.statement}))
        for obj in origin:
            stage = obj.born.stage if obj.born is not None else None
            lost = (
                obj.type == TENSOR
                and not (obj.cut or obj.leaf)
                and obj.made_from
                and stage not in (None, self.statement.stage)
            )
            others = self.worked_out_from(frozenset({obj})) - {obj} if lost else set()
            if any(self.has_gradients(o) for o in others):
                called = node.func if isinstance(node, ast.Call) else None
                name = ast.unparse(called.value) if isinstance(called, ast.Attribute) else ""
                self.find("NB243", node, name, "the graph of tensors from an earlier stage")
                return
