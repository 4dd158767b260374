"""What a library call does, applied: changes, callbacks, random state, settings, figures, files, and the result."""

from __future__ import annotations

import ast
import re
from collections.abc import Set
from pathlib import PurePath

from nb2stage.analysis.fileuses import FileUses
from nb2stage.analysis.functions import _methods
from nb2stage.analysis.heap import (
    A_CALL,
    AN_OBJECT,
    ARRAY_VIEWS,
    CONTAINERS,
    DATA,
    DESIGN,
    FRAMES,
    MOVING,
    USED_UP,
    Argument,
    _line,
    is_design,
    leaves_none,
    may_be_missing,
    owned,
)
from nb2stage.analysis.modulefiles import search_folder
from nb2stage.analysis.objects import ATOM, InnerSetting, Obj, Values, Var, bases_of, reach
from nb2stage.knowledge import SEED_ARGUMENTS, Effect
from nb2stage.records import replace

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
BIG_ENDIAN = re.compile(r">([A-Za-z]\w*)?|big")


def _argument(arguments: list[Argument], name: str, place: int) -> list[Argument]:
    """The argument that has a name or stands at a place; those behind a star that may."""
    plain = [a for a in arguments if a.name is None]
    if any(a.star for a in arguments):
        return [a for a in arguments if a.star or a.name == name] + plain[place : place + 1]
    return [a for a in arguments if a.name == name] or plain[place : place + 1]


