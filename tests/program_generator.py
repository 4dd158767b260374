"""Random programs, cut into tagged cells.

A program grows statement by statement while it runs: each candidate is drawn from a table of templates, filled with
expressions that exist at that moment, and executed.  What raises is dropped.  So types need no tracking, and nearly
every program runs.  The last stage writes `result.json`: a text for each name, then some changes, then the texts again.

The same seed gives the same program in every process.  `generate` executes the program in the calling process, which
writes files into the folder `kept`: call it in a child, in a folder of its own.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import keyword
import random
import re
import shutil
import sys
import types
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from program_templates import (
    BINDINGS,
    CHANGES,
    CLASSES,
    COMPOUND,
    CONDITIONS,
    DRAWS,
    DUMPER,
    FLAVOURS,
    FUNCTIONS,
    IMPORTS,
    SEEDS,
    SETTINGS,
    VALUES,
    Flavour,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STAGES: Final = ("import", "clean", "preprocess", "features", "split", "train", "evaluate", "report")
RESULT: Final = "result.json"
KEPT: Final = "kept"  # the folder of the files that programs write
DATA_NAMES: Final = ("a", "b", "c", "d", "e", "f", "xs", "arr", "df", "obj")
FUNCTION_NAMES: Final = ("fn", "gn", "hn")
CLASS_NAMES: Final = ("Ka", "Kb", "Kc")
OURS: Final = ("out", "seen", "file", "dump")  # names of the last cell
LONGEST_STATE: Final = 4_000


@dataclass(frozen=True)
class Part:
    """One top-level statement: its text, the number of its cell, and that cell's tag (empty: no tag)."""

    text: str
    cell: int
    tag: str


