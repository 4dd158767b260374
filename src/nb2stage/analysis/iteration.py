"""Iteration: what a loop, a star or a container takes out of objects."""

from __future__ import annotations

from nb2stage.analysis.classes import Classes
from nb2stage.analysis.functions import Functions
from nb2stage.analysis.heap import Heap
from nb2stage.analysis.interfaces import Applies
from nb2stage.analysis.objects import ATOM, Obj, Values, parts_of, reach
from nb2stage.analysis.randomness import Randomness
from nb2stage.analysis.vocabulary import MOVING, OVER, USED_UP


class Iteration:
    """Takes the members out of objects."""

    # What it calls back: set where all parts are put together.
    consequences: Applies

    def __init__(self, heap: Heap, classes: Classes, randomness: Randomness, functions: Functions) -> None:
        self.heap = heap
        self.classes = classes
        self.randomness = randomness
        self.functions = functions

    def members(self, values: Values) -> Values:
        """What an iteration over `values` gives; it uses iterators up."""
        result: set[Obj] = set()
        for obj in values:
            if obj.type in MOVING and obj not in self.heap.made and obj.mark != "dict view":
                self.heap.change(obj)
            if obj.type in ("list", "tuple", "dict", "set"):
                result |= obj.contents
            elif obj.type in ("index", "handle", "frame"):
                continue  # a loop over a frame gives the names of its columns
            elif obj.type == "series":
                result |= obj.contents
                for origin in obj.fields.get("base", ATOM):
                    result |= origin.contents
            elif obj.type == "namespace":
                result |= parts_of(obj)
            elif "yields" in obj.fields:
                result |= obj.fields["yields"]
            elif "." in obj.type and (effect := self.heap.known.method("__iter__", obj.type)) is not None:
                self.functions.dunders(frozenset(reach([obj])), [], only=("__getitem__", "__iter__"))
                self.randomness.move_generators(obj)
                result |= self.consequences.apply(effect, frozenset({obj}), [], self.heap.statement.node)
            elif obj.kind == "class":
                members = {o for inner in obj.fields.values() for o in inner if o.mark == "enum member"}
                result |= members or {obj} | parts_of(obj)
            elif obj.type == "ndarray":
                result |= {self.row_of(obj)} | parts_of(obj)
            elif not OVER.isdisjoint(obj.fields):
                result |= self.members_over(obj)
            elif obj.type in ("iter", "partial"):
                result |= {o for o in reach([obj]) if o is not obj}
            elif obj.kind == "instance" and self.classes.lookup(obj, "__iter__"):
                given = self.functions.dunders(frozenset({obj}), [], only=("__iter__",))
                result |= self.members(given - {obj})
            elif obj.type == "generator_object" and obj.kind == "value":
                self.randomness.draw_by_iterating(obj)
                result |= {self.member_of(obj)} | {o for o in parts_of(obj) if o.type not in USED_UP}
            elif obj.kind != "lib":
                self.randomness.draw_by_iterating(obj)
                result |= {obj} | parts_of(obj)
        return frozenset(result) | self.functions.dunders(values, [], only=("__next__", "__getitem__"))

    def members_over(self, obj: Obj) -> Values:
        """What an iterator gives that runs over other things: their members as they are now, or tuples of such."""
        members = self.members(obj.fields.get("over", ATOM))
        members |= frozenset(o for each in obj.fields.get("keys of", ATOM) for o in self.heap.held_as(each, "key"))
        members |= frozenset(o for each in obj.fields.get("values of", ATOM) for o in self.heap.held_as(each, "value"))
        for pair in obj.fields.get("pair", ATOM):
            self.heap.hold(pair, members)
        return obj.fields.get("pair", members)

    def row_of(self, obj: Obj) -> Obj:
        """What a loop over an array gives: a row of a row stands for itself."""
        if obj.mark == "row":
            return obj
        row = self.heap.rows.get(obj)
        if row is None:
            row = self.heap.rows[obj] = Obj(type="ndarray", mark="row")
            row.fields["base"] = frozenset({obj})
        return row

    def member_of(self, obj: Obj) -> Obj:
        """What a generator of a library gives: never itself, but something that may hold what it holds."""
        member = self.heap.rows.get(obj)
        if member is None:
            member = self.heap.rows[obj] = Obj(foreign=True)
        self.heap.hold(member, frozenset(o for o in parts_of(obj) if o.type not in USED_UP))
        return member

    def taken(self, values: Values) -> Values:
        """What `xs.extend(values)`, `d.update(values)` or `xs[1:] = values` may put in: them, members, a pair's parts."""
        members = self.members(values)
        return (
            values | members | frozenset(o for pair in members if pair.type in ("tuple", "list") for o in pair.contents)
        )

    def used_up(self, values: Values) -> Values:
        """What a library may keep: it uses up an iterator or a handle that it is given, and does not give it back."""
        gone = frozenset(o for o in values if o.type in USED_UP)
        flat = frozenset(o for o in values if o.mark == "flat")  # over an array: what it gives are its cells
        if not gone and not flat:
            return values
        given = self.members(gone).union(*(o.contents for o in flat))
        return (values - gone - flat) | frozenset(o for o in given if o.type not in USED_UP)