class Consequences(FileUses):
    """What calls of libraries do."""

    def apply(self, effect: Effect, receiver: Values, arguments: list[Argument], node: ast.AST) -> Values:
        """Do what an effect says to the receiver and the arguments; give the result's objects."""
        callee, self.callee = self.callee, ""
        arguments = [self.unpacked(a) if a.star else a for a in arguments]
        self.spend(A_CALL + AN_OBJECT * (len(receiver) + sum(len(a.values) for a in arguments)))
        values: Values = frozenset().union(*(a.values for a in arguments))
        if not effect.cheap:
            self.statement.impure = self.statement.impure or not (
                effect.sets or effect.registers or ((effect.seeds or effect.may_seed) and effect.result == "atom")
            )
            self.statement.once = self.statement.once or effect.unknown
        returned = self.callbacks(receiver, values, arguments, node, effect)
        first = receiver or (arguments[0].values if arguments else ATOM)
        if effect.place and not effect.file:
            first = frozenset().union(*(a.values for a in arguments[effect.place : effect.place + 1]))
        self.apply_changes(effect, receiver, first, values, arguments)
        self.apply_state(effect, arguments, node)
        self.apply_random(effect, callee, receiver, arguments, node)
        self.apply_files(effect, receiver, arguments, node)
        # `sort` and `min` compare what a list holds.
        inside = frozenset(
            o for v in values | receiver if v.type in CONTAINERS for o in v.contents if o.kind == "instance"
        )
        self.guesses += effect.unknown
        extra = self.dunders(values | receiver, []) | self.dunders(inside - values, [], only=OF_MEMBERS)
        self.guesses -= effect.unknown
        keys = frozenset().union(*(a.values for a in arguments if a.name == "key"))
        kept = values - keys if effect.type != "iter" and not effect.unknown else values
        result = self.result(effect, receiver, first, kept, node)
        if effect.unknown:
            self.note_package(result - receiver - values, callee, receiver)
        if effect.file == "connects":
            self.databases.update(dict.fromkeys(result - receiver, self.connecting))
        result |= self.shared_result(effect, receiver, first, arguments, result, node)
        result |= frozenset().union(*(a.values for a in arguments if a.name in ("out", "output")))
        self.note_made_from(result, effect, receiver | values)
        if any(map(is_design, values | receiver)) and self.name_of(node) not in PLAIN_ARRAYS:
            for obj in result - values - receiver:  # arrays made from a design are such too
                obj.path = obj.path or (DESIGN if obj.type in {*DATA, ""} else "")
        if returned:
            given = self.everything(receiver | values) if any(o.type in USED_UP for o in returned) else ATOM
            for obj in result - values - receiver:
                # What a library was given as an iterator it does not give back; a new generator it may.
                self.hold(
                    obj, frozenset(o for o in returned if o.kind != "lib" and not (o in given and o.type in USED_UP))
                )
        if effect.result == "atom":
            return result
        # An iterator that `__iter__` made is used up, and not given back.
        return result | frozenset(o for o in extra if effect.unknown or o.type not in USED_UP)

    def unpacked(self, argument: Argument) -> Argument:
        """`*xs` and `**options` give what a list or dict holds, not the list or dict itself."""
        plain = frozenset(o for o in argument.values if o.kind == "value" and o.type in ("list", "tuple", "dict"))
        return replace(argument, values=(argument.values - plain) | self.members(plain)) if plain else argument

    def callbacks(
        self, receiver: Values, values: Values, arguments: list[Argument], node: ast.AST, effect: Effect
    ) -> Values:
        """A library may call the functions it is given, or those that its receiver holds; what these return."""
        methods = frozenset(v for v in values if v.type == "callable")
        # `len` and `print` call none of them
        if methods and not (effect.calls == "given" and effect.cheap and effect.result == "atom"):
            # `map(xs.append, ys)`
            self.statement.impure = self.statement.once = True
            owners = frozenset(o for method in methods for o in method.contents)
            self.change_outright(owners)
            given_members = self.taken(self.members(values - methods))
            self.change_deep(owners)
            for owner in owners:
                self.hold(owner, given_members - {owner})
        if not self.functions_stored and not any(v.kind in ("function", "bound", "class") for v in values):
            return ATOM
        result: Values = ATOM
        given = [Argument(receiver, None, None, None), *arguments]
        keys = frozenset().union(*(a.values for a in arguments if a.name == "key"))
        for obj in sorted(self.callable_from(receiver, values, effect), key=_line):
            guess = effect.unknown and obj not in values
            self.guesses += guess
            if obj.kind in ("function", "bound") and (obj.kind == "bound" or not obj.bases):
                kind = "pandas" if receiver and all(o.type in {*FRAMES, "grouped"} for o in receiver) else ""
                returned = self.call_blind_arguments(obj, given, node, kind)
                result |= returned if effect.unknown or obj not in keys else ATOM  # keys are only compared
            elif obj.kind == "instance" and (effect.unknown or (effect.calls == "all" and self.has_library_base(obj))):
                self.guesses += effect.unknown
                self.call_methods_blindly(obj, given, node)
                self.guesses -= effect.unknown
            elif obj.kind == "instance" and effect.calls == "held" and self.lookup(obj, "__call__"):
                result |= self.dunders(frozenset({obj}), [receiver], only=("__call__",))
            self.guesses -= guess
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
            self.follow(inside)
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
                    self.call_blind_arguments(fn, [instance, *given], node, owner=obj)

    def apply_changes(
        self, effect: Effect, receiver: Values, first: Values, values: Values, arguments: list[Argument]
    ) -> None:
        if effect.unknown:
            self.change_deep(receiver | values, known=False)
            # `put = xs.extend; put([a])` puts `a` into `xs`, not the list.
            inside = frozenset(o for v in values if v.type in CONTAINERS for o in v.contents if o.kind != "lib")
            linked = frozenset(o for o in receiver | values | inside if o.type not in USED_UP)
            for obj in receiver | values:
                self.hold(obj, linked, guess=True)
            return
        if effect.changes:
            artists = frozenset(o for o in first if effect.type == "matplotlib" and o.type not in DATA)
            self.change_owned(artists or first)
            self.change_outright(first)
        if effect.changes_all:
            self.change_deep(values)
            self.change_outright(values)
        plain = [a for a in arguments if a.name is None]
        for which in effect.changes_some:
            chosen = plain[int(which) :][:1] if which.isdigit() else [a for a in arguments if a.name == which]
            for argument in chosen:
                self.change_deep(argument.values)
                self.change_outright(argument.values)
        if effect.keeps:
            if effect.keeps_members:
                named = frozenset().union(*(a.values for a in arguments if a.name))
                values = named | frozenset(o for o in self.taken(values) if o.type not in USED_UP)
            counters = frozenset(o for o in values if effect.keeps_members and o.path == "collections.Counter")
            if all(obj.type == "matplotlib" for obj in first):
                values = self.used_up(values)  # `ax.bar(d.keys(), heights)`
            for obj in first:
                # A counter that is counted into another is no member of it; `df.rename(columns=names, inplace=True)`.
                kept = values - counters if obj.path == "collections.Counter" else values
                self.hold(obj, self.cells_of(kept, 2) if obj.type in FRAMES else kept)
        for argument in arguments:
            if argument.name in ("out", "output", "target") or argument.name in SEED_ARGUMENTS:
                self.change_deep(argument.values)
                self.change_outright(argument.values)
            for obj in argument.values:
                if obj.type == "matplotlib":
                    if effect.cheap:
                        continue  # `zip(axes, xs)` draws nothing
                    self.change(obj)
                    self.hold(obj, frozenset(o for o in values | receiver if o.type not in USED_UP) - {obj})
                elif obj.type in MOVING:
                    self.change(obj)
        for obj in receiver:
            if obj.type in MOVING:
                self.change(obj)

    def change_outright(self, values: Values) -> None:
        """Note that a call is there to change these objects, and what they are views of."""
        if not self.guesses:
            self.statement.outright |= bases_of(values)

    def change_owned(self, objects: Values) -> None:
        """Change objects and what they own: the steps of a pipeline, not the data that it was given."""
        for obj in objects:
            if obj.type != "logger":  # which every process has, and whose settings are made again
                self.change(obj)
        for inner in owned(obj for obj in objects if obj.type not in ("list", "dict", "set", "tuple")):
            # of a bunch, its arrays are given: `fit(iris.data, iris.target)`
            if inner.type not in {*DATA, "bunch", "logger", "log_handler"} and inner.kind in ("value", "instance"):
                self.change(inner)

    def apply_state(self, effect: Effect, arguments: list[Argument], node: ast.AST) -> None:
        if effect.registers:
            self.register(arguments)
        if effect.sets and (arguments or not effect.asks):
            self.setting(effect.sets)
            self.hook(frozenset().union(*(a.values for a in arguments)))
            if effect.sets == "syspath":
                self.add_search_paths(arguments, node)
        if effect.plots:
            self.note_plot(node, effect.plots)

    def add_search_paths(self, arguments: list[Argument], node: ast.AST) -> None:
        """Folders of `sys.path`: those that are inserted come first.  One that is not known may be the project's."""
        given = {search_folder(str(c)) for a in arguments for c in a.constants or () if isinstance(c, str | PurePath)}
        if any(a.constants is None for a in arguments) and self.module_files.above:
            given.add(self.module_files.above)
        found = sorted(given - set(self.search_paths))
        self.search_paths[:] = (
            found + self.search_paths if self.name_of(node) == "insert" else self.search_paths + found
        )

    def note_plot(self, node: ast.AST, plots: int) -> None:
        """Write down a figure: 1 exactly one new one, 2 pyplot's current one, 3 perhaps."""
        statement = self.statement
        if not plots:
            return
        if plots == 3 or self.depth:
            statement.plots_unsure = True
        elif plots == 1:
            statement.figures += 1
        else:
            statement.draws_current = True

    def setting(self, domain: str) -> None:
        """A setting of the process is made; inside a `with` that takes it back it does not last."""
        if self.temporary:
            return
        key = f"<{domain} settings>"
        before = self.state.get(key)
        self.set(key, Var(ATOM, before.sites | {self.statement}))
        self.statement.sets.add(domain)
        self.statement.inner_settings.append(self.inner_setting(domain))

    def inner_setting(self, domain: str) -> InnerSetting:
        """What is known of the line that makes a setting inside a function, in case it has to be made again."""
        reads: dict[str, Var] = {}
        node = self.current
        certain = self.frame is not None and not (self.ways or self.loops or self.guesses or self.blind_depth)
        if not certain or not isinstance(node, ast.Expr | ast.Assign):
            return InnerSetting(None, domain, {})
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                key = self.resolve(part.id)
                var = self.state.get(key)
                library = bool(var.values) and all(o.kind == "lib" for o in var.values)
                if not isinstance(key, str) or not isinstance(part.ctx, ast.Load) or (var.sites and not library):
                    return InnerSetting(None, domain, {})
                if var.sites:
                    reads[key] = var
        return InnerSetting(node, domain, reads)

    def register(self, arguments: list[Argument]) -> None:
        """Something is found under a name from now on, which is the first argument: `.lab`."""
        names = arguments[0].constants if arguments else None
        for name in sorted(map(str, names)) if names else ["registered names"]:
            self.setting("." * bool(names) + name)

    def hook(self, values: Values) -> None:
        """A library keeps functions of the notebook, and calls them whenever it likes."""
        for obj in values:
            if obj.kind in ("function", "bound") and not self.temporary:
                self.hooks.setdefault(obj, self.statement)

    def guess_setting(self, path: str, arguments: list[Argument], node: ast.AST) -> None:
        """A call of which nothing is known, that stands alone and is given no data, does what it does to the process."""
        root = path.partition(".")[0]
        if node is not self.alone or self.temporary or root == "builtins" or root in self.opaque_modules:
            return
        given = reach(frozenset().union(*(a.values for a in arguments)))
        if all(o.kind in ("lib", "function", "class") or o in self.made for o in given):
            self.statement.guesses.setdefault("library " + root, path)

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
            first = frozenset(self.view_of(obj, effect, node) for obj in first)
            if unknown and self.name_of(node) in ARRAY_VIEWS:
                # Of an array this is another object, which shares its memory.
                first |= {self.part_of(node, obj, "") for obj in unknown}
            return first or frozenset({self.make(node, "result", type=effect.type)})
        if effect.result == "part":
            return self.members(first) | self.other_choices(receiver, first, values, node)
        if effect.result == "cell":
            return frozenset(o for obj in first for o in obj.contents)
        if effect.result == "rows":
            named = self.name_of(node) == "itertuples"  # whose rows have attributes
            made = self.make(node, "rows", type="generator_object")
            pair = self.make(node, "pair", type="" if named else "tuple")
            given = {keyword.arg for keyword in node.keywords} if isinstance(node, ast.Call) else set()
            if named and "name" not in given:
                pair.path = "itertuples"
            self.hold(pair, frozenset(self.share(node, obj, "pandas") for obj in receiver))
            made.fields["yields"] = frozenset({pair})
            self.hold(made, frozenset({pair}))
            return frozenset({made})
        kind = effect.type
        if effect.copies_type:
            kind = self.kind_of(receiver or first)
        if effect.result == "any" and not kind and receiver and self.kind_of(receiver) in ("statsmodels", "scipy"):
            kind = self.kind_of(receiver)
        made = self.make(node, "result", type=kind)
        copied = effect.copies_type and any(o.foreign for o in receiver or first)
        made.foreign = made.foreign or (not kind and (effect.unknown or effect.foreign or copied))
        self.share_index(made, receiver | values)
        self.fill_cells(made, effect, receiver, values, node)
        if kind == "ndarray" and any(self.holds_objects(obj) for obj in receiver | values):
            made.path = "object"
        held = frozenset(o for o in receiver if o.type != "handle") | values
        if kind == "ndarray" and self.name_of(node) == "choice":
            # `np.random.choice(xs)` is one of them.
            return frozenset({made}).union(
                *(v.contents for v in values if v.type in CONTAINERS or self.holds_objects(v))
            )
        if effect.yields:
            made.fields["yields"] = frozenset({self.make(node, "member", type=effect.yields)})
        if kind in ("dict", "set") or self.name_of(node) == "to_dict":
            named = isinstance(node, ast.Call) and not node.args and not receiver  # `dict(a=…)`: its keys are names
            self.keep_nan(made, not named and may_be_missing(receiver | values) and not leaves_none(node))
        elif kind == "list":
            made.nan_keys = may_be_missing(receiver | values) and not leaves_none(node)
        if effect.result == "fresh":
            self.hold(made, self.copied_contents(receiver | values, kind))
            return frozenset({made})
        if effect.result == "holds":
            if kind == "progress":
                made.fields["over"] = made.fields.get("over", ATOM) | values
            self.hold(made, self.kept(held, kind))
            return frozenset({made})
        held = self.used_up(held)
        self.hold(made, frozenset(o for o in held if o.kind != "lib"))
        if kind == "matplotlib":
            held = frozenset(o for o in held if o.type not in DATA)  # an artist, never the data that it draws
        return frozenset({made}) | frozenset(o for o in held if o.kind in ("value", "instance"))

    def library_view(self, effect: Effect, given: Values, node: ast.AST) -> Obj:
        """An object of a library that may lie in the memory of what it was made from: `pl.DataFrame({"a": array})`."""
        made = self.make(node, "view", type=effect.type)
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
        return values - first if plain or self.name_of(node) not in ("max", "min") else values

    def shared_result(
        self, effect: Effect, receiver: Values, first: Values, arguments: list[Argument], result: Values, node: ast.AST
    ) -> Values:
        """Tie the result to what a call gives itself, or keeps; what else the result may be."""
        itself = any(self.may_have(value, _argument(arguments, name, place)) for name, place, value in effect.itself_if)
        for name, place, _ in effect.gives:
            for argument in _argument(arguments, name, place):
                for obj in result - first:
                    self.hold(obj, argument.values - {obj})
        for obj in receiver if effect.learns else ():
            obj.fields["learnt"] = obj.fields.get("learnt", ATOM) | (result - receiver)
        if self.is_big_endian(receiver, arguments, node):
            for obj in result:
                obj.big_endian = True
        values = frozenset(o for o in first if o.kind == "value")
        shared = frozenset(
            self.view_of(o, effect, node) for o in values if effect.shares_with and o.type in (effect.shares_with, "")
        )
        return shared | frozenset(o for o in values if itself or (effect.itself and o.type in (effect.itself, "")))

    def is_big_endian(self, receiver: Values, arguments: list[Argument], node: ast.AST) -> bool:
        """Whether a call may give an array in another byte order: it is given one, or its type: `np.dtype(">i4")`."""
        if any(o.big_endian for a in arguments for o in a.values) or any(o.big_endian for o in receiver):
            return True
        if self.name_of(node) not in TYPED_BY:
            return False
        texts = {str(c) for a in arguments for c in a.constants or ()}
        nodes = [part for a in arguments if a.node is not None for part in ast.walk(a.node)]
        texts |= {str(part.value) for part in nodes if isinstance(part, ast.Constant)}
        turned = any(isinstance(part, ast.Attribute) and part.attr == "newbyteorder" for part in nodes)
        return turned or any(map(BIG_ENDIAN.fullmatch, texts))

    def may_have(self, value: str, arguments: list[Argument]) -> bool:
        """Whether an argument, where it is given, may have the value that stands in a row."""
        return any(a.constants is None or value in map(str, a.constants) for a in arguments)

    def fill_cells(self, made: Obj, effect: Effect, receiver: Values, values: Values, node: ast.AST) -> None:
        """Lists that a call makes inside its result."""
        if effect.cells or (self.kind_of(receiver) in {*FRAMES, "grouped"} and any(v.kind == "lib" for v in values)):
            # `agg(list)`, `str.split()`
            self.hold(made, frozenset({self.make(node, "cell")}))
        if effect.nested:
            row = self.make(node, "row", type="list")
            self.hold(row, frozenset({self.make(node, "inner row", type="list")}))
            self.hold(made, frozenset({row}))

    def copied_contents(self, values: Values, kind: str) -> Values:
        """What a shallow copy shares with what it was made from: not the data, but what lies in it."""
        if kind == "scipy":  # numbers; of `csr_matrix((data, indices, indptr))` these arrays
            return frozenset(o for v in values if v.type == "tuple" for o in v.contents)
        if "." in kind:
            return ATOM  # something of its own, whatever it was given
        # `df.groupby("a")["lists"].first()`
        values |= frozenset(o for obj in values if obj.type == "grouped" for o in obj.fields.get("base", ATOM))
        own = [obj for obj in values if not (self.known.crossing(obj.type) or "").startswith("again ")]
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
            return self.members(held)
        if kind == "dict":
            # `dict(pairs)`, `dict(key=value)`
            return frozenset(o for o in self.taken(held) if o.type not in {*USED_UP, "namespace"}) | self.members(held)
        if kind in DATA:
            return self.cells_of(self.used_up(held), 2 if kind == "frame" else 1)
        if kind == "partial":
            return held
        if kind not in ("iter", "exception", ""):
            held = self.used_up(held)
        return frozenset(o for o in held if o.kind != "lib")
