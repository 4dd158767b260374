"""The lines of a script that load what earlier stages saved, and save what later ones need."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from textwrap import indent

from nb2stage.analysis.crossings import Round, Transfer
from nb2stage.analysis.objects import Statement
from nb2stage.analysis.scopes import inner_free_names
from nb2stage.knowledge import BY_KEY, packages
from nb2stage.knowledge.formats import JOBLIB, PANDAS, PANDAS_ARRAYS, Format
from nb2stage.planning.companions import NANS, SAVING, is_tried, keeps_nan
from nb2stage.planning.planner import Planner
from nb2stage.planning.stageplan import CacheFile, StagePlan
from nb2stage.scripts.import_lines import Imports
from nb2stage.trees import walk

INDENT = "    "
STARRED = 2  # of more values in a row than these that a stage does not need, no one is counted


class CacheLines:
    """Loads and saves of one stage."""

    def __init__(self, planner: Planner, plan: StagePlan, imports: Imports) -> None:
        self.planner, self.plan, self.imports = planner, plan, imports
        self.program = planner.program
        self.shared: set[str] = set()  # names that hold the whole of a file
        self.states: list[str] = []  # lines that give definitions the state they had

    def fitted(self, line: str, indented: str = "") -> str:
        """A line of ours, broken where it is too long; it will be indented by so much."""
        return fitted(line, self.imports.line_length - len(indented))

    def loads(self, wanted: Round) -> str:
        """The lines that load the files of one round."""
        known = {id(file.transfer): file for file in self.plan.loads}
        files = [known[id(transfer)] for transfer in wanted.transfers]
        # By name, so that stages that change places change no script.  What may be bound or not is loaded in the order
        # of the stages: the last one that binds a name wins.
        if not any(file.transfer.optional for file in files):
            files.sort(key=lambda file: (file.source, file.path))
        # Which stage each is from is said by its path.
        return "\n".join(self.fitted(self.load(file, file.consumers[self.plan.name])) for file in files)

    def load(self, file: CacheFile, names: list[str]) -> str:
        """The lines that bring back what a stage takes of one cache file."""
        transfer = file.transfer
        value = self.load_value(file)
        if transfer.graded:
            return self.load_with_gradients(file, value)
        plain = all(self.is_plain(transfer, n) for n in transfer.names)
        if transfer.optional and plain and names == transfer.names:
            return self.read(file, f"{self.imports.builtin('globals')}().update({value})")
        if transfer.optional:
            return self.load_optional(file, names, value)
        if transfer.names == [names[0]]:
            return self.restore(file, names[0], value)
        if plain and (names == transfer.names or self.is_unread):
            return self.read(file, f"{wrapped(unpacked(transfer.names, names), self.imports.line_length)} = {value}")
        if plain and len(names) == 1:
            return self.read(file, f"{names[0]} = {value}[{transfer.names.index(names[0])}]")
        shared = self.shared_name(file)
        lines = [self.read(file, f"{shared} = {value}")]
        for name in names:
            line = self.restore(file, name, f"{shared}[{transfer.names.index(name)}]")
            if line:
                lines.append(line)
        return "\n".join(lines)

    def load_with_gradients(self, file: CacheFile, value: str) -> str:
        """The lines for a file of tensors with their gradients beside them."""
        names = file.transfer.names
        owners = self.parameters_of(file.transfer)
        if owners == names:
            return f"{names[0]}, {names[0]}.grad = {value}"
        gradients, parameter = self.imports.fresh("gradients"), self.imports.fresh("parameter")
        gradient = self.imports.fresh("gradient")
        values = names[0] if len(names) == 1 else f"({', '.join(names)})"
        whole = owners[0].removeprefix("*") if len(owners) == 1 else f"[{', '.join(owners)}]"
        return (
            f"{values}, {gradients} = {value}\n"
            f"for {parameter}, {gradient} in zip({whole}, {gradients}):\n"
            f"    {parameter}.grad = {gradient}"
        )

    def parameters_of(self, transfer: Transfer) -> list[str]:
        """The tensors of a file that have gradients, as they stand in a list."""
        exits = self.program.boundaries.exits[transfer.stage]
        modules = [n for n in transfer.graded if all(map(self.program.classes.is_module, exits[n].values))]
        return [f"*{name}.parameters()" if name in modules else name for name in transfer.graded]

    def saved_with_gradients(self, file: CacheFile) -> str:
        """What is saved of tensors with their gradients: the values, and a list of gradients."""
        names, owners = file.transfer.names, self.parameters_of(file.transfer)
        values = names[0] if len(names) == 1 else f"({', '.join(names)})"
        if owners == names:
            return f"({values}, {values}.grad)"
        each = self.imports.fresh("p")
        if len(owners) == 1:
            return f"({values}, [{each}.grad for {each} in {owners[0].removeprefix('*')}])"
        return f"({values}, [{each}.grad for {each} in [{', '.join(owners)}]])"

    def load_optional(self, file: CacheFile, names: list[str], value: str) -> str:
        """The lines for a file that holds names by name, since some of them may have been unbound."""
        transfer, shared = file.transfer, self.shared_name(file)
        lines = [self.read(file, f"{shared} = {value}")]
        lines += [self.restore(file, n, f'{shared}["{n}"]') for n in names if n not in transfer.optional]
        optional = [name for name in names if name in transfer.optional]
        if len(optional) == 1:
            lines.append(f'if "{optional[0]}" in {shared}:\n    {optional[0]} = {shared}["{optional[0]}"]')
        elif optional:
            own = f"{self.imports.builtin('globals')}()"
            lines.append(f"{own}.update({{n: {shared}[n] for n in {quoted(optional)} if n in {shared}}})")
        return "\n".join(line for line in lines if line)

    def shared_name(self, file: CacheFile) -> str:
        """A name for the whole of a file; a second one of the same stage gets another."""
        first = f"from_{file.source.replace('-', '_')}"
        name, number = self.imports.fresh(first), 2
        while name in self.shared:
            name, number = self.imports.fresh(f"{first}_{number}"), number + 1
        self.shared.add(name)
        return name

    def is_plain(self, transfer: Transfer, name: str) -> bool:
        return name not in BY_KEY and self.program.boundaries.state_of(transfer, name) is None

    def restore(self, file: CacheFile, name: str, value: str) -> str:
        """The line that gives a name its value; the state of a definition waits until the definition stands."""
        if name in BY_KEY:
            return self.read(file, f"{self.module_of(BY_KEY[name].module)}.{BY_KEY[name].put.format(value)}")
        state = self.program.boundaries.state_of(file.transfer, name)
        if state is None:
            return self.read(file, f"{name} = {value}")
        key, each = self.imports.fresh("attribute"), self.imports.fresh("state")
        setter = self.imports.builtin("setattr")
        loop = f"for {key}, {each} in {value}.items():\n    {setter}({name}, {key}, {each})"
        self.states.append(self.read(file, loop))
        return ""

    def load_value(self, file: CacheFile) -> str:
        """The call that reads a file."""
        form = self.form(file, saved=False)
        source = self.imports.fresh("file") if form.opened else f'"{self.plan.here(file.path)}"'
        return form.load.format(module=self.imports.module(form.module, form.alias), file=source)

    def read(self, file: CacheFile, statement: str) -> str:
        """A statement with the call that reads a file, and around it what opens the file where the call needs that."""
        if not self.form(file, saved=False).opened or self.load_value(file) not in statement:
            return statement
        return self.within(file, "rb", statement)

    def within(self, file: CacheFile, mode: str, statement: str) -> str:
        """A statement that uses the open file."""
        opened = f'{self.imports.builtin("open")}("{self.plan.here(file.path)}", "{mode}")'
        return f"with {opened} as {self.imports.fresh('file')}:\n" + indent(self.fitted(statement, INDENT), INDENT)

    @cached_property
    def is_unread(self) -> bool:
        """Whether the notebook reads no `_`, which then may take what is not needed."""
        return not any("_" in s.reads or "_" in inner_free_names(s.node) for s in self.program.statements)

    def form(self, file: CacheFile, *, saved: bool) -> Format:
        """The format by whose lines this script saves or loads a file: plain pickles other libraries write and read too."""
        held = self.program.boundaries
        if file.format.name not in ("pickle", "cloudpickle"):
            return file.format
        if saved and file.format.name == "cloudpickle":
            return file.format._replace(module="cloudpickle")
        if not saved and held.holds_formula(file.transfer):
            return PANDAS  # a model looks for the names of its formula two calls up: one is that of pandas
        if self.has_pandas:
            # By a newer protocol an array comes back without memory of its own; generators take a copy.
            return PANDAS_ARRAYS if saved and "ndarray" in file.transfer.contents.parts else PANDAS
        # joblib writes an array anew for each place that holds it.
        return JOBLIB if self.has_joblib and (file.transfer.contents.are_plain or not saved) else file.format

    def module_of(self, name: str) -> str:
        return self.imports.module("numpy", "np") if name == "numpy" else self.imports.module(name)

    def saves(self) -> str:
        blocks: list[str] = []
        if self.plan.saves:
            # Which stages these are is said by dvc.yaml: a stage more must not change the script.
            folder = f"cache/{self.plan.name}"
            path = self.imports.member("pathlib", "Path")
            made = f'{path}("{self.plan.here(folder)}").mkdir(parents=True, exist_ok=True)'
            there = any(new.startswith(f"{folder}/") for new in self.plan.moved.values())
            saved = [self.fitted(self.save(file)) for file in self.in_order_of_making()]
            blocks.append("\n".join([*([] if there else [made]), *self.before_saves(), *saved]))
        return "\n".join(blocks)

    def in_order_of_making(self) -> list[CacheFile]:
        """The files that the stage saves: first what it was given, by name, then what it makes, as it makes it."""
        made = {name: place for place, name in enumerate(n for s in self.plan.data.statements for n in bound_by(s))}
        return sorted(self.plan.saves, key=lambda file: (max(made.get(n, -1) for n in file.transfer.names), file.path))

    def before_saves(self) -> list[str]:
        """Lines without which a library's values would not be saved whole."""
        lines: list[str] = []
        for root in sorted(self.planner.roots):
            for module, line in self.program.heap.known.before_saving(root).items():
                transfers = [file.transfer for file in self.plan.saves if file.transfer.names[0] not in BY_KEY]
                if any(t.untried or root in self.program.boundaries.libraries_of(t) for t in transfers):
                    package, _, last = module.rpartition(".")
                    name = self.imports.member(package, last)
                    lines.append(re.sub(rf"\b{last}\.", f"{name}.", line))
        return lines

    def save(self, file: CacheFile) -> str:
        transfer, path = file.transfer, self.plan.here(file.path)
        if transfer.optional:
            value = self.saved_by_name(transfer)
        elif len(transfer.names) == 1:
            value = self.saved_value(transfer, transfer.names[0])
        else:
            value = wrapped([self.saved_value(transfer, name) for name in transfer.names], self.imports.line_length)
            value = value if value.startswith("(\n") else f"({value})"
        if transfer.graded:
            value = self.saved_with_gradients(file)
        if file.format.keeper[0]:
            return f'{self.companion(*file.format.keeper)}({value}, "{path}")'
        if is_tried(file):
            dump = self.dump(file)
            return f'{self.companion(SAVING, "save_object")}({value}, "{path}"{f", {dump}" if dump else ""})'
        if keeps_nan(file):
            dump = self.companion(NANS, "dump_with_nan")
            return self.within(file, "wb", f"{dump}({value}, {self.imports.fresh('file')})")
        form = self.form(file, saved=True)
        module = self.imports.module(form.module, form.alias)
        if not form.opened:
            return form.save.format(module=module, value=value, file=f'"{path}"')
        made = self.imports.member("pathlib", "Path")  # by which the folder is made as well
        return f'{made}("{path}").write_bytes({form.save.format(module=module, value=value)})'

    @property
    def roots(self) -> set[str]:
        """The packages that the script imports."""
        return {name.partition(".")[0] for name in (*self.imports.header.modules, *self.imports.header.members)}

    @cached_property
    def has_pandas(self) -> bool:
        """Whether the script imports pandas anyway, or what imports it."""
        files = [*self.plan.loads, *self.plan.saves]
        return bool(self.roots & packages("pandas")) or any(file.format.module == "pandas" for file in files)

    @cached_property
    def has_joblib(self) -> bool:
        """Whether the script imports joblib anyway, or what needs it."""
        files = [*self.plan.loads, *self.plan.saves]
        return bool(self.roots & {"joblib", "sklearn"}) or any(file.format.module == "joblib" for file in files)

    def dump(self, file: CacheFile) -> str:
        """The function that writes a value to an open file, where `save_object` needs to be told."""
        transfer = file.transfer
        if "tensors" in transfer.contents.traits:
            return f"{self.imports.module('torch')}.save"
        if keeps_nan(file):
            return self.companion(NANS, "dump_with_nan")
        if file.format.name == "cloudpickle":
            return f"{self.imports.module('cloudpickle')}.dump"
        # Where nothing of it is defined in the notebook, a library's own function may be saved whole.
        is_plain = file.format.name != "pickle" or self.program.boundaries.holds_definitions(transfer)
        return f"{self.imports.module('pickle')}.dump" if is_plain else ""

    def companion(self, module: str, name: str) -> str:
        """A function of a module that scripts share."""
        return self.imports.member(self.plan.imported_as(module), name)

    def saved_by_name(self, transfer: Transfer) -> str:
        """A dict of those names of a file that are bound."""
        plain = [name for name in transfer.names if self.is_plain(transfer, name)]
        own = self.imports.builtin("globals")
        bound = f"{{k: v for k, v in {own}().items() if k in {quoted(plain)}}}"
        others = [f'"{n}": {self.saved_value(transfer, n)}' for n in transfer.names if n not in plain]
        return f"{{**{bound}, {', '.join(others)}}}" if others else bound

    def saved_value(self, transfer: Transfer, name: str) -> str:
        """What is written for a name: its value; of a definition, the state that it has gathered."""
        if name in BY_KEY:
            return f"{self.module_of(BY_KEY[name].module)}.{BY_KEY[name].get}"
        state = self.program.boundaries.state_of(transfer, name)
        if state is None:
            return name
        if isinstance(next(iter(self.program.boundaries.exits[transfer.stage][name].sites)).node, ast.ClassDef):
            attributes = self.imports.builtin("vars")
            return f"{{k: v for k, v in {attributes}({name}).items() if k in {tuple(state)!r}}}"
        defaults = f'"__defaults__": {name}.__defaults__, "__kwdefaults__": {name}.__kwdefaults__'
        return f"{{{defaults}, **{self.imports.builtin('vars')}({name})}}"


