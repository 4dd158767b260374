"""What a library call does, applied: changes, callbacks, random state, settings, figures, files, and the result."""

from __future__ import annotations

import ast
from collections.abc import Set

from nb2stage.analysis.classes import Classes, _methods
from nb2stage.analysis.fileuses import FileUses
from nb2stage.analysis.functions import Functions
from nb2stage.analysis.gradients import Gradients
from nb2stage.analysis.heap import A_CALL, AN_OBJECT, Argument, Heap
from nb2stage.analysis.iteration import Iteration
from nb2stage.analysis.missing import leaves_none, may_be_missing
from nb2stage.analysis.objects import ATOM, Obj, Values, bases_of, is_design, line_of, owned, reach
from nb2stage.analysis.processstate import ProcessState
from nb2stage.analysis.randomness import Randomness
from nb2stage.analysis.vocabulary import ARRAY_VIEWS, CONTAINERS, DATA, DESIGN, FRAMES, MOVING, USED_UP
from nb2stage.knowledge import SEED_ARGUMENTS, Effect
from nb2stage.knowledge.valuetypes import Type
from nb2stage.patterns import Pattern
from nb2stage.records import replace
from nb2stage.trees import walk

# What a library calls on the members of a list or dict that it is given: it compares, prints and adds them.
OF_MEMBERS = tuple(
    f"__{name}__"
    for name in [
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "hash",
        "repr",
        "str",
        "format",
        "bool",
        "len",
        "iter",
        "next",
        "getitem",
        "contains",
        "add",
        "radd",
        "sub",
        "rsub",
        "mul",
        "rmul",
        "truediv",
        "rtruediv",
        "neg",
        "abs",
        "float",
        "int",
        "index",
        "array",
        "array_ufunc",
        "array_function",
        "reduce",
        "reduce_ex",
        "getstate",
        "deepcopy",
        "copy",
        "fspath",
    ]
)


# Functions that give an array of numpy's own class, whatever class of array they are given.
PLAIN_ARRAYS = frozenset({"asarray", "array", "to_numpy"})


# What takes the type of an array's numbers, and texts that say another byte order.
TYPED_BY = frozenset(
    ["array", "asarray", "astype", "dtype", "empty", "frombuffer", "fromfile", "full", "ones", "view", "zeros"]
)


BIG_ENDIAN = Pattern(r">([A-Za-z]\w*)?|big")


def _argument(arguments: list[Argument], name: str, place: int) -> list[Argument]:
    """The argument that has a name or stands at a place; those behind a star that may."""
    plain = [a for a in arguments if a.name is None]
    if any(a.star for a in arguments):
        return [a for a in arguments if a.star or a.name == name] + plain[place : place + 1]
    return [a for a in arguments if a.name == name] or plain[place : place + 1]


