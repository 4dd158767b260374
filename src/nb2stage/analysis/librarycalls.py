"""Calls of library functions: the row of the tables, and what the arguments change about it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Final

from nb2stage.analysis.classes import Classes
from nb2stage.analysis.consequences import Consequences
from nb2stage.analysis.fileuses import FILE_CALLS, FileUses
from nb2stage.analysis.functions import Functions
from nb2stage.analysis.gradients import Gradients
from nb2stage.analysis.heap import Argument, Heap
from nb2stage.analysis.interfaces import Evaluates
from nb2stage.analysis.iteration import Iteration
from nb2stage.analysis.modules import Modules
from nb2stage.analysis.names import Names
from nb2stage.analysis.objects import ATOM, Obj, Values, line_of, reach
from nb2stage.analysis.processstate import ProcessState
from nb2stage.analysis.randomness import Randomness
from nb2stage.analysis.sqlcalls import SqlCalls
from nb2stage.analysis.vocabulary import CHUNKS, CONTAINERS, DATA, DESIGN, NUMBA
from nb2stage.knowledge import UNKNOWN, Effect, looks_like_seeder, packages
from nb2stage.knowledge.valuetypes import Type
from nb2stage.patterns import Pattern
from nb2stage.records import replace
from nb2stage.trees import walk

PLOT_NAME = Pattern(r"plot|hist|draw|heatmap|scatter|chart|graph|figure|imshow|display|visuali[sz]e", re.IGNORECASE)


DISPLAY_FROM = Pattern(r"Display(\.from_|$)")


FIGURE_LEVEL = frozenset(
    [
        "pairplot",
        "relplot",
        "catplot",
        "displot",
        "lmplot",
        "jointplot",
        "clustermap",
        "FacetGrid",
        "PairGrid",
        "JointGrid",
    ]
)


# Data sets of scikit-learn that have arrays unless frames are asked for.
ARRAY_SETS = Pattern(r"sklearn\.datasets\.(\w+\.)?load_(iris|wine|breast_cancer|digits|diabetes|linnerud)")


QUERY_NAMES = Pattern(r"@([^\W\d]\w*)")


IN_BRACKETS = Pattern(r"\((.*)\)")


IDENTIFIER = Pattern(r"[^\W\d]\w*")


def _strings_in(arguments: list[Argument]) -> set[str]:
    found: set[str] = set()
    for argument in arguments:
        if argument.node is not None:
            for part in walk(argument.node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found.update(QUERY_NAMES.findall(part.value))
    return found


# A path or a last name; whether only a call without an argument (or with None) is meant; code, text and hint.
REFUSED_CALLS: Final = (
    (
        "check_random_state",
        True,
        (
            "NB220",
            "the global random state in a variable cannot be followed",
            "use numpy.random itself, or make a RandomState(seed)",
        ),
    ),
    (
        "os.chdir",
        False,
        (
            "NB222",
            "`os.chdir` changes what every later path means",
            "use paths that start at the notebook's folder instead",
        ),
    ),
    (
        "getpass.getpass",
        False,
        ("NB220", "`getpass` asks a person", "read the secret from os.environ instead"),
    ),
)


# What the arguments of `property` are called for.
OF_PROPERTIES: Final[tuple[Type, ...]] = ("property", "setter", "deleter")
PROPERTY_ARGUMENTS: Final[dict[str, Type]] = dict(zip(("fget", "fset", "fdel"), OF_PROPERTIES, strict=True))


# Functions of scikit-learn that put together what they are given and call none of it.
KEEPERS: Final = frozenset({"make_pipeline", "make_union", "make_column_transformer", "make_scorer", "clone"})


# Iterators over what they are given; of them those that give tuples, and those whose first argument is a function.
ITERATORS: Final = (
    *("builtins.zip", "builtins.enumerate", "builtins.reversed", "builtins.iter", "builtins.filter"),
    *("itertools.chain", "itertools.islice", "itertools.cycle", "itertools.takewhile", "itertools.dropwhile"),
    *("itertools.filterfalse", "itertools.zip_longest", "itertools.product", "itertools.pairwise"),
    *("itertools.combinations", "itertools.permutations", "itertools.combinations_with_replacement"),
)


PAIRING: Final = frozenset(
    f"itertools.{name}"
    for name in ["zip_longest", "product", "pairwise", "combinations", "permutations", "combinations_with_replacement"]
) | {"builtins.zip", "builtins.enumerate"}


SECOND: Final = frozenset(
    {"builtins.filter", *(f"itertools.{name}" for name in ("takewhile", "dropwhile", "filterfalse"))}
)


# Functions of patsy whose results no file can hold, unless they are asked for frames.
DESIGNS = ("dmatrix", "dmatrices", "build_design_matrices", "incr_dbuilder", "incr_dbuilders", "DesignMatrix")


class LibraryCalls:
    """Calls functions of libraries."""

    # What it calls back: set where all parts are put together.
    expressions: Evaluates

    def __init__(
        self,
        heap: Heap,
        classes: Classes,
        names: Names,
        process: ProcessState,
        randomness: Randomness,
        file_uses: FileUses,
        gradients: Gradients,
        sql: SqlCalls,
        functions: Functions,
        iteration: Iteration,
        consequences: Consequences,
        modules: Modules,
    ) -> None:
        self.heap = heap
        self.classes = classes
        self.names = names
        self.process = process
        self.randomness = randomness
        self.file_uses = file_uses
        self.gradients = gradients
        self.sql = sql
        self.functions = functions
        self.iteration = iteration
        self.consequences = consequences
        self.modules = modules

    def call_library(self, path: str, arguments: list[Argument], node: ast.AST) -> Values:
        """What a call of the library function or class at a dotted path gives."""
        last = path.rpartition(".")[2]
        if "[]" in path:
            self.process.guess_setting(path, arguments, node)
            return self.consequences.apply(UNKNOWN, ATOM, arguments, node)
        self.refuse_call(path, last, arguments, node)
        if last == "__new__" and arguments and (classes := [o for o in arguments[0].values if o.kind == "class"]):
            return self.functions.new_instances(classes, arguments[1:], node)  # `object.__new__(cls)`
        special, opens = SPECIAL_CALLS.get(path), FILE_CALLS.get(path)
        made = special(self, path, arguments, node) if special is not None else None
        made = opens(self.file_uses, path, arguments, node) if opens is not None else made
        if made is not None:
            return made
        module = path.split(".")[0]
        if module in self.heap.opaque_modules and path.count(".") > 1 and not last[:1].isupper():
            # `settings.items.append(1)`: a later stage imports the module anew.
            self.process.setting("state of " + module)
            self.heap.statement.impure = self.heap.statement.once = True
        named = self.names_in_strings(last, arguments, node)
        looked_up = self.plain_in_formulas(arguments)
        effect = self.heap.known.function(path)
        if effect.unknown and self.changes_constant(path):
            effect = Effect(result="atom", sets=f"patch {module}")
        if effect.unknown and not looks_like_seeder(last):
            self.process.guess_setting(path, arguments, node)
        if effect.freezes:
            for obj in frozenset().union(*(a.values for a in arguments)):
                obj.type = "compiled" if obj.kind == "function" else obj.type
                obj.mark = NUMBA if module == "numba" and obj.kind == "function" else obj.mark
        if effect.default and not effect.file:
            plain = [a.constants for a in arguments if a.name is None]
            self.heap.given_paths[id(node)] = plain[0] if plain else frozenset({effect.default})
        may_plot = effect.unknown and module not in packages("pictureless")
        if may_plot or path.startswith(("statsmodels", "sklearn", "pandas")):
            plots = PLOT_NAME.search(path) and not effect.plots and not DISPLAY_FROM.search(path)
            if path.startswith("sklearn."):  # where graphs and histograms are no pictures
                plots = "plot" in last
            if path.startswith("statsmodels."):  # which draws where it is told to
                plots = plots and not any(a.name in ("ax", "fig") and a.constants is None for a in arguments)
            self.process.note_plot(node, 3 if plots else 0)
        effect = self.adjust_library(effect, path, arguments, node)
        if last == "setp" and arguments:  # of one artist or of a list of them
            given = arguments[0]
            listed = frozenset(
                o for v in given.values for o in v.contents if v.type in CONTAINERS and o.type not in DATA
            )
            arguments = [replace(given, values=given.values | listed), *arguments[1:]]
        if path == "numpy.einsum" and len(arguments) == 2:
            effect, arguments = replace(effect, result="view"), arguments[1:]  # `einsum("ii->i", a)` is the diagonal
        out = self.heap.known.out_argument(path)
        if out is not None and len(arguments) > out:
            arguments = [replace(a, name="out") if n == out and a.name is None else a for n, a in enumerate(arguments)]
        own = frozenset({self.sql.process_object(effect.process)}) if effect.process else ATOM
        if own:
            effect = self.heap.known.method(last, effect.process) or UNKNOWN
        if effect.sql:
            effect, arguments, _ = self.sql.sql_effect(effect, arguments, node)
        self.heap.callee = path
        values = self.consequences.apply(effect, own, arguments, node)
        for obj in own:
            self.sql.note_process_object(obj)
        self.label(values, path, effect, arguments)
        self.gradients.note_gradients(last, frozenset().union(*(a.values for a in arguments)), node)
        if path.startswith("matplotlib.pyplot."):
            values |= self.current_figure(values, last)
        for obj in values if looked_up else ():
            obj.looked_up |= looked_up
        for obj in values if named else ():
            obj.fields["formula"] = obj.fields.get("formula", ATOM) | named
        return values

    def changes_constant(self, path: str) -> bool:
        """Whether a call is that of a container which a module has as a constant: `STOP_WORDS.add("btw")`."""
        owner, _, method = path.rpartition(".")
        known = [self.heap.known.method(method, kind) for kind in ("set", "list", "dict")]
        return owner.rpartition(".")[2].isupper() and any(each is not None and each.changes for each in known)

    def current_figure(self, values: Values, name: str) -> Values:
        """What `plt.gcf()` and `plt.gca()` give: the artists of the cell, at whose end a kernel closes its figures.

        What other functions of pyplot give belongs to one of these figures.
        """
        artists = self.heap.artists.setdefault(self.heap.statement.cell, set())
        made = frozenset(v for v in values if v.type == "matplotlib" and v not in artists)
        for obj in made:
            self.heap.hold(obj, frozenset(artists))
        for obj in sorted(artists, key=line_of):
            self.heap.hold(obj, made)
        artists |= made
        return frozenset(artists) if name in ("gcf", "gca", "sca", "axes", "subplot", "figure") else ATOM

    def refuse_call(self, path: str, last: str, arguments: list[Argument], node: ast.AST) -> None:
        """Write down the calls that no reading of the code can follow."""
        if path.startswith(("sys.modules", "__main__", "builtins.__main__")):
            self.heap.cannot_follow(node, path)
        nothing = not arguments or arguments[0].constants == frozenset({None})
        if nothing and path in ("builtins.vars", "builtins.dir"):
            self.heap.cannot_follow(node, f"{last}()")
        for name, only_without, refusal in REFUSED_CALLS:
            if name in (path, last) and (nothing or not only_without):
                self.heap.find(refusal[0], node, last, *refusal[1:])

    def label(self, values: Values, path: str, effect: Effect, arguments: list[Argument]) -> None:
        """What is known of an object by the call that made it."""
        estimator = path.startswith("sklearn.") and path.rpartition(".")[2][:1].isupper()
        in_place = any(a.name in ("copy", "copy_X") and a.constants != frozenset({True}) for a in arguments)
        if path.startswith("patsy.") and path.rpartition(".")[2] in DESIGNS:
            given = frozenset().union(*(a.values for a in arguments))
            if not any(a.name == "return_type" for a in arguments):
                for obj in values - given:
                    obj.mark = obj.mark or (DESIGN if not obj.path else "")
        last = path.rpartition(".")[2]
        plain = not any(a.values or a.star for a in arguments)  # no function, and no estimator, that may draw
        silent = estimator and plain and self.heap.known.is_estimator(path, "deterministic")
        seeded = silent or (effect.type == "sklearn" and self.randomness.is_seeded(arguments))
        for obj in values:
            if any(a.name == "requires_grad" and a.constants != frozenset({False}) for a in arguments):
                obj.leaf = True
            if "." in obj.type and any(a.name == "inplace" and a.constants != frozenset({False}) for a in arguments):
                obj.in_place = True
            if effect.unknown:
                obj.path = obj.path or ("" if obj.mark else path)
            if (
                effect.type == "bunch"
                and ARRAY_SETS.fullmatch(path)
                and not any(a.name == "as_frame" for a in arguments)
            ):
                obj.mark = "arrays"
            if estimator:
                obj.in_place = in_place
                obj.forgets = self.heap.known.is_estimator(path, "forgetful") and not in_place
            if seeded or (path == "xgboost.train" and self.samples_nothing(arguments)):
                obj.seeded = True
            if estimator or last in KEEPERS:
                obj.passes_on = obj.passes_on or self.may_pass_on(path, arguments)
            if path.startswith("pathlib."):
                obj.type = "path"
            if effect.type == "iter" and path.startswith("pandas.read_"):
                obj.mark = CHUNKS
            if path == "collections.namedtuple" and arguments:
                obj.path = str(min(arguments[0].constants or {""}, key=str))
            if path in ("collections.defaultdict", "collections.Counter"):
                obj.path = path
            if obj.type == "ndarray" and any(
                a.constants is not None and a.constants & {"object", "O"} for a in arguments
            ):
                obj.mark = "object"
            if path == "numpy.full" and any(a.constants == frozenset({None}) for a in arguments):
                obj.mark = "object"

    def may_pass_on(self, path: str, arguments: list[Argument]) -> bool:
        """Whether what an estimator gives may be what it is given: `FunctionTransformer()`, or a pipeline with such."""
        given = frozenset().union(*(a.values for a in arguments))
        if self.heap.known.is_estimator(path, "identity"):
            return not given or any(
                o.kind != "lib" or self.heap.known.function(o.path).result != "fresh" for o in given
            )
        if not self.heap.known.is_estimator(path, "passes-on"):
            return False
        named = any(
            isinstance(part, ast.Constant) and part.value == "passthrough"
            for a in arguments
            if a.node is not None
            for part in walk(a.node)
        )
        steps = reach(given)
        return named or any(o.passes_on or o.kind in ("instance", "class") or o.foreign for o in steps)

    def call_getattr(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        return self.get_attribute(arguments, node) if arguments else None

    def call_setattr(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        if len(arguments) > 2:
            self.set_attribute(arguments)
        self.functions.dunders(arguments[0].values if arguments else ATOM, [])
        return None

    def call_type(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        if len(arguments) == 1:
            return frozenset(base for obj in arguments[0].values if obj.kind == "instance" for base in obj.bases)
        made = self.heap.make(node, "class", type="class")
        self.heap.hold(made, frozenset().union(*(a.values for a in arguments)))
        return frozenset({made})

    def call_property(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`rate = property(get, put)`: what a class calls where its attribute is asked for, stored or deleted."""
        made: set[Obj] = set()
        for place, argument in enumerate(arguments[:3]):
            what = OF_PROPERTIES[place] if argument.name is None else PROPERTY_ARGUMENTS.get(argument.name, "")
            for fn in argument.values:
                if fn.kind != "function" or not what:
                    continue
                own = self.heap.make(fn.node or node, f"{what} of a property", kind="function")
                own.type, own.node, own.frame, own.fields = what, fn.node, fn.frame, fn.fields
                made.add(own)
        return frozenset(made)

    def call_id(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        # Whether two names are one object can be seen from it.
        self.heap.compare(obj for argument in arguments for obj in argument.values)
        return None

    def call_vars(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        return frozenset(self.heap.namespace(node, obj) for argument in arguments for obj in argument.values)

    def call_groupby(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`for key, group in groupby(xs)`: the group is an iterator over members."""
        values = self.consequences.apply(self.heap.known.function(path), ATOM, arguments, node)
        group, pair = self.heap.make(node, "group", type="iter"), self.heap.make(node, "pair", type="tuple")
        self.heap.hold(group, self.iteration.members(frozenset().union(*(a.values for a in arguments[:1]))))
        self.heap.hold(pair, frozenset(group.contents) | {group})
        for obj in values:
            obj.fields["yields"] = frozenset({pair})
            self.heap.hold(obj, frozenset({pair}))
        return values

    def call_deepcopy(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """Everything that is reached is copied once; functions and classes are the same ones."""
        given = frozenset().union(*(a.values for a in arguments))
        result = self.consequences.apply(self.heap.known.function(path), ATOM, arguments, node)
        if any(o.kind == "instance" and self.classes.lookup(o, "__deepcopy__") for o in reach(given)):
            return result
        inside = self.heap.everything(given)
        copies = {
            obj: self.heap.make(node, f"copy of {id(obj)}", kind=obj.kind, type=obj.type)
            if obj.kind in ("value", "instance", "bound") and obj.type != "class"
            else obj
            for obj in inside
        }
        for obj, made in copies.items():
            if made is obj:
                continue
            made.path, made.mark, made.node, made.frame, made.bases = obj.path, obj.mark, obj.node, obj.frame, obj.bases
            made.seeded, made.in_place, made.foreign = obj.seeded, obj.in_place, obj.foreign
            self.heap.hold(made, frozenset(copies.get(o, o) for o in obj.contents))
            for name, inner in obj.fields.items():
                if name != "base":  # the copy of a view has memory of its own
                    made.fields[name] = frozenset(copies.get(o, o) for o in inner)
        return frozenset(copies.get(obj, obj) for obj in given)

    def call_partial(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`partial(f, x)` calls `f` with `x`, and nothing else that it holds."""
        values = self.consequences.apply(self.heap.known.function(path), ATOM, arguments, node)
        for obj in values:
            before = self.heap.partials.get(obj)
            self.heap.partials[obj] = [
                replace(given, values=given.values | old.values) if before else given
                for given, old in zip(arguments, before or arguments, strict=True)
            ]
        return values

    def call_iterator(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`reversed(xs)`, `zip(xs, ys)`: what an iterator gives are members of what it runs over, or tuples of such."""
        if path == "builtins.iter" and len(arguments) > 1:
            return None  # which calls a function again and again
        values = self.consequences.apply(self.heap.known.function(path), ATOM, arguments, node)
        runs_over = frozenset().union(*(a.values for a in (arguments[1:] if path in SECOND else arguments)))
        for argument in arguments:
            if argument.star:
                runs_over |= self.iteration.members(argument.values)
        for obj in values:
            if path in PAIRING:
                obj.fields["pair"] = frozenset({self.heap.make(node, "pair", type="tuple")})
            obj.fields["over"] = obj.fields.get("over", ATOM) | runs_over
        return values

    def call_split(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`np.array_split(a, 3)`: a list of views."""
        values = self.consequences.apply(self.heap.known.function(path), ATOM, arguments, node)
        made = self.heap.make(node, "split", type="list")
        self.heap.hold(made, values)
        return frozenset({made})

    def call_map(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`map(f, xs)` gives what functions of the notebook return, and nothing of `f` or `xs` beside."""
        values = self.consequences.apply(self.heap.known.function(path), ATOM, arguments, node)
        functions = arguments[0].values if arguments else ATOM
        if functions and all(o.kind == "function" and not o.bases for o in functions):
            returned = frozenset().union(
                *(self.heap.blind_calls[self.heap.statement.position, f].result for f in functions)
            )
            for obj in values:
                obj.fields["yields"] = obj.fields.get("yields", ATOM) | returned
        return values

    def call_defaultdict(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """A library's class that makes what is missing is no value of the dict."""
        factories = frozenset(o for a in arguments[:1] for o in a.values if o.kind == "lib")
        if not factories:
            return None
        rest = [replace(arguments[0], values=arguments[0].values - factories), *arguments[1:]]
        effect = self.heap.known.function(path)
        values = self.consequences.apply(effect, ATOM, rest, node)
        self.label(values, path, effect, rest)
        for obj in values:
            obj.fields["factory"] = obj.fields.get("factory", ATOM) | factories
        return values

    def call_display(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`display(x, display_id=True)` gives a handle, by which something else is shown in its place."""
        values = self.consequences.apply(self.heap.known.function(path), ATOM, arguments, node)
        if all(a.name not in ("display_id", None) or (a.name is None and not a.star) for a in arguments):
            return values
        return values | {self.heap.make(node, "handle", type="IPython.display")}

    def call_csv_reader(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """A reader reads as it is asked, gives new rows, and cannot be saved."""
        values = self.consequences.apply(self.heap.known.function(path), ATOM, arguments, node)
        row = self.heap.make(node, "row", type="list" if path == "csv.reader" else "dict")
        for obj in values:
            obj.fields["yields"] = frozenset({row})
        return values

    def call_get_logger(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        self.heap.statement.imports.add("logging")
        return frozenset({self.heap.objects.setdefault("logger", Obj(type="logger"))})

    def call_pandas_eval(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        for each in sorted({n for a in arguments for c in a.constants or () for n in IDENTIFIER.findall(str(c))}):
            if self.heap.state.get(self.heap.resolve(each)).sites:
                self.names.load(each, node)
        return None

    def call_import(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        """`importlib.import_module("helpers")`."""
        names = sorted(str(name) for name in arguments[0].constants or ()) if len(arguments) == 1 else []
        modules = [self.modules.import_module(name) for name in names]
        found = frozenset(module.object for module in modules if module is not None)
        return found if found and None not in modules else None

    def call_reload(self, path: str, arguments: list[Argument], node: ast.AST) -> Values | None:
        for obj in frozenset().union(*(a.values for a in arguments)):
            if obj.kind == "module":
                message = f"`{path}` runs the module `{obj.path}` a second time, which no other stage would do"
                self.heap.find("NB220", node, "reload", message, "remove the call: each stage reads the module anew")
        return None

    def adjust_library(self, effect: Effect, path: str, arguments: list[Argument], node: ast.AST) -> Effect:
        last = path.rpartition(".")[2]
        effect = self.continued(effect, arguments)
        if effect.seeds and any(a.name == "deterministic" for a in arguments):
            effect = replace(effect, sets=path.partition(".")[0])
        if any(a.name and a.name.startswith("overwrite_") and a.constants != frozenset({False}) for a in arguments):
            effect = replace(effect, changes_all=True)
        if path.startswith("numpy.") and any(a.name == "copy" and a.constants != frozenset({True}) for a in arguments):
            if effect.result == "fresh":
                effect = replace(effect, result="view", changes=True)
        if any(a.name == "inplace" and a.constants != frozenset({False}) for a in arguments):
            effect = replace(effect, changes=True, keeps=True)
        if path == "sklearn.datasets." + last and last.startswith("load_"):
            if any(a.name == "return_X_y" for a in arguments):
                self.heap.slices.setdefault(id(node), ["frame" if self.as_frame(arguments) else "ndarray"])
        if path.startswith("pandas.read_") and any(a.name in ("chunksize", "iterator") for a in arguments):
            effect = replace(effect, type="iter", cells=True)
        if path == "pandas.concat" and any(o.type == "frame" for v in arguments[0].values for o in v.contents):
            effect = replace(effect, type="frame")
        if path in ("pandas.DataFrame", "pandas.Series") and any(
            a.name == "copy" and a.constants == frozenset({False}) for a in arguments
        ):
            made = self.heap.make(node, "result", type=effect.type)
            arrays = frozenset(o for a in arguments for o in a.values if o.type in ("ndarray", ""))
            made.fields["base"] = made.fields.get("base", ATOM) | (arrays - {made})
        if effect.type == "rich.console" and any(a.name in ("record", "file", None) for a in arguments):
            effect = replace(effect, result="holds", type="rich.recorder")
        if last == "train_test_split":
            self.heap.slices[id(node)] = [
                self.heap.type_of(a.values) for a in arguments if a.name is None and not a.star
            ]
        in_place = any(a.name in ("copy", "copy_X", "copy_x") and a.constants != frozenset({True}) for a in arguments)
        if in_place and not last[:1].isupper() and effect.result != "view":
            effect = replace(effect, changes=True)
        if last[:1].isupper() and path.startswith("sklearn."):
            # Making an estimator draws nothing; fitting it may.
            effect = replace(effect, draws="", plots=0, calls="none")
            if "Display.from_" in path:
                effect = replace(effect, plots=1, type="matplotlib")
        if path.startswith("sklearn.") and last in KEEPERS:
            effect = replace(effect, draws="", calls="none")
        if "Display.from_" in path:
            given = any(a.name == "ax" for a in arguments)
            effect = replace(effect, plots=0 if given else 1, type="matplotlib", draws="")
        if path.startswith("seaborn.") and effect.plots:
            given = any(a.name in ("ax", "fig") for a in arguments)
            effect = replace(effect, plots=1 if last in FIGURE_LEVEL else 0 if given else 2)
        if path.startswith("statsmodels") and last[:1].isupper():
            effect = replace(effect, result="holds", draws="")
        return effect

    def continued(self, effect: Effect, arguments: list[Argument]) -> Effect:
        """Training that goes on with a model takes the random state of its library as it stands."""
        goes_on = any(a.name in ("xgb_model", "init_model") and a.constants != frozenset({None}) for a in arguments)
        if not goes_on or "xgboost" not in effect.seeds:
            return effect
        models = [o for a in arguments for o in a.values if a.name == "xgb_model"]
        if models and all(o.seeded for o in models) and self.samples_nothing(arguments):
            return replace(effect, seeds=())
        return replace(effect, seeds=(), draws="always", drawn=("xgboost",))

    def samples_nothing(self, arguments: list[Argument]) -> bool:
        """Whether the parameters of a training by xgboost are known and ask for no random numbers."""
        node = arguments[0].node if arguments else None
        if isinstance(node, ast.Name):
            var = self.heap.state.get(self.heap.resolve(node.id))
            sites = [s.node for s in var.sites]
            plain = len(sites) == 1 and isinstance(sites[0], ast.Assign) and not var.values & self.heap.changed
            node = sites[0].value if plain and isinstance(sites[0], ast.Assign) else None
        if not isinstance(node, ast.Dict):
            return False
        keys = {
            key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        }
        each_time = keys.get("seed_per_iteration")
        if isinstance(each_time, ast.Constant) and each_time.value is True:
            return True
        return len(keys) == len(node.keys) and not any(
            str(key).startswith(("subsample", "colsample", "sampling", "booster", "feature_selector", "updater"))
            for key in keys
        )

    def get_attribute(self, arguments: list[Argument], node: ast.AST) -> Values:
        """`getattr(x, name)`: what is found there, a method tied to `x`, or a part of it."""
        owners = arguments[0].values
        result = self.functions.dunders(owners, [], only=("__getattr__", "__getattribute__"))
        names = sorted(map(str, arguments[1].constants or ())) if len(arguments) > 1 else []
        if names and owners and isinstance(node, ast.Call):
            for name in names:
                same = ast.copy_location(ast.Attribute(node.args[0], name, ast.Load()), node)
                result = result.union(*(self.expressions.attribute(obj, same) for obj in owners))
            return result.union(*(a.values for a in arguments[2:]))
        made = self.heap.make(node, "attribute", type="callable")
        held = frozenset(o for a in arguments for o in a.values if o.kind != "lib")
        self.heap.hold(made, held)
        if not held:
            return result or frozenset({made})
        return result | {made} | held | frozenset(o for obj in held for o in obj.contents)

    def set_attribute(self, arguments: list[Argument]) -> None:
        for obj in arguments[0].values:
            if obj.kind == "class":
                for name in sorted(map(str, arguments[1].constants or ("*",))):
                    obj.fields[name] = obj.fields.get(name, ATOM) | arguments[2].values
                    obj.stored.add(name)

    def as_frame(self, arguments: list[Argument]) -> bool:
        return any(a.name == "as_frame" and a.constants == frozenset({True}) for a in arguments)

    def names_in_strings(self, name: str, arguments: list[Argument], node: ast.AST) -> Values:
        """`df.query("a > @limit")` and formulas use names that no parser sees; what those refer to."""
        texts = [str(c) for a in arguments for c in (a.constants or ()) if isinstance(c, str)]
        wanted: set[str] = set()
        if name in ("query", "eval"):
            wanted = {n for text in texts for n in QUERY_NAMES.findall(text)}
            if any(a.constants is None and not a.name and not a.values for a in arguments[:1]):
                wanted |= _strings_in(arguments)
        elif any("~" in text for text in texts) or name in ("dmatrix", "model_matrix", "incr_dbuilder"):
            one_sided = not any("~" in text for text in texts)  # `dmatrix("double(x)", df)`
            wanted = {n for text in texts if one_sided or "~" in text for n in IDENTIFIER.findall(text)}
        found: Values = ATOM
        for each in sorted(wanted):
            local = self.heap.resolve(each)
            if self.heap.state.get(local).sites:
                found |= self.names.load(each, node)
        return found

    def plain_in_formulas(self, arguments: list[Argument]) -> set[str]:
        """Numbers and texts of the notebook that a formula names inside brackets: `y ~ I(x ** k)`."""
        texts = [c for a in arguments for c in (a.constants or ()) if isinstance(c, str) and "~" in c]
        inside = {n for text in texts for part in IN_BRACKETS.findall(text) for n in IDENTIFIER.findall(part)}
        variables = ((name, self.heap.state.get(self.heap.resolve(name))) for name in inside)
        return {name for name, var in variables if var.sites and not var.values}

    def unknown_call(self, receiver: Values, arguments: list[Argument], node: ast.AST) -> Values:
        self.process.note_plot(node, 3 if PLOT_NAME.search(self.heap.name_of(node)) else 0)
        return self.consequences.apply(UNKNOWN, receiver, arguments, node)


# Calls that the tables cannot say; None means that the table says the rest.
SPECIAL_CALLS: Final[dict[str, Callable[[LibraryCalls, str, list[Argument], ast.AST], Values | None]]] = {
    "builtins.id": LibraryCalls.call_id,
    "builtins.property": LibraryCalls.call_property,
    "builtins.vars": LibraryCalls.call_vars,
    "builtins.map": LibraryCalls.call_map,
    "copy.deepcopy": LibraryCalls.call_deepcopy,
    "functools.partial": LibraryCalls.call_partial,
    **dict.fromkeys(ITERATORS, LibraryCalls.call_iterator),
    **dict.fromkeys((f"numpy.{n}" for n in ("split", "array_split", "hsplit", "vsplit")), LibraryCalls.call_split),
    "collections.defaultdict": LibraryCalls.call_defaultdict,
    "builtins.display": LibraryCalls.call_display,
    "IPython.display.display": LibraryCalls.call_display,
    "csv.reader": LibraryCalls.call_csv_reader,
    "csv.DictReader": LibraryCalls.call_csv_reader,
    "itertools.groupby": LibraryCalls.call_groupby,
    "importlib.import_module": LibraryCalls.call_import,
    "importlib.reload": LibraryCalls.call_reload,
    "builtins.getattr": LibraryCalls.call_getattr,
    "builtins.setattr": LibraryCalls.call_setattr,
    "builtins.type": LibraryCalls.call_type,
    "logging.getLogger": LibraryCalls.call_get_logger,
    "pandas.eval": LibraryCalls.call_pandas_eval,
}
