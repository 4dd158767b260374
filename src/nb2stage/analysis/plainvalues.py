"""Plain values that are known without running anything: numbers, texts and paths that expressions certainly have."""

from __future__ import annotations

import ast

from nb2stage.analysis.constants import LIMIT, constant_of, of_path_function
from nb2stage.analysis.heap import Heap
from nb2stage.analysis.objects import Constants, Obj, Var, is_nested


class PlainValues:
    """Works out the constants that an expression may have."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap

    def constant(self, node: ast.expr) -> Constants:
        """The plain values that an expression can have where that is known: strings, numbers, paths."""
        return constant_of(node, self.lookup_constant)

    def lookup_constant(self, name: str | ast.Call | ast.Attribute | ast.Subscript) -> Constants:
        if isinstance(name, ast.Call):
            returned = self.heap.returned.get(id(name))
            return returned if returned is not None else self.constant_of_function(name)
        if isinstance(name, ast.Attribute | ast.Subscript):
            return self.constant_of_part(name)
        var = self.heap.state.get(self.heap.resolve(name))
        # A list that has been changed is not what it was made as.
        return None if var.constants is None or not self.heap.changed.isdisjoint(var.values) else var.constants

    def constant_of_function(self, node: ast.Call) -> Constants:
        """Of `join(a, b)`, where that is the function of `os.path`."""
        if not isinstance(node.func, ast.Name) or node.keywords:
            return None
        functions = self.heap.state.get(self.heap.resolve(node.func.id)).values
        path = next(iter(functions)).path if len(functions) == 1 else ""
        if not path.startswith(("os.", "posixpath.", "ntpath.")):
            return None
        return of_path_function(path.rpartition(".")[2], [self.constant(argument) for argument in node.args])

    def note_part(self, owner: Obj, name: object, constants: Constants) -> None:
        """Write down the plain values that an attribute of a class or a value of a dict has when it is made."""
        before = self.heap.parts.get((owner, name), constants)
        known = before is not None and constants is not None
        self.heap.parts[owner, name] = before | constants if known else None  # type: ignore[operator]

    def constant_of_part(self, node: ast.Attribute | ast.Subscript) -> Constants:
        """Of `CFG.folder` or `config["folder"]` where nothing has changed the class or the dict since it was made.

        `config` may be that of a module: `settings.config["folder"]`, and so may the value: `settings.FOLDER`.
        """
        owners = self.var_of(node.value)
        if owners is None:
            return None
        if isinstance(node, ast.Attribute) and node.attr in ("__name__", "__qualname__"):
            return self.names_of_definitions(owners)
        if len(owners.values) != 1 or owners.unbound:
            return None
        owner = next(iter(owners.values))
        if owner.kind == "module" and isinstance(node, ast.Attribute):
            return self.heap.state.get((owner.frame.number, node.attr)).constants if owner.frame is not None else None
        if isinstance(node, ast.Subscript):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return None if owner in self.heap.changed else self.heap.parts.get((owner, key))
        stored = self.heap.stored_attributes
        if stored is None or node.attr in stored or owner.kind not in ("class", "instance"):
            return None
        cls = owner.bases[0] if owner.kind == "instance" and len(owner.bases) == 1 else owner
        return self.heap.parts.get((cls, node.attr))

    def names_of_definitions(self, var: Var) -> Constants:
        """Of `f.__name__`, where `f` is certainly a function or class that stands at the top level of the notebook."""
        if not var.values or var.unbound or not var.values.isdisjoint(self.heap.changed):
            return None
        nodes = [obj.node if obj.kind in ("function", "class") and not is_nested(obj) else None for obj in var.values]
        names = [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        return frozenset(names) if len(names) == len(nodes) else None

    def constant_keys(self, node: ast.expr) -> Constants:
        """The keys of a dict that stands here, or of one with a name that nothing has changed since it was made."""
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            return frozenset(keys) if len(keys) == len(node.keys) else None
        owners = self.heap.state.get(self.heap.resolve(node.id)) if isinstance(node, ast.Name) else Var()
        if len(owners.values) != 1 or owners.unbound or not owners.values.isdisjoint(self.heap.changed):
            return None
        made = next(iter(owners.values))
        found = [name for (owner, name) in self.heap.parts if owner is made]
        return frozenset(found) if found and None not in found and made.type == "dict" else None

    def var_of(self, node: ast.expr) -> Var | None:
        """What a name refers to, or one of a module of the project: `settings.config`."""
        if isinstance(node, ast.Name):
            return self.heap.state.get(self.heap.resolve(node.id))
        owners = self.var_of(node.value) if isinstance(node, ast.Attribute) else None
        owner = next(iter(owners.values)) if owners is not None and len(owners.values) == 1 else None
        if owner is None or owner.kind != "module" or owner.frame is None:
            return None
        assert isinstance(node, ast.Attribute)
        return self.heap.state.get((owner.frame.number, node.attr))

    def count_of(self, node: ast.expr) -> int:
        """How many constants a loop runs over; 0 where that is not known."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("zip", "enumerate"):
            return max(map(self.count_of, node.args), default=0)
        return len(self.constant_elements(node) or ())

    def numbers_of(self, node: ast.Call) -> Constants:
        """The few numbers of a `range` of constants."""
        bounds = [self.constant(argument) for argument in node.args]
        numbers = [next(iter(each)) for each in bounds if each is not None and len(each) == 1]
        whole = [number for number in numbers if type(number) is int]
        if (
            self.heap.state.get(self.heap.resolve("range")).sites
            or not 0 < len(whole) == len(node.args) < 4
            or 0 in whole[2:]
        ):
            return None
        found = range(*whole)
        return frozenset(found) if 0 < len(found) <= LIMIT else None

    def constant_elements(self, node: ast.expr) -> Constants:
        """The members of a literal list, tuple or text, or of a name bound to one."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            return self.numbers_of(node)
        whole = self.constant(node)
        if whole is None:
            return None
        members: set[object] = set()
        for value in whole:
            if not isinstance(value, tuple | str) or len(value) > LIMIT:
                return None
            members.update(value)
        return frozenset(members)