class Consequences:
    """Does what the row of a call says."""

    def __init__(
        self,
        heap: Heap,
        classes: Classes,
        process: ProcessState,
        randomness: Randomness,
        file_uses: FileUses,
        gradients: Gradients,
        functions: Functions,
        iteration: Iteration,
    ) -> None:
        self.heap = heap
        self.classes = classes
        self.process = process
        self.randomness = randomness
        self.file_uses = file_uses
        self.gradients = gradients
        self.functions = functions
        self.iteration = iteration

    def apply(self, effect: Effect, receiver: Values, arguments: list[Argument], node: ast.AST) -> Values:
        """Do what an effect says to the receiver and the arguments; give the result's objects."""
        callee, self.heap.callee = self.heap.callee, ""
        arguments = [self.unpacked(a) if a.star else a for a in arguments]
        self.heap.spend(A_CALL + AN_OBJECT * (len(receiver) + sum(len(a.values) for a in arguments)))
        values: Values = frozenset().union(*(a.values for a in arguments))
        if not effect.cheap:
            self.heap.statement.impure = self.heap.statement.impure or not (
                effect.sets or effect.registers or ((effect.seeds or effect.may_seed) and effect.result == "atom")
            )
            self.heap.statement.once = self.heap.statement.once or effect.unknown
        returned = self.callbacks(receiver, values, arguments, node, effect)
        first = receiver or (arguments[0].values if arguments else ATOM)
        if effect.place and not effect.file:
            first = frozenset().union(*(a.values for a in arguments[effect.place : effect.place + 1]))
        self.apply_changes(effect, receiver, first, values, arguments)
        self.process.apply_state(effect, arguments, node)
        self.randomness.apply_random(effect, callee, receiver, arguments, node)
        self.file_uses.apply_files(effect, receiver, arguments, node)
        # `sort` and `min` compare what a list holds.
        inside = frozenset(
            o for v in values | receiver if v.type in CONTAINERS for o in v.contents if o.kind == "instance"
        )
        self.heap.guesses += effect.unknown
        extra = self.functions.dunders(values | receiver, []) | self.functions.dunders(
            inside - values, [], only=OF_MEMBERS
        )
        self.heap.guesses -= effect.unknown
        keys = frozenset().union(*(a.values for a in arguments if a.name == "key"))
        kept = values - keys if effect.type != "iter" and not effect.unknown else values
        result = self.result(effect, receiver, first, kept, node)
        if effect.unknown:
            self.randomness.note_package(result - receiver - values, callee, receiver)
        if effect.file == "connects":
            self.heap.databases.update(dict.fromkeys(result - receiver, self.heap.connecting))
        result |= self.shared_result(effect, receiver, first, arguments, result, node)
        result |= frozenset().union(*(a.values for a in arguments if a.name in ("out", "output")))
        self.gradients.note_made_from(result, effect, receiver | values)
        if any(map(is_design, values | receiver)) and self.heap.name_of(node) not in PLAIN_ARRAYS:
            for obj in result - values - receiver:  # arrays made from a design are such too
                obj.mark = obj.mark or (DESIGN if obj.type in {*DATA, ""} and not obj.path else "")
        if returned:
            given = self.heap.everything(receiver | values) if any(o.type in USED_UP for o in returned) else ATOM
            for obj in result - values - receiver:
                # What a library was given as an iterator it does not give back; a new generator it may.
                self.heap.hold(
                    obj, frozenset(o for o in returned if o.kind != "lib" and not (o in given and o.type in USED_UP))
                )
        if effect.result == "atom":
            return result
        # An iterator that `__iter__` made is used up, and not given back.
        return result | frozenset(o for o in extra if effect.unknown or o.type not in USED_UP)

    def unpacked(self, argument: Argument) -> Argument:
        """`*xs` and `**options` give what a list or dict holds, not the list or dict itself."""
        plain = frozenset(o for o in argument.values if o.kind == "value" and o.type in ("list", "tuple", "dict"))
        return (
            replace(argument, values=(argument.values - plain) | self.iteration.members(plain)) if plain else argument
        )

    def callbacks(
        self, receiver: Values, values: Values, arguments: list[Argument], node: ast.AST, effect: Effect
    ) -> Values:
        """A library may call the functions it is given, or those that its receiver holds; what these return."""
        methods = frozenset(v for v in values if v.type == "callable")
        # `len` and `print` call none of them
        if methods and not (effect.calls == "given" and effect.cheap and effect.result == "atom"):
            # `map(xs.append, ys)`
            self.heap.statement.impure = self.heap.statement.once = True
            owners = frozenset(o for method in methods for o in method.contents)
            self.change_outright(owners)
            given_members = self.iteration.taken(self.iteration.members(values - methods))
            self.heap.change_deep(owners)
            for owner in owners:
                self.heap.hold(owner, given_members - {owner})
        if not self.heap.functions_stored and not any(v.kind in ("function", "bound", "class") for v in values):
            return ATOM
        result: Values = ATOM
        given = [Argument(receiver, None, None, None), *arguments]
        keys = frozenset().union(*(a.values for a in arguments if a.name == "key"))
        for obj in sorted(self.callable_from(receiver, values, effect), key=line_of):
            guess = effect.unknown and obj not in values
            self.heap.guesses += guess
            if obj.kind in ("function", "bound") and (obj.kind == "bound" or not obj.bases):
                kind: Type = "pandas" if receiver and all(o.type in {*FRAMES, "grouped"} for o in receiver) else ""
                returned = self.functions.call_blind_arguments(obj, given, node, kind)
                result |= returned if effect.unknown or obj not in keys else ATOM  # keys are only compared
            elif obj.kind == "instance" and (
                effect.unknown or (effect.calls == "all" and self.classes.has_library_base(obj))
            ):
                self.heap.guesses += effect.unknown
                self.call_methods_blindly(obj, given, node)
                self.heap.guesses -= effect.unknown
            elif obj.kind == "instance" and effect.calls == "held" and self.classes.lookup(obj, "__call__"):
                result |= self.functions.dunders(frozenset({obj}), [receiver], only=("__call__",))
            self.heap.guesses -= guess
        return result

    def callable_from(self, receiver: Values, values: Values, effect: Effect) -> Set[Obj]:
        """The objects that a call may call: all within reach of an unknown call; of a known one its arguments, what
        plain containers among them hold, and what an estimator or a partial holds."""
        if effect.type == "partial" or effect.calls == "none" or effect.sets or effect.registers:
            return (
                set()
            )  # a setting's functions are called later; `partial(f, x)` and `wraps(f)` only keep what they are given
        if effect.unknown:
            inside = reach(receiver | values)
            self.heap.follow(inside)
            return inside
        found: set[Obj] = set(values | receiver)
        if effect.calls == "held":
            return found.union(*(o.contents for o in receiver))
        if effect.result == "atom" and not receiver:
            return found
        for obj in values | receiver if effect.calls == "all" else values:
            if obj.type in ("list", "tuple", "dict", "set", "iter", "partial"):
                found |= obj.contents
        holders = ("partial", "") if effect.calls == "given" else ("sklearn", "partial", "", "scipy", "statsmodels")
        return found | reach(obj for obj in found if obj.kind == "value" and obj.type in holders)

    def call_methods_blindly(self, obj: Obj, given: list[Argument], node: ast.AST) -> None:
        """A library may call any method of an instance that it is given."""
        instance = Argument(frozenset({obj}), None, None, None)
        for name, found in _methods(obj):
            for fn in found if name not in ("__init__", "__new__") else ():
                if fn.kind == "function":
                    self.functions.call_blind_arguments(fn, [instance, *given], node, owner=obj)

    def apply_changes(
        self, effect: Effect, receiver: Values, first: Values, values: Values, arguments: list[Argument]
    ) -> None:
        if effect.unknown:
            self.heap.change_deep(receiver | values, known=False)
            # `put = xs.extend; put([a])` puts `a` into `xs`, not the list.
            inside = frozenset(o for v in values if v.type in CONTAINERS for o in v.contents if o.kind != "lib")
            linked = frozenset(o for o in receiver | values | inside if o.type not in USED_UP)
            for obj in receiver | values:
                self.heap.hold(obj, linked, guess=True)
            return
        if effect.changes:
            artists = frozenset(o for o in first if effect.type == "matplotlib" and o.type not in DATA)
            self.change_owned(artists or first)
            self.change_outright(first)
        if effect.changes_all:
            self.heap.change_deep(values)
            self.change_outright(values)
        plain = [a for a in arguments if a.name is None]
        for which in effect.changes_some:
            chosen = plain[int(which) :][:1] if which.isdigit() else [a for a in arguments if a.name == which]
            for argument in chosen:
                self.heap.change_deep(argument.values)
                self.change_outright(argument.values)
        if effect.keeps:
            if effect.keeps_members:
                named = frozenset().union(*(a.values for a in arguments if a.name))
                values = named | frozenset(o for o in self.iteration.taken(values) if o.type not in USED_UP)
            counters = frozenset(o for o in values if effect.keeps_members and o.path == "collections.Counter")
            if all(obj.type == "matplotlib" for obj in first):
                values = self.iteration.used_up(values)  # `ax.bar(d.keys(), heights)`
            for obj in first:
                # A counter that is counted into another is no member of it; `df.rename(columns=names, inplace=True)`.
                kept = values - counters if obj.path == "collections.Counter" else values
                self.heap.hold(obj, self.heap.cells_of(kept, 2) if obj.type in FRAMES else kept)
        for argument in arguments:
            if argument.name in ("out", "output", "target") or argument.name in SEED_ARGUMENTS:
                self.heap.change_deep(argument.values)
                self.change_outright(argument.values)
            for obj in argument.values:
                if obj.type == "matplotlib":
                    if effect.cheap:
                        continue  # `zip(axes, xs)` draws nothing
                    self.heap.change(obj)
                    self.heap.hold(obj, frozenset(o for o in values | receiver if o.type not in USED_UP) - {obj})
                elif obj.type in MOVING:
                    self.heap.change(obj)
        for obj in receiver:
            if obj.type in MOVING:
                self.heap.change(obj)

    def change_outright(self, values: Values) -> None:
        """Note that a call is there to change these objects, and what they are views of."""
        if not self.heap.guesses:
            self.heap.statement.outright |= bases_of(values)

    def change_owned(self, objects: Values) -> None:
        """Change objects and what they own: the steps of a pipeline, not the data that it was given."""
        for obj in objects:
            if obj.type != "logger":  # which every process has, and whose settings are made again
                self.heap.change(obj)
        for inner in owned(obj for obj in objects if obj.type not in ("list", "dict", "set", "tuple")):
            # of a bunch, its arrays are given: `fit(iris.data, iris.target)`
            if inner.type not in {*DATA, "bunch", "logger", "log_handler"} and inner.kind in ("value", "instance"):
                self.heap.change(inner)

    def result(self, effect: Effect, receiver: Values, first: Values, values: Values, node: ast.AST) -> Values:
        if effect.result == "atom" or (effect.cheap and effect.result == "any" and not receiver and not values):
            return ATOM
        if effect.result == "view" and "." in effect.type:
            return frozenset({self.library_view(effect, first | values, node)})
        if effect.result == "view":
            if effect.type:
                for obj in first:
                    if obj.kind == "value" and not obj.foreign:
                        obj.type = obj.type or effect.type
            unknown = frozenset(o for o in first if o.kind == "value" and not o.type)
            first = frozenset(self.heap.view_of(obj, effect, node) for obj in first)
            if unknown and self.heap.name_of(node) in ARRAY_VIEWS:
                # Of an array this is another object, which shares its memory.
                first |= {self.heap.part_of(node, obj, "") for obj in unknown}
            return first or frozenset({self.heap.make(node, "result", type=effect.type)})
        if effect.result == "part":
            return self.iteration.members(first) | self.other_choices(receiver, first, values, node)
        if effect.result == "cell":
            return frozenset(o for obj in first for o in obj.contents)
        if effect.result == "rows":
            named = self.heap.name_of(node) == "itertuples"  # whose rows have attributes
            made = self.heap.make(node, "rows", type="generator_object")
            pair = self.heap.make(node, "pair", type="" if named else "tuple")
            given = {keyword.arg for keyword in node.keywords} if isinstance(node, ast.Call) else set()
            if named and "name" not in given:
                pair.mark = "itertuples"
            self.heap.hold(pair, frozenset(self.heap.share(node, obj, "pandas") for obj in receiver))
            made.fields["yields"] = frozenset({pair})
            self.heap.hold(made, frozenset({pair}))
            return frozenset({made})
        kind = effect.type
        if effect.copies_type:
            kind = self.heap.type_of(receiver or first)
        if effect.result == "any" and not kind and receiver and self.heap.type_of(receiver) in ("statsmodels", "scipy"):
            kind = self.heap.type_of(receiver)
        made = self.heap.make(node, "result", type=kind)
        copied = effect.copies_type and any(o.foreign for o in receiver or first)
        made.foreign = made.foreign or (not kind and (effect.unknown or effect.foreign or copied))
        if not (isinstance(node, ast.Call) and is_deep_copy(node)):  # whose index is another object in every pandas
            self.heap.share_index(made, receiver | values)
        self.fill_cells(made, effect, receiver, values, node)
        if kind == "ndarray" and any(self.heap.holds_objects(obj) for obj in receiver | values):
            made.mark = "object"
        held = frozenset(o for o in receiver if o.type != "handle") | values
        if kind == "ndarray" and self.heap.name_of(node) == "choice":
            # `np.random.choice(xs)` is one of them.
            return frozenset({made}).union(
                *(v.contents for v in values if v.type in CONTAINERS or self.heap.holds_objects(v))
            )
        if effect.yields:
            made.fields["yields"] = frozenset({self.heap.make(node, "member", type=effect.yields)})
        if kind in ("dict", "set") or self.heap.name_of(node) == "to_dict":
            named = isinstance(node, ast.Call) and not node.args and not receiver  # `dict(a=…)`: its keys are names
            self.heap.keep_nan(made, not named and may_be_missing(receiver | values) and not leaves_none(node))
        elif kind == "list":
            made.nan_keys = may_be_missing(receiver | values) and not leaves_none(node)
        if effect.result == "fresh":
            self.heap.hold(made, self.copied_contents(receiver | values, kind))
            return frozenset({made})
        if effect.result == "holds":
            if kind == "progress":
                made.fields["over"] = made.fields.get("over", ATOM) | values
            self.heap.hold(made, self.kept(held, kind))
            return frozenset({made})
        held = self.iteration.used_up(held)
        self.heap.hold(made, frozenset(o for o in held if o.kind != "lib"))
        if kind == "matplotlib":
            held = frozenset(o for o in held if o.type not in DATA)  # an artist, never the data that it draws
        return frozenset({made}) | frozenset(o for o in held if o.kind in ("value", "instance"))

    def library_view(self, effect: Effect, given: Values, node: ast.AST) -> Obj:
        """An object of a library that may lie in the memory of what it was made from: `pl.DataFrame({"a": array})`."""
        made = self.heap.make(node, "view", type=effect.type)
        todo, seen = list(given), set()
        while todo:
            obj = todo.pop()
            if obj in seen or obj is made or obj.kind not in ("value", "instance"):
                continue
            seen.add(obj)
            if obj.type in CONTAINERS:
                todo += obj.contents
            else:
                made.fields["base"] = made.fields.get("base", ATOM) | {obj}
        made.certain_view = effect.shares
        return made

    def other_choices(self, receiver: Values, first: Values, values: Values, node: ast.AST) -> Values:
        """What a call that picks a member may give instead: `d.get(key, default)`, `next(it, default)`, `max(a, b)`."""
        if receiver:
            return values
        plain = isinstance(node, ast.Call) and len(node.args) == 1 and not isinstance(node.args[0], ast.Starred)
        return values - first if plain or self.heap.name_of(node) not in ("max", "min") else values

    def shared_result(
        self, effect: Effect, receiver: Values, first: Values, arguments: list[Argument], result: Values, node: ast.AST
    ) -> Values:
        """Tie the result to what a call gives itself, or keeps; what else the result may be."""
        itself = any(self.may_have(value, _argument(arguments, name, place)) for name, place, value in effect.itself_if)
        for name, place, _ in effect.gives:
            for argument in _argument(arguments, name, place):
                for obj in result - first:
                    self.heap.hold(obj, argument.values - {obj})
        for obj in receiver if effect.learns else ():
            obj.fields["learnt"] = obj.fields.get("learnt", ATOM) | (result - receiver)
        if self.is_big_endian(receiver, arguments, node):
            for obj in result:
                obj.big_endian = True
        values = frozenset(o for o in first if o.kind == "value")
        shared = frozenset(
            self.heap.view_of(o, effect, node)
            for o in values
            if effect.shares_with and o.type in (effect.shares_with, "")
        )
        return shared | frozenset(o for o in values if itself or (effect.itself and o.type in (effect.itself, "")))

    def is_big_endian(self, receiver: Values, arguments: list[Argument], node: ast.AST) -> bool:
        """Whether a call may give an array in another byte order: it is given one, or its type: `np.dtype(">i4")`."""
        if any(o.big_endian for a in arguments for o in a.values) or any(o.big_endian for o in receiver):
            return True
        if self.heap.name_of(node) not in TYPED_BY:
            return False
        texts = {str(c) for a in arguments for c in a.constants or ()}
        nodes = [part for a in arguments if a.node is not None for part in walk(a.node)]
        texts |= {str(part.value) for part in nodes if isinstance(part, ast.Constant)}
        turned = any(isinstance(part, ast.Attribute) and part.attr == "newbyteorder" for part in nodes)
        return turned or any(map(BIG_ENDIAN.fullmatch, texts))

    def may_have(self, value: str, arguments: list[Argument]) -> bool:
        """Whether an argument, where it is given, may have the value that stands in a row."""
        return any(a.constants is None or value in map(str, a.constants) for a in arguments)

    def fill_cells(self, made: Obj, effect: Effect, receiver: Values, values: Values, node: ast.AST) -> None:
        """Lists that a call makes inside its result."""
        if effect.cells or (
            self.heap.type_of(receiver) in {*FRAMES, "grouped"} and any(v.kind == "lib" for v in values)
        ):
            # `agg(list)`, `str.split()`
            self.heap.hold(made, frozenset({self.heap.make(node, "cell")}))
        if effect.nested:
            row = self.heap.make(node, "row", type="list")
            self.heap.hold(row, frozenset({self.heap.make(node, "inner row", type="list")}))
            self.heap.hold(made, frozenset({row}))

    def copied_contents(self, values: Values, kind: str) -> Values:
        """What a shallow copy shares with what it was made from: not the data, but what lies in it."""
        if kind == "scipy":  # numbers; of `csr_matrix((data, indices, indptr))` these arrays
            return frozenset(o for v in values if v.type == "tuple" for o in v.contents)
        if "." in kind:
            return ATOM  # something of its own, whatever it was given
        # `df.groupby("a")["lists"].first()`
        values |= frozenset(o for obj in values if obj.type == "grouped" for o in obj.fields.get("base", ATOM))
        own = [obj for obj in values if not (self.heap.known.crossing(obj.type) or "").startswith("again ")]
        inner = {o for obj in own for o in obj.contents if o.kind != "lib"}
        if not kind:  # `train_test_split([a, b, c])`
            members = frozenset(o for obj in own if obj.type in CONTAINERS for o in obj.contents)
            return frozenset(o for o in inner if o.type not in DATA or o in members)
        if any(o.kind == "lib" and o.path == "builtins.object" for o in values):
            return frozenset(inner)  # `np.array([a, b], dtype=object)`
        if kind in FRAMES:
            # `pd.concat([a, b])`
            inner |= {cell for o in inner if o.type in FRAMES for cell in o.contents}
        return frozenset(o for o in inner if o.type not in DATA)

    def kept(self, held: Values, kind: str) -> Values:
        """What a new object of a kind keeps of what it is made from."""
        if kind in ("list", "set"):
            return self.iteration.members(held)
        if kind == "dict":
            # `dict(pairs)`, `dict(key=value)`
            return frozenset(
                o for o in self.iteration.taken(held) if o.type not in {*USED_UP, "namespace"}
            ) | self.iteration.members(held)
        if kind in DATA:
            return self.heap.cells_of(self.iteration.used_up(held), 2 if kind == "frame" else 1)
        if kind == "partial":
            return held
        if kind not in ("iter", "exception", ""):
            held = self.iteration.used_up(held)
        return frozenset(o for o in held if o.kind != "lib")


def is_deep_copy(call: ast.Call) -> bool:
    """Whether this is `x.copy()`, which pandas takes for a deep copy."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "copy" and not call.args and not call.keywords
