"""Calls: what is called, and with which arguments; methods of what is known by its type."""

from __future__ import annotations

import ast

from nb2stage.analysis.classes import Classes
from nb2stage.analysis.consequences import Consequences
from nb2stage.analysis.fileuses import FileUses
from nb2stage.analysis.functions import Functions
from nb2stage.analysis.gradients import Gradients
from nb2stage.analysis.heap import Argument, Heap
from nb2stage.analysis.iteration import Iteration
from nb2stage.analysis.librarycalls import PLOT_NAME, LibraryCalls
from nb2stage.analysis.missing import is_nan
from nb2stage.analysis.modules import Modules
from nb2stage.analysis.objects import ATOM, Obj, Values, line_of, reach
from nb2stage.analysis.processstate import ProcessState
from nb2stage.analysis.randomness import FOLLOWING, Randomness
from nb2stage.analysis.sqlcalls import SqlCalls
from nb2stage.analysis.vocabulary import (
    ACCESSORS,
    ADDING,
    CONTAINERS,
    DATA,
    LABELLED,
    LOOKUPS,
    SINGLE_DISPATCH,
    TRANSFORMED,
    USED_UP,
)
from nb2stage.knowledge import UNKNOWN, Effect, packages
from nb2stage.records import replace

# What runs functions beside the notebook's own thread, and its methods whose one result is a list of many.
POOLS = frozenset({"multiprocessing.Pool", "concurrent.futures.Executor"})


LISTED = frozenset({"map_async", "starmap_async"})