def bound_by(statement: Statement) -> list[str]:
    """The names that a statement binds, as they first stand in it."""
    stored = [n for n in walk(statement.node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    names = [node.id for node in sorted(stored, key=lambda node: (node.lineno, node.col_offset))]
    return sorted(statement.binds, key=lambda name: (names.index(name) if name in names else -1, name))


def unpacked(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The targets that take those names of a tuple that are wanted: `_` for any other, `*_` for the most in a row."""
    targets = [name if name in wanted else "_" for name in names]
    runs = [(len(list(group)), name) for name, group in groupby(targets)]
    longest = max((length for length, name in runs if name == "_"), default=0)
    if longest <= STARRED:
        return targets
    place = next(n for n in range(len(targets)) if targets[n : n + longest] == ["_"] * longest)
    return [*targets[:place], "*_", *targets[place + longest :]]


def fitted(line: str, length: int) -> str:
    """A statement of one line, broken in its last brackets where it is too long, as formatters break it."""
    node = ast.parse(line).body[0] if len(line) > length and "\n" not in line else None
    call = getattr(node, "value", None)
    if not isinstance(call, ast.Call) or not line.endswith(")") or not line.isascii():
        return line
    inner = [*call.args, *call.keywords]
    begin = line.index("(", call.func.end_col_offset or 0) + 1
    if not inner:
        return line
    if len(line[begin:-1]) <= length - 4:
        return f"{line[:begin]}\n    {line[begin:-1]}\n)"
    parts = [ast.get_source_segment(line, each) or "" for each in inner]
    return f"{line[:begin]}\n" + "".join(f"    {part},\n" for part in parts) + ")"


def quoted(names: Sequence[str]) -> str:
    """A tuple of strings, as it stands in a script."""
    return "(" + ", ".join(f'"{name}"' for name in names) + (",)" if len(names) == 1 else ")")


def wrapped(parts: Sequence[str], length: int) -> str:
    """The parts of a tuple, on one line or, in brackets, on as many as they need."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) > length:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{part},"
    if len(lines) == 1:
        return lines[0].removesuffix(",")
    return "(\n" + "".join(f"    {line}\n" for line in lines) + ")"
