"""Objects, what they hold and what names refer to: the state that all parts of the interpreter share."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nb2stage.analysis.modulefiles import ModuleFiles
from nb2stage.analysis.notes import FileUse, Finding, Mention
from nb2stage.analysis.objects import (
    ATOM,
    Constants,
    Frame,
    Key,
    Module,
    Obj,
    State,
    Statement,
    Values,
    Var,
    is_nested,
    join_vars,
    merge,
    owned,
    reach,
    with_bases,
)
from nb2stage.analysis.vocabulary import (
    COLUMN_AS_ARRAY,
    COLUMNS,
    CONTAINER_ATTRIBUTES,
    CONTAINERS,
    DATA,
    FRAMES,
    GROUPED,
    Kind,
)
from nb2stage.knowledge import Effect, Knowledge
from nb2stage.knowledge.generators import Generator
from nb2stage.knowledge.valuetypes import Type
from nb2stage.records import dataclass, field, replace


@dataclass
class Loop:
    """Where `break` and `continue` of the loop being run go."""

    base: State
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


@dataclass(frozen=True)
class Argument:
    """One argument of a call."""

    values: Values
    constants: Constants
    name: str | None
    node: ast.expr | None
    star: bool = False


class TooLongError(Exception):
    """A statement is too long to be followed step by step."""


@dataclass
class BlindCall:
    """What is known of a function as a callback within one statement."""

    given: Values = ATOM
    asked: Values = ATOM  # what it was called with, all of which has been looked through for `given`, and when
    asked_at: tuple[int, int] = (-1, -1)
    owners: frozenset[Obj | None] = frozenset()  # what its `self` may be; None where anything may
    result: Values = ATOM
    turn: int = -1
    active: bool = False
    binds: bool = False  # it rebinds globals, so each call counts
    sure: bool = False  # a known call calls it


# How much effort may be spent: on each statement, and beyond that on all statements of a notebook together, of which a
# single one gets at most `MOST`.  The unit is one link between two objects, some fifty nanoseconds.
FREE = 40_000


SPARE = 3_000_000


MOST = 2_000_000


A_STATEMENT = 500  # inside of functions and loops


A_CALL = 4_000  # of a library


AN_OBJECT = 500  # of those that a call is given


class Heap:
    """The heap of abstract objects, the flow state, and what was noticed so far."""

    def __init__(
        self,
        copy_on_write: bool = True,
        module_files: ModuleFiles | None = None,
        known: Knowledge | None = None,
    ) -> None:
        self.known = known or Knowledge()
        self.state = State()
        self.frame: Frame | None = None
        self.stack: tuple[object, ...] = ()
        self.statement: Statement = None  # type: ignore[assignment]
        self.objects: dict[object, Obj] = {}
        self.made: set[Obj] = set()  # by the current statement
        self.frames: dict[object, Frame] = {}
        self.libraries: dict[str, Obj] = {}
        self.artists: dict[int, set[Obj]] = {}  # what pyplot has made in each cell
        self.rows: dict[Obj, Obj] = {}  # of arrays and generators, what a loop over them gives
        self.findings: list[Finding] = []
        self.files: list[FileUse] = []
        self.mentions: list[Mention] = []
        self.databases: dict[Obj, Constants] = {}  # connections, and the files that they are to
        self.connecting: Constants = None
        self.log_files: set[str] = set()  # that the logging of the process writes
        self.shelves: dict[object, set[int | None]] = {}  # names of shelves, and the stages that open them
        self.identities: set[Obj] = set()
        self.seeded: set[str] = set()
        self.generators: frozenset[str] = frozenset()  # those that the packages of the notebook draw from
        self.unseeded: set[str] = set()  # generators of which it has been said that nothing seeds them
        self.drawn_from: set[Obj] = set()  # distributions that numbers are drawn from
        self.uses_gpu = False
        self.streams: dict[str, Generator] = {}  # seeded generators that cannot be read, by the name of their state
        self.compiled = 0  # inside functions that numba compiles
        self.callee = ""  # the dotted path of the library call that is applied next
        self.star_modules: list[tuple[str, Statement]] = []
        self.late_imports: dict[str, Statement] = {}  # imports and definitions of the whole notebook
        self.shadows: dict[str, Statement] = {}  # names that an untagged cell bound last
        self.shadow_needs: dict[int, dict[int, set[str]]] = {}  # untagged cell -> those that bind what it reads
        self.shadowed: dict[Obj, Statement] = {}  # objects that an untagged cell changed outright
        self.stale: list[Finding] = []  # what definitions of untagged cells are made of that these cells change
        self.timed: dict[Obj, Finding] = {}  # objects that a statement which is only timed, and left out, changes
        self.untagged_writes: list[tuple[str, int]] = []  # files that untagged cells write, with these cells
        self.perhaps_shadowed: dict[Obj, Statement] = {}  # those that it gave to a call that nobody knows
        self.hooks: dict[Obj, Statement] = {}  # functions that a setting gave to a library, to be called later
        self.accessors: dict[str, Values] = {}  # classes that are registered under a name: `df.lab`
        self.alone: ast.AST | None = None  # the expression that is the whole of the statement being run
        self.compiled_calls: dict[Obj, list[tuple[Statement, dict[str, Var]]]] = {}
        self.given_paths: dict[int, Constants] = {}  # what calls such as `find_dotenv()` give
        self.untagged_settings: list[tuple[str, Statement]] = []
        self.loops: list[Loop] = []
        self.logs: list[dict[Key, Var]] = []
        self.current: ast.stmt | None = None  # the innermost statement that is run
        self.depth = 0  # inside branches, loops or calls: what happens there may happen never or often
        self.ways: tuple[tuple[int, int, int], ...] = ()  # the branches that may not be taken around what is run
        self.temporary = 0  # inside `with catch_warnings()` and the like: settings do not last
        self.heap_version = 0
        self.budget = 4_000
        self.functions_stored = False
        self.effort = 0
        self.most_effort = MOST
        self.spare = SPARE
        self.links: list[tuple[Obj, Values]] | None = None  # what statements that are only looked at link, to be undone
        self.slices: dict[int, list[Type]] = {}
        self.returned: dict[int, Constants] = {}  # what calls of functions of the notebook returned last
        self.cached_calls: dict[Obj, set[int | None]] = {}  # the stages that call a cached function
        self.last_returned: Constants = None
        self.each: list[int] = []  # how many constants each of the loops around runs over
        self.guesses = 0  # inside what an unknown call may call
        self.guards = 0  # inside `try` blocks that catch a `NameError`
        self.parts: dict[tuple[Obj, object], Constants] = {}  # of classes and dicts, as they were made
        self.changed: set[Obj] = set()  # since it was made
        self.listed: dict[Obj, frozenset[str]] = {}  # paths that a listing gave, and the folders that were listed
        self.inside: set[Obj] = set()  # objects whose own functions are being called
        self.partials: dict[Obj, list[Argument]] = {}  # what `partial` gave objects: the function, and its arguments
        self.blind_calls: dict[tuple[int, Obj], BlindCall] = {}
        # instances that are being asked for attributes, by what: what that has given so far
        self.asked: dict[tuple[Obj, Obj, Values], Values] = {}
        self.global_binds = 0
        self.raised: Values = ATOM
        self.blind_turn = 0
        self.blind_depth = 0
        self.without_graph = 0  # inside `with torch.no_grad()`
        self.gradients_cross = False  # a stage may notice gradients that an earlier one has made
        self.copy_on_write = copy_on_write
        self.module_files = module_files or ModuleFiles()
        self.search_paths: list[str] = [""]
        self.modules: dict[str, Module] = {}
        self.modules_by_frame: dict[int, Module] = {}
        self.modules_by_object: dict[Obj, Module] = {}
        self.opaque_modules: set[str] = set()  # modules of the project that cannot be followed
        self.loading: list[Module] = []  # the modules that are being run, the innermost last
        self.written_modules: dict[str, str | None] = {}  # files that the notebook has written, with their texts
        self.lazy_annotations = False
        self.has_parameters = False
        # attributes that some cell sets; None where any may be set
        self.stored_attributes: frozenset[str] | None = None
        self.names_indexes = False  # some cell sets the name of a frame's index

    def find(self, code: str, node: ast.AST, name: str = "", text: str = "", hint: str = "") -> None:
        self.findings.append(Finding(code, self.statement, self.in_notebook(node), name, text, hint))

    def in_notebook(self, node: ast.AST) -> ast.AST:
        """Where the notebook does what a node does: in the code of a module it is the statement that led there."""
        return node if self.module_here() is None else self.statement.node

    def module_here(self) -> Module | None:
        """The module of the project whose code is being run; None for that of the notebook."""
        return self.root_of(self.frame)

    def root_of(self, frame: Frame | None) -> Module | None:
        """The module in which a frame lies."""
        while frame is not None and frame.parent is not None:
            frame = frame.parent
        return frame.module if frame is not None else None

    def global_key(self, frame: Frame | None, name: str) -> Key:
        """Where a global name lives, seen from a frame: in its module, or in the notebook."""
        module = self.root_of(frame)
        return name if module is None else (module.frame.number, name)

    def cannot_follow(self, node: ast.AST, name: str, hint: str = "use the variables by name") -> None:
        """Refuse what looks at the notebook from behind.  A module of the project looks at what it is given, or at its own."""
        if self.module_here() is None:
            self.find("NB220", node, name, f"`{name}` cannot be followed by reading the code", hint)

    def make(self, node: ast.AST, what: str, *, kind: Kind = "value", type: Type = "") -> Obj:  # noqa: A002
        """The object that this place of the program makes in this chain of calls; the same one on each visit."""
        key = (id(node), what, type, self.stack)
        obj = self.objects.get(key)
        if obj is None:
            obj = self.objects[key] = Obj(kind=kind, type=type, born=self.statement)
            self.made.add(obj)
        return obj

    def library(self, path: str) -> Obj:
        for other in ("pylab", "matplotlib.pylab"):
            if path.startswith(other + "."):
                path = self.known.pylab_path(path[len(other) + 1 :])
        obj = self.libraries.get(path)
        if obj is None:
            obj = self.libraries[path] = Obj(kind="lib", path=path)
        return obj

    def hold(self, obj: Obj, values: Values, guess: bool = False, name: str = "") -> None:
        """`obj` holds `values` from now on; as a `guess` where nothing but an unknown call says so.

        It may hold itself: one object stands for all that a place makes, as in `for _ in range(3): c = [c]`.  With a
        `name`, an instance or class holds them as this attribute and no other, a dict as `key` or `value`.
        """
        if obj.kind in ("instance", "class") or obj.type == "dict":
            place = obj.named.setdefault(name, set()) if name else obj.loose
            self.heap_version += not values <= place
            place |= values
        new = values - obj.contents
        guess = guess or bool(self.guesses)
        if guess:
            new -= {obj}
            obj.guessed |= new
        elif obj.guessed:
            obj.guessed -= values
        if new and obj.kind != "lib":
            obj.contents |= new
            if self.links is not None:
                self.links.append((obj, new))
            for each in new:
                obj.put(each, self.statement.position)
            self.heap_version += 1
            if obj.type == "namespace":
                for owner in obj.fields["base"]:
                    self.hold(owner, new)
            if any(v.kind == "function" and (is_nested(v) or isinstance(v.node, ast.Lambda)) for v in new):
                self.statement.makes_functions = True
            if any(v.kind in ("function", "bound", "instance", "class") or v.type == "partial" for v in new):
                self.functions_stored = True

    def held_as(self, obj: Obj, name: str) -> Values:
        """What an instance or class itself may have as the attribute `name`, or a dict as its `key`s or `value`s."""
        return frozenset((obj.named.get(name, set()) | obj.loose) & obj.contents)

    def change(self, obj: Obj, known: bool = True) -> None:
        """Write down that the current statement may change `obj`, and with it what it is a view of."""
        known = known and not self.guesses
        if self.loading and obj in self.made:
            # what a module makes of its own when it is run is what each process has that imports it
            self.changed.add(obj)
            for base in obj.fields.get("base", ATOM):
                if base is not obj:
                    self.change(base, known)
            return
        if (
            obj.kind == "lib"
            or obj.type == "class"
            or obj in (self.statement.known_changes if known else self.statement.changes)
        ):
            return
        self.changed.add(obj)
        if known:
            self.statement.known_changes.add(obj)
        if obj.kind == "function" and (is_nested(obj) or isinstance(obj.node, ast.Lambda)):
            self.statement.makes_functions = True
        self.statement.changes.add(obj)
        for base in obj.fields.get("base", ATOM):
            self.change(base, known)

    def change_deep(self, values: Values, known: bool = True) -> None:
        """Change all that can be reached, but not the source of the notebook's functions and classes."""
        found = owned(values)
        self.follow(found)
        for obj in found:
            if obj.kind != "function":
                self.change(obj, known)

    def changeable(self, node: ast.expr) -> Values:
        """What seemed to be a number or a text, and is changed in place here: something unknown."""
        if not isinstance(node, ast.Name):
            return ATOM
        key = self.resolve(node.id)
        var = self.state.get(key)
        made = self.make(node, "unknown")
        self.set(key, replace(var, values=frozenset({made}), constants=None))
        return frozenset({made})

    def store(self, obj: Obj) -> None:
        """Write down that `x[i] = …` or `x += …` changes an object: of an array that is its memory."""
        self.change(obj)
        todo = [obj]
        while todo:
            each = todo.pop()
            if each not in self.statement.stores:
                self.statement.stores.add(each)
                todo.extend(each.fields.get("base", ATOM))

    def part_of(self, node: ast.AST, obj: Obj, kind: Type) -> Obj:
        """A view with a type of its own: it holds its base, and a change of it is a change of the base."""
        part = self.make(node, "part", type=kind)
        part.foreign = part.foreign or (not kind and obj.foreign)
        part.big_endian = part.big_endian or obj.big_endian
        if part is not obj:
            part.fields["base"] = part.fields.get("base", ATOM) | {obj}
        return part

    def namespace(self, node: ast.AST, obj: Obj) -> Obj:
        """`vars(x)` or `x.__dict__`: a dict that no pickle keeps as that of `x`."""
        return obj if obj.kind in ("lib", "class") else self.part_of(node, obj, "namespace")

    def holds_objects(self, obj: Obj) -> bool:
        """Whether an array holds objects, or such a type is given: `np.empty(3, dtype=object)`."""
        if obj.kind == "lib":
            return obj.path == "builtins.object"
        return any(each.mark == "object" or each.contents for each in with_bases(obj, "ndarray"))

    def keep_nan(self, made: Obj, may_be: bool) -> None:
        """Write down that a dict or set may have NaN among its keys."""
        made.nan_keys = may_be
        self.statement.finds_nan = self.statement.finds_nan or may_be

    def may_hold_nan(self, obj: Obj) -> bool:
        """Whether a value may hold missing ones as objects, each of which a pickle would make anew."""
        if obj.kind != "value":
            return False
        made = obj.node.func if isinstance(obj.node, ast.Call) else obj.node
        if obj.type == "ndarray":
            return self.holds_objects(obj) or (isinstance(made, ast.Attribute) and made.attr in COLUMN_AS_ARRAY)
        return obj.nan_keys or obj.type in {"frame", "series", "pandas", "dict", "set", ""}

    def hold_in_array(self, obj: Obj, values: Values) -> None:
        """Store to an array: one of numbers takes a copy, one of objects the object itself."""
        if not self.holds_objects(obj):
            values = frozenset(
                v for v in values if v.kind in ("instance", "function", "class", "bound") or v.type == "dict"
            )
        self.hold(obj, values)
        for base in obj.fields.get("base", ATOM) if values else ():
            self.hold(base, values)

    def compare(self, values: Iterable[Obj]) -> None:
        """Write down that it can be seen whether these objects are still the same ones."""
        for obj in values:
            # `head.weight is emb.weight`: the parts are the same while their owners lie in one file.
            self.identities |= with_bases(obj)

    def view_of(self, obj: Obj, effect: Effect, node: ast.AST) -> Obj:
        """What a call gives that shares the memory of `obj`."""
        name = self.name_of(node)
        if obj.type in FRAMES:
            if name in GROUPED:
                part = self.part_of(node, obj, "grouped")
                if name == "groupby":
                    pair = self.make(node, "pair", type="tuple")
                    self.hold(pair, frozenset({self.share(node, obj, obj.type)}))
                    part.fields["yields"] = frozenset({pair})
                return part
            if effect.type == "ndarray" or name in ("to_numpy", "ravel", "__array__"):
                return self.memory_view(node, obj)
            return self.share(node, obj, effect.type if effect.type in FRAMES else "pandas")
        if effect.type == "ndarray" and obj.type in CONTAINERS:
            made = self.make(node, "array", type="ndarray")
            self.hold(made, frozenset(obj.contents))
            return made
        if obj.type == "ndarray" and (not effect.type or effect.type in DATA):
            return self.part_of(node, obj, "ndarray")
        shares = effect.type in ("ndarray", "scipy") or "." in effect.type
        return self.part_of(node, obj, effect.type) if shares and obj.kind == "value" else obj

    def memory_view(self, node: ast.AST, obj: Obj) -> Obj:
        """The array below a frame or a selection from it: copy-on-write does not protect it from the frame's changes."""
        part = self.part_of(node, obj, "ndarray")
        todo, seen = list(obj.origins), {part}
        while todo:
            origin = todo.pop()
            if origin not in seen:
                seen.add(origin)
                part.fields["base"] |= {origin}
                todo.extend(origin.origins)
        return part

    def share(self, node: ast.AST, obj: Obj, kind: Type) -> Obj:
        """A selection from a frame: with copy-on-write (pandas 3) it behaves as a copy, before that as a view."""
        if not self.copy_on_write:
            return self.part_of(node, obj, kind)
        made = self.make(node, "selection", type=kind)
        self.hold(made, frozenset(obj.contents))
        made.origins.add(obj)
        self.share_index(made, [obj])
        return made

    def index_of(self, obj: Obj) -> Values:
        """The index objects of a frame: `df.index.name = "day"` is seen in all frames that share them."""
        if not obj.fields.get("index"):
            obj.fields["index"] = frozenset({Obj(type="index")})
        return obj.fields["index"]

    def notes_of(self, obj: Obj) -> Obj:
        """The `attrs` of a frame, which may hold what those of another one held: pandas copies them with a frame."""
        if not obj.fields.get("attrs"):
            notes = Obj(certain_view=True)
            notes.fields["base"] = frozenset({obj})
            obj.fields["attrs"] = frozenset({notes})
        return next(iter(obj.fields["attrs"]))

    def share_index(self, made: Obj, sources: Iterable[Obj]) -> None:
        """A frame that is made from others may have their index objects."""
        if self.names_indexes and made.type in FRAMES:
            for obj in sources:
                index = self.index_of(obj) if obj.type in FRAMES else {obj} if obj.type == "index" else ATOM
                made.fields["index"] = made.fields.get("index", ATOM) | index

    def everything(self, values: Values) -> Values:
        found = reach(values)
        self.follow(found)
        return frozenset(o for o in found if o.kind != "lib")

    def follow(self, objects: Iterable[Obj]) -> None:
        """Give up on following a statement whose objects hold too much; `objects` are those just looked into."""
        self.spend(sum(len(o.contents) for o in objects))

    def spend(self, effort: int) -> None:
        """Give up on following a statement that takes too long to follow."""
        self.effort += effort
        if self.effort > self.most_effort:
            raise TooLongError

    def type_of(self, values: Values) -> Type:
        """The one type that all objects have; none where they differ."""
        kinds = {obj.type for obj in values}
        return kinds.pop() if len(kinds) == 1 else ""

    def cells_of(self, values: Values, depth: int) -> Values:
        """What the cells of a frame hold: the rows and columns, which are lists and dicts, are copied."""
        found: set[Obj] = set()
        for _ in range(depth):
            inner: set[Obj] = set()
            for obj in values:
                if obj.type in FRAMES:
                    found |= obj.contents
                elif obj.type in CONTAINERS:
                    inner |= obj.contents
                elif obj.kind != "lib" and not (self.copy_on_write and obj.type in COLUMNS):
                    found.add(obj)
            values = frozenset(inner)
        return frozenset(found | values)

    def lacks(self, obj: Obj, name: str) -> bool:
        """Whether an object certainly has no such attribute: it is not what the code is about."""
        return obj.kind == "value" and name not in CONTAINER_ATTRIBUTES.get(obj.type, {name})

    def name_of(self, node: ast.AST) -> str:
        if isinstance(node, ast.Call):
            node = node.func
        return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")

    def resolve(self, name: str) -> Key:
        """Where a name lives, seen from the current frame."""
        frame, first = self.frame, True
        while frame is not None:
            scope = frame.scope
            if frame.module is not None:
                return (frame.number, name)
            if name in scope.global_names:
                return self.global_key(frame, name)
            if name in scope.local_names and (first or not scope.is_class):
                key = (frame.number, name)
                # A class body falls back to the outer name until it has bound its own.
                if not scope.is_class or self.state.get(key).sites:
                    return key
            first = first and scope.node is None
            frame = frame.parent
        return name

    def key_to_bind(self, name: str) -> Key:
        frame = self.frame
        if frame is None or frame.module is not None or name in frame.scope.global_names:
            return self.global_key(frame, name)
        if name in frame.scope.local_names:
            return (frame.number, name)
        return self.resolve(name)

    def set(self, key: Key, var: Var) -> None:
        self.state.delta[key] = var
        for log in self.logs:
            before = log.get(key)
            log[key] = var if before is None else join_vars(before, var)

    def commit(self, base: State, ends: list[State]) -> None:
        """Fold the join of `ends` into `base`, which becomes the current state again."""
        joined, _ = merge(base, ends)
        base.delta.update(joined.delta)
        base.dead = joined.dead
        self.state = base

    def snapshot(self, base: State) -> State:
        copy = State(base)
        copy.delta = self.state.since(base)
        return copy
