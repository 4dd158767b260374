"""Abstract objects, what names refer to, and the flow state: the vocabulary of the analysis.

One abstract object stands for everything that one place of the program creates.  A name maps to a set of them; the empty
set means "only immutable atoms" (numbers, strings, None), which can neither change nor be shared in a way that anybody
notices.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Set
from itertools import count
from typing import TYPE_CHECKING

from nb2stage.analysis.vocabulary import BOUND, DATA, DELETED, DESIGN, PERHAPS, WITHOUT_TURN, Kind, Mark, Unbound
from nb2stage.knowledge.valuetypes import Type
from nb2stage.records import dataclass, field

if TYPE_CHECKING:
    from nb2stage.analysis.scopes import Scope

# Where a name lives: a plain string in the notebook's global scope, (frame number, name) inside a call.
Key = str | tuple[int, str]
Constants = frozenset[object] | None


_serials = count(1)


class Fields(dict[str, "frozenset[Obj]"]):
    """What an object has under names; counts what is put into any."""

    changes = 0

    def __setitem__(self, name: str, values: frozenset[Obj]) -> None:
        if self.get(name) != values:
            Fields.changes += 1
            super().__setitem__(name, values)

    def setdefault(self, name: str, values: frozenset[Obj] = frozenset()) -> frozenset[Obj]:
        if name not in self:
            self[name] = values
        return self[name]


@dataclass(eq=False)
class Obj(int):
    """One abstract object: a number, so that sets of them are as fast as can be, and have the same order in each run.

    The `type` is that of the tables where it is known, `list`, `frame`, `torch.Tensor`; the `path` is dotted, of something of
    a library or of the unknown call that made it.
    """

    kind: Kind = "value"
    type: Type = ""
    mark: Mark = ""
    path: str = ""
    contents: set[Obj] = field(default_factory=set)
    since: dict[Obj, int] = field(
        default_factory=dict
    )  # of `contents` and the fields of a class: the position of the statement that put it there
    latest: int = -1  # of these positions
    guessed: set[Obj] = field(default_factory=set)  # of `contents`: what only an unknown call may have put there
    node: ast.AST | None = None
    frame: Frame | None = None
    fields: Fields = field(default_factory=lambda: Fields())
    bases: tuple[Obj, ...] = ()
    package: str = ""  # the package whose code made it, where nothing else is known of it
    seeded: bool = False
    nan_keys: bool = False  # a container of what may be NaN, which dicts, sets and `in` find by identity
    in_place: bool = False  # an estimator that works on its input itself (`copy=False`)
    born: Statement | None = None  # the statement that made it
    made_from: set[Obj] = field(default_factory=set)  # of a tensor: what it was worked out from
    looked_up: set[str] = field(default_factory=set)  # plain variables that its formula looks up when it is loaded
    cut: bool = False  # a tensor without a graph
    leaf: bool = False  # a tensor that gathers gradients
    certain_view: bool = False  # it shares the memory of its `base` whatever the arguments were
    big_endian: bool = False  # an array whose numbers may be stored in another byte order than the machine's
    foreign: bool = False  # of a class that no table describes: what the names of its methods mean is not known
    passes_on: bool = False  # an estimator whose result may be what it was given
    forgets: bool = False  # an estimator that keeps nothing of its input when it is fitted
    origins: set[Obj] = field(default_factory=set)  # what a selection was made from
    stored: set[str] = field(default_factory=set)  # attributes that were set on a class after it was made
    # Of what an instance or class holds: what was stored under a name, and what may stand under any.  A dict has the
    # names "key" and "value".
    named: dict[str, set[Obj]] = field(default_factory=dict)
    loose: set[Obj] = field(default_factory=set)

    def __new__(cls, *_: object, **__: object) -> Obj:
        return super().__new__(cls, next(_serials))

    def put(self, obj: Obj, position: int) -> None:
        """Write down that the statement at a position has put something into `contents` or the fields of a class."""
        self.since.setdefault(obj, position)
        self.latest = max(self.latest, position)

    def contents_before(self, position: int) -> set[Obj]:
        """What it held before the statement at a position."""
        if self.latest < position:
            return self.contents
        return {o for o in self.contents if self.since.get(o, -1) < position}

    def __repr__(self) -> str:
        return f"<{self.kind} {self.type or self.path or self.mark or getattr(self.node, 'name', '')} {id(self) & 0xFFFF:x}>"


Values = frozenset[Obj]
ATOM: Values = frozenset()


@dataclass(eq=False)
class Frame:
    """One activation of a function or class body."""

    number: int
    scope: Scope
    parent: Frame | None
    returns: list[Values] = field(default_factory=list)
    constants: list[Constants] = field(default_factory=list)  # of what is returned
    ends: list[State] = field(default_factory=list)
    made: list[Obj] = field(default_factory=list)
    module: Module | None = None  # of the top level of a module of the project


@dataclass(eq=False)
class Module:
    """A module of the project as the interpreter knows it; what its names refer to is part of the flow state."""

    name: str  # dotted
    path: str  # of its file; empty for a folder without `__init__.py`
    folder: str  # where the modules inside it are looked for, with a slash at its end; empty where there can be none
    node: ast.Module
    frame: Frame
    object: Obj
    lazy_annotations: bool = False
    stars: list[str] = field(default_factory=list)  # libraries of which it imports all names
    imports: set[Module] = field(default_factory=set)  # the modules that it imports when it is run
    loader: Statement | None = None  # the statement of the notebook that has run it
    effects: bool = False  # running it does something to the process or to other modules
    once: str = ""  # what it does when it is run that no other process may do again
    reads: list[str] = field(default_factory=list)  # the files that it reads when it is run

    def __hash__(self) -> int:
        return int(self.object)

    def __repr__(self) -> str:
        return f"<module {self.name}>"


def module_of(obj: Obj) -> Module | None:
    """The module of the project in which a function or class is defined; None for those of the notebook."""
    frame = obj.frame
    while frame is not None and frame.parent is not None:
        frame = frame.parent
    return frame.module if frame is not None else None


def is_nested(obj: Obj) -> bool:
    """Whether a function or class is made inside another one, or by a call, and not at the top level."""
    return obj.frame is not None and obj.frame.module is None


@dataclass(frozen=True)
class Var:
    """What a name refers to at one point of the program.

    `sites` are the top-level statements that may have bound it.
    """

    values: Values = ATOM
    sites: frozenset[Statement] = frozenset()
    unbound: Unbound = BOUND
    constants: Constants = None


UNBOUND = Var(unbound=PERHAPS)


def join_vars(a: Var, b: Var) -> Var:
    """The name where two paths meet."""
    if a == b:
        return a
    unbound = max(a.unbound, b.unbound)
    if unbound == DELETED and a.unbound != b.unbound:
        unbound = PERHAPS  # deleted on one path only
    constants = a.constants | b.constants if a.constants is not None and b.constants is not None else None
    if constants is not None and len(constants) > 32:
        constants = None
    return Var(a.values | b.values, a.sites | b.sites, unbound, constants)


class State:
    """The flow state: names to `Var`s, as a chain of small differences so that a branch costs what it changes."""

    __slots__ = ("dead", "delta", "parent")

    def __init__(self, parent: State | None = None) -> None:
        self.parent = parent
        self.delta: dict[Key, Var] = {}
        self.dead = False

    def get(self, key: Key) -> Var:
        """The `Var` of a key; `UNBOUND` where nothing bound it."""
        state: State | None = self
        while state is not None:
            found = state.delta.get(key)
            if found is not None:
                return found
            state = state.parent
        return UNBOUND

    def since(self, base: State) -> dict[Key, Var]:
        """All differences between `base`, an ancestor, and this state."""
        chain = []
        state: State | None = self
        while state is not None and state is not base:
            chain.append(state.delta)
            state = state.parent
        result: dict[Key, Var] = {}
        for delta in reversed(chain):
            result.update(delta)
        return result


def merge(base: State, ends: Iterable[State], loop: bool = False) -> tuple[State, bool]:
    """Join the live `ends` of paths that began at `base`; also whether anything differs from `base`.

    With `loop`, the first end is that of no turn at all: a name that all others bind counts as bound by a loop.
    """
    deltas = [end.since(base) for end in ends if not end.dead]
    result = State(base)
    result.dead = not deltas
    changed = False
    for key in dict.fromkeys(key for delta in deltas for key in delta):
        before = base.get(key)
        joined: Var | None = None
        for number, delta in enumerate(deltas):
            var = delta.get(key, before)
            if loop and number == 0 and var.unbound == PERHAPS and var is before:
                var = Var(var.values, var.sites, WITHOUT_TURN, var.constants)
            joined = var if joined is None else join_vars(joined, var)
        assert joined is not None
        if joined != before:
            changed = True
            result.delta[key] = joined
    return result, changed


def fields_of(obj: Obj, before: int | None = None) -> set[Obj]:
    """What an object has in its fields; of a class only what was set before a position, if given."""
    found = set().union(*obj.fields.values())
    if before is None or obj.kind != "class" or obj.latest < before:
        return found
    return {o for o in found if obj.since.get(o, -1) < before}


def bases_of(values: Iterable[Obj]) -> set[Obj]:
    """Objects and those that they are views of: a frame of its `loc`."""
    found: set[Obj] = set()
    todo = list(values)
    while todo:
        obj = todo.pop()
        if obj not in found:
            found.add(obj)
            todo.extend(obj.fields.get("base", ()))
    return found


def reach(values: Iterable[Obj], before: int | None = None, beyond: Set[Obj] = frozenset()) -> set[Obj]:
    """All objects that can be got at from `values`, themselves included; as it was `before` a position, if given.

    What is `beyond` is left out: objects with all that can be got at from them.
    """
    seen = frontier = set(values) - beyond
    while frontier:
        # Whole sets at a time: what unknown calls have linked is dense.
        found: set[Obj] = set()
        for obj in frontier:
            if before is None or obj.latest < before:
                found |= obj.contents
            else:
                found.update(o for o in obj.contents - seen if obj.since.get(o, -1) < before)
            if obj.bases or obj.fields:
                found.update(obj.bases, fields_of(obj, before))
        frontier = found - seen - beyond if beyond else found - seen
        seen = seen | frontier
    return seen


@dataclass(frozen=True, eq=False)
class InnerSetting:
    """A setting that a statement makes: in a function that it calls by a line that means the same at the top, or not."""

    node: ast.stmt | None  # that line; None where it may not run, or needs what the function was given
    domain: str
    reads: dict[str, Var]


@dataclass(eq=False)
class Statement:
    """One top-level statement of the notebook and everything it was seen to do."""

    position: int
    cell: int  # absolute index of the cell
    node: ast.stmt
    stage: int | None  # None: repeated wherever it is needed (parameters, setup, definitions of untagged cells)
    order: int = 0  # position in the notebook; differs from `position` where cells were grouped
    reads: dict[str, Var] = field(default_factory=dict)
    binds: set[str] = field(default_factory=set)
    changes: set[Obj] = field(default_factory=set)
    known_changes: set[Obj] = field(default_factory=set)  # of `changes`, those that no unknown call is the reason of
    impure: bool = False  # does something that must happen once: unknown calls, files, draws
    loops: bool = False  # a loop at the top level, which may take long
    makes_functions: bool = False  # binds functions made by a call or loop, which no file keeps faithfully
    calls: bool = False  # calls a function of the notebook
    once: bool = False  # does something that nobody knows, so that it must not happen twice
    unknown: bool = False  # calls something that no table knows
    param: bool = False
    imports: set[str] = field(default_factory=set)  # dotted paths of library things that it uses
    draws: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    guesses: dict[str, str] = field(default_factory=dict)  # domains that a call may set of which nothing is known
    inner_settings: list[InnerSetting] = field(default_factory=list)  # in order
    seeds: set[str] = field(default_factory=set)
    figures: int = 0  # figures that it certainly makes, one by one
    draws_current: bool = False  # draws in pyplot's current figure
    draws_perhaps: bool = False  # the same in a branch, loop or function: never, once or often
    plots_unsure: bool = False  # perhaps makes figures, or an unknown number
    outright: set[Obj] = field(
        default_factory=set
    )  # of `changes`, those by a store or a call that is there to change it
    grades: set[Obj] = field(default_factory=set)  # what it gives gradients
    stores: set[Obj] = field(default_factory=set)  # of `changes`, those by `x[i] = …` or `x += …`
    # `a is b` of texts or numbers, and the names in it; None where these are not those of the notebook
    atom_identities: list[tuple[ast.AST, set[str] | None]] = field(default_factory=list)
    memory_asked: list[tuple[ast.AST, Obj]] = field(default_factory=list)  # views whose flags or strides are asked for
    finds_nan: bool = False  # looks for what may be NaN in dicts, sets or lists
    shown: bool = False  # an expression that ends its cell: a notebook shows its value
    hidden: bool = False  # stands in no cell: an import that a translated magic needs
    modules: set[Module] = field(default_factory=set)  # of the project, that it imports, itself or in what it calls

    @property
    def plots(self) -> bool:
        """Whether it may leave an open figure."""
        return bool(self.figures or self.draws_current or self.draws_perhaps or self.plots_unsure)

    def __hash__(self) -> int:
        return self.position

    def __repr__(self) -> str:
        return f"<stmt {self.position} cell {self.cell} line {self.node.lineno}>"


def parts_of(obj: Obj) -> Values:
    """What a subscript, an attribute or a loop may take out of an object: of a plot not the data that it draws."""
    if obj.type == "namespace":
        return frozenset(obj.contents).union(*(owner.contents for owner in obj.fields["base"]))
    if obj.type != "matplotlib":
        return frozenset(obj.contents)
    return frozenset(o for o in obj.contents if o.type not in DATA)


def owned(objects: Iterable[Obj]) -> set[Obj]:
    """What can be reached without going through the source of a class of the notebook."""
    seen: set[Obj] = set()
    frontier = set(objects)
    while frontier:
        frontier = {o for o in frontier if o.kind not in ("class", "lib") and o.type != "class"}
        seen |= frontier
        found: set[Obj] = set()
        for obj in frontier:
            found |= obj.contents
            found.update(*obj.fields.values())
        frontier = found - seen
    return seen


def is_design(obj: Obj) -> bool:
    """Whether an array is a design of patsy, or a part of one."""
    return any(o.mark == DESIGN for o in with_bases(obj))


def with_bases(obj: Obj, kind: str = "") -> set[Obj]:
    """An object, and all that it may be a part or a view of; of these only what is of a type, where one is given."""
    seen: set[Obj] = set()
    todo = [obj]
    while todo:
        each = todo.pop()
        if each not in seen and kind in ("", each.type):
            seen.add(each)
            todo += each.fields.get("base", ATOM)
    return seen


def line_of(obj: Obj) -> tuple[int, int, str]:
    """A stable order of objects: by where they stand."""
    node = obj.node
    return (getattr(node, "lineno", 0), getattr(node, "col_offset", 0), obj.path or obj.mark or obj.type)