@dataclass
class Program:
    """A program as a list of statements that know their cells."""

    parts: list[Part]
    seed: int = 0

    def cells(self) -> list[tuple[str, str]]:
        """The tag and the text of each cell."""
        found: dict[int, tuple[str, list[str]]] = {}
        for part in self.parts:
            found.setdefault(part.cell, (part.tag, []))[1].append(part.text)
        return [(tag, "\n".join(texts)) for tag, texts in found.values()]

    def notebook(self) -> bytes:
        """The notebook file."""
        cells = [
            {
                "cell_type": "code",
                "id": f"cell{number}",
                "metadata": {"tags": [tag] if tag else []},
                "execution_count": None,
                "outputs": [],
                "source": text,
            }
            for number, (tag, text) in enumerate(self.cells())
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = {
            "cells": cells,
            "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        return json.dumps(book).encode()

    def text(self) -> str:
        """The cells for a reader."""
        return "\n".join(f"# [{tag or 'no tag'}]\n{text}" for tag, text in self.cells())


class NoCandidateError(Exception):
    """Nothing in the program fits a placeholder."""


PLACEHOLDER: Final = re.compile(r"\$([a-z]+)(\d?)")


# -- generation --------------------------------------------------------------------------------------------------------


@dataclass
class Path:
    """An expression and what it gave when it was looked at."""

    text: str
    value: Any
    depth: int = 0


@dataclass
class Generator:
    """Grows one program in a namespace."""

    rng: random.Random
    namespace: dict[str, Any]
    statements: list[str] = field(default_factory=list)
    seeded: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    observed: list[str] = field(default_factory=list)
    maybe: list[str] = field(default_factory=list)
    nesting: int = 0
    cyclic: bool = False
    tables: Flavour = field(
        default_factory=lambda: Flavour((), VALUES, CHANGES, BINDINGS, COMPOUND, FUNCTIONS, CLASSES)
    )

    # -- what exists

    def names(self, fits: Callable[[Any], bool] = lambda _: True) -> list[str]:
        """The program's names whose values fit."""
        skip = (types.ModuleType, types.FunctionType, type)
        return [
            name
            for name, value in self.namespace.items()
            if not name.startswith("_") and name not in OURS and not isinstance(value, skip) and fits(value)
        ]

    def paths(self) -> Iterator[Path]:
        """Expressions for the program's values and for what they hold, to a depth of three."""
        todo = [Path(name, self.namespace[name]) for name in self.names()]
        for path in todo:
            yield path
            if path.depth < 3 and len(todo) < 120:
                todo += [Path(path.text + step, value, path.depth + 1) for step, value in steps(path.value)]

    def find(self, fits: Callable[[Any], bool], least: int = 0) -> str:
        """A path to a value that fits; short ones more often."""
        found = [p for p in self.paths() if p.depth >= least and fits(p.value)]
        if not found:
            raise NoCandidateError
        return self.rng.choices(found, [4.0**-p.depth for p in found])[0].text

    def user_objects(self, kind: type) -> list[str]:
        """The names of the program's own functions or classes."""
        return [
            name
            for name, value in self.namespace.items()
            if isinstance(value, kind) and getattr(value, "__module__", "") == "__main__" and name not in OURS
        ]

    def choose(self, candidates: list[str]) -> str:
        if not candidates:
            raise NoCandidateError
        return self.rng.choice(candidates)

    # -- templates

    def pick(self, table: dict[str, int]) -> str:
        """A template by weight, filled."""
        for _ in range(20):
            template = self.rng.choices(list(table), list(table.values()))[0]
            try:
                return self.fill(template)
            except NoCandidateError:
                continue
        raise NoCandidateError

    def fill(self, template: str) -> str:
        """The template with an expression for each placeholder."""
        if self.nesting > 5:
            raise NoCandidateError
        self.nesting += 1
        known: dict[str, str] = {}

        def replace(match: re.Match[str]) -> str:
            kind, label = match.groups()
            if label and kind + label in known:
                return known[kind + label]
            text = self.expression(kind)
            if kind in ("fname", "cname"):
                label = label or "1"
            if label or kind + "1" in template:
                known[kind + (label or "1")] = text
            return text

        try:
            lines = [self.fill_line(line, replace) for line in template.split("\n")]
        finally:
            self.nesting -= 1
        return "\n".join(lines)

    @staticmethod
    def fill_line(line: str, replace: Callable[[re.Match[str]], str]) -> str:
        indent = " " * (len(line) - len(line.lstrip()))
        return PLACEHOLDER.sub(replace, line).replace("\n", "\n" + indent)

    def expression(self, kind: str) -> str:
        """What a placeholder stands for."""
        if kind in KINDS:
            return self.find(KINDS[kind])
        method: Callable[[], str] = getattr(self, "find_" + kind)
        return method()

    def find_int(self) -> str:
        return str(self.rng.randint(0, 9))

    def find_small(self) -> str:
        return str(self.rng.randint(2, 5))

    def find_atom(self) -> str:
        return self.rng.choice(["1", "7", "2.5", "'s'", "'k'", "None", "True"])

    def find_new(self) -> str:
        return self.rng.choice(DATA_NAMES)

    def find_val(self) -> str:
        return self.pick(self.tables.values)

    def find_bind(self) -> str:
        return self.pick(self.tables.bindings)

    def find_change(self) -> str:
        return self.pick(self.tables.changes)

    def find_cond(self) -> str:
        return self.fill(self.rng.choice(CONDITIONS))

    def find_name(self) -> str:
        return self.choose(self.names(is_data))

    def find_listname(self) -> str:
        return self.choose(self.names(KINDS["list"]))

    def find_dictname(self) -> str:
        return self.choose(self.names(KINDS["dict"]))

    def find_intname(self) -> str:
        return self.choose(self.names(lambda v: type(v) is int))

    def find_dfname(self) -> str:
        return self.choose(self.names(KINDS["df"]))

    def find_arrname(self) -> str:
        return self.choose(self.names(KINDS["arr"]))

    def find_rngname(self) -> str:
        return self.choose(self.names(KINDS["rng"]))

    def find_registry(self) -> str:
        """A function that a decorator has put into a dict."""
        found = [f"registry[{key!r}]" for key in self.namespace.get("registry", ())]
        return self.rng.choice([self.choose(found), "list(registry)"])

    def find_registrychange(self) -> str:
        return f"{self.find_registry()}({self.expression('any')})"

    def find_item(self) -> str:
        return self.find(lambda _: True, least=1)

    def find_fname(self) -> str:
        return self.rng.choice(FUNCTION_NAMES)

    def find_cname(self) -> str:
        return self.rng.choice(CLASS_NAMES)

    def find_fnname(self) -> str:
        return self.choose(self.user_objects(types.FunctionType))

    def find_clsname(self) -> str:
        return self.choose(self.user_objects(type))

    find_cls = find_clsname

    def find_fn(self) -> str:
        held = [p.text for p in self.paths() if callable(p.value) and not isinstance(p.value, type)]
        return self.choose(self.user_objects(types.FunctionType) * 2 + held)

    def find_method(self) -> str:
        raise NoCandidateError

    def find_attr(self) -> str:
        return self.rng.choice(["v", "items", "w", "shared"])

    def find_maybe(self) -> str:
        name = self.rng.choice(["ma", "mb"])
        self.maybe.append(name)
        return name

    def find_maybename(self) -> str:
        return self.choose(self.maybe)

    def find_draw(self) -> str:
        rngs = self.names(lambda v: type(v).__name__ == "Generator")
        if rngs and self.rng.random() < 0.5:
            return self.rng.choice(rngs) + self.rng.choice([".random()", ".normal()", ".integers(9, size=3)"])
        return self.rng.choice(DRAWS[self.choose(sorted(self.seeded))])

    def find_shuffle(self) -> str:
        """Shuffling a list or an array in place."""
        call = {"random": "random.shuffle($list)", "numpy": "np.random.shuffle($arr)"}
        return self.fill(call[self.choose(sorted(self.seeded))])

    def find_rngmake(self) -> str:
        return self.rng.choice(["np.random.default_rng(3)", "np.random.RandomState(4)", "random.Random(5)"])

    def find_make(self) -> str:
        name = self.find_clsname()
        return f"{name}({self.arguments(self.namespace[name])})"

    def find_call(self) -> str:
        text = self.find_fn()
        try:
            value = eval(text, self.namespace)
        except Exception:
            raise NoCandidateError from None
        return f"{text}({self.arguments(value)})"

    def find_context(self) -> str:
        text = self.find_fnname()
        if "contextmanager" not in str(getattr(self.namespace[text], "__wrapped__", "")) and not hasattr(
            self.namespace[text], "__wrapped__"
        ):
            raise NoCandidateError
        return f"{text}({self.arguments(self.namespace[text])})"

    def find_methodcall(self) -> str:
        found = [p for p in self.paths() if KINDS["inst"](p.value)]
        if not found:
            raise NoCandidateError
        path = self.rng.choices(found, [4.0**-p.depth for p in found])[0]
        methods = sorted(
            name
            for name in dir(type(path.value))
            if not name.startswith("_")
            and isinstance(getattr(type(path.value), name), types.FunctionType | types.MethodType)
        )
        method = self.choose(methods)
        return f"{path.text}.{method}({self.arguments(getattr(path.value, method))})"

    def arguments(self, function: Any) -> str:
        """Arguments for a call."""
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        found = []
        for parameter in parameters:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY):
                if parameter.default is parameter.empty or self.rng.random() < 0.3:
                    kind = GIVEN.get(parameter.name) or self.rng.choice(["mut", "any", "list"])
                    found.append(self.expression(kind))
                else:
                    break
            elif parameter.kind is parameter.VAR_POSITIONAL and self.rng.random() < 0.7:
                found.append(self.expression("any"))
        return ", ".join(found)

    # -- growing

    def run(self, text: str, must: bool = False) -> bool:
        """Execute a statement; keep it if it runs, undo it otherwise."""
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return False
        for name in sorted(IMPORTS.keys() & {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - self.imported):
            if name in self.namespace and not isinstance(self.namespace[name], types.ModuleType):
                return False
            self.imported.add(name)
            self.run(self.rng.choice(IMPORTS[name]), must=True)
        try:
            exec(compile(text, "<program>", "exec", dont_inherit=True), self.namespace)
            if not must:
                self.check_state()
        except Exception:
            self.replay()
            return False
        self.statements.append(text)
        return True

    def check_state(self) -> None:
        """Raise where values have become large, or, most times, hold themselves."""
        state = repr([self.namespace[n] for n in self.names()])
        cyclic = "...}" in state or "...]" in state
        if len(state) > LONGEST_STATE or (cyclic and not self.cyclic and self.rng.random() < 0.95):
            raise OverflowError
        self.cyclic = cyclic

    def replay(self) -> None:
        """Run the program again from its start, without the statement that has failed half-way."""
        self.namespace.clear()
        self.namespace["__name__"] = "__main__"
        shutil.rmtree(KEPT, ignore_errors=True)
        exec(compile("\n".join(self.statements), "<program>", "exec", dont_inherit=True), self.namespace)

    def grow(self, table: dict[str, int]) -> bool:
        """Add a statement of a table."""
        for _ in range(30):
            try:
                text = self.pick(table)
            except NoCandidateError:
                return False
            if self.run(text):
                return True
        return False

    def grow_random(self) -> bool:
        """A seed, again at times, or a draw."""
        kind = self.rng.choice(sorted(SEEDS))
        if kind not in self.seeded or self.rng.random() < 0.15:
            if self.run(self.fill(SEEDS[kind])):
                self.seeded.add(kind)
            return True
        return self.run(f"{self.find_new()} = {self.find_draw()}")

    def grow_setting(self) -> bool:
        """A setting, or a look at what one did."""
        if self.observed and self.rng.random() < 0.6:
            return self.run(f"{self.find_new()} = {self.rng.choice(self.observed)}")
        setting, look = self.rng.choice(SETTINGS)
        if self.run(self.fill(setting)):
            self.observed.append(look)
        return True

    def add_flavour(self, name: str) -> None:
        """Take the statements of a flavour from now on, more often than the others."""
        flavour = FLAVOURS[name]
        tables = {
            part.name: {**getattr(self.tables, part.name), **{t: 4 * n for t, n in getattr(flavour, part.name).items()}}
            for part in fields(Flavour)
            if part.name != "start"
        }
        self.tables = Flavour(**tables)
        for text in flavour.start:
            self.run(text)
        if name == "chance":
            self.seeded |= {"numpy", "random"}

    def grow_all(self, count: int) -> None:
        """The program but for its last stage."""
        kinds = {
            "binding": 10,
            "change": 9,
            "compound": 4,
            "function": 4,
            "class": 2,
            "random": self.rng.choice([0, 0, 0, 3]),
            "setting": self.rng.choice([0, 0, 0, 2]),
        }
        for _ in range(2):
            self.grow({"$new = $val": 1})
        for _ in range(count * 3):
            if len(self.statements) >= count:
                return
            with contextlib.suppress(NoCandidateError):
                self.grow_one(self.rng.choices(list(kinds), list(kinds.values()))[0])

    def grow_one(self, kind: str) -> None:
        own = self.tables
        tables = {
            "binding": own.bindings,
            "change": own.changes,
            "compound": own.compound,
            "function": own.functions,
            "class": own.classes,
        }
        if kind in tables:
            self.grow(tables[kind])
        elif kind == "random":
            self.grow_random()
        else:
            self.grow_setting()


def is_data(value: Any) -> bool:
    """Whether a value is none of the callables and modules."""
    return not isinstance(value, types.ModuleType | types.FunctionType | type)


def is_instance(value: Any) -> bool:
    """Whether a value is an instance of a class of the program."""
    return type(value).__module__ in ("__main__", "types") and type(value).__name__ != "function" and is_data(value)


def type_is(*names: str) -> Callable[[Any], bool]:
    """A test for the name of a value's type."""
    return lambda value: type(value).__name__ in names


KINDS: Final[dict[str, Callable[[Any], bool]]] = {
    "any": is_data,
    "mut": lambda v: is_data(v) and not isinstance(v, int | float | str | tuple | None),
    "list": lambda v: type(v) is list,
    "nums": lambda v: type(v) is list and bool(v) and all(type(x) is int for x in v),
    "lists": lambda v: type(v) is list and bool(v) and all(type(x) is list for x in v),
    "dict": lambda v: isinstance(v, dict),
    "inst": is_instance,
    "arr": type_is("ndarray"),
    "df": type_is("DataFrame"),
    "series": type_is("Series"),
    "iterator": lambda v: hasattr(v, "__next__"),
    "deque": type_is("deque"),
    "set": type_is("set"),
    "grouped": type_is("DataFrameGroupBy"),
    "index": type_is("Index", "RangeIndex"),
    "rng": type_is("Generator", "RandomState", "Random"),
    "buffer": type_is("StringIO"),
    "model": lambda v: hasattr(v, "get_params") and not isinstance(v, type),
}
# What a parameter of this name is given.
GIVEN: Final = {"df": "df", "rng": "rng", "cb": "fn", "g": "fnname"}


def steps(value: Any) -> list[tuple[str, Any]]:
    """The parts of a value: how to write the access, and what it gives."""
    if isinstance(value, list | tuple):
        places = sorted({0, len(value) // 2, len(value) - 1}) if value else []
        return [(f"[{i if i < 2 else -1 if i == len(value) - 1 else i}]", value[i]) for i in places]
    if isinstance(value, dict):
        return [(f"[{k!r}]", v) for k, v in list(value.items())[:4] if type(k) in (str, int)]
    if is_instance(value):
        inside = getattr(value, "__dict__", {})
        return [(f".{k}", v) for k, v in list(inside.items())[:4] if k.isidentifier() and not keyword.iskeyword(k)]
    if type(value).__name__ == "DataFrame":
        return [("['x']", value["x"])] if "x" in value.columns else []
    return []


AXES: Final = "(a.get_title(), a.get_xlabel(), [(n.get_linewidth(), n.get_ydata().tolist()) for n in a.lines])"


def observation(generator: Generator, name: str, identity: bool) -> str:
    """An expression for what a name holds, as a JSON value."""
    value = generator.namespace[name]
    if identity:
        return f"dump({name}, seen)"
    kind = type(value).__name__
    if kind == "ndarray":
        return generator.rng.choice([f"repr({name}.tolist())", f"repr({name})"])
    if kind == "DataFrame":
        return generator.rng.choice([f"{name}.to_csv()", f"str({name})"])
    if kind == "Series":
        return generator.rng.choice([f"repr({name}.tolist())", f"repr({name}.to_dict())"])
    if kind in ("set", "frozenset"):
        return f"repr(sorted({name}, key=str))"
    if kind == "Figure":
        return f"repr([{AXES} for a in {name}.axes])"
    if kind == "Axes":
        return f"repr([{AXES} for a in [{name}]])"
    if KINDS["model"](value) or (is_instance(value) and hasattr(value, "__dict__")):
        return f"repr(vars({name}))"
    return f"repr({name})"


def last_stage(generator: Generator) -> tuple[int, list[str]]:
    """Statements that write all names, change some values, and write them again; also where they begin."""
    rng = generator.rng
    identity = rng.random() < 0.4
    start = len(generator.statements)
    names = generator.names()
    rng.shuffle(names)
    if rng.random() < 0.4:
        names = names[: max(2, len(names) // 2)]
    helpers = ["import numpy as np", "import pandas as pd", DUMPER, "seen = {}"] if identity else []
    for text in ("import json", *helpers, "out = {}"):
        generator.run(text, must=True)
    if rng.random() < 0.7:
        look(generator, names, "first", identity)
    for _ in range(rng.randint(1, 3)):
        generator.grow({"$change": 6, "$new = $call": 3, "$new = $methodcall": 2, "$bind": 1})
    probe(generator)
    look(generator, names, "last", identity)
    write = f"with open('{RESULT}', 'w') as file:\n    json.dump(out, file)"
    return start, [*generator.statements[start:], write]


def look(generator: Generator, names: list[str], when: str, identity: bool) -> None:
    """Add statements that write down what names hold."""
    for name in names:
        if name in generator.namespace:
            generator.run(f"out['{name} {when}'] = {observation(generator, name, identity)}")


def probe(generator: Generator) -> None:
    """Add calls of the program's functions, one more draw of each generator, and looks at settings."""
    rng = generator.rng
    for name in generator.user_objects(types.FunctionType):
        with contextlib.suppress(NoCandidateError):
            call = f"{name}({generator.arguments(generator.namespace.get(name))})"
            if rng.random() < 0.6:
                generator.run(f"out['{name}()'] = repr({call})")
    for kind in sorted(generator.seeded):
        generator.run(f"out['{kind}'] = repr({rng.choice(DRAWS[kind])})")
    for name in generator.names(type_is("Generator", "RandomState")):
        generator.run(f"out['{name} draw'] = repr({name}.normal())")
    for name in generator.names(type_is("Random")):
        generator.run(f"out['{name} draw'] = repr({name}.random())")
    for expression in sorted(set(generator.observed)):
        generator.run(f"out[{expression!r}] = repr({expression})")


def cut(rng: random.Random, statements: list[str], last: list[str]) -> list[Part]:
    """Cells and stages for the statements."""
    count = rng.randint(2, 4)
    cells: list[list[str]] = []
    for text in statements:
        if cells and rng.random() < 0.45:
            cells[-1].append(text)
        else:
            cells.append([text])
    count = min(count, len(cells))
    ends = sorted(rng.sample(range(1, len(cells)), count - 1))
    stages = [sum(end <= i for end in ends) for i in range(len(cells))]
    if rng.random() < 0.15 and len(cells) > 3:
        stages[rng.randrange(1, len(cells))] = rng.randrange(count)
    names = [STAGES[0], *sorted(rng.sample(STAGES[1:-1], count - 1), key=STAGES.index)]
    tags = [names[stage] for stage in stages]
    free = rng.random() < 0.3
    for i, cell in enumerate(cells):
        if free and rng.random() < 0.5 and all(is_inert(text) for text in cell):
            tags[i] = ""
    if rng.random() < 0.15:
        for i, cell in enumerate(cells[:2]):
            if all(is_setting(text) for text in cell):
                tags[i] = "setup"
    last_tag = STAGES[-1] if rng.random() < 0.85 or not tags[-1] else tags[-1]
    found = [Part(text, i, tags[i]) for i, cell in enumerate(cells) for text in cell]
    return found + [Part(text, len(cells), last_tag) for text in last]


def is_inert(text: str) -> bool:
    """Whether a statement only imports or defines."""
    return text.startswith(("import ", "from ", "def ", "class ", "@"))


def is_setting(text: str) -> bool:
    """Whether a statement makes a setting or a seed."""
    return is_inert(text) or bool(re.match(r"(np|pd|os|sys|random|decimal|warnings)\.\w", text))


def generate(seed: int) -> Program | None:
    """The program of a seed, or None where it did not come to anything.  Executes it in this process."""
    rng = random.Random(seed)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    generator = Generator(rng, module.__dict__)
    size = rng.randint(6, 25)
    if rng.random() < 0.5:  # the usual imports first
        for name in [*rng.sample(sorted(IMPORTS), rng.randint(1, 4)), "np"]:
            if name not in generator.imported:
                generator.run(IMPORTS[name][0])
                generator.imported.add(name)
    for name in rng.sample(sorted(FLAVOURS), rng.choice([0, 1, 1, 1, 2])):
        generator.add_flavour(name)
    generator.grow_all(size + len(generator.statements))
    start, last = last_stage(generator)
    if start < 3:
        return None
    return Program(cut(rng, generator.statements[:start], last), seed)
