"""Random numbers: what seeds the generators of the process, and what draws from them."""

from __future__ import annotations

import ast
import sys

from nb2stage.analysis.heap import Argument, Heap
from nb2stage.analysis.objects import Obj, Values, Var, reach
from nb2stage.knowledge import GENERATORS, SEED_ARGUMENTS, Effect, generator, looks_like_seeder
from nb2stage.knowledge.generators import Generator

# Types of values whose methods are none of a library that draws from a generator of its own.
PLAIN = frozenset({"list", "dict", "tuple", "set", "iter", "path", "handle", "frame", "series", "ndarray", "pandas"})


# Types of values that draw from numpy's generator until they are saved, and from one of their own when they are loaded.
FOLLOWING = frozenset({"scipy.stats", "scipy.multivariate"})


class Randomness:
    """Writes down who seeds generators of random numbers, and who draws from them."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap

    def apply_random(
        self, effect: Effect, callee: str, receiver: Values, arguments: list[Argument], node: ast.AST
    ) -> None:
        """Seed and draw as an effect says; `callee` is the dotted path of what is called, where it has one."""
        for which in effect.seeds:
            self.seed(which, node)
        for which in effect.may_seed:
            self.seed(which, node, sure=False)
        if effect.by_chance and all(a.constants == frozenset({None}) for a in arguments):
            name = self.heap.name_of(node)
            text = f"`{name}` is made without a seed: the notebook itself gives other results each time"
            self.heap.find("NB230", node, name, text, f"give it a seed: `{name}(42)`")
        if effect.chance and not self.is_seeded(arguments) and not any(a.name == "v0" for a in arguments):
            name = self.heap.name_of(node)
            text = f"`{name}` begins by chance without a seed: the notebook itself gives other results each time"
            self.heap.find("NB230", node, name, text, f"give it a seed: `{name}(..., rng=42)`")
        if effect.draws:
            given = receiver.union(*(a.values for a in arguments)) if effect.unknown else receiver
            self.heap.drawn_from |= {o for o in (reach(given) if effect.unknown else given) if o.type in FOLLOWING}
        if effect.unknown and looks_like_seeder(callee.rpartition(".")[2] or self.heap.name_of(node)):
            self.seed_unknown(callee, node)
        elif effect.draws == "any":
            packages = self.packages_behind(callee, receiver, arguments)
            for which in sorted(self.heap.seeded):
                if self.may_draw(generator(which), packages):
                    self.draw(which)
        elif effect.draws == "always":
            for which in effect.drawn:
                if self.is_seeded(arguments) and not self.heap.state.get(generator(which).key).sites:
                    self.begin(which, node)  # `tf.random.normal([2], seed=1)` begins a stream too
                    self.heap.statement.draws.add(which)
                    self.heap.statement.impure = True
                else:
                    self.draw(which, node, callee)
        elif effect.draws == "seedable" and not self.is_seeded(arguments):
            for which in effect.drawn or ("numpy",):
                self.draw(which)

    def seed_unknown(self, callee: str, node: ast.AST) -> None:
        """A call that looks like a seeder and that no table knows may seed each generator that the notebook uses."""
        root = callee.partition(".")[0]
        known = self.is_known_package(root)
        for each in GENERATORS.values():
            if (each.readable and each.name in self.heap.generators) or (
                not each.readable and not each.named and root in each.packages
            ):
                self.seed(each.name, node, sure=False)
        if root and not known and root not in self.heap.opaque_modules:
            self.seed(root, node, sure=False)  # which may have a generator of its own

    def is_known_package(self, root: str) -> bool:
        """Whether it is known which generators a package draws from."""
        return (
            root in sys.stdlib_module_names
            or self.heap.known.has_file(root)
            or any(root in each.packages for each in GENERATORS.values())
        )

    def packages_behind(self, callee: str, receiver: Values, arguments: list[Argument]) -> set[str] | None:
        """The packages whose code a call may run; None where nobody knows."""
        found = {callee.partition(".")[0]} if callee else set()
        for obj in receiver:
            package = self.package_of(obj)
            if package is None and not found:
                return None
            found |= package or set()
        given = {o for a in arguments for o in a.values}
        for obj in given.union(*(o.contents for o in given if o.type in ("list", "tuple", "dict"))):
            found |= self.package_of(obj) or set()
        return found or None

    def package_of(self, obj: Obj) -> set[str] | None:
        """The packages of the class of an object; None where nobody knows."""
        if obj.kind == "lib" or (obj.kind == "value" and "." in obj.path):
            return {obj.path.partition(".")[0]}
        if obj.kind == "instance":
            return {base.path.partition(".")[0] for base in reach(obj.bases) if base.kind == "lib"}
        if obj.kind != "value":
            return set()
        if not obj.type or obj.type == "callable":
            return {obj.package} if obj.package else None
        return set() if obj.type in PLAIN else {obj.type.partition(".")[0]}

    def note_package(self, made: Values, callee: str, receiver: Values) -> None:
        """Write down whose code has made objects of which nothing else is known."""
        packages = {callee.partition(".")[0]} if callee else set()
        for obj in receiver:
            packages |= self.package_of(obj) or {""}
        if len(packages) == 1:
            for obj in made:
                if obj.kind == "value" and not (obj.type or obj.path or obj.mark):
                    obj.package = next(iter(packages))

    def draw_by_iterating(self, obj: Obj) -> None:
        """A loop over an object of a library's class may draw: `DataLoader(data, shuffle=True)`."""
        self.move_generators(obj)
        made_by_class = obj.kind == "instance" or (not obj.type and obj.path.rpartition(".")[2][:1].isupper())
        for package in sorted(self.package_of(obj) or ()) if made_by_class and self.heap.seeded else ():
            for which in sorted(self.heap.seeded):
                if package in generator(which).packages and not generator(which).named:
                    self.draw(which)

    def move_generators(self, obj: Obj) -> None:
        """A loop over a loader draws from the generator that it holds."""
        for inner in reach([obj]):
            if inner.type == "torch.Generator":
                self.heap.change(inner)

    def may_draw(self, each: Generator, packages: set[str] | None) -> bool:
        """Whether unknown code of these packages may draw from a generator."""
        if each.named:
            return False
        if packages is None:
            return True
        if packages & each.packages:
            return True
        if each.readable and packages & sys.stdlib_module_names:
            return True
        strange = any(not self.is_known_package(package) for package in packages)
        return strange and each.name in GENERATORS

    def seed(self, which: str, node: ast.AST, sure: bool = True) -> None:
        """A generator is given a state; not `sure`: or keeps the one that it has."""
        which = self.stream(which)
        self.heap.statement.seeds.add(which)
        if which == "torch.cuda" and not self.heap.uses_gpu:
            return
        self.begin(which, node, sure)

    def begin(self, which: str, node: ast.AST, sure: bool = True) -> None:
        each = generator(which)
        if not each.readable:
            self.heap.streams[each.key] = each
        values, sites = (
            frozenset({self.heap.make(node, "seed " + which, type="random_state")}),
            frozenset({self.heap.statement}),
        )
        before = self.heap.state.get(each.key)
        self.heap.seeded.add(which)
        self.heap.set(each.key, Var(values, sites) if sure else Var(before.values | values, before.sites | sites))

    def draw(self, which: str, node: ast.AST | None = None, callee: str = "") -> None:
        """A number is (or may be) drawn from a generator of the process; `node` is the draw, where it certainly is one."""
        if which == "torch" and "torch.cuda" in self.heap.seeded:
            self.draw("torch.cuda")
        which = self.stream(which)
        each = generator(which)
        var = self.heap.state.get(each.key)
        for module in self.heap.loading:
            module.effects = True
        if self.heap.loading and var.sites == {self.heap.statement}:
            for obj in var.values:  # the module has seeded it itself: run again, it draws the same
                self.heap.change(obj)
            return
        self.heap.statement.draws.add(which)
        if not var.sites and each.begins:
            self.begin(which, node or self.heap.statement.node)
            self.heap.statement.impure = True
            return
        if not var.sites:
            if node is not None and not each.still:
                self.find_unseeded(each, node, callee)
            return
        self.heap.statement.impure = True
        before = self.heap.statement.reads.get(each.key)
        self.heap.statement.reads[each.key] = (
            var if before is None else Var(before.values | var.values, before.sites | var.sites)
        )
        for obj in var.values if not each.still else ():
            self.heap.change(obj)

    def find_unseeded(self, each: Generator, node: ast.AST, callee: str) -> None:
        """Say that a generator is drawn from that nothing seeds; of what a library does unseen, once."""
        if callee.partition(".")[0] in ("", each.module, each.name):
            self.heap.find("NB230", node, each.name)
        elif each.name not in self.heap.unseeded:
            self.heap.unseeded.add(each.name)
            called = callee.rpartition(".")[2]
            text = f"`{called}` takes its seed from `{each.name}`, which nothing seeds: each run gives other results"
            hint = f"call `{each.module}.seed(42)` in the first cell, or what seeds all, as `keras.utils.set_random_seed(42)`"
            self.heap.find("NB230", node, each.name, text, hint)

    def draw_all(self) -> None:
        """Something is not followed: it may draw from each generator that is seeded."""
        for which in sorted(self.heap.seeded):
            if not generator(which).named:
                self.draw(which)

    def stream(self, which: str) -> str:
        """The generator that a name means in the code that runs: compiled by numba, another one."""
        return f"numba.{which}" if self.heap.compiled and which in ("numpy", "random") else which

    def is_seeded(self, arguments: list[Argument]) -> bool:
        return any(a.name in SEED_ARGUMENTS and a.constants != frozenset({None}) for a in arguments)
