"""What a cache file holds, what it is written with, and whether that is faithful."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nb2stage.analysis.crossings import Need, Transfer
from nb2stage.analysis.notes import Finding
from nb2stage.analysis.objects import ATOM, Module, Obj, Statement, Var, fields_of, module_of, reach
from nb2stage.analysis.remaking import AGAIN, Remaking
from nb2stage.analysis.scopes import free_names
from nb2stage.analysis.versions import DEFINITIONS
from nb2stage.analysis.vocabulary import DESIGN, LABELLED, TRANSFORMED
from nb2stage.knowledge import BY_KEY
from nb2stage.knowledge.formats import Contents, Trait
from nb2stage.patterns import Pattern
from nb2stage.trees import walk

FRAMES_ALONE = frozenset({"frame", "series"})
PICKLE_HOOKS = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__")
NEW_ARGUMENTS = ("__getnewargs__", "__getnewargs_ex__")
# What is made by `__new__` alone, which gets the value itself when it is loaded.
PLAIN_BASES = frozenset(
    f"builtins.{name}" for name in ("tuple", "str", "int", "float", "frozenset", "bytes", "complex")
)
RAISED = ("Exception", "Error", "Warning")
GLOBAL_DRAW = Pattern(r"(numpy\.)?random\.(?!default_rng)[a-z]\w*")  # methods of the global generators


class FileContents(Remaking):
    """The contents of cache files."""

    def state_of(self, transfer: Transfer, name: str) -> list[str] | None:
        """Of a function `[]`, of a class the attributes whose values cross; None for any other value."""
        var = self.exits[transfer.stage].get(name, Var())
        if not var.sites or not all(isinstance(s.node, DEFINITIONS) for s in var.sites):
            return None
        attributes: set[str] = set()
        for obj in var.values:
            # The members of an `Enum` cannot be set again.
            members = any(base.path.startswith("enum.") for base in reach(obj.bases))
            for each, inner in obj.fields.items():
                if (
                    obj.kind == "class"
                    and not members
                    and (each in obj.stored or not each.startswith("__"))
                    and not any(o.kind == "function" and o.bases for o in inner)
                ):
                    attributes.add(each)
        return sorted(attributes)

    def contents_of(self, transfer: Transfer) -> Contents:
        """What is known of what a file will hold; what no file can hold is refused."""
        values = frozenset(obj for name in transfer.names for obj in self.exits[transfer.stage].get(name, Var()).values)
        self.check_savable(transfer, values)
        traits: set[Trait] = {"one NaN"} if self.keeps_nan(transfer) else set()
        if len(transfer.names) == 1 and not transfer.optional:
            if transfer.names[0] in BY_KEY:
                return Contents(parts=frozenset({"?"}), traits=frozenset(traits))
            if self.state_of(transfer, transfer.names[0]) is None:
                traits.add("single")
        reached = self.pickled(values, self.end(transfer.stage))
        types, parts = map(_types, (values, reached))
        if not ("single" in traits and types and types <= FRAMES_ALONE):
            traits |= self.traits_of(transfer, reached)
        return Contents(types, parts, frozenset(traits))

    def traits_of(self, transfer: Transfer, reached: set[Obj]) -> set[Trait]:
        """What of these objects needs a format of its own."""
        if any(self.is_of_torch(obj) for obj in reached):
            return self.traits_of_tensors(transfer, reached)
        if any(
            self.is_local_function(obj, transfer) or self.is_module(obj) or obj.mark in ("itertuples", LABELLED)
            for obj in reached
        ):
            return {"by value"}
        if not any(obj.kind == "class" for obj in reached):
            if any(self.heap.known.crossing(obj.type) == "cloudpickle" for obj in reached):
                return {"by value"}  # it may hold functions without a name
            if any(obj.big_endian for obj in reached):
                return {"byte order"}
        return {"nested"} if any(self.holds_itself(obj, guesses=True) for obj in reached) else set()

    def traits_of_tensors(self, transfer: Transfer, reached: set[Obj]) -> set[Trait]:
        """How a file with tensors is written; where a later stage may notice gradients, these are saved beside them."""
        local = [o for o in reached if self.is_local_function(o, transfer) or self.is_module(o)]
        if local:
            self.refuse(transfer, transfer.names[0], "a function without a name together with tensors")
        graded = {o for s in self.graders for o in s.grades if s.position < self.end(transfer.stage)} & reached
        if not self.heap.gradients_cross or not graded:
            return {"tensors"}
        exits, found = self.exits[transfer.stage], set()
        for name in transfer.names:
            values = exits.get(name, Var()).values
            if values and all(self.classes.has_gradients(o) for o in values):
                transfer.graded.append(name)
                found |= self.reach(values, self.end(transfer.stage))
        plain = all(self.state_of(transfer, name) is None for name in transfer.names) and not transfer.optional
        more = [
            n for i in transfer.consumers for n in set(transfer.names) & self.stages[i].files - transfer.consumers[i]
        ]
        if not graded <= found or not plain or more:
            self.refuse(transfer, transfer.names[0], "gradients, which no file keeps")
        return {"tensors", "gradients"}

    def keeps_nan(self, transfer: Transfer) -> bool:
        """Whether it is seen that pickle makes each NaN anew: dicts, sets and `in` find it by identity.

        Containers with such keys cross, or later stages look for what a column of the file may hold.
        """
        holders = [each for each in self.transfers if any(o.nan_keys and o.type != "list" for o in self.held(each))]
        later = self.stages[transfer.stage + 1 :]
        found = holders or any(s.finds_nan for stage in later for s in (*stage.statements, *stage.repeats))
        return bool(found) and (transfer in holders or any(map(self.heap.may_hold_nan, self.held(transfer))))

    def held(self, transfer: Transfer) -> set[Obj]:
        """What a file holds."""
        values = {obj for name in transfer.names for obj in self.exits[transfer.stage].get(name, Var()).values}
        return self.pickled(values, self.end(transfer.stage))

    def is_untried(self, transfer: Transfer) -> bool:
        """Whether a file holds something of which it is not known that it can be saved."""
        held = self.held(transfer)
        return any(
            (obj.kind == "lib" and not obj.path.startswith(("builtins.", "collections.")))
            or (obj.kind == "value" and self.crossing_of(obj) is None and obj.mark != TRANSFORMED)
            or self.is_native(obj)
            or (self.is_pickled_by_members(obj) and self.holds_itself(obj, guesses=True))
            for obj in held
        )

    def libraries_of(self, transfer: Transfer) -> set[str]:
        """The libraries of which a file may hold values, as far as their types are known."""
        held = self.held(transfer)
        return {(obj.type if "." in obj.type else obj.path).partition(".")[0] for obj in held if obj.kind == "value"}

    def holds_definitions(self, transfer: Transfer) -> bool:
        """Whether a file may hold something that the notebook defines, or an instance of it."""
        values = {obj for name in transfer.names for obj in self.exits[transfer.stage].get(name, Var()).values}
        return any(obj.kind not in ("value", "lib") for obj in self.pickled(values, self.end(transfer.stage)))

    def pickled(self, values: Iterable[Obj], before: int) -> set[Obj]:
        """What a pickle holds: functions and classes of the script are in it by name, without what they hold."""
        seen = frontier = set(values)
        for obj in values:
            if obj.kind in ("class", "function") and (module_of(obj) is None or not outermost(obj)):
                frontier = frontier | fields_of(obj, before) | obj.contents
        while frontier:
            seen = seen | frontier
            found: set[Obj] = set()
            for obj in frontier:
                if obj.kind in ("function", "class") and outermost(obj):
                    continue
                found |= obj.contents_before(before)
                found.update(obj.bases)
                if obj.fields:  # what a formula mentions is looked up by name when it is loaded
                    found |= fields_of(obj, before) - obj.fields.get("formula", ATOM)
            frontier = found - seen
        return seen

    def held_by_name(self, transfer: Transfer) -> set[Obj]:
        """The functions and classes that a file holds by name: they are looked up when it is loaded."""
        if transfer.contents.are_whole:
            return set()
        roots: set[Obj] = set()
        for name in transfer.names:
            state = self.state_of(transfer, name)
            values = self.exits[transfer.stage].get(name, Var()).values
            if state is None:
                roots |= values
                continue
            for obj in values:
                attributes = [obj.fields[each] for each in state] if obj.kind == "class" else obj.fields.values()
                roots |= {o for inner in attributes for o in inner} | obj.contents
        held = self.pickled(roots, self.end(transfer.stage))
        return {obj for obj in held if obj.kind in ("function", "class") and not self.is_local_function(obj, transfer)}

    def definition_of(self, obj: Obj) -> tuple[Statement | None, str]:
        """The statement that makes a function or class, and the name under which a pickle finds it."""
        return self.definitions.get(obj.node), outermost(obj)

    def holds_formula(self, transfer: Transfer) -> bool:
        """Whether a file may hold a model of statsmodels, which looks its formula's names up when it is loaded."""
        exits = self.exits[transfer.stage]
        values = frozenset(obj for name in transfer.names for obj in exits.get(name, Var()).values)
        held = self.pickled(values, self.end(transfer.stage))
        return any(obj.type == "statsmodels" or "formula" in obj.fields for obj in held)

    def is_local_function(self, obj: Obj, transfer: Transfer) -> bool:
        """Whether an object is a function or class that another script cannot find by its name."""
        if obj.kind not in ("function", "class") or (obj.kind == "function" and obj.bases):
            return False
        name = outermost(obj)
        if module_of(obj) is not None:
            return not name
        var = self.exits[transfer.stage].get(name) if name else None
        nested = isinstance(obj.node, DEFINITIONS) and obj.node.name != name
        return var is None or not any(v is obj or (nested and outermost(v) == name) for v in var.values)

    def is_misnamed(self, obj: Obj, transfer: Transfer) -> bool:
        """Whether an object is a class like `P = namedtuple("Pair", ...)`, which a pickle looks up as `Pair`."""
        if obj.kind != "value" or obj.type != "class" or obj.mark == "enum member" or not obj.path:
            return False
        state, modules = self.heap.state, self.heap.modules.values()
        if any(obj in state.get((module.frame.number, obj.path)).values for module in modules):
            return False
        var = self.exits[transfer.stage].get(obj.path)
        return var is None or obj not in var.values

    def is_module(self, obj: Obj) -> bool:
        """Whether an object is certainly a module, which a plain pickle cannot hold."""
        return obj.kind == "module" or (obj.kind == "lib" and obj.path in self.modules)

    def check_savable(self, transfer: Transfer, values: frozenset[Obj]) -> None:
        for name in transfer.names:
            reached = self.pickled(self.exits[transfer.stage].get(name, Var()).values, self.end(transfer.stage))
            own = [o for o in reached if o.kind == "class" and module_of(o) is None]
            members = {o for cls in own for held in cls.fields.values() for o in held}
            what = next(filter(None, (self.unsavable(o, self.end(transfer.stage)) for o in {*reached, *members})), "")
            if what:
                self.refuse(transfer, name, what)
                return
            var = self.exits[transfer.stage].get(name, Var())
            if broken := self.broken_in(transfer, name):
                self.refuse(transfer, name, broken)
                return
            if native := self.native_in(transfer, name):
                self.refuse(transfer, name, native)
                return
            if any(o.kind == "value" and o.type == "class" and o.mark != "enum member" for o in var.values):
                self.refuse(transfer, name, "a class that a call makes")
                return
            state = self.state_of(transfer, name)
            if state is not None and ("*" in state or self.changes_methods(var, self.end(transfer.stage))):
                self.refuse(transfer, name, "attributes that are set under names which are worked out")
                return
            if state is not None and (
                len(var.values) != 1 or getattr(next(iter(var.sites)).node, "decorator_list", [])
            ):
                self.refuse(transfer, name, "state that a decorated or conditional definition keeps between calls")
                return
            if any(self.is_misnamed(o, transfer) for o in reached):
                self.refuse(transfer, name, "a class that is not bound to its own name")
                return
            local = [o for o in reached if self.is_local_function(o, transfer) or self.is_module(o)]
            own = [o for o in reached if o.kind == "class" and not self.is_local_function(o, transfer)]
            if local and own:
                what = "a module" if all(map(self.is_module, local)) else "a function without a name"
                self.refuse(transfer, name, f"{what} together with an instance of your class")
                return
            if any(obj.kind == "class" for obj in local):
                # cloudpickle forgets its qualified name, which its `repr` shows.
                self.refuse(transfer, name, "a class that a function makes")
                return
            if any(obj.type == "cached" for obj in local):
                self.refuse(transfer, name, "a cached function whose name is bound again")
                return
            for obj in local:
                self.check_function(transfer, name, obj)

    def broken_in(self, transfer: Transfer, name: str) -> str:
        """What a file would silently change of values that only cross alone; empty where there is none."""
        exits, end = self.exits[transfer.stage], self.end(transfer.stage)
        own = {o for o in exits.get(name, Var()).values if self.crosses_as(o, "alone")}
        if not own:
            return ""
        if any(self.crosses_as(o, "resets") for o in own):
            return "a metric that begins again when it is loaded"
        for other in transfer.names:
            values = exits.get(other, Var()).values
            if other != name and any(self.crosses_as(o, "alone") for o in values):
                return f"parts of `{other}`, which no file keeps as parts of both"
        known = self.heap.known
        for obj in own:
            if lost := sorted(each for each in obj.stored if not known.is_kept(obj.type, each)):
                return f"the attribute `{lost[0]}`, which its file does not keep"
        held = self.pickled(own, end)
        later = {s for o in own for s in self.changers.get(o, ()) if s.stage in transfer.consumers}
        if later and any(known.crossing(o.type) and o.type.endswith("RandomLayer") for o in held):
            return "a layer that draws random numbers, whose stream begins again"
        return ""

    def crosses_as(self, obj: Obj, word: str) -> bool:
        """Whether the row for an object's type has a word."""
        return obj.kind == "value" and word in (self.heap.known.crossing(obj.type) or "").split()

    def native_in(self, transfer: Transfer, name: str) -> str:
        """What a name certainly holds that no file keeps, and why it is not made anew; empty where there is none."""
        values = self.exits[transfer.stage].get(name, Var()).values
        found = sorted(self.natives(values, self.end(transfer.stage)))
        if not found:
            return ""
        what = (self.crossing_of(found[0]) or "").removeprefix(AGAIN)
        reasons = (self.hindrances.get((index, name)) for index in sorted(transfer.consumers))
        return what + next((f", which cannot be made again there: {reason}" for reason in reasons if reason), "")

    def unsavable(self, obj: Obj, before: int) -> str:
        """What an object is that no file keeps as it is; empty for any other."""
        crossing = self.crossing_of(obj) or ""
        if crossing.startswith("never ") and obj.kind == "value":
            return crossing.removeprefix("never ")
        if obj.mark == DESIGN:
            return 'a design of patsy (ask for `return_type="dataframe"`)'
        if obj.looked_up:
            return f"a formula that looks `{min(obj.looked_up)}` up again when it is loaded (put it into a column)"
        if obj.kind == "instance" and any(self.classes.lookup(obj, hook) for hook in PICKLE_HOOKS):
            return "an instance of a class that says itself what is saved of it"
        if obj.kind == "instance" and any(map(_asks_itself, self.classes.lookup(obj, "__getattr__"))):
            return "an instance of a class whose `__getattr__` needs what a file has not given back yet"
        if obj.kind == "instance" and (reason := self.hindered_in_loading(obj)):
            return reason
        if obj.kind == "instance" and "__dict__" in obj.stored:
            return "an instance whose `__dict__` is something else's too, of which a file keeps a copy"
        kept = self.changers.get(obj, ()) if obj.type == "cached" else ()
        if any(s.position < before and not self.repeatable(s) for s in kept):
            return "state that a decorated or conditional definition keeps between calls"
        if obj.mark == "enum member" and obj.stored:
            return "a member of an Enum that has been given attributes"
        values = reach(obj.fields.get("value", ())) if obj.mark == "enum member" else ()
        if any(s.position < before for value in values for s in self.changers.get(value, ())):
            return "a member of an Enum whose value changes"
        if obj.kind == "lib" and GLOBAL_DRAW.fullmatch(obj.path):
            return f"`{obj.path}`, of which a file would keep a generator of its own"
        if obj.mark == "flat" and obj.type == "ndarray":
            return "an iterator over an array"
        if obj.type == "iter" and obj.mark == "dict view":
            return "the keys, values or items of a dict, which follow its changes"
        if self.is_pickled_by_members(obj) and self.holds_itself(obj):
            return "a Counter or exception that holds itself"
        return ""

    def hindered_in_loading(self, obj: Obj) -> str:
        """Why a pickle cannot make an instance anew; empty where nothing is known to hinder it."""
        lookup = self.classes.lookup
        paths = {base.path for base in reach(obj.bases)}
        made = [] if any(lookup(obj, hook) for hook in NEW_ARGUMENTS) else sorted(lookup(obj, "__new__"))
        if any(map(_needs_arguments, made)) or (made and not paths.isdisjoint(PLAIN_BASES)):
            return "an instance of a class whose `__new__` is given other arguments when it is loaded"
        if "numpy.ndarray" in paths and obj.named:
            return "an array of a class of its own, whose attributes no file keeps"
        raised = any(path.startswith("builtins.") and path.endswith(RAISED) for path in paths)
        if raised and any(not _passes_on(fn) for fn in lookup(obj, "__init__") if fn.kind == "function"):
            return "an exception whose `__init__` is given other arguments when it is loaded (keep its text instead)"
        return ""

    def is_pickled_by_members(self, obj: Obj) -> bool:
        """Whether a pickle asks for what an object holds before it notes that it has the object itself."""
        own = any(base.path == "collections.Counter" or base.type == "exception" for base in reach(obj.bases))
        return own or obj.path == "collections.Counter" or obj.type == "exception"

    def holds_itself(self, obj: Obj, guesses: bool = False) -> bool:
        """Whether an object is within what it holds; with `guesses`, as unknown calls may have made it."""
        seen: set[Obj] = set()
        todo = [obj]
        while todo:
            held = todo.pop()
            found = (held.contents if guesses else held.contents - held.guessed).union(*held.fields.values()) - seen
            if obj in found:
                return True
            seen |= found
            todo += found
        return False

    def changes_methods(self, var: Var, before: int) -> bool:
        """Whether a method itself has been given attributes by then, which cross with neither source nor state."""
        methods = {o for cls in var.values if cls.kind == "class" for inner in cls.fields.values() for o in inner}
        return any(
            s.position < before and not self.repeatable(s)
            for o in methods
            if o.kind == "function" and o.bases
            for s in self.changers.get(o, ())
        )

    def check_function(self, transfer: Transfer, name: str, fn: Obj) -> None:
        """A function that is saved whole takes its globals along as they are: they must not change afterwards."""
        if not isinstance(fn.node, (*DEFINITIONS, ast.Lambda)):
            return
        module = module_of(fn)
        if module is not None:
            self.check_function_of_module(transfer, name, fn, module)
            return
        enclosed: set[str] = set()
        frame = fn.frame
        while frame is not None and frame.module is None:  # variables of the calls around it are saved with it
            enclosed |= frame.scope.local_names if not frame.scope.is_class else set()
            frame = frame.parent
        for free in sorted(free_names(fn.node) - enclosed):
            var = self.exits[transfer.stage].get(free)
            if var is None:
                continue
            end = self.end(transfer.stage)
            need = Need(free, var.values, var.sites, end)
            last = self.heap.state.get(free)
            changed = any(
                s.position >= end and o in s.known_changes for o in reach(var.values) for s in self.changers.get(o, ())
            )
            fixed = all(self.repeatable(s) for s in self.history(need, None))
            if not fixed or changed or last.sites != var.sites:
                self.refuse(transfer, name, f"a function without a name that uses `{free}`")

    def check_function_of_module(self, transfer: Transfer, name: str, fn: Obj, module: Module) -> None:
        """A function that a call of a module's function made takes a copy of the module's values along."""
        assert isinstance(fn.node, (*DEFINITIONS, ast.Lambda))
        for free in sorted(free_names(fn.node)):
            var = self.heap.state.get((module.frame.number, free))
            if var.sites or any(o.kind in ("value", "instance") and self.changers.get(o) for o in reach(var.values)):
                self.refuse(transfer, name, f"a function without a name that uses `{free}` of module `{module.name}`")

    def refuse(self, transfer: Transfer, name: str, what: str) -> None:
        var = self.exits[transfer.stage].get(name, Var())
        site = max(var.sites or self.stages[transfer.stage].statements, key=lambda s: s.position)
        self.findings.append(Finding("NB243", site, site.node, name, text=what))