class Calls:
    """Calls anything."""

    def __init__(
        self,
        heap: Heap,
        classes: Classes,
        process: ProcessState,
        randomness: Randomness,
        file_uses: FileUses,
        gradients: Gradients,
        sql: SqlCalls,
        functions: Functions,
        iteration: Iteration,
        consequences: Consequences,
        modules: Modules,
        library_calls: LibraryCalls,
    ) -> None:
        self.heap = heap
        self.classes = classes
        self.process = process
        self.randomness = randomness
        self.file_uses = file_uses
        self.gradients = gradients
        self.sql = sql
        self.functions = functions
        self.iteration = iteration
        self.consequences = consequences
        self.modules = modules
        self.library_calls = library_calls

    def call_module(self, module: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        """`model(x)`: a layer does what its row says, a container what its members do."""
        effect = self.heap.known.method("__call__", module.type)
        assert effect is not None
        inside = [o for o in reach([module]) if o is not module and self.classes.is_module(o)]
        result: Values = ATOM
        for inner in inside:
            if inner.kind == "instance":
                result |= self.call_values(self.functions.lookup_bound(inner, "forward", node), arguments, node)
        parts = [self.heap.known.method("__call__", o.type) for o in inside if o.kind == "value"]
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
        given = self.consequences.apply(replace(effect, changes=False, changes_all=in_place), ATOM, arguments, node)
        for obj in given:
            obj.made_from |= {module}
        if effect.changes:
            self.consequences.change_owned(frozenset({module}))
        return given | result

    def call_values(self, functions: Values, arguments: list[Argument], node: ast.AST) -> Values:
        """Call whatever the objects `functions` are."""
        result: Values = ATOM
        for fn in sorted(functions, key=line_of):
            result |= self.call_object(fn, arguments, node)
        if not functions:
            result = self.library_calls.unknown_call(ATOM, arguments, node)
        return result

    def call_object(self, fn: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        if fn.kind == "function" and fn.path == SINGLE_DISPATCH and not fn.bases:
            return self.functions.call_implementations(fn, arguments, node)
        if fn.kind == "function":
            receiver = arguments[0].values if fn.bases and arguments else ATOM
            shifted = arguments[1:] if fn.bases and fn.type not in ("staticmethod", "classmethod") else arguments
            return self.functions.call_function(fn, shifted, node, receiver)
        if fn.kind == "bound":
            result: Values = ATOM
            for inner in fn.fields["function"]:
                result |= self.functions.call_function(inner, arguments, node, fn.fields["self"])
            return result
        if fn.kind == "class":
            return self.functions.instantiate(fn, arguments, node)
        if fn.kind == "lib":
            return self.library_calls.call_library(fn.path, arguments, node)
        if fn.type == "class":
            made = self.heap.make(node, "instance")
            made.fields["class"] = made.fields.get("class", ATOM) | {fn}
            self.heap.hold(made, frozenset().union(*(a.values for a in arguments)))
            return frozenset({made})
        if fn.type == "register":
            given = frozenset().union(*(a.values for a in arguments))
            self.functions.register_implementation(fn.fields["base"], given)
            return given
        if fn.kind == "value" and (fn.type in CONTAINERS or fn.type in ("frame", "series")):
            return ATOM  # it cannot be called: something else is meant
        if fn.kind == "value" and fn.type == "ndarray":  # `np.poly1d(p)(x)`
            return frozenset({self.heap.make(node, "result", type="ndarray")})
        if fn in self.heap.partials:
            return self.functions.call_inside(fn, arguments, node)
        if fn.kind == "value" and self.classes.is_module(fn):
            return self.call_module(fn, arguments, node)
        if (
            fn.kind == "instance"
            and self.classes.is_module(fn)
            and (forward := self.functions.lookup_bound(fn, "forward", node))
        ):
            return self.call_values(frozenset(o for o in forward if o.kind == "bound"), arguments, node)
        if fn.kind == "value" and (effect := self.heap.known.method("__call__", fn.type)) is not None:
            return self.consequences.apply(effect, frozenset({fn}), arguments, node)
        if fn.kind == "instance":
            result = self.functions.dunders(frozenset({fn}), [a.values for a in arguments], only=("__call__",))
            if result or self.classes.lookup(fn, "__call__"):
                return result
        own = self.heap.known.method("__call__", fn.type) if fn.kind == "value" and fn.type else None
        if own is not None:
            return self.consequences.apply(own, frozenset({fn}), arguments, node)
        called = sorted((o for o in fn.contents if o.kind == "lib" and fn.type == "partial"), key=line_of)
        owners = frozenset(fn.contents) if fn.type == "callable" else ATOM  # `put = xs.append`
        unknown = not called or len(called) < len(fn.contents)
        result = self.library_calls.unknown_call(owners | {fn}, arguments, node) if unknown else ATOM
        for inner in called:
            result |= self.library_calls.call_library(inner.path, arguments, node)
        return result

    def call_method(self, node: ast.Call, func: ast.Attribute, base: Values, arguments: list[Argument]) -> Values:
        result: Values = ATOM
        self.gradients.note_gradients(func.attr, base, node)
        known = self.heap.known.method(func.attr, "") if not base else None
        if known is not None and known.changes:
            base = self.heap.changeable(func.value)
        if not base:
            return self.atom_method(node, func, arguments)
        alike: dict[tuple[object, ...], set[Obj]] = {}
        # An unknown call may have returned the array that it was given: `model.summarize(x)` is no method of arrays.
        likely = frozenset(o for o in base if not self.heap.known.lacks_method(func.attr, o.type))
        if self.heap.alone is node and any(o.kind != "lib" for o in base):
            self.heap.alone = None  # a method of something that the notebook has made
        for obj in sorted((o for o in likely or base if not self.heap.lacks(o, func.attr)), key=line_of):
            if obj.kind == "value" and obj.type not in ("path", "partial"):
                alike.setdefault((obj.type, obj.seeded, obj.forgets, obj.foreign, obj.passes_on), set()).add(obj)
            else:
                result |= self.method(obj, node, func, arguments)
        for objects in alike.values():
            result |= self.method(next(iter(objects)), node, func, arguments, frozenset(objects))
        return result

    def atom_method(self, node: ast.Call, func: ast.Attribute, arguments: list[Argument]) -> Values:
        """A method of a string or a number."""
        self.functions.dunders(frozenset().union(*(a.values for a in arguments)), [])
        if func.attr in ("split", "rsplit", "splitlines", "partition", "rpartition"):
            return frozenset({self.heap.make(node, "split", type="list")})
        if func.attr == "format" and any(a.star for a in arguments):
            return ATOM
        return ATOM

    def method(
        self, obj: Obj, node: ast.Call, func: ast.Attribute, arguments: list[Argument], alike: Values = ATOM
    ) -> Values:
        """Call a method of one object, or of several that are `alike` as far as the tables go."""
        name = func.attr
        if obj.kind == "module":
            self.heap.last_returned = None
            found = self.modules.module_attribute(obj, name, func)
            result = self.call_values(found, arguments, node)
            followed = len(found) == 1 and all(fn.kind == "function" for fn in found)
            self.heap.returned[id(node)] = self.heap.last_returned if followed else None
            return result
        if name in LOOKUPS | ADDING and any(is_nan(a.node) for a in arguments):
            self.heap.statement.finds_nan = self.heap.statement.finds_nan or name in LOOKUPS
            obj.nan_keys = obj.nan_keys or name in ADDING
        if name == "setflags":
            self.heap.find("NB243", node, ast.unparse(func.value), "array flags, which no file keeps")
        if obj.kind == "lib":
            path = self.heap.library(f"{obj.path}.{name}").path
            self.heap.statement.imports.add(path)
            return self.library_calls.call_library(path, arguments, node)
        self.library_calls.names_in_strings(name, arguments, node)
        found = self.classes.lookup(obj, name)
        if found:
            called = self.functions.bound(obj, found, func)
            if obj.kind == "instance" and self.is_never_hidden(obj, name, found):
                called -= obj.contents - found
            return self.call_values(called, arguments, node)
        if obj.kind == "class" and name == "register" and self.classes.is_abstract(obj):
            self.process.setting("abc")  # `Shape.register(Square)`: the class keeps it where no file finds it
            return frozenset().union(*(a.values for a in arguments))
        if obj.kind == "super" and name in ("__call__", "__new__"):
            return self.call_type_of(obj, name, arguments, node)
        views = [o for a in arguments for o in a.values if o.kind == "class"] if name == "view" else []
        if views and obj.kind == "value" and obj.type in ("ndarray", ""):
            return self.functions.new_instances(
                views, [Argument(frozenset({obj}), None, None, None)], node
            )  # `a.view(Signal)`
        if obj.kind == "super":
            self.hold_all(obj, arguments)
            return frozenset(obj.contents)
        if obj.kind == "function" and obj.path == SINGLE_DISPATCH and name == "register":
            # `show.register(int, f)`, or the decorator that `show.register(int)` gives
            self.functions.register_implementation(frozenset({obj}), frozenset().union(*(a.values for a in arguments)))
            made = self.heap.make(node, "registers", type="register")
            made.fields["base"] = frozenset({obj})
            return frozenset({made})
        if obj.kind == "function":
            if name == "cache_info" and self.heap.cached_calls.get(obj, set()) - {self.heap.statement.stage}:
                self.heap.find(
                    "NB243", node, ast.unparse(func.value), "a count of the calls that other stages make too"
                )
            return self.functions.call_blindly(obj, arguments, node, frozenset({obj}))
        if obj.kind == "instance" and (modules := self.classes.modules_named(obj, name)):
            return self.call_values(modules, arguments, node)
        if obj.kind == "instance":
            found = self.functions.dunders(frozenset({obj}), [], only=("__getattribute__", "__getattr__"))
            stored = found | frozenset(
                o for o in self.heap.held_as(obj, name) if o.kind in ("function", "bound", "class")
            )
            result = self.call_values(stored, arguments, node) if stored else ATOM
            effect = self.inherited_effect(obj, name)
            return result | self.consequences.apply(effect or UNKNOWN, frozenset({obj}), arguments, node)
        if isinstance(func.value, ast.Attribute) and func.value.attr == "plot" and obj.type in DATA:
            self.process.note_plot(node, 0 if any(a.name == "ax" for a in arguments) else 1)
            return frozenset({self.heap.make(node, "axes", type="matplotlib")})
        if obj.type == "path":
            return self.file_uses.path_method(obj, node, func, arguments)
        if obj.type == "partial":
            return self.functions.call_inside(obj, arguments, node)
        effect = self.heap.known.method(name, obj.type, obj.foreign)
        if effect is not None and effect.result == "fresh" and obj.type in POOLS:
            return self.work_of_pool(effect, arguments, node)
        owner = func.value
        if (obj.path or obj.mark or obj.type).partition(".")[0] in packages("pictureless"):
            pass
        elif effect is None and obj.type != "matplotlib" and PLOT_NAME.search(name):
            self.process.note_plot(node, 3)
        elif isinstance(owner, ast.Attribute) and owner.attr == "plot" and (effect is None or not effect.plots):
            self.process.note_plot(node, 3)  # `counts.plot.pie()` of something that is not known to be a frame
        if effect is None:
            effect = self.default_method(obj, name)
        effect = self.adjust(effect, obj, name, arguments, node)
        if effect.sql:
            effect, arguments, _ = self.sql.sql_effect(effect, arguments, node)
        if name == "bar_label" and obj.type == "matplotlib":
            for each in {*alike, obj, *self.heap.artists.get(self.heap.statement.cell, ())}:
                each.mark = each.mark or (LABELLED if not each.path else "")
        result = self.consequences.apply(effect, alike or frozenset({obj}), arguments, node)
        if obj.type in ("dict", "namespace") and name in ("keys", "values", "items"):
            for view in result:
                view.mark = "dict view"
                over = alike or frozenset({obj})
                if name == "items":
                    view.fields["pair"] = frozenset({self.heap.make(node, "pair", type="tuple")})
                field = f"{name} of" if obj.type == "dict" and name != "items" else "over"
                view.fields[field] = view.fields.get(field, ATOM) | over
        transforms = obj.type == "sklearn" and name in (
            "transform",
            "fit_transform",
            "inverse_transform",
            "fit_predict",
        )
        if transforms and obj.passes_on:
            given = frozenset().union(*(a.values for a in arguments))
            result |= frozenset(o for o in given if o.kind == "value")
        if transforms:
            for made in result:
                if made.kind == "value" and not made.type:
                    made.mark = TRANSFORMED
        return result

    def call_type_of(self, obj: Obj, name: str, arguments: list[Argument], node: ast.AST) -> Values:
        """`super().__new__(cls)` makes an instance; `super().__call__(*args)` of a metaclass makes one, and begins it."""
        result: Values = ATOM
        given = arguments[0].values if name == "__new__" and arguments else ATOM
        for cls in sorted(o for o in given | frozenset(obj.contents) if o.kind == "class"):
            if name == "__call__":
                result |= self.functions.instantiate(cls, arguments, node, by_type=True)
            else:
                made = self.functions.new_instance(cls, node)
                if self.classes.has_library_base(cls):
                    self.heap.hold(made, frozenset().union(*(a.values for a in arguments[1:])))
                result |= {made}
        return result or frozenset(obj.contents)

    def work_of_pool(self, effect: Effect, arguments: list[Argument], node: ast.Call) -> Values:
        """`pool.map(f, xs)` or `pool.submit(f, x)`: what functions of the notebook return, and nothing of `xs` beside."""
        self.consequences.apply(effect, ATOM, arguments, node)  # no function is given the pool
        made = self.heap.make(node, "work", type=effect.type)
        functions = arguments[0].values if arguments else ATOM
        if functions and all(o.kind == "function" and not o.bases for o in functions):
            done = frozenset().union(
                *(self.heap.blind_calls[self.heap.statement.position, f].result for f in functions)
            )
        else:
            given = frozenset().union(*(a.values for a in arguments[1:]))
            done = frozenset(
                o for o in given | self.iteration.taken(given) if o.type not in USED_UP and o.kind != "lib"
            )
        returned = (
            frozenset({self.heap.make(node, "results", type="list")}) if self.heap.name_of(node) in LISTED else done
        )
        for each in returned - done:
            self.heap.hold(each, done)
        self.heap.hold(made, returned)
        if effect.type != "list":
            made.fields["yields"] = made.fields.get("yields", ATOM) | returned
        return frozenset({made})

    def is_never_hidden(self, obj: Obj, name: str, found: Values) -> bool:
        """Whether an instance certainly has no attribute of its own with the name of these methods of its class."""
        methods = all(o.kind == "function" and o.type not in ACCESSORS for o in found)
        stored = self.heap.stored_attributes
        return methods and stored is not None and name not in stored and not self.classes.has_odd_base(obj)

    def hold_all(self, obj: Obj, arguments: list[Argument]) -> None:
        for receiver in obj.contents:
            self.heap.change(receiver)
            for argument in arguments:
                self.heap.hold(receiver, argument.values)

    def inherited_effect(self, obj: Obj, name: str) -> Effect | None:
        """What a method does that an instance has from a class of a library; None where it has none."""
        bases = [b for b in reach(obj.bases) if b.kind == "lib"]
        if not bases:
            return None
        kinds = {self.heap.known.class_type(b.path) for b in bases}
        if len(kinds) == 1 and "." in (kind := kinds.pop()):
            return self.heap.known.method(name, kind)
        if not any(self.heap.known.function(b.path).unknown for b in bases):
            # A well-kept library changes and keeps things in the instance, and links nothing else.
            return self.heap.known.method(name, "") or Effect(changes=True, keeps=True, draws="seedable")
        return self.heap.known.method(name, "")

    def default_method(self, obj: Obj, name: str) -> Effect:
        return self.heap.known.other_methods(obj.type)

    def adjust(self, effect: Effect, obj: Obj, name: str, arguments: list[Argument], node: ast.AST) -> Effect:
        """What keyword arguments change about a method's row."""
        keywords = {a.name: a for a in arguments if a.name}
        effect = self.library_calls.continued(effect, arguments)
        if any(a.star and a.name is None and isinstance(a.constants, type(None)) for a in arguments[-1:]):
            # `**options` may say `inplace=True`.
            effect = replace(
                effect, changes=True, keeps=True, result="any" if effect.result == "atom" else effect.result
            )
        inplace = keywords.get("inplace", keywords.get("in_place"))  # pandas, polars
        if inplace is not None and inplace.constants != frozenset({False}):
            effect = replace(effect, changes=True, keeps=True, result="view", type="")
        shallow = [keywords[word] for word in ("copy", "deep") if word in keywords]
        if any(word.constants != frozenset({True}) for word in shallow) and effect.result != "atom":
            effect = replace(effect, result="view")
        out = self.heap.known.out_argument(f"numpy.{name}") if obj.type == "ndarray" else None
        if out is not None and len(arguments) >= out:
            effect = replace(effect, changes_all=True)  # `a.round(2, b)`
        if obj.in_place and not effect.unknown:
            effect = replace(effect, changes_all=True)
        if name == "set_params" and any(a.star or a.values or "random_state" in (a.name or "") for a in arguments):
            obj.seeded = self.randomness.is_seeded(arguments)
        if effect.drawn == ("xgboost",) and obj.seeded:
            effect = replace(effect, draws="")
        if effect.draws and obj.type in FOLLOWING and "random_state" in obj.stored:
            effect = replace(effect, changes=True)
        if obj.type == "sklearn" and effect.draws == "seedable" and obj.seeded:
            effect = replace(effect, draws="")
        if obj.forgets and name in ("fit", "partial_fit"):
            effect = replace(effect, keeps=False)
        if obj.type in DATA and effect.plots:
            effect = replace(effect, plots=0 if "ax" in keywords else 1)
        if effect.plots and effect.result == "view":
            effect = replace(effect, result="fresh", type="matplotlib")
        return effect
