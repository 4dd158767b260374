"""What the classes of the notebook say of their instances; nothing is called."""

from __future__ import annotations

from nb2stage.analysis.heap import Heap
from nb2stage.analysis.objects import ATOM, Obj, Values, reach
from nb2stage.analysis.vocabulary import CONTAINERS, DATA


def _methods(obj: Obj) -> list[tuple[str, Values]]:
    found: dict[str, Values] = {}
    todo, seen = list(obj.bases), set()
    while todo:
        cls = todo.pop(0)
        if cls.kind == "class" and cls not in seen:
            seen.add(cls)
            for name, values in cls.fields.items():
                found.setdefault(name, values)
            todo.extend(cls.bases)
    return list(found.items())


TENSOR = "torch.Tensor"


class Classes:
    """Looks things up in classes."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap

    def lookup(self, obj: Obj, name: str, seen: frozenset[Obj] = frozenset()) -> Values:
        """The attribute `name` of an instance or class, found in the notebook's classes."""
        if obj.kind == "class" and name in obj.fields:
            found = obj.fields[name]
            return frozenset(o for o in found if o.kind == "function") if obj.type == "dataclass" else found
        if obj.kind in ("class", "instance", "super"):
            for base in obj.bases:
                if base not in seen:
                    found = self.lookup(base, name, seen | {obj})
                    if found:
                        return found
        return ATOM

    def has_attribute(self, cls: Obj, name: str) -> bool:
        """Whether a class certainly has an attribute of its own or of a class of the notebook's that it derives from."""
        return name in cls.fields or any(base.kind == "class" and self.has_attribute(base, name) for base in cls.bases)

    def receivers(self, fn: Obj, values: Values) -> Values:
        """What a method may be called on: instances of its class where there are any."""
        own = frozenset(v for v in values if v.kind == "instance" and not reach(v.bases).isdisjoint(fn.bases))
        return own or values

    def has_odd_base(self, obj: Obj) -> bool:
        """Whether a base class of a library that is not known may set attributes, or decide where they are kept."""
        return any(b.kind == "lib" and self.heap.known.function(b.path).unknown for b in reach(obj.bases))

    def has_library_base(self, obj: Obj) -> bool:
        return any(b.kind == "lib" for b in reach(obj.bases))

    def is_module(self, obj: Obj) -> bool:
        """Whether an object is a module of torch, or an instance of a class of the notebook that derives from one."""
        if obj.kind == "instance":
            return any(
                base.kind == "lib" and self.heap.known.class_type(base.path) == "torch.Module"
                for base in reach(obj.bases)
            )
        own = obj.kind == "value" and self.heap.known.crossing(obj.type) == "torch"
        return own and self.heap.known.method("__call__", obj.type) is not None

    def has_gradients(self, obj: Obj) -> bool:
        """Whether an object may have a gradient of its own, or parameters that have."""
        return (self.is_module(obj) and obj.type != "torch.Function") or (obj.type == TENSOR and obj.leaf)

    def modules_named(self, obj: Obj, name: str) -> Values:
        """The modules that an instance certainly has as an attribute: `self.fc1`; nothing where it may be something else."""
        held = frozenset(obj.named.get(name, set()))
        found = frozenset(o for o in held if self.is_module(o))
        plain = {*CONTAINERS, *DATA, TENSOR}
        return found if all(o.type in plain for o in held - found) else ATOM

    def is_abstract(self, obj: Obj) -> bool:
        """Whether a class has the methods of `abc.ABCMeta`."""
        return any(b.kind == "lib" and b.path.startswith(("abc.", "collections.abc.")) for b in reach(obj.bases))