def _types(objects: Iterable[Obj]) -> frozenset[str]:
    """The types of values of libraries; `?` for any other object."""
    return frozenset(obj.type if obj.kind == "value" else "?" for obj in objects)


def _needs_arguments(fn: Obj) -> bool:
    """Whether a function cannot be called with its first parameter alone."""
    if not isinstance(fn.node, ast.FunctionDef):
        return False
    given = fn.node.args
    required = len(given.posonlyargs) + len(given.args) - len(given.defaults) - 1
    return required > 0 or any(default is None for default in given.kw_defaults)


def _passes_on(fn: Obj) -> bool:
    """Whether an `__init__` gives its base class all of its own parameters as they are, or nothing at all.

    A pickle makes an exception by calling its class with what the base class was given.
    """
    if not isinstance(fn.node, ast.FunctionDef):
        return False
    own = [parameter.arg for parameter in (*fn.node.args.posonlyargs, *fn.node.args.args)][1:]
    for call in (part for part in walk(fn.node) if isinstance(part, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
            by_super = isinstance(call.func.value, ast.Call)
            given = call.args if by_super else call.args[1:]
            starred = [ast.unparse(part) for part in given]
            if starred != own and starred != [*own, f"*{fn.node.args.vararg.arg}" if fn.node.args.vararg else ""]:
                return False
    return not fn.node.args.kwonlyargs


def _asks_itself(fn: Obj) -> bool:
    """Whether a `__getattr__` looks up attributes of the instance whatever it is asked for: `getattr(self.inner, name)`.

    A pickle asks a new instance for `__setstate__` before it has any attribute.
    """
    if not isinstance(fn.node, ast.FunctionDef) or not fn.node.args.args:
        return False
    body = [part for part in fn.node.body if not isinstance(part, ast.Expr)]
    first, itself = body[0] if body else None, fn.node.args.args[0].arg
    if isinstance(first, ast.If) and any(isinstance(part, ast.Raise) for part in first.body):
        return False
    return any(
        isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == itself
        for part in walk(fn.node)
        if isinstance(getattr(part, "ctx", None), ast.Load)
    )


def outermost(obj: Obj) -> str:
    """The global name under which a pickle finds a function or class: its own, or that of the class around it."""
    if obj.kind not in ("function", "class") or not isinstance(obj.node, DEFINITIONS):
        return ""
    name, frame = obj.node.name, obj.frame
    while frame is not None and frame.module is None:
        if not isinstance(frame.scope.node, ast.ClassDef):
            return ""
        name, frame = frame.scope.node.name, frame.parent
    return name
