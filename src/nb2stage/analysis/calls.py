"""Calls: what is called, and with which arguments; methods of what is known by its type."""

from __future__ import annotations

import ast

from nb2stage.analysis.functions import ACCESSORS, SINGLE_DISPATCH
from nb2stage.analysis.heap import (
    ADDING,
    CONTAINERS,
    DATA,
    LABELLED,
    LOOKUPS,
    TRANSFORMED,
    USED_UP,
    Argument,
    _line,
    is_nan,
)
from nb2stage.analysis.librarycalls import (
    PLOT_NAME,
    LibraryCalls,
)
from nb2stage.analysis.objects import ATOM, Frame, Obj, Values, reach
from nb2stage.analysis.randomness import FOLLOWING
from nb2stage.analysis.scopes import FUNCTIONS
from nb2stage.knowledge import UNKNOWN, Effect, packages
from nb2stage.records import replace

# What runs functions beside the notebook's own thread, and its methods whose one result is a list of many.
POOLS = frozenset({"multiprocessing.Pool", "concurrent.futures.Executor"})
LISTED = frozenset({"map_async", "starmap_async"})


class Calls(LibraryCalls):
    """All calls."""

    def of_Call(self, node: ast.Call) -> Values:
        arguments: list[Argument] = []
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self.super_object(node)
        if isinstance(node.func, ast.Name) and node.func.id == "locals" and self.is_in_function("locals"):
            return self.local_variables()
        base: Values = ATOM
        functions: Values = ATOM
        if isinstance(node.func, ast.Attribute):
            base = self.eval(node.func.value)
        else:
            functions = self.eval(node.func)
        for each in node.args:
            star = isinstance(each, ast.Starred)
            value = each.value if isinstance(each, ast.Starred) else each
            arguments.append(Argument(self.eval(value), self.constant(value), None, value, star))
        for keyword in node.keywords:
            values = self.eval(keyword.value)
            constants = self.constant(keyword.value)
            arguments.append(Argument(values, constants, keyword.arg, keyword.value, keyword.arg is None))
        if isinstance(node.func, ast.Attribute):
            return self.call_method(node, node.func, base, arguments)
        self.last_returned = None
        result = self.call_values(functions, arguments, node)
        followed = len(functions) == 1 and all(fn.kind == "function" for fn in functions)
        self.returned[id(node)] = self.last_returned if followed else None
        return result

    def is_in_function(self, builtin: str) -> bool:
        """Whether the code is that of a function itself, in which a builtin's name means the builtin."""
        inside = self.frame is not None and isinstance(self.frame.scope.node, FUNCTIONS)
        key = self.resolve(builtin)
        return inside and isinstance(key, str) and not self.state.get(key).sites and key not in self.shadows

    def local_variables(self) -> Values:
        """The dict that `locals()` gives in a function: before Python 3.13 it is the same one in each of its calls."""
        assert self.frame is not None
        made = self.make(self.frame.scope.node, "locals", type="dict")
        self.change(made)
        frame: Frame | None = self.frame
        while frame is not None and frame.module is None:
            for name in sorted(frame.scope.local_names):
                self.hold(made, self.state.get((frame.number, name)).values)
            frame = frame.parent
        return frozenset({made})

    def call_values(self, functions: Values, arguments: list[Argument], node: ast.AST) -> Values:
        """Call whatever the objects `functions` are."""
        result: Values = ATOM
        for fn in sorted(functions, key=_line):
            result |= self.call_object(fn, arguments, node)
        if not functions:
            result = self.unknown_call(ATOM, arguments, node)
        return result

    def call_object(self, fn: Obj, arguments: list[Argument], node: ast.AST) -> Values:
        if fn.kind == "function" and fn.path == SINGLE_DISPATCH and not fn.bases:
            return self.call_implementations(fn, arguments, node)
        if fn.kind == "function":
            receiver = arguments[0].values if fn.bases and arguments else ATOM
            shifted = arguments[1:] if fn.bases and fn.type not in ("staticmethod", "classmethod") else arguments
            return self.call_function(fn, shifted, node, receiver)
        if fn.kind == "bound":
            result: Values = ATOM
            for inner in fn.fields["function"]:
                result |= self.call_function(inner, arguments, node, fn.fields["self"])
            return result
        if fn.kind == "class":
            return self.instantiate(fn, arguments, node)
        if fn.kind == "lib":
            return self.call_library(fn.path, arguments, node)
        if fn.type == "class":
            made = self.make(node, "instance")
            made.fields["class"] = made.fields.get("class", ATOM) | {fn}
            self.hold(made, frozenset().union(*(a.values for a in arguments)))
            return frozenset({made})
        if fn.type == "register":
            given = frozenset().union(*(a.values for a in arguments))
            self.register_implementation(fn.fields["base"], given)
            return given
        if fn.kind == "value" and (fn.type in CONTAINERS or fn.type in ("frame", "series")):
            return ATOM  # it cannot be called: something else is meant
        if fn.kind == "value" and fn.type == "ndarray":  # `np.poly1d(p)(x)`
            return frozenset({self.make(node, "result", type="ndarray")})
        if fn in self.partials:
            return self.call_inside(fn, arguments, node)
        if fn.kind == "value" and self.is_module(fn):
            return self.call_module(fn, arguments, node)
        if fn.kind == "instance" and self.is_module(fn) and (forward := self.lookup_bound(fn, "forward", node)):
            return self.call_values(frozenset(o for o in forward if o.kind == "bound"), arguments, node)
        if fn.kind == "value" and (effect := self.known.method("__call__", fn.type)) is not None:
            return self.apply(effect, frozenset({fn}), arguments, node)
        if fn.kind == "instance":
            result = self.dunders(frozenset({fn}), [a.values for a in arguments], only=("__call__",))
            if result or self.lookup(fn, "__call__"):
                return result
        own = self.known.method("__call__", fn.type) if fn.kind == "value" and fn.type else None
        if own is not None:
            return self.apply(own, frozenset({fn}), arguments, node)
        called = sorted((o for o in fn.contents if o.kind == "lib" and fn.type == "partial"), key=_line)
        owners = frozenset(fn.contents) if fn.type == "callable" else ATOM  # `put = xs.append`
        unknown = not called or len(called) < len(fn.contents)
        result = self.unknown_call(owners | {fn}, arguments, node) if unknown else ATOM
        for inner in called:
            result |= self.call_library(inner.path, arguments, node)
        return result

    def call_method(self, node: ast.Call, func: ast.Attribute, base: Values, arguments: list[Argument]) -> Values:
        result: Values = ATOM
        self.note_gradients(func.attr, base, node)
        known = self.known.method(func.attr, "") if not base else None
        if known is not None and known.changes:
            base = self.changeable(func.value)
        if not base:
            return self.atom_method(node, func, arguments)
        alike: dict[tuple[object, ...], set[Obj]] = {}
        # An unknown call may have returned the array that it was given: `model.summarize(x)` is no method of arrays.
        likely = frozenset(o for o in base if not self.known.lacks_method(func.attr, o.type))
        if self.alone is node and any(o.kind != "lib" for o in base):
            self.alone = None  # a method of something that the notebook has made
        for obj in sorted((o for o in likely or base if not self.lacks(o, func.attr)), key=_line):
            if obj.kind == "value" and obj.type not in ("path", "partial"):
                alike.setdefault((obj.type, obj.seeded, obj.forgets, obj.foreign, obj.passes_on), set()).add(obj)
            else:
                result |= self.method(obj, node, func, arguments)
        for objects in alike.values():
            result |= self.method(next(iter(objects)), node, func, arguments, frozenset(objects))
        return result

    def atom_method(self, node: ast.Call, func: ast.Attribute, arguments: list[Argument]) -> Values:
        """A method of a string or a number."""
        self.dunders(frozenset().union(*(a.values for a in arguments)), [])
        if func.attr in ("split", "rsplit", "splitlines", "partition", "rpartition"):
            return frozenset({self.make(node, "split", type="list")})
        if func.attr == "format" and any(a.star for a in arguments):
            return ATOM
        return ATOM

    def method(
        self, obj: Obj, node: ast.Call, func: ast.Attribute, arguments: list[Argument], alike: Values = ATOM
    ) -> Values:
        """Call a method of one object, or of several that are `alike` as far as the tables go."""
        name = func.attr
        if obj.kind == "module":
            self.last_returned = None
            found = self.module_attribute(obj, name, func)
            result = self.call_values(found, arguments, node)
            followed = len(found) == 1 and all(fn.kind == "function" for fn in found)
            self.returned[id(node)] = self.last_returned if followed else None
            return result
        if name in LOOKUPS | ADDING and any(is_nan(a.node) for a in arguments):
            self.statement.finds_nan = self.statement.finds_nan or name in LOOKUPS
            obj.nan_keys = obj.nan_keys or name in ADDING
        if name == "setflags":
            self.find("NB243", node, ast.unparse(func.value), "array flags, which no file keeps")
        if obj.kind == "lib":
            path = self.library(f"{obj.path}.{name}").path
            self.statement.imports.add(path)
            return self.call_library(path, arguments, node)
        self.names_in_strings(name, arguments, node)
        found = self.lookup(obj, name)
        if found:
            called = self.bound(obj, found, func)
            if obj.kind == "instance" and self.is_never_hidden(obj, name, found):
                called -= obj.contents - found
            return self.call_values(called, arguments, node)
        if obj.kind == "class" and name == "register" and self.is_abstract(obj):
            self.setting("abc")  # `Shape.register(Square)`: the class keeps it where no file finds it
            return frozenset().union(*(a.values for a in arguments))
        if obj.kind == "super" and name in ("__call__", "__new__"):
            return self.call_type_of(obj, name, arguments, node)
        views = [o for a in arguments for o in a.values if o.kind == "class"] if name == "view" else []
        if views and obj.kind == "value" and obj.type in ("ndarray", ""):
            return self.new_instances(views, [Argument(frozenset({obj}), None, None, None)], node)  # `a.view(Signal)`
        if obj.kind == "super":
            self.hold_all(obj, arguments)
            return frozenset(obj.contents)
        if obj.kind == "function" and obj.path == SINGLE_DISPATCH and name == "register":
            # `show.register(int, f)`, or the decorator that `show.register(int)` gives
            self.register_implementation(frozenset({obj}), frozenset().union(*(a.values for a in arguments)))
            made = self.make(node, "registers", type="register")
            made.fields["base"] = frozenset({obj})
            return frozenset({made})
        if obj.kind == "function":
            if name == "cache_info" and self.cached_calls.get(obj, set()) - {self.statement.stage}:
                self.find("NB243", node, ast.unparse(func.value), "a count of the calls that other stages make too")
            return self.call_blindly(obj, arguments, node, frozenset({obj}))
        if obj.kind == "instance" and (modules := self.modules_named(obj, name)):
            return self.call_values(modules, arguments, node)
        if obj.kind == "instance":
            found = self.dunders(frozenset({obj}), [], only=("__getattribute__", "__getattr__"))
            stored = found | frozenset(o for o in self.held_as(obj, name) if o.kind in ("function", "bound", "class"))
            result = self.call_values(stored, arguments, node) if stored else ATOM
            effect = self.inherited_effect(obj, name)
            return result | self.apply(effect or UNKNOWN, frozenset({obj}), arguments, node)
        if isinstance(func.value, ast.Attribute) and func.value.attr == "plot" and obj.type in DATA:
            self.note_plot(node, 0 if any(a.name == "ax" for a in arguments) else 1)
            return frozenset({self.make(node, "axes", type="matplotlib")})
        if obj.type == "path":
            return self.path_method(obj, node, func, arguments)
        if obj.type == "partial":
            return self.call_inside(obj, arguments, node)
        effect = self.known.method(name, obj.type, obj.foreign)
        if effect is not None and effect.result == "fresh" and obj.type in POOLS:
            return self.work_of_pool(effect, arguments, node)
        owner = func.value
        if (obj.path or obj.type).partition(".")[0] in packages("pictureless"):
            pass
        elif effect is None and obj.type != "matplotlib" and PLOT_NAME.search(name):
            self.note_plot(node, 3)
        elif isinstance(owner, ast.Attribute) and owner.attr == "plot" and (effect is None or not effect.plots):
            self.note_plot(node, 3)  # `counts.plot.pie()` of something that is not known to be a frame
        if effect is None:
            effect = self.default_method(obj, name)
        effect = self.adjust(effect, obj, name, arguments, node)
        if effect.sql:
            effect, arguments, _ = self.sql_effect(effect, arguments, node)
        if name == "bar_label" and obj.type == "matplotlib":
            for each in {*alike, obj, *self.artists.get(self.statement.cell, ())}:
                each.path = each.path or LABELLED
        result = self.apply(effect, alike or frozenset({obj}), arguments, node)
        if obj.type in ("dict", "namespace") and name in ("keys", "values", "items"):
            for view in result:
                view.path = "dict view"
                over = alike or frozenset({obj})
                if name == "items":
                    view.fields["pair"] = frozenset({self.make(node, "pair", type="tuple")})
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
                    made.path = TRANSFORMED
        return result

    def call_type_of(self, obj: Obj, name: str, arguments: list[Argument], node: ast.AST) -> Values:
        """`super().__new__(cls)` makes an instance; `super().__call__(*args)` of a metaclass makes one, and begins it."""
        result: Values = ATOM
        given = arguments[0].values if name == "__new__" and arguments else ATOM
        for cls in sorted(o for o in given | frozenset(obj.contents) if o.kind == "class"):
            if name == "__call__":
                result |= self.instantiate(cls, arguments, node, by_type=True)
            else:
                made = self.new_instance(cls, node)
                if self.has_library_base(cls):
                    self.hold(made, frozenset().union(*(a.values for a in arguments[1:])))
                result |= {made}
        return result or frozenset(obj.contents)

    def is_abstract(self, obj: Obj) -> bool:
        """Whether a class has the methods of `abc.ABCMeta`."""
        return any(b.kind == "lib" and b.path.startswith(("abc.", "collections.abc.")) for b in reach(obj.bases))

    def work_of_pool(self, effect: Effect, arguments: list[Argument], node: ast.Call) -> Values:
        """`pool.map(f, xs)` or `pool.submit(f, x)`: what functions of the notebook return, and nothing of `xs` beside."""
        self.apply(effect, ATOM, arguments, node)  # no function is given the pool
        made = self.make(node, "work", type=effect.type)
        functions = arguments[0].values if arguments else ATOM
        if functions and all(o.kind == "function" and not o.bases for o in functions):
            done = frozenset().union(*(self.blind_calls[self.statement.position, f].result for f in functions))
        else:
            given = frozenset().union(*(a.values for a in arguments[1:]))
            done = frozenset(o for o in given | self.taken(given) if o.type not in USED_UP and o.kind != "lib")
        returned = frozenset({self.make(node, "results", type="list")}) if self.name_of(node) in LISTED else done
        for each in returned - done:
            self.hold(each, done)
        self.hold(made, returned)
        if effect.type != "list":
            made.fields["yields"] = made.fields.get("yields", ATOM) | returned
        return frozenset({made})

    def is_never_hidden(self, obj: Obj, name: str, found: Values) -> bool:
        """Whether an instance certainly has no attribute of its own with the name of these methods of its class."""
        methods = all(o.kind == "function" and o.type not in ACCESSORS for o in found)
        stored = self.stored_attributes
        return methods and stored is not None and name not in stored and not self.has_odd_base(obj)

    def hold_all(self, obj: Obj, arguments: list[Argument]) -> None:
        for receiver in obj.contents:
            self.change(receiver)
            for argument in arguments:
                self.hold(receiver, argument.values)

    def inherited_effect(self, obj: Obj, name: str) -> Effect | None:
        """What a method does that an instance has from a class of a library; None where it has none."""
        bases = [b for b in reach(obj.bases) if b.kind == "lib"]
        if not bases:
            return None
        kinds = {self.known.class_type(b.path) for b in bases}
        if len(kinds) == 1 and "." in (kind := kinds.pop()):
            return self.known.method(name, kind)
        if not any(self.known.function(b.path).unknown for b in bases):
            # A well-kept library changes and keeps things in the instance, and links nothing else.
            return self.known.method(name, "") or Effect(changes=True, keeps=True, draws="seedable")
        return self.known.method(name, "")

    def default_method(self, obj: Obj, name: str) -> Effect:
        return self.known.other_methods(obj.type)

    def adjust(self, effect: Effect, obj: Obj, name: str, arguments: list[Argument], node: ast.AST) -> Effect:
        """What keyword arguments change about a method's row."""
        keywords = {a.name: a for a in arguments if a.name}
        effect = self.continued(effect, arguments)
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
        out = self.known.out_argument(f"numpy.{name}") if obj.type == "ndarray" else None
        if out is not None and len(arguments) >= out:
            effect = replace(effect, changes_all=True)  # `a.round(2, b)`
        if obj.in_place and not effect.unknown:
            effect = replace(effect, changes_all=True)
        if name == "set_params" and any(a.star or a.values or "random_state" in (a.name or "") for a in arguments):
            obj.seeded = self.is_seeded(arguments)
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
